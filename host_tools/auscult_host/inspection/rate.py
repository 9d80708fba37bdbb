# SPDX-License-Identifier: Apache-2.0
"""Is the sample rate what it says? Mains hum stands at 50 or 60 Hz and its multiples; where its lines are, tells the rate."""

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..recordings import Recording
from .finding import Curve, Finding

_MAINS = (50.0, 60.0)
_MULTIPLES = (1, 2, 3, 4, 6)
# rates that sensors and loggers have; a wrong one is nearly always another of these
_USUAL_HZ = (25, 26, 50, 52, 59, 62.5, 100, 104, 119, 125, 200, 208, 238, 250, 256, 400, 416, 476, 500, 512, 800, 833, 952, 1000,
             1024, 1344, 1600, 1660, 1666, 2000, 2048, 3200, 3332, 3333, 4000, 4096, 5000, 6400, 6664, 6667, 8000, 10000, 12000,
             12800, 16000, 20000, 25600, 26667, 44100, 48000, 51200)
_STANDS_OUT_DB = 15.0
_SECONDS = 4.0  # shorter recordings do not resolve lines


@dataclasses.dataclass
class Lines:
    """Narrow spectral lines of one recording: frequency (Hz) and height above the spectrum around it (dB)."""

    path: Path
    rate_hz: float
    frequencies: NDArray[np.float64]
    heights_db: NDArray[np.float64]
    spectrum: tuple[NDArray[np.float64], NDArray[np.float64]]
    resolution_hz: float

    @classmethod
    def of(cls, path: Path, recording: Recording) -> "Lines":
        from scipy.ndimage import median_filter
        from scipy.signal import welch

        nothing = np.zeros(0)
        usable = recording.piece or len(recording.data)
        if usable < _SECONDS * recording.rate_hz or recording.rate_hz < 20:
            return cls(path, recording.rate_hz, nothing, nothing, (nothing, nothing), 1.0)
        length = min(usable, 1 << int(np.log2(4 * recording.rate_hz) + 0.999), 1 << 16)
        frequencies, powers = welch(recording.data[:usable].T, recording.rate_hz, nperseg=length)
        level = 10 * np.log10(powers / np.maximum(powers.sum(axis=1, keepdims=True), 1e-30) + 1e-15).mean(axis=0)
        above = level - median_filter(level, size=31, mode="nearest")
        peak = (above[1:-1] > _STANDS_OUT_DB) & (above[1:-1] >= above[:-2]) & (above[1:-1] >= above[2:])
        at = np.flatnonzero(peak) + 1
        return cls(path, recording.rate_hz, frequencies[at], above[at], (frequencies, level), recording.rate_hz / length)


def folded(frequency_hz: float, rate_hz: float) -> float:
    """Where a frequency is seen after sampling."""
    return abs(frequency_hz - rate_hz * round(frequency_hz / rate_hz))


def findings(recordings: list[Lines]) -> list[Finding]:
    """Hum that folds into the band (it looks like a machine's line), and hum that stands where another rate would put it."""
    found = []
    for lines in recordings:
        if len(lines.frequencies):
            found += _folded_hum(lines) or _wrong_rate(lines)
    return found


def _met(lines: Lines, expected: list[float]) -> list[int]:
    """Which of the expected frequencies have a line."""
    within = max(1.5 * lines.resolution_hz, 1e-3 * lines.rate_hz / 10)
    return [i for i, f in enumerate(expected) if f > 3 * lines.resolution_hz
            and len(lines.frequencies) and float(np.abs(lines.frequencies - f).min()) <= within]


def _folded_hum(lines: Lines) -> list[Finding]:
    half, drift_hz = lines.rate_hz / 2, 0.05 * lines.rate_hz  # below that much else moves
    for mains in _MAINS:
        hidden = [(mains * k, folded(mains * k, lines.rate_hz)) for k in _MULTIPLES if mains * k > half]
        hidden = [(true_hz, seen_hz) for true_hz, seen_hz in hidden if seen_hz > drift_hz]
        direct = [mains * k for k in _MULTIPLES if mains * k <= half]
        seen = [hidden[i] for i in _met(lines, [seen_hz for _, seen_hz in hidden])]
        if seen and len(seen) + len(_met(lines, direct)) >= 2:
            return [Finding(
                "mains hum", lines.path, "mains hum folds into the band: " + ", ".join(
                    f"{true_hz:g} Hz is seen at {seen_hz:.2f} Hz" for true_hz, seen_hz in seen) + "; it is no machine's line",
                f"record at more than {2 * seen[-1][0]:g} Hz, or leave features of that band out",
                curve=_curve(lines, [(seen_hz, f"{true_hz:g} Hz folds to here") for true_hz, seen_hz in seen]))]
    return []


def _wrong_rate(lines: Lines) -> list[Finding]:
    """Three or more lines that are multiples of the mains at another usual rate, and not at this one."""
    best: tuple[int, float, float] = (0, 0.0, 0.0)
    for mains in _MAINS:
        if len(_met(lines, [mains * k for k in _MULTIPLES if mains * k < lines.rate_hz / 2])) >= 2:
            return []  # the hum stands where it should
        for rate_hz in _USUAL_HZ:
            ratio = lines.rate_hz / rate_hz
            if not 0.2 < ratio < 5 or abs(ratio - 1) < 0.005:
                continue
            expected = [mains * k * ratio for k in _MULTIPLES if mains * k < rate_hz / 2]
            met = len(_met(lines, expected))
            if met > max(2, best[0]) and met == len(_met(lines, expected[:met])):  # the first ones, none left out
                best = (met, rate_hz, mains)
    met, rate_hz, mains = best
    if not met:
        return []
    ratio = lines.rate_hz / rate_hz
    places = [(mains * k * ratio, f"{mains * k:g} Hz?") for k in _MULTIPLES if mains * k < rate_hz / 2]
    return [Finding("rate", lines.path, f"{met} lines at multiples of {mains * ratio:.2f} Hz "
                    f"are mains hum of {mains:g} Hz if the rate was {rate_hz:g} Hz and not {lines.rate_hz:g} Hz",
                    f"auscult edit {lines.path} --rate-hz {rate_hz:g}",
                    grave=True, curve=_curve(lines, places))]


def _curve(lines: Lines, marks: list[tuple[float, str]]) -> Curve:
    frequencies, level = lines.spectrum
    return Curve("spectrum, mean of the axes", "Hz", "dB of the whole", frequencies, level, marks)
