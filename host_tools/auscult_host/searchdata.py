# SPDX-License-Identifier: Apache-2.0
"""What a search computes once: the folds of a dataset, and the features of every cut for all candidates to choose from."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import dataset
from .errors import AuscultError
from .files import atomic_folder
from .hostlib import HostPipeline
from .recordings import Entry, Recording, loaded
from .searchspace import Cut
from .train import Settings, base_spec

MOST_FOLDS = 9  # with more groups than this, several share a fold
MOST_WINDOWS = 24_000  # of a cut that candidates are compared on; more are thinned out evenly
_MOST_COLUMNS = 250  # a pipeline has no more features
_BLOCK = 4_000_000  # samples in one piece of work
Mask = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Folds:
    """group, of: the group and the fold of each recording; part: one of three parts of its fold; names of the folds."""

    group: NDArray[Any]
    of: NDArray[np.int64]
    part: NDArray[np.int64]
    names: list[str]
    group_by: str

    def outer(self) -> list[tuple[int, Mask, Mask]]:
        """Fold, recordings to train on, recordings to test on."""
        return [(fold, self.of != fold, self.of == fold) for fold in range(len(self.names))]

    def inner(self) -> list[tuple[Mask, list[tuple[int, Mask]]]]:
        """Recordings to train on, and what then is tested for the choice of which fold: never with anything of that fold.

        A model without the folds g and h serves both directions. With two folds only, the one that is left is tested in
        thirds of its own recordings.
        """
        count = len(self.names)
        if count > 2:
            return [((self.of != g) & (self.of != h), [(g, self.of == h), (h, self.of == g)])
                    for g in range(count) for h in range(g)]
        return [((self.of != g) & (self.part != part), [(g, (self.of != g) & (self.part == part))])
                for g in range(count) for part in range(3)]


def make_folds(entries: Sequence[Entry | Recording], group_by: str) -> Folds:
    """Groups dealt into folds of similar class mixture."""
    if group_by == "auto":
        group_by = dataset.choose_group(entries)
    if group_by not in dataset.GROUPS:
        raise AuscultError(f"grouping by {group_by!r}", f"one of {', '.join(dataset.GROUPS)} or auto", "use --group session")
    groups = np.array([dataset.group_of(entry, group_by) for entry in entries])
    labels = np.array([entry.label for entry in entries])
    known = np.unique(groups)
    if len(known) < 2:
        raise AuscultError(f"only one {group_by} ({known[0]}): candidates cannot be compared on another",
                           f"recordings of at least two {group_by}s",
                           "record another, group by something finer (--group recording), or train without a search: --trials 0")
    of = np.searchsorted(known, groups)
    names = [str(name) for name in known]
    if len(known) > MOST_FOLDS:
        splits = list(dataset.group_k_fold(groups, labels, MOST_FOLDS - 1))
        names = [", ".join(np.unique(groups[test])) for _, test, _ in splits]
        for fold, (_, test, _) in enumerate(splits):
            of[test] = fold
    part = np.zeros(len(entries), np.int64)
    for fold in range(len(names)):
        for label in np.unique(labels):
            inside = np.flatnonzero((of == fold) & (labels == label))
            part[inside] = np.arange(len(inside)) % 3
    return Folds(groups, of, part, names, group_by)


@dataclasses.dataclass
class Table:
    """Features of all recordings, cut one way. raw: int32[n, F]; labels: str[n]; recording, start: int[n]."""

    raw: NDArray[np.int32]
    labels: NDArray[Any]
    recording: NDArray[np.int64]
    start: NDArray[np.int64]
    names: list[str]

    def columns(self, names: Sequence[str]) -> NDArray[np.int32]:
        """The columns of these features."""
        place = {name: i for i, name in enumerate(self.names)}
        return np.ascontiguousarray(self.raw[:, [place[name] for name in names]])


def blocks(entries: Sequence[Entry | Recording]) -> list[range]:
    """Recordings in pieces of work of like size."""
    found, begin, samples = [], 0, 0
    for i, entry in enumerate(entries):
        samples += entry.samples
        if samples >= _BLOCK or i == len(entries) - 1:
            found.append(range(begin, i + 1))
            begin, samples = i + 1, 0
    return found


def extract(sources: Sequence[Entry | Recording], first: int, cut: Cut, names: list[str], base: Settings, full_scale: float,
            every: int) -> Table:
    """Features of some recordings through the compiled C, every so many-th window. first: number of the first recording."""
    pipelines = []
    for at in range(0, len(names), _MOST_COLUMNS):
        settings = dataclasses.replace(base, front=cut.front, window=cut.window, hop=cut.hop, history=(),
                                       features=tuple(names[at:at + _MOST_COLUMNS]))
        pipelines.append(HostPipeline(base_spec(sources, settings, "search", full_scale)))
    parts = [Table(np.zeros((0, len(names)), np.int32), np.zeros(0, "U1"), np.zeros(0, int), np.zeros(0, int), names)]
    for number, source in enumerate(sources, first):
        if dataset.uninterrupted(source) < cut.window:
            continue
        recording = loaded(source)
        found = [dataset.table([recording], pipeline, group_by="recording") for pipeline in pipelines]
        raw = np.concatenate([part.raw[::every] for part in found], axis=1)
        parts.append(Table(raw, found[0].labels[::every], np.full(len(raw), number), found[0].start[::every], names))
    return together(parts)


def together(parts: Sequence[Table]) -> Table:
    """Tables of the same features, one after the other."""
    raw, labels, recording, start = (np.concatenate([getattr(part, key) for part in parts])
                                     for key in ("raw", "labels", "recording", "start"))
    return Table(raw, labels, recording, start, parts[0].names)


def table_folder(folder: Path, cut: Cut) -> Path:
    digest = hashlib.sha256(repr(cut).encode()).hexdigest()[:8]
    return folder / f"{cut.window}-{cut.hop}-{digest}"


def write(table: Table, folder: Path) -> Path:
    """As files that are mapped into memory, one copy for all processes."""
    with atomic_folder(folder) as part:
        np.save(part / "raw.npy", table.raw)
        np.savez(part / "rows.npz", labels=table.labels, recording=table.recording, start=table.start)
        (part / "names.json").write_text(json.dumps(table.names))
    return folder


@lru_cache(maxsize=16)
def read(folder: Path) -> Table:
    """What write() has written."""
    with np.load(folder / "rows.npz") as rows:
        found = {key: rows[key] for key in ("labels", "recording", "start")}
    names = json.loads((folder / "names.json").read_text())
    return Table(np.load(folder / "raw.npy", mmap_mode="r"), names=names, **found)


def whole(folder: Path) -> Table:
    """The same, in memory: to be sent."""
    table = read(folder)
    return dataclasses.replace(table, raw=np.array(table.raw))


def thinning(entries: Sequence[Entry | Recording], cut: Cut) -> int:
    """Every so many-th window is used, so that no more than MOST_WINDOWS are."""
    return max(1, math.ceil(dataset.count_windows(entries, cut.window, cut.hop) / MOST_WINDOWS))
