# SPDX-License-Identifier: Apache-2.0
"""The monitor's picture, drawn again and again: never more often than a few times a second, however many lines come."""

import contextlib
import time

from rich.console import Console
from rich.live import Live

from . import screen
from .reading import Reader

PICTURES_PER_S = 8


def follow(reader: Reader, seconds: float | None, picture: str | None, console: Console | None = None) -> None:
    """Until the lines end or the time is over. picture: its title; None: nothing is drawn."""
    end = None if seconds is None else time.monotonic() + seconds
    shown = Live(console=console, screen=True, auto_refresh=False) if picture is not None else contextlib.nullcontext()
    with shown as live:
        over = False
        while not over and (end is None or time.monotonic() < end):
            over = reader.wait(1 / PICTURES_PER_S)
            if live is not None:
                with reader.state.lock:
                    drawn = screen.draw(reader.state, str(picture), live.console.width, live.console.height)
                live.update(drawn, refresh=True)
