# SPDX-License-Identifier: Apache-2.0
"""Model templates: a folder in `models/` each, with the settings to begin with for one kind of job."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from . import paths
from .errors import AuscultError


class Decision(BaseModel):
    """k of the last n verdicts change the decision."""

    model_config = ConfigDict(extra="forbid")

    k: int = Field(3, ge=1)
    n: int = Field(5, ge=1, le=30)


class Template(BaseModel):
    """template.toml. window, hop in samples at rate_hz; features: names, kinds for every axis, or a set's name."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: str
    rate_hz: float = Field(gt=0)
    axes: list[str] = ["x", "y", "z"]
    classes: list[str] = []
    window: int = Field(512, ge=64, le=4096)
    hop: int = Field(256, ge=1)
    features: list[str] = ["default"]
    model: str = "forest"
    trees: int = Field(10, ge=1)
    depth: int = Field(8, ge=1)
    decision: Decision = Field(default_factory=lambda: Decision(k=3, n=5))


def folder() -> Path:
    return paths.assets() / "models"


def names() -> list[str]:
    """Templates there are."""
    return sorted(path.parent.name for path in folder().glob("*/template.toml"))


def load(name: str) -> Template:
    """Raises AuscultError for an unknown template and for a wrong key or value, naming it."""
    path = folder() / name / "template.toml"
    if name not in names():
        raise AuscultError(f"there is no template {name!r}", f"one of {', '.join(names())}",
                           "a template is a folder in models/ with a template.toml")
    try:
        return Template.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise AuscultError(f"{path}: {error}", "TOML", "mend the file") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise AuscultError(f"{path}: {where} = {first.get('input')!r}", first["msg"], "mend the file") from error
