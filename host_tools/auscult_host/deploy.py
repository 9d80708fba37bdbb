# SPDX-License-Identifier: Apache-2.0
"""Puts a package and a model into a board's free slots, checks them there, and switches to them on trial."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

from . import checked
from .boardlink import BoardLink, selector
from .devices import Device
from .errors import AuscultError
from .payload import Payload, main_py
from .serialport import NoPortError
from .session import LinkLost, Session, digest_of
from .transport import LinkError

MPY_VERSION, MPY_ABI = 6, 3  # of MicroPython 1.23 and newer
_FOLDER = 2  # blocks that a folder may take
# Of every main.py of ours there was: these may be replaced
_OURS = {"66e3c8e18e03cfafc240cb15af68cd7231d02a3dcff6c46896176bd68c9728ca"}
Progress = Callable[[str, int, int], None]  # what is done, bytes of all bytes
Maker = Callable[[dict[str, Any]], Payload]  # from what the board says of itself: "mpy", "machine", "version", ...


class Link(Protocol):
    """A way to a board: a session with a receiver in a fresh interpreter, that of a slot or of the package that counts."""

    def open(self, slot: str | None = None) -> Session: ...


@dataclass
class Result:
    """sent, copied, kept: names of files, as "app_a/auscult/node.mpy"; bytes: of files that went over the wire; wire: all
    bytes, both ways, but for what the node said until it was stopped; switched: whether there is something new to be tried;
    smoke: whether the test was passed, None: not run; app, model: the slots; was: the package's version on the board before."""

    sent: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    bytes: int = 0
    wire: int = 0
    switched: bool = False
    smoke: bool | None = None
    app: str = ""
    model: str = ""
    was: str = ""
    attempts: int = 1


@dataclass
class _Plan:
    """What makes a slot hold exactly some files."""

    slot: str
    files: dict[str, bytes]
    remove: list[str] = field(default_factory=list)
    copy: list[tuple[str, str]] = field(default_factory=list)  # from, to
    send: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    freed: int = 0


def install(board: Device, project: Payload | Maker, progress: Progress = lambda what, done, of: None, *, force: bool = False,
            patience_s: float = 60.0) -> Result:
    """The project onto a board; nothing of what runs there is touched, and nothing is started. A link that drops is taken up
    again until nothing has got through for patience_s. AuscultError, and no change made, if the board can't take it."""
    begun = board.console.sent + board.console.received
    make = _once(project)

    def package(about: dict[str, Any]) -> dict[str, bytes]:
        check(about, make(about), force)
        return make(about).app

    link = BoardLink(board.console, package)
    result = over(link, make, progress, force=force, patience_s=patience_s, again=board.console.close)
    result.wire = board.console.sent + board.console.received - begun - link.overheard
    return result


def _once(project: Payload | Maker) -> Maker:
    """Makes it when the board is known, and then no more."""
    made = [project] if isinstance(project, Payload) else []

    def make(about: dict[str, Any]) -> Payload:
        if not made:
            assert not isinstance(project, Payload)
            _check_firmware(about)
            made.append(project(about))
        return made[0]

    return make


def over(link: Link, project: Payload | Maker, progress: Progress = lambda what, done, of: None, *, force: bool = False,
         patience_s: float = 60.0, again: Callable[[], None] = lambda: None) -> Result:
    """The same over any link. again: called before a link that was lost is opened again."""
    work = _Work(link, _once(project), progress, force)
    while True:
        before = work.moved
        try:
            return work.run()
        except (LinkLost, LinkError, NoPortError) as error:
            if isinstance(error, NoPortError):  # a cable that was pulled may be put in again
                if work.result.attempts == 1:
                    raise
                time.sleep(0.5)
            if work.moved > before:
                work.heard = time.monotonic()
            if time.monotonic() > work.heard + patience_s:
                raise LinkLost(f"{error.found}; tried for {patience_s:g} s") from error
            work.result.attempts += 1
            again()


def _check_firmware(about: dict[str, Any]) -> None:
    if about["implementation"] != "micropython":
        raise AuscultError(f"a board with {about['implementation']}", "MicroPython 1.23 or newer",
                           "copy the files onto its drive: docs/deploy.md")
    version, abi = about["mpy"] & 255, about["mpy"] >> 8 & 3
    if (version, abi) != (MPY_VERSION, MPY_ABI):
        name = ".".join(str(part) for part in about["version"])
        raise AuscultError(f"the board runs MicroPython {name}, whose modules are of version {version}.{abi}",
                           f"version {MPY_VERSION}.{MPY_ABI}, as MicroPython 1.23 and newer have",
                           "put a newer firmware on it: auscult flash")
    if about.get("lacks"):
        raise AuscultError(f"the board's firmware lacks {', '.join(about['lacks'])}", "a firmware with these modules",
                           "put MicroPython's own firmware on it: auscult flash")


def check(about: dict[str, Any], project: Payload, force: bool) -> None:
    """AuscultError if a board can't take the project; about: what it says of itself."""
    _check_firmware(about)
    if about["main"] and about["main"] not in _OURS | {hashlib.sha256(main_py()).hexdigest()} and not force:
        raise AuscultError("the board has a main.py of its own", "none, or ours, which starts the node",
                           "save it elsewhere (`auscult files`), or have it replaced with --force")
    needed = sum(_blocks(len(data), about["block"]) for data in [*project.app.values(), *project.model.values()])
    if about.get("bare", True):
        _check_space(needed, about["free"])


def _check_space(needed: int, free: int) -> None:
    if needed > free:
        raise AuscultError(f"the board's file system has {free:,} bytes free, {needed:,} are needed", "free space for a second "
                           "copy of what changes", "delete files of your own on the board (`auscult files` lists them), or build "
                           "the package into its firmware: docs/firmware.md")


def _blocks(size: int, block: int) -> int:
    return -(-size // block) * block


class _Work:
    """One deployment, over as many sessions as it takes."""

    def __init__(self, link: Link, make: Maker, progress: Progress, force: bool) -> None:
        self.link, self._make, self._progress, self._force = link, make, progress, force
        self.result = Result()
        self.moved, self.heard = 0, time.monotonic()
        self._done = self._total = 0

    def run(self) -> Result:
        result = self.result
        self._progress("asking the board", 0, 0)
        session = self.link.open()
        project = self._make(session.hello)
        record = session.hello["record"]
        if record["trial"]:
            session.ask("A", what="end the trial")
            record = session.greet()["record"]
        result.was = result.was or session.hello["auscult"]
        root = {"auscult_slots.py": selector(), "main.py": main_py()}
        stale = {name: data for name, data in root.items()
                 if session.digest(name) != hashlib.sha256(data).digest() or session.digest(_new(name))}
        about = session.hello | {"bare": False, "main": session.digest("main.py").hex() if "main.py" in stale else ""}
        check(about, project, self._force)
        plans = {}
        for kind, files in (("app", project.app), ("model", project.model)):
            slot = record[kind]
            if slot and session.digest(slot) == digest_of(files):
                plans[kind] = _Plan(slot, files, keep=list(files))
            else:
                plans[kind] = self._plan(session, slot, _other(slot, kind), files)
        result.app, result.model = plans["app"].slot, plans["model"].slot
        self._check_space(session, plans.values(), stale)
        if stale or plans["app"].slot != record["app"] or plans["model"].slot != record["model"]:
            self._change(session, plans, stale, record)
        else:
            result.kept = [f"{plan.slot}/{name}" for plan in plans.values() for name in plan.keep]
            session.quit()
        return result

    def _plan(self, session: Session, source: str | None, target: str, files: dict[str, bytes]) -> _Plan:
        """What is to be done that the target holds these files; source: the slot that runs."""
        plan = _Plan(target, files)
        there, beside = session.listing(target), session.listing(source) if source else {}
        for name, (size, digest) in there.items():
            if name not in files or _short(files[name]) != digest:
                # a part of a file that is to be sent is gone on with
                if name not in files or not 0 < size < len(files[name]):
                    plan.remove.append(name)
                plan.freed += _blocks(size, session.hello["block"])
            else:
                plan.keep.append(name)
        for name, data in files.items():
            if name in plan.keep:
                continue
            if beside.get(name, (0, ""))[1] == _short(data):
                plan.copy.append((f"{source}/{name}", f"{target}/{name}"))
            else:
                plan.send.append(name)
        return plan

    def _check_space(self, session: Session, plans: Any, stale: dict[str, bytes]) -> None:
        block, needed = session.hello["block"], 0
        for plan in plans:
            fresh = [name for name in plan.files if name not in plan.keep]
            folders = {folder for name in fresh for folder in PurePosixPath(name).parents}
            needed += sum(_blocks(len(plan.files[name]), block) for name in fresh) - plan.freed
            needed += _FOLDER * block * (len(folders) if not plan.keep else 0)
        _check_space(needed + sum(_blocks(len(data), block) for data in stale.values()), session.hello["free"])

    def _change(self, session: Session, plans: dict[str, _Plan], stale: dict[str, bytes], record: dict[str, Any]) -> None:
        result = self.result
        self._total = sum(len(plan.files[name]) for plan in plans.values() for name in plan.send) + sum(map(len, stale.values()))
        self._done = 0
        for plan in plans.values():
            self._fill(session, plan)
        for name, data in stale.items():
            self._send(session, _new(name), data)
        switching = (plans["app"].slot, plans["model"].slot) != (record["app"], record["model"])
        result.smoke = None
        if switching:
            session.quit()
            self._progress("smoke test", self._done, self._total)
            session = self.link.open(plans["app"].slot)
            said = json.loads(session.ask("T", plans["model"].slot.encode(), "run the smoke test", 120))
            if not said["ok"]:
                raise AuscultError(f"the pipeline does not compute on this board what it does on the PC: {said['why']}",
                                   "the same bits", "nothing was switched; build the bundle again with this version of Auscult")
            result.smoke = True
        for name in stale:
            session.ask("P", name.encode(), f"put {name} in place")
        if switching:
            session.ask_json("X", plans["app"].slot, plans["model"].slot, digest_of(plans["app"].files).hex(),
                             digest_of(plans["model"].files).hex(), what="switch", patience_s=60)
            result.switched = True
        session.quit()

    def _fill(self, session: Session, plan: _Plan) -> None:
        result, slot = self.result, plan.slot
        for name in plan.remove:
            session.ask("R", f"{slot}/{name}".encode(), f"remove {slot}/{name}")
        for source, target in plan.copy:
            session.ask_json("K", source, target, what=f"copy {source}", patience_s=60)
            result.copied.append(target)
        for name in plan.send:
            self._send(session, f"{slot}/{name}", plan.files[name])
        if session.digest(slot) != digest_of(plan.files):
            raise AuscultError(f"{slot} on the board is not what was sent", "the same files",
                               "run the command again; if it stays, its flash may be worn out")

    def _send(self, session: Session, path: str, data: bytes) -> None:
        def moved(count: int) -> None:
            self.moved += count
            self.result.bytes += count
            self._done += count
            self._progress(f"sending {path}", self._done, self._total)

        before = session.bytes
        session.send(path, data, moved)
        self._done += len(data) - (session.bytes - before)  # what was there already
        if path not in self.result.sent:
            self.result.sent.append(path)


def _other(slot: str | None, kind: str) -> str:
    return f"{kind}_b" if slot == f"{kind}_a" else f"{kind}_a"


def _new(name: str) -> str:
    """As what a file beside the slots arrives."""
    return f"{name[:-3]}_new.py"


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


@dataclass
class Outcome:
    """How a trial ended. state: "confirmed", "rolled back" or "unknown"; why: of a roll-back; lines: of the node so far."""

    state: str
    why: str = ""
    lines: list[str] = field(default_factory=list)


_TRIAL_S = 75.0  # the node's own deadline (firmware/auscult/slots.py), and a start
_AFTER_S = 2.0  # from the first verdict on; the confirmation comes with the first samples


def start(board: Device, show: Callable[[str], None] = lambda line: None, patience_s: float = _TRIAL_S) -> Outcome:
    """Resets the board, and waits for what becomes of the trial; show: gets the node's lines. The node is left running,
    unless it had to be asked: then it is started again."""
    _reset(board)
    outcome = Outcome("unknown")
    latest = time.monotonic() + patience_s
    while outcome.state == "unknown" and time.monotonic() < latest:
        try:
            for line in board.console.lines(0.5):
                outcome.lines.append(line)
                show(line)
                said = _json(line)
                if "confirmed" in said:
                    outcome.state = "confirmed"
                elif "rolled_back" in said:
                    outcome.state, outcome.why = "rolled back", str(said["rolled_back"])
                elif "w" in said:
                    latest = min(latest, time.monotonic() + _AFTER_S)
                if outcome.state != "unknown":
                    return outcome
        except (LinkError, NoPortError):  # on USB the port goes with the reset, and comes again
            board.console.close()
            time.sleep(0.5)
    return _asked(board, outcome)


def _reset(board: Device) -> None:
    for attempt in range(3):
        try:
            return board.console.start("import machine\nmachine.reset()")
        except NoPortError:
            if not attempt:
                raise
            return None  # it has gone with the reset
        except LinkError:
            board.console.close()
            if attempt == 2:
                raise


def _asked(board: Device, outcome: Outcome) -> Outcome:
    """The record of the slots tells what was not heard."""
    try:
        record = checked.ask(board.console, "import auscult_slots\nanswer = auscult_slots.load()")
    except (LinkError, NoPortError):
        outcome.why = "it does not answer any more"
        return outcome
    if record["failed"]:
        outcome.state, outcome.why = "rolled back", record["failed"]["why"]
    elif not record["trial"]:
        outcome.state = "confirmed"
    board.console.resume()
    return outcome


def _json(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
