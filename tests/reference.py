# SPDX-License-Identifier: Apache-2.0
"""Every feature in float64 NumPy, by the formulas of the table: what the integer core is measured against."""

import numpy as np
import reference_activity
from auscult_host.features import Feature
from scipy import signal

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


def line(p: np.ndarray, bins: float) -> float:
    """How far the line at this place stands out; what counts as near it is a matter of whole 1/256 bins."""
    f = int(bins * 256 + 1e-3)
    near, around = max(f * 0.026, 192), f * 0.2
    k = np.arange(1, len(p) + 1)
    log = np.log2(np.maximum(p, p.sum() * 2.0 ** -28))
    inside = np.sort(log[(k * 256 >= f - around) & (k * 256 <= f + around)])
    if not len(inside) or f + around >= (len(p) + 1) * 256:
        return 0.0
    return float(log[np.abs(k * 256 - f) <= near].max() - inside[len(inside) // 2])


def cepstrum(p: np.ndarray) -> np.ndarray:
    """Amplitude at quefrencies 0 .. nfft / 2."""
    log = np.log2(np.maximum(p, p.sum() * 2.0 ** -28))
    even = np.concatenate([log[:1], log, log[-2::-1]])
    return np.abs(np.fft.rfft(even)) / len(even)


def log_envelope(x: np.ndarray, low_hz: float, high_hz: float, rate_hz: float, step: int) -> np.ndarray:
    """The front `log_envelope` of one axis: points in 2048ths of an octave, up to a constant."""
    sections = signal.butter(2, [low_hz, high_hz], "bandpass", fs=rate_hz, output="sos")
    a = np.abs(signal.sosfilt(sections, x - float(x[0])))
    mean, c, shift = a[:len(a) // step * step].reshape(-1, step).mean(axis=1), 0.0, 0
    slow = np.zeros(len(a))
    for i, m in enumerate(mean):
        slow[i * step:(i + 1) * step] = c
        shift = min((i + 1).bit_length() - 1, (4096 // step).bit_length() - 1)
        c += (m - c) / 2 ** shift
    v = a + 0.1 * slow + 0.125
    exponent = np.floor(np.log2(v))
    return decimate((exponent + v / 2 ** exponent) * 2048, step)[3:]


def decimate(e: np.ndarray, step: int) -> np.ndarray:
    twice = np.convolve(np.ones(step), np.ones(step)) / step ** 2
    return np.convolve(e, twice)[step - 1:len(e):step]


def value(feature: Feature, x: np.ndarray, nfft: int, shaft_bins: float = 0.0, order: float = 0.0) -> float:
    """The feature of one axis x [N] (LSB), in the table's unit. shaft_bins: where in the spectrum the shaft's speed is."""
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
    if name == "lines":
        return line(p, order * shaft_bins)
    if name == "sides":
        return (line(p, (order - 1) * shaft_bins) + line(p, (order + 1) * shaft_bins)) / 2
    if name.startswith("cepstrum"):
        c = cepstrum(p)
        return float(c[16:].max()) if name == "cepstrum_peak" else float(16 + c[16:].argmax())
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
