# SPDX-License-Identifier: Apache-2.0
"""A scenario: one file that says which boards are played what, what breaks meanwhile, and what is expected of them."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from . import bundles, expectations, faults, generate, recordings, simulation, tables, templates
from .errors import AuscultError
from .templates import Decision


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Generated(_Table):
    """A recording from physics: that of a machine which the template's own dataset does not hold. template: a name, or the
    path of a project's auscult.toml; seed: by default the template's."""

    template: str
    seed: int | None = Field(None, ge=0)


class Scenario(_Table):
    """The file. model: of `auscult train`; bundle: of `auscult build`. Paths are relative to the file."""

    boards: list[str] = Field(["sim_m4"], min_length=1)
    simulator: Literal["qemu", "renode"] = "qemu"
    speed: Literal["max", "real"] = "max"
    model: Path | None = None
    bundle: Path | None = None
    recordings: list[Path] = []
    generate: Generated | None = None
    chip: str = "adxl345"
    bus: Literal["i2c", "spi"] = "i2c"
    layout: Literal["fast", "small"] = "fast"
    decision: Decision = Field(default_factory=lambda: Decision.model_validate({}))
    faults: list[str] = []
    expect: list[str] = []

    @model_validator(mode="after")
    def _one_of_each(self) -> "Scenario":
        if (self.model is None) == (self.bundle is None):
            raise ValueError("model or bundle is needed, and only one of them")
        if bool(self.recordings) == (self.generate is not None):
            raise ValueError("recordings or [generate] is needed, and only one of them")
        return self


def read(file: Path) -> Scenario:
    """Raises AuscultError that names the key."""
    return tables.read(file, Scenario, "a scenario", "docs/simulate.md shows one")


def runs(file: Path, boards: list[str] | None = None, simulator: str | None = None, speed: str | None = None
         ) -> list[simulation.Run]:
    """What a scenario file asks for: each board with each recording. boards, simulator, speed: instead of the file's.

    Of the file's boards those count that the simulator has. Raises AuscultError for what is wrong, naming the file."""
    asked = read(file)
    simulator = simulator or asked.simulator
    try:
        able = simulation.boards_of(simulator)
        chosen = boards or [board for board in asked.boards if board in able]
        if not chosen:
            raise AuscultError(f"boards = {asked.boards}: none of them is simulated by {simulator}", f"one of {', '.join(able)}",
                               "add one to boards")
        made = bundles.read(file.parent / (asked.model or asked.bundle or ""), asked.layout)
        broken = tuple(faults.parse(text) for text in asked.faults)
        expected = tuple(expectations.parse_all(asked.expect, made.spec.classes))
        return [simulation.Run(made, recording, source, board, asked.chip, asked.bus, asked.decision.k, asked.decision.n,
                               None, broken, speed or asked.speed, expected, simulator, file.stem)
                for source, recording in _recordings(file, asked) for board in chosen]
    except AuscultError as error:
        raise AuscultError(f"{file}: {error.found}", error.expected, error.hint) from error


def _recordings(file: Path, asked: Scenario) -> list[tuple[str, recordings.Recording]]:
    if asked.generate is None:
        return [(str(path), recordings.read(file.parent / path)) for path in asked.recordings]
    name = asked.generate.template
    template = templates.load(str(file.parent / name) if name.endswith(".toml") else name)
    made, seed = template.generate, asked.generate.seed
    seed = made.seed if seed is None else seed
    return [(f"{template.name}, seed {seed}", generate.playing(
        made.process, machines=made.machines, sessions=made.sessions, rate_hz=template.rate_hz, seed=seed))]
