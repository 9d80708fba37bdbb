# SPDX-License-Identifier: Apache-2.0
"""Score against the amount of training data: the same model trained on fewer groups, always judged on groups held out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import dataset
from .dataset import Table
from .judging import Progress, learnable, recount
from .scores import balanced_accuracy
from .spec import PipelineSpec
from .train import Settings

_SIZES, _DRAWS, _MOST_MODELS = 5, 3, 60  # each model is fitted and compiled anew: most of the time of an evaluation
_TRIES = 50  # to draw groups that hold every class


def learning_curve(base: PipelineSpec, table: Table, parts: Sequence[dataset.Split], settings: Settings, classes: list[str],
                   honest: float, progress: Progress) -> list[dict[str, Any]]:
    """Points {groups, balanced_accuracy, low, high, draws}, by number of training groups.

    For each held-out group, as many of the others are drawn, some times over, so that every class is among them; low and
    high are the worst and the best draw. The last point is the evaluation itself, `honest`.
    """
    whole = min(len(np.unique(table.groups[train])) for train, _, _ in parts)
    smaller = np.unique(np.geomspace(1, whole, _SIZES).round().astype(int))[:-1] if whole > 1 else np.array([], int)
    draws = max(1, min(_DRAWS, _MOST_MODELS // max(1, len(smaller) * len(parts))))
    points = []
    for size in smaller.tolist():
        chosen = [_draw(table, part, size, settings, np.random.default_rng([size, number, draw]))
                  for draw in range(draws) for number, part in enumerate(parts)]
        fit = [part for part in chosen if part is not None]
        if len(fit) < len(chosen):
            continue  # so few groups cannot hold every class
        counts = np.array(recount(base, table, fit, settings, classes,
                                  lambda text, size=size: progress(f"with {size} groups: {text}")))  # type: ignore[misc]
        scores = [balanced_accuracy(counts[draw * len(parts):(draw + 1) * len(parts)].sum(axis=0)) for draw in range(draws)]
        points.append({"groups": size, "balanced_accuracy": float(np.mean(scores)), "low": min(scores), "high": max(scores),
                       "draws": draws})
    return [*points, {"groups": whole, "balanced_accuracy": honest, "low": honest, "high": honest, "draws": 1}]


def _draw(table: Table, part: dataset.Split, size: int, settings: Settings,
          rng: np.random.Generator) -> dataset.Split | None:
    """A split with fewer groups to train on, holding as many classes as the whole part; None if none was found."""
    train, test, name = part
    names, wanted = np.unique(table.groups[train]), set(table.labels[train].tolist())
    for _ in range(_TRIES):
        kept = train[np.isin(table.groups[train], rng.choice(names, size, replace=False))]
        labels = set(table.labels[kept].tolist())
        if learnable(sorted(labels), settings) and (labels == wanted or settings.detector):
            return kept, test, name
    return None
