# SPDX-License-Identifier: Apache-2.0
"""Recordings made from physics, one file for each process: to try everything before anything is recorded."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import AuscultError
from ..recordings import Recording, write, write_all
from . import cold_store, press, room, rotating, states, wrist
from .bearings import BEARINGS, Bearing
from .process import Process
from .rotating import DEFAULT_FAULTS, DEFAULT_RATE_HZ, FAULTS, Machine, machine_run, make_machine

__all__ = ["BEARINGS", "DEFAULT_FAULTS", "DEFAULT_RATE_HZ", "FAULTS", "PROCESSES", "Bearing", "Machine", "Process", "generate",
           "machine_run", "make_machine", "playing", "process", "write_play"]

PROCESSES = {one.name: one for one in (rotating.PROCESS, states.PROCESS, press.PROCESS, cold_store.PROCESS, room.PROCESS,
                                       wrist.PROCESS)}


def process(name: str) -> Process:
    """Raises AuscultError for an unknown name."""
    if name not in PROCESSES:
        raise AuscultError(f"the process {name!r}", f"one of {', '.join(PROCESSES)}", "for example --process rotating")
    return PROCESSES[name]


def generate(
    out: Path,
    *,
    kind: str = "rotating",
    machines: int | None = None,
    sessions: int | None = None,
    seconds: float | None = None,
    faults: Sequence[str] | None = None,
    rate_hz: float | None = None,
    seed: int = 1,
) -> list[Path]:
    """Write a dataset: every machine in every state of `faults` in every session, one recording each.

    kind: one of PROCESSES; what is None is as usual with that process. Raises AuscultError when the folder already holds
    other recordings, which would silently become part of the dataset.
    """
    made = process(kind)
    machines, sessions = machines if machines is not None else made.machines, sessions if sessions is not None else made.sessions
    seconds, rate_hz = seconds if seconds is not None else made.seconds, rate_hz if rate_hz is not None else made.rate_hz
    for name, number in (("machines", machines), ("sessions", sessions)):
        if number < 1:
            raise AuscultError(f"{number} {name}", "at least 1", f"give for example --{name} 4")
    labels = tuple(dict.fromkeys(made.usual if faults is None else faults))
    made.check(labels, seconds, rate_hz)
    plan = [(m, s, label) for m in range(machines) for s in range(sessions) for label in labels]
    names = {f"{made.one}_{m + 1}_s{s + 1}_{label}.parquet" for m, s, label in plan}
    strangers = sorted(p.name for p in Path(out).glob("*.parquet") if p.name not in names and p.name[0] != ".")
    if strangers:
        raise AuscultError(f"{out} already holds other recordings ({strangers[0]}, {len(strangers)} in all)",
                           "an empty or a new folder", "choose another folder, or delete the old recordings")

    def runs() -> Iterator[Recording]:
        for m, s, label in plan:
            yield made.run(m, s, label, seconds=seconds, rate_hz=rate_hz, seed=seed)

    return write_all(runs(), Path(out))


def playing(kind: str = "rotating", *, machines: int | None = None, sessions: int | None = None, rate_hz: float | None = None,
            seed: int = 1) -> Recording:
    """One recording that a dataset of so many machines and sessions does not hold: of a further machine, or, where it has
    only one, of a further session."""
    made = process(kind)
    machines, sessions = machines or made.machines, sessions or made.sessions
    which = (0, sessions) if machines == 1 else (machines, 0)
    return made.play(*which, rate_hz=rate_hz if rate_hz is not None else made.rate_hz, seed=seed)


def write_play(path: Path, kind: str = "rotating", **more: Any) -> Path:
    """Write one; see playing()."""
    return write(playing(kind, **more), path)
