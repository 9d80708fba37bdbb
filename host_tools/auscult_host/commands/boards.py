# SPDX-License-Identifier: Apache-2.0
"""`auscult boards`: the boards there are and what they have."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from .. import boards as descriptions


def boards(
    board: Annotated[str | None, typer.Argument(help="Show one board in full.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> list[dict[str, Any]]:
    """List the boards, or show what one of them has."""
    chosen = [descriptions.load(name) for name in ([board] if board else descriptions.names())]
    result = [_describe(description) for description in chosen]
    if as_json:
        print(json.dumps(result[0] if board else result))
        return result
    console = Console(highlight=False)
    if board:
        console.print(_one(result[0]))
    else:
        console.print(_simulated([row for row in result if row["simulated"]]))
        real = [row for row in result if not row["simulated"]]
        if real:
            console.print(_real(real))
            console.print("[dim]Nothing has been tried on hardware yet.[/]")
    if not board:
        Console(stderr=True, highlight=False).print(f"[bold green]next:[/] auscult boards {result[0]['name']}")
    return result


def _one(row: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None)
    for key, value in row.items():
        if isinstance(value, dict):
            for inner, part in value.items():
                table.add_row(f"{key}.{inner}", "\n".join(part) if isinstance(part, list) else str(part))
        else:
            table.add_row(key, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
    return table


def _table(first: str, *more: str) -> Table:
    return Table(Column(first, no_wrap=True), *more)


def _simulated(rows: list[dict[str, Any]]) -> Table:
    table = _table("simulated board", "what it is", "native modules", "heap", "files", "I2C", "SPI", "UART", "pins")
    for row in rows:
        table.add_row(row["name"], row["description"], row["arch"], f"{row['heap_kib']} KiB", f"{row['disk_kib']} KiB",
                      *(" ".join(map(str, row[bus])) for bus in ("i2c", "spi", "uart")), str(row["pins"]))
    return table


def _real(rows: list[dict[str, Any]]) -> Table:
    table = _table("real board", "what it is", "native modules", "clock", "`power`")
    for row in rows:
        table.add_row(row["name"], row["description"], row["arch"], f"{row['clock_hz'] / 1e6:g} MHz",
                      "yes" if "power" in row else "no")
    return table


def _describe(board: descriptions.Board) -> dict[str, Any]:
    """simulated: whether QEMU stands for it; what a board has not is left out."""
    row = board.model_dump(exclude={"qemu", "firmware"}, exclude_none=True)
    if isinstance(board, descriptions.SimulatedBoard):
        return {**row, "simulated": True, "qemu": f"{board.qemu.program} {board.qemu.machine}"}
    return {**row, "simulated": False}
