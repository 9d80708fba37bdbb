# SPDX-License-Identifier: Apache-2.0
"""`auscult import`: foreign recordings into a dataset."""

import collections
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..importers import Options, import_sources, write_dataset
from ..recordings import UNITS


def import_(
    sources: Annotated[list[Path], typer.Argument(help="CSV, npz, npy or WAV files, or folders of them.")],
    out: Annotated[Path, typer.Option(help="Dataset folder to write into.")],
    rate_hz: Annotated[float | None, typer.Option(help="Samples per second, where the file does not say.")] = None,
    unit: Annotated[str | None, typer.Option(help="g, mg, m/s2, degC, ... or 1 for numbers without a unit.")] = None,
    scale: Annotated[float | None, typer.Option(
        help="Physical value = stored number × scale; also gives standardised data a size again.")] = None,
    full_scale: Annotated[float | None, typer.Option(help="WAV: physical value of full scale, m/s².")] = None,
    label: Annotated[list[str] | None, typer.Option(help="LABEL, or PATTERN=LABEL for names that fit "
                                                    "('*_1_weight=weight'); repeat, first match counts.")] = None,
    machine: Annotated[str, typer.Option(help="Which machine.")] = "",
    session: Annotated[str, typer.Option(help="Which session: one mounting, one day.")] = "",
    axes: Annotated[str, typer.Option(help="Names for the axes: x,y,z.")] = "",
    columns: Annotated[str, typer.Option(help="CSV: columns to take, by title or by number from 1.")] = "",
    key: Annotated[str | None, typer.Option(help="npz: the array to take.")] = None,
    sensor: Annotated[str, typer.Option(help="Which sensor.")] = "",
    placement: Annotated[str, typer.Option(help="Where on the machine.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the data.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite other recordings of the same name.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Bring recordings from CSV, NumPy or WAV files into a dataset; what is guessed is shown."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    options = Options(rate_hz=rate_hz, unit=unit, scale=scale, full_scale=full_scale, labels=tuple(label or ()),
                      machine=machine, session=session, axes=_names(axes), columns=_names(columns), key=key,
                      sensor=sensor, placement=placement, licence=licence)
    with console.status("reading"):
        imported = import_sources(sources, options)
        write_dataset(imported.recordings, out, replace=replace)
    recordings = imported.recordings
    labels = collections.Counter(recording.label for recording in recordings)
    result = {
        "folder": str(out), "recordings": len(recordings), "seconds": round(sum(r.seconds for r in recordings), 3),
        "rate_hz": recordings[0].rate_hz, "unit": recordings[0].unit, "axes": list(recordings[0].axes),
        "labels": dict(labels), "sessions": sorted({r.session for r in recordings if r.session}),
        "notes": imported.notes, "cautions": imported.cautions,
    }
    if as_json:
        print(json.dumps(result))
        return result
    for note in imported.notes:
        console.print(note, style="dim", markup=False, soft_wrap=True)
    for caution in imported.cautions:
        console.print("[bold yellow]caution:[/]", end=" ")
        console.print(caution, soft_wrap=True, markup=False)
    first = recordings[0]
    print(f"{len(recordings)} recordings, {result['seconds']:g} s in all, {first.rate_hz:g} Hz, "
          f"{', '.join(first.axes)} in {UNITS[first.unit]}, in {out}")
    print("labels: " + ", ".join(f"{count} {name or '(none)'}" for name, count in labels.items()))
    if "" in labels:
        console.print("[bold green]next:[/] import again with --label, training needs labels", soft_wrap=True)
    else:
        console.print(f"[bold green]next:[/] auscult train {out} --out model.joblib", soft_wrap=True)
    return result


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
