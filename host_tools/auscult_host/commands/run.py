# SPDX-License-Identifier: Apache-2.0
"""`auscult run`: a script on the board, without storing it there."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import checked, devices
from ..errors import AuscultError
from ..transport import BoardError

_STOPPED = "KeyboardInterrupt"


def run(
    script: Annotated[Path, typer.Argument(help="A Python file of this computer.")],
    device: Annotated[str | None, typer.Option("--device", "-d", help="Port, USB serial number, or a simulated board as sim_m4; "
                                               "by default the only board plugged in.")] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Show the output until it ends; or start it and leave."
                                         )] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the output and how it ended as JSON.")] = False,
) -> dict[str, Any]:
    """Run a script on a board, from its memory, with a fresh interpreter; the output comes live. Ctrl-C stops it.

    A program that was running is stopped, and started again afterwards. A script that fails gives its traceback and exit
    code 1."""
    code = script.read_text(encoding="utf-8")
    try:
        compile(code, str(script), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise AuscultError(f"{script} is no Python: {error}", "a script that compiles", "mend it; nothing was run") from error
    with devices.connect(device) as board:
        if not follow and board.simulated:
            raise AuscultError(f"--no-follow on {board.name}, which runs only as long as this command", "a real board",
                               "leave --no-follow out")
        board.console.soft_reset()
        if not follow:
            board.console.start(code)
            result: dict[str, Any] = {"output": "", "ended": "left running"}
        else:
            try:
                result = _follow(board, code, as_json)
            finally:
                board.go_on()
    if as_json:
        print(json.dumps(result))
    if result["ended"] == "traceback":
        if not as_json:
            print(result["traceback"], file=sys.stderr)
        raise typer.Exit(1)
    if result["ended"] == "stopped":
        raise typer.Exit(130)
    return result


def _follow(board: devices.Device, code: str, quiet: bool) -> dict[str, Any]:
    """The first Ctrl-C stops the script, whose last words still come; a second one gives up on it."""
    output: list[str] = []

    def stop(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, before)
        board.console.interrupt()

    before = signal.signal(signal.SIGINT, stop)
    try:
        held = ""
        for piece in checked.stream(board.console, code):
            text = (held + piece).replace("\r\n", "\n")
            held = "\r" if text.endswith("\r") else ""  # its \n may come with the next piece
            text = text.removesuffix(held)
            output.append(text)
            if not quiet:
                print(text, end="", flush=True)
    except BoardError as error:
        ended = "stopped" if error.traceback.strip().endswith(f"{_STOPPED}:") else "traceback"
        return {"output": "".join(output), "ended": ended, "traceback": _own(error.traceback)}
    finally:
        signal.signal(signal.SIGINT, before)
    return {"output": "".join(output), "ended": "end"}


def _own(traceback: str) -> str:
    """Without the line of what started the script."""
    lines = traceback.replace("\r\n", "\n").strip().split("\n")
    return "\n".join(line for line in lines if not line.strip().startswith('File "<stdin>"'))
