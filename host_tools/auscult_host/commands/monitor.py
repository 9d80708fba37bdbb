# SPDX-License-Identifier: Apache-2.0
"""`auscult monitor`: live verdicts, waveform and spectrum of a node, in the terminal or on a page."""

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import devices, recordings
from ..errors import AuscultError
from ..monitoring import attach, live, screen
from ..monitoring.reading import Reader
from ..monitoring.state import State
from ..monitoring.web import Page

_WAVE_MS = 500


def monitor(
    device: Annotated[str | None, typer.Option("--device", "-d", help="Port, USB serial number, or a simulated board as sim_m4; "
                                               "by default the only board plugged in.")] = None,
    recording: Annotated[Path | None, typer.Option(help="Recording that the sensor of a simulated board measures, from "
                                                        "now on.")] = None,
    loop: Annotated[bool, typer.Option("--loop", help="With --recording: it begins again at its end.")] = False,
    seconds: Annotated[float | None, typer.Option(help="End after so long.", min=0.1)] = None,
    lines: Annotated[int | None, typer.Option(help="End after so many verdicts.", min=1)] = None,
    plain: Annotated[bool, typer.Option("--plain", help="One line of text for each verdict; so it is, too, where the output "
                                        "is no terminal.")] = False,
    wave: Annotated[bool, typer.Option("--wave/--no-wave", help="Ask the node for waveforms; they are drawn and make the "
                                       "spectrum.")] = True,
    wave_samples: Annotated[int, typer.Option(help="Samples in a waveform.", min=16, max=4096)] = 512,
    web: Annotated[bool, typer.Option("--web", help="Show it on a page in the browser.")] = False,
    host: Annotated[str, typer.Option(help="With --web: address to serve at; 0.0.0.0 lets others on the network look.")]
    = "127.0.0.1",
    port: Annotated[int, typer.Option(help="With --web: 0 takes a free one.", min=0, max=65535)] = 8420,
    log: Annotated[Path | None, typer.Option(help="Append the node's lines to this file, as they come.")] = None,
    passive: Annotated[bool, typer.Option("--passive", help="Only read what the board says by itself: nothing is interrupted.")]
    = False,
    as_json: Annotated[bool, typer.Option("--json", help="The node's lines as they come, then a summary.")] = False,
) -> dict[str, Any]:
    """Watch a node: its state, verdicts, data quality, waveform and spectrum. Ctrl-C ends it.

    The board's node is started anew, so that it sends waveforms, too; afterwards the board goes on by itself."""
    if passive and recording:
        raise AuscultError("--passive with --recording", "one of them: a recording needs the node to be started",
                           "leave one out")
    console = Console(stderr=True, quiet=as_json, highlight=False)
    state = State()
    picture = not (as_json or plain or web) and sys.stdout.isatty()
    show = _printer(state, as_json) if not (picture or web) else lambda text, line: None
    page = Page(host, port) if web else None
    with contextlib.ExitStack() as stack:
        with console.status("connecting"):
            board = stack.enter_context(devices.connect(device))
            if recording:
                attach.bolt(board, recordings.read(recording), loop)
        if passive:
            reader = Reader(board.console.lines(), state, board.console.close, log, lines, show)
        else:
            source = attach.watch(board, wave_samples, _WAVE_MS if wave else 0)
            reader = Reader(source, state, board.console.interrupt, log, lines, show)
            stack.callback(board.go_on, always=True)
        stack.enter_context(reader)
        try:
            if page:
                page.run(reader, board.name, seconds, console)
            else:
                live.follow(reader, seconds, board.name if picture else None)
        except KeyboardInterrupt:
            pass
    if reader.error is not None and not state.verdicts:
        raise reader.error
    result = _close(state, as_json, log, console)
    if reader.error is not None:
        raise reader.error
    return result


def _printer(state: State, as_json: bool) -> Callable[[str, dict[str, Any]], None]:
    """Prints each line: as it came, or verdicts, errors and warnings in words."""
    def show(text: str, line: dict[str, Any]) -> None:
        if as_json:
            if line:
                print(text.strip(), flush=True)
        elif "w" in line:
            print(screen.line(state.recent[-1], state), flush=True)
        elif "error" in line or "warn" in line:
            kind = "error" if "error" in line else "warn"
            print(f"{kind}: {line[kind]}", flush=True)

    return show


def _close(state: State, as_json: bool, log: Path | None, console: Console) -> dict[str, Any]:
    result = state.summary()
    errors = [text for kind, text in state.told if kind == "error"]
    if errors and not state.verdicts:
        raise AuscultError(f"the node gave no verdict: {errors[-1]}", "a node that listens",
                           "mend what it names; docs/node.md has its configuration")
    if as_json:
        print(json.dumps({"summary": result}))
    else:
        print(screen.closing(result))
        if log:
            console.print(f"lines in {log}", soft_wrap=True)
    return result
