# SPDX-License-Identifier: Apache-2.0
"""Dense nets as integer C: the emitter behind linear models, MLPClassifier and nets of other libraries."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .fixedpoint import SUM_BITS, FixedAffine, Floats, ceil_log2, fix_affine, int16_shifts, too_large
from .model_code import Options, c_array
from .scaling import Scaling

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
DRAWN_ROWS = 2000


_FUNCTIONS: dict[str, Callable[[Floats], Floats]] = {
    "identity": lambda z: z, "relu": lambda z: np.maximum(z, 0), "tanh": lambda z: np.tanh(z),
    "logistic": lambda z: (1 + np.tanh(z / 2)) / 2,
}


@dataclass(frozen=True)
class Layers:
    """weights[l] float64 [n_in, n_out], biases[l] [n_out], activations[l] of all layers but the last, which gives
    log-odds: one output means class 1 against class 0."""

    weights: list[Floats]
    biases: list[Floats]
    activations: list[str]

    def log_odds(self, rows: Floats) -> Floats:
        """[n, n_out] in float64."""
        for layer, name in enumerate([*self.activations, "identity"]):
            rows = rows @ self.weights[layer] + self.biases[layer]
            rows = _FUNCTIONS[name](rows)
        return rows

    def classes(self, rows: Floats) -> Any:
        """Class index of every row."""
        z = self.log_odds(rows)
        return (z[:, 0] > 0).astype(int) if z.shape[1] == 1 else z.argmax(axis=1)


def emit_net(net: Layers, scaling: Scaling, n_classes: int, options: Options) -> tuple[str, dict[str, Any]]:
    """(C, description) of a net behind scalers, which are folded into its first layer.

    Weights are int32 (or int16, int8) with a scale for each row, sums int64, activations between layers up to 30 bits.
    Class 0 of a net with one output gets the constant 0, which makes logistic and softmax the same.
    """
    bits, n_features, n_outputs = options.bits, scaling.n_features, net.weights[-1].shape[1]
    first, shift = scaling.fold(net.weights[0])
    net = replace(net, weights=[first, *net.weights[1:]], biases=[net.biases[0] + shift, *net.biases[1:]])
    one_layer = len(net.weights) == 1
    widest = max([n_features] + [w.shape[1] for w in net.weights[:-1]])
    input_bits = int16_shifts(first)
    low, high = np.full(n_features, -32768.0), np.full(n_features, 32767.0)
    tables = c_array("uint8_t", "model_input_shifts", input_bits)
    steps, table_bytes, stored = [], len(input_bits), []
    for layer, (w, b) in enumerate(zip(net.weights, net.biases, strict=True)):
        last = layer == len(net.weights) - 1
        n_in, n_out = w.shape
        fixed = fix_affine(w, b, input_bits, np.maximum(np.abs(low), np.abs(high)), last, bits)
        stored.append(_as_stored(fixed, input_bits))
        reach = max(np.abs(edge).max() for edge in _interval(w, b, low, high))
        low, high = _interval(w, b, low, high)
        source, target = ("a", "b") if layer % 2 == 0 else ("b", "a")
        dot = f"model_dot{'' if bits == 32 else bits}(model_weights{layer} + j * {n_in}, {source}, {n_in}, model_bias{layer}[j])"
        if last:
            final_bits = max(fixed.exponents)
            bias, shifts = fixed.bias, [final_bits - e for e in fixed.exponents]
            shifts = shifts if any(shifts) else []
            up = f" * ((int64_t)1 << model_shifts{layer}[j])" if shifts else ""
            steps.append(f"    for (int j = 0; j < {n_out}; j++) z[j + {n_classes - n_outputs}] = {dot}{up};\n")
            fixed.shifts(0)
        else:
            activation, result_bits = net.activations[layer], 24
            if activation in ("identity", "relu"):
                result_bits = min(30 - ceil_log2(float(reach)), *fixed.exponents)
            shifts = [e - result_bits for e in fixed.exponents]
            if ceil_log2(float(reach)) + result_bits > SUM_BITS:
                raise too_large()
            # Half a step, so that the shift rounds.
            bias = [b_j + (1 << max(0, s) >> 1) for b_j, s in zip(fixed.bias, shifts, strict=True)]
            scaled = f"{dot} >> model_shifts{layer}[j]" if min(shifts) >= 0 else f"model_scale({dot}, model_shifts{layer}[j])"
            steps.append(
                f"    for (int j = 0; j < {n_out}; j++) {{\n"
                f"        int32_t s = model_clamp({scaled});\n"
                f"        {target}[j] = {_activate(activation)};\n    }}\n"
            )
            low, high, activation_bits = _bounds_after(activation, low, high, result_bits)
            input_bits = [activation_bits] * n_out
        if shifts:
            tables += c_array("int8_t", f"model_shifts{layer}", shifts)
        tables += c_array(f"int{bits}_t", f"model_weights{layer}", [v for row in fixed.weights for v in row])
        tables += c_array("int64_t", f"model_bias{layer}", bias, 8)
        table_bytes += bits // 8 * w.size + 8 * n_out + len(shifts)
    buffers = f"int32_t *a = acc + {n_classes}" + ("" if one_layer else f", *b = a + {widest}")
    source_code = f"""#include "model_math.h"
#define AUS_MODEL_CLASSES {n_classes}
#define AUS_MODEL_ACC {n_classes + (1 if one_layer else 2) * widest} // log-odds, then the activations of two layers
{tables}
static int aus_model(const int16_t *x, int32_t *acc) {{
    {buffers};
    int64_t z[{n_classes}];
    for (int i = 0; i < {n_features}; i++) a[i] = (int32_t)x[i] * (int32_t)(1u << model_input_shifts[i]);
    z[0] = 0;
{"".join(steps)}    return model_argmax(z, {n_classes}, {final_bits}, acc);
}}
static void aus_model_proba(const int32_t *acc, uint16_t *p) {{ model_softmax(acc, {n_classes}, p); }}
"""
    facts: dict[str, Any] = {
        "layout": "table",
        "layers": [int(w.shape[0]) for w in net.weights] + [n_outputs],
        "activations": net.activations,
        "bits": bits,
        "table_bytes": table_bytes,
    }
    if bits == 32:
        facts["probability_error"] = 1e-4
    else:
        facts |= _agreement(net, Layers(stored, net.biases, net.activations), scaling, options)
    return source_code, facts


def _as_stored(fixed: FixedAffine, input_bits: list[int]) -> Floats:
    """The weights [n_in, n_out] that the C uses."""
    exponents = np.array(fixed.exponents, float)
    return np.asarray(np.array(fixed.weights, float).T * np.exp2(np.array(input_bits, float)[:, None] - exponents))


def _agreement(net: Layers, stored: Layers, scaling: Scaling, options: Options) -> dict[str, Any]:
    """How often the class of the stored weights is the estimator's: on the rows given, or on rows drawn from normal
    distributions as wide as the scalers were fitted to; nothing is known without either."""
    rows = options.rows
    if rows is None:
        if not scaling.scalers or scaling.linear()[0].ndim == 2:
            return {}
        scale, offset = scaling.affine()
        normal = np.random.default_rng(0).normal(0, 1, (DRAWN_ROWS, len(scale)))
        rows = np.clip(np.round((normal - offset) / np.where(scale == 0, 1, scale)), -32768, 32767)
    else:
        rows = rows[:, scaling.columns].astype(float)
    same = float(np.mean(net.classes(rows) == stored.classes(rows)))
    return {"class_agreement": same, "agreement_rows": "drawn" if options.rows is None else len(rows)}


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
