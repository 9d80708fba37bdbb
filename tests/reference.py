# SPDX-License-Identifier: Apache-2.0
"""Every feature in float64 NumPy, by the formulas of the table: what the integer core is measured against."""

import numpy as np
import reference_activity
from auscult_host.features import Feature

WINDOW_S = 4  # how long a window is meant to be


def envelope(x: np.ndarray) -> np.ndarray:
    d = np.abs(x[2:] - 2 * x[1:-1] + x[:-2])
    return np.concatenate([[d[0], d[0]], d])


def power(x: np.ndarray, nfft: int) -> np.ndarray:
    """|X|^2 of bins 1 .. nfft / 2 of the mean-free, Hann-windowed signal."""
    n = len(x)
    hann = np.sin(np.pi * np.arange(n) / n) ** 2
    return np.abs(np.fft.rfft((x - x.mean()) * hann, nfft)[1:]) ** 2


def log2(value: float) -> float:
    return float(np.log2(value)) if value > 0 else -16.0


def local_maxima(p: np.ndarray) -> np.ndarray:
    """Bins (from 1) of local maxima, the largest first."""
    padded = np.concatenate([[0], p, [0]])
    at = np.flatnonzero((padded[1:-1] > padded[:-2]) & (padded[1:-1] >= padded[2:]))
    return at[np.argsort(-p[at], kind="stable")] + 1


def value(feature: Feature, x: np.ndarray, nfft: int) -> float:
    """The feature of one axis x [N] (LSB), in the table's unit."""
    x = x.astype(np.float64)
    if feature.envelope:
        x = envelope(x)
    u = x - x.mean()
    std, rms, mad = u.std(), np.sqrt((x * x).mean()), np.abs(u).mean()
    name = feature.kind.name
    if name in ("bands", "shares"):
        p = power(x, nfft)
        width = len(p) // feature.bands
        e = p[(feature.band - 1) * width:feature.band * width].sum()
        return log2(e) if name == "bands" else float(e / p.sum()) if p.sum() else 0.0
    dx, ddx = np.diff(x), np.diff(x, 2)
    simple = {
        **reference_activity.signal(x, len(x) / WINDOW_S),
        "mean": lambda: x.mean(), "std": lambda: std, "min": lambda: x.min(), "max": lambda: x.max(), "rms": lambda: rms,
        "peak_to_peak": lambda: np.ptp(x), "crest": lambda: np.abs(x).max() / rms if rms else 0,
        "skewness": lambda: (u ** 3).mean() / std ** 3 if std else 0,
        "kurtosis": lambda: (u ** 4).mean() / std ** 4 if std else 0,
        "peak": lambda: np.abs(x).max(), "std_log2": lambda: log2(std), "mean_abs_dev": lambda: mad,
        "shape": lambda: std / mad if mad else 0, "impulse": lambda: np.abs(u).max() / mad if mad else 0,
        "zero_crossings": lambda: np.count_nonzero(np.diff(x * len(x) < x.sum())) / (len(x) - 1),
        "mean_abs_diff": lambda: np.abs(dx).mean(),
        "mobility": lambda: np.sqrt((dx ** 2).sum() / (u ** 2).sum()) if std else 0,
        "complexity": lambda: (np.sqrt((ddx ** 2).sum() / (dx ** 2).sum())
                               / np.sqrt((dx ** 2).sum() / (u ** 2).sum()) if std else 0),
        "q25": lambda: np.percentile(x, 25), "median": lambda: np.percentile(x, 50),
        "q75": lambda: np.percentile(x, 75), "iqr": lambda: np.percentile(x, 75) - np.percentile(x, 25),
    }
    if name in simple:
        return float(simple[name]())
    p = power(x, nfft)
    total = p.sum()
    k = np.arange(1, len(p) + 1)
    if name == "dominant":
        return float(k[p.argmax()])
    if name == "power_log2":
        return log2(total)
    if not total:
        return 0.0
    centroid = (k * p).sum() / total
    share = p / total
    if name == "centroid":
        return float(centroid)
    if name == "spread":
        return float(np.sqrt(((k - centroid) ** 2 * p).sum() / total))
    if name == "entropy":
        return float(-(share[share > 0] * np.log2(share[share > 0])).sum())
    if name == "flatness":
        floored = np.maximum(share, 2.0 ** -28)
        return float(np.log2(floored).mean() + np.log2(len(p)))
    if name == "rolloff":
        return float(k[np.searchsorted(np.cumsum(share), 27 / 32)])
    lines = local_maxima(p)
    if name in ("peak2", "peak3"):
        i = int(name[-1]) - 1
        return float(lines[i]) if len(lines) > i else 0.0
    if name == "prominence":
        return float(np.log2(p[lines[0] - 1] / p.mean()))
    raise KeyError(name)
