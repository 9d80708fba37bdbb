# SPDX-License-Identifier: Apache-2.0
"""Scores that a search compares candidates by, and how sure they are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import scores

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
ROUNDS = 2000


class Said:
    """What a candidate said about windows that it was not trained on: truth and verdict as class indices [n], level (how
    unlike normal, for the metric auc) and the fold of each."""

    def __init__(self, truth: Ints, said: Ints, level: Floats, fold: Ints, classes: int, normal: int) -> None:
        self.truth, self.said, self.level, self.fold, self.classes, self.normal = truth, said, level, fold, classes, normal

    def inside(self, where: NDArray[np.bool_]) -> "Said":
        return Said(self.truth[where], self.said[where], self.level[where], self.fold[where], self.classes, self.normal)

    def confusion(self) -> Ints:
        """Counts [true, said]."""
        return scores.confusion(self.truth, self.said, self.classes)

    def shares(self) -> Floats:
        """The same with every fold weighing alike, however many windows it has."""
        weights = (1 / np.maximum(np.bincount(self.fold), 1))[self.fold]
        cells: Floats = np.bincount(self.truth * self.classes + self.said, weights, self.classes**2).astype(np.float64)
        return cells.reshape(self.classes, self.classes)


def joined(parts: Sequence[Said]) -> Said:
    """Several parts as one."""
    truth, said, level, fold = (np.concatenate([getattr(part, name) for part in parts])
                                for name in ("truth", "said", "level", "fold"))
    return Said(truth, said, level, fold, parts[0].classes, parts[0].normal)


def value(metric: str, said: Said) -> float:
    """The metric of one set of windows in which every fold weighs alike; NaN where it is not defined."""
    if metric == "auc":
        found = scores.auc(said.level, said.truth != said.normal)
        return float("nan") if found is None else found
    counts = said.shares()
    if metric == "accuracy":
        return float(np.diag(counts).sum() / counts.sum())
    return scores.balanced_accuracy(counts) if metric == "balanced_accuracy" else scores.macro_f1(counts)


def by_fold(said: Said) -> bool:
    """Whether folds are scored one by one and averaged: only where each holds at least two classes."""
    return all(len(np.unique(said.truth[said.fold == fold])) > 1 for fold in np.unique(said.fold))


def score(metric: str, said: Said) -> float:
    """The mean over folds where each fold holds at least two classes, else that of all folds together."""
    if not by_fold(said):
        return value(metric, said)
    return float(np.mean([value(metric, said.inside(said.fold == fold)) for fold in np.unique(said.fold)]))


def interval(metric: str, said: Said) -> list[float] | None:
    """95 % interval of the score from drawing whole folds with replacement (Efron & Tibshirani, An Introduction to the
    Bootstrap, 1993, ch. 13); draws that lack a class altogether are left out. None with fewer than three folds."""
    names = np.unique(said.fold)
    if len(names) < 3:
        return None
    rng = np.random.default_rng(0)
    parts = [said.inside(said.fold == name) for name in names]
    if by_fold(said):
        each = np.array([value(metric, part) for part in parts])
        drawn = each[rng.integers(0, len(each), (ROUNDS, len(each)))].mean(axis=1)
    else:
        present = len(np.unique(said.truth))
        draws = (joined([parts[i] for i in rng.integers(0, len(parts), len(parts))]) for _ in range(ROUNDS // 10))
        drawn = np.array([value(metric, draw) for draw in draws if len(np.unique(draw.truth)) == present])
    if len(drawn) < 100:
        return None
    return [float(q) for q in np.quantile(drawn, (0.025, 0.975))]
