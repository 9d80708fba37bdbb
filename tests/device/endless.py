# SPDX-License-Identifier: Apache-2.0
"""For tests of the node without a compiled pipeline: a machine that never stops, and something that counts windows."""

import numpy as np

from device.listener import signal


class Machine:
    """A stream without end for Recording: int16 x, y, z of a machine whose axes always move."""

    def __init__(self, words: np.ndarray | None = None) -> None:
        self._words = (signal(20000) if words is None else words).tobytes()
        self._at = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        return 6 * 10**8 if whence == 2 else 0

    def readinto(self, buf: memoryview) -> int:
        n = len(buf)
        part = self._words[self._at : self._at + n]
        if len(part) < n:
            part += self._words[: n - len(part)]
        buf[:] = part
        self._at = (self._at + n) % len(self._words)
        return n


class Windows:
    """Takes a pipeline's place: counts windows, says "rattle" for each, marks those that reach over a gap."""

    axes, classes, has_score, index = ["x", "y", "z"], ["normal", "rattle"], False, 1

    def __init__(self, rate_hz: float, full_scale: float, window: int = 64, hop: int = 32) -> None:
        self.info = {"rate_hz": rate_hz, "full_scale": full_scale, "window": window, "rate_tolerance": 0.05}
        self._size, self._hop, self._at, self._gap = window, hop, 0, -10**9
        self.window, self.marked, self.novel = -1, False, False

    def mark(self) -> None:
        self._gap = self._at

    def push(self, block: memoryview, on_verdict) -> None:
        self._at += len(block) // 6
        while self._at >= (self.window + 1) * self._hop + self._size:
            self.window += 1
            self.marked = self.window * self._hop < self._gap
            on_verdict(self)

    def proba(self, i: int) -> int:
        return 32768 * (i == self.index)
