# SPDX-License-Identifier: Apache-2.0
"""`auscult import`: foreign recordings into a dataset."""

import collections
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import dataset
from ..errors import AuscultError
from ..importers import Notes, Options, stream_sources, write_dataset
from ..recordings import UNITS, Recording
from ..texts import listed


def import_(
    sources: Annotated[list[Path], typer.Argument(help="CSV, Parquet, MATLAB, NumPy, WAV or Edge Impulse files, or folders.")],
    out: Annotated[Path, typer.Option(help="Dataset folder to write into.")],
    rate_hz: Annotated[float | None, typer.Option(help="Samples per second, where the file does not say.")] = None,
    unit: Annotated[str | None, typer.Option(help="g, mg, m/s2, degC, ... or 1 for numbers without a unit.")] = None,
    scale: Annotated[float | None, typer.Option(
        help="Physical value = stored number × scale; also gives standardised data a size again.")] = None,
    full_scale: Annotated[float | None, typer.Option(help="WAV: physical value of full scale, m/s².")] = None,
    label: Annotated[list[str] | None, typer.Option(help="LABEL, or PATTERN=LABEL for names that fit "
                                                    "('*_1_weight=weight'); repeat, first match counts.")] = None,
    rename: Annotated[list[str] | None, typer.Option(help="Label in the file=LABEL ('1=walking'); repeat.")] = None,
    name: Annotated[str, typer.Option(help="What paths say: '{machine}_{label}_{session}.csv', '{label}/{machine}/*.csv'; "
                                      "also {placement}, {sensor}.")] = "",
    machine: Annotated[str, typer.Option(help="Which machine (or subject): the group that is held out.")] = "",
    session: Annotated[str, typer.Option(help="Which session: one mounting, one day.")] = "",
    axes: Annotated[str, typer.Option(help="Names for the axes: x,y,z.")] = "",
    columns: Annotated[str, typer.Option(help="Tables: columns to take, by title or by number from 1.")] = "",
    time_column: Annotated[str, typer.Option(help="Tables: the column of times, if its title does not say.")] = "",
    label_column: Annotated[str, typer.Option(help="Tables: the column of labels, likewise.")] = "",
    machine_column: Annotated[str, typer.Option(help="Tables: the column of machines or subjects, likewise.")] = "",
    session_column: Annotated[str, typer.Option(help="Tables: the column of sessions or trials, likewise.")] = "",
    split_gaps: Annotated[float | None, typer.Option(min=0, help="Tables: gaps in time of more seconds begin a new "
                                                     "recording.")] = None,
    key: Annotated[str | None, typer.Option(help="npz, mat: the array to take.")] = None,
    sensor: Annotated[str, typer.Option(help="Which sensor.")] = "",
    placement: Annotated[str, typer.Option(help="Where on the machine.")] = "",
    rpm: Annotated[float | None, typer.Option(help="Speed of the shaft, revolutions a minute.", min=0)] = None,
    licence: Annotated[str, typer.Option(help="Licence of the data.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite other recordings of the same name.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Bring recordings of other formats into a dataset; what is guessed is shown."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    options = Options(rate_hz=rate_hz, unit=unit, scale=scale, full_scale=full_scale, labels=tuple(label or ()),
                      renamed=_renamed(rename or []), path_pattern=name, machine=machine, session=session,
                      axes=listed(axes), columns=listed(columns), time_column=time_column, label_column=label_column,
                      machine_column=machine_column, session_column=session_column, split_gaps_s=split_gaps, key=key,
                      sensor=sensor, placement=placement, licence=licence, rpm=rpm)
    imported = Notes()
    with console.status("reading") as status:
        def said() -> Iterator[Recording]:
            for number, recording in enumerate(stream_sources(sources, options, imported), 1):
                status.update(f"{number} {recording.name}")
                yield recording

        recordings = write_dataset(said(), out, replace=replace)
    labels = collections.Counter(recording.label for recording in recordings)
    everything = collections.Counter(entry.label for entry in dataset.entries(out))
    for wrong, right in dataset.likely_typos(everything):
        imported.caution(f"the label {wrong} ({everything[wrong]} recordings) looks like {right} ({everything[right]}); if it "
                         f"is a slip, import again with --rename {wrong}={right} --replace")
    result = {
        "folder": str(out), "recordings": len(recordings), "seconds": round(sum(r.seconds for r in recordings), 3),
        "rate_hz": recordings[0].rate_hz, "unit": recordings[0].unit, "axes": list(recordings[0].axes),
        "labels": dict(labels), "machines": sorted({r.machine for r in recordings if r.machine}),
        "sessions": sorted({r.session for r in recordings if r.session}),
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
    if machines := sorted({r.machine for r in recordings if r.machine}):
        print(f"{len(machines)} machines: {', '.join(machines[:12])}{' ...' if len(machines) > 12 else ''}")
    print("labels: " + ", ".join(f"{count} {name or '(none)'}" for name, count in labels.items()))
    if "" in labels:
        console.print("[bold green]next:[/] import again with --label, training needs labels", soft_wrap=True)
    else:
        console.print(f"[bold green]next:[/] auscult train {out} --out model.joblib", soft_wrap=True)
    return result


def _renamed(rules: list[str]) -> dict[str, str]:
    pairs = [rule.partition("=") for rule in rules]
    bad = next((rule for rule, (_, equals, _) in zip(rules, pairs) if not equals), None)
    if bad is not None:
        raise AuscultError(f"--rename {bad}", "label in the file=label", "for example --rename 1=walking")
    return {old: new for old, _, new in pairs}
