# SPDX-License-Identifier: Apache-2.0
"""`auscult edit`: mend recordings, each file replaced whole or not at all."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import edit as editing
from ..texts import listed


def edit(
    files: Annotated[list[Path], typer.Argument(help="Recordings (.parquet), or folders of them.")],
    label: Annotated[str | None, typer.Option(help="New label.")] = None,
    machine: Annotated[str | None, typer.Option(help="New machine.")] = None,
    session: Annotated[str | None, typer.Option(help="New session.")] = None,
    placement: Annotated[str | None, typer.Option(help="New place on the machine.")] = None,
    rate_hz: Annotated[float | None, typer.Option(help="The true rate; the samples stay.")] = None,
    rpm: Annotated[float | None, typer.Option(help="Shaft speed, revolutions per minute.")] = None,
    unit: Annotated[str | None, typer.Option(help="What the numbers really are (g, mg, degF ...): they are converted.")] = None,
    scale: Annotated[float | None, typer.Option(help="Multiply the numbers by this.")] = None,
    axes: Annotated[str | None, typer.Option(help="New names of all axes: x,y,z.")] = None,
    keep_axes: Annotated[str | None, typer.Option(help="Keep these axes only: x,y.")] = None,
    cut: Annotated[list[str] | None, typer.Option(
        help="Take FROM:TO seconds out; what is before and after become two recordings (repeatable).")] = None,
    split: Annotated[str, typer.Option(help="Split at these seconds: 1.5,3.2.")] = "",
    drop: Annotated[bool, typer.Option("--drop", help="Move it to `dropped/` beside the dataset's files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> list[dict[str, Any]]:
    """Change what is written about recordings, convert their unit, cut pieces out, or drop them."""
    changes = editing.Changes(
        label=label, machine=machine, session=session, placement=placement, rate_hz=rate_hz, rpm=rpm, unit=unit, scale=scale,
        axes=listed(axes), keep_axes=listed(keep_axes), cuts=tuple(editing.stretch(text) for text in cut or ()),
        splits=editing.seconds(split), drop=drop)
    done = editing.edit(files, changes)
    if as_json:
        print(json.dumps(done))
        return done
    console = Console(highlight=False, soft_wrap=True)
    for row in done:
        console.print(f"{row['recording']}: {row['done']}", markup=False)
    console.print(f"[bold green]next:[/] auscult inspect {files[0] if files[0].is_dir() else files[0].parent}")
    return done
