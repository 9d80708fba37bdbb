# SPDX-License-Identifier: Apache-2.0
"""The budget of a board: limits on what a pipeline may take, judged by predictions before anything is compiled."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any

from . import boards, costs
from .errors import AuscultError
from .estimators import ModelCode
from .spec import PipelineSpec
from .train import Fitted

USUAL_BOARD = "sim_m4"
# What a limit is called in --budget -> field of a cost, what it is said in, units and what they are of that.
_LIMITS: dict[str, tuple[str, str, dict[str, float]]] = {
    "flash": ("flash_bytes", "bytes", {"": 1, "b": 1, "k": 1024, "kb": 1024, "m": 1024**2, "mb": 1024**2}),
    "ram": ("ram_bytes", "bytes", {"": 1, "b": 1, "k": 1024, "kb": 1024, "m": 1024**2, "mb": 1024**2}),
    "time": ("seconds", "s", {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1}),
    "energy": ("energy_uj", "µJ", {"nj": 1e-3, "uj": 1, "µj": 1, "mj": 1000, "j": 1e6}),
    "instructions": ("instructions", "instructions", {"": 1, "k": 1000, "m": 1e6}),
}
_EXAMPLE = "for example --budget board=NUCLEO_F446RE,flash=8k,time=5ms"


@dataclasses.dataclass(frozen=True)
class Budget:
    """The board, and limits by their names in --budget; each of one window, or of the module."""

    board: str = USUAL_BOARD
    limits: tuple[tuple[str, float], ...] = ()

    def _cost(self, spec: PipelineSpec, model: ModelCode | None) -> dict[str, Any]:
        return costs.predict(spec, model, self.board).as_dict()

    def judge_features(self, spec: PipelineSpec) -> dict[str, Any]:
        """Cost of the features alone; what is over already then is over with any model."""
        return self._judged(self._cost(spec, None))

    def judge(self, fitted: Fitted) -> dict[str, Any]:
        """Cost of a pipeline, and `over`: by which share it is over each limit that it breaks."""
        return self._judged(self._cost(fitted.spec, fitted.code()))

    def _judged(self, cost: dict[str, Any]) -> dict[str, Any]:
        over = {name: cost[_LIMITS[name][0]] / limit - 1 for name, limit in self.limits}
        return {"cost": cost, "over": {name: share for name, share in over.items() if share > 0}}

    def clocked(self) -> bool:
        """Whether the board has a clock, by which instructions become time."""
        return boards.load(self.board).clock_hz is not None

    def says(self, cost: dict[str, Any]) -> str:
        """A cost in words, and how it was come by."""
        parts = [say(name, need(name, cost)) + (f" of {name}" if name in ("flash", "ram") else "")
                 for name in _LIMITS if cost[_LIMITS[name][0]] is not None]
        board = boards.load(self.board)
        text = ", ".join(parts)
        if board.clock_hz is None:
            return text
        return (f"{text}; an estimate: instructions as counted on {cost.get('counted_on', 'a simulated core')}, "
                f"{board.cycles_per_instruction:g} cycles each (an assumption) at {board.clock_hz / 1e6:g} MHz")

    def text(self) -> str:
        """Board and limits in words."""
        return ", ".join([self.board, *(f"{name} {say(name, limit)}" for name, limit in self.limits)])


def parse(text: str | None) -> Budget:
    """'board=NUCLEO_F446RE,flash=8k,time=5ms'. Raises AuscultError that names the part which is wrong."""
    board, limits = USUAL_BOARD, {}
    for part in (text or "").split(","):
        key, _, given = (item.strip() for item in part.partition("="))
        if not part.strip():
            continue
        if key == "board":
            board = boards.load(given).name
            continue
        if key not in _LIMITS:
            raise AuscultError(f"--budget {part.strip()!r}", f"board or one of {', '.join(_LIMITS)}", _EXAMPLE)
        units = _LIMITS[key][2]
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zµ]*)", given.lower())
        if not found or found[2] not in units or not float(found[1]):
            known = ", ".join(unit or "units" for unit in units)
            raise AuscultError(f"--budget {part.strip()!r}", f"a number above 0 in {known}", _EXAMPLE)
        limits[key] = float(found[1]) * units[found[2]]
    budget = Budget(board, tuple(limits.items()))
    clocked = [name for name in ("time", "energy") if name in limits]
    if clocked and not budget.clocked():
        raise AuscultError(f"a limit on {clocked[0]}, but {board} has no clock: it is simulated and counts instructions",
                           "a real board, or a limit on instructions", _EXAMPLE)
    if "energy" in limits and boards.load(board).power is None:
        able = [name for name in boards.names() if boards.load(name).power]
        raise AuscultError(f"a limit on energy, but there are no figures of the currents of {board}",
                           f"one of {', '.join(able)}, or a limit on time", _EXAMPLE)
    return budget


def say(name: str, amount: float) -> str:
    """An amount with its unit."""
    unit = _LIMITS[name][1]
    if name == "time":
        return f"{amount * 1000:.3g} ms"
    return f"{amount:,.3g} {unit}" if amount < 100 else f"{amount:,.0f} {unit}"


def need(name: str, cost: dict[str, Any]) -> float:
    """What a candidate of this cost takes of what a limit is on."""
    return float(cost[_LIMITS[name][0]])


def nothing_fits(budget: Budget, rows: Sequence[dict[str, Any]]) -> AuscultError:
    """What to say when all candidates are over: the limit that binds, and what the smallest of them needs."""
    costed = [row for row in rows if row.get("cost") and row["over"]]
    nearest = min(costed, key=lambda row: max(row["over"].values()))
    binding = max(nearest["over"], key=lambda name: nearest["over"][name])
    least = min(need(binding, row["cost"]) for row in costed)
    limit = dict(budget.limits)[binding]
    settings = nearest["settings"]
    what = f"{settings['model']} on {nearest['features']} features of {settings['window']} samples"
    needs = ", ".join(f"{name} {say(name, need(name, nearest['cost']))}" for name, _ in budget.limits)
    text = f"none of {len(rows)} candidates meets the budget of {budget.board}; {binding} binds: {say(binding, limit)} allowed"
    text += f", the smallest needs {say(binding, least)}"
    hint = f"the nearest candidate ({what}) needs {needs}: allow that, or put fewer features and smaller models into [search]"
    return AuscultError(text, f"at least {say(binding, least)} of {binding}", hint)
