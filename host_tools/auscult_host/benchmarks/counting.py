# SPDX-License-Identifier: Apache-2.0
"""Counting on a simulated board whose virtual time is instructions: calls from Python, imports, heap."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..simulator import SimBoard

Metrics = dict[str, int]


class LeftOutError(Exception):
    """A case that cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Case:
    """measure(board) -> value of each metric. boards: where it can run (empty: everywhere). in_table: one of the
    figures to reach, also part of a quick run. alone: on a board of its own, for what other cases would change. firmware: for
    that board, by its name, if not the usual one. within: by what share two runs may differ: 0, but for what sleeps in
    between, where an alarm may meet another instruction."""

    name: str
    measure: Callable[["CountingBoard"], Metrics]
    boards: tuple[str, ...] = ()
    in_table: bool = False
    alone: bool = False
    firmware: Callable[[str], Path] | None = None
    within: float = 0


# `items` and the function's other arguments are made by the setup; as locals of `go`, as in any loop that cares.
_CALLS = """
import gc, json, simboard
{setup}
def go(items, {function}={function}, {names}):
    for item in items: {call}
def nothing(items, {function}={function}, {names}):
    for item in items: pass
def count(what, total=0):
    for part in parts:
        gc.collect()
        before = simboard.instructions()
        what(part)
        total += simboard.instructions() - before
    return total
parts = [items[i:i + {part}] for i in range(0, len(items), {part})]
few, used, again = items[:8], 0, 0
go(few)
gc.collect()
gc.disable()
used = gc.mem_alloc()
used = gc.mem_alloc()
go(few)
used = gc.mem_alloc() - used
again = count(go) - count(nothing)
gc.enable()
print(json.dumps({{"instructions": round(again / len(items)), "heap_bytes": used // len(few), {more}}}))
"""
_IMPORT = """
import gc, json, simboard
heap = cost = 0
{before}
gc.collect()
heap = gc.mem_alloc()
cost = simboard.instructions()
{counted}
cost = simboard.instructions() - cost
gc.collect()
heap = gc.mem_alloc() - heap
print(json.dumps({{"instructions": cost, "heap_bytes": heap}}))
"""


class CountingBoard:
    """A board in deterministic virtual time. Files put on it are gone after the case: cases do not meet."""

    def __init__(self, board: SimBoard) -> None:
        self.board, self.name, self.arch = board, board.board.name, board.board.arch
        self._files: list[str] = []

    def put(self, file: Path | bytes, remote: str) -> None:
        if isinstance(file, bytes):
            self.board.put_bytes(file, remote)
        else:
            self.board.put(file, remote)
        self._files.append(remote)

    def clean(self) -> None:
        """A fresh interpreter and no files."""
        self.board.soft_reset()
        if self._files:
            self.board.exec("import os\n" + "\n".join(f"os.remove({name!r})" for name in self._files))
            self._files.clear()
            self.board.soft_reset()

    def run(self, code: str) -> Metrics:
        """A program whose last line is JSON: metrics by name."""
        result: Metrics = json.loads(self.board.exec(code, timeout_s=300).strip().splitlines()[-1])
        return result

    def calls(self, setup: str, function: str, call: str, names: str = "", more: str = "", part: int = 1000) -> Metrics:
        """Instructions of `call` (which uses `item`, the function and the names), averaged over the setup's `items`;
        only an empty loop of the same form is subtracted, so the call itself counts. heap_bytes: allocated by one call.
        What allocates is counted in parts of so many items, between which garbage is collected: that is not counted,
        for how long it takes depends on chance."""
        named = ", ".join(f"{name}={name}" for name in names.split())
        return self.run(_CALLS.format(setup=setup, function=function, call=call, names=named, more=more, part=part))

    def import_of(self, module: str, then: str = "") -> Metrics:
        """Instructions of `import module` from the board's file system; heap_bytes: what stays after a collection.
        then: a statement to be counted instead, after the import."""
        before, counted = (f"import {module}", then) if then else ("", f"import {module}")
        return self.run(_IMPORT.format(before=before, counted=counted))
