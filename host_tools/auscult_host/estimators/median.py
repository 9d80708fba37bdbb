# SPDX-License-Identifier: Apache-2.0
"""MedianDistance to integer C."""

from typing import Any

import numpy as np

from ..errors import AuscultError
from .fixedpoint import check_finite, fix_affine, too_large
from .model_code import ModelCode, Options, c_array
from .scaling import INT16_VALUES, Scaling

DISTANCE_BITS = 32
SCORE_BITS = 16


def convert_median(estimator: Any, scaling: Scaling, options: Options) -> ModelCode:
    """Classes -1 (outside) and 1; acc[0] is the distance in Q(score_bits).

    The limit lies between the integer distances of the last int16 value inside and of the first one outside, looked
    for in every feature, so the class is exact.
    """
    check_finite("MedianDistance", median_=estimator.median_, scale_=estimator.scale_, offset_=estimator.offset_)
    scale, offset = scaling.affine()
    slope, shift = scale / estimator.scale_, (offset - estimator.median_) / estimator.scale_
    weights, biases, shifts = [], [], []
    inside, outside = [-1], [2**62]
    for i, (a, b) in enumerate(zip(slope, shift, strict=True)):
        fixed = fix_affine(np.array([[a]]), np.array([b]), [0], np.array([32768.0]))
        weights.append(fixed.weights[0][0])
        biases.append(fixed.bias[0])
        shifts += fixed.shifts(DISTANCE_BITS)
        distances = np.abs(weights[i] * INT16_VALUES + biases[i]) >> shifts[i]
        true = np.abs(INT16_VALUES * scale[i] + offset[i] - estimator.median_[i]) / estimator.scale_[i]
        within = -true - estimator.offset_ >= 0  # as decision_function does
        inside.append(int(distances[within].max(initial=-1)))
        outside.append(int(distances[~within].min(initial=2**62)))
    if min(outside) == 2**62:
        raise AuscultError("a MedianDistance whose threshold no int16 row can reach", "a threshold within range")
    if max(inside) >= min(outside):
        raise too_large()
    n_features, limit = scaling.n_features, max(inside)
    source = f"""#include "model_math.h"
#define AUS_MODEL_CLASSES 2
#define AUS_MODEL_SCORE 1
#define AUS_MODEL_ACC 2 // score, class
{c_array("int32_t", "model_weights", weights)}{c_array("int64_t", "model_bias", biases, 8)}\
{c_array("uint8_t", "model_shifts", shifts)}
static int aus_model(const int16_t *x, int32_t *acc) {{
    int64_t worst = 0;
    for (int i = 0; i < {n_features}; i++) {{
        int64_t distance = (int64_t)(model_abs((int64_t)model_weights[i] * x[i] + model_bias[i]) >> model_shifts[i]);
        if (distance > worst) worst = distance;
    }}
    int64_t score = worst >> {DISTANCE_BITS - SCORE_BITS};
    acc[0] = score > 0x3fffffff ? 0x3fffffff : (int32_t)score; // MicroPython keeps numbers below 2^30 off the heap
    acc[1] = worst <= {limit}LL;
    return acc[1];
}}
static void aus_model_proba(const int32_t *acc, uint16_t *p) {{ // certain: there are no probabilities
    p[0] = acc[1] ? 0 : 32768;
    p[1] = acc[1] ? 32768 : 0;
}}
"""
    facts = {
        "layout": "table", "table_bytes": 13 * n_features, "score_bits": SCORE_BITS,
        "score_threshold": limit >> (DISTANCE_BITS - SCORE_BITS), "probability_error": 0.0,
    }
    return ModelCode(source, "MedianDistance", 2, [-1, 1], facts)
