# SPDX-License-Identifier: Apache-2.0
"""Activity and slow-signal features in float64 NumPy, by the formulas of the table."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np


def parts(x: np.ndarray, count: int) -> list[np.ndarray]:
    """A window [N] or [N, axes] in so many parts."""
    edges = [j * len(x) // count for j in range(count + 1)]
    return [x[a:b] for a, b in pairwise(edges)]


def slope(x: np.ndarray) -> float:
    """What the least squares line rises in a window."""
    return float(np.polyfit(np.arange(len(x)), x, 1)[0] * len(x))


def autocorr(x: np.ndarray, rate_hz: float) -> tuple[float, float]:
    """(largest normalised autocorrelation from 0.25 to 1.5 s, its lag in samples)"""
    step = -(-len(x) // 128)
    points = len(x) // step
    y = (x - x.mean())[:points * step].reshape(points, step).mean(axis=1)
    best, at = 0.0, 0
    shortest, longest = (min(round(seconds * rate_hz / step), points // least) for seconds, least in ((0.25, 8), (1.5, 2)))
    for lag in range(max(1, shortest), max(1, longest) + 1):
        a, b = y[:-lag], y[lag:]
        energy = (a * a + b * b).sum()
        r = 2 * (a * b).sum() / energy if energy else 0
        if r > best:
            best, at = r, lag * step
    return best, at


def octave(x: np.ndarray, i: int) -> float:
    """Octave 1 is the upper half of the bins, 6 what the five above it leave."""
    nfft = 1 << (len(x) - 1).bit_length()
    hann = np.sin(np.pi * np.arange(len(x)) / len(x)) ** 2
    power = np.abs(np.fft.rfft((x - x.mean()) * hann, nfft)[1:]) ** 2
    top = len(power) >> (i - 1)
    return float(np.log2(64 * len(x) * nfft + power[0 if i == 6 else top // 2:top].sum()))


def signal(x: np.ndarray, rate_hz: float) -> dict[str, Callable[[], float]]:
    """What computes each feature of one axis x [N] (LSB), in the table's unit."""
    quarters = np.array([q.mean() for q in parts(x, 4)])
    steps, n = np.abs(np.diff(x)), len(x)
    return {
        "q5": lambda: np.percentile(x, 5), "q95": lambda: np.percentile(x, 95), "slope": lambda: slope(x),
        **{f"quarter_{i + 1}": lambda i=i: quarters[i] - x.mean() for i in range(4)},
        **{f"octave_{i}": lambda i=i: octave(x, i) for i in range(1, 7)},
        "quarter_range": lambda: np.ptp(quarters), "quarter_std_min": lambda: min(q.std() for q in parts(x, 4)),
        "autocorr": lambda: autocorr(x, rate_hz)[0], "autocorr_lag": lambda: autocorr(x, rate_hz)[1],
        "still": lambda: (steps <= 128).mean(), "last": lambda: x[-1], "change": lambda: x[-1] - x[0],
        "max_step": lambda: steps.max(), "diff_log2": lambda: np.log2(1 + steps.mean()),
        "dwell": lambda: (x > (x.min() + x.max()) / 2).mean(),
        "since_max": lambda: (n - 1 - np.flatnonzero(x == x.max())[-1]) / n,
        "since_min": lambda: (n - 1 - np.flatnonzero(x == x.min())[-1]) / n,
    }


def direction(m: np.ndarray) -> np.ndarray:
    """Components over length; zeros for no length."""
    length = np.linalg.norm(m)
    return m / length if length else m


def cross(name: str, w: np.ndarray, a: int, b: int) -> float:
    """The feature of several axes of a window [N, axes] (LSB), in the table's unit; a, b: the axes named."""
    mean, u = w.mean(axis=0), w - w.mean(axis=0)
    down = direction(mean)
    first, last = (direction(parts(w, 4)[i].mean(axis=0)) for i in (0, -1))
    along = u @ down
    turns = np.array([direction(p.mean(axis=0)) for p in parts(w, 8)])
    known: dict[str, Callable[[], float]] = {
        "gravity": lambda: down[a], "gravity_first": lambda: first[a], "gravity_last": lambda: last[a],
        "tilt_change": lambda: np.linalg.norm(last - first),
        "tilt_path": lambda: np.linalg.norm(np.diff(turns, axis=0), axis=1).sum(),
        "vertical_rms": lambda: np.sqrt((along ** 2).mean()),
        "horizontal_rms": lambda: np.sqrt((((u - np.outer(along, down)) ** 2).sum(axis=1)).mean()),
        "jerk": lambda: np.linalg.norm(np.diff(w, axis=0), axis=1).mean(), "sma": lambda: np.abs(u).sum(axis=1).mean(),
        "correlation": lambda: (u[:, a] * u[:, b]).sum() / np.sqrt((u[:, a] ** 2).sum() * (u[:, b] ** 2).sum())
        if u[:, a].any() and u[:, b].any() else 0,
    }
    return float(known[name]())
