# SPDX-License-Identifier: Apache-2.0
"""`auscult deploy`: a model onto a board, and the node there started with it."""

import dataclasses
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

from .. import __version__, boards, bundles, deploy, devices, payload, slow, virtual_sensor
from ..errors import AuscultError
from ..recordings import read
from .record import _pairs

_NOISE = 200  # of a sensor that is at rest, LSB


def deploy_(
    model: Annotated[Path, typer.Argument(help="A model file of `auscult train`, or a bundle of `auscult build`.")] = Path(
        "model.joblib"),
    device: Annotated[str | None, typer.Option("--device", "-d", help="Port, USB serial number or simulated board.")] = None,
    chip: Annotated[str | None, typer.Option(help="Sensor, as lis3dh; by default the one on the board, or adxl345.")] = None,
    bus: Annotated[str | None, typer.Option(help="i2c or spi.")] = None,
    k: Annotated[int, typer.Option(help="Of n verdicts, k raise an alarm.")] = 3,
    n: Annotated[int, typer.Option(help="Verdicts that are looked back at.")] = 5,
    settings: Annotated[list[str] | None, typer.Option(
        "--set", help="A key of the node's configuration, as scl=5 or report.every=change; repeat.")] = None,
    config: Annotated[Path | None, typer.Option(help="The node's whole configuration, a JSON file.")] = None,
    name: Annotated[str, typer.Option(help="The node's name.")] = "",
    board: Annotated[str | None, typer.Option(help="Which board it is, for its pins; by default by what it says.")] = None,
    built_in: Annotated[bool, typer.Option(
        "--built-in", help="Package and pipeline are in the board's firmware (`auscult firmware`): send the rest.")] = False,
    recording: Annotated[Path | None, typer.Option(help="Simulated boards: what the sensor measures from now on.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also replace a main.py of your own.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask where the board has a newer package.")] = False,
    no_start: Annotated[bool, typer.Option("--no-start", help="Do not start the node: the next reset does.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Put the package, a model and the node's configuration on a board, check them there, and start the node on trial.

    Only what changed is sent. What ran before stays until the new node has proved healthy: a cable that is pulled, a power cut
    or a model that fails leave it as it was."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    source = bundles.read(model)
    chosen, sensor = _pairs(settings or []), {}
    with devices.connect(device) as connected:
        if recording is not None and connected.simulated is None:
            raise AuscultError(f"--recording for {connected.name}, a real board", "a simulated one, whose sensor can play it",
                               "leave --recording out")

        def make(about: dict[str, Any]) -> payload.Payload:
            _ask_about_older(about.get("auscult", ""), yes)
            found = _board(connected, about, board)
            if found is None and config is None:
                console.print(f"[bold yellow]caution:[/] {about['machine']} is not among the boards that `auscult boards` lists: "
                              "the sensor is expected at the bus's own pins; --set scl=.. and the like say where it is",
                              soft_wrap=True)
            if config is not None:
                made = _read_config(config)
            else:
                made = payload.configuration(source, found, chip=chip and chip.lower(), bus=bus, k=k, n=n, name=name,
                                             settings=chosen)
            sensor.update(payload.checked(made)["sensor"])
            arch = devices.architecture(about["mpy"] >> 10 & 15)
            return payload.make(source, made, arch, connected.name, connected.simulated is not None, built_in)

        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("asking the board", total=None)
            result = deploy.install(connected, make, lambda what, done, of: bar.update(
                task, description=what, completed=done, total=of or None), force=force)
        said: dict[str, Any] = dataclasses.asdict(result) | {"device": connected.name, "state": "unchanged", "why": ""}
        if not as_json:
            _show(console, result)
        if connected.simulated is not None:
            _bolt(connected, source, sensor, recording)
        if result.switched and no_start:
            said["state"] = "on trial"
        elif result.switched:
            outcome = deploy.start(connected, (lambda line: None) if as_json else print)
            said |= {"state": outcome.state, "why": outcome.why, "lines": outcome.lines}
        else:
            connected.console.resume()
    return _close(console, said, connected.name, as_json)


def _ask_about_older(there: str, yes: bool) -> None:
    """Before the board gets a package that is older than its own."""
    if _numbers(there) <= _numbers(__version__) or yes:
        return
    if not sys.stdin.isatty() or not typer.confirm(f"The board has version {there} of the package, this one is {__version__}, "
                                                   "older. Deploy it?", err=True):
        raise AuscultError(f"the board has version {there} of the package, this is {__version__}, an older one",
                           "the same version or a newer one", "update Auscult on this computer, or add --yes")


def _read_config(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AuscultError(f"{file} cannot be read: {error}", "the node's configuration as JSON",
                           "docs/node.md has examples") from error
    if not isinstance(found, dict):
        raise AuscultError(f"{file} holds {type(found).__name__}", "an object {...}", "docs/node.md has examples")
    return found


def _board(connected: devices.Device, about: dict[str, Any], chosen: str | None) -> boards.Board | None:
    """The board's description: as chosen, or by its USB ids and what it calls itself; None where that is not enough."""
    if connected.simulated is not None:
        return boards.load(connected.name)
    if chosen is not None:
        return boards.load(chosen)
    port = devices.usb_of(connected.port)
    named = [name for name in boards.real() if _same(boards.load_real(name).micropython.board, about)]
    likely = [name for name in (devices.boards_at(port) if port else []) if name in named] or named
    return boards.load(likely[0]) if len(likely) == 1 else None


def _same(board: str, about: dict[str, Any]) -> bool:
    """Whether a board of MicroPython's is this one: by the name of its build, which MicroPython 1.25 and newer tell, or by
    what it calls itself: NUCLEO_F446RE is "NUCLEO-F446RE with STM32F446xx"."""
    said = about.get("build", "").split("-")[0] or about["machine"].split(" with ")[0]
    return re.sub("[^A-Z0-9]", "", said.upper()) == board.replace("_", "")


def _bolt(connected: devices.Device, source: bundles.Source, sensor: dict[str, Any], recording: Path | None) -> None:
    """A simulated board needs something that its sensor can measure: a recording, or being at rest."""
    if recording is not None:
        heard = virtual_sensor.signal(read(recording), sensor, source.spec.full_scale, loop=True)
        connected.listen(heard.words, **heard.about)
        return
    rng = np.random.default_rng(0)
    is_slow = sensor["chip"] in slow.chips()
    axes = source.spec.axes if is_slow else ["x", "y", "z"]
    words = rng.normal(0, _NOISE, (4096, len(axes))).astype(np.int16)
    about: dict[str, Any] = {"axes": axes, "full_scale": 512.0} if is_slow else {
        "rate_ppm": round((source.spec.rate_hz / sensor["rate_hz"] - 1) * 1e6)}
    connected.listen(words, loop=True, **about)


def _show(console: Console, result: deploy.Result) -> None:
    if result.was and result.was != __version__:
        print(f"the package on the board was version {result.was}, this is {__version__}")
    if not (result.sent or result.copied or result.switched):
        print(f"unchanged: all {len(result.kept)} files are there ({result.wire:,} bytes over the wire)")
        return
    print(f"{len(result.sent)} files sent ({result.bytes:,} bytes), {len(result.copied)} copied on the board, "
          f"{len(result.kept)} were there; {result.wire:,} bytes over the wire"
          + (f", {result.attempts} attempts" if result.attempts > 1 else ""))
    if result.smoke:
        print("smoke test: the same bits as on this PC")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _close(console: Console, said: dict[str, Any], device: str, as_json: bool) -> dict[str, Any]:
    """The last lines, or the error of a node that did not become healthy."""
    if said["state"] == "rolled back":
        raise AuscultError(f"the new node was not healthy and {device} has gone back: {said['why']}",
                           "samples of the sensor within a minute", "mend what it names, then deploy again")
    if said["state"] == "unknown":
        raise AuscultError(f"{device} has not said that the new node is healthy" + (f": {said['why']}" if said["why"] else ""),
                           "a confirmation within a minute", "reset the board: it goes back to what ran before")
    if as_json:
        print(json.dumps(said))
    else:
        print({"confirmed": "confirmed: the node is healthy and stays", "on trial": "on trial from the next reset on"}.get(
            said["state"], "the node goes on"))
        console.print(f"[bold green]next:[/] auscult monitor -d {device}   # its verdicts as they come", soft_wrap=True)
    return said
