# SPDX-License-Identifier: Apache-2.0
"""Parquet: our own recordings as they are, tables of others by the titles of their columns as CSV is."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import AuscultError
from ..recordings import Recording, is_recording, read
from . import Notes, Options
from .columns import Layout, lay_out
from .tables import Batch, key_column, read_table
from .units import split_header

_ROWS = 1 << 17


def import_parquet(path: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """The recordings of one Parquet file: one, unless columns for label, machine or session split it."""
    try:
        with pq.ParquetFile(path) as file:
            if is_recording(file.schema_arrow):
                yield read(path)
                return
            yield from _import_table(path, file, options, notes)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:120]
        raise AuscultError(f"{path} cannot be read as Parquet ({reason})", "a whole Parquet file",
                           "get the file again") from error


def _import_table(path: Path, file: Any, options: Options, notes: Notes) -> Iterator[Recording]:
    if not file.metadata.num_rows:
        raise AuscultError(f"{path} has no rows", "rows of numbers", "record it again")
    schema = file.schema_arrow
    titles = [split_header(name) for name in schema.names]
    names = [name for name, _ in titles]
    numeric = [pa.types.is_floating(t) or pa.types.is_integer(t) for t in schema.types]
    layout = lay_out(path, names, [unit for _, unit in titles], numeric, True, options, notes)
    if options.rate_hz is not None:
        layout.time = None
    wrong = [names[i] for i in layout.data if not numeric[i]]
    if wrong:
        raise AuscultError(f"{path}: column {wrong[0]!r} is {schema.types[names.index(wrong[0])]}", "numbers",
                           "choose others with --columns")
    yield from read_table(path, layout, _batches(path, file, layout), options, notes, where="row")


def _batches(path: Path, file: Any, layout: Layout) -> Iterator[Batch]:
    row = 1
    schema = file.schema_arrow
    wanted = sorted({*layout.data, *layout.keys.values()} | ({layout.time} if layout.time is not None else set()))
    for batch in file.iter_batches(_ROWS, columns=[schema.names[i] for i in wanted]):
        table = pa.table(batch)
        column = {i: table.column(at) for at, i in enumerate(wanted)}
        rows = np.arange(row, row + len(batch))
        row += len(batch)
        values = np.stack([column[i].cast(pa.float64(), safe=False).to_numpy() for i in layout.data], axis=1)
        bad = ~np.isfinite(values)  # a missing value comes as NaN
        if bad.any():
            r, c = np.argwhere(bad)[0]
            raise AuscultError(f"{path}, row {rows[r]}: column {layout.names[layout.data[c]]!r} holds no finite number",
                               "a finite number", "cut the broken part out or get the file again")
        time, dated = (None, False) if layout.time is None else _time(path, layout.names[layout.time], column[layout.time])
        keys = [key_column(column[i].cast(pa.string())) for i in layout.keys.values()]
        yield Batch(values, time, dated, keys, rows)


def _time(path: Path, name: str, column: Any) -> tuple[np.ndarray, bool]:
    """Numbers, and whether they are seconds since 1970."""
    try:
        if pa.types.is_timestamp(column.type):
            return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False).cast(pa.int64()).to_numpy() / 1e6, True
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            moments = [datetime.datetime.fromisoformat(cell) for cell in column.to_pylist()]
            return np.array([m.replace(tzinfo=m.tzinfo or datetime.UTC).timestamp() for m in moments]), True
        time: np.ndarray = column.cast(pa.float64(), safe=False).to_numpy()
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise AuscultError(f"{path}: the times in column {name!r} cannot be read ({error})", "numbers or ISO 8601 times",
                           "give --rate-hz") from error
    if not np.isfinite(time).all():
        raise AuscultError(f"{path}: column {name!r} has missing times", "a time for each row", "give --rate-hz")
    return time, False
