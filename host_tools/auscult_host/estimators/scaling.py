# SPDX-License-Identifier: Apache-2.0
"""Scalers in front of an estimator: taken out of the Pipeline, so that they can be folded into its parameters."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AuscultError

Floats = npt.NDArray[np.float64]
INT16_VALUES = np.arange(-32768, 32768)


@dataclass(frozen=True)
class Scaling:
    """The scalers of a Pipeline in order, all element-wise: feature i becomes scale[i] * x[i] + offset[i]."""

    scalers: tuple[Any, ...]
    n_features: int

    def affine(self) -> tuple[Floats, Floats]:
        """(scale, offset), float64 [n_features] each."""
        scale, offset = np.ones(self.n_features), np.zeros(self.n_features)
        for scaler in self.scalers:
            if type(scaler).__name__ == "StandardScaler":
                factor = 1.0 / scaler.scale_ if scaler.scale_ is not None else np.ones(self.n_features)
                shift = -scaler.mean_ * factor if scaler.with_mean else np.zeros(self.n_features)
            else:
                if scaler.clip:
                    raise AuscultError(
                        "MinMaxScaler(clip=True) in front of a model that is not a forest",
                        "MinMaxScaler(clip=False) or StandardScaler, which fold into the model's parameters",
                        "fit the pipeline again with clip=False",
                    )
                factor, shift = scaler.scale_, scaler.min_
            scale, offset = scale * factor, offset * factor + shift
        return scale, offset

    def of_int16(self, feature: int) -> Floats:
        """What every int16 value of one feature becomes, float64 [65536], never falling."""
        grid = np.zeros((65536, self.n_features))
        grid[:, feature] = INT16_VALUES
        for scaler in self.scalers:
            grid = scaler.transform(grid)
        return np.asarray(grid[:, feature])


def take_apart(model: Any) -> tuple[tuple[Any, ...], Any]:
    """(scalers, estimator) of a fitted scikit-learn Pipeline, or ((), model) of a bare estimator."""
    if type(model).__name__ != "Pipeline":
        return (), model
    steps = [step for _, step in model.steps if step is not None and not isinstance(step, str)]
    if not steps:
        raise AuscultError("a Pipeline without an estimator", "scalers and one classifier")
    for step in steps[:-1]:
        if type(step).__name__ not in ("StandardScaler", "MinMaxScaler"):
            raise AuscultError(
                f"{type(step).__name__} in the Pipeline",
                "StandardScaler or MinMaxScaler in front of one estimator",
                "leave this step out, or do its work when the features are made",
            )
    return tuple(steps[:-1]), steps[-1]
