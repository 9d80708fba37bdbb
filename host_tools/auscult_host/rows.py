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

from . import __version__, dataset, extra_features, train
from .errors import AuscultError
from .extra_features import Extra
from .files import atomic
from .hostlib import HostPipeline, choose_shifts, quantise
from .recordings import Entry
from .spec import PipelineSpec

_KEY = b"auscult.rows"  # one schema metadata entry that holds JSON


@dataclasses.dataclass
class Rows:
    """values: int16[n, F], one column for each of the spec's features, then of the extra ones; labels, groups, recording:
    str[n]; start: int[n], first sample of the window; training: fingerprint, unit, groups, labels and counts, as a trained
    model's."""

    spec: PipelineSpec
    values: NDArray[np.int16]
    labels: NDArray[Any]
    groups: NDArray[Any]
    recording: NDArray[Any]
    start: NDArray[np.int64]
    training: dict[str, Any]
    extra: Extra | None = None

    @property
    def names(self) -> list[str]:
        """Of the columns of values."""
        return self.spec.features + (self.extra.names if self.extra else [])


def make(entries: list[Entry], spec: PipelineSpec, *, group_by: str = "auto", extra: Extra | None = None) -> Rows:
    """Through the compiled pipeline. A spec without shifts gets those that suit these recordings."""
    table = dataset.table((entry.read() for entry in entries), HostPipeline(spec), group_by=group_by)
    if not spec.shifts:
        spec = spec.model_copy(update={"shifts": choose_shifts(table.raw)})
    labels, counts = np.unique(table.labels, return_counts=True)
    values = quantise(table.raw, spec.shifts)
    if extra is not None:
        values = np.hstack([values, extra_features.columns(extra, entries, table, spec)])
    training = {
        "auscult": __version__, "fingerprint": dataset.fingerprint(entries), "recordings": len(entries),
        "windows": {str(label): int(count) for label, count in zip(labels, counts, strict=True)},
        "group_by": table.group_by, "groups": sorted(set(table.groups.tolist())), "unit": entries[0].unit,
        "feature_mean": values.mean(axis=0).round(2).tolist(), "feature_std": values.std(axis=0).round(2).tolist(),
    }
    return Rows(spec, values, table.labels, table.groups, np.array(table.names)[table.recording], table.start, training,
                extra)


def write(rows: Rows, path: Path) -> Path:
    """int16 columns named as the features, then label, group, recording and start; the pipeline in the metadata."""
    columns = {name: rows.values[:, i] for i, name in enumerate(rows.names)}
    table = pa.table({**columns, "label": rows.labels.astype(str), "group": rows.groups.astype(str),
                      "recording": rows.recording.astype(str), "start": rows.start})
    about = {"spec": rows.spec.model_dump(), "training": rows.training, "extra": rows.extra and rows.extra.text}
    table = table.replace_schema_metadata({_KEY: json.dumps(about)})
    with atomic(path) as part:
        pq.write_table(table, part, compression="zstd")
    return path


def read(path: Path) -> Rows:
    """A table that `auscult features` wrote."""
    (spec, training), extra = pipeline_of(path), extra_of(path)
    table = pq.read_table(path)
    values = np.stack([table[name].to_numpy() for name in spec.features + (extra.names if extra else [])], axis=1)
    labels, groups, recording, start = (table[name].to_numpy() for name in ("label", "group", "recording", "start"))
    return Rows(spec, values, labels, groups, recording, start, training, extra)


def extra_of(path: Path) -> Extra | None:
    """The extra features of a table of rows."""
    text = _stored(path).get("extra") if path.suffix == ".parquet" else None
    return extra_features.parse(text) if text else None


def pipeline_of(path: Path) -> tuple[PipelineSpec, dict[str, Any]]:
    """(spec, training) of a table of rows or of a trained model."""
    if path.suffix != ".parquet":
        trained = train.load(path)
        return trained.spec, trained.training
    stored = _stored(path)
    return PipelineSpec.make(**stored["spec"]), stored["training"]


def _stored(path: Path) -> dict[str, Any]:
    try:
        stored: dict[str, Any] = json.loads((pq.read_schema(path).metadata or {})[_KEY])
        return stored
    except FileNotFoundError as error:
        raise AuscultError(f"there is no file {path}", "rows or a model", "make rows with `auscult features`") from error
    except (KeyError, ValueError, OSError) as error:
        raise AuscultError(f"{path} does not say which pipeline its rows are of", "a table from `auscult features`",
                           "make rows with `auscult features DATASET --out rows.parquet`") from error
