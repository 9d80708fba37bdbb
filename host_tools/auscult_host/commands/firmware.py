# SPDX-License-Identifier: Apache-2.0
"""`auscult firmware`: MicroPython for a board with the device package and a pipeline built in."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import boards, toolchain
from .. import firmware as making
from ..errors import AuscultError


def firmware(
    board: Annotated[str, typer.Argument(help="A board of `auscult boards`, or any of MicroPython's ports stm32, esp32, rp2.")],
    bundle: Annotated[Path | None, typer.Option(help="Its pipeline goes into flash; by default only the package does.")] = None,
    micropython: Annotated[Path | None, typer.Option(
        help=f"Upstream checkout with submodules, 1.23 or newer; else v{toolchain.MICROPYTHON_VERSION} is fetched.")] = None,
    ulab: Annotated[Path | None, typer.Option(help="Upstream checkout of micropython-ulab, to be built in.")] = None,
    chip: Annotated[list[str] | None, typer.Option(help="Only this sensor's driver (repeatable); by default all.")] = None,
    define: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the board's mpconfigboard.h (repeatable).")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the images; by default NAME-BOARD.firmware.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run and what is missing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Build MicroPython for a board with the device package frozen and the pipeline as a C module in flash."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    macros = dict(_pair(text) for text in define or ())
    wanted = making.Wanted(board, bundle, micropython, ulab, chip or (), macros)
    with console.status(f"firmware for {board}") as status:
        result = making.make(wanted, out, dry_run, lambda text: status.update(f"firmware for {board}: {text[:60]}"))
    if as_json:
        print(json.dumps(result))
    elif dry_run:
        for command in result["commands"]:
            print(command)
        for lack in result["missing"]:
            console.print(f"[yellow]missing:[/] {lack['found']}; {lack['hint']}", soft_wrap=True, markup=True)
    else:
        _show(console, board, result)
    if dry_run and result["missing"]:
        raise typer.Exit(1)
    return result


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name or not value:
        raise AuscultError(f"--define {text}", "NAME=VALUE", "for example --define MICROPY_HW_ENABLE_USB=0")
    return name, value


def _show(console: Console, board: str, result: dict[str, Any]) -> None:
    out = result["out"]
    for name, image in result["images"].items():
        print(f"{out}/{name}  {image['bytes']:,} bytes")
    print(f"MicroPython {result['micropython']} ({result['port']}), {result['flash_bytes']:,} bytes of flash"
          + (f'; the node\'s configuration says "pipeline": "{result["pipeline"]}"' if result["pipeline"] else ""))
    if board not in boards.simulated():
        console.print(f"[bold green]next:[/] auscult flash {board} --file {out}/{next(iter(result['images']))}", soft_wrap=True)
