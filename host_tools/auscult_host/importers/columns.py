# SPDX-License-Identifier: Apache-2.0
"""What the columns of a table are: time, samples, and what says of whom and of what the samples are."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import AuscultError
from ..recordings import identifier
from . import Notes, Options
from .units import SECONDS, split_header

_TIME = re.compile(r"(t|time|time ?stamp|date|date ?time|seconds|sec|ms|us|(time|seconds|ms)[ _]elapsed|elapsed([ _]time)?)",
                   re.IGNORECASE)
_COUNTER = re.compile(r"(|#|no|nr|n|index|idx|sample|row|unnamed: 0)", re.IGNORECASE)
_ID = r"[ _\-]?(id|no|nr|name|number|code)?"
_LABEL = re.compile(rf"(label|class|activity|state|fault|condition|target){_ID}", re.IGNORECASE)
_MACHINE = re.compile(rf"(subject|subj|user|participant|person|volunteer|patient|machine|device){_ID}", re.IGNORECASE)
_SESSION = re.compile(rf"(session|trial|recording|run|repetition|rep|sequence|segment|file){_ID}", re.IGNORECASE)
_AXIS = re.compile(r"(?:acc|accel|acceleration|accelerometer|a)?[ _.\-]*([xyz])[ _.\-]*(?:axis|acc)?", re.IGNORECASE)
_SOME_AXIS = re.compile(r".*([_.\- ][xyzXYZ]|[a-z][XYZ])")  # back_x, wristX
_NOT_ACCELERATION = re.compile(r"gyr|mag|rotation|angular|gravity|linear|quat|orient", re.IGNORECASE)


@dataclasses.dataclass
class Layout:
    """Columns by their position. units: as the title says, "" where it does not; named: there are titles."""

    names: list[str]
    units: list[str]
    named: bool
    time: int | None
    data: list[int]
    keys: dict[str, int]  # label, machine, session -> column

    @property
    def axes(self) -> tuple[str, ...]:
        return axis_names([self.names[i] for i in self.data])


def lay_out(path: Path, names: Sequence[str], units: Sequence[str], numeric: Sequence[bool], named: bool, options: Options,
            notes: Notes, time: int | None = None) -> Layout:
    """Which column is what: by options, else by title. numeric: whether a column begins with a number."""
    names, units = list(names), list(units)
    keys: dict[str, int] = {}
    for role, pattern, given in (("label", _LABEL, options.label_column), ("machine", _MACHINE, options.machine_column),
                                 ("session", _SESSION, options.session_column)):
        found = [_find(path, names, given)] if given else [i for i, name in enumerate(names) if named and
                                                           pattern.fullmatch(split_header(name)[0])]
        found = [i for i in found if i not in keys.values()]
        if found:  # a column of words says more than a column of codes
            keys[role] = next((i for i in found if not numeric[i]), found[0])
    if not named and "label" not in keys:
        words = [i for i, is_number in enumerate(numeric) if not is_number and i not in keys.values()]
        if len(words) == 1 and len(names) > 2:
            keys["label"] = words[0]
    if options.time_column:
        time = _find(path, names, options.time_column)
    elif time is None and named:
        time = next((i for i, name in enumerate(names) if _TIME.fullmatch(name) and i not in keys.values()), None)
    taken = {*keys.values(), time}
    if options.columns:
        data = [_find(path, names, name) for name in options.columns]
    else:
        data = [i for i, name in enumerate(names)
                if numeric[i] and i not in taken and not (named and any(
                    p.fullmatch(name) for p in (_TIME, _COUNTER, _LABEL, _MACHINE, _SESSION)))]
        data = _of_one_kind(names, units, data, notes) if named else data
    if not data:
        raise AuscultError(f"{path} has no column of numbers", "one column per axis", "choose with --columns")
    if any(options.labels) and not any("=" in rule for rule in options.labels):
        keys.pop("label", None)
    axes = options.axes or (axis_names([names[i] for i in data]) if named else ())
    notes.say("columns " + ", ".join(f"{names[i]} -> {axis}" for i, axis in zip(data, axes or map(str, data)))
              + "".join(f"; {names[i]!r} is the {role}" for role, i in keys.items()))
    return Layout(names, units, named, time, data, keys)


def _find(path: Path, names: list[str], wanted: str) -> int:
    positions = {str(i + 1): i for i in range(len(names))} | {
        name.casefold(): i for i, name in reversed(list(enumerate(names)))}
    if wanted.casefold() not in positions:
        raise AuscultError(f"{path} has no column {wanted!r}", f"some of {', '.join(names)}",
                           "name them without their units, or by number from 1")
    return positions[wanted.casefold()]


def _of_one_kind(names: list[str], units: list[str], data: list[int], notes: Notes) -> list[int]:
    """Columns of the first one's unit; of accelerometer and other sensors side by side, those of the accelerometer."""
    kept = [i for i in data if not _NOT_ACCELERATION.search(names[i])] or data
    axes = [i for i in kept if _SOME_AXIS.fullmatch(names[i]) or _AXIS.fullmatch(names[i])]
    letters = {(match[1] if (match := _AXIS.fullmatch(names[i])) else names[i][-1]).lower() for i in axes}
    if letters >= set("xyz") or (axes and len(kept) < len(data)):
        kept = axes  # what else there is describes the subject, or is made of the axes
    if left := [names[i] for i in data if i not in kept]:
        notes.say(f"left out {', '.join(left)}: not axes of acceleration (choose with --columns)")
    same = [i for i in kept if units[i] == units[kept[0]]] if kept else []
    if len(same) < len(kept):
        notes.say(f"left out {', '.join(names[i] for i in kept if i not in same)}: another unit")
    return same


def axis_names(names: list[str]) -> tuple[str, ...]:
    """Names for the axes by titles of columns: "acc x" -> x where that tells them apart."""
    if len(names) == 3 and [name[-1:].lower() for name in names] == list("xyz") and len({name[:-1] for name in names}) == 1:
        return ("x", "y", "z")
    short = [match[1].lower() if (match := _AXIS.fullmatch(name)) else identifier(name) for name in names]
    if len(set(short)) < len(short):
        short = [identifier(name) for name in names]
    if len(set(short)) < len(short):
        short = [f"{name}_{i + 1}" for i, name in enumerate(short)]
    return tuple(short)


def time_unit(path: Path, layout: Layout, first: float, step: float) -> str:
    """What the time column counts in: its title, else its size."""
    if layout.time is None:
        return "s"
    name, unit = layout.names[layout.time], layout.units[layout.time]
    if not unit and layout.named and name.lower() in SECONDS:
        unit = name.lower()
    if not unit:
        for limit, by_size in ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (1e8, "s")):  # times since 1970
            if first > limit:
                return by_size
        if step < 1 or not step.is_integer():
            return "s"
        if step <= 100:
            return "ms"
        raise AuscultError(f"{path}: column {name!r} rises by {step:g} without saying of what", "s, ms or us in its title",
                           f"rename it {name}_us or {name}_ms, or give --rate-hz")
    if unit.casefold() not in SECONDS:
        raise AuscultError(f"{path}: the time column has the unit {unit!r}", "s, ms, us or ns", "give --rate-hz")
    return unit
