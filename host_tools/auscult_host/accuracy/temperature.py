# SPDX-License-Identifier: Apache-2.0
"""Temperatures of a machine and of a room with labelled anomalies (NAB): AUC of each sample, method picked on the other."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import scores, train
from ..errors import AuscultError
from ..recordings import Recording, to_int16
from ..train import Fitted, Settings
from . import Figure, Progress, worst
from .measuring import model_bytes

FILES = {"machine": "machine_temperature_system_failure", "ambient": "ambient_temperature_system_failure"}
LEARNT = 0.15  # share of the rows that is learnt from, or less: up to the first anomaly
DAY_S = 86400
FULL_SCALE_C = 128.0
# Windows are a day long, for a day has the cycle that shorter ones mistake for a change; with a longer memory an alarm
# would stand for days after its cause. Best known by hindsight: max of |x - median| over a day.
FEATURES = (("mean",), ("median",), ("min", "max"), ("min", "median", "max"), ("q25", "median", "q75"),
            ("min", "q25", "median", "q75", "max"), ("mean", "std_log2"))
MODELS = ("median", "level", "elliptic")
BARS = {"machine": 0.88, "ambient": 0.79}
BASELINES = {"machine": 0.838, "ambient": 0.720}


class Series(NamedTuple):
    """A temperature in °C, whether each sample is in an anomaly, and the samples in a day."""

    recording: Recording
    anomaly: NDArray[np.bool_]
    day: int

    @property
    def judged(self) -> int:
        return int(LEARNT * len(self.anomaly))

    @property
    def learnt(self) -> Recording:
        end = min(self.judged, int(self.anomaly.argmax()))
        r = self.recording
        return Recording(r.data[:end], r.rate_hz, r.axes, r.unit, "normal", name=r.name)


def load(folder: Path, name: str) -> Series:
    """One file of the set."""
    key = FILES[name]
    facts = json.loads((folder / "facts.json").read_text())
    with np.load(folder / "data.npz") as arrays:
        seconds, fahrenheit = arrays[f"{key}_t_s"], arrays[f"{key}_value"]
    anomaly = np.zeros(len(seconds), bool)
    for window in facts["labels"][key]["windows"]:
        begin, end = (datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in window)
        anomaly |= (seconds >= begin) & (seconds <= end)
    period_s = float(np.median(np.diff(seconds)))
    data = ((fahrenheit - 32) / 1.8).astype(np.float32)[:, None]
    return Series(Recording(data, 1 / period_s, ("t",), "degC", name=name), anomaly, round(DAY_S / period_s))


def auc(series: Series, fitted: Fitted) -> float:
    """Of the score of each window at its last sample, after what was learnt from."""
    run = fitted.pipeline().run(to_int16(series.recording, FULL_SCALE_C))
    at = run.start + series.day - 1
    later = at >= series.judged
    found = scores.auc(run.out[later, 0].astype(float), series.anomaly[at[later]])
    assert found is not None
    return found


def fit(series: Series, features: tuple[str, ...], model: str) -> Fitted:
    """A detector of what is normal before the first anomaly."""
    settings = Settings(window=series.day, hop=1, features=features, model=model)
    return train.train([series.learnt], settings, group_by="recording", name="temperature", full_scale=FULL_SCALE_C)


def measure(folder: Path, work: Path, jobs: int, say: Progress) -> list[Figure]:
    """Both files, each by the candidate that is best on the other one."""
    series = {name: load(folder, name) for name in FILES}
    candidates = [(features, model) for features in FEATURES for model in MODELS]
    found: dict[Any, dict[str, tuple[float, Fitted]]] = {}
    for number, (features, model) in enumerate(candidates, 1):
        say(f"candidates {number}/{len(candidates)}")
        try:
            fits = {name: fit(one, features, model) for name, one in series.items()}
            found[features, model] = {name: (auc(series[name], fits[name]), fits[name]) for name in series}
        except AuscultError as error:  # such as a covariance that cannot be told
            say(f"{model} of {'+'.join(features)} left out: {error.found}")
    picked = {name: max(found, key=lambda key: found[key][other][0])
              for name, other in (("machine", "ambient"), ("ambient", "machine"))}
    values = {name: found[key][name][0] for name, key in picked.items()}
    split = ("learnt on the first 15 % up to the first anomaly, judged on all after the first 15 %; method picked among "
             f"{len(found)} by the AUC on the other file")
    return [Figure(f"nab_{name}", split, "AUC", values[name], worst({name: values[name]}),
                   model_bytes(found[picked[name]][name][1].code()), BARS[name], BASELINES[name],
                   chosen=(f"{picked[name][1]} of {'+'.join(picked[name][0])} over a day",)) for name in series]
