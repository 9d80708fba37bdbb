# SPDX-License-Identifier: Apache-2.0
"""Fitted scikit-learn estimators to integer C, by way of emlearn."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import AuscultError
from .bayes import convert_bayes
from .forest import convert_forest
from .mixture import convert_envelope, convert_mixture
from .mlp import convert_mlp
from .model_code import ModelCode
from .scaling import Scaling, take_apart

__all__ = ["LAYOUTS", "SUPPORTED", "ModelCode", "convert"]

SUPPORTED: dict[str, Callable[[Any, Scaling, str], ModelCode]] = {
    "RandomForestClassifier": convert_forest,
    "ExtraTreesClassifier": convert_forest,
    "DecisionTreeClassifier": convert_forest,
    "MLPClassifier": convert_mlp,
    "GaussianMixture": convert_mixture,
    "EllipticEnvelope": convert_envelope,
    "GaussianNB": convert_bayes,
}
LAYOUTS = ("fast", "small")
MOST_FEATURES = 1024
MOST_CLASSES = 64


def convert(estimator: Any, n_features: int, layout: str = "fast") -> ModelCode:
    """Integer C of a fitted estimator, or of a Pipeline of StandardScaler/MinMaxScaler and an estimator.

    n_features: length of the int16 feature vector. layout: `fast` (trees as inlined ifs) or `small` (trees as a
    packed table); other kinds have one layout only. The class equals the estimator's predict() on the same
    int16 features, probabilities are within 1/255 of predict_proba().
    Raises AuscultError for an estimator that is unsupported, unfitted or of another feature count.
    """
    scalers, inner = take_apart(estimator)
    kind = type(inner).__name__
    if kind not in SUPPORTED:
        raise AuscultError(f"a {kind} as the model", f"one of {', '.join(SUPPORTED)}", "train one of these kinds")
    if layout not in LAYOUTS:
        raise AuscultError(f"layout {layout!r}", " or ".join(LAYOUTS))
    fitted_for = getattr(inner, "n_features_in_", None)
    if fitted_for is None:
        raise AuscultError(f"a {kind} that is not fitted", "a fitted estimator", "call fit() before converting")
    if fitted_for != n_features:
        raise AuscultError(
            f"a {kind} fitted on {fitted_for} features",
            f"{n_features}, the number of features of the pipeline",
            "train it on exactly the features that the pipeline computes",
        )
    if n_features > MOST_FEATURES:
        raise AuscultError(f"{n_features} features", f"at most {MOST_FEATURES}", "choose the features that matter")
    found = getattr(inner, "classes_", None)
    # Several outputs have a list of class arrays; the converters refuse those by name.
    n_classes = len(found) if isinstance(found, np.ndarray) else None
    if n_classes is not None and not 2 <= n_classes <= MOST_CLASSES:
        raise AuscultError(
            f"a {kind} that knows {n_classes} class{'es' if n_classes > 1 else ''}",
            f"2 to {MOST_CLASSES} classes",
            "train it on recordings of at least two labels",
        )
    return SUPPORTED[kind](inner, Scaling(scalers, n_features), layout)
