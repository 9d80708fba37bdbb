# SPDX-License-Identifier: Apache-2.0
"""Train a small model on what the compiled C computes, so that nothing changes between training and the device."""

import dataclasses
import difflib
import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import __version__, dataset
from . import features as table
from .decision import NORMAL
from .errors import AuscultError
from .estimators import ModelCode, convert, fit_guard
from .files import atomic
from .hostlib import HostPipeline, choose_shifts, quantise
from .model_kinds import ANOMALY, MODELS, fit_kind
from .recordings import Entry, Header, Recording, loaded
from .spec import MIN_POINTS, Front, Made, PipelineSpec

FORMAT_VERSION = 1
MOST_WINDOWS = 200_000  # to learn from; more are thinned out evenly, so that they fit in memory
OWN = "own"  # a model that Auscult has not trained
__all__ = ["ANOMALY", "MODELS", "OWN", "Fitted", "Settings", "Trained", "base_spec", "check_fit", "classify", "fit", "load",
           "save", "train"]
_FRONT = re.compile(r"(log_envelope|decimate)(?: (0?\.\d+)-(0?\.\d+))? /(\d+)")
_DEPENDENT = ("share_8_8", "env_share_8_8")  # follows from the other shares: a covariance cannot be inverted with it


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything besides the data that decides a model; stored with it, so that evaluation can train it anew.

    window, hop: in samples of the sensor. features: names, or kinds for every axis, or the name of a set; front: what
    stands between the samples and the window, as in `log_envelope 0.125-0.45 /16` (band as shares of the rate, then the
    points kept) or nothing; shaft_hz, orders: as in the spec; history: suffixes that every feature gets, such as
    ("mean5",) or ("", "lag2") for itself and what it was two windows before. keep: how many features to keep, those
    that tell the classes apart best (0: all). params: of single kinds of models (hidden, alpha, c, neighbours, ...).
    false_alarms: share of normal windows that an anomaly detector may call abnormal. novelty: share of windows of known
    groups that may be called novel (0: nothing is). bits, layout: how the model is stored. trigger: as in the spec, or nothing.
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
    front: str = ""
    shaft_hz: float = 0.0
    orders: dict[str, float] = dataclasses.field(default_factory=dict)
    history: tuple[str, ...] = ()
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    bits: int = 32
    layout: str = "fast"
    novelty: float = 0.0
    trigger: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def detector(self) -> bool:
        """Whether the model learns from normal windows only and tells them from everything else."""
        return bool(self.params["detector"]) if self.model == OWN else MODELS[self.model].detector


@dataclasses.dataclass
class Fitted:
    """What fit() has learnt: the spec with shifts, chosen features and classes, and the estimator on its int16 features."""

    spec: PipelineSpec
    estimator: Any
    guard: Any = None
    layout: str = "fast"
    bits: int = 32

    def code(self, layout: str | None = None) -> ModelCode:
        """The model as integer C."""
        return convert(self.estimator, len(self.spec.features), layout or self.layout, bits=self.bits, guard=self.guard)

    def pipeline(self) -> HostPipeline:
        """The compiled pipeline on this PC."""
        return HostPipeline(self.spec, self.code())

    def rows(self, base: PipelineSpec, raw: NDArray[np.int32]) -> NDArray[np.int16]:
        """What the model sees [n, F] of the base pipeline's int32 features [n, all]."""
        columns = np.ascontiguousarray(raw[:, [base.features.index(name) for name in self.spec.features]])
        return quantise(columns, self.spec.shifts)


@dataclasses.dataclass
class Trained(Fitted):
    """A fitted model and how it came to be. training: fingerprint, groups, labels and counts; metrics: as evaluated."""

    settings: Settings = dataclasses.field(default_factory=Settings)
    training: dict[str, Any] = dataclasses.field(default_factory=dict)
    metrics: dict[str, Any] = dataclasses.field(default_factory=dict)


def train(recordings: Sequence[Recording | Entry], settings: Settings, *, group_by: str = "auto", name: str = "pipeline",
          full_scale: float | None = None) -> Trained:
    """Cut, extract through the compiled C, one recording in memory at a time, fit.

    Raises AuscultError for missing labels, too few classes, unknown features or models, a window that is too long.
    """
    check_settings(settings)
    check_kind(check_labels(recordings), settings)
    dataset.check_uniform(recordings)
    if group_by == "auto":
        group_by = dataset.choose_group(recordings)
    base = base_spec(recordings, settings, name, full_scale or dataset.choose_full_scale(recordings))
    every = math.ceil(dataset.count_windows(recordings, settings.window, settings.hop) / MOST_WINDOWS) or 1
    raw, labels, groups = _windows(recordings, HostPipeline(base), group_by, every)
    fitted = fit(base, raw, labels, groups, settings)
    known, counts = np.unique(labels, return_counts=True)
    quantised = fitted.rows(base, raw)
    training = {
        "auscult": __version__, "fingerprint": dataset.fingerprint(recordings), "recordings": len(recordings),
        "windows": {str(label): int(count) for label, count in zip(known, counts, strict=True)},
        "group_by": group_by, "groups": sorted(set(groups.tolist())), "unit": recordings[0].unit,
        **({"one_window_in": every} if every > 1 else {}),
        # for drift on the device: where the model's inputs lay in training
        "feature_mean": quantised.mean(axis=0).round(2).tolist(),
        "feature_std": quantised.std(axis=0).round(2).tolist(),
    }
    return Trained(**vars(fitted), settings=settings, training=training)


def check_settings(settings: Settings) -> None:
    """Raises AuscultError for an unknown model and for numbers that no pipeline can have."""
    if settings.model not in MODELS:
        near = difflib.get_close_matches(settings.model, MODELS, 1)
        raise AuscultError(f"the model {settings.model!r}", f"one of {', '.join(MODELS)}", f"--model {(near or ['forest'])[0]}")
    if settings.window < MIN_POINTS or settings.hop < 1:
        raise AuscultError(f"window {settings.window} with hop {settings.hop}",
                           f"a window of at least {MIN_POINTS} and a hop of at least 1", "for example --window 512 --hop 256")
    if not 0 < settings.false_alarms < 1:
        raise AuscultError(f"a share of {settings.false_alarms} false alarms", "more than 0, less than 1", "for example 0.01")
    if not 0 <= settings.novelty < 1:
        raise AuscultError(f"a share of {settings.novelty} novel windows", "from 0 to less than 1", "for example 0.01")


def _windows(recordings: Sequence[Recording | Entry], pipeline: HostPipeline, group_by: str,
             every: int) -> tuple[NDArray[np.int32], NDArray[Any], NDArray[Any]]:
    """Features, labels and groups of every so many-th window."""
    long_enough = [source for source in recordings if dataset.uninterrupted(source) >= pipeline.spec.window]
    parts = []
    for source in long_enough or recordings[:1]:  # which then says that it is too short
        table = dataset.table([loaded(source)], pipeline, group_by=group_by)
        parts.append((table.raw[::every], table.labels[::every], table.groups[::every]))
    raw, labels, groups = (np.concatenate(part) for part in zip(*parts, strict=True))
    return raw, labels, groups


def base_spec(recordings: Sequence[Header], settings: Settings, name: str, full_scale: float) -> PipelineSpec:
    """The pipeline without a model: features only."""
    rate_hz = float(np.median([recording.rate_hz for recording in recordings]))
    return make_spec(list(recordings[0].axes), rate_hz, settings, name, full_scale)


def make_spec(axes: list[str], rate_hz: float, settings: Settings, name: str, full_scale: float) -> PipelineSpec:
    """The pipeline without a model, for a sensor of these axes and this rate."""
    return PipelineSpec.make(
        name=name, window=settings.window, hop=settings.hop, axes=axes, rate_hz=rate_hz, full_scale=full_scale,
        front=make_front(settings.front, rate_hz), shaft_hz=settings.shaft_hz, orders=settings.orders,
        features=feature_names(settings, axes), trigger=settings.trigger or None)


def make_front(text: str, rate_hz: float) -> Front | None:
    """`log_envelope 0.125-0.45 /16` or `decimate /16`, the band in shares of the sample rate; None for nothing."""
    if not text:
        return None
    found = _FRONT.fullmatch(text.strip())
    if not found or (found[1] == "log_envelope") != bool(found[2]):
        raise AuscultError(f"the front {text!r}", "such as 'log_envelope 0.125-0.45 /16' (shares of the sample rate) or "
                           "'decimate /16'", "leave it empty for none")
    low, high = (float(share) * rate_hz for share in (found[2] or "0", found[3] or "0"))
    return Front(kind="log_envelope" if found[2] else "decimate", low_hz=low, high_hz=high, decimate=int(found[4]))


def feature_names(settings: Settings, axes: list[str]) -> list[str]:
    """Names of all features that settings ask for, each once."""
    names: list[str] = []
    for feature in settings.features:
        kinds = table.SETS.get(feature, [feature])
        if not MODELS[settings.model].dependent:
            kinds = [kind for kind in kinds if kind not in _DEPENDENT]
        names += table.names(axes, kinds)
    history = [f":{suffix}" if suffix else "" for suffix in settings.history or ("",)]
    return list(dict.fromkeys(name if ":" in name else name + suffix for suffix in history for name in names))


def fit(base: PipelineSpec, raw: NDArray[np.int32], labels: NDArray[Any], groups: NDArray[Any],
        settings: Settings) -> Fitted:
    """Everything that learns from data, from int32 features [n, F]: shifts, choice of features, the model."""
    kind = MODELS[settings.model]
    used = np.array([i for i, name in enumerate(base.features) if name.startswith(kind.only)], int)
    if not len(used):
        raise AuscultError(f"a {settings.model} without features {kind.only}*", f"at least one, such as {kind.only}bpfo.x",
                           "give the orders of the machine, or another model")
    shifts = _in_one_unit(base, choose_shifts(raw), used) if kind.compares else choose_shifts(raw)
    rows = quantise(raw, shifts)[:, used]
    if 0 < settings.keep < len(used):
        best = np.sort(rank(rows, labels)[:settings.keep])
        used, rows = used[best], rows[:, best]
    rows = np.ascontiguousarray(rows)
    lines = settings.params.get("lines", {})  # label: order, as in inner = "bpfi"
    places = {base.parsed()[column].order: place for place, column in reversed(list(enumerate(used)))}
    columns = {label: places[order] for label, order in lines.items() if order in places}
    settings = dataclasses.replace(settings, params={**settings.params, "columns": columns})
    estimator, classes = fit_kind(rows, np.asarray(labels), np.asarray(groups), settings)
    spec = base.model_copy(update={
        "features": [base.features[i] for i in used], "shifts": [shifts[i] for i in used], "classes": classes})
    guard = fit_guard(rows, groups, settings.novelty, labels) if settings.novelty else None
    return Fitted(spec, estimator, guard, settings.layout, settings.bits)


def _in_one_unit(base: PipelineSpec, shifts: list[int], used: NDArray[np.int64]) -> list[int]:
    """Shifts that leave all of the used features with the same fractional bits."""
    parsed = base.parsed()
    units = sorted({parsed[i].kind.unit for i in used})
    if len(units) > 1:
        raise AuscultError(f"features in {' and '.join(units)}", "one unit: this kind of model compares features with each other",
                           "leave the others out, or take another kind of model")
    fraction = [feature.kind.q for feature in parsed]
    common = min(fraction[i] - shifts[i] for i in used)
    return [max(0, q - common) for q in fraction]


def rank(rows: NDArray[np.int16], labels: NDArray[Any]) -> NDArray[np.int64]:
    """Columns, those first that tell the labels apart best: variance between classes over that within (ANOVA F)."""
    from sklearn.feature_selection import f_classif

    if len(np.unique(labels)) < 2:
        raise AuscultError("a choice of features, but only one class", "at least two, to see which features tell them apart",
                           "keep all features (--keep 0)")
    with np.errstate(divide="ignore", invalid="ignore"):
        value = f_classif(rows.astype(np.float64), labels)[0]
    return np.argsort(-np.nan_to_num(value, nan=-1.0, posinf=1e300), kind="stable")


def check_labels(recordings: Sequence[Header]) -> list[str]:
    """All labels, sorted. Raises AuscultError for recordings without one, and for labels that look mistyped."""
    unlabelled = [recording.name for recording in recordings if not recording.label]
    if unlabelled:
        raise AuscultError(f"{len(unlabelled)} recordings have no label, the first is {unlabelled[0]!r}",
                           "a label for every recording", "import them again with --label")
    counts = Counter(recording.label for recording in recordings)
    for rare, often in itertools.permutations(counts, 2):
        if _mistyped(rare, often) and (counts[rare] < counts[often] or (counts[rare] == counts[often] and rare < often)):
            name = next(recording.name for recording in recordings if recording.label == rare)
            raise AuscultError(f"the label {rare!r} ({counts[rare]} recordings, such as {name!r}) looks like {often!r} "
                               f"({counts[often]}) mistyped", "labels that differ clearly",
                               f"import it again with --label {often}, or give the two names that are less alike")
    return sorted({label for r in recordings for label in (r.label, r.label_at(0.0))})


def _mistyped(one: str, other: str) -> bool:
    """Whether two labels differ by case, or by one letter that was left out, changed or exchanged with its neighbour."""
    if one.lower() == other.lower():
        return True
    if min(len(one), len(other)) < 5:
        return False
    letters = [s for s in difflib.ndiff(one, other) if s[0] in "+-"]
    changed = [s[2] for s in letters]
    if any(c.isdigit() or c == "_" for c in changed):
        return False
    return len(changed) == 1 or (len(changed) == 2 and (len(one) == len(other)))


def check_kind(labels: Sequence[str], settings: Settings) -> None:
    """Raises AuscultError unless there are the labels that this kind of model learns from."""
    if settings.detector:
        if NORMAL not in labels:
            near = difflib.get_close_matches(NORMAL, labels, 1)
            raise AuscultError(f"no recording with the label {NORMAL!r} (labels: {', '.join(labels)})",
                               "an anomaly detector learns what is normal",
                               f"is {near[0]!r} meant to be normal?" if near else "label the healthy recordings normal")
    elif len(labels) < 2:
        raise AuscultError(f"only one class ({labels[0]})", "at least two, to tell them apart",
                           "add recordings of another state, or train --model elliptic to learn what is normal")


def check_fit(made: Made, recording: Header) -> None:
    """Raises AuscultError unless a recording has the unit and the rate that a model was trained on."""
    who, unit = recording.name or "the recording", made.training["unit"]
    if recording.unit != unit:
        raise AuscultError(f"{who} has the unit {recording.unit}", f"{unit}, as the model was trained on",
                           "import it with --unit to match")
    rate_hz, tolerance = made.spec.rate_hz, made.spec.rate_tolerance
    if abs(recording.rate_hz / rate_hz - 1) > tolerance:
        raise AuscultError(f"{who} was sampled at {recording.rate_hz:g} Hz",
                           f"{rate_hz:g} Hz within {tolerance:.0%}, as the model was trained on",
                           "record at that rate, or train on recordings of this one")


def classify(base: PipelineSpec, fitted: Fitted, raw: NDArray[np.int32]) -> NDArray[np.int32]:
    """Class indices [n] from the base pipeline's int32 features [n, F], through the model's compiled C."""
    return fitted.pipeline().predict_q(fitted.rows(base, raw))[0]


def save(trained: Trained, path: Path) -> Path:
    """Write the model with joblib. Like every pickle, it may run code when loaded: load only what you trust."""
    import joblib

    with atomic(path) as part:
        joblib.dump({
            "format": FORMAT_VERSION, "spec": trained.spec.model_dump(), "estimator": trained.estimator,
            "guard": trained.guard, "settings": dataclasses.asdict(trained.settings), "training": trained.training,
            "metrics": trained.metrics,
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
        values = stored["settings"]
        lists = {"features": tuple(values["features"]), "history": tuple(values.get("history", ()))}
        settings = Settings(**values | lists)
        return Trained(PipelineSpec.make(**stored["spec"]), stored["estimator"], stored.get("guard"), settings.layout,
                       settings.bits, settings, stored["training"], stored["metrics"])
    except (KeyError, TypeError) as error:  # a part that is missing, or a setting that is unknown here
        raise AuscultError(f"{path} is not as this version stores models: {error}",
                           f"a file from `auscult train` of version {__version__}", "train it again with this version") from error
