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


class Pipes:
    """The carrier to a receiver. Once the link's messages are used up it is dead, and so is the board."""

    def __init__(self, link: "UnixLink", slot: str | None) -> None:
        self._link = link
        self._decoders = [device.module("frames").Decoder(4096) for _ in range(2)]
        code = f"import auscult_slots as s\ns.receive({slot or ''!r})"
        environment = {**os.environ, "MICROPYPATH": f".:{toolchain.micropython_dir() / 'extmod'}"}
        self._process = subprocess.Popen([str(toolchain.unix_micropython()), "-X", "heapsize=256k", "-c", code], cwd=link.folder,
                                         env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

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


@dataclass
class UnixLink:
    """folder: the board's files. cut_after: messages, of both directions, that get through; None: all. passed: so far."""

    folder: Path
    cut_after: int | None = None
    passed: int = 0
    carried: int = 0
    _open: list[Pipes] = field(default_factory=list)

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
