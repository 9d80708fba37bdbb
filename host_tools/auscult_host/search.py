# SPDX-License-Identifier: Apache-2.0
"""Search for the model that does the job within a board's budget, and say honestly how good it will be.

Two figures are kept apart. The honest one: for every fold the candidate is chosen among fixed and random ones by models
that have never seen that fold, and judged on it through the compiled C. The other is the score by which the final
candidate was chosen, which flatters it. Candidates that the study proposes in view of earlier ones may become the final
model, but never enter the honest figure.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import dataset, searchbudget, searchdata, searchstudy, train
from .decision import NORMAL
from .errors import AuscultError
from .model_kinds import ANOMALY, MODELS
from .recordings import Entry, Recording, loaded
from .searchbudget import Budget
from .searchdata import Folds
from .searchjob import Task, View, evaluate
from .searchscore import Said, by_fold, interval, joined, score, value
from .searchspace import Candidates, Cut, SearchSpace, cut_of
from .searchstudy import Picked, Row, Study
from .searchwork import Cluster, Here, Local
from .train import Settings, Trained

POOL = 0.6  # share of the candidates that do not depend on how others did
NEAR = 0.01  # candidates this close to the best are as good; the smallest of them is taken, as in the rule of one standard error
SHORT = 0.05  # share of the recordings that may be too short for a window
Progress = Callable[[str, int, int, float | None], None]  # what, done, of how many, best score so far


@dataclasses.dataclass(frozen=True)
class Options:
    """How to search. time_limit_s: no candidate is begun after that (0: no limit). dask: address of a scheduler."""

    trials: int = 40
    time_limit_s: float = 0.0
    jobs: int = 2
    dask: str = ""
    resume: bool = False
    group_by: str = "auto"
    full_scale: float | None = None
    name: str = "pipeline"
    budget: Budget = dataclasses.field(default_factory=Budget)


@dataclasses.dataclass
class Searched:
    """trained: refitted on everything; rows: all candidates; best: the chosen one's row; honest: the nested score, its
    95 % interval, and for each fold its score and what was chosen without it; front: rows that no other beats in score
    and bytes, or in score and instructions."""

    trained: Trained
    rows: list[Row]
    best: Row
    honest: dict[str, Any]
    front: list[Row]
    notes: list[str]


class Search:
    """One search over a dataset; `run()` does it all."""

    def __init__(self, entries: Sequence[Entry | Recording], space: SearchSpace, base: Settings, options: Options,
                 folder: Path, progress: Progress = lambda *_: None) -> None:
        self.entries, self.options, self.base, self.progress = entries, options, base, progress
        self.notes: list[str] = []
        self.refused: AuscultError | None = None
        labels = train.check_labels(entries)
        space = self._fitting_models(space, labels)
        self.binary = all(MODELS[model].detector for model in space.models)
        if self.binary:
            train.check_kind(labels, dataclasses.replace(base, model=space.models[0]))
            labels = [ANOMALY, NORMAL]
        elif len(labels) < 2:
            train.check_kind(labels, dataclasses.replace(base, model=space.models[0]))
        folds = searchdata.make_folds(entries, options.group_by)
        # A few short recordings do without long windows, instead of all.
        shortest = int(np.quantile([dataset.uninterrupted(entry) for entry in entries], SHORT, method="lower"))
        rate_hz = float(np.median([entry.rate_hz for entry in entries]))
        full_scale = options.full_scale or dataset.choose_full_scale(entries)
        self.candidates = Candidates(space, base, rate_hz, shortest)
        self.task = Task(folds, space.metric, tuple(labels), self.binary, entries[0].axes, rate_hz, full_scale, options.budget,
                         options.name)
        progress("looking at the recordings", 0, 0, None)
        identity = {"dataset": dataset.fingerprint(entries), "search space": searchstudy.digest((space, base)),
                    "budget": options.budget.text(), "grouping": f"{folds.group_by}, {len(folds.names)} folds"}
        self.study = Study(folder, identity, options.resume)
        self.study.restore(self.candidates)
        self.tables = folder / "features"
        try:
            self.work = self._workers()
        except AuscultError:
            self.study.forget()
            raise
        self.began = time.monotonic()

    def _fitting_models(self, space: SearchSpace, labels: list[str]) -> SearchSpace:
        """An anomaly detector can't be compared with models that tell several faults apart."""
        detectors = [model for model in space.models if MODELS[model].detector]
        if not detectors or len(detectors) == len(space.models) or (len(labels) == 2 and NORMAL in labels):
            return space
        self.notes.append(f"{', '.join(detectors)} left out: they tell normal from the rest, the labels are more than that")
        return space.model_copy(update={"models": [model for model in space.models if model not in detectors]})

    def _workers(self) -> Here | Cluster:
        if self.options.dask:
            return Cluster(self.options.dask, self.study.folder)
        return Local(self.options.jobs) if self.options.jobs > 1 else Here()

    def run(self) -> Searched:
        """Try candidates, choose, judge, refit. Ctrl-C ends the trying; what was found until then counts."""
        try:
            try:
                self._try_pool()
                self._try_guided()
            except KeyboardInterrupt:
                if not any(row["score"] is not None for row in self.study.rows.values()):
                    raise
                self.notes.append(f"interrupted after {len(self.study.rows)} candidates; --resume goes on")
                self.work.close()
                self.work = self._workers()
            rows = [self.study.rows[number] for number in sorted(self.study.rows)]
            best = self._best(rows)
            honest = self._honest(rows)
            self.progress("fitting the chosen one on everything", 0, 0, None)
            trained = self._final(best, honest)
        finally:
            self.work.close()
            self.study.forget()
        if len(rows) >= self.options.trials:
            self.study.finish()
        return Searched(trained, rows, best, honest, pareto(rows), self.notes)

    # --- trying

    def _late(self) -> bool:
        limit = self.options.time_limit_s
        return bool(limit and self.study.rows) and time.monotonic() - self.began > limit

    def _pool(self) -> list[Picked]:
        presets = len(self.candidates.preset_choices())
        count = min(self.options.trials, max(presets, round(POOL * self.options.trials)))
        return searchstudy.pool(self.candidates, count, self.base.seed, self._able)

    def _try_pool(self) -> None:
        pool = self._pool()
        self.pool_size = len(pool)
        if not pool and self.refused:
            raise self.refused
        self._try({number: picked for number, picked in enumerate(pool) if number not in self.study.rows})

    def _try_guided(self) -> None:
        while (done := len(self.study.rows)) < self.options.trials and done >= self.pool_size and not self._late():
            count = min(searchstudy.BATCH, self.options.trials - done)
            asked = self.study.ask(self.candidates, done, count, self.base.seed, self._able)
            if not asked:
                self.notes.append("there was nothing more to choose from")
                return
            self._try(dict(enumerate(asked, done)))

    def _try(self, asked: dict[int, Picked]) -> None:
        """Evaluate candidates; those of a batch are kept together, so that an interrupted batch is asked for again."""
        self._extract([cut_of(picked.settings) for picked in asked.values()])
        numbers = sorted(asked, key=lambda number: (cut_of(asked[number].settings), number))
        works = [(self.task, self._lend(cut_of(asked[number].settings)), asked[number].settings) for number in numbers]
        guided = min(asked, default=0) >= self.pool_size
        found: dict[int, Row] = {}
        for at, row in self.work.run(evaluate, works, self._late):
            found[numbers[at]] = row
            if not guided:
                self.study.add(numbers[at], asked[numbers[at]], row)
            scores = [r["score"] for r in [*self.study.rows.values(), *found.values()] if r["score"] is not None]
            done = len(self.study.rows) + (len(found) if guided else 0)
            self.progress("candidates", done, self.options.trials, max(scores, default=None))
        if guided:
            for number in sorted(found):
                self.study.add(number, asked[number], found[number])

    def _able(self, settings: Settings) -> bool:
        """Whether there is such a pipeline: a spectrum wants a window that is long enough, and a rule of lines wants lines."""
        try:
            names = self.task.spec(settings).features
        except AuscultError as error:
            self.refused = error
            return False
        return any(name.startswith(MODELS[settings.model].only) for name in names)

    def _lend(self, cut: Cut) -> Any:
        return self.work.lend(searchdata.table_folder(self.tables, cut))

    def _superset(self, cut: Cut) -> list[str]:
        """Every feature that a candidate of this cut can ask for."""
        names: dict[str, None] = {}
        for features in self.candidates.choices["features"]:
            for history in self.candidates.choices["history"]:
                settings = self.candidates.with_features(cut, features, history)
                if self._able(settings):
                    names |= dict.fromkeys(self.task.spec(settings).features)
        return list(names)

    def _extract(self, cuts: Sequence[Cut]) -> None:
        """Features of these cuts, once, through the compiled C."""
        missing = [cut for cut in dict.fromkeys(cuts) if not searchdata.table_folder(self.tables, cut).is_dir()]
        if not missing:
            return
        works, owner = [], []
        blocks = searchdata.blocks(self.entries)
        for cut in missing:
            every, names = searchdata.thinning(self.entries, cut), self._superset(cut)
            if every > 1:
                self.notes.append(f"windows of {cut.window} every {cut.hop}: candidates are compared on one in {every}")
            for block in blocks:
                works.append((self._sources(block), block.start, cut, names, self.base, self.task.full_scale, every))
                owner.append(cut)
        parts: dict[Cut, dict[int, searchdata.Table]] = {cut: {} for cut in missing}
        for done, (at, table) in enumerate(self.work.run(searchdata.extract, works), 1):
            cut = owner[at]
            parts[cut][at] = table
            self.progress("features of all recordings", done, len(works), None)
            if len(parts[cut]) == len(blocks):
                whole = searchdata.together([parts[cut][i] for i in sorted(parts[cut])])
                searchdata.write(whole, searchdata.table_folder(self.tables, cut))
                del parts[cut]

    def _sources(self, block: range) -> list[Entry | Recording]:
        """Recordings by path where the workers see it, else with their samples."""
        found = [self.entries[i] for i in block]
        if self.work.shared:
            return found
        return [loaded(entry) for entry in found]

    # --- choosing and judging

    def _best(self, rows: list[Row]) -> Row:
        best = choose(rows)
        if best is not None:
            return best
        self.study.rows.clear()  # nothing to go on with
        if any(row["over"] for row in rows):
            raise searchbudget.nothing_fits(self.options.budget, rows)
        why = next((row["failed"] for row in rows if row.get("failed")), "no candidate was tried in time")
        raise AuscultError(f"no candidate could be judged: {why}", "at least one",
                           "a longer --time-limit, more recordings of each class, or another [search]")

    def _honest(self, rows: list[Row]) -> dict[str, Any]:
        """The nested score: each fold by the candidate that was chosen without it, through the compiled C."""
        pool = [row for row in rows if row["number"] < self.pool_size]
        folds = self.task.folds
        chosen = {fold: row for fold in range(len(folds.names)) if (row := choose(pool, fold)) is not None}
        works = []
        self._extract([cut_of(settings_of(row)) for row in chosen.values()])  # there already, unless the search was through
        for fold, row in chosen.items():
            settings = settings_of(row)
            works.append((self.task, self._lend(cut_of(settings)), settings, fold))
        parts: dict[int, Said] = {}
        order = list(chosen)
        for done, (at, said) in enumerate(self.work.run(judge_fold, works), 1):
            self.progress("judging through the compiled C", done, len(works), None)
            if said is not None:
                parts[order[at]] = said
        if not parts:
            self.notes.append("no honest score: no group can be held out and leave every class to learn from")
            return {"metric": self.task.metric, "value": None, "interval": None, "folds": []}
        whole = joined([parts[fold] for fold in sorted(parts)])
        rows_of = [{"name": folds.names[fold], "value": float(value(_of_one(self.task.metric, parts[fold]), parts[fold])),
                    "windows": len(parts[fold].truth), "chosen": describe(chosen[fold]), "number": chosen[fold]["number"],
                    "recall": _recall(self.task, parts[fold])} for fold in sorted(parts)]
        return {"metric": self.task.metric, "value": float(score(self.task.metric, whole)),
                "interval": interval(self.task.metric, whole), "folds": rows_of, "classes": list(self.task.classes),
                "confusion": whole.confusion().tolist(), "group_by": folds.group_by, "candidates": len(pool),
                "how": self._how(len(pool), by_fold(whole)),
                "balanced_accuracy": score("balanced_accuracy", whole), "macro_f1": score("macro_f1", whole),
                "accuracy": score("accuracy", whole)}

    def _how(self, candidates: int, averaged: bool) -> str:
        folds = self.task.folds
        held = f"{len(folds.names)} {folds.group_by}s" if len(folds.names) == len(np.unique(folds.group)) else (
            f"{len(folds.names)} sets of {folds.group_by}s")
        return (f"each of {held} judged through the compiled C by a model that was chosen from {candidates} fixed and random "
                f"candidates, and trained, without it; {'mean over them' if averaged else 'over all of them'}")

    def _final(self, best: Row, honest: dict[str, Any]) -> Trained:
        trained = train.train(self.entries, settings_of(best), group_by=self.task.folds.group_by, name=self.options.name,
                              full_scale=self.task.full_scale)
        trained.training["search"] = {
            "candidates": len(self.study.rows), "chosen": best["number"], "score": best["score"], "metric": self.task.metric,
            "predicted": best.get("cost"), "budget": self.options.budget.text(), "honest": honest}
        return trained


def _of_one(metric: str, said: Said) -> str:
    """F1 and AUC of a fold with a single class say nothing: then it is the share recognised."""
    return metric if len(np.unique(said.truth)) > 1 else "accuracy"


def judge_fold(task: Task, table: Any, settings: Settings, fold: int) -> Said | None:
    """Verdicts of the compiled C about one fold, trained without it."""
    view = View(task, table, settings)
    _, known, new = task.folds.outer()[fold]
    fitted, rows = view.fit(view.rows(known)), view.rows(new)
    if fitted is None or not len(rows):
        return None
    return view.compiled(fitted, rows)


def choose(rows: Sequence[Row], fold: int | None = None) -> Row | None:
    """The smallest of the best; fold: by models that know nothing of it. None if there is none within the budget."""
    def scored(row: Row) -> float | None:
        if row["over"] or row["score"] is None:
            return None
        found: float | None = row["score"] if fold is None else row["inner"][fold]
        return found

    known = [(found, row) for row in rows if (found := scored(row)) is not None]
    if not known:
        return None
    best = max(found for found, _ in known)
    return min((row for found, row in known if found >= best - NEAR),
               key=lambda row: (row["cost"]["flash_bytes"], row["number"]))


def pareto(rows: Sequence[Row]) -> list[Row]:
    """Rows within the budget that no other beats in score and bytes, or in score and instructions; best first."""
    able = [row for row in rows if row["score"] is not None and not row["over"]]

    def beaten(row: Row, by: str) -> bool:
        cost = row["cost"][by]
        return any(other["score"] >= row["score"] and other["cost"][by] <= cost
                   and (other["score"] > row["score"] or other["cost"][by] < cost or other["number"] < row["number"])
                   for other in able)

    front = [row for row in able if not beaten(row, "flash_bytes") or not beaten(row, "instructions")]
    return sorted(front, key=lambda row: (-row["score"], row["cost"]["flash_bytes"]))


def settings_of(row: Row) -> Settings:
    """The settings in a row, which may have been through JSON."""
    values = row["settings"]
    return Settings(**values | {key: tuple(values[key]) for key in ("features", "history")})


def describe(row: Row) -> str:
    """A candidate in a few words."""
    s = settings_of(row)
    size = {"forest": f" {s.trees}×{s.depth}", "extra_trees": f" {s.trees}×{s.depth}", "tree": f" {s.depth}"}.get(s.model, "")
    size = size or "".join(f" {key} {given}" for key, given in s.params.items() if not isinstance(given, dict))
    parts = [f"{s.model}{size}", f"{row['features']} of {'+'.join(s.features)}", f"window {s.window}/{s.hop}"]
    if s.front:
        parts.append(s.front)
    if s.history:
        parts.append("+".join(suffix or "now" for suffix in s.history))
    return ", ".join(parts)


def _recall(task: Task, said: Said) -> dict[str, float]:
    counts = said.confusion()
    return {label: float(counts[i, i] / counts[i].sum()) for i, label in enumerate(task.classes) if counts[i].sum()}


__all__ = ["Folds", "Options", "Search", "Searched", "choose", "describe", "pareto"]
