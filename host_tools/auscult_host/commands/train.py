# SPDX-License-Identifier: Apache-2.0
"""`auscult train`: a dataset into a fitted model."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import dataset, features, templates
from .. import evaluate as evaluation
from .. import train as training
from ..errors import AuscultError
from ..spec import check_identifier
from .evaluate import show


def train(
    folder: Annotated[Path | None, typer.Argument(metavar="DATASET", help="Folder of recordings.")] = None,
    out: Annotated[Path, typer.Option(help="Where to write the model.")] = Path("model.joblib"),
    template: Annotated[str, typer.Option(help="Settings to begin with: a folder in models/.")] = "bearing_fault",
    window: Annotated[int | None, typer.Option(help="Samples per window, 64 to 4096.")] = None,
    hop: Annotated[int | None, typer.Option(help="Samples from one window to the next.")] = None,
    feature_list: Annotated[str | None, typer.Option(
        "--features", help="default, f54, or a list: rms,kurtosis for every axis, rms.x for one.")] = None,
    model: Annotated[str | None, typer.Option(help=f"One of {', '.join(training.MODELS)}.")] = None,
    trees: Annotated[int | None, typer.Option(min=1, help="Trees of a forest.")] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="Depth of trees.")] = None,
    keep: Annotated[int, typer.Option(min=0, help="Keep only this many features, the most important ones.")] = 0,
    false_alarms: Annotated[float, typer.Option(help="elliptic: share of normal windows above the threshold.")] = 0.01,
    group: Annotated[str, typer.Option(help="What is held out together: machine, session, recording, auto.")] = "auto",
    full_scale: Annotated[float | None, typer.Option(help="Sensor range in the data's unit, if not the usual.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the pipeline; by default that of the file.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same model.")] = 0,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Evaluate on groups held out.")] = True,
    list_features: Annotated[bool, typer.Option("--list-features", help="Show the features and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Train a small model on features computed by the compiled pipeline, and judge it on groups held out."""
    if list_features:
        return _list_features(as_json)
    if folder is None:
        raise AuscultError("no dataset given", "a folder of recordings", "auscult train DATASET --out model.joblib")
    console = Console(stderr=True, quiet=as_json, highlight=False)
    start = templates.load(template)
    name = check_identifier(out.name.split(".")[0] if name is None else name, "pipeline name")
    # what was given counts, also 0 and nothing: it is refused below, not replaced
    window = start.window if window is None else window
    settings = training.Settings(
        window=window, hop=min(start.hop, window) if hop is None else hop,
        features=tuple(start.features if feature_list is None else _split(feature_list)),
        model=start.model if model is None else model, trees=start.trees if trees is None else trees,
        depth=start.depth if depth is None else depth, keep=keep, false_alarms=false_alarms, seed=seed)
    with console.status("reading"):
        recordings = dataset.load(folder)
    with console.status("computing features with the compiled pipeline, fitting") as status:
        trained = training.train(recordings, settings, group_by=group, name=name, full_scale=full_scale)
        groups = trained.training["groups"]
        why_not = "" if check else "--no-check was given"
        if check and len(groups) < 2:
            why_not = f"there is only one {trained.training['group_by']}, {groups[0]}; record another"
        elif check:
            try:
                trained.metrics = evaluation.evaluate(
                    trained, recordings, group_by=group, k=start.decision.k, n=start.decision.n,
                    progress=lambda text: status.update(f"judging, {text}"))
            except evaluation.CannotJudge as error:  # the model itself is there
                why_not = f"{error.found}; {error.hint}"
        training.save(trained, out)
    result = {
        "model": str(out), "kind": settings.model, "name": name, "features": len(trained.spec.features),
        "window": settings.window, "hop": settings.hop, "rate_hz": trained.spec.rate_hz,
        "full_scale": trained.spec.full_scale, "classes": trained.spec.classes, "windows": trained.training["windows"],
        "metrics": trained.metrics, "not_judged": why_not,
    }
    if as_json:
        print(json.dumps(result))
        return result
    seconds = settings.window / trained.spec.rate_hz
    print(f"{settings.model} on {len(trained.spec.features)} features of windows of {settings.window} samples "
          f"({seconds:.3g} s), {sum(trained.training['windows'].values())} windows from {len(recordings)} recordings")
    if trained.metrics:
        show(trained.metrics)
    else:
        console.print(f"not judged: {why_not}", style="yellow", soft_wrap=True)
    print(f"model in {out}")
    console.print(f"[bold green]next:[/] auscult build {out}", soft_wrap=True)
    return result


def _split(feature_list: str) -> list[str]:
    return [item.strip() for item in feature_list.split(",") if item.strip()]


def _list_features(as_json: bool) -> dict[str, Any]:
    rows = [{"name": k.name, "unit": k.unit, "formula": k.formula, "source": k.source} for k in features.KINDS.values()]
    if as_json:
        print(json.dumps({"features": rows}))
    else:
        table = Table("name", "unit", "formula", "source")
        for row in rows:
            table.add_row(*row.values())
        console = Console()
        console.print(table)
        console.print("bands and shares are named band_I_N and share_I_N: band I (from 1) of N equal bands; "
                      "env_ in front takes the envelope; .x behind takes one axis", markup=False)
    return {"features": rows}
