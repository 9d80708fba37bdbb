# SPDX-License-Identifier: Apache-2.0
"""How good a model is on machines or sessions that it was not trained on, judged through the compiled C."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import dataset
from . import decision as decisions
from .decision import NORMAL
from .errors import AuscultError
from .hostlib import HostPipeline
from .recordings import Recording
from .spec import PipelineSpec
from .train import ANOMALY, Settings, Trained, base_spec, check_fit, classify, fit

MAX_FOLDS = 12  # each fold compiles its own pipeline; with more groups than this, several share a fold
Counts = NDArray[np.int64]


def evaluate(trained: Trained, recordings: Sequence[Recording], *, group_by: str = "auto", leaky: bool = False,
             k: int = 3, n: int = 5, progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Scores of a model on a dataset.

    Groups (machines, sessions) that the model was trained on cannot judge it: then the same model is trained anew
    without the group that is tested, once for each. A dataset of other groups judges the model as it is.
    leaky: add the figure of a random split, for comparison only. k of n: the node's decision, which smooths the
    verdicts; it begins anew with each recording, at normal: what it says late counts as wrong.
    Returns classes, groups with their scores, confusion [true][said], balanced_accuracy, macro_f1 and their 95 %
    intervals over groups, the same at decision level, and how it was judged.
    """
    decisions.settings(k, n)  # wrong ones are refused before anything is computed
    if group_by == "auto" and trained.training["group_by"] != "recording":
        group_by = trained.training["group_by"]
    settings = trained.settings
    _check_fit(trained, recordings)
    cut = dataset.windows(recordings, settings.window, settings.hop, full_scale=trained.spec.full_scale,
                          group_by=group_by)
    truth, classes = _truth(trained, cut.labels)
    met = sorted(set(cut.groups.tolist()) & set(trained.training["groups"]))
    if met:
        base = base_spec(recordings, settings, trained.spec.name, trained.spec.full_scale)
        raw = HostPipeline(base).features(cut.data)
        splits = list(_splits(cut))
        _check_splits(cut, splits, settings)
        said = _refit(base, raw, cut, splits, settings, classes, progress)
        how = f"trained anew without each {cut.group_by} in turn"
        if len(splits) < len(set(cut.groups.tolist())):
            how = f"trained anew without each of {len(splits)} sets of {cut.group_by}s in turn"
    else:
        pipeline = trained.pipeline()
        said = np.asarray(pipeline.predict_q(pipeline.quantised(cut.data))[0])
        how = f"as it is, on {cut.group_by}s that it was not trained on"
    result: dict[str, Any] = {"how": how, "group_by": cut.group_by, "classes": classes, "windows": len(truth)}
    result |= _scores(truth, said, cut.groups, classes)
    interval = result["balanced_accuracy_95"]
    present = int((np.bincount(truth, minlength=len(classes)) > 0).sum())
    result["guessing"] = (interval[0] if interval else result["balanced_accuracy"]) <= 1 / max(2, present)
    result["groups"] = _by_group(truth, said, cut.groups, classes)
    decided = _decide(said, cut.recording, classes, k, n)
    known = decided >= 0
    result["decision"] = {"k": k, "n": n, "windows": int(known.sum())}
    if known.any():
        result["decision"] |= _scores(truth[known], decided[known], cut.groups[known], classes)
    if leaky and met:
        said = _refit(base, raw, cut, list(dataset.leaky_k_fold(cut.labels)), settings, classes, progress)
        result["leaky_balanced_accuracy"] = balanced_accuracy(_confusion(truth, said, len(classes)))
    return result


class CannotJudge(AuscultError):
    """Nothing can be held out of this dataset: what is left would not do to train on."""


def _check_splits(cut: dataset.Windows, splits: Sequence[dataset.Split], settings: Settings) -> None:
    """Each training part must hold what the model learns from."""
    for train, _, name in splits:
        left = sorted(set(cut.labels[train].tolist()))
        if NORMAL not in left if settings.detector else len(left) < 2:
            found = ", ".join(map(repr, left)) or "nothing"
            raise CannotJudge(f"without the {cut.group_by} {name} only {found} is left to learn from",
                              f"every label in at least two {cut.group_by}s",
                              f"record each state in another {cut.group_by} as well")


def _check_fit(trained: Trained, recordings: Sequence[Recording]) -> None:
    """The model and the recordings must speak of the same thing."""
    first = recordings[0]
    if list(first.axes) != trained.spec.axes:
        raise AuscultError(f"the recordings have the axes {', '.join(first.axes)}",
                           f"{', '.join(trained.spec.axes)}, as the model was trained on", "import them with --axes to match")
    check_fit(trained, first)


def _truth(trained: Trained, labels: NDArray[Any]) -> tuple[NDArray[np.int64], list[str]]:
    """Labels as indices of the model's classes; to an anomaly detector everything that is not normal is an anomaly."""
    classes = trained.spec.classes
    if trained.settings.detector:
        labels = np.where(labels == NORMAL, NORMAL, ANOMALY)
    unknown = sorted(set(labels.tolist()) - set(classes))
    if unknown:
        raise AuscultError(f"recordings with the label {unknown[0] or '(none)'!r}", f"one of {', '.join(classes)}",
                           "evaluate on what the model can say, or train it with that label")
    return np.array([classes.index(label) for label in labels]), classes


def _splits(cut: dataset.Windows) -> Iterator[dataset.Split]:
    if len(np.unique(cut.groups)) <= MAX_FOLDS:
        return dataset.leave_one_group_out(cut.groups)
    return dataset.group_k_fold(cut.groups, cut.labels, MAX_FOLDS)


def _refit(base: PipelineSpec, raw: NDArray[np.int32], cut: dataset.Windows, splits: Sequence[dataset.Split],
           settings: Settings, classes: list[str], progress: Callable[[str], None]) -> NDArray[np.int64]:
    """Verdicts [n] as class indices, each from a model that has not seen its group."""
    said = np.full(len(raw), -1)
    for number, (train, test, name) in enumerate(splits, 1):
        progress(f"{number} of {len(splits)}: without {name}")
        fitted = fit(base, raw[train], cut.labels[train], cut.groups[train], settings)
        # A class that is in no other group has not been learnt; the others keep their place.
        place = np.array([classes.index(label) for label in fitted.spec.classes])
        said[test] = place[classify(base, fitted, raw[test])]
    return said


def _confusion(truth: NDArray[np.int64], said: NDArray[np.int64], count: int) -> Counts:
    return np.bincount(truth * count + said, minlength=count * count).reshape(count, count).astype(np.int64)


def balanced_accuracy(confusion: Counts) -> float:
    """Mean over the classes present of the share recognised; confusion[true, said]."""
    totals = confusion.sum(axis=1)
    return float(np.mean(np.diag(confusion)[totals > 0] / totals[totals > 0]))


def macro_f1(confusion: Counts) -> float:
    """Mean F1 over the classes that occur, as truth or as verdict."""
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float(np.mean(2 * np.diag(confusion)[both > 0] / both[both > 0]))


def _scores(truth: NDArray[np.int64], said: NDArray[np.int64], groups: NDArray[Any],
            classes: list[str]) -> dict[str, Any]:
    count = len(classes)
    by_group = np.array([_confusion(truth[groups == g], said[groups == g], count) for g in np.unique(groups)])
    total = by_group.sum(axis=0)
    result: dict[str, Any] = {"balanced_accuracy": balanced_accuracy(total), "macro_f1": macro_f1(total),
                              "confusion": total.tolist()}
    result |= _intervals(by_group)
    if NORMAL in classes and total[classes.index(NORMAL)].sum():
        normal = total[classes.index(NORMAL)]
        result["false_alarms"] = float(1 - normal[classes.index(NORMAL)] / normal.sum())
    return result


def _intervals(by_group: Counts, rounds: int = 2000) -> dict[str, list[float] | None]:
    """95 % intervals from drawing whole groups with replacement (Efron & Tibshirani, An Introduction to the
    Bootstrap, 1993, ch. 13); draws that lack a class altogether are left out. None with fewer than three groups."""
    names = ("balanced_accuracy_95", "macro_f1_95")
    if len(by_group) < 3:
        return dict.fromkeys(names)
    rng = np.random.default_rng(0)
    drawn = by_group[rng.integers(0, len(by_group), (rounds, len(by_group)))].sum(axis=1)
    present = by_group.sum(axis=(0, 2)) > 0
    drawn = drawn[(drawn.sum(axis=2)[:, present] > 0).all(axis=1)]
    if len(drawn) < 100:
        return dict.fromkeys(names)
    figures = [[balanced_accuracy(c) for c in drawn], [macro_f1(c) for c in drawn]]
    return {name: [float(q) for q in np.quantile(f, (0.025, 0.975))] for name, f in zip(names, figures, strict=True)}


def _by_group(truth: NDArray[np.int64], said: NDArray[np.int64], groups: NDArray[Any],
              classes: list[str]) -> list[dict[str, Any]]:
    rows = []
    for name in np.unique(groups):
        inside = groups == name
        confusion = _confusion(truth[inside], said[inside], len(classes))
        recall = {label: float(confusion[i, i] / confusion[i].sum()) for i, label in enumerate(classes)
                  if confusion[i].sum()}
        rows.append({"name": str(name), "windows": int(inside.sum()), "recall": recall,
                     "balanced_accuracy": balanced_accuracy(confusion)})
    return rows


def _decide(said: NDArray[np.int64], recording: NDArray[np.int64], classes: list[str], k: int, n: int) -> NDArray[np.int64]:
    """The node's state after each verdict, as class indices [n]; -1: undecided, where there is no normal class."""
    decision = decisions.decision(classes, k, n)
    decided = np.empty(len(said), np.int64)
    for i, verdict in enumerate(said.tolist()):
        if i and recording[i] != recording[i - 1]:
            decision.reset()
        decision.update(verdict)
        decided[i] = decision.state
    return decided
