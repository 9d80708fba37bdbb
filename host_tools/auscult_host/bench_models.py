# SPDX-License-Identifier: Apache-2.0
"""Models and signals that the benchmarks and their figures are about, the same on every run."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from . import features, hostlib
from .spec import PipelineSpec

if TYPE_CHECKING:
    from .train import Trained

WINDOWS = 8  # an average over these: a window's cost depends a little on what is in it


@lru_cache
def _rows() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int_]]:
    """int16 [3450, 12] rows and labels of 4 classes."""
    from sklearn.datasets import make_classification

    columns, labels = make_classification(
        3450, 12, n_informative=8, n_redundant=0, n_classes=4, random_state=4
    )
    return np.clip(np.round(columns * 4000), -32768, 32767).astype(np.int16), labels


def bench_forest() -> tuple[Any, npt.NDArray[np.int16]]:
    """(fitted RandomForestClassifier, int16 [1000, 12] rows it was not fitted on).

    10 trees of depth 8 with 1479 splits, 12 features, 4 classes: the size that the figures of other converters
    were measured with.
    """
    from sklearn.ensemble import RandomForestClassifier

    rows, labels = _rows()
    model = RandomForestClassifier(10, max_depth=8, random_state=2).fit(rows[:2450], labels[:2450])
    return model, rows[2450:]


def bench_model(kind: str) -> tuple[Any, npt.NDArray[np.int16]]:
    """(fitted estimator, int16 [1000, 12] rows it was not fitted on); kind: forest, extra_trees, tree, mlp, gmm,
    elliptic or nb, as in `auscult train`."""
    if kind == "forest":
        return bench_forest()
    from sklearn.covariance import EllipticEnvelope
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.mixture import GaussianMixture
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    model = {
        "extra_trees": ExtraTreesClassifier(10, max_depth=8, random_state=2),
        "tree": DecisionTreeClassifier(max_depth=8, random_state=2),
        "mlp": MLPClassifier((16,), max_iter=60, random_state=2),
        "gmm": GaussianMixture(4, random_state=2),
        "elliptic": EllipticEnvelope(support_fraction=1.0, random_state=2),
        "nb": GaussianNB(),
    }[kind]
    if kind in ("mlp", "gmm", "elliptic", "nb"):
        model = make_pipeline(StandardScaler(), model)
    rows, labels = _rows()
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "not converged": it is about cost
        # floats: some estimators square an int16 array in int16
        return model.fit(rows[:2450].astype(float), labels[:2450]), rows[2450:]


def bench_windows(window: int = 512, axes: int = 3) -> npt.NDArray[np.int16]:
    """int16 [8, window, axes]: mixtures of tones, noise and spikes on an offset, at levels from 100 to 20,000 LSB."""
    rng = np.random.default_rng(5)
    t = np.arange(window)[:, None]
    out = np.zeros((WINDOWS, window, axes))
    for signal in out:
        level = 10 ** rng.uniform(2, 4.3, axes)
        for _ in range(3):
            cycles = rng.uniform(1, window / 2, axes)
            signal += level / 4 * np.sin(2 * np.pi * (cycles * t / window + rng.random(axes)))
        signal += rng.normal(0, 0.1 * level, (window, axes)) + rng.uniform(-4000, 4000, axes)
        signal += level * (rng.random((window, axes)) < 0.01)
    return np.clip(np.round(out), -32768, 32767).astype(np.int16)


# Statistics of each axis from which activities are told, in a common example of other libraries.
ACTIVITY_KINDS = ["mean", "median", "q25", "q75", "iqr", "min", "max", "std", "rms"]
_POSTURES = {"lying": (0.0, 0.1, 1.0), "sitting": (0.5, 0.8, 0.3), "standing": (0.1, 1.0, 0.0)}
_GAITS = {"walking": (1.8, 0.25), "stairs": (1.5, 0.4), "running": (2.7, 1.1)}  # steps per second, swing in g


@lru_cache
def activity() -> tuple[PipelineSpec, Any, npt.NDArray[np.int16]]:
    """(pipeline, fitted forest of 10 trees, int16 [8, 128, 3] windows it was not fitted on).

    Six activities of 40 made-up persons: gravity seen by a sensor that each wears a little differently, and a gait.
    50 Hz, windows of 128 samples, +-4 g.
    """
    from sklearn.ensemble import RandomForestClassifier

    rng = np.random.default_rng(6)
    labels = [label for _ in range(40) for label in (*_POSTURES, *_GAITS) for _ in range(4)]
    windows = np.stack([_worn(label, rng) for label in labels])
    spec = PipelineSpec.make(name="activity", window=128, hop=128, rate_hz=50, full_scale=4 * 9.80665,
                             features=features.names(["x", "y", "z"], ACTIVITY_KINDS))
    raw = hostlib.HostPipeline(spec).features(windows)
    spec = spec.model_copy(update={"shifts": hostlib.choose_shifts(raw), "classes": sorted({*_POSTURES, *_GAITS})})
    fitted = len(labels) * 3 // 4
    forest = RandomForestClassifier(10, random_state=3).fit(hostlib.quantise(raw, spec.shifts)[:fitted], labels[:fitted])
    return spec, forest, windows[fitted::len(labels[fitted:]) // WINDOWS + 1]


def _worn(label: str, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """One window [128, 3] of an activity."""
    t = np.arange(128)[:, None] / 50
    down = np.array(_POSTURES.get(label, _POSTURES["standing"])) + rng.normal(0, 0.35, 3)
    g = down / np.linalg.norm(down) + rng.normal(0, 0.02, (128, 3))
    if label in _GAITS:
        steps, swing = np.array(_GAITS[label]) * rng.normal(1, 0.2, 2)
        phase = 2 * np.pi * (steps * t + rng.random(3))
        g += swing * rng.uniform(0.3, 1, 3) * (np.sin(phase) + 0.4 * np.sin(2 * phase) ** 3)
    else:
        g += rng.uniform(0, 0.1) * np.sin(2 * np.pi * rng.uniform(0.1, 1) * t)
    return np.clip(np.round(g * 8192), -32768, 32767).astype(np.int16)


@lru_cache
def machine() -> "tuple[Trained, npt.NDArray[np.int16]]":
    """(what `auscult train` makes of generated machines with its own defaults, int16 [8, 512, 3] of another machine)."""
    from . import generate, recordings, train

    def run(number: int, fault: str) -> recordings.Recording:
        return generate.machine_run(generate.make_machine(number), fault, seconds=8.0)

    faults = ("normal", "unbalance", "bearing")
    trained = train.train([run(i, fault) for i in range(3) for fault in faults], train.Settings(), group_by="machine",
                          name="machine")
    words = np.concatenate([recordings.to_int16(run(3, fault), trained.spec.full_scale)[:3 * 512] for fault in faults])
    return trained, words[:WINDOWS * 512].reshape(WINDOWS, 512, 3)
