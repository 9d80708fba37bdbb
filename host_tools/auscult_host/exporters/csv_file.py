# SPDX-License-Identifier: Apache-2.0
"""CSV: a comment with the metadata, a title for each column, time in seconds; numbers with all digits that they need."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from ..recordings import Entry


def write_csv(entry: Entry, path: Path) -> None:
    at = 0
    options = pa.csv.WriteOptions(include_header=False)
    with path.open("wb") as file:
        titles = ",".join(["time [s]", *(f"{axis} [{entry.unit}]" for axis in entry.axes)])
        file.write(f"# auscult {entry.samples} samples {entry.to_json()}\n{titles}\n".encode())
        for block in entry.blocks():
            times = np.arange(at, at + len(block)) / entry.rate_hz
            at += len(block)
            columns = [pa.array(times), *(pa.array(np.ascontiguousarray(column)) for column in block.T)]
            pa.csv.write_csv(pa.table(columns, names=["time", *entry.axes]), file, options)
