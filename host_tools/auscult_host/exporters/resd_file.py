# SPDX-License-Identifier: Apache-2.0
"""RESD, Renode's sensor data: one block of acceleration samples at a fixed rate, in micro-g; metadata as a string."""

import struct
from pathlib import Path

import numpy as np

from ..errors import AuscultError
from ..recordings import STANDARD_GRAVITY, Entry

FIXED_RATE, ACCELERATION, TEXT = 2, 2, 0x0B
UG = STANDARD_GRAVITY / 1e6
FILE_HEAD = b"RESD\1\0\0\0"  # version 1, three bytes of padding


def write_resd(entry: Entry, path: Path) -> None:
    """The period is whole nanoseconds; the rate, as all else, stands exactly in the metadata under `auscult`."""
    if entry.unit != "m/s2" or set(entry.axes) != set("xyz"):
        raise AuscultError(f"{entry.name} has {', '.join(entry.axes)} in {entry.unit}", "acceleration on x, y and z, for RESD",
                           "export it as csv, or choose other recordings")
    if entry.peak() / UG > 2**31 - 1:
        raise AuscultError(f"{entry.name} reaches {entry.peak():.3g} m/s²", "at most 2147 g, which is all that RESD holds",
                           "check its unit")
    order = [entry.axes.index(axis) for axis in "xyz"]
    about = b"auscult\0" + bytes([TEXT]) + entry.to_json().encode() + b"\0"
    start = struct.pack("<QQQ", 0, round(1e9 / entry.rate_hz), len(about)) + about
    with path.open("wb") as file:
        file.write(FILE_HEAD + struct.pack("<BHHQ", FIXED_RATE, ACCELERATION, 0, len(start) + 12 * entry.samples) + start)
        for block in entry.blocks():
            file.write(np.rint(block[:, order].astype(np.float64) / UG).astype("<i4").tobytes())
