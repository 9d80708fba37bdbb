# SPDX-License-Identifier: Apache-2.0
"""Looks for what keeps a board from listening, step by step: this computer, USB, the port, MicroPython, files, the node."""

import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from . import __version__, boards, build, device, devices, toolchain, usb
from .errors import AuscultError
from .flashing import uf2
from .transport import NoPromptError

OLDEST = (1, 23)  # the first MicroPython that loads our native modules
_MPY = (6, 3)  # version and ABI of our .mpy files
_NODE_HEAP = 52 * 1024  # the node's modules and one driver as .mpy: 51,056 bytes on sim_m4
_LEAST_FILES = 8 * 1024


class Finding(NamedTuple):
    """level: ok; note (works, but); wrong. found: what is there; next: what to do about it."""

    level: str
    what: str
    found: str
    next: str = ""


def examine(chosen: str | None, progress: Callable[[str], None] = lambda text: None) -> Iterator[tuple[str, Finding]]:
    """(where, finding) as they are made: of this computer, of USB, and of the chosen board or of all that are plugged in."""
    for finding in _computer():
        yield "this computer", finding
    if chosen is None:
        for finding in _usb():
            yield "USB", finding
    ports = [port.path for port in devices.ports()] if chosen is None else [chosen]
    for port in ports:
        progress(f"asking {port}")
        for finding in _board(port):
            yield port, finding


def _computer() -> Iterator[Finding]:
    yield Finding("ok", "auscult", f"{__version__} with Python {sys.version.split()[0]}")
    by_compiler: dict[str, list[str]] = {}
    for arch, program in build.ARCHITECTURES.items():
        by_compiler.setdefault(program, []).append(arch)
    for program, archs in by_compiler.items():
        if shutil.which(program):
            yield Finding("ok", "compiler", f"{program}: native modules for {', '.join(archs)}")
        else:
            yield Finding("note", "compiler", f"{program} is not installed: no native modules for {', '.join(archs)}",
                          toolchain.install_hint(toolchain.PACKAGES.get(program, program)))
    missing = [name for name in ("esptool", "pyocd") if importlib.util.find_spec(name) is None]
    if missing:
        yield Finding("note", "tools to flash", f"{' and '.join(missing)} not installed",
                      "pip install 'auscult[flash]', if a board without MicroPython is to be flashed")
    else:
        yield Finding("ok", "tools to flash", "esptool (ESP32), pyocd (ST-LINK)")
    if not shutil.which("dfu-util"):
        yield Finding("note", "tools to flash", "dfu-util is not installed", toolchain.install_hint("dfu-util")
                      + ", if an STM32 is to be flashed over its own USB")


def _usb() -> Iterator[Finding]:
    seen = usb.plugged()
    for one in seen:
        name = f"{one.ids} {one.what}" + (f" ({', '.join(one.boards)})" if one.boards else "")
        if one.role == "bootloader":
            yield Finding("wrong", "a board without MicroPython", name,
                          f"auscult flash {one.boards[0] if len(one.boards) == 1 else 'BOARD'}")
        elif one.role == "probe":
            yield Finding("note", "a debug probe", f"{name}: no console here", "plug in the board's own USB, too")
        else:
            yield Finding("ok", "a board", name)
    for volume in uf2.volumes():
        yield Finding("wrong", "a board without MicroPython", f"the drive {volume.path} ({volume.board_id})",
                      "auscult flash BOARD")
    if not seen and not devices.ports():
        yield Finding("wrong", "boards", "none on USB", "plug one in with a cable that carries data, or try a simulated one: "
                      "--device sim_m4")


def _board(chosen: str) -> Iterator[Finding]:
    try:
        with devices.connect(chosen) as board:
            facts = board.facts()
            yield Finding("ok", "answers", f"{facts.machine}" + (", its program was interrupted" if board.console.interrupted and
                                                                not board.simulated else ""))
            yield from judged(facts, _claimed(chosen))
            yield from _node(board, facts)
            if board.console.interrupted and not board.simulated:
                board.console.resume()
    except NoPromptError as error:
        flash = f"auscult flash {next(iter(_claimed(chosen)), 'BOARD')}"
        step = error.hint if "Ctrl-C" in error.found else f"reset it and try again; if MicroPython is not on it yet: {flash}"
        yield Finding("wrong", "answers", error.found, step)
    except AuscultError as error:
        yield Finding("wrong", "answers", error.found, error.hint)


def _claimed(chosen: str) -> list[str]:
    """The boards that it may be, by its USB ids."""
    port = devices.usb_of(devices.choose(chosen))
    return [chosen] if chosen in boards.simulated() else devices.boards_at(port) if port else []


def judged(facts: devices.Facts, claimed: list[str]) -> Iterator[Finding]:
    """What a board's answer means. claimed: boards that it may be, by its USB ids."""
    yield from _micropython(facts)
    yield from _architecture(facts, claimed)
    yield from _room(facts)
    yield from _package(facts)


def _micropython(facts: devices.Facts) -> Iterator[Finding]:
    said = f"{facts.implementation} {'.'.join(map(str, facts.version))}"
    if facts.implementation == "circuitpython":
        yield Finding("note", "interpreter", f"{said}: no native modules", "build a portable pipeline: docs/portable.md")
    elif facts.implementation != "micropython":
        yield Finding("wrong", "interpreter", said, "auscult flash")
    elif facts.version[:2] < OLDEST:
        yield Finding("wrong", "interpreter", f"{said}, older than {'.'.join(map(str, OLDEST))}", "auscult flash")
    elif (facts.mpy_version, facts.mpy_abi) != _MPY:
        newer = (facts.mpy_version, facts.mpy_abi) > _MPY
        yield Finding("wrong", "interpreter", f"{said} loads .mpy {facts.mpy_version}.{facts.mpy_abi}, our modules are "
                      f"{_MPY[0]}.{_MPY[1]}", "update auscult" if newer else "auscult flash")
    else:
        yield Finding("ok", "interpreter", said)


def _architecture(facts: devices.Facts, claimed: list[str]) -> Iterator[Finding]:
    if facts.implementation == "circuitpython":
        return
    if not facts.arch:
        yield Finding("note", "architecture", "loads no native modules", "build a portable pipeline: docs/portable.md")
        return
    likely = [name for name in claimed if boards.load(name).arch == facts.arch]
    if claimed and not likely:
        yield Finding("wrong", "architecture", f"{facts.arch}, but USB says that it is {' or '.join(claimed)}",
                      f"auscult flash {claimed[0]}")
    else:
        yield Finding("ok", "architecture", facts.arch + (f", as {' or '.join(likely)}" if likely else ""))
    for manifest in sorted(Path().glob("*.bundle/manifest.json")):
        try:
            held = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not {facts.arch, f"portable-{facts.arch}", "portable"} & set(held):
            yield Finding("wrong", "bundle", f"{manifest.parent} has no module for {facts.arch}",
                          f"auscult build MODEL --arch {facts.arch}")


def _room(facts: devices.Facts) -> Iterator[Finding]:
    frozen = facts.slots is not None and facts.slots.get("app") == ""
    heap = f"{facts.heap_free / 1024:.0f} KiB free"
    if facts.heap_free < _NODE_HEAP and not frozen:
        yield Finding("note", "heap", f"{heap}; the node alone takes {_NODE_HEAP // 1024} KiB unless it is in the firmware",
                      "see docs/firmware.md")
    else:
        yield Finding("ok", "heap", heap)
    files = f"{facts.disk_free / 1024:.0f} of {facts.disk_total / 1024:.0f} KiB free"
    if not facts.disk_total:
        yield Finding("wrong", "files", "there is no file system", "auscult flash --erase makes a new one")
    elif facts.disk_free < _LEAST_FILES:
        yield Finding("wrong", "files", files, "delete some: `auscult files`")
    else:
        yield Finding("ok", "files", files)


def _package(facts: devices.Facts) -> Iterator[Finding]:
    if not facts.auscult:
        yield Finding("note", "package", "auscult is not on it", "auscult deploy")
    elif facts.auscult != __version__:
        yield Finding("wrong", "package", f"auscult {facts.auscult}, here is {__version__}", "auscult deploy")
    else:
        yield Finding("ok", "package", f"auscult {facts.auscult}")
    if facts.slots:
        failed, trial = facts.slots.get("failed"), facts.slots.get("trial")
        if failed:
            yield Finding("wrong", "last deploy", f"rolled back: {failed.get('why')}", "mend that, then auscult deploy")
        elif trial:
            yield Finding("note", "last deploy", f"{trial.get('app')} and {trial.get('model')} are on trial", "auscult monitor")
        else:
            yield Finding("ok", "last deploy", f"{facts.slots.get('app') or 'the firmware'} and {facts.slots.get('model')} run")


_READ = """
import os
for path, most in {wanted!r}:
    try:
        with open(path, 'rb') as file:
            print(file.read(most).hex())
    except OSError:
        print('-')
"""


def _node(board: devices.Device, facts: devices.Facts) -> Iterator[Finding]:
    model = facts.slots.get("model") if facts.slots else None
    home = f"{facts.root}/{model}" if model else facts.root
    path = f"{home}/auscult.json"
    text = _read(board, path, 20000)
    if text is None:
        yield Finding("note", "node", f"no configuration at {path}", "auscult deploy")
        return
    config = device.module("config")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "auscult.json"
        copy.write_bytes(text)
        try:
            checked: dict[str, Any] = config.load(str(copy))
        except config.ConfigError as error:
            yield Finding("wrong", "node", str(error).replace(str(copy), path), "mend the configuration, then auscult deploy")
            return
    yield Finding("ok", "node", f"{path}: {checked['sensor']['chip']} on {checked['sensor']['bus']}")
    pipeline = checked["pipeline"].replace(folder, home)  # one that is named without a folder lies beside the configuration
    if "/" in pipeline or pipeline.endswith(".mpy"):
        yield _pipeline(_read(board, pipeline, 4), pipeline, facts)


def _pipeline(head: bytes | None, path: str, facts: devices.Facts) -> Finding:
    """head: the first bytes of a .mpy file, see MicroPython's py/persistentcode.c."""
    if head is None:
        return Finding("wrong", "pipeline", f"{path} is not there", "auscult deploy")
    if len(head) < 4 or head[0] != ord("M"):
        return Finding("wrong", "pipeline", f"{path} is no module", "auscult deploy")
    arch = devices.architecture(head[2] >> 2 & 15)
    if head[1] != _MPY[0] or (arch and (arch, head[2] & 3) != (facts.arch, facts.mpy_abi)):
        return Finding("wrong", "pipeline", f"{path} is for {arch} with .mpy {head[1]}.{head[2] & 3}, the board loads "
                       f"{facts.arch or 'no native code'} with {facts.mpy_version}.{facts.mpy_abi}", "auscult deploy")
    return Finding("ok", "pipeline", f"{path} for {arch or 'any architecture'}")


def _read(board: devices.Device, path: str, most: int) -> bytes | None:
    said = board.console.exec(_READ.format(wanted=[(path, most)]), 20).strip()
    return None if said == "-" else bytes.fromhex(said)
