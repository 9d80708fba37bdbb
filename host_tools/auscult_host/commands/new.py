# SPDX-License-Identifier: Apache-2.0
"""`auscult new`: a project folder from a template, and on request its whole way to a verdict."""

import contextlib
import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import project, templates
from ..errors import AuscultError

# without a search: the template's own pipeline
STEPS = ("generate", "train --trials 0", "build", f"simulate {project.SCENARIO} --picture {project.PICTURE}")


def new(
    folder: Annotated[Path | None, typer.Argument(metavar="NAME", help="The new folder.")] = None,
    template: Annotated[str, typer.Option(help="What kind of job; without NAME all templates are listed.")] = "bearing_fault",
    try_it: Annotated[bool, typer.Option("--try", help="Also run the whole way: generated recordings, training, building, "
                                         "a simulated board.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Begin a project: a folder with the settings of a template, which all commands called in it go by."""
    if folder is None:
        return _list(as_json)
    console = Console(stderr=True, quiet=as_json, highlight=False)
    project.create(folder, template)
    result: dict[str, Any] = {"folder": str(folder), "template": template, "settings": str(folder / project.FILE)}
    if not as_json:
        print(f"{folder}/{project.FILE}: the settings, from the template {template}")
    if try_it:
        result |= _try(folder, console, as_json)
    if as_json:
        print(json.dumps(result))
    else:
        console.print(f"[bold green]next:[/] cd {project.relative(folder)}; "
                      + ("auscult evaluate" if try_it else "auscult generate"), soft_wrap=True)
    return result


def _try(folder: Path, console: Console, quiet: bool) -> dict[str, Any]:
    """Each step as one would call it in the folder, with nothing but its name; returns what the steps returned."""
    results: dict[str, Any] = {}
    begun = time.monotonic()
    with contextlib.chdir(folder):
        for number, step in enumerate(STEPS, 1):
            console.print(f"\n[bold]{number} of {len(STEPS)}: auscult {step}[/]")
            at = time.monotonic()
            with contextlib.redirect_stdout(None) if quiet else contextlib.nullcontext():
                results[step.split()[0]] = run(step)
            console.print(f"[dim]{time.monotonic() - at:.1f} s[/]")
    results["seconds"] = round(time.monotonic() - begun, 1)
    console.print(f"\n[bold]from nothing to verdicts on a simulated board in {results['seconds']:.0f} s[/]; picture in "
                  f"{project.relative(folder / project.PICTURE)}", soft_wrap=True)
    return results


def run(step: str) -> Any:
    """A command with a project's defaults, as the command line calls it in the project's folder."""
    from ..cli import app

    done = app(step.split(), standalone_mode=False)
    if isinstance(done, int):  # of typer.Exit
        raise AuscultError(f"auscult {step} ended with {done}", "0", f"call auscult {step} in the folder")
    return done


def _list(as_json: bool) -> dict[str, Any]:
    rows = [{"name": name, "description": templates.load(name).description} for name in templates.names()]
    if as_json:
        print(json.dumps({"templates": rows}))
    else:
        table = Table("template", "what for", box=None, header_style="bold")
        for row in rows:
            table.add_row(*row.values())
        Console(highlight=False).print(table)
        print("auscult new NAME --template TEMPLATE begins a project")
    return {"templates": rows}
