# SPDX-License-Identifier: Apache-2.0
"""Verdicts that may be believed: each from a compiled pipeline that was not trained on the group it judges."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import dataset
from .alarms import Course
from .dataset import Table
from .decision import NORMAL
from .errors import AuscultError
from .hostlib import HostPipeline
from .recordings import Entry, Recording, loaded, to_int16
from .scores import Counts, confusion
from .spec import PipelineSpec
from .train import ANOMALY, Fitted, Settings, Trained, base_spec, fit

MAX_FOLDS = 12  # each fold compiles its own pipeline; with more groups than this, several share a fold
Source = Recording | Entry
Progress = Callable[[str], None]


class CannotJudge(AuscultError):
    """Nothing can be held out of this dataset: what is left would not do to train on."""


class Judge(NamedTuple):
    """A compiled pipeline, the groups that it has not met, and its classes as indices of the model's."""

    name: str
    groups: frozenset[str]
    pipeline: HostPipeline
    place: NDArray[np.int64]


@dataclass
class Verdicts:
    """What was said of every window of a dataset, recording after recording.

    truth, said: class indices. confidence: probability of what was said, alarm: how abnormal it looks (1 - probability of
    normal, or a detector's score); both NaN where there is none. novel: outside of what the model was trained on.
    """

    truth: NDArray[np.int64]
    said: NDArray[np.int64]
    confidence: NDArray[np.float64]
    alarm: NDArray[np.float64]
    novel: NDArray[np.bool_]
    group: NDArray[Any]
    recording: NDArray[np.int64]
    courses: list[Course]


def truth_of(labels: NDArray[Any], classes: list[str]) -> NDArray[np.int64]:
    """Labels as class indices; to an anomaly detector everything that is not normal is an anomaly."""
    if set(classes) == {ANOMALY, NORMAL}:
        labels = np.where(labels == NORMAL, NORMAL, ANOMALY)
    place = {name: number for number, name in enumerate(classes)}
    return np.array([place[str(label)] for label in labels], np.int64)


def extract(sources: Sequence[Source], settings: Settings, trained: Trained, group_by: str, progress: Progress) -> tuple[
        PipelineSpec, Table]:
    """(spec, features) of everything that training may choose from; one recording in memory at a time."""
    base = base_spec(sources, settings, trained.spec.name, trained.spec.full_scale)

    def recordings() -> Iterator[Recording]:
        for number, source in enumerate(sources, 1):
            progress(f"features of recording {number} of {len(sources)}")
            yield loaded(source)

    return base, dataset.table(recordings(), HostPipeline(base), group_by=group_by)


def splits(table: Table, group_by: str, settings: Settings) -> list[dataset.Split]:
    """Each group held out once. Raises CannotJudge where what is left would not do to train on."""
    if len(np.unique(table.groups)) <= MAX_FOLDS:
        found = list(dataset.leave_one_group_out(table.groups))
    else:
        found = list(dataset.group_k_fold(table.groups, table.labels, MAX_FOLDS))
    for train, _, name in found:
        left = sorted(set(table.labels[train].tolist()))
        if not learnable(left, settings):
            raise CannotJudge(f"without the {group_by} {name} only {', '.join(map(repr, left))} is left to learn from",
                              f"every label in at least two {group_by}s",
                              f"record each state in another {group_by} as well")
    return found


def learnable(labels: Sequence[str], settings: Settings) -> bool:
    return NORMAL in labels if settings.detector else len(labels) > 1


def judges(base: PipelineSpec, table: Table, parts: Sequence[dataset.Split], settings: Settings, classes: list[str],
           progress: Progress) -> Iterator[tuple[Judge, Fitted]]:
    """A model for each split, fitted to its training part and compiled."""
    fitted = []
    for number, (train, _, name) in enumerate(parts, 1):
        progress(f"training {number} of {len(parts)}: without {name}")
        one = fit(base, table.raw[train], table.labels[train], table.groups[train], settings)
        fitted.append((one, one.code()))  # converted here: emlearn changes the current folder, which threads share
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        compiled = pool.map(lambda pair: HostPipeline(pair[0].spec, pair[1]), fitted)
        for number, ((one, _), pipeline, (_, test, name)) in enumerate(zip(fitted, compiled, parts, strict=True), 1):
            progress(f"compiling {number} of {len(parts)}")
            # A class that is in no other group has not been learnt; the others keep their place.
            place = np.array([classes.index(label) for label in one.spec.classes])
            yield Judge(name, frozenset(table.groups[test].tolist()), pipeline, place), one


def hear(judge: Judge, recording: Recording, group: str, classes: list[str], number: int = 0) -> Verdicts:
    """Verdicts of one recording, as the pipeline gives them on the device."""
    spec = judge.pipeline.spec
    samples = to_int16(recording, spec.full_scale)
    piece = recording.piece or len(samples)
    begins = range(0, len(samples), piece)
    runs = [judge.pipeline.run(samples[begin:begin + piece], shaft_hz=recording.rpm / 60) for begin in begins]
    index, out, flags = (np.concatenate([getattr(run, name) for run in runs]) for name in ("index", "out", "flags"))
    last = np.concatenate([run.start + begin for run, begin in zip(runs, begins, strict=True)]) + spec.window - 1
    truth = truth_of(np.array([recording.label_at(at / recording.rate_hz) for at in last]), classes)
    end_s = (last + 1) / recording.rate_hz
    confidence, alarm = np.full((2, len(index)), np.nan)
    if out.shape[1] == 1:  # an anomaly detector's score
        alarm = out[:, 0].astype(np.float64)
    else:
        probability = out / 32768.0
        confidence = probability[np.arange(len(index)), index]
        if NORMAL in spec.classes:
            alarm = 1 - probability[:, spec.classes.index(NORMAL)]
    novel = flags & 4 != 0
    said = judge.place[index]
    course = Course(truth, np.where(novel, -1, said), end_s, recording.fault_at_s or 0.0, recording.label, recording.name, group)
    return Verdicts(truth, said, confidence, alarm, novel, np.full(len(index), group), np.full(len(index), number), [course])


def hear_all(found: Sequence[Judge], sources: Sequence[Source], group_by: str, classes: list[str],
             progress: Progress) -> Verdicts:
    """Verdicts of a whole dataset, each recording by the pipeline that has not met its group."""
    by_group = {group: judge for judge in found for group in judge.groups}
    parts = []
    for number, source in enumerate(sources):
        progress(f"judging recording {number + 1} of {len(sources)}")
        group = dataset.group_of(source, group_by)
        parts.append(hear(by_group[group], loaded(source), group, classes, number))
    arrays: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts])
                              for name in ("truth", "said", "confidence", "alarm", "novel", "group", "recording")}
    return Verdicts(**arrays, courses=[part.courses[0] for part in parts])


def recount(base: PipelineSpec, table: Table, parts: Sequence[dataset.Split], settings: Settings, classes: list[str],
            progress: Progress) -> list[Counts]:
    """Confusion of each split's test part, by a model trained on its training part."""
    counts = []
    for (judge, one), (_, test, _) in zip(judges(base, table, parts, settings, classes, progress), parts, strict=True):
        said = judge.place[judge.pipeline.predict_q(one.rows(base, table.raw[test]))[0]]
        counts.append(confusion(truth_of(table.labels[test], classes), said, len(classes)))
    return counts
