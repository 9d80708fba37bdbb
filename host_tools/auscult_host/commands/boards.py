# SPDX-License-Identifier: Apache-2.0
"""`auscult boards`: the boards there are, what they have, and which of them can run a bundle."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from .. import boards as descriptions
from .. import fit as fitting


def boards(
    board: Annotated[list[str] | None, typer.Argument(help="Show one board in full, or compare several.")] = None,
    fit: Annotated[Path | None, typer.Option(help="A bundle: which of the boards can run it, and with what margin.",
                                             metavar="BUNDLE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> list[dict[str, Any]]:
    """List the boards, compare some of them, show one with its sources, or say which can run a bundle."""
    chosen = [descriptions.load(name) for name in board or descriptions.names()]
    if fit is not None:
        return _fit(fit, [one.name for one in chosen], as_json)
    result = [_describe(description) for description in chosen]
    if as_json:
        print(json.dumps(result[0] if len(board or []) == 1 else result))
        return result
    console = Console(highlight=False)
    hint = Console(stderr=True, highlight=False)
    if not board:
        console.print(_simulated([one for one in chosen if isinstance(one, descriptions.SimulatedBoard)]))
        console.print(_real([one for one in chosen if isinstance(one, descriptions.RealBoard)]))
        console.print("[dim]KiB of RAM (data, heap and stack) and of MicroPython's file system. Nothing has been tried on "
                      "hardware yet.[/]")
        hint.print("[bold green]next:[/] auscult boards NAME, auscult boards NAME NAME, auscult boards --fit BUNDLE")
    elif len(chosen) == 1:
        console.print(_one(result[0]))
    else:
        console.print(_compared(result))
        hint.print(f"[bold green]next:[/] auscult boards {board[0]} shows its sources")
    return result


def _table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    return Table(*(Column(name, no_wrap=not i, justify="right" if name in right else "left") for i, name in enumerate(columns)),
                 box=None, header_style="bold", pad_edge=False)


def _simulated(rows: list[descriptions.SimulatedBoard]) -> Table:
    table = _table("simulated board", "core", "arch", "heap", "files", right=("heap", "files"))
    for row in rows:
        table.add_row(row.name, row.mcu, row.arch, str(row.heap_kib), str(row.disk_kib))
    return table


def _real(rows: list[descriptions.RealBoard]) -> Table:
    table = _table("real board", "processor", "arch", "MHz", "RAM", "files", "flash by", right=("MHz", "RAM", "files"))
    for row in rows:
        table.add_row(row.name, row.mcu, row.arch, f"{row.clock_hz / 1e6:g}" if row.clock_hz else "", str(row.memory.ram_kib),
                      str(row.memory.files_kib), ", ".join(way.method for way in row.flash))
    return table


def _one(row: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    for key, value in _lines(row):
        table.add_row(key, value)
    return table


def _lines(row: dict[str, Any]) -> list[tuple[str, str]]:
    """(key, value) of everything a board has; an absent table is told, not left out."""
    lines = []
    for key, value in row.items():
        if key == "sources" or value == "":
            continue
        if isinstance(value, dict):
            lines += [(f"{key}.{inner}", part) for inner, part in _lines(value)]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                first, *rest = [f"{inner} {_say(inner, part)}" for inner, part in item.items() if part not in ("", None)]
                lines.append((key, ", ".join([first, *rest])))
        else:
            lines.append((key, _say(key, value)))
    lines += [("source", source) for source in row.get("sources", [])]
    return lines


def _say(key: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, int) and key in ("vid", "pid", "address", "offset", "family"):
        return f"{value:#x}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


_COMPARED = ("description", "mcu", "core", "arch", "clock_hz", "cycles_per_instruction", "memory.flash_kib", "memory.ram_kib",
             "memory.heap_kib", "memory.files_kib", "heap_kib", "disk_kib", "flash", "sensor", "power.run_ma", "power.sleep_ma",
             "power.light_ma", "qemu")


def _compared(rows: list[dict[str, Any]]) -> Table:
    """The boards side by side; a fact that none of them has is no row."""
    table = _table("", *(row["name"] for row in rows))
    for key in _COMPARED:
        cells = []
        for row in rows:
            value: Any = row
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if isinstance(value, list):
                value = ", ".join(item.get("method") or item["chip"] for item in value) or None
            cells.append("–" if value is None else _say(key, value))
        if set(cells) != {"–"}:
            table.add_row(key.replace("_", " ").replace(".", " "), *cells)
    return table


def _fit(bundle: Path, names: list[str], as_json: bool) -> list[dict[str, Any]]:
    with Console(stderr=True, quiet=as_json).status("reckoning") as status:
        found = fitting.fit(bundle, names, status.update)
    rows = [one.as_dict() for one in found]
    if as_json:
        print(json.dumps(rows))
        return rows
    table = _table("board", "runs it", "% of RAM", "% of files", "ms a window", "% busy",
                   right=("% of RAM", "% of files", "ms a window", "% busy"))
    colours = {"yes": "green", "tight": "yellow", "no": "red"}
    for one in found:
        table.add_row(one.board, f"[{colours[one.verdict]}]{one.verdict}[/]", _margin(one.ram_bytes, one.ram_room),
                      _margin(one.files_bytes, one.files_room), "–" if one.seconds is None else f"{1000 * one.seconds:.3g}",
                      "–" if one.share is None else f"{100 * one.share:.2g}")
    console = Console(highlight=False)
    console.print(table)
    for why in dict.fromkeys(why for one in found for why in one.why):
        console.print(f"\n{', '.join(one.board for one in found if why in one.why)}:\n  {why}")
    console.print("\n[dim]Files: for two copies, so that updates are safe. ms a window: predicted, with the cycles per "
                  "instruction that each board's file assumes; sampling and reporting come on top. Nothing has been tried on "
                  "hardware.[/]")
    able = [one.board for one in found if one.verdict == "yes"]
    Console(stderr=True, highlight=False).print(
        f"[bold green]next:[/] auscult boards {able[0]}" if able else "[bold green]next:[/] a smaller model, or auscult train "
        "--budget board=NAME,...")
    return rows


def _margin(needed: int, room: int) -> str:
    return f"{100 * needed / room:.0f}" if needed and room else "–"


def _describe(board: descriptions.Board) -> dict[str, Any]:
    """simulated: whether QEMU stands for it; what a board has not is left out."""
    row = board.model_dump(exclude={"qemu", "firmware"}, exclude_none=True)
    if isinstance(board, descriptions.SimulatedBoard):
        del row["cycles_per_instruction"]  # they are counted, not timed
        return {**row, "simulated": True, "qemu": f"{board.qemu.program} {board.qemu.machine}"}
    unknown = [key for key, value in (("power", board.power), ("sensor", getattr(board, "sensor", None))) if not value]
    return {**row, "simulated": False, "not_known": unknown}
