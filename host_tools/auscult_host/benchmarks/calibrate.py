# SPDX-License-Identifier: Apache-2.0
"""Counts many pipelines on the simulated boards and finds what each of their terms costs: costs.json for costs.py.

    python -m auscult_host.benchmarks.calibrate [BOARD ...]      (`make costs`: all boards)

Pipelines of one kind of feature, of random sets of kinds, window lengths and axes, and models of several sizes. The costs
of the terms are the non-negative least squares fit of relative errors (Lawson & Hanson, Solving Least Squares Problems,
1974). How far off it is, is told for pipelines that were left out of the fit.
"""

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import build, costs, features
from ..boards import simulated
from ..errors import AuscultError
from ..estimators import ModelCode, convert
from ..estimators.guard import fit_guard
from ..files import atomic
from ..simulator import SimBoard
from ..spec import Front, PipelineSpec
from .counting import CountingBoard, Metrics

_AXES = ["x", "y", "z"]
_WINDOWS = (64, 100, 128, 200, 256, 300, 512, 1000, 1024, 2048)
_LEFT_OUT = 4  # every so many-th of the random pipelines is left out of the fit and predicted
_PUSHES = """
import {name} as module
from array import array
push, state, out = module.push, bytearray(module.STATE_BYTES), array('i', [0] * module.OUT_WORDS)
with open('/samples', 'rb') as file: data = file.read()
push(state, memoryview(data)[:{fill}], 0, out)
items = [memoryview(data)[i:i + {hop}] for i in range({fill}, len(data), {hop})]
"""


@dataclass(frozen=True)
class Trial:
    """A pipeline to be counted; checked: not part of the fit."""

    spec: PipelineSpec
    model: ModelCode | None = None
    checked: bool = False


@dataclass(frozen=True)
class Counted:
    """What was counted of a trial."""

    trial: Trial
    instructions: int
    bytes: int


def count(board: CountingBoard, spec: PipelineSpec, model: ModelCode | None) -> Metrics:
    """Instructions of one window as the node meets it: a push of `hop` samples that completes it; bytes of the module."""
    module = build.native_module(spec, board.arch, model)
    board.put(module, f"/{spec.name}.mpy")
    bytes_each = 2 * len(spec.axes)
    samples = signal(spec.window + 3 * spec.hop, len(spec.axes))
    board.put(samples.astype("<i2").tobytes(), "/samples")
    setup = _PUSHES.format(name=spec.name, fill=(spec.window - spec.hop) * bytes_each, hop=spec.hop * bytes_each)
    counted = board.calls(setup, "push", "push(state, item, 0, out)", "state out", '"state_bytes": module.STATE_BYTES')
    return counted | {"file_bytes": module.stat().st_size}


def signal(samples: int, axes: int) -> NDArray[np.int16]:
    """Tones, noise and knocks on an offset, int16 [samples, axes]."""
    rng = np.random.default_rng(5)
    t = np.arange(samples)[:, None]
    level = 10 ** rng.uniform(2.5, 4, axes)
    x = sum(level / 4 * np.sin(rng.uniform(0.02, 2.5, axes) * t + rng.random(axes)) for _ in range(3))
    x = x + rng.normal(0, 0.1 * level, (samples, axes)) + rng.uniform(-4000, 4000, axes)
    x = x + level * (rng.random((samples, axes)) < 0.01)
    return np.clip(np.round(x), -32768, 32767).astype(np.int16)


def _spec(kinds: list[str], window: int, axes: int, hop: int | None = None, **more: Any) -> PipelineSpec:
    own = _AXES[:axes]
    names = [name for kind in kinds for name in _named(kind, own)]
    return PipelineSpec.make(name="counted", window=window, hop=hop or window, axes=own, rate_hz=1600, shaft_hz=25.0,
                             orders={"bpfo": 3.6, "bpfi": 5.4}, features=list(dict.fromkeys(names)), **more)


def _named(kind: str, axes: list[str]) -> list[str]:
    """`env_rms`, `norm_std`, `correlation`: for every axis, the norm, every pair."""
    if kind.startswith("norm_"):
        return [f"{kind[5:]}.{features.NORM}"]
    return features.names(axes, [kind])


def kinds() -> list[str]:
    """A name for each kind of feature there is."""
    numbered = {"bands": "band_2_8", "shares": "share_2_8", "lines": "line_bpfo", "sides": "side_bpfi"}
    return [numbered.get(name, name) for name in features.KINDS]


def trials() -> Iterator[Trial]:
    """Everything that is counted, in an order that does not change."""
    for kind in kinds():
        family = features.KINDS[kind].family if kind in features.KINDS else "signal"
        for window in (128, 512):
            yield Trial(_spec([kind], window, 1 if family == "signal" else 3))
    for window in (64, 128, 256, 512, 1024, 2048, 4096):
        yield Trial(_spec(["dominant", "centroid"], window, 1))
    for window in (64, 256, 2048):
        yield Trial(_spec(["cepstrum_at"], window, 1))
    for name, windows, axes in (("slow", (24, 48, 288), 1), ("activity", (64, 256), 3), ("default", (128, 1024), 3)):
        for window in windows:
            yield Trial(_spec(features.SETS[name], window, axes, 1 if name == "slow" else window // 2))
    for kind in ("slope", "median"):
        yield Trial(_spec([kind], 256, 1))
    for kind in ("env_rms", "env_kurtosis", "env_prominence", "norm_std", "norm_dominant"):
        for window in (256, 512):
            yield Trial(_spec([kind], window, 3))
    for hop in (64, 256):
        yield Trial(_spec(["mean", "std"], 512, 3, hop))
        yield Trial(_spec(["mean:mean5", "std:lag2"], 512, 3, hop))
    for front in (Front(kind="log_envelope", low_hz=200, high_hz=700, decimate=16),
                  Front(kind="decimate", low_hz=0, high_hz=0, decimate=4)):
        for axes, hop in ((1, 1024), (2, 512)):
            yield Trial(_spec(["std", "dominant"], 2048, axes, hop, front=front))
    rng = np.random.default_rng(2)
    for number in range(60):
        yield Trial(_random(rng), checked=number % _LEFT_OUT == 0)
    for number in range(16):
        yield Trial(_random(rng, 40), checked=number % _LEFT_OUT == 0)
    for number, (spec, model) in enumerate(_models()):
        yield Trial(spec, model, checked=number % _LEFT_OUT == 3)


def _random(rng: np.random.Generator, most: int = 16) -> PipelineSpec:
    axes, window = int(rng.integers(1, 4)), int(rng.choice(_WINDOWS))
    known = [kind for kind in kinds() if axes > 1 or kind not in features.KINDS or features.KINDS[kind].family == "signal"]
    chosen = rng.choice(known, min(len(known), int(rng.integers(most // 8, most))), replace=False).tolist()
    chosen += [f"env_{kind}" for kind in ("rms", "kurtosis", "crest", "prominence") if rng.random() < 0.15]
    chosen += [f"norm_{kind}" for kind in ("mean", "std", "q25", "share_1_8") if axes > 1 and rng.random() < 0.15]
    hop = window if rng.random() < 0.5 else window // 2
    return _spec([kind for kind in chosen if not kind.startswith(("line_", "side_")) or window >= 512], window, axes, hop)


@lru_cache
def _models() -> list[tuple[PipelineSpec, ModelCode]]:
    """Models of several kinds and sizes behind features that cost little."""
    from sklearn.datasets import make_classification
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.mixture import GaussianMixture
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier

    from ..estimators.median_distance import MedianDistance

    found: list[tuple[PipelineSpec, ModelCode]] = []
    for axes, more in ((1, []), (3, []), (3, ["rms", "peak_to_peak", "std_log2", "q25", "median"])):
        spec = _spec(["mean", "std", "min", "max", *more], 128, axes)
        n = len(spec.features)
        rows, labels = make_classification(1200, n, n_informative=min(n, 8), n_redundant=0, n_clusters_per_class=1,
                                           n_classes=4, random_state=1)
        words = np.clip(np.round(rows * 4000), -32768, 32767).astype(np.int16)
        spec = spec.model_copy(update={"shifts": [0] * n, "classes": ["a", "b", "c", "d"]})
        x = words.astype(float)
        made: list[tuple[Any, dict[str, Any]]] = [
            *((RandomForestClassifier(trees, max_depth=depth, random_state=0), {"layout": layout})
              for trees, depth, layout in ((5, 5, "fast"), (12, 8, "fast"), (8, 7, "small"), (15, 5, "small"))),
            (ExtraTreesClassifier(8, max_depth=6, random_state=0), {}),
            *((LinearDiscriminantAnalysis(), {"bits": bits}) for bits in (32, 16, 8)),
            *((MLPClassifier((width,), max_iter=30, random_state=0), {"bits": bits})
              for width, bits in ((8, 32), (20, 16), (12, 8))),
            (GaussianNB(), {}), (GaussianMixture(4, random_state=0), {}),
            (GaussianMixture(2, covariance_type="diag", random_state=0), {}),
            (KNeighborsClassifier(3), {}), (MedianDistance(), {}),
        ]
        for estimator, how in made:
            keep = 80 if isinstance(estimator, KNeighborsClassifier) else len(x)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "not converged": it is about cost
                estimator.fit(x[:keep], labels[:keep])
            found.append((spec, convert(estimator, n, **how)))
        guard = fit_guard(words, labels, 0.01)
        found.append((spec, convert(LinearDiscriminantAnalysis().fit(x, labels), n, guard=guard)))
    return found


def fit(counted: list[Counted]) -> dict[str, Any]:
    """Costs of terms, and how far off they are where they were not fitted: relative errors."""
    table: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    known = np.array([not c.trial.checked for c in counted])
    for what, terms_of in (("instructions", costs.instruction_terms), ("bytes", costs.byte_terms)):
        rows = [terms_of(c.trial.spec, c.trial.model) for c in counted]
        whole = np.array([getattr(c, what) for c in counted], float)
        exact = np.array([costs.exact_bytes(c.trial.spec, c.trial.model) if what == "bytes" else 0 for c in counted])
        table[what] = _least_squares([row for row, k in zip(rows, known, strict=True) if k], (whole - exact)[known], whole[known])
        guessed = np.array([sum(amount * table[what].get(term, 0.0) for term, amount in row.items()) for row in rows])
        off = np.abs(guessed + exact - whole) / whole
        errors[what] = {"fitted": int(known.sum()), "checked": int((~known).sum()), "worst": float(f"{off[~known].max():.3g}"),
                        "median": float(f"{np.median(off[~known]):.3g}")}
    return table | {"off": errors}


def _least_squares(rows: list[costs.Terms], values: NDArray[np.float64], whole: NDArray[np.float64]) -> costs.Terms:
    from scipy.optimize import nnls

    names = sorted({term for row in rows for term in row})
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows]) / whole[:, None]
    size = np.linalg.norm(matrix, axis=0)
    size[size == 0] = 1
    found, _ = nnls(matrix / size, values / whole, maxiter=100 * len(names))
    return {name: float(f"{value:.5g}") for name, value in zip(names, found / size, strict=True)}


def calibrate(name: str, progress: Callable[[str], None]) -> dict[str, Any]:
    """Count all trials on one board and fit."""
    counted, alone = [], {}
    everything = list(trials())
    with SimBoard(name, deterministic=True) as sim:
        board = CountingBoard(sim)
        for number, trial in enumerate(everything, 1):
            progress(f"{name}: {number} of {len(everything)}")
            try:
                metrics = count(board, trial.spec, trial.model)
            except AuscultError as error:
                if "MemoryError" not in error.found:
                    raise
                board.clean()
                continue  # more than this board has
            board.clean()
            counted.append(Counted(trial, metrics["instructions"], metrics["file_bytes"]))
            if len({f.kind for f in trial.spec.parsed()}) == 1 and trial.spec.window == 512 and trial.model is None and (
                    not trial.spec.streaming and trial.spec.parsed()[0].channel in ("raw", "cross")):
                alone[trial.spec.parsed()[0].kind.name] = metrics["instructions"]
    return fit(counted) | {"alone": alone}


def main(names: list[str]) -> None:
    """Calibrate boards and write costs.json beside costs.py; boards that are not named keep their figures."""
    tables = json.loads(costs.TABLE.read_text(encoding="utf-8")) if costs.TABLE.is_file() else {}
    for name in names or simulated():
        tables[name] = calibrate(name, lambda text: print(f"\r{text}", end="", file=sys.stderr, flush=True))
        print(file=sys.stderr)
        print(name, json.dumps(tables[name]["off"]))
        with atomic(costs.TABLE) as part:
            part.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
