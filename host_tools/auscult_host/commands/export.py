# SPDX-License-Identifier: Apache-2.0
"""`auscult export`: recordings of a dataset into files of other tools."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import dataset
from ..errors import AuscultError
from ..exporters import FORMATS, export


def export_(
    folder: Annotated[Path, typer.Argument(help="Dataset folder, or one recording.")],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}.")] = "csv",
    label: Annotated[list[str] | None, typer.Option(help="Only recordings with this label; repeat.")] = None,
    machine: Annotated[list[str] | None, typer.Option(help="Only of this machine; repeat.")] = None,
    session: Annotated[list[str] | None, typer.Option(help="Only of this session; repeat.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Write recordings as CSV, WAV, Edge Impulse's JSON or CBOR, or Renode's RESD; metadata go along."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    entries = dataset.entries(folder)
    chosen = [entry for entry in entries
              if entry.label in (label or [entry.label]) and entry.machine in (machine or [entry.machine])
              and entry.session in (session or [entry.session])]
    if not chosen:
        labels, machines = ({getattr(entry, key) for entry in entries} for key in ("label", "machine"))
        raise AuscultError("none of the recordings is chosen", f"some of the labels {', '.join(sorted(labels))} and machines "
                           f"{', '.join(sorted(machines))}", "leave the filters out, or change them")
    with console.status("writing") as status:
        files = export(chosen, out, form, progress=lambda text: status.update(f"writing {text}"))
    result = {"folder": str(out), "format": form, "files": len(files), "bytes": sum(f.stat().st_size for f in files)}
    if as_json:
        print(json.dumps(result))
    else:
        print(f"{len(files)} files, {result['bytes']:,} bytes, in {out}")
        if form == "wav16":
            print("full scale of each file stands in its comment; `auscult import` reads it")
        if form != "parquet":
            console.print(f"[bold green]next:[/] open them in the other tool; `auscult import {out} --out ...` brings them back",
                          soft_wrap=True)
    return result
