# SPDX-License-Identifier: Apache-2.0
"""Mending recordings: metadata, units, stretches to take out. Every file is replaced whole or not at all."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import AuscultError
from .importers.units import parse_unit
from .recordings import Recording, read, write
from .texts import listed

_PLAIN = ("label", "machine", "session", "placement", "rate_hz", "rpm")


@dataclasses.dataclass(frozen=True)
class Changes:
    """What to change; None and empty: as it is. cuts: (from, to) in seconds; splits: seconds."""

    label: str | None = None
    machine: str | None = None
    session: str | None = None
    placement: str | None = None
    rate_hz: float | None = None
    rpm: float | None = None
    unit: str | None = None
    scale: float | None = None
    axes: tuple[str, ...] = ()
    keep_axes: tuple[str, ...] = ()
    cuts: tuple[tuple[float, float], ...] = ()
    splits: tuple[float, ...] = ()
    drop: bool = False


def seconds(text: str) -> tuple[float, ...]:
    """'1.5,3.2' -> (1.5, 3.2)"""
    try:
        found = sorted(float(part) for part in listed(text))
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise AuscultError(f"the moments {text!r}", "seconds, separated by commas", "for example --split 1.5,3.2")
    return tuple(found)


def stretch(text: str) -> tuple[float, float]:
    """'1.5:3.2' -> (1.5, 3.2)"""
    start, colon, end = text.partition(":")
    try:
        found = (float(start or 0), float(end or math.inf))
    except ValueError:
        found = (1.0, 0.0)
    if not colon or not 0 <= found[0] < found[1]:
        raise AuscultError(f"the stretch {text!r}", "FROM:TO in seconds, FROM before TO", "for example --cut 1.5:3.2")
    return found


def edit(files: Sequence[Path], changes: Changes) -> list[dict[str, Any]]:
    """Apply changes to recordings. All are tried before the first is written, so a mistake changes nothing.

    Raises AuscultError for what cannot be read, changes that do not fit, and nothing to do."""
    if changes == Changes():
        raise AuscultError("nothing to change", "at least one option", "`auscult edit --help` lists them")
    paths = [path for file in files for path in (sorted(file.glob("*.parquet")) if file.is_dir() else [file])]
    if not paths:
        raise AuscultError(f"{files[0]} holds no recordings", "at least one .parquet file", "check the path")
    if changes.drop:
        targets = [_dropped(path) for path in paths]  # refuses before anything is moved
        return [_drop(path, target) for path, target in zip(paths, targets, strict=True)]
    for path in paths:
        parts, _ = _changed(path, changes)  # refuses before anything is written
        there = next((name for name in _names(path, len(parts)) if name != path and name.exists()), None)
        if there is not None:
            raise AuscultError(f"{there} exists already", "a free name for each part", "move it away first")
    return [_edit(path, changes) for path in paths]


def _dropped(path: Path) -> Path:
    if not path.is_file():
        raise AuscultError(f"there is no file {path}", "a recording (.parquet)", "check the path")
    target = path.parent / "dropped" / path.name
    if target.exists():
        raise AuscultError(f"{target} exists already", "a free name", "move it away first")
    return target


def _drop(path: Path, target: Path) -> dict[str, Any]:
    target.parent.mkdir(exist_ok=True)
    path.replace(target)
    return {"recording": path.stem, "done": f"moved to {target}", "files": [str(target)]}


def _edit(path: Path, changes: Changes) -> dict[str, Any]:
    parts, said = _changed(path, changes)
    if len(parts) == 1:
        write(parts[0], path)
        return {"recording": path.stem, "done": said, "files": [str(path)]}
    names = _names(path, len(parts))
    for name, part in zip(names, parts, strict=True):
        write(part, name)
    path.unlink()  # only now: what it held stands in the parts
    return {"recording": path.stem, "done": f"{said}: {', '.join(name.stem for name in names)}", "files": [str(n) for n in names]}


def _names(path: Path, parts: int) -> list[Path]:
    return [path] if parts == 1 else [path.with_name(f"{path.stem}_part{i}.parquet") for i in range(1, parts + 1)]


def _changed(path: Path, changes: Changes) -> tuple[list[Recording], str]:
    recording = read(path)
    said = [f"{key} {getattr(changes, key)}" for key in _PLAIN if getattr(changes, key) is not None]
    data, values = recording.data, {key: getattr(changes, key) for key in _PLAIN if getattr(changes, key) is not None}
    if changes.unit is not None:
        unit = parse_unit(changes.unit)
        data, values["unit"] = unit.to_si(data.astype(np.float64)), unit.si
        said.append(f"numbers taken as {changes.unit}, now {unit.si}")
    if changes.scale is not None:
        if not (math.isfinite(changes.scale) and changes.scale):
            raise AuscultError(f"a scale of {changes.scale}", "a number other than 0", "for example --scale 9.80665")
        with np.errstate(over="ignore", invalid="ignore"):  # becomes infinite, which Recording refuses
            data = data * changes.scale
        said.append(f"numbers × {changes.scale:g}")
    axes = changes.axes or recording.axes
    if changes.keep_axes:
        missing = [axis for axis in changes.keep_axes if axis not in axes]
        if missing:
            raise AuscultError(f"{path.stem} has no axis {missing[0]!r}", f"some of {', '.join(axes)}", "check --keep-axes")
        data = data[:, [axes.index(axis) for axis in changes.keep_axes]]
        axes = changes.keep_axes
        said.append(f"axes {', '.join(axes)}")
    elif changes.axes:
        said.append(f"axes {', '.join(axes)}")
    whole = dataclasses.replace(recording, data=data, axes=axes, **values)
    parts = _stretches(path, whole, changes)
    if changes.cuts or changes.splits:
        said.append(f"{len(parts)} parts, {sum(part.seconds for part in parts):.3f} of {whole.seconds:.3f} s")
    return parts, ", ".join(said)


def _stretches(path: Path, recording: Recording, changes: Changes) -> list[Recording]:
    """What is left between the cuts and the splits. A fault that begins inside keeps its moment."""
    rate_hz, n = recording.rate_hz, len(recording.data)
    if (changes.cuts or changes.splits) and recording.piece:
        raise AuscultError(f"{path.stem} is a row of pieces with gaps", "one uninterrupted recording to cut", "drop it instead")
    keep = np.ones(n, bool)
    for start, end in changes.cuts:
        keep[round(start * rate_hz):n if math.isinf(end) else round(end * rate_hz)] = False
    borders = {0, n, *(round(moment * rate_hz) for moment in changes.splits if 0 < moment * rate_hz < n)}
    borders |= set((np.flatnonzero(np.diff(keep.astype(np.int8))) + 1).tolist())
    edges = sorted(borders)
    parts = []
    for start, end in itertools.pairwise(edges):
        if end > start and keep[start]:
            fault = None if recording.fault_at_s is None else round(recording.fault_at_s - start / rate_hz, 9)
            label = recording.label
            if fault is not None and fault >= (end - start) / rate_hz:
                fault, label = None, "normal"
            parts.append(dataclasses.replace(recording, data=recording.data[start:end], label=label,
                                             fault_at_s=None if fault is None or fault <= 0 else fault))
    if not parts:
        raise AuscultError(f"nothing of {path.stem} would be left", "cuts that leave something", "use --drop to take it out")
    return parts
