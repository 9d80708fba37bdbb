# SPDX-License-Identifier: Apache-2.0
"""A folder with data.npz and facts.json: arrays, and beside them what they are.

facts.json gives `recordings` (a list with the array's `key`, or with `channels` that each have a key and a scale; or
a table by array name) and, for all or for each, rate_hz or interval_ms, unit, label or fault, session, rpm, licence
and a `caution`, which is handed on to the user.
"""

import collections
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AuscultError
from ..recordings import Recording, identifier
from . import Notes, Options, file_name, number_axes
from .npz_file import Arrays, shape_up
from .units import Unit, find_unit, parse_unit

# Sets whose labels stand in the names of the arrays: (pattern, label), the first that fits.
_NAME_LABELS = ((r"_off_", "off"), (r"_[1-9]\d*_weight", "weight"), (r"_0_weight|-deploy$", "normal"))


def import_facts(folder: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """The whole set. Recordings of another rate than most are left out, and the notes say so."""
    facts = _facts(folder / "facts.json")
    arrays = Arrays(folder / "data.npz")
    if facts.get("caution"):
        notes.caution(str(facts["caution"]))
    entries = {name: entry for name, entry in _entries(folder, facts) if options.key in (None, name)}
    if not entries:
        raise AuscultError(f"{folder} has no recording {options.key!r}", "one named in facts.json", "leave --key out")
    rates = {name: _rate(folder, facts, name, entry, options) for name, entry in entries.items()}
    usual = collections.Counter(rates.values()).most_common(1)[0][0]
    for name, entry in entries.items():
        if rates[name] == usual:
            yield _recording(folder, facts, name, entry, arrays, options, notes, usual)
        else:
            notes.say(f"left out {file_name(name)}: {rates[name]:g} Hz, the others {usual:g} Hz")


def _rate(folder: Path, facts: dict[str, Any], name: str, entry: dict[str, Any], options: Options) -> float:
    rate_hz = options.rate_hz or entry.get("rate_hz") or facts.get("rate_hz") or (
        1000 / entry["interval_ms"] if entry.get("interval_ms") else None)
    if rate_hz is None:
        raise AuscultError(f"{folder}: the rate of {name} is not in facts.json", "rate_hz", "give --rate-hz")
    return float(rate_hz)


def _facts(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise AuscultError(f"{path} cannot be read ({error})", "JSON that describes data.npz",
                           "get it again") from error
    if not isinstance(facts, dict):
        raise AuscultError(f"{path} holds a {type(facts).__name__}", "a table of facts", "get it again")
    return facts


def _entries(folder: Path, facts: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    recordings = facts.get("recordings")
    if isinstance(recordings, dict):
        return [(name, entry if isinstance(entry, dict) else {}) for name, entry in recordings.items()]
    if isinstance(recordings, list) and all(isinstance(e, dict) and ("key" in e or "id" in e) for e in recordings):
        return [(str(entry.get("key", entry.get("id"))), entry) for entry in recordings]
    raise AuscultError(f"{folder / 'facts.json'} lists no recordings with the arrays they are in",
                       "`recordings`, each with the key of its array", "import data.npz itself with --key")


def _recording(folder: Path, facts: dict[str, Any], name: str, entry: dict[str, Any], arrays: Arrays, options: Options,
               notes: Notes, rate_hz: float) -> Recording:
    channels = entry.get("channels")
    unit = options.given_unit()
    piece = 0
    if isinstance(channels, dict):  # one array a channel, each with its own scale
        columns = [_array(folder, arrays, c["key"]).astype(np.float64) * c.get("scale_g", c.get("scale", 1.0))
                   for c in channels.values()]
        shortest = min(map(len, columns))
        data = np.stack([column[:shortest] for column in columns], axis=1)
        axes: tuple[str, ...] = tuple(identifier(channel) for channel in channels)
    else:
        data, piece = shape_up(name, _array(folder, arrays, name))
        titles = [s["name"] for s in entry.get("sensors", [])] or facts.get("channels") or number_axes(data.shape[1])
        axes = tuple(identifier(str(t).lower() if len(str(t)) == 1 else str(t)) for t in titles)
    if isinstance(entry.get("sensors"), list) and entry["sensors"]:
        unit, data, axes = _same_unit(entry["sensors"], data, axes, unit, notes)
    scale = _scale(facts) if options.scale is None and data.dtype.kind in "iu" else options.scale
    unit = unit or _unit(folder, facts)
    values = data.astype(np.float64) * (1.0 if scale is None else scale)
    notes.say(f"unit {unit.si}" + (f", stored numbers × {scale * unit.factor:.6g}" if scale else ""))
    source = "@".join(str(facts[k]) for k in ("repo", "commit") if k in facts)
    path = entry.get("path") or entry.get("folder") or entry.get("file")
    return Recording(
        unit.to_si(values), rate_hz, options.axes or axes, unit.si, label=options.label_for(name, _label(name, entry)),
        machine=str(entry.get("machine", "")), session=_session(name, entry),
        source=f"{source}:{path}" if path else source, licence=str(facts.get("data_licence", "")),
        piece=piece, rpm=float(entry.get("rpm") or facts.get("rpm") or 0), name=file_name(name))


def _array(folder: Path, arrays: Arrays, key: str) -> np.ndarray:
    if key not in arrays:
        raise AuscultError(f"{folder / 'data.npz'} has no array {key!r}, which facts.json names", "a complete set",
                           "get the set again")
    return arrays[key]


def _same_unit(sensors: list[dict[str, Any]], data: np.ndarray, axes: tuple[str, ...], unit: Unit | None,
               notes: Notes) -> tuple[Unit, np.ndarray, tuple[str, ...]]:
    """The channels that share the first one's unit: a recording has one unit."""
    wanted = sensors[0].get("units", "")
    kept = [i for i, sensor in enumerate(sensors) if sensor.get("units", "") == wanted]
    if len(kept) < len(sensors):
        notes.say(f"left out {', '.join(axes[i] for i in range(len(axes)) if i not in kept)}: another unit")
    return unit or parse_unit(wanted), data[:, kept], tuple(axes[i] for i in kept)


def _unit(folder: Path, facts: dict[str, Any]) -> Unit:
    text = str(facts.get("unit", ""))
    unit = find_unit(re.split(r"[;:(,]", text)[0])
    if unit is None:
        raise AuscultError(f"{folder}: facts.json has the unit {text!r}", "one that begins with g, m/s2, degC, none",
                           "give --unit")
    return unit


def _scale(facts: dict[str, Any]) -> float | None:
    """"value = int16 / 4096" -> 1/4096."""
    match = re.search(r"int\d+\s*([*/])\s*([\d.]+(?:e-?\d+)?)", str(facts.get("unit", "")))
    if not match:
        return None
    return 1 / float(match[2]) if match[1] == "/" else float(match[2])


def _label(name: str, entry: dict[str, Any]) -> str:
    stated = entry.get("label", entry.get("fault"))
    if stated is not None:
        return identifier(str(stated))
    return next((label for pattern, label in _NAME_LABELS if re.search(pattern, name)), identifier(name))


def _session(name: str, entry: dict[str, Any]) -> str:
    """The group that a split must respect: the session, the size of a bearing's fault, else the recording itself."""
    if "session" in entry:
        return str(entry["session"])
    if "size_mil" in entry:
        return f"{entry['size_mil']} mil"
    return name
