# SPDX-License-Identifier: Apache-2.0
"""WAV: PCM of 8, 16, 24 or 32 bits and floats (RIFF; Microsoft and IBM, Multimedia Programming Interface 1.0)."""

import dataclasses
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import AuscultError
from ..recordings import BLOCK, Header, Recording, header_of
from . import Conversion, Notes, Options, file_name, number_axes, rate_of, settle_unit
from .units import Unit

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_HINT = "get the file again, or convert it to 16 bit PCM"
_OURS = re.compile(rb'INFOICMT....\{"full_scale": ', re.DOTALL)


def import_wav(path: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """One WAV file into one recording; full_scale says what the largest number stands for, in `unit` (m/s2)."""
    chunks, begin, data_bytes = _chunks(path)
    if len(chunks.get(b"fmt ", b"")) < 16 or not begin:
        raise AuscultError(f"{path} has no format or no data", "a WAV file with 'fmt ' and 'data' chunks", _HINT)
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    if kind == _EXTENSIBLE and len(chunks[b"fmt "]) >= 26:
        kind = struct.unpack_from("<H", chunks[b"fmt "], 24)[0]
    if not channels or not rate_hz:
        raise AuscultError(f"{path} says {channels} channels at {rate_hz} Hz", "at least one of each", _HINT)
    size = bits // 8
    if (kind, bits) not in {(_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)}:
        raise AuscultError(f"{path} has WAV format {kind} with {bits} bits", "PCM of 8, 16, 24, 32 bits, or floats",
                           "convert it to 16 bit PCM")
    if data_bytes % (size * channels):
        raise AuscultError(f"{path} has {data_bytes} bytes of data", f"a multiple of {size * channels}",
                           "the file is cut off: get it again")
    own = _own(path, chunks.get(b"LIST", b""))
    unit, scale = None, 1.0
    if own is not None:  # exported by us
        header, scale = own
        options = dataclasses.replace(options, unit=header.unit, scale=None)
    else:
        notes.say(f"{bits} bit {'float' if kind == _FLOAT else 'PCM'}, {channels} channels, {rate_hz} Hz")
        if options.full_scale is not None:
            unit, scale = Unit("m/s2"), options.full_scale
        elif options.unit is None:
            unit = Unit("1")
            notes.say("no --full-scale given: values are shares of full scale, without a unit")
    data = np.empty((data_bytes // (size * channels), channels), dtype=np.float32)
    convert: Conversion | None = None
    at = 0
    with path.open("rb") as file:
        file.seek(begin)
        while at < len(data):
            block = _decode(kind, bits, file.read(min(BLOCK, len(data) - at) * size * channels)).reshape(-1, channels) * scale
            convert = convert or settle_unit(path.stem, block, unit, options, notes)
            data[at:at + len(block)] = convert(block)
            at += len(block)
    if own is not None:
        yield Recording(data, **vars(header))
        return
    convert = convert or Conversion(1.0, Unit("1"))  # no samples: the recording will say so
    yield Recording(data, rate_of(path.stem, float(rate_hz), options), options.axes or number_axes(channels), convert.unit.si,
                    label=options.label_for(path.stem), source=path.name, name=file_name(path.stem))


def _chunks(path: Path) -> tuple[dict[bytes, bytes], int, int]:
    """The chunks but for the data, of which this is where they begin and their size."""
    chunks: dict[bytes, bytes] = {}
    begin = data_bytes = 0
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise AuscultError(f"{path} is not a WAV file", "RIFF with WAVE data", _HINT)
        at = 12
        while at + 8 <= length:
            file.seek(at)
            name, size = struct.unpack("<4sI", file.read(8))
            if at + 8 + size > length:
                raise AuscultError(f"{path} is cut off: its {name.decode('latin-1')!r} chunk of {size} bytes has "
                                   f"{length - at - 8}", "a whole file", _HINT)
            if name != b"data":
                chunks.setdefault(name, file.read(size))
            elif not begin:
                begin, data_bytes = at + 8, size
            at += 8 + size + size % 2
    return chunks, begin, data_bytes


def _own(path: Path, chunk: bytes) -> tuple[Header, float] | None:
    """Header and full scale, if `auscult export` wrote the file."""
    if not re.match(_OURS, chunk):
        return None
    try:
        said = json.loads(chunk[12:].rstrip(b"\0"))
        full_scale, text = float(said["full_scale"]), str(said["header"])
    except (ValueError, KeyError, TypeError) as error:
        raise AuscultError(f"{path} has a damaged comment ({error})", "metadata written by auscult",
                           "export it again") from error
    return header_of(path, text), full_scale


def _decode(kind: int, bits: int, data: bytes) -> np.ndarray:
    """float64, PCM as shares of full scale."""
    if kind == _FLOAT:
        return np.frombuffer(data, f"<f{bits // 8}").astype(np.float64)
    if bits == 8:
        return (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    if bits == 24:
        padded = np.zeros((len(data) // 3, 4), np.uint8)
        padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return np.asarray(padded.view("<i4")[:, 0] / 2.0**31)
    return np.asarray(np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1))
