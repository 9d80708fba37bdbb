# SPDX-License-Identifier: Apache-2.0
"""MedianDistance: an anomaly detector that looks at each feature alone, for slow signals and few normal rows."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OutlierMixin

Floats = npt.NDArray[np.float64]
MAD_TO_DEVIATION = 1.4826  # of a normal distribution


class MedianDistance(OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """score = max_i |x_i - median_i| / scale_i, fitted on normal rows; scale_i estimates the standard deviation by the
    median absolute deviation, 1 where that is 0.

    shared: one median and one scale for all features, which then need one unit: the minimum, the quartiles and the
    maximum of a temperature are all compared with the one usual temperature.
    contamination: share of the training rows that are beyond the threshold, -offset_, which may be set afterwards.
    score_samples(), decision_function() and predict() (-1: abnormal, 1) are as EllipticEnvelope's.
    """

    def __init__(self, contamination: float = 0.01, shared: bool = False) -> None:
        self.contamination = contamination
        self.shared = shared

    def fit(self, X: Any, y: Any = None) -> "MedianDistance":
        rows = np.asarray(X, dtype=float)
        self.n_features_in_ = rows.shape[1]
        over = None if self.shared else 0
        self.median_ = np.zeros(rows.shape[1]) + np.median(rows, axis=over)
        spread = MAD_TO_DEVIATION * np.median(np.abs(rows - self.median_), axis=over)
        self.scale_ = np.zeros(rows.shape[1]) + np.where(spread > 0, spread, 1.0)
        self.offset_ = float(np.quantile(self.score_samples(rows), self.contamination))
        return self

    def score_samples(self, X: Any) -> Floats:
        """The negative distance: the lower, the more abnormal."""
        return np.asarray(-(np.abs(np.asarray(X, dtype=float) - self.median_) / self.scale_).max(axis=1))

    def decision_function(self, X: Any) -> Floats:
        return np.asarray(self.score_samples(X) - self.offset_)

    def predict(self, X: Any) -> Any:
        return np.where(self.decision_function(X) < 0, -1, 1)
