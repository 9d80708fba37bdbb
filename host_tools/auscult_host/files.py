# SPDX-License-Identifier: Apache-2.0
"""Write files so that nothing half-written is ever left behind; and what tells files apart."""

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import AuscultError


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes the final name only if the block ends well.

    Raises AuscultError when the disk is full, the folder is read-only or `path` is a folder.
    """
    path = Path(path)
    part: Path | None = None
    try:
        if path.is_dir():
            raise AuscultError(f"{path} is a folder", "a file name", "choose another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        # The last suffix is kept: some writers choose the format by it.
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=f".part{path.suffix}", dir=path.parent)
        os.close(handle)
        part = Path(name)
        umask = os.umask(0)
        os.umask(umask)
        part.chmod(0o666 & ~umask)  # mkstemp makes it private
        yield part
        os.replace(part, path)
        part = None
    except OSError as error:
        raise _explain(error, path) from error
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink()


@contextlib.contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder`; it takes its place, whatever was there, only if the block ends well.

    Raises AuscultError when the disk is full, the folder above is read-only or `folder` is a file.
    """
    folder = Path(folder).resolve()  # a link stays a link
    part: Path | None = None
    try:
        if folder.exists() and not folder.is_dir():
            raise AuscultError(f"{folder} is a file", "a folder, or a name that is not taken", "choose another name")
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        yield part
        part.chmod(0o755)  # mkdtemp makes it private
        _take_place(part, folder)
        part = None
    except OSError as error:
        raise _explain(error, folder) from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _take_place(part: Path, folder: Path) -> None:
    """Put `part` where `folder` is. The old one is deleted last: whatever fails before, it is there."""
    old = part.with_name(part.name + ".old")
    if not folder.exists():
        os.replace(part, folder)
        return
    os.replace(folder, old)
    try:
        os.replace(part, folder)
    except BaseException:
        os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _explain(error: OSError, path: Path) -> AuscultError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return AuscultError(f"no space left on the disk for {path}", "free space for the file",
                            "free some space or choose another folder, then run the command again")
    return AuscultError(f"{path} cannot be written: {error.strerror or error}", "a folder that can be written to",
                        "check the path and its permissions")


def sha256(file: Path) -> str:
    """Of what is in a file, as 64 hex digits; read in pieces."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
