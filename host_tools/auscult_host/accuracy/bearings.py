# SPDX-License-Identifier: Apache-2.0
"""Bearing faults (CWRU, 12 kHz, drive end): inner race, outer race or ball, on faults of a size that was never heard."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .. import templates
from ..importers import Options, import_sources
from ..recordings import Recording
from ..searchspace import SearchSpace
from . import Figure, Progress, worst
from .measuring import largest_model, searched

TEMPLATE = "bearing_fault"
ORDERS = {"bpfi": 5.4152, "bpfo": 3.5848, "bsf2": 4.7135, "ftf": 0.3983}  # of the 6205, from the set's facts
BARS = {"": 0.83, "mean5": 0.845}
LITERATURE = 0.635  # macro-F1 by fault size
SAID = {"": "one window", "mean5": "features averaged over 5 windows"}


def recordings(folder: Path) -> list[Recording]:
    """The sensor at the drive end. The record without a fault has another rate and is left out."""
    return [dataclasses.replace(r, data=np.ascontiguousarray(r.data[:, :1]), axes=("x",))
            for r in import_sources([folder], Options()).recordings if r.label != "normal"]


def spaces() -> Iterator[tuple[str, SearchSpace]]:
    """The template's search, with and without averaged features."""
    whole = templates.load(TEMPLATE).search
    for history in BARS:
        presets = [preset.model_copy(update={"history": history}) for preset in whole.presets]
        unique = {preset.model_dump_json(): preset for preset in presets}
        yield history, whole.model_copy(update={"history": [history], "presets": list(unique.values()), "metric": "macro_f1"})


def measure(folder: Path, work: Path, jobs: int, say: Progress) -> list[Figure]:
    """Macro-F1 of each fault size by what the search chose and trained without that size; the mean over sizes."""
    found = recordings(folder)
    base = dataclasses.replace(templates.load(TEMPLATE).settings(), orders=ORDERS,
                               shaft_hz=float(np.median([r.rpm for r in found])) / 60)
    figures = []
    for history, space in spaces():
        result = searched(found, space, base, work / (history or "one"), jobs, say)
        honest = result.honest
        groups = {fold["name"]: fold["value"] for fold in honest["folds"]}
        figures.append(Figure(
            "cwru_12k_de", f"fault size held out, {SAID[history]}; chosen without that size by the search of the template "
            f"{TEMPLATE} among {honest['candidates']}", "macro-F1, mean over sizes", float(np.mean(list(groups.values()))),
            worst(groups), largest_model(found, result), BARS[history], LITERATURE,
            chosen=tuple(f"{fold['name']}: {fold['chosen']}" for fold in honest["folds"]), groups=groups))
    return figures
