# SPDX-License-Identifier: Apache-2.0
"""Edge Impulse's acquisition format, as JSON or CBOR, and folders that its Studio exports."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AuscultError
from ..recordings import Recording, header_of
from . import Notes, Options, file_name, finish
from .columns import axis_names
from .units import find_unit

_HINT = "get the file again from the Studio"


def import_sample(path: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """One sample: {protected, signature, payload: {interval_ms, sensors, values}}. The label is what stands before the
    first dot of the file name, if there are two dots. Signatures are not checked: the key is not in the file."""
    stem = path.name[:-len(path.suffix)]
    label, dot, _ = stem.partition(".")
    if dot and not options.labels:
        notes.say("the label is the file name up to its first dot")
    yield _sample(path, label if dot else "", options, notes)


def is_export(folder: Path) -> bool:
    return any((folder / part / "info.labels").is_file() for part in ("", "training", "testing"))


def import_export(folder: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """All samples that the info.labels of an exported folder lists. Training and testing parts become one dataset:
    which of it is held out is decided by groups."""
    lists = [folder / part / "info.labels" for part in ("", "training", "testing")]
    for listing in lists if not lists[0].is_file() else lists[:1]:
        if listing.is_file():
            for entry in _listed(listing):
                yield from _entry(listing.parent, entry, options, notes)


def _listed(path: Path) -> list[dict[str, Any]]:
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise AuscultError(f"{path} cannot be read ({error})", "the list of files that the Studio exports", _HINT) from error
    if not isinstance(files, list) or not files or not all(isinstance(f, dict) and isinstance(f.get("path"), str) for f in files):
        raise AuscultError(f"{path} lists no files", "`files`, each with its path", _HINT)
    return files


def _entry(folder: Path, entry: dict[str, Any], options: Options, notes: Notes) -> Iterator[Recording]:
    """One file of the list; a sample with several labels is cut where they change."""
    path = folder / entry["path"]
    if path.suffix.lower() not in (".json", ".cbor"):
        notes.say(f"left out {path.name}: not a sample of a sensor")
        return
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        raise AuscultError(f"there is no file {path}, which info.labels lists", "a whole export", _HINT)
    stated = entry.get("label")
    stated = stated if isinstance(stated, dict) else {"label": stated}
    several = stated.get("labels")
    recording = _sample(path, str(stated.get("label") or ""), options, notes)
    about = entry.get("metadata")
    if isinstance(about, dict) and "auscult" in about:  # exported by us
        said = header_of(path, str(about["auscult"]))
        said.name = str(entry.get("name") or said.name)
        yield Recording(recording.data, **vars(said))
        return
    for key, value in (about if isinstance(about, dict) else {}).items():
        if key in ("machine", "session", "sensor", "placement", "licence", "source") and isinstance(value, str):
            setattr(recording, key, value)
    if not isinstance(several, list) or not several:
        yield recording
        return
    for number, part in enumerate(several):
        try:
            data = recording.data[int(part["startIndex"]):int(part["endIndex"]) + 1]
            label = notes.label(str(part["label"]), options)
        except (KeyError, TypeError, ValueError) as error:
            raise AuscultError(f"the labels of {path.name} in info.labels are damaged ({error})",
                               "startIndex, endIndex and label", _HINT) from error
        yield Recording(data, recording.rate_hz, recording.axes, recording.unit, label=label, machine=recording.machine,
                        session=recording.session or recording.name, source=recording.source,
                        name=f"{recording.name}_{number + 1}")


def _sample(path: Path, label: str, options: Options, notes: Notes) -> Recording:
    payload = _payload(path)
    interval = payload.get("interval_ms")
    if not isinstance(interval, int | float) or isinstance(interval, bool) or not interval > 0:
        raise AuscultError(f"{path} has an interval of {interval!r} ms", "a positive number", _HINT)
    sensors = payload.get("sensors")
    if not isinstance(sensors, list) or not sensors or not all(isinstance(s, dict) and "name" in s for s in sensors):
        raise AuscultError(f"{path} names no sensors", "`sensors`, each with name and units", _HINT)
    values = _values(path, payload.get("values"), len(sensors))
    units = [str(sensor.get("units", "")) for sensor in sensors]
    names = [str(sensor["name"]) for sensor in sensors]
    kept = [i for i in range(len(sensors)) if units[i] == units[0]]
    if options.columns:
        missing = [name for name in options.columns if name not in names]
        if missing:
            raise AuscultError(f"{path} has no sensor {missing[0]!r}", f"some of {', '.join(names)}", "choose with --columns")
        kept = [names.index(name) for name in options.columns]
    elif len(kept) < len(sensors):
        notes.say(f"left out {', '.join(name for i, name in enumerate(names) if i not in kept)}: another unit")
    unit = find_unit(units[kept[0]])
    if unit is not None:
        notes.say(f"unit {units[kept[0]]}, from the file")
    device = str(payload.get("device_name") or "")
    return finish(path.name[:-len(path.suffix)], values[:, kept], 1000.0 / interval, unit,
                  axis_names([names[i] for i in kept]), options, notes, label=label,
                  source=f"{file_name(path.name)}" + (f" from {device}" if device else ""))


def _payload(path: Path) -> dict[str, Any]:
    import cbor2

    raw = path.read_bytes()
    try:
        content = json.loads(raw) if path.suffix.lower() == ".json" else cbor2.loads(raw)
    except (ValueError, cbor2.CBORDecodeError, OverflowError, TypeError, RecursionError, MemoryError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
        raise AuscultError(f"{path} cannot be read as {path.suffix[1:].upper()} ({reason})",
                           "a whole file in Edge Impulse's acquisition format", _HINT) from error
    payload = content.get("payload") if isinstance(content, dict) else None
    if not isinstance(payload, dict):
        raise AuscultError(f"{path} is not in Edge Impulse's acquisition format", "a table with a `payload`",
                           "export it as CSV first")
    return payload


def _values(path: Path, values: Any, width: int) -> np.ndarray:
    if not isinstance(values, list) or not values:
        raise AuscultError(f"{path} has no values", "a row of numbers for each moment", _HINT)
    rows = values if isinstance(values[0], list) else [[value] for value in values]
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width or not all(type(v) in (int, float) for v in row):
            raise AuscultError(f"{path}: values[{number}] is {str(row)[:60]}", f"{width} numbers, one for each sensor", _HINT)
    try:
        return np.array(rows, dtype=np.float64)
    except OverflowError as error:
        raise AuscultError(f"{path} holds a number that is too large", "physical values", _HINT) from error
