# SPDX-License-Identifier: Apache-2.0
"""Edge Impulse's acquisition format, unsigned (alg none), as JSON or CBOR."""

import json
from pathlib import Path
from typing import Any

import cbor2
import numpy as np

from ..recordings import Entry

_OUTER = {"protected": {"ver": "v1", "alg": "none"}, "signature": "0" * 64}
_UNITS = {"1": "N/A"}


def _about(entry: Entry) -> dict[str, Any]:
    """The payload but for the values, which follow block by block."""
    return {"device_name": entry.sensor or "auscult", "device_type": "AUSCULT", "interval_ms": 1000 / entry.rate_hz,
            "sensors": [{"name": axis, "units": _UNITS.get(entry.unit, entry.unit)} for axis in entry.axes]}


def write_json(entry: Entry, path: Path) -> None:
    outer, about = json.dumps(_OUTER), json.dumps(_about(entry))
    with path.open("w", encoding="ascii") as file:
        file.write(outer[:-1] + ', "payload": ' + about[:-1] + ', "values": [')
        separator = "\n"
        for block in entry.blocks():
            rows = json.dumps(block.astype(np.float64).tolist())
            file.write(separator + rows[1:-1])
            separator = ",\n"
        file.write("]}}")


def write_cbor(entry: Entry, path: Path) -> None:
    about = _about(entry)
    with path.open("wb") as file:
        file.write(_head(5, len(_OUTER) + 1) + _pairs(_OUTER) + cbor2.dumps("payload"))
        file.write(_head(5, len(about) + 1) + _pairs(about) + cbor2.dumps("values") + _head(4, entry.samples))
        for block in entry.blocks():
            file.write(b"".join(cbor2.dumps(row) for row in block.astype(np.float64).tolist()))


def _pairs(table: dict[str, Any]) -> bytes:
    return b"".join(cbor2.dumps(key) + cbor2.dumps(value) for key, value in table.items())


def _head(kind: int, count: int) -> bytes:
    """The head of a map (5) or an array (4) of so many entries, RFC 8949 section 3; always with four bytes."""
    return bytes([kind << 5 | 26]) + count.to_bytes(4, "big")
