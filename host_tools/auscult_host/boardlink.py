# SPDX-License-Identifier: Apache-2.0
"""The receiver on a board, reached over its console; a board that has none gets it first, in small checked pieces."""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import checked, paths
from .errors import AuscultError
from .session import PROTOCOL, LinkLost, Session
from .transport import BoardError, Console

_BOOTSTRAP = ("auscult/__init__.mpy", "auscult/frames.mpy", "auscult/receiver.mpy")
_PIECE = 384
# The selector of this version may not be in its place yet
_START = "exec((lambda s:s if __import__('binascii').crc32(s)==%d else b'')(%s))"
_FIND = """try:
 import auscult_slots as s
except ImportError:
 from auscult import slots as s
"""
_NEW = "import auscult_slots_new as s\n"
# Whether the package that counts has a receiver: its protocol, or 0
_HAS = "try:\n" + "".join(f" {line}\n" for line in _FIND.splitlines()) + """
 s.activate()
 from auscult import receiver
 answer = receiver.PROTOCOL
except Exception:
 answer = 0
"""
_PUT = """
import os
from binascii import a2b_base64
path, at = %r, %d
for i in range(len(path)):
    if path[i] == '/':
        try:
            os.mkdir(path[:i])
        except OSError:
            pass
with open(path, 'r+b' if at else 'wb') as file:
    file.seek(at)
    file.write(a2b_base64(%r))
    answer = file.tell()
"""
_HASHES = """
from binascii import hexlify
from hashlib import sha256
answer = {}
for path in %r:
    try:
        with open(path, 'rb') as file:
            answer[path] = hexlify(sha256(file.read()).digest()).decode()
    except OSError:
        pass
"""
_FREE_SLOT = _NEW + """
record = s.load()
if record['trial']:
    s.back(record, 'another one took its place')
answer = s.other(record['app'] or 'app_b')
"""


def selector() -> bytes:
    """firmware/auscult/slots.py as it lies in the board's root."""
    return (paths.assets() / "firmware" / "auscult" / "slots.py").read_bytes()


@dataclass
class BoardLink:
    """console: of the board; package: called with what a bare board says of itself, before anything is written to it; returns
    {name: bytes} of what goes to the app slot, of which such a board gets the receiver first."""

    console: Console
    package: Callable[[dict[str, Any]], dict[str, bytes]]
    overheard: int = 0  # bytes that the node sent until it was stopped
    _bare: str = ""  # the slot that got a receiver

    def open(self, slot: str | None = None) -> Session:
        """A fresh interpreter that runs the receiver: that of a slot, else of the package that counts, else a new one."""
        if slot is None and not self._bare:
            try:
                return self._start(_FIND)
            except LinkLost:
                if checked.ask(self.console, _HAS) == PROTOCOL:
                    raise
            self._bare = self._bootstrap()
        return self._start(_NEW if self._bare else _FIND, slot or self._bare)

    def _start(self, find: str, slot: str = "") -> Session:
        before = self.console.received
        self.console.prompt()
        self.overheard += self.console.received - before
        self.console.soft_reset()  # the heap, and what was imported, are as at a start
        code = (find + f"s.receive({slot!r})").encode()
        self.console.start(_START % (binascii.crc32(code), code))
        session = Session(self.console)
        if session.greet().get("protocol") != PROTOCOL:
            session.quit()
            raise LinkLost("its receiver is of another version")
        return session

    def _bootstrap(self) -> str:
        """Puts the receiver into the free app slot; its name."""
        package = self.package(checked.ask(self.console, _ABOUT))
        self._put_all({"auscult_slots_new.py": selector()})
        slot = str(checked.ask(self.console, _FREE_SLOT))
        self._put_all({f"{slot}/{name}": package[name] for name in _BOOTSTRAP})
        return slot

    def _put_all(self, files: dict[str, bytes]) -> None:
        there = checked.ask(self.console, _HASHES % (list(files),))
        for path, data in files.items():
            if there.get(path) != hashlib.sha256(data).hexdigest():
                self._put(path, data)

    def _put(self, path: str, data: bytes) -> None:
        for at in range(0, len(data), _PIECE):
            piece = data[at:at + _PIECE]
            try:
                end = checked.ask(self.console, _PUT % (path, at, base64.b64encode(piece).decode()))
            except BoardError as error:
                raise AuscultError(f"the board could not take {path}: {error.found.splitlines()[0]}",
                                   "a file system with free space", "`auscult files` shows what lies there") from error
            if end != at + len(piece):
                raise LinkLost(f"{path} did not arrive")


# Also what a board must have; no change is made before
_ABOUT = """
import os, sys
i = sys.implementation
d = os.statvfs(os.getcwd())
answer = {'implementation': i.name, 'version': i.version[:3], 'mpy': getattr(i, '_mpy', 0), 'free': d[0] * d[3],
          'block': d[0], 'machine': getattr(i, '_machine', ''), 'build': getattr(i, '_build', ''), 'lacks': [], 'main': ''}
for name in ('hashlib', 'binascii', 'select', 'json', 'asyncio'):
    try:
        m = __import__(name)
        if name == 'hashlib':
            m.sha256
        if name == 'binascii':
            m.crc32
    except (ImportError, AttributeError):
        answer['lacks'].append(name)
try:
    import binascii, hashlib
    with open('main.py', 'rb') as file:
        answer['main'] = binascii.hexlify(hashlib.sha256(file.read()).digest()).decode()
except (OSError, ImportError, AttributeError):
    pass
"""
