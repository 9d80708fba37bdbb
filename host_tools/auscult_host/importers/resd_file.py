# SPDX-License-Identifier: Apache-2.0
"""RESD, Renode's sensor data: blocks of acceleration samples at a fixed rate."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import AuscultError
from ..exporters.resd_file import ACCELERATION, FILE_HEAD, FIXED_RATE, TEXT, UG
from ..recordings import Recording, header_of
from . import Notes, Options, finish, number_axes
from .units import Unit


def import_resd(path: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """A recording for each block of accelerations; others are left out."""
    raw = path.read_bytes()
    if raw[:5] != FILE_HEAD[:5]:
        raise AuscultError(f"{path} is not a RESD file of version 1", "a file that begins with RESD", "get the file again")
    try:
        blocks = list(_blocks(raw))
    except (struct.error, ValueError) as error:
        raise AuscultError(f"{path} is damaged or cut off ({error})", "a whole RESD file", "get the file again") from error
    if not blocks:
        raise AuscultError(f"{path} holds no accelerations", "samples at a fixed rate", "choose another file")
    for number, (period_ns, about, values) in enumerate(blocks, 1):
        recording = finish(path.stem if len(blocks) == 1 else f"{path.stem}_{number}", values * UG, 1e9 / period_ns,
                           Unit("m/s2"), number_axes(3), options, notes, source=path.name)
        if about:
            header = header_of(path, about)
            recording = Recording(recording.data[:, ["xyz".index(axis) for axis in header.axes]], **vars(header))
        yield recording


def _blocks(raw: bytes) -> Iterator[tuple[int, str, np.ndarray]]:
    """(period in ns, our metadata or "", int32 [n, 3])"""
    at = len(FILE_HEAD)
    while at < len(raw):
        kind, sample, _, size = struct.unpack_from("<BHHQ", raw, at)
        at += 13
        body = raw[at:at + size]
        if len(body) < size:
            raise ValueError(f"a block of {size} bytes has {len(body)}")
        at += size
        if (kind, sample) != (FIXED_RATE, ACCELERATION):
            continue
        _, period_ns, about_bytes = struct.unpack_from("<QQQ", body)
        if not period_ns or (len(body) - 24 - about_bytes) % 12 or about_bytes > len(body) - 24:
            raise ValueError("a block's sizes do not fit")
        key, _, rest = body[24:24 + about_bytes].partition(b"\0")
        about = rest[1:].rstrip(b"\0").decode() if key == b"auscult" and rest[:1] == bytes([TEXT]) else ""
        yield period_ns, about, np.frombuffer(body, "<i4", offset=24 + about_bytes).reshape(-1, 3)
