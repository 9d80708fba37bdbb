# SPDX-License-Identifier: Apache-2.0
"""`auscult doctor`: what keeps a board from listening, and the next step."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from .. import doctor as checks

_MARKS = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "wrong": "[red]✗[/]"}


def doctor(
    device: Annotated[str | None, typer.Option("--device", "-d", help="Port, USB serial number or simulated board; by default "
                                               "all that are plugged in.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Check this computer and the boards step by step; ends with 1 if something is wrong. Nothing is changed."""
    status = Console(stderr=True, quiet=as_json, highlight=False).status("checking")
    out = Console(quiet=as_json, highlight=False)
    found, place = [], ""
    with status:
        for where, finding in checks.examine(device, status.update):
            found.append({"where": where, **finding._asdict()})
            if where != place:
                place = where
                out.print(f"[bold]{escape(where)}[/]")
            out.print(f"  {_MARKS[finding.level]} {finding.what}: {escape(finding.found)}", soft_wrap=True)
            if finding.next:
                out.print(f"      [dim]next: {escape(finding.next)}[/]", soft_wrap=True)
    wrong = [row for row in found if row["level"] == "wrong"]
    result = {"ok": not wrong, "findings": found}
    if as_json:
        print(json.dumps(result))
    elif wrong:
        out.print(f"[bold red]{len(wrong)} thing{'s' if len(wrong) > 1 else ''} wrong.[/] [bold green]next:[/] "
                  + escape(wrong[0]["next"]), soft_wrap=True)
    else:
        out.print("[bold green]Nothing is wrong.[/]")
    if wrong:
        raise typer.Exit(1)
    return result
