# SPDX-License-Identifier: Apache-2.0
"""Runs of samples out of a node's wave lines, and their spectra."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

STANDARD_GRAVITY = 9.80665
_TREND = 512  # samples of a slow sensor that are shown
_SLOW_HZ = 10.0  # below it the signal is a trend, and has no spectrum


@dataclass(frozen=True)
class Wave:
    """values: float32 [samples, axes], g for acceleration, else the axis' own unit; number: of the run."""

    values: NDArray[np.float32]
    axes: tuple[str, ...]
    rate_hz: float
    number: int

    @property
    def is_trend(self) -> bool:
        return self.rate_hz < _SLOW_HZ

    @property
    def unit(self) -> str:
        return "" if self.is_trend else "g"

    def rms(self) -> list[float]:
        """Of each axis around its mean."""
        return [float(x) for x in self.values.std(axis=0)]

    def peaks(self) -> list[float]:
        """The largest deviation of each axis from its mean."""
        return [float(x) for x in np.abs(self.values - self.values.mean(axis=0)).max(axis=0)]

    def spectrum(self) -> NDArray[np.float32]:
        """Peak amplitude [bins, axes] of what a sine of that frequency would have; bin i is at i * rate_hz / samples. Hann
        window, mean removed."""
        n = len(self.values)
        window = np.hanning(n + 1)[:n, None]
        spectrum = np.abs(np.fft.rfft((self.values - self.values.mean(axis=0)) * window, axis=0)) * 2 / window.sum()
        return np.asarray(spectrum, np.float32)


@dataclass
class Assembler:
    """Puts the pieces together. damaged: lines whose checksum is wrong; broken: runs with a piece missing."""

    axes: tuple[str, ...] = ()
    rate_hz: float = 0.0
    full_scale: float = 0.0
    damaged: int = 0
    broken: int = 0
    _pieces: list[bytes] = field(default_factory=list)
    _number: int = -1
    _next: int = 0
    _trend: list[NDArray[np.int16]] = field(default_factory=list)

    def begin(self, said: dict[str, Any]) -> None:
        """The line with which a node begins."""
        self.axes = tuple(str(axis) for axis in said["axes"])
        self.rate_hz, self.full_scale = float(said["rate_hz"]), float(said["full_scale"])
        self._pieces, self._number, self._next = [], -1, 0
        self._trend = []

    def add(self, line: dict[str, Any]) -> Wave | None:
        """A wave line; the run that it completes."""
        try:
            data = base64.b64decode(line["wave"], validate=True)
            number, at, of = int(line["n"]), int(line["at"]), int(line["of"])
            whole = binascii.crc32(data, binascii.crc32(b"%d,%d,%d," % (number, at, of))) == line["crc"]
        except (ValueError, TypeError, KeyError):
            whole = False
        stride = 2 * len(self.axes)
        if not whole or not stride or not data or len(data) % stride:
            self.damaged += 1
            return None
        if number != self._number or at != self._next:
            self.broken += bool(self._pieces)
            self._pieces = []
            if at:  # the beginning is missing
                self.broken += number != self._number
                self._number, self._next = number, -1
                return None
        self._pieces.append(data)
        self._number, self._next = number, at + len(data) // stride
        if self._next < of:
            return None
        words = np.frombuffer(b"".join(self._pieces), "<i2").reshape(-1, len(self.axes))
        self._pieces, self._number, self._next = [], -1, 0
        return self._wave(words, number)

    def _wave(self, words: NDArray[np.int16], number: int) -> Wave:
        unit = 1.0
        if self.rate_hz < _SLOW_HZ:
            self._trend = [*self._trend, words][-_TREND:]
            words = np.concatenate(self._trend)
        else:
            unit = STANDARD_GRAVITY
        return Wave(np.asarray(words * (self.full_scale / 32768 / unit), np.float32), self.axes, self.rate_hz, number)
