# SPDX-License-Identifier: Apache-2.0
"""Intel HEX files, read whole."""

from pathlib import Path

from ..errors import AuscultError

_DATA, _END, _SEGMENT, _START, _LINEAR, _ENTRY = range(6)


def parts(image: Path) -> list[tuple[int, bytes]]:
    """(address, data) of each uninterrupted run; AuscultError for a damaged or cut file."""
    found: list[tuple[int, bytearray]] = []
    base, ended = 0, False
    for number, line in enumerate(image.read_bytes().split(), 1):
        kind, address, data = _record(line, number, image)
        if ended:
            raise AuscultError(f"line {number} of {image} comes after the end", "one image", "fetch it again")
        if kind == _DATA:
            if not found or found[-1][0] + len(found[-1][1]) != base + address:
                found.append((base + address, bytearray()))
            found[-1][1].extend(data)
        elif kind in (_SEGMENT, _LINEAR):
            base = int.from_bytes(data) << (4 if kind == _SEGMENT else 16)
        ended = kind == _END
    if not ended:
        raise AuscultError(f"{image} has no last record", "a whole Intel HEX file", "it is cut short: fetch it again")
    return [(address, bytes(data)) for address, data in found]


def _record(line: bytes, number: int, image: Path) -> tuple[int, int, bytes]:
    """Kind, address and data of a line."""
    try:
        raw = bytes.fromhex(line[1:].decode("ascii"))
    except ValueError:
        raw = b""
    if line[:1] != b":" or len(raw) < 5 or len(raw) != raw[0] + 5 or sum(raw) & 0xFF or raw[3] > _ENTRY:
        raise AuscultError(f"line {number} of {image} is damaged", "an Intel HEX record", "fetch it again")
    return raw[3], int.from_bytes(raw[1:3]), raw[4:-1]
