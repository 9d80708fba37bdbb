# SPDX-License-Identifier: Apache-2.0
"""UF2: a file that is copied to a boot loader's drive. Format: https://github.com/microsoft/uf2."""

import os
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from .. import boards
from ..board_tables import Uf2
from ..errors import AuscultError

SUFFIXES = (".uf2",)
KEEPS = "your files on the board stay; only what lies in the image is written"
_BLOCK = struct.Struct("<8I476sI")
_MAGIC, _END = (0x0A324655, 0x9E5D5157), 0x0AB16F30
_NOT_FLASH, _HAS_FAMILY = 0x1, 0x2000
RESTART_S = 15.0


class Volume(NamedTuple):
    """A boot loader's drive. board_id: as it says in INFO_UF2.TXT."""

    path: Path
    board_id: str


def check(image: Path, board: boards.RealBoard, way: Uf2) -> bytes:
    """What is in a whole image for this chip; AuscultError for another."""
    data = image.read_bytes()
    if not data or len(data) % _BLOCK.size:
        raise AuscultError(f"{image} has {len(data)} bytes", "blocks of 512 bytes", "it is cut short or no UF2: fetch it again")
    total = len(data) // _BLOCK.size
    content = []
    for number, block in enumerate(_BLOCK.iter_unpack(data)):
        first, second, flags, _, size, index, count, family, payload, end = block
        if (first, second) != _MAGIC or end != _END or size > len(payload):
            raise AuscultError(f"block {number} of {image} is no UF2", "an image for a UF2 boot loader", "fetch it again")
        if not flags & _HAS_FAMILY or family != way.family:
            raise AuscultError(f"{image} is for the family {family if flags & _HAS_FAMILY else 0:#010x}",
                               f"{way.family:#010x}, {board.mcu}", f"take the image of {board.name}")
        if (index, count) != (number, total):
            raise AuscultError(f"block {number} of {total} of {image} calls itself {index} of {count}", "all blocks in order",
                               "it is cut short or put together wrongly: fetch it again")
        if not flags & _NOT_FLASH:
            content.append(payload[:size])
    return b"".join(content)


def volumes(roots: list[Path] | None = None) -> list[Volume]:
    """Drives of boot loaders that are mounted. roots: where to look instead of all mount points."""
    found = []
    for path in mounted() if roots is None else roots:
        try:
            lines = (path / "INFO_UF2.TXT").read_text(errors="replace").splitlines()
        except OSError:
            continue
        said = dict(line.split(":", 1) for line in lines if ":" in line)
        found.append(Volume(path, said.get("Board-ID", "").strip()))
    return sorted(found)


def mounted() -> list[Path]:
    mounts = Path("/proc/mounts")
    if mounts.is_file():
        lines = mounts.read_text(errors="replace").splitlines()
        rows = [line.split() for line in lines]
        return [Path(row[1].replace("\\040", " ")) for row in rows if len(row) > 2 and row[2] in ("vfat", "msdos", "fuseblk")]
    return [path for path in Path("/Volumes").glob("*") if path.is_dir()]


def find(board: boards.RealBoard, way: Uf2, device: str | None) -> str:
    """The drive to copy to: the only one of such a board, or the folder that `device` names."""
    seen = volumes([Path(device)] if device and Path(device).is_dir() else None)
    fitting = [volume for volume in seen if volume.board_id.startswith(way.board_id)]
    if len(fitting) == 1:
        return str(fitting[0].path)
    if fitting:
        raise AuscultError("several drives: " + ", ".join(str(volume.path) for volume in fitting), "one of them",
                           f"for example --device {fitting[0].path}")
    others = f", but {', '.join(f'{v.path} is {v.board_id}' for v in seen)}" if seen else ""
    raise AuscultError(f"no drive {way.volume} of {board.name} is mounted{others}", "the board in its boot loader",
                       f"{way.enter}; then open the drive in the file manager if it is not mounted by itself")


def commands(image: Path, board: boards.RealBoard, way: Uf2, target: str, erase: bool) -> list[list[str]]:
    """What is done, as one would type it."""
    return [["cp", str(image), target]]


def write(image: Path, board: boards.RealBoard, way: Uf2, target: str, erase: bool,
          progress: Callable[[str], None]) -> str:
    """Copies the image; the boot loader writes as it reads, and restarts after the last block. Returns how it was verified."""
    if erase:
        raise AuscultError("a UF2 boot loader cannot erase the board's files", "no --erase for this board",
                           "delete them with `auscult files`, or copy the maker's eraser to the drive first "
                           "(Raspberry Pi: flash_nuke.uf2, with --file)")
    folder = Path(target)
    progress(f"copying to {folder}")
    try:
        with image.open("rb") as source, (folder / image.name).open("wb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
    except OSError as error:
        if (folder / "INFO_UF2.TXT").exists():  # else it has restarted before the last reply
            raise AuscultError(f"copying to {folder} failed: {error.strerror or error}", "a drive that takes the image",
                               "plug the board in again and run the command again") from error
    deadline = time.monotonic() + RESTART_S
    while (folder / "INFO_UF2.TXT").exists():
        if time.monotonic() > deadline:
            raise AuscultError(f"{folder} is still there: the boot loader did not take the image", "a restart of the board",
                               "check that the image is for this board, plug it in again and repeat")
        time.sleep(0.05)
    return "the boot loader took all blocks and restarted"
