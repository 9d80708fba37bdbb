# SPDX-License-Identifier: Apache-2.0
"""Affine maps in fixed point, with scales chosen from bounds so that nothing can overflow."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AuscultError

Floats = npt.NDArray[np.float64]
SUM_BITS = 61  # sums stay below 2^61, which leaves room for rounding


@dataclass(frozen=True)
class FixedAffine:
    """Rows of z_j = (sum_i weights[j][i] * input[i] + bias[j]) / 2^exponents[j]; int32 times int32 into int64."""

    weights: list[list[int]]
    bias: list[int]
    exponents: list[int]

    def shifts(self, result_bits: int) -> list[int]:
        """Right shifts that bring every row to Q(result_bits)."""
        shifts = [exponent - result_bits for exponent in self.exponents]
        if min(shifts) < 0:
            raise too_large()
        return shifts


def too_large() -> AuscultError:
    return AuscultError(
        "parameters whose results can exceed what fixed point holds here (2^37)",
        "features that vary by at least a few steps of their int16 range",
        "put a StandardScaler in front of the model or drop features that hardly vary",
    )


def check_finite(kind: str, **parameters: Any) -> None:
    """Raises AuscultError naming the first parameter that holds NaN or infinity."""
    for name, values in parameters.items():
        if not np.all(np.isfinite(np.asarray(values, dtype=float))):
            raise AuscultError(
                f"a {kind} with NaN or infinity in its {name}", "finite parameters", "look at the training data"
            )


def ceil_log2(value: float) -> int:
    """Smallest e with 2^e > value; -200 for 0."""
    return math.frexp(value)[1] if value > 0 else -200


def int16_shifts(matrix: Floats) -> list[int]:
    """Left shifts (0 to 15) of the int16 inputs of a map [n_in, n_out].

    An input with large weights is shifted far, so that its weights need as many bits as the others'.
    """
    size = np.abs(matrix).max(axis=1)
    return [max(0, 15 + ceil_log2(float(s)) - ceil_log2(float(size.max()))) for s in size]


def fix_affine(
    matrix: Floats, offset: Floats, input_bits: list[int], input_bound: Floats, one_scale: bool = False, bits: int = 32
) -> FixedAffine:
    """matrix [n_in, n_out] and offset [n_out] with inputs in Q(input_bits[i]), |input i| <= input_bound[i].

    one_scale: no row's exponent exceeds what all rows can have (32 bits: all share it). bits: of a weight; with fewer
    than 32 a row may cut its largest weights off where that makes the sum of all squared errors less.
    """
    weights_log2 = np.array([[ceil_log2(float(w)) for w in row] for row in np.abs(matrix)]).reshape(matrix.shape)
    bound = np.abs(matrix).T @ input_bound + np.abs(offset)
    room = [min(60, SUM_BITS - ceil_log2(float(b))) for b in bound]
    if one_scale:
        room = [min(room)] * len(room)
    fits = [min(bits - 1 + at - log2 for at, log2 in zip(input_bits, column, strict=True)) for column in weights_log2.T]
    if one_scale and bits == 32:
        fits = [min(fits)] * len(fits)
    limit = 2 ** (bits - 1) - 1

    def stored(j: int, exponent: int) -> Floats:
        scaled = matrix[:, j] * np.exp2(exponent - np.array(input_bits, float))
        return np.asarray(np.clip(np.round(scaled), -limit, limit))

    def error(j: int, exponent: int) -> float:
        steps = np.exp2(exponent - np.array(input_bits, float))
        return float((((stored(j, exponent) / steps - matrix[:, j]) * np.exp2(-np.array(input_bits, float))) ** 2).sum())

    exponents = []
    for j in range(matrix.shape[1]):
        choices = [max(-60, min(room[j], fits[j] + more)) for more in ((0,) if bits == 32 else (0, 1))]
        exponents.append(min(choices, key=lambda exponent, row=j: error(row, exponent)))  # type: ignore[misc]
    weights = [stored(j, exponent).astype(np.int64).tolist() for j, exponent in enumerate(exponents)]
    bias = [round(float(b) * 2.0**e) for b, e in zip(offset, exponents, strict=True)]
    return FixedAffine(weights, bias, exponents)
