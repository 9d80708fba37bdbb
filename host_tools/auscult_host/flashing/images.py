# SPDX-License-Identifier: Apache-2.0
"""MicroPython's official images: which one a board takes, fetched once, checked by its SHA-256.

    python -m auscult_host.flashing.images    # a maintainer's: fetches all, prints the [sha256] table for images.toml
"""

import contextlib
import fcntl
import http.client
import os
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from .. import boards, paths
from ..board_tables import FlashWay
from ..errors import AuscultError
from ..files import atomic, sha256

_SITE = "https://micropython.org/resources/firmware"
_TABLE = Path(__file__).with_name("images.toml")
_SUFFIX = {"esptool": ".bin", "dfu": ".dfu", "stlink": ".hex", "uf2": ".uf2", "bossac": ".bin"}
_BLOCK = 1 << 16
_OFFLINE = "check the network connection and run again: it goes on where it stopped; or fetch the image yourself, --file IMAGE"


class Image(NamedTuple):
    """trust: how its checksum is known: pinned, seen before, or seen for the first time."""

    path: Path
    sha256: str
    trust: str


def pinned() -> tuple[str, str, dict[str, str]]:
    """Version, date and known checksums."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return table["version"], table["date"], table.get("sha256", {})


def name(board: boards.RealBoard, way: FlashWay) -> str:
    """The official image's name, as micropython.org/download makes them."""
    version, date, _ = pinned()
    variant = f"-{board.micropython.variant}" if board.micropython.variant else ""
    return f"{board.micropython.board}{variant}-{date}-v{version}{_SUFFIX[way.method]}"


def url(image: str) -> str:
    """Where it is; $AUSCULT_IMAGES names a mirror."""
    return f"{os.environ.get('AUSCULT_IMAGES', _SITE).rstrip('/')}/{image}"


def folder() -> Path:
    return paths.cache() / "images"


def fetch(image: str, progress: Callable[[str], None]) -> Image:
    """The image in the cache, fetched if it is not there; AuscultError if its checksum is another than before.

    A checksum that is in the table counts; any other is noted when the image is fetched for the first time."""
    target, seen = folder() / image, folder() / f"{image}.sha256"
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target):
        if target.is_file():
            return _trusted(target, image, seen)
        part = folder() / f"{image}.part"
        _download(url(image), part, progress)
        try:
            found = _trusted(part, image, seen)
        except AuscultError:
            part.unlink()
            raise
        os.replace(part, target)
        if found.trust == "first":
            with atomic(seen) as fresh:
                fresh.write_text(found.sha256 + "\n")
        return found._replace(path=target)


def known(file: Path) -> str:
    """The trust of a file of the user's: pinned if the table has its checksum under its name, else given."""
    return "pinned" if pinned()[2].get(file.name) == sha256(file) else "given"


def drop(file: Path) -> None:
    """Forget an image that was fetched, and its checksum."""
    file.unlink()
    file.with_name(f"{file.name}.sha256").unlink(missing_ok=True)


def _trusted(file: Path, image: str, seen: Path) -> Image:
    found, table = sha256(file), pinned()[2]
    before = seen.read_text().strip() if seen.is_file() else ""
    expected = table.get(image) or before
    if expected and found != expected:
        raise AuscultError(f"{image} has SHA-256 {found}", f"{expected}, " + ("as pinned" if image in table else "as before"),
                           f"do not flash it; if micropython.org says that it was replaced, delete {seen} and {file}")
    return Image(file, found, "pinned" if image in table else "before" if before else "first")


def _download(source: str, part: Path, progress: Callable[[str], None]) -> None:
    """Into `part`, going on where an earlier attempt stopped."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(source, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            have = have if answer.status == 206 else 0
            length = answer.headers.get("Content-Length")
            size = have + int(length) if length else None
            with part.open("ab" if have else "wb") as out:
                while block := answer.read(_BLOCK):
                    out.write(block)
                    have += len(block)
                    progress(f"fetching {part.stem}: {have >> 10} KiB" + (f" of {size >> 10}" if size else ""))
        if size is not None and have != size:
            raise AuscultError(f"{source}: the connection ended after {have} of {size} bytes", "the whole image", _OFFLINE)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to fetch: the part does not belong to this file
            part.unlink()
            raise AuscultError(f"{source}: what was fetched before does not fit", "one image", "run the command again") from error
        raise AuscultError(f"{source}: the server says {error.code} {error.reason}", "the image",
                           "look at https://micropython.org/download for the board's image, then --file IMAGE") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        raise AuscultError(f"{source} cannot be fetched: {getattr(error, 'reason', error)}", "a connection to it",
                           _OFFLINE) from error


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Prints the table of checksums; what is already pinned must not have changed."""
    wanted = {name(board, way) for board in map(boards.load_real, boards.real()) for way in board.flash}
    for image in sorted(wanted):
        try:
            print(f'"{image}" = "{fetch(image, lambda text: None).sha256}"')
        except AuscultError as error:
            print(f"# {image}: {error.found}")


if __name__ == "__main__":
    main()
