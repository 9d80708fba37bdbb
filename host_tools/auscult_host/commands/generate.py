# SPDX-License-Identifier: Apache-2.0
"""`auscult generate`: recordings made from physics."""

import collections
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import generate as physics
from .. import project
from ..recordings import read_header
from ..texts import listed


def generate(
    out: Annotated[Path, typer.Argument(help="Folder for the recordings.")],
    process: Annotated[str, typer.Option(help=f"What to make: {', '.join(physics.PROCESSES)}.")] = "rotating",
    machines: Annotated[int | None, typer.Option(help="How many machines.")] = None,
    sessions: Annotated[int | None, typer.Option(help="Sessions (days) of each machine.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of each recording.")] = None,
    faults: Annotated[str | None, typer.Option(help="Comma-separated states of the machine, as "
                                               f"{', '.join(physics.FAULTS)} of `rotating`.")] = None,
    rate_hz: Annotated[float | None, typer.Option(help="Samples per second.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same recordings.")] = 1,
    play: Annotated[Path | None, typer.Option(
        help="Also write a recording that is not in the dataset, to play to a model.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Make recordings of machines, rooms or people from physics, to try everything without hardware."""
    console = Console(stderr=True, quiet=as_json)
    made = physics.process(process)
    rate_hz, seconds = made.rate_hz if rate_hz is None else rate_hz, made.seconds if seconds is None else seconds
    with console.status(f"making recordings: {process}"):
        paths = physics.generate(
            out, kind=process, machines=machines, sessions=sessions, seconds=seconds, rate_hz=rate_hz, seed=seed,
            faults=None if faults is None else list(listed(faults)))
        if play:
            physics.write_play(play, process, machines=machines, sessions=sessions, rate_hz=rate_hz, seed=seed)
    labels = dict(collections.Counter(read_header(path).label for path in paths))
    result = {"folder": str(out), "recordings": len(paths), "rate_hz": rate_hz, "seconds": seconds, "labels": labels,
              "seed": seed, "play": str(play) if play else None}
    if as_json:
        print(json.dumps(result))
    else:
        rate = f"{rate_hz:g} Hz" if rate_hz >= 1 else f"one sample every {1 / rate_hz:g} s"
        print(f"{len(paths)} recordings of {_long(seconds)} at {rate} in {out}: "
              + ", ".join(f"{count} {label}" for label, count in labels.items()))
        if play:
            print(f"and {play}, which is not one of them, to play with `auscult simulate`")
        following = "auscult train" if project.find() else f"auscult train {out} --out model.joblib"
        console.print(f"[bold green]next:[/] {following}", soft_wrap=True)
    return result


def _long(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 7200 else f"{seconds / 3600:g} h"
