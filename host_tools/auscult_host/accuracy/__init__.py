# SPDX-License-Identifier: Apache-2.0
"""`make accuracy`: figures on real sets, by the shipped import, search, training and compiled C, beside their bars."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

Progress = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure. split: what was held out, and that it was in no choice; worst_group: the group with the lowest value;
    model_bytes: what the largest of the models takes in flash, without features; bar: at least so much is expected;
    baseline: of a plain forest; leaky: the figure of windows dealt at random, never quoted without the honest one."""

    set: str
    split: str
    metric: str
    value: float
    worst_group: dict[str, Any]
    model_bytes: int
    bar: float | None = None
    baseline: float | None = None
    leaky: float | None = None
    chosen: tuple[str, ...] = ()
    groups: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return self.bar is None or self.value >= self.bar

    def as_dict(self) -> dict[str, Any]:
        """For accuracy.json."""
        return {**dataclasses.asdict(self), "passed": self.passed}


@dataclasses.dataclass(frozen=True)
class RealSet:
    """A set of recordings: the folder below the data folder, and what measures it in that folder, with a folder for
    work, so many processes and a line of progress."""

    name: str
    folder: str
    measure: Callable[[Path, Path, int, Progress], list[Figure]]


def worst(groups: dict[str, float]) -> dict[str, Any]:
    """The group with the lowest value."""
    name = min(groups, key=lambda key: (groups[key], key))
    return {"name": name, "value": groups[name]}
