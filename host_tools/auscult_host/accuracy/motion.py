# SPDX-License-Identifier: Apache-2.0
"""A motion set that is brought along: a folder of CSV files with subjects, searched without a hand in it."""

from pathlib import Path

from .. import search, templates
from ..importers import Options, import_sources
from . import Figure, Progress, worst
from .measuring import largest_model

TEMPLATE = "motion"
LIMIT_S = 12 * 60  # no candidate is begun later, so that all is done within 15 minutes
BAR, BASELINE = 0.72, 0.657


def measure(folder: Path, work: Path, jobs: int, say: Progress) -> list[Figure]:
    """Accuracy about subjects (or whatever the recordings are grouped by) that nothing was chosen or trained with."""
    found = import_sources([folder], Options())
    for note in [*found.notes, *found.cautions]:
        say(note)
    space = templates.load(TEMPLATE).search.model_copy(update={"metric": "accuracy"})

    def progress(what: str, done: int, total: int, best: float | None) -> None:
        say(what + (f" {done}/{total}" if total else "") + (f", best so far {best:.3f}" if best is not None else ""))

    options = search.Options(trials=space.trials, time_limit_s=LIMIT_S, jobs=jobs, name="accuracy")
    result = search.Search(found.recordings, space, templates.load(TEMPLATE).settings(), options, work / "search", progress).run()
    honest = result.honest
    groups = {fold["name"]: fold["value"] for fold in honest["folds"]}
    split = f"{honest['group_by']} held out; chosen without by the search of the template {TEMPLATE}"
    return [Figure("motion", split, "accuracy", honest["accuracy"], worst(groups),
                   largest_model(found.recordings, result, honest["group_by"]), BAR, BASELINE,
                   chosen=tuple(f"{fold['name']}: {fold['chosen']}" for fold in honest["folds"]), groups=groups)]
