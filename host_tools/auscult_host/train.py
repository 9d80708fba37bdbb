# SPDX-License-Identifier: Apache-2.0
"""Train a small model on what the compiled C computes, so that nothing changes between training and the device."""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import __version__, dataset
from . import features as table
from .decision import NORMAL
from .errors import AuscultError
from .estimators import ModelCode, convert
from .files import atomic
from .hostlib import HostPipeline, choose_shifts, quantise
from .recordings import Recording
from .spec import PipelineSpec

FORMAT_VERSION = 1
ANOMALY = "anomaly"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything besides the data that decides a model; stored with it, so that evaluation can train it anew.

    features: names, or kinds for every axis, or the one word default or f54; keep: how many features to keep, the
    most important ones (0: all); false_alarms: share of normal windows that an anomaly detector may call abnormal.
    """

    window: int = 512
    hop: int = 256
    features: tuple[str, ...] = ("default",)
    model: str = "forest"
    trees: int = 10
    depth: int = 8
    keep: int = 0
    false_alarms: float = 0.01
    seed: int = 0


@dataclasses.dataclass
class Trained:
    """A fitted model and how it came to be. training: fingerprint, groups, labels and counts; metrics: as evaluated."""

    spec: PipelineSpec
    estimator: Any
    settings: Settings
    training: dict[str, Any]
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)

    def code(self, layout: str = "fast") -> ModelCode:
        """The model as integer C."""
        return convert(self.estimator, len(self.spec.features), layout)

    def pipeline(self) -> HostPipeline:
        """The compiled pipeline on this PC."""
        return HostPipeline(self.spec, self.code())


def _forest(s: Settings) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(s.trees, max_depth=s.depth, class_weight="balanced", random_state=s.seed)


def _extra_trees(s: Settings) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(s.trees, max_depth=s.depth, class_weight="balanced", random_state=s.seed)


def _tree(s: Settings) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=s.depth, min_samples_leaf=5, class_weight="balanced", random_state=s.seed)


def _mlp(s: Settings) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier((16,), alpha=0.1, max_iter=400, random_state=s.seed)


def _bayes(s: Settings) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(var_smoothing=1e-3)


def _mixture(s: Settings) -> Any:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(covariance_type="full")


def _elliptic(s: Settings) -> Any:
    from sklearn.covariance import EllipticEnvelope

    return EllipticEnvelope(contamination=s.false_alarms, random_state=s.seed)


MODELS: dict[str, Callable[[Settings], Any]] = {
    "forest": _forest, "extra_trees": _extra_trees, "tree": _tree, "mlp": _mlp, "nb": _bayes, "gmm": _mixture,
    "elliptic": _elliptic,
}
_SCALED = ("mlp", "nb", "gmm", "elliptic")  # kinds that need features of like size
_DEPENDENT = ("share_8_8", "env_share_8_8")  # follows from the other shares: a covariance cannot be inverted with it


def train(recordings: Sequence[Recording], settings: Settings, *, group_by: str = "auto", name: str = "pipeline",
          full_scale: float | None = None) -> Trained:
    """Cut, extract through the compiled C, fit.

    Raises AuscultError for missing labels, too few classes, unknown features or models, a window that is too long.
    """
    if settings.model not in MODELS:
        raise AuscultError(f"the model {settings.model!r}", f"one of {', '.join(MODELS)}", "for example --model forest")
    _check_labels(recordings, settings)
    cut = dataset.windows(recordings, settings.window, settings.hop, full_scale=full_scale, group_by=group_by)
    base = base_spec(recordings, settings, name, cut.full_scale)
    raw = HostPipeline(base).features(cut.data)
    spec, estimator = fit(base, raw, cut.labels, cut.groups, settings)
    labels, counts = np.unique(cut.labels, return_counts=True)
    quantised = quantise(_columns(base, spec, raw), spec.shifts)
    training = {
        "auscult": __version__, "fingerprint": dataset.fingerprint(recordings), "recordings": len(recordings),
        "windows": {str(label): int(count) for label, count in zip(labels, counts, strict=True)},
        "group_by": cut.group_by, "groups": sorted(set(cut.groups.tolist())), "unit": recordings[0].unit,
        # for drift on the device: where the model's inputs lay in training
        "feature_mean": quantised.mean(axis=0).round(2).tolist(),
        "feature_std": quantised.std(axis=0).round(2).tolist(),
    }
    return Trained(spec, estimator, settings, training)


def base_spec(recordings: Sequence[Recording], settings: Settings, name: str, full_scale: float) -> PipelineSpec:
    """The pipeline without a model: features only."""
    axes = list(recordings[0].axes)
    names: list[str] = []
    for feature in settings.features:
        if feature in ("default", "f54"):
            kinds = table.DEFAULT_KINDS if feature == "default" else table.F54_KINDS
            if settings.model in ("gmm", "elliptic"):
                kinds = [kind for kind in kinds if kind not in _DEPENDENT]
            names += table.names(axes, kinds)
        else:
            names += [feature] if "." in feature else table.names(axes, [feature])
    rate_hz = float(np.median([recording.rate_hz for recording in recordings]))
    return PipelineSpec.make(name=name, window=settings.window, hop=settings.hop, axes=axes, rate_hz=rate_hz,
                             full_scale=full_scale, features=list(dict.fromkeys(names)))


def fit(base: PipelineSpec, raw: NDArray[np.int32], labels: NDArray[Any], groups: NDArray[Any],
        settings: Settings) -> tuple[PipelineSpec, Any]:
    """Everything that learns from data, from int32 features [n, F]: shifts, choice of features, the model."""
    used = np.arange(raw.shape[1])
    shifts = choose_shifts(raw)
    rows = quantise(raw, shifts)
    if 0 < settings.keep < len(used):
        from sklearn.ensemble import RandomForestClassifier

        judge = RandomForestClassifier(100, class_weight="balanced", random_state=settings.seed).fit(rows, labels)
        used = np.sort(np.argsort(-judge.feature_importances_, kind="stable")[:settings.keep])
        rows = np.ascontiguousarray(rows[:, used])
    estimator = MODELS[settings.model](settings)
    if settings.model in _SCALED:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        estimator = make_pipeline(StandardScaler(), estimator)
    if settings.model == "elliptic":
        classes = _fit_elliptic(estimator, rows, labels, groups, settings)
    elif settings.model == "gmm":
        classes = _fit_mixture(estimator, rows, labels)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "not converged": the groups held out say whether it is good enough
            estimator.fit(rows, labels)
        classes = [str(label) for label in estimator.classes_]
    return base.model_copy(update={
        "features": [base.features[i] for i in used], "shifts": [shifts[i] for i in used], "classes": classes,
    }), estimator


def _fit_elliptic(estimator: Any, rows: NDArray[np.int16], labels: NDArray[Any], groups: NDArray[Any],
                  settings: Settings) -> list[str]:
    """Learn what is normal from the normal windows: their mean and covariance, and a distance beyond which is abnormal.

    The threshold comes from normal groups that were not trained on, where there are several: distances of a group's
    own windows are too small, and a threshold from them would alarm all day.
    """
    normal = np.asarray(labels) == NORMAL
    healthy, groups = rows[normal].astype(np.float64), np.asarray(groups)[normal]
    held_out = []
    if len(np.unique(groups)) > 1:
        for known, new, _ in dataset.leave_one_group_out(groups):
            _set_envelope(estimator, healthy[known])
            held_out.append(estimator.score_samples(healthy[new]))
    _set_envelope(estimator, healthy)
    scores = np.concatenate(held_out) if held_out else estimator.score_samples(healthy)
    estimator[-1].offset_ = float(np.quantile(scores, settings.false_alarms))
    return [ANOMALY, NORMAL]  # scikit-learn's -1 and 1, in this order


def _set_envelope(estimator: Any, rows: NDArray[np.float64]) -> None:
    """Mean and covariance of all rows, shrunk as Ledoit & Wolf say (J. Multivar. Anal. 88, 2004).

    EllipticEnvelope's own robust fit would leave out what is far from the rest, which is a whole machine when there
    are a few of them; these windows are known to be normal.
    """
    from sklearn.covariance import LedoitWolf

    scaled = estimator[0].fit_transform(rows)
    fitted, envelope = LedoitWolf().fit(scaled), estimator[-1]
    envelope.location_, envelope.covariance_ = fitted.location_, fitted.covariance_
    envelope.precision_, envelope.offset_ = fitted.precision_, 0.0
    envelope.support_, envelope.n_features_in_ = np.ones(len(rows), bool), scaled.shape[1]
    envelope.dist_ = envelope.mahalanobis(scaled)


def _fit_mixture(estimator: Any, rows: NDArray[np.int16], labels: NDArray[Any]) -> list[str]:
    """One Gaussian for each class, set from the labelled windows: the mixture's responsibilities are then the
    probabilities of the classes (quadratic discriminant analysis; Hastie, Tibshirani & Friedman, 2nd ed., 4.3).
    Each covariance is shrunk half way to its diagonal: a few machines do not tell how features hang together."""
    scaled = estimator[0].fit_transform(rows.astype(np.float64))
    mixture, classes = estimator[-1], [str(label) for label in np.unique(labels)]
    parts = [scaled[np.asarray(labels) == label] for label in classes]
    covariances = []
    for part in parts:
        covariance = np.cov(part, rowvar=False).reshape(scaled.shape[1], -1)
        covariances.append(0.5 * covariance + 0.5 * np.diag(np.diag(covariance)) + 1e-3 * np.eye(scaled.shape[1]))
    mixture.n_components = len(classes)
    mixture.weights_ = np.full(len(classes), 1 / len(classes))  # no class is expected more than another
    mixture.means_ = np.array([part.mean(axis=0) for part in parts])
    mixture.covariances_ = np.array(covariances)
    mixture.precisions_cholesky_ = np.array([np.linalg.inv(np.linalg.cholesky(c)).T for c in covariances])
    mixture.precisions_ = np.array([p @ p.T for p in mixture.precisions_cholesky_])
    mixture.n_features_in_, mixture.converged_, mixture.n_iter_ = scaled.shape[1], True, 0
    mixture.lower_bound_ = float(mixture.score(scaled))
    return classes


def _check_labels(recordings: Sequence[Recording], settings: Settings) -> None:
    unlabelled = [recording.name for recording in recordings if not recording.label]
    if unlabelled:
        raise AuscultError(f"{len(unlabelled)} recordings have no label, the first is {unlabelled[0]!r}",
                           "a label for every recording", "import them again with --label")
    found = sorted({label for r in recordings for label in (r.label, r.label_at(0.0))})
    if settings.model == "elliptic":
        if NORMAL not in found:
            raise AuscultError(f"no recording with the label {NORMAL!r} (labels: {', '.join(found)})",
                               "an anomaly detector learns what is normal", "label the healthy recordings normal")
    elif len(found) < 2:
        raise AuscultError(f"only one class ({found[0]})", "at least two, to tell them apart",
                           "add recordings of another state, or train --model elliptic to learn what is normal")


def check_fit(trained: Trained, recording: Recording) -> None:
    """Raises AuscultError unless a recording has the unit and the rate that a model was trained on."""
    who, unit = recording.name or "the recording", trained.training["unit"]
    if recording.unit != unit:
        raise AuscultError(f"{who} has the unit {recording.unit}", f"{unit}, as the model was trained on",
                           "import it with --unit to match")
    rate_hz, tolerance = trained.spec.rate_hz, trained.spec.rate_tolerance
    if abs(recording.rate_hz / rate_hz - 1) > tolerance:
        raise AuscultError(f"{who} was sampled at {recording.rate_hz:g} Hz",
                           f"{rate_hz:g} Hz within {tolerance:.0%}, as the model was trained on",
                           "record at that rate, or train on recordings of this one")


def _columns(base: PipelineSpec, spec: PipelineSpec, raw: NDArray[np.int32]) -> NDArray[np.int32]:
    """The columns of the base pipeline's features that a fitted pipeline kept."""
    return np.ascontiguousarray(raw[:, [base.features.index(name) for name in spec.features]])


def classify(base: PipelineSpec, spec: PipelineSpec, estimator: Any, raw: NDArray[np.int32]) -> NDArray[np.int32]:
    """Class indices [n] from the base pipeline's int32 features [n, F], through the model's compiled C."""
    pipeline = HostPipeline(spec, convert(estimator, len(spec.features)))
    return pipeline.predict_q(quantise(_columns(base, spec, raw), spec.shifts))[0]


def save(trained: Trained, path: Path) -> Path:
    """Write the model with joblib. Like every pickle, it may run code when loaded: load only what you trust."""
    import joblib

    with atomic(path) as part:
        joblib.dump({
            "format": FORMAT_VERSION, "spec": trained.spec.model_dump(), "estimator": trained.estimator,
            "settings": dataclasses.asdict(trained.settings), "training": trained.training, "metrics": trained.metrics,
        }, part, compress=3)
    return path


def load(path: Path | str) -> Trained:
    """Read a model. Raises AuscultError for missing, damaged and foreign files, and for another format version."""
    import joblib

    path = Path(path)
    if not path.is_file():
        raise AuscultError(f"there is no file {path}", "a model", "make one with `auscult train`")
    try:
        stored = joblib.load(path)
    except Exception as error:  # a damaged pickle can raise anything
        raise AuscultError(f"{path} cannot be read as a model ({type(error).__name__})",
                           "a whole file from `auscult train`", "train it again") from error
    if not isinstance(stored, dict) or "format" not in stored or "spec" not in stored:
        raise AuscultError(f"{path} is not a model of auscult ({type(stored).__name__})", "a file from `auscult train`",
                           "train it, or pass a bare estimator to the Python interface")
    if stored["format"] != FORMAT_VERSION:
        raise AuscultError(f"{path} has model format version {stored['format']}", f"version {FORMAT_VERSION}",
                           "train it again with this version")
    try:
        settings = Settings(**stored["settings"] | {"features": tuple(stored["settings"]["features"])})
        return Trained(PipelineSpec.make(**stored["spec"]), stored["estimator"], settings, stored["training"],
                       stored["metrics"])
    except (KeyError, TypeError) as error:  # a part that is missing, or a setting that is unknown here
        raise AuscultError(f"{path} is not as this version stores models: {error}",
                           f"a file from `auscult train` of version {__version__}", "train it again with this version") from error
