# SPDX-License-Identifier: Apache-2.0
"""What a search may choose from: the `[search]` table of a template or a project, and candidates drawn from it."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from .errors import AuscultError
from .estimators import LAYOUTS
from .model_kinds import MODELS
from .spec import MAX_POINTS, MIN_POINTS
from .train import Settings

METRICS = ("macro_f1", "balanced_accuracy", "accuracy", "auc")
_FRONT = re.compile(r"log_envelope (0?\.\d+)-(0?\.\d+) /(\d+)")
_TREES = ("forest", "extra_trees")
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
    c: float | None = Field(None, gt=0)
    neighbours: int | None = Field(None, ge=1)
    prototypes: int | None = Field(None, ge=1)
    bits: Literal[32, 16, 8] | None = None
    layout: str | None = None


class SearchSpace(BaseModel):
    """Everything a search may choose from; the first of each list is the usual one.

    windows: samples, or windows_s: seconds; those that fit neither the pipeline nor the recordings are left out.
    overlap: share of a window that the next one shares (negative: a pause between them). fronts: "" or `log_envelope
    LOW-HIGH /KEPT` with the band as shares of the sample rate. features: names of sets, kinds or features, joined by +.
    history: "" for the window alone, `mean5` for the mean of five, `now+lag2` for both. keep: features kept (0: all).
    """

    model_config = ConfigDict(extra="forbid")

    windows: list[int] = []
    windows_s: list[float] = [1.0, 0.5, 0.25, 0.125, 2.0, 4.0, 8.0]
    overlap: list[float] = [0.5, 0.0]
    fronts: list[str] = [""]
    features: list[str] = ["default", "f54"]
    history: list[str] = [""]
    keep: list[int] = [0, 8, 16, 32]
    models: list[str] = ["forest", "extra_trees", "mlp", "nb", "gmm"]
    trees: list[int] = [10, 5, 20, 3]
    depth: list[int] = [8, 6, 4, 10]
    hidden: list[int] = [16, 8, 32]
    c: list[float] = [1.0, 0.1, 0.01]
    neighbours: list[int] = [3, 1, 5]
    prototypes: list[int] = [16, 8, 32]
    bits: list[Literal[32, 16, 8]] = [32, 16, 8]
    layouts: list[str] = ["fast", "small"]
    metric: Literal["macro_f1", "balanced_accuracy", "accuracy", "auc"] = "macro_f1"
    trials: int = Field(40, ge=0)
    presets: list[Preset] = []

    @field_validator("models")
    @classmethod
    def _known_models(cls, models: list[str]) -> list[str]:
        for name in models:
            if name not in MODELS:
                raise ValueError(f"{name!r} is not a model; one of {', '.join(MODELS)}")
        return models

    @field_validator("layouts")
    @classmethod
    def _known_layouts(cls, layouts: list[str]) -> list[str]:
        for name in layouts:
            if name not in LAYOUTS:
                raise ValueError(f"{name!r} is not a layout; one of {', '.join(LAYOUTS)}")
        return layouts

    @field_validator("fronts")
    @classmethod
    def _known_fronts(cls, fronts: list[str]) -> list[str]:
        for front in fronts:
            parse_front(front)
        return fronts


class FrontText(NamedTuple):
    """A front as settings write it: the band as shares of the sample rate, and one of how many points is kept."""

    low: float
    high: float
    decimate: int


def parse_front(text: str) -> FrontText | None:
    """None for no front; ValueError for what is neither."""
    if not text:
        return None
    found = _FRONT.fullmatch(text.strip())
    if not found or not 0 < float(found[1]) < float(found[2]) < 0.5 or not int(found[3]):
        raise ValueError(f"{text!r} is not a front such as 'log_envelope 0.125-0.45 /16' (shares of the rate, 0 to 0.5)")
    return FrontText(float(found[1]), float(found[2]), int(found[3]))


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
            for key, listed in (("features", "features"), ("history", "history"), ("keep", "keep"), ("model", "models"),
                                ("overlap", "overlap"), ("trees", "trees"), ("depth", "depth"), ("hidden", "hidden"), ("c", "c"),
                                ("neighbours", "neighbours"), ("prototypes", "prototypes"), ("bits", "bits"),
                                ("layout", "layouts"))}
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
        parsed = parse_front(front)
        points = window // parsed.decimate if parsed else window
        return window <= self.shortest and MIN_POINTS <= points <= MAX_POINTS

    def pick(self, choose: Choose) -> Settings:
        """One candidate, from a choice at a time."""
        front = choose("front", list(self.windows))
        window = choose(f"window after {front}" if front else "window", self.windows[front])
        hop = _rounded(max(1, round(window * (1 - choose("overlap", self.choices["overlap"])))), front)
        model = choose("model", self.choices["model"])
        changed: dict[str, Any] = {
            "front": front, "window": window, "hop": hop, "model": model, "history": parse_history(self._of("history", choose)),
            "features": tuple(self._of("features", choose).split("+")), "keep": self._of("keep", choose)}
        if model in (*_TREES, "tree"):
            changed |= {key: self._of(key, choose) for key in ("depth", "layout", *(("trees",) if model in _TREES else ()))}
        else:
            sized = {"mlp": ("hidden",), "logistic": ("c",), "knn": ("neighbours", "prototypes")}.get(model, ())
            changed["params"] = {**self.base.params, **{key: self._of(key, choose) for key in sized}}
        if model in ("mlp", "logistic", "lda"):
            changed["bits"] = self._of("bits", choose)
        return dataclasses.replace(self.base, **changed)

    def _of(self, key: str, choose: Choose) -> Any:
        return choose(key, self.choices[key])

    def presets(self) -> list[Settings]:
        """The candidates that are always tried: those of the space, else one for each kind of model. Presets whose window
        does not fit the recordings are left out."""
        given = self.space.presets or [Preset.model_validate({"model": model}) for model in self.choices["model"]]
        found = []
        for preset in given:
            values: dict[str, Any] = {key: value for key, value in preset.model_dump().items() if value is not None}
            front = values.get("front", next(iter(self.windows)))
            samples = self._samples(preset)
            if samples is not None:
                values["window"] = _rounded(samples, front)
            if front in self.windows and values.get("window", self.windows[front][0]) in self.windows[front]:
                found.append(self.pick(_given(values)))
        return list({repr(settings): settings for settings in found}.values())


def _given(values: dict[str, Any]) -> Choose:
    return lambda name, choices: values.get(name.split(" ")[0], choices[0])


def parse_history(text: str) -> tuple[str, ...]:
    """'' -> (); 'mean5' -> ('mean5',); 'now+lag2' -> ('', 'lag2')."""
    suffixes = tuple("" if part == "now" else part for part in text.split("+"))
    return () if suffixes == ("",) else suffixes


def _united(first: Sequence[Any], more: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys([*first, *(value for value in more if value is not None)]))


def _rounded(samples: int, front: str) -> int:
    """Windows and hops are whole numbers of the points behind a front."""
    parsed = parse_front(front)
    return max(1, round(samples / parsed.decimate)) * parsed.decimate if parsed else samples
