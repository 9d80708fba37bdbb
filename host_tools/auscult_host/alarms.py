# SPDX-License-Identifier: Apache-2.0
"""What the node's decision of k of n would have done: false alarms a day, and how late it notices a fault."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import decision as decisions
from .decision import NORMAL
from .scores import rate_interval

_DAY_S = 86400


@dataclass
class Course:
    """Verdicts of one recording in the order of time. truth, said: class indices (said -1: can't tell); end_s: when
    each window was complete; begin_s: when its fault began (0: it was there from the start)."""

    truth: NDArray[np.int64]
    said: NDArray[np.int64]
    end_s: NDArray[np.float64]
    begin_s: float
    label: str
    name: str
    group: str


def decide(said: NDArray[np.int64], recording: NDArray[np.int64], classes: list[str], k: int, n: int) -> NDArray[np.int64]:
    """The node's state after each verdict, as class indices [n]; -1: undecided, where there is no normal class.

    It begins anew with each recording. said -1: a window that can't be told, which the node passes over."""
    decision = decisions.decision(classes, k, n)
    decided = np.empty(len(said), np.int64)
    for i, verdict in enumerate(said.tolist()):
        if i and recording[i] != recording[i - 1]:
            decision.reset()
        decision.update(None if verdict < 0 else verdict)
        decided[i] = decision.state
    return decided


def false_alarms(courses: list[Course], classes: list[str], k: int, n: int, hop_s: float) -> dict[str, Any] | None:
    """How often a day the decision would leave `normal` while the machine is normal; None without normal running.

    A window counts for the time since the one before. The first k - 1 of a recording cannot raise anything and do not count.
    interval: 95 %, as if alarms came independently of each other; none seen: the upper bound only.
    """
    if NORMAL not in classes:
        return None
    normal, events, days, windows = classes.index(NORMAL), 0, 0.0, 0
    for course in courses:
        if not len(course.said):  # nothing that would have begun a window
            continue
        state = decide(course.said, np.zeros(len(course.said), np.int64), classes, k, n)
        before = np.concatenate([[normal], state[:-1]])
        running = course.truth == normal
        events += int((running & (before == normal) & (state != normal)).sum())
        steps = np.diff(course.end_s, prepend=course.end_s[0] - hop_s)
        days += float(steps[k - 1:][running[k - 1:]].sum()) / _DAY_S
        windows += int(running[k - 1:].sum())
    if not windows:
        return None
    return {"alarms": events, "hours": 24 * days, "windows_per_day": windows / days, "per_day": events / days,
            "per_day_95": rate_interval(events, days), "bound_only": events == 0}


def delays(courses: list[Course], classes: list[str], k: int, n: int) -> dict[str, Any] | None:
    """How long after the beginning of a fault the decision says so; None where no recording holds a fault.

    A fault begins at the recording's fault_at_s, or with the recording, whose decision begins at normal. Without a
    normal class: how long until the decision is right. An alarm that was there before its fault is no detection in time
    and is left out of the delays.
    """
    normal = classes.index(NORMAL) if NORMAL in classes else -1
    rows: list[dict[str, Any]] = []
    for course in courses:
        faulty = np.flatnonzero(course.truth != normal)
        if not len(faulty):
            continue
        state = decide(course.said, np.zeros(len(course.said), np.int64), classes, k, n)
        first, right = int(faulty[0]), state == course.truth
        alarm = state != normal if normal >= 0 else right
        early = bool(first and alarm[first - 1])
        rows.append({"recording": course.name, "group": course.group, "label": course.label, "early": early}
                    | _wait("", course, alarm, first) | _wait("right_", course, right, first))
    if not rows:
        return None
    timed = [row for row in rows if not row["early"]]
    found = [row["seconds"] for row in timed if row["seconds"] is not None]
    by_class = [{"label": label, "faults": len(of), "detected": sum(row["seconds"] is not None for row in of),
                 "right": sum(row["right_seconds"] is not None for row in of),
                 "median_s": _median([row["seconds"] for row in of])}
                for label in sorted({row["label"] for row in timed})
                for of in [[row for row in timed if row["label"] == label]]]
    return {"faults": len(timed), "detected": len(found), "early": len(rows) - len(timed),
            "right": sum(row["right_seconds"] is not None for row in timed),
            "median_s": _median([row["seconds"] for row in timed]), "worst_s": max(found, default=None),
            "by_class": by_class, "rows": rows, "from_start": all(course.begin_s == 0 for course in courses)}


def _wait(name: str, course: Course, told: NDArray[np.bool_], first: int) -> dict[str, Any]:
    at = np.flatnonzero(told[first:])
    if not len(at):
        return {f"{name}windows": None, f"{name}seconds": None}
    return {f"{name}windows": int(at[0]) + 1, f"{name}seconds": float(course.end_s[first + at[0]] - course.begin_s)}


def _median(values: list[float | None]) -> float | None:
    """The lower median; one that is missing, of a fault that was not noticed, is larger than any."""
    ordered = sorted(value for value in values if value is not None)
    middle = max(0, len(values) - 1) // 2
    return ordered[middle] if middle < len(ordered) else None
