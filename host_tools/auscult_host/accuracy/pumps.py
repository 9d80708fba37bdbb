# SPDX-License-Identifier: Apache-2.0
"""Motors with pumps, normal or faulty, by session; a session unlike all others has to be named as such."""

import dataclasses
from pathlib import Path

import numpy as np

from .. import search, train
from ..importers import Options, import_sources
from ..recordings import Recording
from ..searchspace import Preset, SearchSpace
from ..train import Settings
from . import Figure, Progress, worst
from .measuring import Verdicts, model_bytes, searched, verdicts

UNLIKE = "F4"  # faulty, and unlike all other sessions: known from the set's notes, used in no choice
NOVELTY = 0.05  # share of windows of known sessions that may be called novel
ENVELOPE = "env_std_log2+env_kurtosis+env_skewness+env_crest+env_shape"  # how large, and of which shape
SHAPES = "kurtosis+skewness+crest+shape+impulse+zero_crossings+mobility+complexity"
MODELS = ({"model": "logistic", "c": 0.01}, {"model": "logistic", "c": 1.0}, {"model": "lda"}, {"model": "ridge"})


def space() -> SearchSpace:
    """Linear models on the envelope, on the shape of the signal, and on both."""
    presets = [Preset.model_validate({"features": features, "window": window, **model})
               for features in (ENVELOPE, f"{SHAPES}+{ENVELOPE}", SHAPES) for window in (2048, 1024) for model in MODELS]
    return SearchSpace(windows=[2048, 1024], overlap=[0.5], features=[ENVELOPE], keep=[0], bits=[32],
                       models=["logistic", "lda", "ridge"], c=[0.01], metric="balanced_accuracy", trials=len(presets),
                       presets=presets)


def balanced(groups: dict[str, float]) -> float:
    """Mean over the two states of the mean of their sessions: each session has one state, which its name begins with."""
    return float(np.mean([np.mean([value for name, value in groups.items() if name[0] == state]) for state in "FH"]))


def held_out(session: str, recordings: list[Recording], settings: Settings) -> tuple[Verdicts, int]:
    """What a model that was trained without a session says of it, and its size."""
    guarded = dataclasses.replace(settings, novelty=NOVELTY)
    trained = train.train([r for r in recordings if r.session != session], guarded, group_by="session", name="accuracy")
    return verdicts(trained, [r for r in recordings if r.session == session]), model_bytes(trained.code())


def measure(folder: Path, work: Path, jobs: int, say: Progress) -> list[Figure]:
    """Balanced accuracy over sessions, and how much of each session is called novel."""
    recordings = import_sources([folder], Options()).recordings
    found = searched(recordings, space(), Settings(), work, jobs, say)
    rows = {row["number"]: row for row in found.rows}
    said, sizes, chosen = {}, [], []
    for fold in found.honest["folds"]:
        say(f"listening to session {fold['name']}")
        said[fold["name"]], size = held_out(fold["name"], recordings, search.settings_of(rows[fold["number"]]))
        sizes.append(size)
        chosen.append(f"{fold['name']}: {fold['chosen']}")
    right = {name: float(heard.right.mean()) for name, heard in said.items()}
    novel = {name: float(heard.novel.mean()) for name, heard in said.items()}
    usual = {name: 1 - share for name, share in novel.items() if name != UNLIKE}
    split = f"session held out; chosen without it among {found.honest['candidates']}"
    guard = f"guard learnt without the session, {NOVELTY:.0%} of other held-out windows"
    return [
        Figure("pump_beanscape", split, "balanced accuracy, mean over sessions", balanced(right), worst(right), max(sizes), 0.86,
               0.832, chosen=tuple(chosen), groups=right),
        Figure("pump_beanscape", f"{split}; {guard}", f"windows of {UNLIKE} called novel", novel[UNLIKE], worst(
            {UNLIKE: novel[UNLIKE]}), max(sizes), 0.5, chosen=tuple(chosen), groups=novel),
        Figure("pump_beanscape", f"{split}; {guard}", "windows of the other sessions not called novel",
               float(np.mean(list(usual.values()))), worst(usual), max(sizes), 0.5, groups=usual),
    ]
