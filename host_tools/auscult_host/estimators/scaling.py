# SPDX-License-Identifier: Apache-2.0
"""Steps in front of an estimator: taken out of the Pipeline, so that they can be folded into its parameters."""

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AuscultError

Floats = npt.NDArray[np.float64]
INT16_VALUES = np.arange(-32768, 32768)
SCALERS = ("StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler")
PROJECTIONS = ("PCA", "IncrementalPCA", "TruncatedSVD", "LinearDiscriminantAnalysis")


@dataclass(frozen=True)
class Scaling:
    """Scalers, selections of features and linear projections in order, before an estimator.

    n_inputs: features in front of all steps. n_features: those that a selection leaves, which the emitted model takes.
    """

    scalers: tuple[Any, ...]
    n_inputs: int

    @cached_property
    def columns(self) -> npt.NDArray[np.int64]:
        """Which of the inputs are left by selections in front of any projection."""
        left = np.arange(self.n_inputs)
        for step in self.scalers:
            if type(step).__name__ in PROJECTIONS:
                break
            if is_selection(step):
                left = left[step.get_support()]
        return left

    @property
    def n_features(self) -> int:
        return len(self.columns)

    def affine(self) -> tuple[Floats, Floats]:
        """(scale, offset), float64 [n_features] each: feature i becomes scale[i] * x[i] + offset[i]."""
        self._refuse_projections()
        return self.linear()

    def _refuse_projections(self) -> None:
        found = [type(step).__name__ for step in self.scalers if type(step).__name__ in PROJECTIONS]
        if found:
            raise AuscultError(f"{found[0]} in front of a model that it does not fold into",
                               "a linear model or an MLP after it", "leave this step out, or take another model")

    def linear(self) -> tuple[Floats, Floats]:
        """(matrix, shift) of all steps together: matrix [n_features] if each feature stays alone, else [n_features, n]."""
        matrix, shift = np.ones(self.n_inputs), np.zeros(self.n_inputs)
        for step in self.scalers:
            if is_selection(step):
                matrix, shift = matrix[..., step.get_support()], shift[step.get_support()]
            elif type(step).__name__ in PROJECTIONS:
                width = len(shift)
                origin = step.transform(np.zeros((1, width)))[0]
                turn = (step.transform(np.eye(width) * 32768.0) - origin) / 32768.0
                matrix = (np.diag(matrix) if matrix.ndim == 1 else matrix) @ turn
                shift = shift @ turn + origin
            else:
                factor, offset = _factor_and_offset(step, len(shift))
                matrix, shift = matrix * factor, shift * factor + offset
        return matrix, shift

    def fold(self, weights: Floats) -> tuple[Floats, Floats]:
        """(weights [n_features, n] for the inputs themselves, what to add to the sums) of weights [F, n] after all steps."""
        matrix, shift = self.linear()
        return weights * matrix[:, None] if matrix.ndim == 1 else matrix @ weights, shift @ weights

    def of_int16(self, feature: int) -> Floats:
        """What every int16 value of one of the features becomes, float64 [65536], never falling."""
        self._refuse_projections()
        grid = np.zeros((65536, self.n_inputs))
        grid[:, self.columns[feature]] = INT16_VALUES
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a scaler that was fitted on named columns says that these have no names
            for scaler in self.scalers:
                grid = scaler.transform(grid)
        return np.asarray(grid[:, feature])


def _factor_and_offset(scaler: Any, n: int) -> tuple[Floats, Floats]:
    kind = type(scaler).__name__
    if getattr(scaler, "clip", False):
        raise AuscultError(
            f"{kind}(clip=True) in front of a model that is not a forest",
            f"{kind}(clip=False) or StandardScaler, which fold into the model's parameters",
            "fit the pipeline again with clip=False",
        )
    if kind == "MinMaxScaler":
        return scaler.scale_, scaler.min_
    factor = 1.0 / scaler.scale_ if scaler.scale_ is not None else np.ones(n)
    center = {"StandardScaler": "mean_", "RobustScaler": "center_"}.get(kind)
    middle = getattr(scaler, center) if center else None
    if middle is None or not getattr(scaler, "with_mean", True):
        return factor, np.zeros(n)
    return factor, -middle * factor


def is_selection(step: Any) -> bool:
    """Whether a step only chooses features (SelectKBest, SelectFromModel, VarianceThreshold and their like)."""
    from sklearn.feature_selection import SelectorMixin

    return isinstance(step, SelectorMixin)


def take_apart(model: Any) -> tuple[tuple[Any, ...], Any]:
    """(scalers, estimator) of a fitted scikit-learn Pipeline, or ((), model) of a bare estimator."""
    if type(model).__name__ != "Pipeline":
        return (), model
    steps: list[Any] = []
    for _, step in model.steps:
        if step is not None and not isinstance(step, str):
            before, last = take_apart(step)
            steps += [*before, last]
    if not steps:
        raise AuscultError("a Pipeline without an estimator", "scalers and one classifier")
    for step in steps[:-1]:
        if type(step).__name__ not in (*SCALERS, *PROJECTIONS) and not is_selection(step):
            raise AuscultError(
                f"{type(step).__name__} in the Pipeline",
                f"{', '.join(SCALERS)}, a selection of features or {', '.join(PROJECTIONS)} in front of one estimator",
                "leave this step out, or do its work when the features are made",
            )
    return tuple(steps[:-1]), steps[-1]
