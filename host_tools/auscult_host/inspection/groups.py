# SPDX-License-Identifier: Apache-2.0
"""Leaks and confusions between what a model learns from and what it is judged on."""

import collections
import dataclasses
from pathlib import Path

import numpy as np

from ..dataset import likely_typos
from ..recordings import Recording
from .finding import Curve, Finding


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is kept of each recording; swing: overall standard deviation, in its unit."""

    path: Path
    label: str
    machine: str
    session: str
    rate_hz: float
    unit: str
    axes: tuple[str, ...]
    seconds: float
    swing: float

    @classmethod
    def of(cls, path: Path, recording: Recording) -> "Facts":
        return cls(path, recording.label, recording.machine, recording.session, recording.rate_hz, recording.unit,
                   recording.axes, recording.seconds, float(np.linalg.norm(recording.data.std(axis=0))))


def findings(facts: list[Facts], twice: list[Finding], folder: Path, against: Path | None) -> list[Finding]:
    """What hangs on the dataset as a whole. twice: duplicates that were found."""
    if not facts:
        return []
    typos = _typos(facts)
    mistyped = {finding.path for finding in typos}
    return [*_differing(facts), *typos, *_unlabelled(facts), *(_both(facts, folder, against) if against else []),
            *_leaks(facts, twice, folder), *_confounded([fact for fact in facts if fact.path not in mistyped])]


def _differing(facts: list[Facts]) -> list[Finding]:
    """Rate, unit or axes of few recordings that differ from most."""
    found = []
    for what, option in (("rate_hz", "--rate-hz"), ("unit", "--unit"), ("axes", "--axes")):
        usual = collections.Counter(getattr(fact, what) for fact in facts).most_common(1)[0][0]
        for fact in facts:
            value = getattr(fact, what)
            if value == usual or (what == "rate_hz" and abs(value / usual - 1) < 0.02):
                continue
            shown, expected = (",".join(v) if what == "axes" else f"{v:g}" if what == "rate_hz" else v for v in (value, usual))
            name = {"rate_hz": "rate", "unit": "unit", "axes": "axes"}[what]
            found.append(Finding("mixed " + name, fact.path, f"its {name} is {shown}, most others have {expected}",
                                 f"auscult edit {fact.path} {option} {expected} if that is what it is, else --drop", grave=True))
    return found


def _typos(facts: list[Facts]) -> list[Finding]:
    """A rare label that is nearly a common one."""
    counts = collections.Counter(fact.label for fact in facts if fact.label)
    found = []
    for label, usual in likely_typos(counts):
        for fact in facts if counts[usual] > 2 * counts[label] else []:
            if fact.label == label:
                found.append(Finding("label typo", fact.path, f"the label {label!r} ({counts[label]} of {len(facts)}) is nearly "
                                     f"{usual!r} ({counts[usual]})", f"auscult edit {fact.path} --label {usual}", grave=True))
    return found


def _unlabelled(facts: list[Facts]) -> list[Finding]:
    return [Finding("no label", fact.path, "it has no label", f"auscult edit {fact.path} --label LABEL") for fact in facts
            if not fact.label]


def _both(facts: list[Facts], folder: Path, against: Path) -> list[Finding]:
    """The same machine's session in the dataset and in the one it is to be tested on."""
    found = []
    inside = {(fact.machine, fact.session): fact for fact in facts
              if fact.path.parent == folder and (fact.machine or fact.session)}
    for fact in facts:
        twin = inside.get((fact.machine, fact.session))
        if fact.path.parent == against and twin:
            found.append(Finding("leak", fact.path, f"{_group(fact)} is on both sides: also in {twin.path}",
                                 f"auscult edit {fact.path} --drop", grave=True, other=twin.path))
    return found


def _leaks(facts: list[Facts], twice: list[Finding], folder: Path) -> list[Finding]:
    """Windows of one session, or the same samples, in groups that would be held apart."""
    found = []
    by_path = {fact.path: fact for fact in facts}
    for finding in twice:
        one, two = by_path[finding.path], by_path[finding.other or finding.path]
        if (one.machine, one.session) != (two.machine, two.session):
            found.append(Finding("leak", finding.path, f"samples of {two.path.stem} ({_group(two)}) are in another group too "
                                 f"({_group(one)}): a split by group would have them on both sides", finding.mend, grave=True,
                                 from_s=finding.from_s, to_s=finding.to_s, other=finding.other))
    machines, sessions = {fact.machine for fact in facts}, {fact.session for fact in facts}
    if len(facts) > 1 and len(machines) < 2 and len(sessions) < 2:
        what = "no machine and no session" if sessions == {""} else f"one session ({next(iter(sessions))})"
        found.append(Finding(
            "leak", facts[0].path, f"all {len(facts)} recordings have {what}: split by recording, the same session is on both "
            "sides, and the figures will be better than the model",
            f"auscult edit {folder}/MORNING*.parquet --session morning (and so on)", grave=True))
    return found


def _group(fact: Facts) -> str:
    named = (fact.machine and f"machine {fact.machine}", fact.session and f"session {fact.session}")
    return ", ".join(name for name in named if name) or "no group"


def _confounded(facts: list[Facts]) -> list[Finding]:
    """Each label in one group only: what is learnt may be the machine or the day."""
    group = "machine" if len({f.machine for f in facts}) > 1 else "session"
    names = sorted({getattr(fact, group) for fact in facts})
    labels = sorted({fact.label for fact in facts if fact.label})
    if len(labels) < 2 or len(names) < 2:
        return []
    seconds = np.zeros((len(labels), len(names)))
    for fact in facts:
        if fact.label:
            seconds[labels.index(fact.label), names.index(getattr(fact, group))] += fact.seconds
    alone = [label for label, row in zip(labels, seconds, strict=True) if (row > 0).sum() == 1]
    if not alone:
        return []
    curve = Curve(f"seconds of each label by {group}", group, "", [name or "(none)" for name in names], seconds, rows=labels)
    return [Finding("confounded", facts[0].path, f"{', '.join(alone[:6])} {'was' if len(alone) == 1 else 'were'} recorded in one "
                    f"{group} only: the model may learn that {group}, and held out it can't be judged",
                    f"record {alone[0]} in another {group} as well: auscult record --label {alone[0]} --{group} NEW",
                    grave=len(alone) == len(labels), curve=curve)]
