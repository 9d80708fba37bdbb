# SPDX-License-Identifier: Apache-2.0
"""Units as people write them, and how to get to the SI unit."""

import re
from typing import NamedTuple

import numpy as np

from ..errors import AuscultError
from ..recordings import STANDARD_GRAVITY


class Unit(NamedTuple):
    """value in SI unit = stored value × factor + offset."""

    si: str
    factor: float = 1.0
    offset: float = 0.0

    def to_si(self, values: np.ndarray) -> np.ndarray:
        # Kept as they are when nothing is to do: float32 in, the same float32 out.
        return values if self.factor == 1 and self.offset == 0 else values * self.factor + self.offset


_UNITS = {
    "m/s2": Unit("m/s2"), "ms-2": Unit("m/s2"), "ms2": Unit("m/s2"), "mps2": Unit("m/s2"), "m/s/s": Unit("m/s2"),
    "g": Unit("m/s2", STANDARD_GRAVITY), "gn": Unit("m/s2", STANDARD_GRAVITY),
    "mg": Unit("m/s2", STANDARD_GRAVITY / 1000),
    "degc": Unit("degC"), "c": Unit("degC"), "celsius": Unit("degC"),
    "degf": Unit("degC", 5 / 9, -160 / 9), "f": Unit("degC", 5 / 9, -160 / 9), "k": Unit("degC", 1, -273.15),
    "rad/s": Unit("rad/s"), "dps": Unit("rad/s", np.pi / 180), "deg/s": Unit("rad/s", np.pi / 180),
    "v": Unit("V"), "mv": Unit("V", 1e-3), "a": Unit("A"), "ma": Unit("A", 1e-3),
    "pa": Unit("Pa"), "kpa": Unit("Pa", 1e3), "bar": Unit("Pa", 1e5), "mbar": Unit("Pa", 100.0),
    "hpa": Unit("Pa", 100.0), "1": Unit("1"), "none": Unit("1"), "n/a": Unit("1"),
}
SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}


def _normal(text: str) -> str:
    text = text.strip().casefold()
    for old, new in (("²", "2"), ("^", ""), ("**", ""), ("°", "deg"), ("·", ""), (" ", ""), ("sec", "s")):
        text = text.replace(old, new)
    return text


def parse_unit(text: str) -> Unit:
    """Raises AuscultError for a unit that is not known."""
    unit = find_unit(text)
    if unit is None:
        raise AuscultError(f"the unit {text!r}", "g, mg, m/s2, degC, degF, rad/s, dps, V, A, Pa or 1 (no unit)",
                           "give the unit with --unit and, if need be, a factor with --scale")
    return unit


def find_unit(text: str) -> Unit | None:
    return _UNITS.get(_normal(text))


def split_header(cell: str) -> tuple[str, str]:
    """Name and unit of a column's title: "acc x [m/s²]" -> ("acc x", "m/s²"), "time_ms" -> ("time", "ms")."""
    bracket = re.fullmatch(r"\s*(.*?)\s*[\[(]\s*([^\[\]()]*?)\s*[\])]\s*", cell)
    if bracket:
        return bracket[1], bracket[2]
    name, separator, last = cell.strip().rpartition("_")
    # Only units that cannot be an axis or a word; a column called "acc_a" has no unit.
    if separator and (last in SECONDS or last in ("g", "mg", "ms2", "mps2", "degc", "dps", "mv")):
        return name, last
    return cell.strip(), ""
