# SPDX-License-Identifier: Apache-2.0
"""One candidate of a search: fitted without each fold, and without each two, and judged on what it has not seen."""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import searchdata
from .decision import NORMAL
from .errors import AuscultError
from .model_kinds import ANOMALY
from .searchbudget import Budget
from .searchdata import Folds, Table
from .searchscore import Said, joined, score
from .spec import PipelineSpec
from .train import Fitted, Settings, fit, make_spec


@dataclasses.dataclass(frozen=True)
class Task:
    """What all candidates of a search have in common. classes: labels in order; binary: whatever is not normal is anomaly."""

    folds: Folds
    metric: str
    classes: tuple[str, ...]
    binary: bool
    axes: tuple[str, ...]
    rate_hz: float
    full_scale: float
    budget: Budget
    name: str

    def spec(self, settings: Settings) -> PipelineSpec:
        return make_spec(list(self.axes), self.rate_hz, settings, self.name, self.full_scale)

    def truth(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Labels as indices of the classes."""
        if self.binary:
            labels = np.where(labels == NORMAL, NORMAL, ANOMALY)
        return np.searchsorted(np.array(self.classes), labels).astype(np.int64)

    @property
    def normal(self) -> int:
        return self.classes.index(NORMAL) if NORMAL in self.classes else -1

    def place(self, classes: Sequence[str]) -> NDArray[np.int64]:
        """Where a model's classes stand among all; an anomaly is the one class that is not normal."""
        other = next((i for i, label in enumerate(self.classes) if label != NORMAL), -1)
        return np.array([self.classes.index(label) if label in self.classes else other for label in classes])


class View:
    """The part of a table that one candidate sees."""

    def __init__(self, task: Task, table: Table | Path, settings: Settings) -> None:
        self.table = searchdata.read(table) if isinstance(table, Path) else table
        self.task, self.settings, self.base = task, settings, task.spec(settings)
        self.raw = self.table.columns(self.base.features)
        self.truth = task.truth(self.table.labels)
        self.groups = task.folds.group[self.table.recording]

    def rows(self, recordings: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of the chosen recordings."""
        return np.flatnonzero(recordings[self.table.recording])

    def fit(self, rows: NDArray[np.int64], guarded: bool = False) -> Fitted | None:
        """None where too few classes are left to learn from. guarded: with the guard against novel windows, which changes no
        verdict."""
        labels = self.table.labels[rows]
        if NORMAL not in labels if self.settings.detector else len(np.unique(labels)) < 2:
            return None
        settings = self.settings if guarded else dataclasses.replace(self.settings, novelty=0.0)
        return fit(self.base, self.raw[rows], labels, self.groups[rows], settings)

    def said(self, rows: NDArray[np.int64], verdicts: NDArray[np.int64], level: NDArray[np.float64]) -> Said:
        """Verdicts of these rows beside the truth."""
        task = self.task
        fold = task.folds.of[self.table.recording[rows]]
        return Said(self.truth[rows], verdicts, level, fold, len(task.classes), task.normal)

    def judge(self, fitted: Fitted, rows: NDArray[np.int64]) -> Said:
        """What scikit-learn's estimator says, which is what the compiled C says up to rounding."""
        inputs = fitted.rows(self.base, self.raw[rows])
        place = self.task.place(fitted.spec.classes)
        found = np.asarray(fitted.estimator.predict(inputs))
        if self.settings.detector:  # 1 is normal, -1 is not
            found = (found == 1).astype(int)
        elif found.dtype.kind not in "iu":
            found = np.searchsorted(np.array(fitted.spec.classes), found)
        level = np.zeros(len(rows))
        if self.task.metric == "auc":
            if self.settings.detector:
                level = -np.asarray(fitted.estimator.score_samples(inputs), float)
            elif NORMAL in fitted.spec.classes and hasattr(fitted.estimator, "predict_proba"):
                level = 1 - fitted.estimator.predict_proba(inputs)[:, fitted.spec.classes.index(NORMAL)]
        return self.said(rows, place[found], level)

    def compiled(self, fitted: Fitted, rows: NDArray[np.int64]) -> Said:
        """What the compiled C says."""
        index, out = fitted.pipeline().predict_q(fitted.rows(self.base, self.raw[rows]))
        place = self.task.place(fitted.spec.classes)
        level = np.zeros(len(rows))
        if out.shape[1] == 1:
            level = out[:, 0].astype(float)
        elif NORMAL in fitted.spec.classes:
            level = 1 - out[:, fitted.spec.classes.index(NORMAL)] / 32768.0
        return self.said(rows, place[index], level)


def evaluate(task: Task, table: Table | Path, settings: Settings) -> dict[str, Any]:
    """A candidate's score, that of each fold, and `inner`: for each fold the score by models that know nothing of it.

    Over the budget it is not fitted for folds: `over` then says by how much, and there is no score. `failed`: why there
    is no such pipeline.
    """
    began = time.perf_counter()
    try:
        view = View(task, table, settings)
        result: dict[str, Any] = {"features": len(view.base.features), **task.budget.judge_features(view.base)}
        if not result["over"]:
            whole = view.fit(np.arange(len(view.raw)), guarded=True)
            if whole is None:
                raise AuscultError("too few classes", "at least two")
            result |= {"features": len(whole.spec.features), **task.budget.judge(whole)}
        if not result["over"]:
            result |= _scores(task, view)
    except AuscultError as error:
        result = {"failed": str(error), "over": {}, "score": None}
    return {"score": None, "settings": dataclasses.asdict(settings), "seconds": time.perf_counter() - began, **result}


def _scores(task: Task, view: View) -> dict[str, Any]:
    parts: list[Said] = []
    each: list[float | None] = []
    for _, known, new in task.folds.outer():
        fitted, rows = view.fit(view.rows(known)), view.rows(new)
        if fitted is None or not len(rows):
            each.append(None)
            continue
        parts.append(view.judge(fitted, rows))
        each.append(_finite(score(task.metric, parts[-1])))
    held_out: dict[int, list[Said]] = {}
    for known, tests in task.folds.inner():
        fitted = view.fit(view.rows(known))
        for fold, new in tests if fitted else []:
            rows = view.rows(new)
            if fitted and len(rows):
                held_out.setdefault(fold, []).append(view.judge(fitted, rows))
    inner = [_finite(score(task.metric, joined(held_out[fold]))) if fold in held_out else None
             for fold in range(len(task.folds.names))]
    return {"score": _finite(score(task.metric, joined(parts))) if parts else None, "folds": each, "inner": inner}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
