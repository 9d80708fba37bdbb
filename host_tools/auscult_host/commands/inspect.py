# SPDX-License-Identifier: Apache-2.0
"""`auscult inspect`: what is wrong with a dataset, with a picture of it and the command that mends it."""

import collections
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import inspection
from ..inspection import pictures

_SHOWN = 5  # of each kind, in the terminal


def inspect(
    folder: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of recordings.")],
    against: Annotated[Path | None, typer.Option(help="A second dataset, to be tested on: what is in both is a leak.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for pictures and index.html; by default DATASET/inspection.")] = None,
    labels: Annotated[bool, typer.Option("--labels/--no-labels", help="Look for wrong labels, which trains models.")] = True,
    draw: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Draw each finding.")] = True,
    fail: Annotated[bool, typer.Option("--fail", help="Exit with 1 if anything grave is found.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> list[dict[str, Any]]:
    """Find clipping, stuck axes, gaps, wrong units and rates, duplicates, wrong labels and leaks in a dataset."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    target = out or folder / "inspection"
    with console.status("reading") as status:
        found = inspection.inspect(folder, against=against, judge_labels=labels, progress=status.update)
        page = pictures.draw(found, target, status.update) if draw and found else None
    result = [finding.as_dict() for finding in found]
    if as_json:
        print(json.dumps(result))
    else:
        _show(found, page, folder)
    if fail and any(finding.grave for finding in found):
        raise typer.Exit(1)
    return result


def _show(found: list[inspection.Finding], page: Path | None, folder: Path) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if not found:
        console.print(f"nothing found in {folder}")
        console.print(f"[bold green]next:[/] auscult train {folder} --out model.joblib")
        return
    shown: collections.Counter[str] = collections.Counter()
    for finding in found:
        shown[finding.kind] += 1
        if shown[finding.kind] > _SHOWN:
            continue  # the page has them all
        style = "bold red" if finding.grave else "yellow"
        console.print(f"[{style}]{finding.kind}[/] [bold]{finding.path.stem}[/]", end="  ")
        console.print(finding.text, markup=False)
        console.print("   mend: ", end="", style="green")
        console.print(finding.mend, markup=False)
    table = Table("finding", "recordings", box=None, header_style="bold")
    for kind, count in collections.Counter(finding.kind for finding in found).most_common():
        table.add_row(kind, str(count))
    console.print(table)
    if page:
        console.print(f"pictures: {page}")
