# SPDX-License-Identifier: Apache-2.0
"""`auscult devices`: the boards that can be talked to."""

import dataclasses
import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import boards
from .. import devices as found
from ..errors import AuscultError


def devices(
    ask: Annotated[bool, typer.Option("--ask", help="Also ask each plugged-in board what it is; its program starts again "
                                      "afterwards.")] = False,
    forget: Annotated[str | None, typer.Option(help="Erase the files of this simulated board.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> list[dict[str, Any]]:
    """List boards that are plugged in, and the simulated ones."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    if forget:
        erased = found.forget(forget)
        console.print(f"{forget}: " + ("its files are erased" if erased else "it had no files"))
    with console.status("looking") as status:
        rows = [_plugged(port, ask, status.update) for port in found.ports()]
    rows += [_simulated(name) for name in boards.simulated()]
    if as_json:
        print(json.dumps(rows))
        return rows
    out = Console(highlight=False)
    real = [row for row in rows if not row["simulated"]]
    if real:
        out.print(_table(real, ask))
    else:
        out.print("No board is plugged in.")
    kept = [f"{row['device']} ({row['files_kib']} KiB of files)" if row["files_kib"] else row["device"] for row in rows
            if row["simulated"]]
    out.print(f"[bold]simulated:[/] {', '.join(kept)}", soft_wrap=True)
    step = "auscult doctor" if real else "auscult doctor looks for the cause; or go on with a simulated board: --device sim_m4"
    console.print(f"[bold green]next:[/] {step}", soft_wrap=True)
    return rows


def _plugged(port: found.Port, ask: bool, progress: Any) -> dict[str, Any]:
    ids = f"{port.usb[0]:04x}:{port.usb[1]:04x}" if port.usb else ""
    row: dict[str, Any] = {"device": port.path, "simulated": False, "boards": found.boards_at(port), "product": port.product,
                           "usb": ids, "serial": port.serial}
    if not ask:
        return row
    progress(f"asking {port.path}")
    try:
        with found.connect(port.path) as board:
            row["facts"] = dataclasses.asdict(board.facts())
            if board.console.interrupted:
                board.console.resume()
    except AuscultError as error:
        row["error"] = error.as_dict()
    return row


def _simulated(name: str) -> dict[str, Any]:
    """files_kib: what its flash takes on this computer, 0 before it was used."""
    file = found.flash_file(name)
    size = file.stat().st_size if file.is_file() else 0
    return {"device": name, "simulated": True, "boards": [name], "files_kib": -(-size // 1024)}


def _table(rows: list[dict[str, Any]], ask: bool) -> Table:
    table = Table("port", "board", "product", "USB", "serial number", *(["what it says"] if ask else []))
    for row in rows:
        said = []
        if "facts" in row:
            facts = row["facts"]
            said = [f"{facts['machine']}: {facts['implementation']} {'.'.join(map(str, facts['version']))}, "
                    f"{facts['arch'] or 'no native modules'}, auscult {facts['auscult'] or 'not on it'}"]
        elif "error" in row:
            said = [f"[red]{row['error']['found']}[/]"]
        table.add_row(row["device"], " or ".join(row["boards"]) or "?", row["product"], row["usb"], row["serial"], *said)
    return table
