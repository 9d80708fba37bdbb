# SPDX-License-Identifier: Apache-2.0
"""What a pipeline is: everything that decides its bits, in one validated record."""

import keyword
import re
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from . import features as table
from .errors import AuscultError
from .trigger import Trigger

MIN_POINTS, MAX_POINTS = 16, 4096
MIN_FFT_POINTS = 64
MAX_DECIMATE = 256


def check_identifier(name: str, what: str) -> str:
    """A name that becomes a file, a module and a C symbol."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise AuscultError(f"{what} {name!r} is not an identifier", "letters, digits and _ only, not starting with a digit",
                           f"try {re.sub(r'[^A-Za-z0-9_]+', '_', name).strip('_') or 'pipeline'!r}")
    return name


class Front(BaseModel):
    """A stage between the samples and the window, for every axis: a filter without end whose every `decimate`-th output
    is kept as a point.

    log_envelope: log2(|y| + a tenth of its slow mean), y the samples between low_hz and high_hz: bursts count by how
    often they come, not by how strong they are. decimate: the samples themselves, low-passed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["log_envelope", "decimate"]
    low_hz: float = Field(0.0, ge=0)
    high_hz: float = Field(0.0, ge=0)
    decimate: int = Field(16, ge=2, le=MAX_DECIMATE)

    @model_validator(mode="after")
    def _consistent(self) -> "Front":
        if self.decimate & self.decimate - 1:
            raise AuscultError(f"front.decimate {self.decimate}", f"a power of two from 2 to {MAX_DECIMATE}")
        if self.kind == "decimate" and (self.low_hz or self.high_hz):
            raise AuscultError("front decimate with a band", "no low_hz and no high_hz", "kind = \"log_envelope\" has a band")
        return self


class PipelineSpec(BaseModel):
    """Windowing, axes, features and classes of one pipeline.

    window and hop in samples of the sensor; rate_hz the sensor's nominal rate; full_scale the acceleration in m/s^2 of
    32768 LSB; front: what stands before the window, in which then window / front.decimate points are; shaft_hz: nominal
    speed of the shaft; orders: frequencies as multiples of it, by name; trigger: what begins a window,
    the hop then being the shortest time between two; shifts: the model's input i is feature i >> shifts[i], saturated to
    int16.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = "pipeline"
    window: int = Field(512, ge=MIN_POINTS, le=MAX_POINTS * MAX_DECIMATE)
    hop: int = Field(512, ge=1, le=1 << 20)
    axes: list[str] = Field(["x", "y", "z"], min_length=1, max_length=8)
    rate_hz: float = Field(1600.0, gt=0)
    full_scale: float = Field(16 * 9.80665, gt=0)
    front: Front | None = None
    shaft_hz: float = Field(0.0, ge=0, le=1e6)
    orders: dict[str, float] = {}
    trigger: Trigger | None = None
    features: list[str] = Field(min_length=1, max_length=255)
    shifts: list[int] = []
    classes: list[str] = []
    rate_tolerance: float = Field(0.05, gt=0, lt=1)

    @field_validator("name")
    @classmethod
    def _identifier(cls, name: str) -> str:
        return check_identifier(name, "pipeline name")

    @model_validator(mode="after")
    def _consistent(self) -> "PipelineSpec":
        if len(set(self.axes)) != len(self.axes):
            raise AuscultError(f"axes {self.axes}", "each axis once")
        if len(set(self.features)) != len(self.features):
            twice = sorted({f for f in self.features if self.features.count(f) > 1})
            raise AuscultError(f"features named twice: {', '.join(twice)}", "each feature once")
        taken = {table.NORM, table.ALL} & set(self.axes)
        if taken:
            raise AuscultError(f"an axis called {min(taken)}", "another name: it stands for all axes together")
        step = self.step
        if self.window % step or self.hop % step:
            raise AuscultError(f"window {self.window} and hop {self.hop} with a front that keeps every {step}th sample",
                               f"multiples of {step}")
        if not MIN_POINTS <= self.points <= MAX_POINTS:
            raise AuscultError(f"window {self.window}: {self.points} points", f"{MIN_POINTS} to {MAX_POINTS}",
                               f"window = {min(max(self.points, MIN_POINTS), MAX_POINTS) * step}")
        if self.front and self.front.kind == "log_envelope" and not (
                0.002 * self.rate_hz <= self.front.low_hz < 0.9 * self.front.high_hz <= 0.9 * 0.48 * self.rate_hz):
            raise AuscultError(f"front with a band from {self.front.low_hz:g} to {self.front.high_hz:g} Hz",
                               f"low_hz from {0.002 * self.rate_hz:g}, high_hz to {0.48 * self.rate_hz:g}, a tenth above low_hz")
        self._check_trigger()
        parsed = self.parsed()
        self._check_spectral(parsed)
        counts = {f.bands for f in parsed if f.bands}
        if len(counts) > 1:
            raise AuscultError(f"bands of {sorted(counts)} in one pipeline", "one number of bands")
        if counts and max(counts) * 4 > self.nfft // 2:
            raise AuscultError(f"{max(counts)} bands of a window of {self.window} samples",
                               f"at most {self.nfft // 8} bands (4 bins each)")
        if self.shifts and len(self.shifts) != len(self.features):
            raise AuscultError(f"{len(self.shifts)} shifts for {len(self.features)} features", "one for each")
        return self

    def _check_trigger(self) -> None:
        trigger = self.trigger
        if trigger is None:
            return
        if self.front is not None:
            raise AuscultError("a trigger and a front", "one of them", "leave the front out")
        if trigger.axis not in self.axes:
            raise AuscultError(f"trigger.axis {trigger.axis!r}", f"one of {', '.join(self.axes)}")
        if self.hop < self.window or trigger.pre >= self.window:
            raise AuscultError(f"window {self.window}, hop {self.hop} with a trigger that keeps {trigger.pre} samples before it",
                               "a hop not below the window, and a window longer than what is kept")
        if trigger.level >= 2 * self.full_scale or self.trigger_level < 1:
            raise AuscultError(f"trigger.level {trigger.level:g}", f"up to {2 * self.full_scale:g}, the sensor's whole scale")

    @property
    def trigger_level(self) -> int:
        """In LSB."""
        return round(self.trigger.level / self.full_scale * 32768) if self.trigger else 0

    def _check_spectral(self, parsed: list[table.Feature]) -> None:
        spectral = [f for f in parsed if f.kind.needs]
        if spectral and self.points < MIN_FFT_POINTS:
            raise AuscultError(f"{spectral[0].name} of {self.points} points", f"at least {MIN_FFT_POINTS} for a spectrum",
                               "take a longer window, or features without a spectrum")
        for name, order in self.orders.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not 0 < order < 1e4:
                raise AuscultError(f"order {name!r} = {order}", "a name of small letters, digits and _; a multiple of the "
                                   "shaft's speed above 0")
        for feature in parsed:
            if feature.order:
                if not self.shaft_hz:
                    raise AuscultError(f"{feature.name} without a shaft speed", "shaft_hz", "give the nominal shaft_hz")
                top = self.shaft_hz * (self.order(feature.order) + (1 if feature.kind.name == "sides" else 0)) * 1.2
                if top > self.rate_hz / self.step / 2:
                    raise AuscultError(f"{feature.name} looks at up to {top:.0f} Hz",
                                       f"at most {self.rate_hz / self.step / 2:g} Hz, half the rate of the points",
                                       "leave it out, or decimate less")

    def order(self, name: str) -> float:
        """The multiple of the shaft's speed that a name stands for."""
        return float(name[5:]) if name not in self.orders and re.fullmatch(r"shaft\d+", name) else self.orders[name]

    def parsed(self) -> list[table.Feature]:
        return [table.parse(name, self.axes, self.orders) for name in self.features]

    @property
    def step(self) -> int:
        """Samples from point to point of the window."""
        return self.front.decimate if self.front else 1

    @property
    def points(self) -> int:
        """Points that stand in the window: samples, or what the front makes of them."""
        return self.window // self.step

    @property
    def streaming(self) -> bool:
        """Whether features depend on what was before the window."""
        return self.front is not None or any(f.history for f in self.parsed())

    @property
    def lags(self) -> tuple[int, int, int]:
        """Of autocorr: how many points are summed to one, and the smallest and largest lag in such sums."""
        step = -(-self.points // 128)
        rate_hz, sums = self.rate_hz / self.step / step, self.points // step
        return step, max(1, min(round(0.25 * rate_hz), sums // 8)), max(1, min(round(1.5 * rate_hz), sums // 2))

    @property
    def nfft(self) -> int:
        """FFT length: the next power of two."""
        return 1 << (self.points - 1).bit_length()

    @classmethod
    def make(cls, **values: object) -> "PipelineSpec":
        """As the constructor, with an AuscultError that names the field instead of pydantic's report."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "pipeline"
            raise AuscultError(f"{where} = {first.get('input')!r}", first["msg"]) from error


class Made(Protocol):
    """What says which pipeline was made from which recordings: a trained model, or its bundle."""

    @property
    def spec(self) -> PipelineSpec: ...

    @property
    def training(self) -> dict[str, Any]: ...
