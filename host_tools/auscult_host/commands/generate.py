# SPDX-License-Identifier: Apache-2.0
"""`auscult generate`: recordings of rotating machines made from physics."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import generate as machines_
from ..recordings import read


def generate(
    out: Annotated[Path, typer.Argument(help="Folder for the recordings.")],
    machines: Annotated[int, typer.Option(help="How many machines.")] = 4,
    sessions: Annotated[int, typer.Option(help="Sessions (days) of each machine.")] = 2,
    seconds: Annotated[float, typer.Option(help="Length of each recording.")] = 20.0,
    faults: Annotated[str, typer.Option(help=f"Comma-separated, of: {', '.join(machines_.FAULTS)}.")] = ",".join(
        machines_.DEFAULT_FAULTS),
    rate_hz: Annotated[float, typer.Option(help="Samples per second.")] = machines_.DEFAULT_RATE_HZ,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same recordings.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Make recordings of rotating machines from physics, healthy and faulty, to try everything without hardware."""
    console = Console(stderr=True, quiet=as_json)
    with console.status(f"making {machines} machines"):
        paths = machines_.generate(
            out, machines=machines, sessions=sessions, seconds=seconds, rate_hz=rate_hz, seed=seed,
            faults=[fault.strip() for fault in faults.split(",") if fault.strip()])
    labels: dict[str, int] = {}
    for path in paths:
        label = read(path).label
        labels[label] = labels.get(label, 0) + 1
    result = {"folder": str(out), "recordings": len(paths), "rate_hz": rate_hz, "seconds": seconds, "labels": labels,
              "seed": seed}
    if as_json:
        print(json.dumps(result))
    else:
        print(f"{len(paths)} recordings of {seconds:g} s at {rate_hz:g} Hz in {out}: "
              + ", ".join(f"{count} {label}" for label, count in labels.items()))
        console.print(f"[bold green]next:[/] auscult train {out} --out model.joblib", soft_wrap=True)
    return result
