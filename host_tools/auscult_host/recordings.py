# SPDX-License-Identifier: Apache-2.0
"""Recordings: one Parquet file each, one float32 column per channel in SI units, metadata in the schema."""

import contextlib
import dataclasses
import json
import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import AuscultError
from .files import atomic

FORMAT_VERSION = 1
_KEY = b"auscult"  # one schema metadata entry that holds JSON
STANDARD_GRAVITY = 9.80665  # m/s² per g, exact by definition (CGPM 1901)
BLOCK = 1 << 18  # samples that are worked on at a time, and in one row group of a file

# SI units by the spelling that is stored; "1" is a quantity without a unit (standardised data).
UNITS = {"m/s2": "m/s²", "degC": "°C", "mixed": "°C, %, kPa", "V": "V", "Pa": "Pa", "A": "A", "rad/s": "rad/s", "1": "no unit"}


def is_identifier(name: str) -> bool:
    """True for names that can stand in C, in Python and in file names alike: letters, digits, underscore."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None


@dataclasses.dataclass
class Header:
    """Everything about a recording but its samples.

    rate_hz: samples per second; label: class name (an identifier) or "" when unknown; machine, session: the groups that
    splits respect; piece: samples per uninterrupted piece when the recording is a row of short pieces with gaps between
    them (0: one piece); fault_at_s: the moment from which `label` holds, "normal" before it (None: from the start);
    rpm: speed of the shaft in revolutions a minute (0: unknown).
    """

    rate_hz: float
    axes: tuple[str, ...] = ("x", "y", "z")
    unit: str = "m/s2"
    label: str = ""
    machine: str = ""
    session: str = ""
    sensor: str = ""
    placement: str = ""
    source: str = ""
    licence: str = ""
    started: str = ""
    piece: int = 0
    fault_at_s: float | None = None
    rpm: float = 0.0
    name: str = ""  # file name without its suffix; not stored

    def __post_init__(self) -> None:
        self.axes = tuple(self.axes)
        self.rate_hz = float(self.rate_hz)
        self.check_header()

    @property
    def who(self) -> str:
        return f"recording {self.name!r}" if self.name else "the recording"

    def check_header(self) -> None:
        """Raises AuscultError for whatever would make the recording useless later."""
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise AuscultError(f"{self.who} has a sample rate of {self.rate_hz} Hz", "a positive number",
                               "give the true rate, for example --rate-hz 1600")
        bad = [axis for axis in self.axes if not is_identifier(axis)]
        if bad or len(set(self.axes)) != len(self.axes):
            raise AuscultError(f"{self.who} has axes {', '.join(map(repr, self.axes))}",
                               "different identifiers (letters, digits, underscore)", "rename with --axes x,y,z")
        if self.label and not is_identifier(self.label):
            raise AuscultError(f"{self.who} has the label {self.label!r}", "an identifier (letters, digits, underscore)",
                               f"use for example {identifier(self.label)!r}")
        if self.unit not in UNITS:
            raise AuscultError(f"{self.who} has the unit {self.unit!r}", f"one of {', '.join(UNITS)}",
                               "convert to SI units when importing (--unit g|mg|m/s2)")
        if not (math.isfinite(self.rpm) and self.rpm >= 0):
            raise AuscultError(f"{self.who} has a shaft speed of {self.rpm} rpm", "0 or a positive number",
                               "0 if it is not known")
        if self.piece < 0:
            raise AuscultError(f"{self.who} has pieces of {self.piece} samples", "0 or a positive number",
                               "0 if the recording has no gaps")

    def to_json(self) -> str:
        """All of it but the name, as it stands in our own files and in those of others that have room for a text."""
        return json.dumps({"format": FORMAT_VERSION} | {key: getattr(self, key) for key in _STORED})

    def label_at(self, seconds: float) -> str:
        """The label that holds at a moment: "normal" until the fault begins."""
        return "normal" if self.fault_at_s is not None and seconds < self.fault_at_s else self.label


@dataclasses.dataclass
class _Samples:
    data: np.ndarray  # as a base of its own it comes first among the arguments


@dataclasses.dataclass
class Recording(Header, _Samples):
    """What one sensor heard in one go. data: float32[n, axes] in `unit`, all finite."""

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):  # too large for float32: becomes infinite, which check() refuses
            self.data = np.ascontiguousarray(self.data, dtype=np.float32)
        super().__post_init__()
        self.check_data()

    @property
    def samples(self) -> int:
        return len(self.data)

    @property
    def seconds(self) -> float:
        return len(self.data) / self.rate_hz

    def blocks(self, samples: int = BLOCK) -> Iterator[np.ndarray]:
        """The data in order, at most so many samples at a time."""
        for start in range(0, len(self.data), samples):
            yield self.data[start:start + samples]

    def peak(self) -> float:
        """The largest absolute value of all axes."""
        return max(float(np.abs(block).max()) for block in self.blocks())

    def check(self) -> None:
        """Raises AuscultError for whatever would make the recording useless later."""
        self.check_header()
        self.check_data()

    def check_data(self) -> None:
        if self.data.ndim != 2 or self.data.shape[1] != len(self.axes):
            raise AuscultError(f"{self.who} has data of shape {self.data.shape} for {len(self.axes)} axes",
                               "shape [samples, axes]", "name as many axes as there are columns")
        if not len(self.data):
            raise AuscultError(f"{self.who} has no samples", "at least one sample", "record it again")
        if all(np.isfinite(block).all() for block in self.blocks()):
            return
        finite = np.isfinite(self.data)
        row, column = np.argwhere(~finite)[0]
        raise AuscultError(
            f"{self.who} has {int((~finite).sum())} values that are not finite, the first in sample {row} of "
            f"axis {self.axes[column]!r}", "finite numbers only", "cut the broken part out or record it again")


@dataclasses.dataclass
class Entry(Header):
    """A recording in its file: what is known of it without reading a sample, and the ways to read them."""

    path: Path = dataclasses.field(kw_only=True)
    samples: int = dataclasses.field(kw_only=True)

    @property
    def seconds(self) -> float:
        return self.samples / self.rate_hz

    def read(self) -> Recording:
        """The whole recording."""
        return read(self.path)

    def blocks(self, samples: int = BLOCK) -> Iterator[np.ndarray]:
        """float32[n, axes] in order, at most so many samples at a time: for files too long to stand in memory.

        Raises AuscultError when the file is damaged or holds values that are not finite.
        """
        at = 0
        for block in _read_blocks(self.path, samples):
            if not np.isfinite(block).all():
                row, column = np.argwhere(~np.isfinite(block))[0]
                raise AuscultError(f"{self.who} has a value that is not finite in sample {at + row} of axis "
                                   f"{self.axes[column]!r}", "finite numbers only",
                                   "cut the broken part out or record it again")
            at += len(block)
            yield block

    def peak(self) -> float:
        """The largest absolute value of all axes: by the statistics in the file where it has them."""
        with _opened(self.path) as file:
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        found = [group.column(i).statistics for group in groups for i in range(group.num_columns)]
        if any(s is None or not s.has_min_max for s in found):
            return max(float(np.abs(block).max()) for block in self.blocks())
        return max(abs(float(value)) for s in found for value in (s.min, s.max))


# Everything but the samples and the file name, in the order in which it is stored.
_STORED = [field.name for field in dataclasses.fields(Header) if field.name != "name"]
_ADDED = {"rpm": 0.0}  # what files of earlier versions lack, and how it is read then


def identifier(text: str) -> str:
    """The nearest identifier to a free text: "fan 0-low" -> "fan_0_low"."""
    name = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_") or "unnamed"
    return f"_{name}" if name[0].isdigit() else name


def write(recording: Recording, path: Path | str) -> Path:
    """Write one Parquet file, losslessly; the file appears only once it is complete."""
    path = Path(path)
    recording.check()
    schema = pa.schema([pa.field(axis, pa.float32(), nullable=False) for axis in recording.axes],
                       metadata={_KEY: recording.to_json()})
    # Splitting the bytes of the floats by their place lets zstd find the regularity in the exponents.
    with atomic(path) as part, pq.ParquetWriter(part, schema, compression="zstd", use_dictionary=False,
                                                use_byte_stream_split=True) as writer:
        for block in recording.blocks():
            writer.write_table(pa.Table.from_arrays([pa.array(np.ascontiguousarray(c)) for c in block.T], schema=schema))
    return path


def write_all(recordings: Iterable[Recording], folder: Path) -> list[Path]:
    """Write recordings into a folder under their names: all of them, or, when one fails, none that was not there."""
    written: list[Path] = []
    created: list[Path] = []
    made_folder = not folder.exists()
    try:
        for recording in recordings:
            path = folder / f"{recording.name}.parquet"
            if not path.exists():
                created.append(path)
            written.append(write(recording, path))
    except BaseException:
        for path in created:
            path.unlink(missing_ok=True)
        if made_folder and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        raise
    return written


_HINT = "bring foreign data in with `auscult import`; get a damaged file again from its source"


def read(path: Path | str) -> Recording:
    """Read one recording.

    Raises AuscultError for a file that is missing, truncated, foreign, of another format version, lacks metadata or
    holds NaN.
    """
    path = Path(path)
    entry = read_header(path)
    data = np.empty((entry.samples, len(entry.axes)), dtype=np.float32)
    at = 0
    for block in _read_blocks(path, BLOCK):
        data[at:at + len(block)] = block
        at += len(block)
    return Recording(data, name=entry.name, **{key: getattr(entry, key) for key in _STORED})


def read_header(path: Path | str) -> Entry:
    """What a file says of its recording; the samples are left where they are.

    Raises AuscultError as `read` does, but for the samples.
    """
    path = Path(path)
    with _opened(path) as file:
        schema, samples = file.schema_arrow, file.metadata.num_rows
    if not is_recording(schema):
        raise AuscultError(f"{path} is a Parquet file without auscult's metadata", "a recording with rate and unit", _HINT)
    header = header_of(path, schema.metadata[_KEY])
    if schema.names != list(header.axes) or any(field.type != pa.float32() for field in schema):
        raise AuscultError(f"{path} has the columns {', '.join(map(str, schema))}",
                           f"float32 columns {', '.join(header.axes)} as its metadata says", _HINT)
    entry = Entry(**vars(header), path=path, samples=samples)
    if not samples:
        raise AuscultError(f"{entry.who} has no samples", "at least one sample", "record it again")
    return entry


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The Parquet file; what goes wrong while it is open is told as a damaged file."""
    if not path.is_file():
        raise AuscultError(f"there is no file {path}", "a recording (.parquet)", "check the path")
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:120]
        raise AuscultError(f"{path} cannot be read as Parquet ({reason})", "a whole recording written by auscult",
                           _HINT) from error


def _read_blocks(path: Path, samples: int) -> Iterator[np.ndarray]:
    """float32[n, axes], as they come from the file."""
    with _opened(path) as file:
        for batch in file.iter_batches(batch_size=samples):
            if any(column.null_count for column in batch.columns):
                raise AuscultError(f"{path} has missing values", "a number for every sample", _HINT)
            yield np.stack([column.to_numpy() for column in batch.columns], axis=1)


def loaded(source: Recording | Entry) -> Recording:
    """A recording with its samples, which an entry of a dataset does not hold."""
    return source.read() if isinstance(source, Entry) else source


def is_recording(schema: Any) -> bool:
    """Whether a Parquet file of this Arrow schema is one of ours."""
    return _KEY in (schema.metadata or {})


def header_of(path: Path, text: str | bytes) -> Header:
    """The header that to_json() wrote, in whatever file it stood; the name is the file's."""
    meta: Any
    try:
        meta = json.loads(text)
    except ValueError as error:
        raise AuscultError(f"{path} has damaged metadata ({error})", "metadata written by auscult", _HINT) from error
    meta = {**_ADDED, **meta} if isinstance(meta, dict) else {}
    version = meta.get("format")
    if version != FORMAT_VERSION:
        raise AuscultError(f"{path} has recording format version {version}", f"version {FORMAT_VERSION}",
                           "update auscult, or import the original data again")
    missing = [key for key in _STORED if key not in meta]
    if missing:
        raise AuscultError(f"{path} lacks the metadata {', '.join(missing)}", "a complete recording", _HINT)
    if not (isinstance(meta["axes"], list) and all(isinstance(axis, str) for axis in meta["axes"])):
        raise AuscultError(f"{path} has the axes {meta['axes']!r}", "a list of names", _HINT)
    try:
        return Header(name=path.stem, **{key: meta[key] for key in _STORED})
    except (TypeError, ValueError) as error:
        raise AuscultError(f"{path} has metadata of a wrong type ({error})", "metadata written by auscult",
                           _HINT) from error


def to_int16(recording: Recording, full_scale: float, bits: int = 16) -> np.ndarray:
    """Samples as a sensor would deliver them: int16[n, axes], rounded and saturated.

    full_scale: the value in the recording's unit that 32768 stands for. bits: resolution of the sensor; the low
    16 - bits bits are zero, as in a left-justified output register (ADXL345 in ±16 g full resolution: 13).
    """
    if not (math.isfinite(full_scale) and full_scale > 0):
        raise AuscultError(f"a full scale of {full_scale}", "a positive number", "for ±16 g give 156.9 (m/s²)")
    if not 1 <= bits <= 16:
        raise AuscultError(f"{bits} bits", "1 to 16", "use the resolution of the sensor's data sheet")
    step = 1 << (16 - bits)
    counts = np.empty(recording.data.shape, dtype=np.int16)
    at = 0
    for block in recording.blocks():
        steps = np.rint(block.astype(np.float64) * (32768.0 / full_scale / step))
        counts[at:at + len(block)] = np.clip(steps, -32768 // step, 32767 // step) * step
        at += len(block)
    return counts
