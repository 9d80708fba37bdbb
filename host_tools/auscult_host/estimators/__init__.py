# SPDX-License-Identifier: Apache-2.0
"""Fitted estimators to integer C, by way of emlearn where it knows the kind."""

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..errors import AuscultError
from .bayes import convert_bayes
from .dense import convert_dense
from .forest import convert_forest
from .guard import Guard, fit_guard
from .linear import CLASS_ONLY, WITH_PROBABILITIES, convert_linear
from .median import convert_median
from .mixture import convert_envelope, convert_mixture
from .mlp import convert_mlp
from .model_code import ModelCode, Options, c_array
from .neighbours import convert_neighbours
from .scaling import Scaling, take_apart

__all__ = ["BITS", "LAYOUTS", "SUPPORTED", "Guard", "ModelCode", "convert", "fit_guard"]

SUPPORTED: dict[str, Callable[[Any, Scaling, Options], ModelCode]] = {
    "RandomForestClassifier": convert_forest,
    "ExtraTreesClassifier": convert_forest,
    "DecisionTreeClassifier": convert_forest,
    "MLPClassifier": convert_mlp,
    "GaussianMixture": convert_mixture,
    "EllipticEnvelope": convert_envelope,
    "GaussianNB": convert_bayes,
    **{kind: convert_linear for kind in (*WITH_PROBABILITIES, *CLASS_ONLY)},
    "KNeighborsClassifier": convert_neighbours,
    "MedianDistance": convert_median,
    "DenseNet": convert_dense,  # from ONNX and Keras files
}
LAYOUTS = ("fast", "small")
BITS = (32, 16, 8)
MOST_FEATURES = 1024
MOST_CLASSES = 64


def convert(estimator: Any, n_features: int, layout: str = "fast", *, bits: int = 32, guard: Guard | None = None,
            rows: Any = None) -> ModelCode:
    """Integer C of a fitted estimator, or of a Pipeline of scalers, selections of features and an estimator.

    n_features: length of the int16 feature vector. layout: `fast` (trees as inlined ifs) or `small` (trees as a
    packed table); other kinds have one layout only. bits: of the stored weights of linear models and MLPs and of kNN's
    prototypes. guard: also tells rows that are unlike those of training. With 32 bits the class equals the estimator's
    predict() on the same int16 features, probabilities are within 1/255 of predict_proba(); with fewer the description
    says how often the class agrees, on `rows` if given.
    Raises AuscultError for an estimator that is unsupported, unfitted or of another feature count.
    """
    scalers, inner = take_apart(estimator)
    kind = type(inner).__name__
    if kind not in SUPPORTED:
        near = get_close_matches(kind, SUPPORTED, 1, 0.5)
        raise AuscultError(f"a {kind} as the model", f"one of {', '.join(SUPPORTED)}",
                           f"train {'a ' + near[0] if near else 'one of these kinds'}")
    if layout not in LAYOUTS:
        raise AuscultError(f"layout {layout!r}", " or ".join(LAYOUTS))
    if bits not in BITS:
        raise AuscultError(f"bits={bits!r}", " or ".join(map(str, BITS)))
    if getattr(inner, "n_features_in_", None) is None:
        raise AuscultError(f"a {kind} that is not fitted", "a fitted estimator", "call fit() before converting")
    fitted_for = (scalers[0] if scalers else inner).n_features_in_
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
    scaling = Scaling(scalers, n_features)
    code = _of_chosen(SUPPORTED[kind](inner, scaling, Options(layout, bits, rows)), scaling)
    facts = code.description | {"features": n_features, "classes": code.n_classes}
    if guard is None:
        return replace(code, description=facts)
    source, guard_facts = guard.emit(n_features)
    facts |= {"guard": guard_facts, "table_bytes": facts["table_bytes"] + guard_facts["table_bytes"]}
    return replace(code, c_source=code.c_source + source, description=facts)


def _of_chosen(code: ModelCode, scaling: Scaling) -> ModelCode:
    """A model of the features that a selection leaves, as one of all of them."""
    n = scaling.n_features
    if n == scaling.n_inputs:
        return code
    word = "uint8_t" if scaling.n_inputs <= 256 else "uint16_t"
    source = f"""#define aus_model aus_model_of_chosen
{code.c_source}
#undef aus_model
{c_array(word, "model_columns", scaling.columns.tolist())}
static int aus_model(const int16_t *x, int32_t *acc) {{
    int16_t chosen[{n}];
    for (int i = 0; i < {n}; i++) chosen[i] = x[model_columns[i]];
    return aus_model_of_chosen(chosen, acc);
}}
"""
    more = n * (1 if word == "uint8_t" else 2)
    facts = code.description | {"chosen": n, "table_bytes": code.description["table_bytes"] + more}
    return replace(code, c_source=source, description=facts)
