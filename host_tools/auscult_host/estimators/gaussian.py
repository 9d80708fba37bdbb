# SPDX-License-Identifier: Apache-2.0
"""Gaussian densities in fixed point: what mixtures, naive Bayes and the elliptic envelope have in common."""

from typing import Any

import numpy as np

from .fixedpoint import Floats, ceil_log2, fix_affine, int16_shifts
from .model_code import c_array
from .scaling import Scaling

WHITE_BITS = 24  # fraction bits of a whitened feature


def emit_distances(factors: Floats, means: Floats, scaling: Scaling) -> tuple[str, int, dict[str, Any]]:
    """(C, fraction bits of the distances, facts) of K squared Mahalanobis distances.

    factors: upper triangular [K, F, F] with inverse covariance = factor @ factor.T, means: [K, F], both in the
    scaled features. The C has `model_inputs(x, in)`, which prepares the int16 features, and
    `model_distance(in, k)` for them.

    A whitened feature is y_j = sum_{i <= j} (x_i - mean_i) factor_ij. Its square needs up to twice its bits, so the
    sum of squares is block floating point: all y are shifted right together as soon as one is too large. Far from
    a mean the distance keeps 28 significant bits, near it 24 fraction bits.
    """
    n_components, n_features, _ = factors.shape
    scale, offset = scaling.affine()
    rows = factors * scale[None, :, None]
    shifts_in = int16_shifts(np.abs(rows).max(axis=(0, 2))[:, None])
    matrix = rows.transpose(1, 0, 2).reshape(n_features, -1)  # [F, K * F]
    constant = np.einsum("ki,kij->kj", offset[None, :] - means, factors).reshape(-1)
    fixed = fix_affine(matrix, constant, shifts_in, np.full(n_features, 32768.0))
    shifts = fixed.shifts(WHITE_BITS)

    # The largest distance any int16 row can have sets the scale of the result.
    reach = np.abs(matrix).T @ np.full(n_features, 32768.0) + np.abs(constant)
    largest = float((reach.reshape(n_components, n_features) ** 2).sum(axis=1).max())
    bits = min(40, 60 - ceil_log2(largest)) // 2 * 2

    diagonal = not np.any(factors * (1 - np.eye(n_features)))
    packed = [
        weight
        for k in range(n_components)
        for j in range(n_features)
        for weight in fixed.weights[k * n_features + j][j if diagonal else 0 : j + 1]
    ]
    dot = "model_bias[at] + (int64_t)w[j] * in[j]" if diagonal else "model_dot(w, in, j + 1, model_bias[at])"
    step = "" if diagonal else "\n        w += j + 1;"
    per_component = n_features if diagonal else n_features * (n_features + 1) // 2
    limit = 30 - (n_features - 1).bit_length() // 2  # bits of a y, so that n_features squares fit 63 bits
    back = 2 * WHITE_BITS - bits
    source = (
        c_array("uint8_t", "model_input_shifts", shifts_in)
        + c_array("uint8_t", "model_shifts", shifts)
        + c_array("int32_t", "model_weights", packed)
        + c_array("int64_t", "model_bias", fixed.bias, 8)
        + f"""
static void model_inputs(const int16_t *x, int32_t *in) {{
    for (int i = 0; i < {n_features}; i++) in[i] = (int32_t)x[i] * (int32_t)(1u << model_input_shifts[i]);
}}
// Squared Mahalanobis distance from the mean of component k, Q{bits}.
static uint64_t model_distance(const int32_t *in, int k) {{
    const int32_t *w = model_weights + k * {per_component};
    uint64_t sum = 0;
    int down = 0;
    for (int j = 0; j < {n_features}; j++) {{
        int at = k * {n_features} + j;
        uint64_t y = model_abs({dot}) >> model_shifts[at] >> down;{step}
        while (y >> {limit}) {{
            y >>= 1;
            sum >>= 2;
            down++;
        }}
        sum += (uint64_t)(uint32_t)y * (uint32_t)y;
    }}
    return 2 * down <= {back} ? sum >> ({back} - 2 * down) : sum << (2 * down - {back});
}}
"""
    )
    facts = {
        "table_bytes": 4 * len(packed) + 8 * len(fixed.bias) + len(shifts) + len(shifts_in),
        "diagonal": diagonal,
        "distance_bits": bits,
    }
    return source, bits, facts


def emit_densities(
    factors: Floats, means: Floats, constants: Floats, scaling: Scaling
) -> tuple[str, dict[str, Any]]:
    """aus_model and aus_model_proba for K classes with log-density constants[k] - distance_k / 2."""
    n_components, n_features = means.shape
    distances, bits, facts = emit_distances(factors, means, scaling)
    # In Q(bits + 1) half a distance is the distance's own integer. Constants are small beside the bits left free.
    fixed = [round(float(c - constants.max()) * 2.0 ** (bits + 1)) for c in constants]
    source = f"""#include "model_math.h"
#define AUS_MODEL_CLASSES {n_components}
#define AUS_MODEL_ACC {n_components + n_features} // log-densities, then the prepared features
{distances}{c_array("int64_t", "model_constants", fixed, 8)}
static int aus_model(const int16_t *x, int32_t *acc) {{
    int64_t z[{n_components}];
    model_inputs(x, acc + {n_components});
    for (int k = 0; k < {n_components}; k++) {{
        z[k] = model_constants[k] - (int64_t)model_distance(acc + {n_components}, k);
    }}
    return model_argmax(z, {n_components}, {bits + 1}, acc);
}}
static void aus_model_proba(const int32_t *acc, uint16_t *p) {{ model_softmax(acc, {n_components}, p); }}
"""
    facts["table_bytes"] += 8 * n_components
    return source, facts | {"layout": "table", "components": n_components, "probability_error": 1e-4}
