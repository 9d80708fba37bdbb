# SPDX-License-Identifier: Apache-2.0
"""Figures from verdicts: balanced accuracy and its interval over groups, calibration, rare events, ROC."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Shares = NDArray[np.float64]  # counts of windows that do not all weigh alike
_LEVEL = 0.95


def confusion(truth: NDArray[np.int64], said: NDArray[np.int64], count: int) -> Counts:
    """[true, said] of class indices."""
    return np.bincount(truth * count + said, minlength=count * count).reshape(count, count).astype(np.int64)


def balanced_accuracy(counts: Counts | Shares) -> float:
    """Mean over the classes present of the share recognised; counts[true, said]."""
    totals = counts.sum(axis=1)
    return float(np.mean(np.diag(counts)[totals > 0] / totals[totals > 0]))


def macro_f1(counts: Counts | Shares) -> float:
    """Mean F1 over the classes that occur, as truth or as verdict."""
    both = counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.mean(2 * np.diag(counts)[both > 0] / both[both > 0]))


def intervals(by_unit: Counts, rounds: int = 2000) -> dict[str, list[float] | None]:
    """95 % intervals from drawing whole units, by_unit[unit, true, said], with replacement (Efron & Tibshirani, An
    Introduction to the Bootstrap, 1993, ch. 13).

    Units are groups, or the recordings of one group: windows of one are too alike to be drawn singly. Draws that lack
    a class altogether are left out. None with fewer than three units, and where a class is in one unit only.
    """
    names = ("balanced_accuracy_95", "macro_f1_95")
    having = (by_unit.sum(axis=2) > 0).sum(axis=0)
    if len(by_unit) < 3 or not having.any() or (having[having > 0] < 2).any():
        return dict.fromkeys(names)
    rng = np.random.default_rng(0)
    drawn = by_unit[rng.integers(0, len(by_unit), (rounds, len(by_unit)))].sum(axis=1)
    drawn = drawn[(drawn.sum(axis=2)[:, having > 0] > 0).all(axis=1)]
    if len(drawn) < 100:
        return dict.fromkeys(names)
    right, true, said = drawn.diagonal(axis1=1, axis2=2), drawn.sum(axis=2), drawn.sum(axis=1)
    both = np.ma.masked_equal(true + said, 0)
    figures = [(right / np.maximum(true, 1))[:, having > 0].mean(axis=1), (2 * right / both).mean(axis=1).filled(0)]
    return {name: [float(q) for q in np.quantile(f, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2))]
            for name, f in zip(names, figures, strict=True)}


def calibration(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = 10) -> dict[str, Any]:
    """Reliability diagram and expected calibration error (Guo et al., On Calibration of Modern Neural Networks, 2017).

    confidence: probability of the class that was said; right: whether it was that class. ece: mean over the windows of
    |confidence - share right| of their bin. bins: those of equal width that hold a window.
    """
    # The C's Q15 rounds down: 0.7 arrives as 0.69998 and belongs to the bin that begins there.
    place = np.clip((confidence * bins + 1e-3).astype(np.int64), 0, bins - 1)
    rows, error = [], 0.0
    for number in range(bins):
        inside = place == number
        if not inside.any():
            continue
        mean, share = float(confidence[inside].mean()), float(right[inside].mean())
        error += float(inside.mean()) * abs(mean - share)
        rows.append({"low": number / bins, "high": (number + 1) / bins, "windows": int(inside.sum()),
                     "confidence": mean, "right": share})
    return {"ece": error, "confidence": float(confidence.mean()), "right": float(right.mean()), "bins": rows}


def rate_interval(events: int, exposure: float) -> list[float]:
    """95 % interval of a rate from `events` independent events in `exposure`, in events per unit of exposure.

    Exact for a Poisson process (Garwood, Biometrika 28, 1936). Of no event only a bound follows, one-sided 95 %:
    -ln(0.05) = 3 events in this exposure, the rule of three (Hanley & Lippman-Hand, JAMA 249, 1983).
    """
    from scipy.stats import chi2

    if not events:
        return [0.0, -math.log(1 - _LEVEL) / exposure]
    low = chi2.ppf((1 - _LEVEL) / 2, 2 * events) / 2
    high = chi2.ppf((1 + _LEVEL) / 2, 2 * events + 2) / 2
    return [float(low / exposure), float(high / exposure)]


def auc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """Area under the ROC curve: how often an abnormal window scores higher than a normal one. None with one kind only."""
    if positive.all() or not positive.any():
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, score))
