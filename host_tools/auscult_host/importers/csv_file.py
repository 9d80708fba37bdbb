# SPDX-License-Identifier: Apache-2.0
"""CSV: separator, header, time column, axes and units are guessed; each guess is noted. Files are read chunk by chunk."""

import csv
import dataclasses
import datetime
import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ..errors import AuscultError
from ..recordings import Recording, header_of
from . import Notes, Options
from .columns import Layout, lay_out
from .tables import Batch, key_column, key_text, read_table
from .units import SECONDS, find_unit, split_header

_CHUNK = 1 << 22  # bytes that are worked on at a time
_SNIFFED = 500  # lines by which the layout is found
_COMMENT = ("#", "%", "//")


def import_csv(path: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """The recordings of one CSV file: one, unless columns for label, machine or session split it.

    Raises AuscultError with the line of the first cell that is not a number, of a row with a missing cell, of time
    that goes backwards.
    """
    chunks = _chunks(path)
    chunk, first_line = next(chunks, (b"", 1))
    lines, numbers = _kept(chunk, first_line, _SNIFFED)
    if not lines:
        raise AuscultError(f"{path} is empty", "rows of numbers", "record it again")
    separator = _separator(lines[:50])
    rows = _cells(path, lines, separator)
    decimal_comma = separator != "," and not any("." in cell for row in rows[1:20] for cell in row)
    header, first = _header(path, rows, decimal_comma)
    titles = [split_header(cell) for cell in header] if header else []
    if header and first < len(rows) and not _is_numeric(rows[first], decimal_comma) and \
            all(not cell or find_unit(cell.strip("()[] ")) or cell.strip("()[] ") in SECONDS for cell in rows[first]):
        titles = [(name, cell.strip("()[] ")) for (name, _), cell in zip(titles, rows[first])]
        first += 1  # a row of units under the header
    if first >= len(rows):
        raise AuscultError(f"{path} has a header and no data", "rows of numbers", "record it again")
    body = rows[first:]
    width = len(header) if header else len(body[0])
    names = [name for name, _ in titles] if titles else [f"column {i + 1}" for i in range(width)]
    units = [unit for _, unit in titles] if titles else [""] * width
    time = None
    if not titles and options.rate_hz is None and width > 1:
        time = _looks_like_time(body, decimal_comma)
    numeric = [i < len(body[0]) and _value(body[0][i], decimal_comma) is not None for i in range(width)]
    own = re.match(rb"# auscult (\d+) samples (\{.*)\n", chunk)
    if own:  # exported by us
        said = header_of(path, own[2])
        layout = Layout(names, units, True, None, list(range(1, width)), {})
        options = dataclasses.replace(options, rate_hz=said.rate_hz, unit=said.unit, scale=None, axes=said.axes)
    else:
        layout = lay_out(path, names, units, numeric, bool(titles), options, notes, time)
    if options.rate_hz is not None:
        layout.time = None
    dated = layout.time is not None and not numeric[layout.time]
    reader = _Reader(path, layout, separator, decimal_comma, width, dated)
    skipped = numbers[first] - first_line
    rest = chunk.split(b"\n", skipped)[skipped]

    def batches() -> Iterator[Batch]:
        yield from reader.read(rest, first_line + skipped)
        for more, line in chunks:
            yield from reader.read(more, line)

    for recording in read_table(path, layout, batches(), options, notes):
        if own and recording.samples != int(own[1]):
            raise AuscultError(f"{path} has {recording.samples} rows", f"{int(own[1])}, as its first line says",
                               "the file is cut off: export it again")
        yield Recording(recording.data, **vars(said)) if own else recording


def _chunks(path: Path) -> Iterator[tuple[bytes, int]]:
    """Whole lines in UTF-8, each ended by a line feed, and the number of the first."""
    line, held, rest = 1, b"", b""
    for piece in _pieces(path):
        whole, found, after = piece.rpartition(b"\n")
        if not found:
            rest += piece
            continue
        if held:
            chunk = _clean(path, held)
            yield chunk, line
            line += chunk.count(b"\n")
        held, rest = rest + whole + found, after
    if held or rest:  # the last line may lack its end
        yield _clean(path, held + rest), line


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        start = file.read(3)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            file.seek(0)
            text = io.TextIOWrapper(file, encoding="utf-16", errors="replace", newline="")
            while part := text.read(_CHUNK):
                yield part.encode()
            return
        yield b"" if start == b"\xef\xbb\xbf" else start
        while piece := file.read(_CHUNK):
            yield piece


def _clean(path: Path, chunk: bytes) -> bytes:
    if b"\0" in chunk:
        raise AuscultError(f"{path} is not text", "a CSV file", "export it as CSV first")
    try:
        chunk.decode()
    except UnicodeDecodeError:
        chunk = chunk.decode("latin-1").encode()  # older loggers write "m/s²" and "°C" so
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return chunk if chunk.endswith(b"\n") else chunk + b"\n"


def _kept(chunk: bytes, first_line: int, most: int | None = None) -> tuple[list[str], list[int]]:
    """Lines that are not blank or comments, and their numbers in the file."""
    lines, numbers = [], []
    for number, line in enumerate(io.StringIO(chunk.decode(), newline="\n"), first_line):
        if line.strip() and not line.lstrip().startswith(_COMMENT):
            lines.append(line[:-1])
            numbers.append(number)
            if len(lines) == most:
                break
    return lines, numbers


def _cells(path: Path, lines: list[str], separator: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    except csv.Error as error:
        raise AuscultError(f"{path} cannot be read as CSV ({error})", "lines of cells", "export it again") from error
    return [[cell for cell in row if cell] for row in rows] if separator == " " else rows


class _Reader:
    """Chunks of lines into batches: by Arrow's parser, and where that finds anything unusual, slowly and with the line."""

    def __init__(self, path: Path, layout: Layout, separator: str, decimal_comma: bool, width: int, dated: bool) -> None:
        self._path, self._layout, self._separator, self._decimal_comma = path, layout, separator, decimal_comma
        self._width, self._dated = width, dated
        columns = {i: pa.string() for i in layout.keys.values()} | {i: pa.float64() for i in layout.data}
        if layout.time is not None:
            columns[layout.time] = pa.string() if dated else pa.float64()
        self._convert = pa.csv.ConvertOptions(
            column_types={str(i): kind for i, kind in columns.items()}, include_columns=[str(i) for i in columns],
            null_values=[], strings_can_be_null=False, decimal_point="," if decimal_comma else ".")
        self._parse = pa.csv.ParseOptions(delimiter=separator)

    def read(self, chunk: bytes, line: int) -> Iterator[Batch]:
        batch = self._fast(chunk, line) or self._slow(chunk, line)
        if len(batch.values):
            yield batch

    def _fast(self, chunk: bytes, line: int) -> Batch | None:
        if re.search(rb"^\s*(#|%|//)", chunk, re.MULTILINE):
            return None
        if self._separator == " ":
            chunk = re.sub(rb"^ | $", b"", re.sub(rb" +", b" ", chunk), flags=re.MULTILINE)
        read = pa.csv.ReadOptions(use_threads=False, block_size=len(chunk) + 1,
                                  column_names=[str(i) for i in range(self._width)])
        try:
            table = pa.csv.read_csv(pa.BufferReader(chunk), read, self._parse, self._convert)
        except pa.ArrowException:
            return None
        if len(table) != chunk.count(b"\n"):
            return None
        values = np.stack([table[str(i)].to_numpy() for i in self._layout.data], axis=1)
        time = None
        if self._layout.time is not None:
            cells = table[str(self._layout.time)]
            try:
                time = np.array([_moment(cell) for cell in cells.to_pylist()]) if self._dated else cells.to_numpy()
            except ValueError:
                return None
        if not (np.isfinite(values).all() and (time is None or np.isfinite(time).all())):
            return None
        keys = [key_column(table[str(i)]) for i in self._layout.keys.values()]
        return Batch(values, time, self._dated, keys, np.arange(line, line + len(values)))

    def _slow(self, chunk: bytes, line: int) -> Batch:
        lines, numbers = _kept(chunk, line)
        rows = _cells(self._path, lines, self._separator)
        layout = self._layout
        values, time = np.empty((len(rows), len(layout.data))), np.empty(len(rows))
        for r, (row, number) in enumerate(zip(rows, numbers, strict=True)):
            if len(row) != self._width:
                raise AuscultError(f"{self._path}, line {number}: {len(row)} cells", f"{self._width}, as in the other rows",
                                   "the file may be cut off: delete the incomplete line or get the file again")
            for c, i in enumerate(layout.data):
                value = _value(row[i], self._decimal_comma)
                if value is None or not math.isfinite(value):
                    raise AuscultError(f"{self._path}, line {number}: column {layout.names[i]!r} holds {row[i]!r}",
                                       "a finite number", "cut the broken part out or get the file again")
                values[r, c] = value
            if layout.time is not None:
                time[r] = self._time(row[layout.time], number)
        keys = [key_text([row[i] for row in rows]) for i in layout.keys.values()]
        return Batch(values, None if layout.time is None else time, self._dated, keys, np.array(numbers))

    def _time(self, cell: str, number: int) -> float:
        try:
            value = _moment(cell) if self._dated else _value(cell, self._decimal_comma)
        except ValueError:
            value = None
        if value is None:
            raise AuscultError(f"{self._path}, line {number}: the time {cell!r}", "a number or an ISO 8601 time",
                               "give --rate-hz and choose the others with --columns")
        return value


def _moment(cell: str) -> float:
    moment = datetime.datetime.fromisoformat(cell.strip())
    return moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp()


def _separator(lines: list[str]) -> str:
    """The first of tab, semicolon, comma that is in every line, in this order, because where there is one of the
    others the comma is a decimal point; a space when there is none of them."""
    def least(separator: str) -> int:
        return min(line.count(separator) for line in lines[1:] or lines)

    for separator in "\t;,":
        if least(separator) > 0:
            return separator
    return " " if all(len(line.split()) > 1 for line in lines) else ","


def _value(cell: str, decimal_comma: bool) -> float | None:
    if decimal_comma:
        cell = cell.replace(",", ".")
    if "_" in cell:
        return None  # float() would read 1_000
    try:
        return float(cell)
    except ValueError:
        return None


def _is_numeric(row: list[str], decimal_comma: bool) -> bool:
    return any(_value(cell, decimal_comma) is not None for cell in row)


def _header(path: Path, rows: list[list[str]], decimal_comma: bool) -> tuple[list[str], int]:
    if _is_numeric(rows[0], decimal_comma):
        return [], 0
    widest = max(len(row) for row in rows[-3:])
    for i, row in enumerate(rows[:30]):  # a logger may write some lines of its own above
        if len(row) == widest and not _is_numeric(row, decimal_comma):
            return row, i + 1
        if _is_numeric(row, decimal_comma) and len(row) == widest:
            return [], i
    raise AuscultError(f"{path}: no header and no rows of numbers in the first 30 lines", "a CSV file of numbers",
                       "delete the lines above the header")


def _looks_like_time(body: list[list[str]], decimal_comma: bool) -> int | None:
    """Without a header: the first column is time in seconds if it starts near 0 and rises by equal small steps."""
    t = [_value(row[0], decimal_comma) for row in body[:200]]
    if len(t) < 3 or any(v is None or not math.isfinite(v) for v in t):
        return None
    step = np.diff(np.array(t, dtype=np.float64))
    return 0 if (step > 0).all() and step.max() < 1.5 * np.median(step) and np.median(step) < 1 else None
