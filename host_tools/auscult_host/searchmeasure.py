# SPDX-License-Identifier: Apache-2.0
"""The chosen pipeline built, and counted on a simulated core: what the prediction is checked by."""

from collections.abc import Callable
from typing import Any

from . import costs
from .benchmarks import calibrate
from .benchmarks.counting import CountingBoard
from .errors import AuscultError
from .searchbudget import Budget, need, say
from .simulator import SimBoard
from .train import Trained
from .work import core


def check(trained: Trained, budget: Budget, progress: Callable[[str], None]) -> list[str]:
    """Build and count what a budget was kept for by prediction; the measured cost is stored beside the predicted one.

    Returns what to say about it; without a compiler or a simulator, why it was not measured."""
    search = trained.training["search"]
    try:
        search["measured"] = measure(trained, budget, progress)
    except AuscultError as error:
        return [f"predicted only, not measured: {error.found}; {error.hint}"]
    return compared(budget, search["predicted"], search["measured"])


def measure(trained: Trained, budget: Budget, progress: Callable[[str], None]) -> dict[str, Any]:
    """A cost as predicted ones are, of the built module. Raises AuscultError where there is no simulated core or no compiler."""
    name, code = core(budget.board), trained.code()
    progress(f"building the chosen one, counting on {name}")
    with SimBoard(name, deterministic=True) as sim:
        counted = calibrate.count(CountingBoard(sim), trained.spec, code)
    buffers = counted["state_bytes"] + 4 * costs.out_words(trained.spec, code)
    return costs.cost_of(budget.board, name, counted["file_bytes"], buffers, counted["instructions"]).as_dict()


def compared(budget: Budget, predicted: dict[str, Any], measured: dict[str, Any]) -> list[str]:
    """Prediction beside measurement in words, and what is over the budget after all."""
    lines = []
    for name, limit in budget.limits:
        before, after = need(name, predicted), need(name, measured)
        line = f"{name}: {say(name, before)} predicted, {say(name, after)} built and counted ({before / after - 1:+.1%})"
        lines.append(line + (f", over the limit of {say(name, limit)}" if after > limit else ""))
    return lines
