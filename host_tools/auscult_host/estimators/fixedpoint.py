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
            raise AuscultError(
                "parameters whose results can exceed what fixed point holds here (2^37)",
                "features that vary by at least a few steps of their int16 range",
                "put a StandardScaler in front of the model or drop features that hardly vary",
            )
        return shifts


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
    matrix: Floats, offset: Floats, input_bits: list[int], input_bound: Floats, one_scale: bool = False
) -> FixedAffine:
    """matrix [n_in, n_out] and offset [n_out] with inputs in Q(input_bits[i]), |input i| <= input_bound[i].

    one_scale: all rows share one exponent.
    """
    weights_log2 = np.array([[ceil_log2(float(w)) for w in row] for row in np.abs(matrix)]).reshape(matrix.shape)
    exponents = []
    for j in range(matrix.shape[1]):
        bound = float(np.abs(matrix[:, j]) @ input_bound + abs(offset[j]))
        fits_int32 = min(31 + bits - log2 for bits, log2 in zip(input_bits, weights_log2[:, j], strict=True))
        exponents.append(max(-60, min(SUM_BITS - ceil_log2(bound), fits_int32, 60)))
    if one_scale:
        exponents = [min(exponents)] * len(exponents)
    scaled = matrix.T * np.exp2(np.array(exponents)[:, None] - np.array(input_bits)[None, :])
    weights = np.clip(np.round(scaled), 1 - 2**31, 2**31 - 1).astype(np.int64).tolist()
    bias = [round(float(b) * 2.0**e) for b, e in zip(offset, exponents, strict=True)]
    return FixedAffine(weights, bias, exponents)
