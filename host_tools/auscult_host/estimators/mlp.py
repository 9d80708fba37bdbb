# SPDX-License-Identifier: Apache-2.0
"""MLPClassifier: dense layers with int32 weights and int64 sums."""

from typing import Any

import numpy as np

from ..errors import AuscultError
from .fixedpoint import Floats, ceil_log2, check_finite, fix_affine, int16_shifts
from .model_code import ModelCode, c_array
from .scaling import Scaling
from .through_emlearn import emlearn_model

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


def convert_mlp(estimator: Any, scaling: Scaling, layout: str) -> ModelCode:
    """The network with scalers folded into its first layer.

    Weights, biases and activations are those of emlearn's converted network (float64 there). Its own fixed point,
    Q8.23 for everything and piecewise activations, is not exact enough, so scales are chosen here per row.
    Binary networks have one output; its class 0 gets the constant 0, which makes logistic and softmax the same.
    """
    kind = type(estimator).__name__
    if estimator.activation not in ACTIVATIONS:
        raise AuscultError(f"{kind}(activation={estimator.activation!r})", " or ".join(ACTIVATIONS))
    n_outputs, n_classes = estimator.n_outputs_, len(estimator.classes_)
    if estimator.out_activation_ != ("logistic" if n_outputs == 1 else "softmax"):
        raise AuscultError(f"a {kind} with several labels per row", "one label per row", "fit one model per label")
    for layer, (w, b) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        check_finite(kind, **{f"coefs_[{layer}]": w, f"intercepts_[{layer}]": b})
    net = emlearn_model(estimator)
    weights = [np.asarray(w, dtype=float) for w in net.weights]
    biases = [np.asarray(b, dtype=float) for b in net.biases]
    scale, offset = scaling.affine()
    biases[0] = biases[0] + offset @ weights[0]
    weights[0] = weights[0] * scale[:, None]

    n_features = scaling.n_features
    widest = max([n_features] + [w.shape[1] for w in weights[:-1]])
    input_bits = int16_shifts(weights[0])
    low, high = np.full(n_features, -32768.0), np.full(n_features, 32767.0)
    tables = c_array("uint8_t", "model_input_shifts", input_bits)
    steps, table_bytes = [], len(input_bits)
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        last = layer == len(weights) - 1
        n_in, n_out = w.shape
        fixed = fix_affine(w, b, input_bits, np.maximum(np.abs(low), np.abs(high)), one_scale=last)
        low, high = _interval(w, b, low, high)
        if last:
            bias, shifts, result_bits = fixed.bias, [], fixed.exponents[0]
        else:
            result_bits = 24
            if net.activations[layer] in ("identity", "relu"):
                reach = float(max(np.abs(low).max(), np.abs(high).max()))
                result_bits = min(30 - ceil_log2(reach), *(e for e in fixed.exponents))
            shifts = fixed.shifts(result_bits)
            # Half a step, so that the shift rounds.
            bias = [b_j + (1 << s >> 1) for b_j, s in zip(fixed.bias, shifts, strict=True)]
            tables += c_array("uint8_t", f"model_shifts{layer}", shifts)
        tables += c_array("int32_t", f"model_weights{layer}", [v for row in fixed.weights for v in row])
        tables += c_array("int64_t", f"model_bias{layer}", bias, 8)
        table_bytes += 4 * w.size + 8 * n_out + len(shifts)
        source, target = ("a", "b") if layer % 2 == 0 else ("b", "a")
        dot = f"model_dot(model_weights{layer} + j * {n_in}, {source}, {n_in}, model_bias{layer}[j])"
        if last:
            first = n_classes - n_outputs
            steps.append(f"    for (int j = 0; j < {n_out}; j++) z[j + {first}] = {dot};\n")
            fixed.shifts(0)
            final_bits = result_bits
            continue
        steps.append(
            f"    for (int j = 0; j < {n_out}; j++) {{\n"
            f"        int32_t s = model_clamp({dot} >> model_shifts{layer}[j]);\n"
            f"        {target}[j] = {_activate(net.activations[layer])};\n    }}\n"
        )
        low, high, activation_bits = _bounds_after(net.activations[layer], low, high, result_bits)
        input_bits = [activation_bits] * n_out

    source_code = f"""#include "model_math.h"
#define AUS_MODEL_CLASSES {n_classes}
#define AUS_MODEL_ACC {n_classes + 2 * widest} // log-odds, then the activations of two layers
{tables}
static int aus_model(const int16_t *x, int32_t *acc) {{
    int32_t *a = acc + {n_classes}, *b = a + {widest};
    int64_t z[{n_classes}];
    for (int i = 0; i < {n_features}; i++) a[i] = (int32_t)x[i] * (int32_t)(1u << model_input_shifts[i]);
    z[0] = 0;
    (void)b;
{"".join(steps)}    return model_argmax(z, {n_classes}, {final_bits}, acc);
}}
static void aus_model_proba(const int32_t *acc, uint16_t *p) {{ model_softmax(acc, {n_classes}, p); }}
"""
    description = {
        "layout": "table",
        "layers": [int(w.shape[0]) for w in weights] + [n_outputs],
        "activation": estimator.activation,
        "table_bytes": table_bytes,
        "probability_error": 1e-4,
    }
    return ModelCode(source_code, kind, n_classes, estimator.classes_.tolist(), description)


def _interval(w: Floats, b: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Bounds of x @ w + b for low <= x <= high."""
    up, down = np.maximum(w, 0), np.minimum(w, 0)
    return low @ up + high @ down + b, high @ up + low @ down + b


def _activate(name: str) -> str:
    return {
        "identity": "s",
        "relu": "s > 0 ? s : 0",
        "logistic": "model_logistic(s)",
        "tanh": "model_tanh(s)",
    }[name]


def _bounds_after(name: str, low: Floats, high: Floats, bits: int) -> tuple[Floats, Floats, int]:
    """(low, high, fraction bits) of a layer's activations."""
    if name == "identity":
        return low, high, bits
    if name == "relu":
        return np.maximum(low, 0), np.maximum(high, 0), bits
    return np.full_like(low, 0.0 if name == "logistic" else -1.0), np.ones_like(high), 30
