# SPDX-License-Identifier: Apache-2.0
"""KNeighborsClassifier: all training rows as prototypes."""

from typing import Any

import numpy as np

from ..errors import AuscultError
from .fixedpoint import Floats, ceil_log2, check_finite
from .model_code import ModelCode, Options, c_array
from .scaling import Scaling

MOST_NEIGHBOURS = 64
MOST_BYTES = 65536


def convert_neighbours(estimator: Any, scaling: Scaling, options: Options) -> ModelCode:
    """Squared Euclidean distances in 64 bits: scalers become a weight of each feature, prototypes are int16 rows again.

    The class equals scikit-learn's but where two neighbours are equally far and only one of them belongs to the
    nearest k: scikit-learn takes the one that it finds first, the C the first in the training rows. With 8 bits the
    prototypes are rounded. (emlearn's conversion knows no scalers, no weights and no probabilities.)
    """
    _check(estimator)
    scale, offset = scaling.affine()
    n_features, k, bits = scaling.n_features, estimator.n_neighbors, min(16, options.bits)
    fitted = np.asarray(estimator._fit_X, dtype=float)
    table_bytes = len(fitted) * (n_features * bits // 8 + 1)
    if table_bytes > MOST_BYTES:
        raise AuscultError(
            f"a KNeighborsClassifier of {len(fitted)} rows of {n_features} features, {table_bytes} bytes with {bits} bits",
            f"at most {MOST_BYTES} bytes",
            "fit it on fewer rows, chosen or averaged by class, on fewer features, or store it with 8 bits",
        )
    rows = (fitted - offset) / np.where(scale == 0, 1, scale)
    prototypes = np.clip(np.round(rows), -32768, 32767)
    if np.abs(rows - prototypes)[:, scale != 0].max() > 1e-3:
        raise AuscultError("a KNeighborsClassifier fitted on rows that are not int16 whole numbers",
                           "rows as the pipeline's model sees them", "`auscult features` writes such rows")
    base, shifts = np.zeros(n_features, int), [0] * n_features
    if bits == 8:
        low, high = prototypes.min(axis=0), prototypes.max(axis=0)
        base = np.floor((low + high) / 2).astype(int)
        shifts = [max(0, int(span).bit_length() - 7) for span in np.maximum(high - base, base - low)]
        prototypes = np.clip(np.round((prototypes - base) / np.exp2(shifts)), -127, 127)
    weights, downs, exponent = _weights(scale)
    facts: dict[str, Any] = {
        "layout": "table", "prototypes": len(fitted), "neighbours": k, "bits": bits, "weights": estimator.weights,
    }
    tables = (c_array(f"int{bits}_t", "model_prototypes", prototypes.astype(int).ravel().tolist())
              + c_array("uint8_t", "model_labels", np.asarray(estimator._y).tolist()))
    distance, own, prototype = "d * d", "x[i]", "p[i]"
    if bits == 8:
        tables += c_array("int16_t", "model_base", base.tolist()) + c_array("uint8_t", "model_steps", shifts)
        own, prototype = "x[i] - model_base[i]", "p[i] * (1 << model_steps[i])"
        table_bytes += 3 * n_features
    if weights:
        tables += c_array("uint32_t", "model_weights", weights) + c_array("uint8_t", "model_downs", downs)
        distance = "(d * d * model_weights[i] >> model_downs[i])"
        table_bytes += 5 * n_features
    if bits == 16:
        facts["probability_error"] = 1e-4
    elif options.rows is not None:
        rounded = (base + prototypes * np.exp2(shifts)) * scale + offset
        same = _agreement(estimator, rounded, options.rows[:, scaling.columns] * scale + offset)
        facts |= {"class_agreement": same, "agreement_rows": len(options.rows)}
    by_distance = int(estimator.weights == "distance")
    source = f"""#define AUS_MODEL_CLASSES {len(estimator.classes_)}
#define AUS_MODEL_ACC {len(estimator.classes_)} // votes
#define MODEL_NEIGHBOURS {k}
#define MODEL_BY_DISTANCE {by_distance}
#define MODEL_PROTOTYPES {len(fitted)}
{tables}
// Squared distance of a row from prototype n, Q{exponent}
static inline uint64_t model_distance(const int16_t *x, int n) {{
    const int{bits}_t *p = model_prototypes + n * {n_features};
    uint64_t sum = 0;
    for (int i = 0; i < {n_features}; i++) {{
        int32_t away = {own} - {prototype};
        uint64_t d = (uint32_t)(away < 0 ? -away : away);
        sum += {distance};
    }}
    return sum;
}}
#include "model_neighbours.h"
"""
    return ModelCode(source, "KNeighborsClassifier", len(estimator.classes_), estimator.classes_.tolist(),
                     facts | {"table_bytes": table_bytes})


def _check(estimator: Any) -> None:
    if estimator.effective_metric_ != "euclidean":
        raise AuscultError(f"a KNeighborsClassifier with the metric {estimator.effective_metric_}", "euclidean",
                           "fit it with metric='euclidean'")
    if estimator.weights not in ("uniform", "distance"):
        raise AuscultError("a KNeighborsClassifier with weights of its own", "uniform or distance",
                           "fit it with weights='distance'")
    if estimator.outputs_2d_:
        raise AuscultError("a KNeighborsClassifier with several labels per row", "one label per row", "fit one model per label")
    if hasattr(estimator._fit_X, "toarray"):
        raise AuscultError("a KNeighborsClassifier fitted on sparse rows", "dense rows", "fit it on an array")
    if not 1 <= estimator.n_neighbors <= MOST_NEIGHBOURS:
        raise AuscultError(f"{estimator.n_neighbors} neighbours", f"1 to {MOST_NEIGHBOURS}", "choose fewer neighbours")
    if len(estimator._fit_X) < estimator.n_neighbors:
        raise AuscultError(f"{len(estimator._fit_X)} training rows for {estimator.n_neighbors} neighbours",
                           "as many rows at least", "choose fewer neighbours")
    check_finite("KNeighborsClassifier", _fit_X=estimator._fit_X)


def _agreement(estimator: Any, rounded: Floats, rows: Floats) -> float:
    from sklearn.base import clone

    near = clone(estimator).fit(rounded, estimator.classes_[estimator._y])
    return float(np.mean(near.predict(rows) == estimator.predict(rows)))


def _weights(scale: Floats) -> tuple[list[int], list[int], int]:
    """(weight of each feature's squared difference, shift down after it, fraction bits of the sum); ([], [], 0) if
    nothing is scaled."""
    if np.all(scale == 1):
        return [], [], 0
    square = scale**2
    exponents = [min(120, 31 - ceil_log2(float(s))) for s in square]  # weights have 31 bits; a squared difference has 32
    exponent = min(62 - ceil_log2(float(square.sum()) * 65535.0**2), *exponents)
    downs = [min(63, e - exponent) for e in exponents]
    return [min(2**31, round(float(s) * 2.0**e)) for s, e in zip(square, exponents, strict=True)], downs, exponent
