# SPDX-License-Identifier: Apache-2.0
"""auscult setup: fetch and build what simulated boards and native modules need, once."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .. import boards, paths, toolchain


def setup(
    board: Annotated[list[str] | None, typer.Option(help="Only these simulated boards.")] = None,
) -> None:
    """Fetch MicroPython's source and build its tools and the simulated boards' firmware (cached)."""
    console = Console(stderr=True, highlight=False)
    wanted = board or boards.simulated()
    steps: list[tuple[str, Callable[[], Path]]] = [
        (f"MicroPython {toolchain.MICROPYTHON_VERSION} source", toolchain.micropython_dir),
        ("mpy-cross", toolchain.mpy_cross),
        ("MicroPython for this PC (unix port)", toolchain.unix_micropython),
    ]
    steps += [(f"firmware of {name}", lambda name=name: toolchain.firmware(name)) for name in wanted]  # type: ignore[misc]
    for i, (what, step) in enumerate(steps, 1):
        start = time.monotonic()
        with console.status(f"setup {i}/{len(steps)}: {what} ..."):
            step()
        console.print(f"setup {i}/{len(steps)}: {what} [dim]({time.monotonic() - start:.1f} s)[/]")
    console.print(f"setup: everything is in {paths.cache()}")
