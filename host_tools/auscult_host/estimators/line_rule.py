# SPDX-License-Identifier: Apache-2.0
"""LineRule: the class whose spectral line stands out most, if any does; a linear model of one threshold."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import f1_score

Floats = npt.NDArray[np.float64]
THRESHOLDS = 400  # tried at most


class LineRule(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Columns are heights of lines, all in one unit. Classes that have no line share what lies below the threshold.

    columns: the line of each class that has one, where physics tells (an inner race's fault makes the line at BPFI);
    without, a line belongs to the class in which it is highest on average, at most one to a class.

    The threshold is the lowest of those with the best macro-F1 in training: a fault that is weaker than all that were
    heard has a lower line, so nothing is gained by going further from what the classes without a line show.
    A tree has a threshold for each line, mid-way between the classes it has seen, and does worse on faults of another size.
    """

    def __init__(self, columns: dict[str, int] | None = None) -> None:
        self.columns = columns

    def fit(self, X: Any, y: Any) -> "LineRule":
        rows, labels = np.asarray(X, dtype=float), np.asarray(y)
        self.classes_ = np.unique(labels)
        self.n_features_in_ = rows.shape[1]
        known = {i: self.columns[c] for i, c in enumerate(self.classes_) if c in self.columns} if self.columns else {}
        self.lines_ = known or _owners(rows, labels, self.classes_)
        without = [i for i in range(len(self.classes_)) if i not in self.lines_]
        tops = rows[:, list(self.lines_.values())].max(axis=1)
        best, self.threshold_ = -1.0, float(tops.min())
        self.coef_, self.intercept_ = np.zeros((0, 0)), np.zeros(0)
        for threshold in _between(tops) if without else []:
            self._set(threshold, without)
            score = f1_score(labels, self.predict(rows), average="macro", zero_division=0)
            if score > best + 1e-9:
                best, self.threshold_ = score, threshold
        self._set(self.threshold_, without)
        # About one deviation of a line within its class is one unit of log odds: only the order of the scores was learnt.
        # A power of two, so that equal lines stay equal in fixed point.
        within = [rows[labels == self.classes_[owner], line].std() for owner, line in self.lines_.items()]
        scale = 2.0 ** -np.round(np.log2(max(float(np.mean(within)), 1e-9)))
        self.coef_, self.intercept_ = self.coef_ * scale, self.intercept_ * scale
        return self

    def _set(self, threshold: float, without: list[int]) -> None:
        """coef_ and intercept_ as scikit-learn's linear classifiers have them."""
        weights, bias = np.zeros((len(self.classes_), self.n_features_in_)), np.zeros(len(self.classes_))
        for owner, line in self.lines_.items():
            weights[owner, line] = 1.0
        bias[without] = threshold
        two = len(self.classes_) == 2
        self.coef_ = weights[1:] - weights[:1] if two else weights
        self.intercept_ = bias[1:] - bias[:1] if two else bias

    def decision_function(self, X: Any) -> Floats:
        scores: Floats = np.asarray(X, dtype=float) @ self.coef_.T + self.intercept_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> Any:
        scores = self.decision_function(X)
        return self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Floats:
        """Softmax of the scores; their scale is a convention, so they rank classes and promise no frequency."""
        scores = self.decision_function(X)
        scores = np.stack([np.zeros(len(scores)), scores], axis=1) if scores.ndim == 1 else scores
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _owners(rows: Floats, labels: Any, classes: Any) -> dict[int, int]:
    """Class -> its line: of the lines that are highest in it, the one that is so by most."""
    means = np.array([rows[labels == label].mean(axis=0) for label in classes])
    owner = means.argmax(axis=0)
    margin = np.sort(means, axis=0)[-1] - np.sort(means, axis=0)[-2]
    return {int(i): int(max(np.flatnonzero(owner == i), key=lambda line: margin[line])) for i in np.unique(owner)}


def _between(values: Floats) -> list[float]:
    """Thresholds between neighbouring values, from the lowest; nearer to the lower one, where a gap is wide."""
    known = np.unique(np.quantile(values, np.linspace(0, 1, THRESHOLDS), method="nearest"))
    return [float(v) for v in known[:-1] + np.diff(known) / 4]
