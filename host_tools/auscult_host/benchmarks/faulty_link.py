# SPDX-License-Identifier: Apache-2.0
"""A bad cable: a terminal between a simulated board's console and its user, which loses, doubles, changes and delays bytes.

What happens to the n-th byte of a direction depends on the seed alone, not on how the bytes come in pieces.
"""

import contextlib
import os
import random
import select
import tempfile
import termios
import threading
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_KINDS = ("drop", "duplicate", "corrupt", "delay")


@dataclass(frozen=True)
class Faults:
    """Probabilities per byte of each direction; a delay lasts delay_s. cut_after: so many bytes of both directions pass,
    then none for cut_s seconds (lost, not kept), or, with unplug, until the end: the port goes away."""

    drop: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    delay: float = 0.0
    delay_s: float = 0.05
    cut_after: int | None = None
    cut_s: float = 1.0
    unplug: bool = False


class _Direction:
    """One direction's bytes in, what arrives of them out."""

    def __init__(self, faults: Faults, seed: str) -> None:
        self._random = random.Random(seed)
        self._faults = faults
        self._weights = [faults.drop, faults.duplicate, faults.corrupt, faults.delay]
        self._total = sum(self._weights)
        self._left = self._gap()
        self.count = 0

    def _gap(self) -> float:
        """Bytes until the next fault."""
        return self._random.expovariate(self._total) if self._total else float("inf")

    def carry(self, data: bytes) -> tuple[bytes, float]:
        """(what arrives, seconds that it takes longer)"""
        self.count += len(data)
        out, delay = bytearray(), 0.0
        for byte in data:
            self._left -= 1
            if self._left > 0:
                out.append(byte)
                continue
            self._left = self._gap()
            kind = self._random.choices(_KINDS, self._weights)[0]
            if kind == "delay":
                delay += self._faults.delay_s
            elif kind == "corrupt":
                byte ^= self._random.randint(1, 255)
            if kind != "drop":
                out.append(byte)
            if kind == "duplicate":
                out.append(byte)
        return bytes(out), delay


class FaultyLink:
    """Carries bytes between `target`, a port, and `port`, a name of its own, while its block lasts.

    alter(to the board?, bytes) -> what becomes of them, besides. on_cut() is called at the byte of cut_after. sent, received:
    bytes that the user, that the board sent, lost ones included."""

    def __init__(self, target: str, faults: Faults | None = None, seed: int = 0,
                 alter: Callable[[bool, bytes], bytes] | None = None, on_cut: Callable[[], object] = lambda: None) -> None:
        self._target_name, self._faults, self._alter, self._on_cut = target, faults or Faults(), alter, on_cut
        self._to_board = _Direction(self._faults, f"{seed} to the board")
        self._to_user = _Direction(self._faults, f"{seed} to the user")
        self._waiting = {self._to_board: b"", self._to_user: b""}
        self._folder = tempfile.TemporaryDirectory(prefix="auscult-link-")
        self._plugs = 0
        self._lock = threading.RLock()
        self._cut_until = 0.0
        self._left: float = float("inf") if self._faults.cut_after is None else self._faults.cut_after
        self._master = self._slave = -1
        self.port = ""

    @property
    def sent(self) -> int:
        return self._to_board.count

    @property
    def received(self) -> int:
        return self._to_user.count

    def __enter__(self) -> "FaultyLink":
        self._target = os.open(self._target_name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self._target)
        termios.tcflush(self._target, termios.TCIFLUSH)  # what the board said before is not of this cable
        self._stop_read, self._stop_write = os.pipe()
        self.plug()
        self._thread = threading.Thread(target=self._pump, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        os.write(self._stop_write, b"x")
        self._thread.join()
        self.unplug()
        for descriptor in (self._target, self._stop_read, self._stop_write):
            os.close(descriptor)
        self._folder.cleanup()

    def plug(self, same_name: bool = True) -> str:
        """The cable is put in (again): returns the port, which may have another name than before."""
        with self._lock:
            if self._master < 0:
                self._plugs += not (same_name and self._plugs)
                self._master, self._slave = os.openpty()
                tty.setraw(self._slave)
                os.set_blocking(self._master, False)
                path = Path(self._folder.name) / f"ttyACM{self._plugs - 1}"
                path.unlink(missing_ok=True)
                path.symlink_to(os.ttyname(self._slave))
                self.port = str(path)
        return self.port

    def unplug(self) -> None:
        """The port goes away under whoever has it open."""
        with self._lock:
            if self._master >= 0:
                os.close(self._master)
                os.close(self._slave)
                Path(self.port).unlink(missing_ok=True)
                self._master = self._slave = -1
                self._waiting[self._to_user] = b""

    def cut(self, seconds: float) -> None:
        """The port stays, and nothing passes for a while."""
        self._cut_until = time.monotonic() + seconds

    def _pump(self) -> None:
        while True:
            with self._lock:
                master = self._master
            ends = {self._target: self._to_user, master: self._to_board}
            ends.pop(-1, None)
            full = [end for end in ends if self._waiting[ends[end]]]  # what was said has yet to go out at the other end
            writable = [end for end in (self._target, master) if end >= 0 and self._waiting[self._to(end)]]
            try:
                ready, can_write, _ = select.select([self._stop_read, *(set(ends) - set(full))], writable, [], 0.05)
            except OSError:  # unplugged in between
                continue
            if self._stop_read in ready:
                return
            with self._lock:
                for end in (self._target, self._master):
                    with contextlib.suppress(OSError):  # nobody at that end
                        if end in ready:
                            self._carry(os.read(end, 1024), ends[end])
                    with contextlib.suppress(OSError):
                        if end in can_write:
                            direction = self._to(end)
                            self._waiting[direction] = self._waiting[direction][os.write(end, self._waiting[direction]):]

    def _to(self, end: int) -> _Direction:
        return self._to_board if end == self._target else self._to_user

    def _carry(self, data: bytes, direction: _Direction) -> None:
        if self._alter:
            data = self._alter(direction is self._to_board, data)
        passing = data[:int(min(self._left, len(data)))] if time.monotonic() >= self._cut_until else b""
        arrived, delay = direction.carry(passing)
        direction.count += len(data) - len(passing)
        self._waiting[direction] += arrived
        self._left -= len(passing)
        if self._left <= 0:
            self._left = float("inf")
            self._on_cut()
            if self._faults.unplug:
                self.unplug()
            else:
                self.cut(self._faults.cut_s)
        if delay:
            time.sleep(delay)
