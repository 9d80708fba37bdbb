# SPDX-License-Identifier: Apache-2.0
"""How good a model is on machines or sessions that it was not trained on, judged through the compiled C."""

import datetime
import difflib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import __version__, alarms, dataset
from . import decision as decisions
from .curve import learning_curve
from .decision import NORMAL
from .errors import AuscultError
from .judging import CannotJudge, Judge, Source, Verdicts, extract, hear_all, judges, recount, splits
from .scores import Counts, auc, balanced_accuracy, calibration, confusion, intervals, macro_f1
from .sensitivity import sensitivity
from .train import OWN, Trained, check_fit

__all__ = ["CannotJudge", "balanced_accuracy", "evaluate", "macro_f1"]
NOVEL_GROUP = 0.5  # a group with at least this share of novel windows is out of distribution
BAD_GROUP = 2 / 3  # a group below this balanced accuracy that is not told to be novel is silently wrong


def evaluate(trained: Trained, recordings: Sequence[Source], *, group_by: str = "auto", leaky: bool = False,
             thorough: bool = False, k: int = 3, n: int = 5,
             progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Scores of a model on a dataset, of recordings or of their entries (which are then read one at a time).

    Groups (machines, sessions) that the model was trained on cannot judge it: then the same model is trained anew
    without the group that is tested, once for each. A dataset of other groups judges the model as it is.
    leaky: add the figure of a random split, for comparison only. thorough: add the learning curve and the sensitivity to
    rate, gain, noise and mounting. k of n: the node's decision, which smooths the verdicts; it begins anew with each
    recording, at normal: what it says late counts as wrong.
    Returns classes, groups with their scores, confusion [true][said], balanced_accuracy, macro_f1 and their 95 %
    intervals over groups, the same at decision level with false alarms a day and delays, calibration, novelty, and how it
    was judged.
    """
    decisions.settings(k, n)  # wrong ones are refused before anything is computed
    if not recordings:
        raise AuscultError("no recordings to judge with", "at least one", "give a folder that holds some")
    dataset.check_uniform(recordings)
    group_by = _grouping(trained, recordings, group_by)
    classes = trained.spec.classes
    _check(trained, recordings)
    met = sorted({dataset.group_of(source, group_by) for source in recordings} & set(trained.training["groups"]))
    if met and trained.settings.model == OWN:
        raise AuscultError(f"a model of your own and recordings of {', '.join(met)}, which it was trained on",
                           "a model that can be trained again without them", f"judge it on another {group_by}")
    if met:
        base, table = extract(recordings, trained.settings, trained, group_by, progress)
        parts = splits(table, group_by, trained.settings)
        found = [judge for judge, _ in judges(base, table, parts, trained.settings, classes, progress)]
        how = f"trained anew without each {group_by} in turn"
        if len(parts) < len(set(table.groups.tolist())):
            how = f"trained anew without each of {len(parts)} sets of {group_by}s in turn"
    else:
        everybody = frozenset(dataset.group_of(source, group_by) for source in recordings)
        found = [Judge("", everybody, trained.pipeline(), np.arange(len(classes)))]
        how = f"as it is, on {group_by}s that it was not trained on"
    verdicts = hear_all(found, recordings, group_by, classes, progress)
    result: dict[str, Any] = {
        "auscult": __version__, "date": datetime.date.today().isoformat(), "how": how, "group_by": group_by,
        "refitted": bool(met), "classes": classes, "detector": trained.settings.detector, "windows": len(verdicts.truth),
        "recordings": len(recordings), "seconds": sum(source.samples / source.rate_hz for source in recordings)}
    if not len(verdicts.truth):
        raise AuscultError("no window in any recording", "at least one", "record for longer, or look at the trigger's level")
    result |= _scores(verdicts.truth, verdicts.said, verdicts.group, classes)
    if met and "search" in trained.training:
        result["nested"] = _nested(trained.training["search"])
    interval = result["balanced_accuracy_95"]
    present = int((np.bincount(verdicts.truth, minlength=len(classes)) > 0).sum())
    result["guessing"] = (interval[0] if interval else result["balanced_accuracy"]) <= 1 / max(2, present)
    result["groups"] = _by_group(verdicts, classes)
    result["decision"] = _decision(verdicts, classes, k, n, trained.settings.hop / trained.spec.rate_hz)
    result["novelty"] = _novelty(verdicts, classes, result["groups"]) | {"guarded": trained.guard is not None}
    if not np.isnan(verdicts.confidence).all():
        result["calibration"] = calibration(verdicts.confidence, verdicts.said == verdicts.truth)
    if NORMAL in classes:
        result["alarm"] = _alarm(verdicts, classes, trained.settings.false_alarms if trained.settings.detector else None)
    if leaky and met:
        random_parts = list(dataset.leaky_k_fold(table.labels))
        counts = recount(base, table, random_parts, trained.settings, classes, lambda text: progress(f"leaky, {text}"))
        result["leaky_balanced_accuracy"] = balanced_accuracy(np.sum(counts, axis=0))
    if thorough:
        if met:
            result["learning_curve"] = learning_curve(base, table, parts, trained.settings, classes,
                                                      result["balanced_accuracy"], progress)
        result["sensitivity"] = sensitivity(found, recordings, group_by, classes, len(verdicts.truth), progress)
    return result


def _nested(search: dict[str, Any]) -> dict[str, Any]:
    """What the search itself says: its settings were chosen by scores on these groups, which this figure makes up for."""
    honest = search["honest"]
    return {"candidates": search["candidates"], "metric": honest["metric"], "value": honest["value"],
            "interval": honest["interval"], "balanced_accuracy": honest.get("balanced_accuracy")}


def _grouping(trained: Trained, recordings: Sequence[Source], group_by: str) -> str:
    if group_by == "auto":
        group_by = trained.training["group_by"]
        if group_by == "recording":
            group_by = dataset.choose_group(recordings)
    if group_by not in dataset.GROUPS:
        raise AuscultError(f"grouping by {group_by!r}", f"one of {', '.join(dataset.GROUPS)} or auto", "use --group session")
    for source in recordings:
        dataset.group_of(source, group_by)  # refuses one that has none
    return group_by


def _check(trained: Trained, recordings: Sequence[Source]) -> None:
    """The model and the recordings must speak of the same thing, and there must be something to tell apart."""
    first, classes = recordings[0], trained.spec.classes
    if list(first.axes) != trained.spec.axes:
        raise AuscultError(f"the recordings have the axes {', '.join(first.axes)}",
                           f"{', '.join(trained.spec.axes)}, as the model was trained on", "import them with --axes to match")
    check_fit(trained, first)
    labels = {label for source in recordings for label in (source.label, source.label_at(0.0))}
    unknown = sorted(labels - set(classes) - ({""} if trained.settings.detector else set()))
    if "" in labels:
        nameless = next(source.name for source in recordings if not source.label)
        raise AuscultError(f"recording {nameless!r} has no label", f"one of {', '.join(classes)}",
                           "import it again with --label")
    if unknown and not trained.settings.detector:
        near = difflib.get_close_matches(unknown[0], classes, 1)
        raise AuscultError(f"recordings with the label {unknown[0]!r}", f"one of {', '.join(classes)}",
                           (f"is it {near[0]!r}, mistyped? " if near else "")
                           + "evaluate on what the model can say, or train it with that label")


def _scores(truth: Any, said: Any, groups: Any, classes: list[str]) -> dict[str, Any]:
    by_group = np.array([confusion(truth[groups == g], said[groups == g], len(classes)) for g in np.unique(groups)])
    total = by_group.sum(axis=0)
    result: dict[str, Any] = {"balanced_accuracy": balanced_accuracy(total), "macro_f1": macro_f1(total),
                              "confusion": total.tolist()}
    result |= intervals(by_group)
    if NORMAL in classes and total[classes.index(NORMAL)].sum():
        normal = total[classes.index(NORMAL)]
        result["false_alarms"] = float(1 - normal[classes.index(NORMAL)] / normal.sum())
    return result


def _by_group(verdicts: Verdicts, classes: list[str]) -> list[dict[str, Any]]:
    """A group's interval is drawn from its recordings: it says how even the group is, not how the next one will be."""
    rows = []
    for name in np.unique(verdicts.group):
        inside = verdicts.group == name
        numbers = np.unique(verdicts.recording[inside])
        by_recording: Counts = np.array([
            confusion(verdicts.truth[of], verdicts.said[of], len(classes)) for of in
            (verdicts.recording == number for number in numbers)])
        total = by_recording.sum(axis=0)
        recall = {label: float(total[i, i] / total[i].sum()) for i, label in enumerate(classes) if total[i].sum()}
        rows.append({"name": str(name), "windows": int(inside.sum()), "recordings": len(numbers), "recall": recall,
                     "balanced_accuracy": balanced_accuracy(total),
                     "balanced_accuracy_95": intervals(by_recording)["balanced_accuracy_95"],
                     "novel": float(verdicts.novel[inside].mean())})
    return rows


def _decision(verdicts: Verdicts, classes: list[str], k: int, n: int, hop_s: float) -> dict[str, Any]:
    heard = np.where(verdicts.novel, -1, verdicts.said)
    decided = alarms.decide(heard, verdicts.recording, classes, k, n)
    known = decided >= 0
    result: dict[str, Any] = {"k": k, "n": n, "hop_s": hop_s, "windows": int(known.sum())}
    if known.any():
        result |= _scores(verdicts.truth[known], decided[known], verdicts.group[known], classes)
    result["per_day"] = alarms.false_alarms(verdicts.courses, classes, k, n, hop_s)
    result["delay"] = alarms.delays(verdicts.courses, classes, k, n)
    return result


def _novelty(verdicts: Verdicts, classes: list[str], groups: list[dict[str, Any]]) -> dict[str, Any]:
    """How much was told, how right that was, and which groups are not like what was trained on."""
    told = ~verdicts.novel
    result: dict[str, Any] = {"windows": int(verdicts.novel.sum()), "coverage": float(told.mean())}
    if told.any():
        result["balanced_accuracy_told"] = balanced_accuracy(confusion(verdicts.truth[told], verdicts.said[told], len(classes)))
    result["out_of_distribution"] = [row["name"] for row in groups if row["novel"] >= NOVEL_GROUP]
    result["silently_wrong"] = [row["name"] for row in groups
                                if row["balanced_accuracy"] < BAD_GROUP and row["novel"] < NOVEL_GROUP]
    return result


def _alarm(verdicts: Verdicts, classes: list[str], asked: float | None) -> dict[str, Any]:
    """How well abnormal windows are ranked above normal ones, and whether the threshold carries over to new groups.

    asked: share of normal windows that a detector was allowed to call abnormal."""
    normal = verdicts.truth == classes.index(NORMAL)
    said = verdicts.said != classes.index(NORMAL)
    rows: list[dict[str, Any]] = []
    for name in np.unique(verdicts.group):
        inside = verdicts.group == name
        rows.append({"name": str(name), "auc": auc(verdicts.alarm[inside], ~normal[inside]),
                     "false_alarms": float(said[inside & normal].mean()) if (inside & normal).any() else None,
                     "found": float(said[inside & ~normal].mean()) if (inside & ~normal).any() else None})
    areas = [row["auc"] for row in rows if row["auc"] is not None]
    return {"auc": None if np.isnan(verdicts.alarm).any() else auc(verdicts.alarm, ~normal),
            "auc_mean": float(np.mean(areas)) if areas else None, "auc_worst": min(areas, default=None), "asked": asked,
            "groups": rows}
