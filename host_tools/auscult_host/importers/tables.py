# SPDX-License-Identifier: Apache-2.0
"""Rows of a table into recordings, batch by batch: cut where the label, the machine or the session changes."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import AuscultError
from ..recordings import Recording
from . import Conversion, Notes, Options, file_name, number_axes, rate_of, settle_unit
from .columns import Layout, time_unit
from .units import SECONDS, find_unit

_COARSE = 0.05  # of the steps in time are zero: the clock ticks more slowly than the samples come


class Batch(NamedTuple):
    """values: float64 [n, axes]; time: float64 [n] or None; dated: time is seconds since 1970, from dates; keys: for each of
    the layout's keys the text of each row; rows: where each stands in the file."""

    values: np.ndarray
    time: np.ndarray | None
    dated: bool
    keys: list[np.ndarray]
    rows: np.ndarray


class _Clock:
    """Rate and gaps from the time column: all regular steps together, so that jitter of the clock averages out."""

    def __init__(self, path: Path, layout: Layout, batch: Batch, where: str) -> None:
        assert batch.time is not None and layout.time is not None
        self.path, self.where, self.name = path, where, layout.names[layout.time]
        steps = np.diff(batch.time)
        forward = steps[steps > 0]
        if len(batch.time) < 2:
            raise AuscultError(f"{path} has a single row, which gives no rate", "at least two rows", "give --rate-hz")
        if not len(forward):
            raise self._still(int(batch.rows[1]))
        self.tick = float(np.median(forward))
        self.coarse = float((steps == 0).mean()) > _COARSE
        self.unit = "s" if batch.dated else time_unit(path, layout, float(batch.time[0]), self.tick)
        self.factor = SECONDS[self.unit.casefold()]
        self.last: float | None = None
        self.count, self.total, self.gaps = 0, 0.0, 0
        regular = steps[(steps >= 0) & (steps <= 2.5 * self.tick)]
        self.first_rate_hz = len(regular) / (float(regular.sum()) * self.factor)

    def cuts(self, batch: Batch, cut: np.ndarray, may_restart: bool, gap_s: float | None) -> np.ndarray:
        """`cut` and where time begins anew; counts steps and gaps. Raises AuscultError where time can't go on."""
        assert batch.time is not None
        steps = np.diff(batch.time, prepend=batch.time[0] if self.last is None else self.last)
        self.last = float(batch.time[-1])
        if may_restart:
            cut = cut | (steps < 0)
        if gap_s is not None:
            cut = cut | (steps * self.factor > gap_s)
        bad = ~cut & ((steps < 0) if self.coarse else ~(steps > 0))
        if bad.any():
            raise self._still(int(batch.rows[np.argmax(bad)]))
        regular = ~cut & (steps <= 2.5 * self.tick)
        self.gaps += int((~cut & ~regular).sum())
        self.count += int(regular.sum())
        self.total += float(steps[regular].sum())
        return cut

    def _still(self, row: int) -> AuscultError:
        return AuscultError(f"{self.path}, {self.where} {row}: time stands still or goes backwards", "rising times",
                            "give --rate-hz if the times are only coarse, or cut the file there")

    def rate_hz(self, alone: bool) -> float:
        """Of a file that became one recording, all of it; of one in parts the same for each, by its beginning."""
        return self.count / (self.total * self.factor) if alone and self.count > 0 else self.first_rate_hz


def read_table(path: Path, layout: Layout, batches: Iterator[Batch], options: Options, notes: Notes,
               where: str = "line") -> Iterator[Recording]:
    """The recordings of a table; where: what a row is called in errors."""
    table = _Table(path, layout, options, notes)
    clock: _Clock | None = None
    for batch in batches:
        if table.convert is None:
            text = layout.units[layout.data[0]]
            unit = find_unit(text) if text and options.unit is None else None
            if text and options.unit is None:
                if unit is None:
                    raise AuscultError(f"{path}: column {layout.names[layout.data[0]]!r} has the unit {text!r}",
                                       "a known unit", "give it with --unit g, mg, m/s2, degC ... and a factor with --scale")
                notes.say(f"unit {text}, from the header")
            if batch.time is not None and options.rate_hz is None:
                clock = table.clock = _Clock(path, layout, batch, where)
            rate_of(path.stem, clock.first_rate_hz if clock else None, options)
            table.convert = settle_unit(path.stem, batch.values, unit, options, notes)
        yield from table.add(batch)
    yield from table.end()
    if clock:
        notes.say(f"rate {clock.rate_hz(table.closed <= 1):.6g} Hz, from column {clock.name!r}"
                  + ("" if layout.time is None else f" in {clock.unit}"))
        if clock.gaps:
            notes.say(f"warning: {clock.gaps} gaps in time (samples are missing there); --split-gaps makes them the ends of "
                      "recordings")


class _Table:
    """What is being collected: the recording that grows, and the one before it until it is known not to be alone."""

    def __init__(self, path: Path, layout: Layout, options: Options, notes: Notes) -> None:
        self.path, self.layout, self.options, self.notes = path, layout, options, notes
        self.convert: Conversion | None = None
        self.clock: _Clock | None = None
        self.closed = 0
        self._parts: list[np.ndarray] = []
        self._key: tuple[str, ...] | None = None
        self._started = ""
        self._waiting: tuple[np.ndarray, tuple[str, ...], str] | None = None
        self._names: dict[str, int] = {}
        self._unlabelled = 0

    def add(self, batch: Batch) -> Iterator[Recording]:
        n = len(batch.values)
        cut = np.zeros(n, dtype=bool)
        for number, key in enumerate(batch.keys):
            cut[1:] |= key[1:] != key[:-1]
            cut[0] |= self._key is not None and key[0] != self._key[number]
        cut[0] |= self._key is None
        if n >= 40 and cut.sum() > n / 4:
            raise AuscultError(f"{self.path}: {' or '.join(self.layout.keys)} changes every {n / cut.sum():.1g} rows", "the "
                               "rows of a recording one after the other", "sort the file by machine, session and time")
        if self.clock:
            cut = self.clock.cuts(batch, cut, bool(self.layout.keys), self.options.split_gaps_s)
        starts = np.flatnonzero(cut).tolist()
        if not cut[0]:
            starts = [0, *starts]
        for start, end in zip(starts, [*starts[1:], n], strict=True):
            if cut[start]:
                yield from self._close()
                self._key = tuple(str(key[start]) for key in batch.keys)
                if batch.dated and batch.time is not None:
                    moment = datetime.datetime.fromtimestamp(float(batch.time[start]), datetime.UTC)
                    self._started = moment.isoformat()
            assert self.convert is not None
            self._parts.append(self.convert(batch.values[start:end]))

    def end(self) -> Iterator[Recording]:
        yield from self._close()
        if self._waiting is not None:
            yield self._recording(*self._waiting, alone=self.closed == 1)
        if self._unlabelled:
            self.notes.say(f"left out {self._unlabelled} rows without a label")
        if not self.closed:
            raise AuscultError(f"{self.path} has no row with a label", "a label for some of the rows", "give one with --label")

    def _close(self) -> Iterator[Recording]:
        """The growing recording is complete: the one before it can go."""
        if not self._parts or self._key is None:
            return
        parts, self._parts = self._parts, []
        at = list(self.layout.keys).index("label") if "label" in self.layout.keys else None
        if at is not None and self._key[at].lower() in ("", "nan", "null"):
            self._unlabelled += sum(map(len, parts))
            return
        before = self._waiting
        self._waiting = (parts[0] if len(parts) == 1 else np.concatenate(parts), self._key, self._started)
        self.closed += 1
        if before is not None:
            yield self._recording(*before, alone=False)

    def _recording(self, data: np.ndarray, key: tuple[str, ...], started: str, alone: bool) -> Recording:
        said: dict[str, Any] = dict(zip(self.layout.keys, key))
        machine, session, label = said.get("machine", ""), said.get("session", ""), said.get("label", "")
        stem = self.path.stem
        name = stem if alone else file_name("_".join(filter(None, (stem, machine, session, label))))
        self._names[name] = self._names.get(name, 0) + 1
        if self._names[name] > 1:
            name += f"_{self._names[name]}"
        if machine and session:
            session = f"{machine} {session}"  # each subject has a first trial
        elif not session and not alone:
            session = stem
        rate_hz = rate_of(stem, self.clock.rate_hz(alone) if self.clock else None, self.options)
        assert self.convert is not None
        axes = self.options.axes or (self.layout.axes if self.layout.named else number_axes(data.shape[1]))
        return Recording(data, rate_hz, axes, self.convert.unit.si, machine=machine, session=session, started=started,
                         label=self.options.label_for(name, self.notes.label(label, self.options)), source=self.path.name,
                         name=file_name(name))


def key_text(cells: Any) -> np.ndarray:
    """Texts as keys: without spaces around, whole numbers without their point."""
    texts = [str(cell).strip() if cell is not None else "" for cell in cells]
    return np.array([text[:-2] if text.endswith(".0") and text[:-2].isdigit() else text for text in texts], dtype=object)


def key_column(column: Any) -> np.ndarray:
    """The same of an Arrow column: few different texts, many rows."""
    encoded = column.combine_chunks().dictionary_encode()
    texts: np.ndarray = key_text(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]
    return texts
