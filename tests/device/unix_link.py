# SPDX-License-Identifier: Apache-2.0
"""A board for tests of deployments: a folder as its file system, MicroPython's unix port as its interpreter, pipes as its
line; and a cut after so many messages."""

import os
import select
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from auscult_host import device, toolchain
from auscult_host.session import LinkLost, Session

# A file system of MicroPython's own on a file of this computer, instead of this computer's files
_MOUNT = """
import os, vfs
class Disk:
    def __init__(self, path):
        self.file = open(path, 'r+b')
    def readblocks(self, block, buf, offset=0):
        self.file.seek(block * 512 + offset)
        self.file.readinto(buf)
    def writeblocks(self, block, buf, offset=0):
        self.file.seek(block * 512 + offset)
        self.file.write(buf)
        self.file.flush()
    def ioctl(self, op, arg):
        return {4: self.file.seek(0, 2) // 512, 5: 512}.get(op, 0)
disk = Disk('disk.img')
FS = vfs.%s
try:
    vfs.mount(FS(disk), '/board')
except OSError:
    FS.mkfs(disk)
    vfs.mount(FS(disk), '/board')
os.chdir('/board')
"""


class Pipes:
    """The carrier to a receiver. Once the link's messages are used up it is dead, and so is the board."""

    def __init__(self, link: "UnixLink", slot: str | None) -> None:
        self._link = link
        self._decoders = [device.module("frames").Decoder(4096) for _ in range(2)]
        code = link.mount + f"import auscult_slots as s\ns.receive({slot or ''!r})"
        self._process = subprocess.Popen(interpreter(code), cwd=link.folder, env=link.environment, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)

    def read(self) -> bytes:
        out = self._process.stdout
        assert out is not None
        ready, _, _ = select.select([out], [], [], 0.2)
        data = os.read(out.fileno(), 4096) if ready else b""
        if ready and not data:
            raise LinkLost("the receiver has ended")
        self._count(0, data)
        return data

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._count(1, data)
        self._link.carried += len(data)
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise LinkLost("the receiver has ended") from error

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _count(self, way: int, data: bytes) -> None:
        """Dies before a message that goes beyond the number that may pass gets through."""
        self._link.passed += len(self._decoders[way].feed(data))
        if self._link.cut_after is not None and self._link.passed > self._link.cut_after:
            self.close()
            raise LinkLost("the cable was cut")


def interpreter(code: str) -> list[str]:
    return [str(toolchain.unix_micropython()), "-X", "heapsize=256k", "-c", code]


@dataclass
class UnixLink:
    """folder: the board's files, or where they lie in disk.img as file_system ("VfsFat", "VfsLfs2"). cut_after: messages, of
    both directions, that get through; None: all. passed: so far."""

    folder: Path
    file_system: str = ""
    cut_after: int | None = None
    passed: int = 0
    carried: int = 0
    _open: list[Pipes] = field(default_factory=list)

    @property
    def mount(self) -> str:
        return _MOUNT % self.file_system if self.file_system else ""

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MICROPYPATH": f".:{toolchain.micropython_dir() / 'extmod'}"}

    def run(self, code: str) -> str:
        """What a program on the board prints."""
        done = subprocess.run(interpreter(self.mount + code), cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def open(self, slot: str | None = None) -> Session:
        self.close()
        self._open.append(Pipes(self, slot))
        session = Session(self._open[-1])
        session.greet()
        return session

    def close(self) -> None:
        for carrier in self._open:
            carrier.close()
        self._open.clear()
