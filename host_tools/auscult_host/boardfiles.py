# SPDX-License-Identifier: Apache-2.0
"""Files on a board, one at a time: each arrives whole and verified, or the old one stays as it was."""

import base64
import errno
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import checked
from .devices import Device
from .errors import AuscultError
from .transport import BoardError

_CHUNK = 1024  # bytes in one program, or in one answer
_TEMPORARY = ".part"
_SLOW_S = 60.0  # to list or hash a whole file system

# Names, bytes, whether it is a folder; of a folder the bytes of all that is in it
_LIST = """
import os
def look(path):
    s = os.stat(path)
    if not s[0] & 0x4000:
        return [[path, s[6], False]]
    inner = []
    for name in os.listdir(path):
        inner += look(path.rstrip('/') + '/' + name)
    return [[path, sum([e[1] for e in inner if not e[2]]), True]] + inner
answer = []
for name in os.listdir(PATH):
    answer += look((PATH.rstrip('/') + '/' if PATH else '') + name)
"""
_ABOUT = """
import os, sys
record = None
for name in ('auscult_slots', 'auscult_slots_new', 'auscult.slots'):
    try:
        record = __import__(name, None, None, ('load',)).load()
        break
    except ImportError:
        pass
s = os.statvfs(os.getcwd())
answer = {'record': record, 'home': os.getcwd(), 'block': s[0], 'free': s[0] * s[3], 'total': s[0] * s[2]}
"""
_HASH = """
import hashlib, os
from binascii import hexlify
h = hashlib.sha256()
with open(PATH, 'rb') as f:
    while True:
        b = f.read(512)
        if not b:
            break
        h.update(b)
answer = [os.stat(PATH)[6], hexlify(h.digest()).decode()]
"""
_READ = """
from binascii import b2a_base64
with open(PATH, 'rb') as f:
    f.seek(AT)
    answer = b2a_base64(f.read(COUNT)).decode()
"""
_WRITE = """
from binascii import a2b_base64
with open(PATH, 'r+b' if AT else 'wb') as f:
    f.seek(AT)
    answer = f.write(a2b_base64(DATA))
"""
_FOLDERS = """
import os
at = PATH.find('/', 1)
while at > 0:
    try:
        os.mkdir(PATH[:at])
    except OSError:
        pass
    at = PATH.find('/', at + 1)
answer = True
"""
# FAT replaces nothing: there the old one goes first. Asked a second time, it has been done already.
_RENAME = """
import os
try:
    os.stat(OLD)
    try:
        os.rename(OLD, PATH)
    except OSError:
        os.remove(PATH)
        os.rename(OLD, PATH)
except OSError:
    os.stat(PATH)
answer = True
"""
_REMOVE = """
import os
def remove(path):
    try:
        s = os.stat(path)
    except OSError:
        return
    if s[0] & 0x4000:
        for name in os.listdir(path):
            remove(path.rstrip('/') + '/' + name)
        os.rmdir(path)
    else:
        os.remove(path)
remove(PATH)
answer = True
"""


@dataclass(frozen=True)
class Entry:
    """path: as the board has it; size: bytes, of a folder all that is in it; role: what `auscult deploy` uses it for, "" for
    what is the user's."""

    path: str
    size: int
    is_folder: bool
    role: str = ""


class Files:
    """The files of a connected board; a program that runs there is interrupted. Paths: relative to the board's root, or
    from it on ("/lib/x.py", ":lib/x.py" and "lib/x.py" are the same)."""

    def __init__(self, board: Device) -> None:
        self._board = board
        about = checked.ask(board.console, _ABOUT, _SLOW_S)
        self.record: dict[str, Any] | None = about["record"] if about["record"] and about["record"]["seq"] else None
        self.free, self.total, self.block = int(about["free"]), int(about["total"]), int(about["block"])
        self._home = str(about["home"]).rstrip("/") + "/"

    def path(self, given: str) -> str:
        """A path without the board's root before it."""
        path = given.removeprefix(":")
        return path.removeprefix(self._home).strip("/")

    def role(self, path: str) -> str:
        """What a file or folder is to the node that was deployed."""
        record, top = self.record, path.partition("/")[0]
        if record is None:
            return ""
        if top in ("main.py", "auscult_slots.py", "slots.0", "slots.1"):
            return "start"
        if top in (record["app"], record["model"]):
            return "active"
        trial = record["trial"] or {}
        return "on trial" if top and top in (trial.get("app"), trial.get("model")) else ""

    def entries(self, folder: str = "") -> list[Entry]:
        """A folder with all that is in it, sorted."""
        path = self.path(folder)
        found = self._ask("list", path, _LIST, PATH=path)
        return sorted((Entry(name, size, is_folder, self.role(name)) for name, size, is_folder in found), key=lambda e: e.path)

    def digest(self, path: str) -> tuple[int, str]:
        """(bytes, SHA-256) of a file."""
        size, digest = self._ask("read", path, _HASH, PATH=self.path(path))
        return int(size), str(digest)

    def get(self, path: str, progress: Callable[[int], None] = lambda n: None) -> bytes:
        """A file's content, verified."""
        size, digest = self.digest(path)
        data = b""
        while len(data) < size:
            piece = base64.b64decode(self._ask("read", path, _READ, PATH=self.path(path), AT=len(data), COUNT=_CHUNK))
            if not piece:
                break
            data += piece
            progress(len(piece))
        if hashlib.sha256(data).hexdigest() != digest:
            raise AuscultError(f"{path} changed while it was read, or arrived damaged", "the file as it is on the board",
                               "run the same command again")
        return data

    def put(self, path: str, data: bytes, force: bool = False, progress: Callable[[int], None] = lambda n: None) -> bool:
        """Writes a file beside the old one, verifies it and puts it in its place; False if it was there already."""
        path = self.path(path)
        self._check(path, force)
        try:
            if self.digest(path) == (len(data), hashlib.sha256(data).hexdigest()):
                return False
        except AuscultError:
            pass  # there is none
        if len(data) + 2 * self.block > self.free:
            raise AuscultError(f"{path} has {len(data):,} bytes, {self._board.name} has {self.free:,} free",
                               "room for it beside the old one", "remove something with `auscult files rm`")
        part = path + _TEMPORARY
        self._ask("make the folder of", path, _FOLDERS, PATH=path)
        try:
            for at in range(0, len(data) or 1, _CHUNK):
                piece = data[at:at + _CHUNK]
                self._ask("write", path, _WRITE, PATH=part, AT=at, DATA=base64.b64encode(piece).decode())
                progress(len(piece))
            if self.digest(part) != (len(data), hashlib.sha256(data).hexdigest()):
                raise AuscultError(f"{path} is not on the board's flash as it was sent", "the same SHA-256",
                                   "run the same command again; if it stays so, the flash may be worn")
        except AuscultError:
            self._ask("remove", part, _REMOVE, PATH=part)
            raise
        self._ask("write", path, _RENAME, PATH=path, OLD=part)
        self.free -= len(data)
        return True

    def remove(self, given: str, recursive: bool = False, force: bool = False) -> list[str]:
        """Removes a file, or with `recursive` a folder; returns what is gone."""
        path = self.path(given)
        if not path:
            raise AuscultError("the whole file system", "a file or a folder", "`auscult flash --erase` erases a board")
        self._check(path, force)
        above = path.rpartition("/")[0]
        found = [e for e in self.entries(above) if e.path == path or e.path.startswith(path + "/")]
        if not found:
            raise _missing(path, self._board.name)
        if any(e.is_folder for e in found) and not recursive:
            raise AuscultError(f"{path} is a folder with {sum(not e.is_folder for e in found)} files", "a file",
                               "give --recursive to remove all of it")
        self._ask("remove", path, _REMOVE, PATH=path)
        return [e.path for e in found if not e.is_folder]

    def _check(self, path: str, force: bool) -> None:
        role = self.role(path)
        if role and not force:
            raise AuscultError(f"{path} belongs to the node that was deployed ({role})", "a file of your own",
                               "`auscult deploy` changes the node safely; --force changes the file all the same")

    def _ask(self, what: str, path: str, code: str, **values: Any) -> Any:
        """A program's answer; values: the names in capital letters."""
        head = "".join(f"{name} = {value!r}\n" for name, value in values.items())
        try:
            return checked.ask(self._board.console, head + code, _SLOW_S)
        except BoardError as error:
            raise _words(error, what, path, self._board.name) from error


def _missing(path: str, board: str) -> AuscultError:
    return AuscultError(f"there is no {path} on {board}", "a file that is there", "`auscult files ls` lists them")


def _words(error: BoardError, what: str, path: str, board: str) -> AuscultError:
    """What the board's exception means."""
    last = error.traceback.strip().splitlines()[-1]
    found = re.search(r"OSError: (?:\[Errno )?(\d+)", last)
    number = int(found[1]) if found else 0
    if number == errno.ENOENT:
        return _missing(path or "root", board)
    if number == errno.ENOSPC:
        return AuscultError(f"the file system of {board} is full", "room for the file",
                            "remove something with `auscult files rm`; the old file is as it was")
    if number == errno.EROFS:
        return AuscultError(f"the file system of {board} cannot be written", "one that MicroPython may write",
                            "CircuitPython lets either the PC or the program write: eject the drive, or copy the file to it")
    return AuscultError(f"{board} could not {what} {path}: {last}", "a file system in order", "reset the board and try again")
