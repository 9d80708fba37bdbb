# SPDX-License-Identifier: Apache-2.0
"""Ceiling fan: off and three speeds with and without a coin on a blade, learnt on the first half of the time."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np

from ..importers import Options, import_sources
from ..recordings import Recording
from ..search import describe
from ..searchspace import Preset, SearchSpace
from ..train import Settings
from . import Figure, Progress, worst
from .measuring import model_bytes, searched, session_means, verdicts

WINDOW = 200  # one second; the recordings are rows of such pieces
PARTS = 4  # of the first half, to choose by
GAP = 6  # pieces between the halves that are not used
# Nothing that changes when an axis gets another mean: gravity tells recordings apart that were mounted anew.
SHAPES = "std_log2+skewness+kurtosis+shape+impulse+zero_crossings+mobility+complexity"
BANDS = "+".join(f"band_{i}_32" for i in range(1, 33))


def recordings(folder: Path) -> list[Recording]:
    """The seven states; recordings with the sensor moved and of another day are left out."""
    found = import_sources([folder], Options()).recordings
    return [dataclasses.replace(r, label=r.name) for r in found if r.name.endswith("_weight")]


def cut(recording: Recording, begin: int, end: int, session: str) -> Recording:
    """Pieces begin to end."""
    return dataclasses.replace(recording, data=recording.data[begin * WINDOW:end * WINDOW], session=session,
                               name=f"{recording.name}_{session.replace(' ', '_')}")


def halves(recording: Recording) -> tuple[list[Recording], Recording]:
    """The first half in parts, and the second."""
    pieces = len(recording.data) // WINDOW
    edges = np.linspace(0, pieces // 2, PARTS + 1).astype(int)
    first = [cut(recording, begin, end, f"part {i + 1}") for i, (begin, end) in enumerate(itertools.pairwise(edges))]
    return first, cut(recording, pieces // 2 + GAP, pieces, recording.label)


def space() -> SearchSpace:
    """Least squares on many narrow bands: of what was looked at, that bears the drift best. This much was known of the set
    before; which of these is taken, the first half says alone."""
    presets = [Preset.model_validate({"features": features, "ridge": alpha}) for features in (
        BANDS, f"{BANDS}+correlation", f"{SHAPES}+{BANDS}", f"{SHAPES}+{BANDS}+correlation") for alpha in (10.0, 1.0, 100.0)]
    return SearchSpace(windows=[WINDOW], overlap=[0.0], features=[BANDS], keep=[0], bits=[32], models=["ridge"], ridge=[10.0],
                       metric="accuracy", trials=len(presets), presets=presets)


def measure(folder: Path, work: Path, jobs: int, say: Progress) -> list[Figure]:
    """Accuracy about the second half."""
    pairs = [halves(recording) for recording in recordings(folder)]
    learnt, later = [part for first, _ in pairs for part in first], [second for _, second in pairs]
    found = searched(learnt, space(), Settings(window=WINDOW, hop=WINDOW), work, jobs, say)
    say("judging the second half")
    heard = verdicts(found.trained, later)
    groups = session_means(heard, [r.session for r in later])
    return [Figure("ceiling_fan_msa301", f"first half of the time, second half after a gap of {GAP} s; chosen within the first "
                   "half", "accuracy", float(heard.right.mean()), worst(groups), model_bytes(found.trained.code()), 0.93, 0.895,
                   chosen=(describe(found.best).replace(BANDS, "32 bands"),), groups=groups)]
