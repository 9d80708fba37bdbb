# SPDX-License-Identifier: Apache-2.0
"""`auscult shell`: the board's own prompt, through mpremote's."""

import subprocess
import sys
from typing import Annotated

import typer

from .. import devices
from ..errors import AuscultError


def shell(
    device: Annotated[str | None, typer.Option("--device", "-d", help="Port, USB serial number, or a simulated board as sim_m4; "
                                               "by default the only board plugged in.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the board at its prompt, with what was typed there.")] = False,
) -> None:
    """Talk to a board's Python prompt. Ctrl-C stops its program, Ctrl-D starts it again, Ctrl-] leaves.

    A board that is left at its prompt starts its program again, unless --keep is given."""
    if not sys.stdin.isatty():
        raise AuscultError("no terminal to type in", "a terminal", "`auscult run SCRIPT.py` runs a script on the board")
    with devices.connect(device) as board:
        board.console.close()  # mpremote opens the port itself
        command = [sys.executable, "-m", "mpremote", "connect", board.port, "resume", "repl"]
        code = subprocess.run(command, check=False).returncode
        if code:
            raise AuscultError(f"mpremote ended with exit code {code}", "a port that stays open",
                               "what it said stands above; check the cable and try again")
        if not keep and board.console.at_prompt():
            board.console.resume()
