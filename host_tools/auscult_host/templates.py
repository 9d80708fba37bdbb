# SPDX-License-Identifier: Apache-2.0
"""Templates and projects: one schema for `models/*/template.toml` and for the `auscult.toml` of a user's folder."""

import difflib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from . import paths, tables
from .errors import AuscultError
from .searchspace import SearchSpace
from .train import Settings
from .trigger import Trigger

_AnyTable = TypeVar("_AnyTable", bound=BaseModel)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Decision(_Table):
    """k of the last n verdicts change the decision."""

    k: int = Field(3, ge=1)
    n: int = Field(5, ge=1, le=254)


class Sensor(_Table):
    """What is sampled on the board. range_g: of an accelerometer; period_s, door_pin: of a slow sensor; full_scale: value in
    the recordings' unit that the largest sample stands for, if not the usual."""

    chip: str = "adxl345"
    bus: Literal["i2c", "spi"] = "i2c"
    full_scale: float | None = Field(None, gt=0)
    period_s: float | None = Field(None, ge=0.1, le=86400)
    door_pin: int | None = Field(None, ge=0)


class Bearing(_Table):
    """Geometry of a rolling bearing."""

    balls: int = Field(gt=2)
    ball_mm: float = Field(gt=0)
    pitch_mm: float = Field(gt=0)
    contact_deg: float = Field(0.0, ge=0, lt=90)


class Machine(_Table):
    """What rotates: the nominal speed of the shaft, and what else turns or strikes, in multiples of it."""

    shaft_hz: float = Field(0.0, ge=0)
    orders: dict[str, float] = {}
    bearing: Bearing | None = None

    def all_orders(self) -> dict[str, float]:
        from .generate import bearings

        own = self.bearing
        found = bearings.Bearing(own.balls, own.ball_mm, own.pitch_mm, math.radians(own.contact_deg)) if own else None
        return {**(found.orders() if found else {}), **self.orders}


class Generate(_Table):
    """The physics that makes recordings to begin with. None: as is usual with this process."""

    process: str = "rotating"
    machines: int | None = Field(None, ge=1)
    sessions: int | None = Field(None, ge=1)
    seconds: float | None = Field(None, gt=0)
    labels: list[str] | None = None
    seed: int = Field(1, ge=0)


class Budget(_Table):
    """What the board has to spare, as `auscult train --budget` takes it: of flash and RAM in bytes (`8k` is 8192); of time,
    energy and instructions for one window."""

    board: str = "sim_m4"
    flash: str | None = None
    ram: str | None = None
    time: str | None = None
    energy: str | None = None
    instructions: str | None = None


class Data(_Table):
    """Where a project keeps what."""

    folder: str = "data"
    model: str = "model.joblib"
    play: str = "play.parquet"
    group: Literal["auto", "machine", "session", "recording"] = "auto"


def _usual(table: type[_AnyTable]) -> Callable[[], _AnyTable]:
    return lambda: table.model_validate({})


class Template(_Table):
    """window, hop in samples at rate_hz; features: names, kinds for every axis, or a set's name; front, history, params: as
    train.Settings has them."""

    name: str
    description: str
    rate_hz: float = Field(gt=0)
    axes: list[str] = ["x", "y", "z"]
    classes: list[str] = []
    window: int = Field(512, ge=16)
    hop: int = Field(256, ge=1)
    features: list[str] = ["default"]
    front: str = ""
    history: list[str] = []
    keep: int = Field(0, ge=0)
    model: str = "forest"
    trees: int = Field(10, ge=1)
    depth: int = Field(8, ge=1)
    params: dict[str, Any] = {}
    false_alarms: float = Field(0.01, gt=0, lt=1)
    novelty: float = Field(0.0, ge=0, lt=1)
    trigger: Trigger | None = None
    decision: Decision = Field(default_factory=_usual(Decision))
    sensor: Sensor = Field(default_factory=_usual(Sensor))
    machine: Machine = Field(default_factory=_usual(Machine))
    generate: Generate = Field(default_factory=_usual(Generate))
    search: SearchSpace = Field(default_factory=_usual(SearchSpace))
    budget: Budget = Field(default_factory=_usual(Budget))
    data: Data = Field(default_factory=_usual(Data))

    @model_validator(mode="after")
    def _consistent(self) -> "Template":
        if self.decision.k > self.decision.n:
            raise ValueError(f"decision.k is {self.decision.k}, more than decision.n, {self.decision.n}")
        if self.trigger and self.hop < self.window:
            raise ValueError(f"hop is {self.hop}, less than window, {self.window}: a trigger waits for the end of the window")
        return self

    def settings(self) -> Settings:
        """As training takes them."""
        return Settings(
            window=self.window, hop=self.hop, features=tuple(self.features), model=self.model, trees=self.trees,
            depth=self.depth, keep=self.keep, false_alarms=self.false_alarms, front=self.front,
            shaft_hz=self.machine.shaft_hz, orders=self.machine.all_orders(), history=tuple(self.history),
            params=self.params, novelty=self.novelty, trigger=self.trigger.model_dump() if self.trigger else {})


def folder() -> Path:
    return paths.assets() / "models"


def names() -> list[str]:
    """Templates there are."""
    return sorted(path.parent.name for path in folder().glob("*/template.toml"))


def load(name: str | Path) -> Template:
    """A template by its name, or a project by the path of its .toml file. Raises AuscultError for an unknown template and
    for a wrong key or value, naming it."""
    if str(name).endswith(".toml"):
        return _read(Path(name))
    if name not in names():
        near = difflib.get_close_matches(str(name), names(), 1)
        raise AuscultError(f"there is no template {str(name)!r}", f"one of {', '.join(names())}",
                           f"--template {near[0]}" if near else "a template is a folder in models/ with a template.toml")
    return _read(folder() / name / "template.toml")


def _read(path: Path) -> Template:
    return tables.read(path, Template, "a project's auscult.toml", "make one with `auscult new`")
