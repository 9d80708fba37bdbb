# SPDX-License-Identifier: Apache-2.0
"""CSV: separator, header, time column, axes and units are guessed; each guess is noted."""

import csv
import datetime
import math
import re
from pathlib import Path

import numpy as np

from ..errors import AuscultError
from ..recordings import identifier
from . import Imported, Options, finish, number_axes
from .units import SECONDS, Unit, find_unit, split_header

_TIME = re.compile(r"(t|time|timestamp|date|datetime|seconds|sec|ms|us)", re.IGNORECASE)
_COUNTER = re.compile(r"(|#|no|nr|n|index|idx|sample|row|unnamed: 0)", re.IGNORECASE)
_LABEL = re.compile(r"(label|class|state|fault|condition)", re.IGNORECASE)
_AXIS = re.compile(r"(?:acc|accel|acceleration|accelerometer|a)?[ _.\-]*([xyz])[ _.\-]*(?:axis|acc)?", re.IGNORECASE)


def import_csv(path: Path, options: Options) -> Imported:
    """One CSV file into one recording.

    Raises AuscultError with the line of the first cell that is not a number, of a row with a missing cell, of time
    that goes backwards.
    """
    notes: list[str] = []
    lines, numbers = _lines(path)
    separator = _separator(lines[:50])
    rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
    if separator == " ":
        rows = [[cell for cell in row if cell] for row in rows]
    decimal_comma = separator != "," and not any("." in cell for row in rows[1:20] for cell in row)
    header, first = _header(path, rows, decimal_comma)
    titles = [split_header(cell) for cell in header] if header else []
    if header and first < len(rows) and not _is_numeric(rows[first], decimal_comma) and \
            all(not cell or find_unit(cell.strip("()[] ")) or cell.strip("()[] ") in SECONDS for cell in rows[first]):
        titles = [(name, cell.strip("()[] ")) for (name, _), cell in zip(titles, rows[first])]
        first += 1  # a row of units under the header
    body, numbers = rows[first:], numbers[first:]
    if not body:
        raise AuscultError(f"{path} has a header and no data", "rows of numbers", "record it again")
    width = len(header) if header else len(body[0])
    for row, line in zip(body, numbers):
        if len(row) != width:
            raise AuscultError(f"{path}, line {line}: {len(row)} cells", f"{width}, as in the other rows",
                               "the file may be cut off: delete the incomplete line or get the file again")
    names = [name for name, _ in titles] if titles else [f"column {i + 1}" for i in range(width)]

    time = next((i for i, name in enumerate(names) if titles and _TIME.fullmatch(name)), None)
    if time is None and not titles and options.rate_hz is None and width > 1:
        time = _looks_like_time(body, decimal_comma)
    label = _constant_label(path, names, body, options)
    chosen = _choose(path, names, body, time, options, decimal_comma)
    units = {i: titles[i][1] for i in chosen} if titles else dict.fromkeys(chosen, "")
    if not options.columns:
        same = [i for i in chosen if units[i] == units[chosen[0]]]
        if len(same) < len(chosen):
            notes.append(f"left out {', '.join(names[i] for i in chosen if i not in same)}: another unit")
        chosen = same
    data = _numbers(path, body, numbers, chosen, names, decimal_comma)
    rate_hz = None
    if time is not None and options.rate_hz is None:
        unit_text = titles[time][1] or (names[time] if names[time].lower() in SECONDS else "") if titles else "s"
        rate_hz = _rate(path, [row[time] for row in body], numbers, unit_text, names[time], decimal_comma, notes)
    unit: Unit | None = None
    text = units[chosen[0]]
    if text and options.unit is None:
        unit = find_unit(text)
        if unit is None:
            raise AuscultError(f"{path}: column {names[chosen[0]]!r} has the unit {text!r}", "a known unit",
                               "give it with --unit g, mg, m/s2, degC ... and a factor with --scale")
        notes.append(f"unit {text}, from the header")
    axes = _axis_names([names[i] for i in chosen]) if titles else number_axes(len(chosen))
    notes.append("columns " + ", ".join(f"{names[i]} -> {axis}" for i, axis in zip(chosen, options.axes or axes)))
    return Imported([finish(path.stem, data, rate_hz, unit, axes, options, notes, label=label, source=path.name)],
                    notes)


def _lines(path: Path) -> tuple[list[str], list[int]]:
    """Lines that are not blank or comments, and their numbers in the file."""
    raw = path.read_bytes()
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise AuscultError(f"{path} is not text", "a CSV file", "export it as CSV first")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16", errors="replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")  # older loggers write "m/s²" and "°C" so
    kept = [(line, i) for i, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.lstrip().startswith(("#", "%", "//"))]
    if not kept:
        raise AuscultError(f"{path} is empty", "rows of numbers", "record it again")
    return [line for line, _ in kept], [i for _, i in kept]


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


def _constant_label(path: Path, names: list[str], body: list[list[str]], options: Options) -> str:
    for i, name in enumerate(names):
        if _LABEL.fullmatch(name) and not options.labels:
            found = sorted({row[i].strip() for row in body})
            if len(found) == 1:
                return identifier(found[0])
            raise AuscultError(f"{path}: column {name!r} holds {len(found)} different labels", "one label a file",
                               "split the file, or give one with --label")
    return ""


def _choose(path: Path, names: list[str], body: list[list[str]], time: int | None, options: Options,
            decimal_comma: bool) -> list[int]:
    """Columns to import: those asked for, else every column of numbers but time, counters and labels."""
    if options.columns:
        positions = {name.casefold(): i for i, name in reversed(list(enumerate(names)))}
        positions |= {str(i + 1): i for i in range(len(names)) if str(i + 1) not in positions}
        unknown = [name for name in options.columns if name.casefold() not in positions]
        if unknown:
            raise AuscultError(f"{path} has no column {unknown[0]!r}", f"some of {', '.join(names)}",
                               "name them without their units, or by number from 1")
        return [positions[name.casefold()] for name in options.columns]
    chosen = [i for i, name in enumerate(names)
              if i != time and not _COUNTER.fullmatch(name) and not _LABEL.fullmatch(name)
              and _value(body[0][i], decimal_comma) is not None]
    if not chosen:
        raise AuscultError(f"{path} has no column of numbers", "one column per axis", "choose with --columns")
    return chosen


def _numbers(path: Path, body: list[list[str]], numbers: list[int], chosen: list[int], names: list[str],
             decimal_comma: bool) -> np.ndarray:
    data = np.empty((len(body), len(chosen)))
    for r, row in enumerate(body):
        for c, i in enumerate(chosen):
            value = _value(row[i], decimal_comma)
            if value is None or not math.isfinite(value):
                raise AuscultError(f"{path}, line {numbers[r]}: column {names[i]!r} holds {row[i]!r}",
                                   "a finite number", "cut the broken part out or get the file again")
            data[r, c] = value
    return data


def _rate(path: Path, cells: list[str], numbers: list[int], unit: str, name: str, decimal_comma: bool,
          notes: list[str]) -> float:
    """Samples per second from the time column: all steps together, so that jitter of the clock averages out."""
    if len(cells) < 2:
        raise AuscultError(f"{path} has a single row, which gives no rate", "at least two rows", "give --rate-hz")
    seconds = np.empty(len(cells))
    for r, cell in enumerate(cells):
        value = _value(cell, decimal_comma)
        if value is None:
            try:
                moment = datetime.datetime.fromisoformat(cell.strip())
            except ValueError:
                raise AuscultError(f"{path}, line {numbers[r]}: the time {cell!r}", "a number or an ISO 8601 time",
                                   "give --rate-hz and choose the others with --columns") from None
            value, unit = moment.replace(tzinfo=moment.tzinfo or datetime.UTC).timestamp(), "s"
        seconds[r] = value
    steps = np.diff(seconds)
    if not (steps > 0).all():
        r = int(np.argmin(steps > 0)) + 1
        raise AuscultError(f"{path}, line {numbers[r]}: time stands still or goes backwards", "rising times",
                           "give --rate-hz if the times are only coarse, or cut the file there")
    if not unit:
        unit = _guess_time_unit(path, float(seconds[0]), float(np.median(steps)), name)
    factor = SECONDS.get(unit.casefold())
    if factor is None:
        raise AuscultError(f"{path}: the time column has the unit {unit!r}", "s, ms, us or ns", "give --rate-hz")
    gaps = int((steps > 2.5 * np.median(steps)).sum())
    rate_hz = 1 / (float(np.median(steps)) * factor) if gaps else (len(cells) - 1) / (
        float(seconds[-1] - seconds[0]) * factor)
    notes.append(f"rate {rate_hz:.6g} Hz, from column {name!r} in {unit}")
    if gaps:
        notes.append(f"warning: {gaps} gaps in time (samples are missing there)")
    return rate_hz


def _guess_time_unit(path: Path, first: float, step: float, name: str) -> str:
    for limit, unit in ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (1e8, "s")):  # times since 1970
        if first > limit:
            return unit
    if step < 1 or not step.is_integer():
        return "s"
    if step <= 100:
        return "ms"
    raise AuscultError(f"{path}: column {name!r} rises by {step:g} without saying of what", "s, ms or us in its title",
                       f"rename it {name}_us or {name}_ms, or give --rate-hz")


def _axis_names(names: list[str]) -> tuple[str, ...]:
    short = [match[1].lower() if (match := _AXIS.fullmatch(name)) else identifier(name) for name in names]
    if len(set(short)) < len(short):
        short = [identifier(name) for name in names]
    if len(set(short)) < len(short):
        short = [f"{name}_{i + 1}" for i, name in enumerate(short)]
    return tuple(short)
