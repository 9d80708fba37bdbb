# SPDX-License-Identifier: Apache-2.0
"""`auscult flash`: MicroPython onto a board that has none, or another."""

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from .. import boards, devices, flashing, toolchain
from ..doctor import OLDEST
from ..errors import AuscultError
from ..flashing import images

_TRUST = {"pinned": "its checksum is the pinned one", "before": "its checksum is the one that was seen first",
          "first": "its checksum is not pinned: it is noted and must not change from now on",
          "given": "its checksum is not pinned: you vouch for it"}


def flash(
    board: Annotated[str | None, typer.Argument(help="A board of `auscult boards`, simulated ones too; by default the one that "
                                                "is plugged in.")] = None,
    device: Annotated[str | None, typer.Option("--device", "-d", help="Port, serial number of boot loader or probe, or folder "
                                               "of a UF2 drive, where there are several.")] = None,
    file: Annotated[Path | None, typer.Option(help="This image, nothing is fetched.")] = None,
    method: Annotated[str | None, typer.Option(help="dfu or stlink, where a board has several ways.")] = None,
    erase: Annotated[bool, typer.Option("--erase", help="Erase the whole chip first, your files too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fetch and check the image, show commands, write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON; needs --yes.")] = False,
) -> dict[str, Any]:
    """Put MicroPython on a board. The image is checked before anything is written, and compared afterwards.

    No hardware was at hand when this was written: it was tried as far as the tools' own "no device"."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    name = board or (device if device in boards.simulated() else None)
    description = boards.load(name) if name else flashing.which_board(device)
    with console.status("looking") as status:
        def ask(question: str) -> None:
            status.stop()
            _confirm(question, yes, as_json)
            status.start()

        def progress(text: str) -> None:
            status.update(escape(text))

        if isinstance(description, boards.SimulatedBoard):
            if file or method:
                raise AuscultError(f"--{'file' if file else 'method'} for {description.name}", "a simulated board alone",
                                   "its firmware is built here: docs/firmware.md")
            result = _simulated(description, dry_run, ask, progress)
        else:
            result = _real(boards.load_real(description.name), device, file, method, erase, dry_run, ask, progress, console)
    if as_json:
        print(json.dumps(result))
        return result
    if result.get("verified"):
        console.print(f"{description.name}: {result['verified']}")
    console.print(f"{description.name}: {escape(result['result'])}", soft_wrap=True)
    if not dry_run:
        console.print(f"[bold green]next:[/] auscult deploy BUNDLE --device {result['device']}", soft_wrap=True)
    return result


def _real(board: boards.RealBoard, device: str | None, file: Path | None, method: str | None, erase: bool, dry_run: bool,
          ask: Callable[[str], None], progress: Callable[[str], None], console: Console) -> dict[str, Any]:
    way = flashing.way_of(board, method, device)
    plan = flashing.plan(board, way, file, progress)
    result: dict[str, Any] = {"board": board.name, "method": way.method, "image": str(plan.image), "sha256": plan.sha256,
                              "trust": plan.trust, "image_is_for": plan.says}
    console.print(f"{plan.image.name}: {plan.says or 'it does not say for which board'}\n  SHA-256 {plan.sha256}, "
                  f"{_TRUST[plan.trust]}", soft_wrap=True)
    version = re.search(r"MicroPython v(\d+)\.(\d+)", plan.says)
    if version and (int(version[1]), int(version[2])) < OLDEST:
        raise AuscultError(f"{plan.image} has {version[0]}", f"{'.'.join(map(str, OLDEST))} or newer, for native modules",
                           f"take a newer image, as {images.name(board, way)}")
    if dry_run:
        target = device or "DEVICE"
        result["commands"] = [shlex.join(command) for command in plan.method.commands(plan.image, board, way, target, erase)]
        for command in result["commands"]:
            console.print(f"  {escape(command)}", soft_wrap=True)
        return result | {"device": target, "result": "nothing was written"}
    target = plan.method.find(board, way, device)
    keeps = "everything on the chip is erased, your files too" if erase else plan.method.KEEPS
    ask(f"Write {plan.image.name} to {board.name} ({way.method} at {target})? The program there is replaced; {keeps}.")
    verified = plan.method.write(plan.image, board, way, target, erase, progress)
    progress("waiting for the board")
    facts = flashing.came_up(plan, target, progress)
    if facts is None:
        said = "written; the board has not shown itself on USB yet: reset it, then `auscult devices --ask`"
    else:
        said = f"{facts.machine} runs {facts.implementation} {'.'.join(map(str, facts.version))}"
    pinned = images.pinned()[0]
    if facts and file is None and ".".join(map(str, facts.version)) != pinned:
        raise AuscultError(f"the board answers, but with {'.'.join(map(str, facts.version))}", f"MicroPython {pinned}",
                           "reset it and ask again: `auscult devices --ask`")
    return result | {"device": target, "verified": verified, "version": list(facts.version) if facts else None, "result": said}


def _simulated(board: boards.SimulatedBoard, dry_run: bool, ask: Callable[[str], None],
               progress: Callable[[str], None]) -> dict[str, Any]:
    """A fresh device: the firmware is built if need be, the files of an earlier one are erased."""
    result: dict[str, Any] = {"board": board.name, "method": "simulated", "device": board.name}
    if dry_run:
        return result | {"result": "nothing was changed"}
    progress(f"building the firmware of {board.name} (once)")
    firmware = toolchain.firmware(board.name)
    if devices.flash_file(board.name).is_file():
        ask(f"Erase the files of {board.name}?")
        devices.forget(board.name)
    progress("starting it")
    with devices.connect(board.name) as device:
        facts = device.facts()
    return result | {"image": str(firmware), "version": list(facts.version),
                     "result": f"{facts.machine} runs {facts.implementation} {'.'.join(map(str, facts.version))}, without files"}


def _confirm(question: str, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise AuscultError(f"nobody can be asked: {question}", "your consent", "--yes, if that is what you want")
    if not typer.confirm(question):
        raise AuscultError("not confirmed", "your consent", "nothing was changed")
