# SPDX-License-Identifier: Apache-2.0
"""What a search may choose from: the `[search]` table of a template or a project, and candidates drawn from it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from .errors import AuscultError
from .estimators import LAYOUTS
from .model_kinds import MODELS
from .spec import MAX_POINTS, MIN_POINTS
from .train import Settings, make_front

_TREES = ("forest", "extra_trees")
_SIZED = {"mlp": ("hidden",), "lda": ("shrinkage",), "logistic": ("c",), "ridge": ("ridge",), "knn": ("neighbours", "prototypes")}
_STORED = ("mlp", "lda", "logistic", "ridge", "knn")  # whose weights may have fewer bits
_LISTED = {  # what a preset calls one of the choices -> what a space calls all of them
    "features": "features", "history": "history", "keep": "keep", "model": "models", "overlap": "overlap", "trees": "trees",
    "depth": "depth", "hidden": "hidden", "shrinkage": "shrinkage", "c": "c", "ridge": "ridge", "neighbours": "neighbours",
    "prototypes": "prototypes", "bits": "bits", "layout": "layouts"}
Choose = Callable[[str, list[Any]], Any]  # a name and what there is to choose from -> one of it


class Preset(BaseModel):
    """A candidate that is always tried. What is not given is the first choice of the space."""

    model_config = ConfigDict(extra="forbid")

    window: int | None = Field(None, ge=1)
    window_s: float | None = Field(None, gt=0)
    overlap: float | None = Field(None, lt=1)
    front: str | None = None
    features: str | None = None
    history: str | None = None
    keep: int | None = Field(None, ge=0)
    model: str | None = None
    trees: int | None = Field(None, ge=1)
    depth: int | None = Field(None, ge=1)
    hidden: int | None = Field(None, ge=1)
    shrinkage: float | Literal["auto"] | None = None
    c: float | None = Field(None, gt=0)
    ridge: float | None = Field(None, gt=0)
    neighbours: int | None = Field(None, ge=1)
    prototypes: int | None = Field(None, ge=1)
    bits: Literal[32, 16, 8] | None = None
    layout: str | None = None


class SearchSpace(BaseModel):
    """Everything a search may choose from; the first of each list is the usual one.

    windows: samples, or windows_s: seconds; those that fit neither the pipeline nor the recordings are left out.
    overlap: share of a window that the next one shares (negative: a pause between them). fronts: "" or what
    `train.make_front` reads. features: names of sets, kinds or features, joined by +.
    history: "" for the window alone, `mean5` for the mean of five, `now+lag2` for both. keep: features kept (0: all).
    """

    model_config = ConfigDict(extra="forbid")

    windows: list[int] = []
    windows_s: list[float] = [1.0, 0.5, 0.25, 0.125, 2.0, 4.0, 8.0]
    overlap: list[float] = [0.5, 0.0]
    fronts: list[str] = [""]
    features: list[str] = ["default", "activity", "activity_lag2", "f54"]
    history: list[str] = [""]
    keep: list[int] = [0, 8, 16, 32, 64]
    models: list[str] = ["forest", "lda", "logistic", "ridge", "extra_trees", "mlp", "nb", "gmm", "knn", "tree"]
    trees: list[int] = [10, 5, 20, 3]
    depth: list[int] = [8, 6, 4, 10]
    hidden: list[int] = [16, 8, 32]
    shrinkage: list[float | Literal["auto"]] = ["auto", 0.1, 0.5]
    c: list[float] = [1.0, 0.1, 0.01]
    ridge: list[float] = [10.0, 1.0, 100.0]
    neighbours: list[int] = [3, 1, 5]
    prototypes: list[int] = [16, 8, 32]
    bits: list[Literal[32, 16, 8]] = [32, 16, 8]
    layouts: list[str] = ["fast", "small"]
    metric: Literal["macro_f1", "balanced_accuracy", "accuracy", "auc"] = "macro_f1"
    trials: int = Field(40, ge=0)
    presets: list[Preset] = []

    @field_validator("models", "layouts")
    @classmethod
    def _known(cls, names: list[str], info: ValidationInfo) -> list[str]:
        what, known = ("model", MODELS) if info.field_name == "models" else ("layout", LAYOUTS)
        for name in names:
            if name not in known:
                raise ValueError(f"{name!r} is not a {what}; one of {', '.join(known)}")
        return names

    @field_validator("fronts")
    @classmethod
    def _known_fronts(cls, fronts: list[str]) -> list[str]:
        for front in fronts:
            make_front(front, 1.0)
        return fronts


def narrowed(space: SearchSpace, **fixed: Any) -> SearchSpace:
    """The space with some choices made: model, window, overlap, features, keep, trees, depth, by the names of a preset."""
    lists = {"model": "models", "window": "windows", "layout": "layouts", "front": "fronts"}
    changed: dict[str, Any] = {lists.get(key, key): [value] for key, value in fixed.items()}
    in_presets = fixed | ({"window_s": None} if "window" in fixed else {})
    presets = [preset.model_copy(update=in_presets) for preset in space.presets]
    return SearchSpace.model_validate({**space.model_dump(), **changed, "presets": [p.model_dump() for p in presets]})


def preset_of(settings: Settings) -> Preset:
    """A pipeline as a candidate that is always tried."""
    params = {key: settings.params[key] for keys in _SIZED.values() for key in keys if key in settings.params}
    history = "+".join(suffix or "now" for suffix in settings.history)
    return Preset.model_validate({
        "window": settings.window, "overlap": 1 - settings.hop / settings.window, "front": settings.front,
        "features": "+".join(settings.features), "history": history, "keep": settings.keep, "model": settings.model,
        "trees": settings.trees, "depth": settings.depth, "bits": settings.bits, "layout": settings.layout, **params})


def general() -> SearchSpace:
    """What is searched where no template is asked for: every kind of model, and what is known to do well with movement, of
    which a few random candidates might miss the best."""
    space = SearchSpace.model_validate({})
    moving = [{"features": features, "window_s": 4.0, "model": model}
              for features, model in (("activity", "lda"), ("activity_lag2", "lda"), ("activity", "forest"))]
    presets = [*({"model": model} for model in space.models), *moving]
    return SearchSpace.model_validate({"presets": presets})


class Cut(NamedTuple):
    """How recordings become windows: all candidates of one cut share their features."""

    front: str
    window: int
    hop: int


def cut_of(settings: Settings) -> Cut:
    return Cut(settings.front, settings.window, settings.hop)


@dataclasses.dataclass
class Candidates:
    """A space for recordings of one rate, none (and no piece) shorter than `shortest` samples; base: what is not searched."""

    space: SearchSpace
    base: Settings
    rate_hz: float
    shortest: int

    def __post_init__(self) -> None:
        space, presets = self.space, self.space.presets
        self.choices: dict[str, list[Any]] = {
            key: _united(getattr(space, listed), [getattr(preset, key) for preset in presets])
            for key, listed in _LISTED.items()}
        asked = space.windows or [round(seconds * self.rate_hz) for seconds in space.windows_s]
        asked = _united(asked, [self._samples(preset) for preset in presets])
        self.windows: dict[str, list[int]] = {}
        for front in _united(space.fronts, [preset.front for preset in presets]):
            fitting = list(dict.fromkeys(w for w in (_rounded(window, front) for window in asked) if self._fits(w, front)))
            if fitting:
                self.windows[front] = fitting
        if not self.windows:
            raise AuscultError(f"no window of {', '.join(map(str, asked))} samples fits recordings of {self.shortest} samples",
                               f"{MIN_POINTS} to {MAX_POINTS} samples, and no more than a recording has",
                               "set windows or windows_s in [search], or --window")

    def _samples(self, preset: Preset) -> int | None:
        return round(preset.window_s * self.rate_hz) if preset.window_s else preset.window

    def _fits(self, window: int, front: str) -> bool:
        points = window // _step(front)
        return window <= self.shortest and MIN_POINTS <= points <= MAX_POINTS

    def pick(self, choose: Choose) -> Settings:
        """One candidate, from a choice at a time."""
        front = choose("front", list(self.windows))
        window = choose(f"window after {front}" if front else "window", self.windows[front])
        hop = _rounded(max(1, round(window * (1 - choose("overlap", self.choices["overlap"])))), front)
        if self.base.trigger:
            hop = max(hop, window)  # a trigger waits for the end of the window
        model = choose("model", self.choices["model"])
        changed: dict[str, Any] = {
            "front": front, "window": window, "hop": hop, "model": model, "history": parse_history(self._of("history", choose)),
            "features": tuple(self._of("features", choose).split("+")), "keep": self._of("keep", choose)}
        if model in (*_TREES, "tree"):
            changed |= {key: self._of(key, choose) for key in ("depth", "layout", *(("trees",) if model in _TREES else ()))}
        else:
            sized = _SIZED.get(model, ())
            changed["params"] = {**self.base.params, **{key: self._of(key, choose) for key in sized}}
        if model in _STORED:
            changed["bits"] = self._of("bits", choose)
        return dataclasses.replace(self.base, **changed)

    def with_features(self, cut: Cut, features: str, history: str) -> Settings:
        """Settings that ask for all features of one choice."""
        return dataclasses.replace(self.base, model="forest", front=cut.front, window=cut.window, hop=cut.hop, keep=0,
                                   features=tuple(features.split("+")), history=parse_history(history))

    def _of(self, key: str, choose: Choose) -> Any:
        return choose(key, self.choices[key])

    def preset_choices(self) -> list[Choose]:
        """The candidates that are always tried: those of the space, else one for each kind of model. Presets whose window
        does not fit the recordings are left out."""
        given = self.space.presets or [Preset.model_validate({"model": model}) for model in self.choices["model"]]
        found: dict[str, Choose] = {}
        for preset in given:
            values: dict[str, Any] = {key: value for key, value in preset.model_dump().items() if value is not None}
            front = values.get("front", next(iter(self.windows)))
            samples = self._samples(preset)
            if samples is not None:
                values["window"] = _rounded(samples, front)
            if front in self.windows and values.get("window", self.windows[front][0]) in self.windows[front]:
                choose = _given(values)
                found.setdefault(repr(self.pick(choose)), choose)
        return list(found.values())


def _given(values: dict[str, Any]) -> Choose:
    return lambda name, choices: values.get(name.split(" ")[0], choices[0])


def parse_history(text: str) -> tuple[str, ...]:
    """'' -> (); 'mean5' -> ('mean5',); 'now+lag2' -> ('', 'lag2')."""
    suffixes = tuple("" if part == "now" else part for part in text.split("+"))
    return () if suffixes == ("",) else suffixes


def _united(first: Sequence[Any], more: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys([*first, *(value for value in more if value is not None)]))


def _step(front: str) -> int:
    """Samples that become a point."""
    made = make_front(front, 1.0)
    return made.decimate if made else 1


def _rounded(samples: int, front: str) -> int:
    """Windows and hops are whole numbers of the points behind a front."""
    step = _step(front)
    return max(1, round(samples / step)) * step
