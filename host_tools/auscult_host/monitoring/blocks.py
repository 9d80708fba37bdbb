# SPDX-License-Identifier: Apache-2.0
"""Curves of block characters: a waveform of quarter blocks, bars of eighth blocks."""

import numpy as np
from numpy.typing import NDArray

_QUARTERS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"  # bits: upper left, upper right, lower left, lower right
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_DECADES = 3  # of a spectrum that are shown


def waveform(values: NDArray[np.float32], width: int, height: int, top: float) -> list[str]:
    """The band between smallest and largest value of each column; +top at the upper edge, -top at the lower one."""
    columns, rows = 2 * width, 2 * height
    dots = np.zeros((rows, columns), bool)
    if len(values):
        edges = np.linspace(0, len(values), columns + 1).astype(int)
        levels = np.clip((1 - values / (top or 1.0)) / 2 * (rows - 1), 0, rows - 1)
        for i in range(columns):
            part = levels[max(0, edges[i] - 1):max(edges[i + 1], edges[i] + 1)]  # from where the last one ended: no gaps
            dots[int(np.rint(part.min())):int(np.rint(part.max())) + 1, i] = True
    cells = (dots[0::2, 0::2] + 2 * dots[0::2, 1::2] + 4 * dots[1::2, 0::2] + 8 * dots[1::2, 1::2]).astype(int)
    return ["".join(_QUARTERS[cell] for cell in row) for row in cells]


def bars(values: NDArray[np.float32], width: int, height: int, top: float) -> list[str]:
    """The largest value of each column, on a logarithmic scale of three decades below top."""
    if not len(values) or top <= 0:
        return [" " * width] * height
    edges = np.linspace(0, len(values), width + 1).astype(int)
    highest = np.array([values[min(edges[i], len(values) - 1):max(edges[i + 1], edges[i] + 1)].max() for i in range(width)])
    share = 1 + np.log10(np.maximum(highest / top, 1e-12)) / _DECADES
    filled = np.clip(np.rint(share * 8 * height), 0, 8 * height).astype(int)
    return ["".join(_EIGHTHS[min(8, max(0, fill - 8 * row))] for fill in filled) for row in reversed(range(height))]
