# SPDX-License-Identifier: Apache-2.0
"""Several simulated boards at once, each judged by what is expected of it."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import boards, playback
from .bundles import Source
from .errors import AuscultError
from .expectations import Expectation, Outcome
from .faults import Fault
from .playback import Played
from .recordings import Recording
from .renode import playing

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """One board that is played one recording. scenario: what it belongs to; source: where the recording is from."""

    made: Source
    recording: Recording
    source: str
    board: str = "sim_m4"
    chip: str = "adxl345"
    bus: str = "i2c"
    k: int = 3
    n: int = 5
    module: Path | None = None
    broken: tuple[Fault, ...] = ()
    speed: str = "max"
    expected: tuple[Expectation, ...] = ()
    simulator: str = "qemu"
    scenario: str = ""

    def check(self) -> None:
        """Raises AuscultError for what cannot be played, before anything is built or booted."""
        able = boards_of(self.simulator)
        if self.board not in able:
            raise AuscultError(f"the board {self.board!r}, which {self.simulator} does not simulate", f"one of {', '.join(able)}",
                               f"for example --board {able[0]}")
        playback.check(self.made, self.recording, self.board, chip=self.chip, bus=self.bus, k=self.k, n=self.n,
                       module=self.module, broken=self.broken)


def _in_qemu(run: Run, progress: Progress) -> Iterator[tuple[Played, dict[str, Any]]]:
    return playback.play(run.made, run.recording, run.board, chip=run.chip, bus=run.bus, k=run.k, n=run.n,
                         module=run.module, broken=run.broken, real_time=run.speed == "real", progress=progress)


def _in_renode(run: Run, progress: Progress) -> Iterator[tuple[Played, dict[str, Any]]]:
    return playing.play(run.made, run.recording, chip=run.chip, bus=run.bus, k=run.k, n=run.n, module=run.module,
                        real_time=run.speed == "real", broken=run.broken, progress=progress)


# simulator -> (the boards that it has, how a run is played there: what came so far and the newest line, as lines come)
SIMULATORS: dict[str, tuple[Callable[[], list[str]], Callable[[Run, Progress], Iterator[tuple[Played, dict[str, Any]]]]]] = {
    "qemu": (boards.simulated, _in_qemu), "renode": (playing.boards_there, _in_renode)}


def boards_of(simulator: str) -> list[str]:
    """The boards that a simulator has; AuscultError for an unknown one."""
    if simulator not in SIMULATORS:
        raise AuscultError(f"the simulator {simulator!r}", f"one of {', '.join(SIMULATORS)}", "for example --simulator qemu")
    return SIMULATORS[simulator][0]()


@dataclass
class Result:
    """What came of a run. error: why it was not played to its end."""

    run: Run
    played: Played | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    error: AuscultError | None = None
    seconds: float = 0.0

    @property
    def met(self) -> bool:
        return self.error is None and all(outcome.met for outcome in self.outcomes)

    @property
    def detected_s(self) -> float | None:
        return self.played.detected_s(after_s=self.run.recording.fault_at_s or 0.0) if self.played else None

    def as_dict(self) -> dict[str, Any]:
        run, played = self.run, self.played
        return {"scenario": run.scenario, "board": run.board, "simulator": run.simulator, "recording": run.source,
                "faults": [fault.text for fault in run.broken], "met": self.met,
                "expectations": [vars(outcome) for outcome in self.outcomes],
                "error": self.error.as_dict() if self.error else None,
                "verdicts": played.verdicts if played else [], "end": played.end if played else {},
                "notes": [line for line in played.lines if "w" not in line and "end" not in line] if played else [],
                "raw_bytes": played.raw_bytes if played else 0, "detected_s": self.detected_s, "seconds": round(self.seconds, 1)}


def play_all(runs: Sequence[Run], line: Callable[[Run, dict[str, Any]], None], progress: Progress) -> list[Result]:
    """Plays all of them, as many at once as there are processors; results in the order of `runs`.

    line(run, line of its node) and progress(text) are called as things come, one call at a time. What is wrong with a
    run, as far as it can be known, raises AuscultError before any is begun; what goes wrong later is in its result."""
    for run in runs:
        try:
            run.check()
        except AuscultError as error:
            where = f"{run.scenario}: " if run.scenario else ""
            raise AuscultError(where + error.found, error.expected, error.hint) from error
    for run in runs:  # one after the other: two boards may need the same files
        if run.simulator == "qemu":
            arch = boards.load(run.board).arch
            progress(f"building for {run.board}")
            playback.bytecode(arch)
            if run.module is None:
                run.made.module(arch, run.board)
    lock, stop, states = threading.Lock(), threading.Event(), dict.fromkeys(range(len(runs)), "")

    def play(number: int) -> Result:
        run, result, begun = runs[number], Result(runs[number]), time.monotonic()

        def say(text: str) -> None:
            with lock:
                states[number] = text if len(runs) == 1 or run.board in text else f"{run.board}: {text}"
                progress(" · ".join(state for state in states.values() if state))

        try:
            for result.played, newest in SIMULATORS[run.simulator][1](run, say):
                if stop.is_set():
                    break
                with lock:
                    line(run, newest)
            if result.played is None:
                raise AuscultError(f"{run.board} said nothing", "verdicts", "run the command again")
            result.outcomes = [one.check(result.played.lines) for one in run.expected]
        except AuscultError as error:
            result.error = error
        result.seconds = time.monotonic() - begun
        say("")
        return result

    with ThreadPoolExecutor(min(len(runs), os.cpu_count() or 1)) as pool:
        waiting = [pool.submit(play, number) for number in range(len(runs))]
        try:
            return [future.result() for future in waiting]
        except BaseException:  # Ctrl-C: the boards end with their next line
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def differences(results: Sequence[Result]) -> list[str]:
    """Boards that said otherwise than the first one that was played the same, each as a sentence."""
    found: list[str] = []
    first_of: dict[tuple[str, str], tuple[str, list[tuple[Any, ...]]]] = {}
    for result in results:
        run = result.run
        if result.played is None:
            continue
        said = [(v["w"], v["v"], v["s"]) for v in result.played.verdicts]
        board, first = first_of.setdefault((run.scenario, run.source), (run.board, said))
        if said != first:
            at = next((a[0] for a, b in zip(said, first, strict=False) if a != b), min(len(said), len(first)))
            found.append(f"{run.board} differs from {board} from window {at} on")
    return found
