# SPDX-License-Identifier: Apache-2.0
"""`auscult boards`: the boards there are and what they have."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

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
        table = Table(show_header=False, box=None)
        for key, value in result[0].items():
            table.add_row(key, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
    else:
        table = Table("board", "what it is", "native modules", "heap", "files", "I2C", "SPI", "UART", "pins")
        for row in result:
            table.add_row(row["name"], row["description"], row["arch"], f"{row['heap_kib']} KiB",
                          f"{row['disk_kib']} KiB", *(" ".join(map(str, row[bus])) for bus in ("i2c", "spi", "uart")),
                          str(row["pins"]))
    console.print(table)
    if not board:
        Console(stderr=True, highlight=False).print(f"[bold green]next:[/] auscult boards {result[0]['name']}")
    return result


def _describe(board: descriptions.Board) -> dict[str, Any]:
    return {**board.model_dump(exclude={"qemu", "firmware"}), "qemu": f"{board.qemu.program} {board.qemu.machine}"}
