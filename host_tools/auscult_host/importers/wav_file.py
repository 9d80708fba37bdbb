# SPDX-License-Identifier: Apache-2.0
"""WAV: PCM of 8, 16, 24 or 32 bits and floats (RIFF; Microsoft and IBM, Multimedia Programming Interface 1.0)."""

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import AuscultError
from ..recordings import Recording, header_of
from . import Notes, Options, finish, number_axes
from .units import Unit

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_OURS = re.compile(rb'INFOICMT....\{"full_scale": ', re.DOTALL)


def import_wav(path: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """One WAV file into one recording; full_scale says what the largest number stands for, in `unit` (m/s2)."""
    raw = path.read_bytes()
    hint = "get the file again, or convert it to 16 bit PCM"
    if len(raw) < 12 or raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise AuscultError(f"{path} is not a WAV file", "RIFF with WAVE data", hint)
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(raw):
        name, size = struct.unpack_from("<4sI", raw, at)
        if at + 8 + size > len(raw):
            raise AuscultError(f"{path} is cut off: its {name.decode('latin-1')!r} chunk of {size} bytes has "
                               f"{len(raw) - at - 8}", "a whole file", hint)
        chunks.setdefault(name, raw[at + 8:at + 8 + size])
        at += 8 + size + size % 2
    if len(chunks.get(b"fmt ", b"")) < 16 or b"data" not in chunks:
        raise AuscultError(f"{path} has no format or no data", "a WAV file with 'fmt ' and 'data' chunks", hint)
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    if kind == _EXTENSIBLE and len(chunks[b"fmt "]) >= 26:
        kind = struct.unpack_from("<H", chunks[b"fmt "], 24)[0]
    if not channels or not rate_hz:
        raise AuscultError(f"{path} says {channels} channels at {rate_hz} Hz", "at least one of each", hint)
    values = _decode(path, kind, bits, chunks[b"data"], channels)
    if re.match(_OURS, chunks.get(b"LIST", b"")):
        yield _own(path, chunks[b"LIST"][12:], values)
        return
    notes.say(f"{bits} bit {'float' if kind == _FLOAT else 'PCM'}, {channels} channels, {rate_hz} Hz")
    unit = None
    if options.full_scale is not None:
        values = values * options.full_scale
        unit = Unit("m/s2")
    elif options.unit is None:
        unit = Unit("1")
        notes.say("no --full-scale given: values are shares of full scale, without a unit")
    yield finish(path.stem, values, float(rate_hz), unit, number_axes(channels), options, notes, source=path.name)


def _own(path: Path, comment: bytes, values: np.ndarray) -> Recording:
    """What `auscult export` wrote, with its metadata."""
    try:
        said = json.loads(comment.rstrip(b"\0"))
        full_scale, text = float(said["full_scale"]), str(said["header"])
    except (ValueError, KeyError, TypeError) as error:
        raise AuscultError(f"{path} has a damaged comment ({error})", "metadata written by auscult",
                           "export it again") from error
    return Recording(values * full_scale, **vars(header_of(path, text)))


def _decode(path: Path, kind: int, bits: int, data: bytes, channels: int) -> np.ndarray:
    """float64[n, channels], PCM as shares of full scale."""
    size = bits // 8
    if (kind, bits) not in {(_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)}:
        raise AuscultError(f"{path} has WAV format {kind} with {bits} bits", "PCM of 8, 16, 24, 32 bits, or floats",
                           "convert it to 16 bit PCM")
    if len(data) % (size * channels):
        raise AuscultError(f"{path} has {len(data)} bytes of data", f"a multiple of {size * channels}",
                           "the file is cut off: get it again")
    if kind == _FLOAT:
        values = np.frombuffer(data, f"<f{size}").astype(np.float64)
    elif bits == 8:
        values = (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    elif bits == 24:
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        values = padded.view("<i4")[:, 0] / 2.0**31
    else:
        values = np.frombuffer(data, f"<i{size}") / 2.0 ** (bits - 1)
    return values.reshape(-1, channels)
