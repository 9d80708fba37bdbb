# SPDX-License-Identifier: Apache-2.0
"""WAV: float32 with the values as they are, or 16 bits of a full scale that stands in the file; metadata in a comment."""

import json
import struct
from pathlib import Path

import numpy as np

from ..dataset import choose_full_scale
from ..errors import AuscultError
from ..recordings import Entry

_PCM, _FLOAT = 1, 3


def write_wav(entry: Entry, path: Path) -> None:
    _write(entry, path, _FLOAT, 1.0)


def write_wav16(entry: Entry, path: Path) -> None:
    """Full scale is the sensor range that holds the recording, see dataset.choose_full_scale."""
    _write(entry, path, _PCM, choose_full_scale([entry]))


def _write(entry: Entry, path: Path, kind: int, full_scale: float) -> None:
    channels, size = len(entry.axes), 4 if kind == _FLOAT else 2
    comment = json.dumps({"full_scale": full_scale, "header": entry.to_json()}).encode() + b"\0"
    comment += b"\0" * (len(comment) % 2)
    about = b"INFOICMT" + struct.pack("<I", len(comment)) + comment
    data_bytes = entry.samples * channels * size
    rate = max(1, round(entry.rate_hz))
    form = struct.pack("<HHIIHHH", kind, channels, rate, rate * channels * size, channels * size, 8 * size, 0)
    head = b"WAVE" + _chunk(b"fmt ", form)
    if kind == _FLOAT:
        head += _chunk(b"fact", struct.pack("<I", entry.samples & 0xFFFFFFFF))
    head += _chunk(b"LIST", about) + b"data" + struct.pack("<I", data_bytes & 0xFFFFFFFF)
    if len(head) + data_bytes + 1 > 0xFFFFFFFF or channels > 0xFFFF:
        raise AuscultError(f"{entry.name} has {data_bytes:,} bytes of samples", "less than 4 GiB, which is all that a WAV file "
                           "holds", "export it as csv, or cut it")
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(head) + data_bytes + data_bytes % 2) + head)
        for block in entry.blocks():
            if kind == _PCM:
                counts = np.rint(block.astype(np.float64) * (32768 / full_scale))
                file.write(counts.clip(-32768, 32767).astype("<i2").tobytes())
            else:
                file.write(block.astype("<f4").tobytes())
        file.write(b"\0" * (data_bytes % 2))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
