# SPDX-License-Identifier: Apache-2.0
"""`auscult bench`: instructions and bytes on the simulated boards, against bars and peers."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import bench as benchmarks
from .. import paths
from ..files import atomic


def bench(
    board: Annotated[list[str] | None, typer.Option(help="Only on this board (repeatable).")] = None,
    case: Annotated[list[str] | None, typer.Option(
        help="Only this case, or all of a kind: feature, model, peer, portable, yardstick (repeatable).")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only the cases that have a bar to meet.")] = False,
    out: Annotated[Path | None, typer.Option(
        help="Where the figures go as JSON; by default bench.json in the build folder.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Also write the tables as Markdown.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> list[dict[str, Any]]:
    """Count instructions and bytes of features, models, whole windows and sampling on the simulated boards."""
    console = Console(stderr=True, highlight=False)
    cases = benchmarks.choose(case or (), quick)
    with console.status("starting") as status:
        begun = ""

        def progress(name: str, turn: int, what: str) -> None:
            nonlocal begun
            status.update(f"{name}, run {turn} of 2: {what}")
            if not console.is_terminal and f"{name}, run {turn}" != begun:
                begun = f"{name}, run {turn}"
                console.print(f"{begun} of 2")

        result = benchmarks.run(board or benchmarks.PLACES, cases, progress)
    target = benchmarks.write_json(result, out or paths.cache() / "bench.json")
    if markdown:
        with atomic(markdown) as part:
            part.write_text(benchmarks.markdown(result))
    figures = [figure.as_dict() for figure in result.figures]
    if as_json:
        print(json.dumps(figures))
    else:
        _show(result)
        console.print(f"[dim]instructions of a simulator, not cycles; all figures are in {target}[/]", soft_wrap=True)
    for text in result.left_out:
        console.print(f"[yellow]left out:[/] {text}", soft_wrap=True)
    for text in result.unequal:
        console.print(f"[bold red]two runs differ:[/] {text}", soft_wrap=True)
    missed = [figure for figure in result.figures if not figure.met]
    for figure in missed:
        console.print(f"[bold red]bar missed:[/] {figure.case} on {figure.board}: {figure.metric} {benchmarks.cell(figure)}")
    if not result.unequal:
        console.print("two runs agree in every digit" + ("" if missed else "; every bar is met"))
    if result.unequal or missed:
        raise typer.Exit(1)
    return figures


def _show(result: benchmarks.Result) -> None:
    console = Console(highlight=False)
    boards = benchmarks.boards_of(result)
    for title, rows in benchmarks.tables(result).items():
        table = Table(title=title, title_justify="left", box=None, header_style="bold")
        table.add_column("case", no_wrap=True)
        for name in boards:
            table.add_column(name, justify="right")
        for name, figures in rows:
            table.add_row(name, *(_cell(figure) for figure in figures))
            if any(figure and figure.most for figure in figures):
                table.add_row("[dim]  at most[/]", *(f"[dim]{figure.most:,}[/]" if figure and figure.most else ""
                                                     for figure in figures))
        console.print(table)
        console.print()
    for name, value in benchmarks.on_pc(result):
        console.print(f"{name}: {value}", markup=False)


def _cell(figure: benchmarks.Figure | None) -> str:
    if figure is None:
        return "–"
    return f"{figure.value:,}" if figure.met else f"[bold red]{figure.value:,}[/]"
