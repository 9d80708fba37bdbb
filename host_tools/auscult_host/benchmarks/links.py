# SPDX-License-Identifier: Apache-2.0
"""Deploying to simulated boards over a cable: what goes over the wire, and what is left of a board where the cable is bad."""

import contextlib
import dataclasses
import functools
import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .. import bench_models, boards, build, bundles, deploy, payload
from ..devices import Device
from ..errors import AuscultError
from ..simulator import SimBoard
from ..transport import Console
from .counting import Metrics
from .faulty_link import Faults, FaultyLink

DEPLOYS = (("sim_m4", 80), ("sim_m4", 80), ("sim_rv32", 20), ("sim_m0", 20))  # at once
_ATTEMPTS = 30  # after which a deployment counts as not completed
_VERDICT_S = 60.0
_VERDICTS = 5  # a trial ends after the first read of the chip's FIFO, in which there may be two or three
_KINDS = ("bytes", "pulled", "silence", "pulled")  # of bad cables, by turns
# What lies in the slots that would run next, as [record, {file: SHA-256}]
_FILES = """
import auscult_slots as slots, binascii, hashlib, json, os
def _walk(folder):
    for entry in os.ilistdir(folder):
        path = folder + '/' + entry[0]
        if entry[1] == 0x4000:
            yield from _walk(path)
        else:
            yield path
record = slots.load()
pair, files = record['trial'] or record, {}
for folder in (pair['app'], pair['model']):
    for path in _walk(folder) if folder else ():
        digest = hashlib.sha256()
        with open(path, 'rb') as file:
            while True:
                data = file.read(512)
                if not data:
                    break
                digest.update(data)
        files[path] = binascii.hexlify(digest.digest()).decode()
print(json.dumps([record, files]))
"""


@dataclasses.dataclass
class Tally:
    """attempts: as many as all deployments took; corrupted: what was wrong with boards, which should be nothing; moved: bytes of
    files; wire: bytes both ways."""

    tried: int = 0
    completed: int = 0
    attempts: int = 0
    corrupted: list[str] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    moved: int = 0
    wire: int = 0

    def add(self, other: "Tally") -> None:
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


class Bench:
    """A simulated board bolted to a machine, with a file system of its own that survives a loss of power; a context manager."""

    def __init__(self, name: str) -> None:
        self.name, self.arch = name, boards.load_simulated(name).arch
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "Bench":
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="auscult-bench-")))
        self._power()
        self._stack.callback(lambda: self.board.close())
        _, words = bench_models.machine()
        Device(self.name, self.board.port, Console(self.board.port), self.board, self._folder).listen(words, loop=True)
        return self

    def __exit__(self, *about: object) -> None:
        self._stack.close()

    def _power(self) -> None:
        self.board = SimBoard(self.name, flash=self._folder / "flash", args={"machine": str(self._folder / "machine.json")})

    @contextlib.contextmanager
    def over(self, faults: Faults, seed: int) -> Iterator[tuple[Device, FaultyLink]]:
        """The board at the end of a cable of some quality, which also carries its power: who pulls it takes that away, too."""
        cut = self.board.cut_power if faults.unplug else lambda: None
        with (FaultyLink(self.board.port, faults, seed, on_cut=cut) as link,
              contextlib.closing(Console(link.port)) as console):
            yield Device(self.name, link.port, console), link

    def fault_of(self, known: list[payload.Payload]) -> str:
        """Restarts the board, if need be by giving it power. What is wrong with what it then runs, which has to be one of these
        projects, whole; "" if nothing is."""
        if self.board.running:
            self.board.hard_reset()
        else:
            self.board.close()
            self._power()
        verdicts, said = 0, list[str]()
        for line in self.board.lines(_VERDICT_S):
            said.append(line)
            with contextlib.suppress(ValueError):
                heard = json.loads(line)
                verdicts += isinstance(heard, dict) and "w" in heard
            if verdicts == _VERDICTS:
                break
        else:
            return f"no verdict after a restart; it said {said[-5:]}"
        record, files = json.loads(self.board.exec(_FILES))
        if record["trial"]:
            return f"a trial that does not end: {record}"
        return "" if any(files == _digests(one, record) for one in known) else f"files that nobody has sent: {record} {files}"

    def runs(self, wanted: payload.Payload) -> bool:
        record, files = json.loads(self.board.exec(_FILES))
        return bool(files == _digests(wanted, record))


def _digests(one: payload.Payload, record: dict[str, Any]) -> dict[str, str]:
    return {f"{record[kind]}/{name}": hashlib.sha256(data).hexdigest()
            for kind, files in (("app", one.app), ("model", one.model)) for name, data in files.items()}


@functools.cache
def projects(arch: str, name: str) -> list[payload.Payload]:
    """A model, the same with another sensor (and so another package), and the same in another layout."""
    trained, _ = bench_models.machine()
    source = bundles.Source(trained.spec, trained, None, {})
    found = [payload.make(source, payload.configuration(source, boards.load_simulated(name), chip=chip, name=label), arch, name,
                          simulated=True) for chip, label in (("adxl345", "one"), ("lsm6dsox", "two"), ("adxl345", "three"))]
    found[2].model["pipeline.mpy"] = build.native_module(trained.spec, arch, trained.code("small")).read_bytes()
    return found


def deploys(name: str, count: int, seed: int = 0, progress: Callable[[Tally], None] = lambda tally: None) -> Tally:
    """So many deployments, of three projects by turns, to one board: each is tried until it succeeds, over a cable that is bad
    in another way each time; after each attempt the board has to run something whole."""
    tally, choose = Tally(), random.Random(f"{seed} {name}")
    with Bench(name) as bench:
        known = projects(bench.arch, name)
        with bench.over(Faults(), 0) as (device, _):
            deploy.install(device, known[-1])
        if fault := bench.fault_of(known):
            raise AuscultError(f"a deployment over a good cable has failed: {fault}", "a board that runs", "look at deploy.py")
        for number in range(count):
            wanted = known[number % len(known)]
            tally.tried += 1
            for _ in range(_ATTEMPTS):
                tally.attempts += 1
                faults = _quality(_KINDS[tally.attempts % len(_KINDS)], choose)
                done = _attempt(bench, wanted, faults, choose.randrange(1 << 30), tally)
                fault = bench.fault_of(known)
                if fault:
                    tally.corrupted.append(f"{name}, deployment {number + 1}: {fault}")
                if done and not fault and bench.runs(wanted):
                    tally.completed += 1
                    break
            progress(tally)
    return tally


def _quality(kind: str, choose: random.Random) -> Faults:
    """A cable that damages bytes, that falls silent for a while, or that is pulled."""
    if kind == "bytes":
        each = 10 ** choose.uniform(-4, -3)
        return Faults(drop=each, duplicate=each, corrupt=each, delay=each)
    return Faults(cut_after=choose.randrange(10, 8000), cut_s=choose.uniform(0.5, 5), unplug=kind == "pulled")


def _attempt(bench: Bench, wanted: payload.Payload, faults: Faults, seed: int, tally: Tally) -> bool:
    """Whether the command has succeeded."""
    with bench.over(faults, seed) as (device, link):
        try:
            result = deploy.install(device, wanted, patience_s=1 if faults.unplug else 15)
        except AuscultError as error:
            tally.errors.append(error.found.splitlines()[0])
            return False
        finally:
            tally.wire += link.sent + link.received
        tally.moved += result.bytes
        return True


def measure_faulty_link(tell: Callable[[str], None]) -> Metrics:
    """Deployments over bad cables, and what became of the boards."""
    tally, so_far = Tally(), dict.fromkeys(range(len(DEPLOYS)), 0)

    def one(number: int) -> Tally:
        def progress(now: Tally) -> None:
            so_far[number] = now.tried
            tell(f"{sum(so_far.values())} of {sum(count for _, count in DEPLOYS)}")

        name, count = DEPLOYS[number]
        return deploys(name, count, number, progress)

    for name in dict(DEPLOYS):
        projects(boards.load_simulated(name).arch, name)  # built once, before they are asked for by several at once
    with ThreadPoolExecutor(len(DEPLOYS)) as pool:
        for part in pool.map(one, so_far):
            tally.add(part)
    return {"deploys": tally.tried, "unfinished_deploys": tally.tried - tally.completed, "attempts": tally.attempts,
            "corrupted_boards": len(tally.corrupted), "file_bytes": tally.moved, "wire_bytes": tally.wire}


def measure_redeploy(name: str = "sim_m4") -> Metrics:
    """Bytes over the wire, both ways, of a first deployment and of those that follow it."""
    found = {}
    with Bench(name) as bench:
        first, _, other = projects(bench.arch, name)
        config = dataclasses.replace(first, model=first.model | {"auscult.json": other.model["auscult.json"]})
        for metric, project in (("first_bytes", first), ("unchanged_bytes", first), ("changed_config_bytes", config),
                                ("changed_model_bytes", other)):
            with bench.over(Faults(), 0) as (device, link):
                deploy.install(device, project)
                found[metric] = link.sent + link.received
            if fault := bench.fault_of([project]):
                raise AuscultError(f"the board does not run what was deployed: {fault}", "a verdict", "look at deploy.py")
    return found
