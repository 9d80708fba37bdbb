# SPDX-License-Identifier: Apache-2.0
"""Rows as a pipeline's model sees them, as a Parquet table: what models of one's own are trained on."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from . import __version__, dataset, train
from .errors import AuscultError
from .files import atomic
from .hostlib import HostPipeline, choose_shifts, quantise
from .recordings import Entry
from .spec import PipelineSpec

_KEY = b"auscult.rows"  # one schema metadata entry that holds JSON


@dataclasses.dataclass
class Rows:
    """values: int16[n, F], one column for each of the spec's features; labels, groups, recording: str[n]; start: int[n],
    first sample of the window; training: fingerprint, unit, groups, labels and counts, as a trained model's."""

    spec: PipelineSpec
    values: NDArray[np.int16]
    labels: NDArray[Any]
    groups: NDArray[Any]
    recording: NDArray[Any]
    start: NDArray[np.int64]
    training: dict[str, Any]


def make(entries: list[Entry], spec: PipelineSpec, *, group_by: str = "auto") -> Rows:
    """Through the compiled pipeline. A spec without shifts gets those that suit these recordings."""
    table = dataset.table((entry.read() for entry in entries), HostPipeline(spec), group_by=group_by)
    if not spec.shifts:
        spec = spec.model_copy(update={"shifts": choose_shifts(table.raw)})
    labels, counts = np.unique(table.labels, return_counts=True)
    values = quantise(table.raw, spec.shifts)
    training = {
        "auscult": __version__, "fingerprint": dataset.fingerprint(entries), "recordings": len(entries),
        "windows": {str(label): int(count) for label, count in zip(labels, counts, strict=True)},
        "group_by": table.group_by, "groups": sorted(set(table.groups.tolist())), "unit": entries[0].unit,
        "feature_mean": values.mean(axis=0).round(2).tolist(), "feature_std": values.std(axis=0).round(2).tolist(),
    }
    return Rows(spec, values, table.labels, table.groups, np.array(table.names)[table.recording], table.start, training)


def write(rows: Rows, path: Path) -> Path:
    """int16 columns named as the features, then label, group, recording and start; the pipeline in the metadata."""
    columns = {name: rows.values[:, i] for i, name in enumerate(rows.spec.features)}
    table = pa.table({**columns, "label": rows.labels.astype(str), "group": rows.groups.astype(str),
                      "recording": rows.recording.astype(str), "start": rows.start})
    table = table.replace_schema_metadata({_KEY: json.dumps({"spec": rows.spec.model_dump(), "training": rows.training})})
    with atomic(path) as part:
        pq.write_table(table, part, compression="zstd")
    return path


def read(path: Path) -> Rows:
    """A table that `auscult features` wrote."""
    spec, training = pipeline_of(path)
    table = pq.read_table(path)
    values = np.stack([table[name].to_numpy() for name in spec.features], axis=1)
    labels, groups, recording, start = (table[name].to_numpy() for name in ("label", "group", "recording", "start"))
    return Rows(spec, values, labels, groups, recording, start, training)


def pipeline_of(path: Path) -> tuple[PipelineSpec, dict[str, Any]]:
    """(spec, training) of a table of rows or of a trained model."""
    if path.suffix != ".parquet":
        trained = train.load(path)
        return trained.spec, trained.training
    try:
        stored = json.loads((pq.read_schema(path).metadata or {})[_KEY])
    except FileNotFoundError as error:
        raise AuscultError(f"there is no file {path}", "rows or a model", "make rows with `auscult features`") from error
    except (KeyError, ValueError, OSError) as error:
        raise AuscultError(f"{path} does not say which pipeline its rows are of", "a table from `auscult features`",
                           "make rows with `auscult features DATASET --out rows.parquet`") from error
    return PipelineSpec.make(**stored["spec"]), stored["training"]
