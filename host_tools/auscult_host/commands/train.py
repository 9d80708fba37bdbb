# SPDX-License-Identifier: Apache-2.0
"""`auscult train`: a dataset into a fitted model, the best that a search finds within the board's budget."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import dataset, features, searchbudget, searchspace, templates
from .. import evaluate as evaluation
from .. import train as training
from ..errors import AuscultError
from ..spec import check_identifier
from ..texts import listed
from .evaluate import show
from .train_search import search

_USUAL = "bearing_fault"  # whose pipeline is trained where none is asked for and nothing is searched
_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600}


def train(
    folder: Annotated[Path | None, typer.Argument(metavar="DATASET", help="Folder of recordings.")] = None,
    out: Annotated[Path, typer.Option(help="Where to write the model.")] = Path("model.joblib"),
    template: Annotated[str | None, typer.Option(help="Settings and search space to begin with: a folder in models/.")] = None,
    trials: Annotated[int | None, typer.Option(min=0, help="Candidates to try; 0: only the template's pipeline.")] = None,
    budget: Annotated[str | None, typer.Option(help="What the board has to spare: board=NUCLEO_F446RE,flash=8k,ram=16k,time=5ms,"
                                               "energy=50uJ,instructions=100k.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted search.")] = False,
    time_limit: Annotated[str | None, typer.Option(help="Begin no candidate after this time: 90s, 10m, 2h.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; by default one for each core.")] = None,
    dask: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Try the candidates on this Dask cluster.")] = None,
    window: Annotated[int | None, typer.Option(help="Samples per window.")] = None,
    hop: Annotated[int | None, typer.Option(help="Samples from one window to the next.")] = None,
    feature_list: Annotated[str | None, typer.Option(
        "--features", help="A set such as default or f54, or a list: rms,kurtosis for every axis, rms.x for one.")] = None,
    model: Annotated[str | None, typer.Option(help=f"One of {', '.join(training.MODELS)}.")] = None,
    trees: Annotated[int | None, typer.Option(min=1, help="Trees of a forest.")] = None,
    depth: Annotated[int | None, typer.Option(min=1, help="Depth of trees.")] = None,
    keep: Annotated[int | None, typer.Option(min=0, help="Keep only this many features, those that tell most; 0: all.")] = None,
    false_alarms: Annotated[float | None, typer.Option(help="Detectors: share of normal windows above the threshold.")] = None,
    novelty: Annotated[float | None, typer.Option(help="Share of windows that may be called novel; 0: none is.")] = None,
    group: Annotated[str, typer.Option(help="What is held out together: machine, session, recording, auto.")] = "auto",
    full_scale: Annotated[float | None, typer.Option(help="Sensor range in the data's unit, if not the usual.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the pipeline; by default that of the file.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same model.")] = 0,
    check: Annotated[bool, typer.Option("--check/--no-check", help="With --trials 0: evaluate on groups held out.")] = True,
    list_features: Annotated[bool, typer.Option("--list-features", help="Show the features and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Find a small model on features computed by the compiled pipeline, and judge it on groups held out.

    Options that fix something (--model, --window, --trees, ...) narrow what is searched."""
    if list_features:
        return _list_features(as_json)
    if folder is None:
        raise AuscultError("no dataset given", "a folder of recordings", "auscult train DATASET --out model.joblib")
    console = Console(stderr=True, quiet=as_json, highlight=False)
    start = templates.load(template or _USUAL)
    name = check_identifier(out.name.split(".")[0] if name is None else name, "pipeline name")
    # what was given counts, also 0 and nothing: it is refused below, not replaced
    given: dict[str, Any] = {key: value for key, value in (
        ("window", window), ("hop", hop), ("features", None if feature_list is None else listed(feature_list)), ("model", model),
        ("trees", trees), ("depth", depth), ("keep", keep), ("false_alarms", false_alarms), ("novelty", novelty))
        if value is not None}
    space = start.search if template else searchspace.general()
    count = space.trials if trials is None else trials
    settings = start.settings() if template or not count else training.Settings()
    settings = dataclasses.replace(settings, **given, seed=seed)
    if hop is None and window is not None:
        settings = dataclasses.replace(settings, hop=min(settings.hop, window))
    training.check_settings(settings)
    limits = searchbudget.parse(budget)
    limit_s = _seconds(time_limit)
    with console.status("reading"):
        entries = dataset.scan(folder)
    if count:
        space = _space(space, settings, given, template is not None)
        return search(folder, entries, space, settings, out, console, as_json, trials=count, time_limit_s=limit_s, jobs=jobs,
                      dask=dask or "", resume=resume, group_by=group, full_scale=full_scale, name=name, budget=limits)
    with console.status("computing features with the compiled pipeline, fitting") as status:
        trained = training.train(entries, settings, group_by=group, name=name, full_scale=full_scale)
        groups = trained.training["groups"]
        why_not = "" if check else "--no-check was given"
        if check and len(groups) < 2:
            why_not = f"there is only one {trained.training['group_by']}, {groups[0]}; record another"
        elif check:
            try:
                trained.metrics = evaluation.evaluate(
                    trained, entries, group_by=group, k=start.decision.k, n=start.decision.n,
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
          f"({seconds:.3g} s), {sum(trained.training['windows'].values())} windows from {len(entries)} recordings")
    if trained.metrics:
        show(trained.metrics)
    else:
        console.print(f"not judged: {why_not}", style="yellow", soft_wrap=True)
    print(f"model in {out}")
    console.print(f"[bold green]next:[/] auscult build {out}", soft_wrap=True)
    return result


def _space(space: searchspace.SearchSpace, settings: training.Settings, given: dict[str, Any],
           chosen: bool) -> searchspace.SearchSpace:
    """The template's space, with its own pipeline as a candidate if it was asked for, and what was given fixed."""
    if chosen:
        space = space.model_copy(update={"presets": [searchspace.preset_of(settings), *space.presets]})
    fixed: dict[str, Any] = {key: given[key] for key in ("window", "model", "trees", "depth", "keep") if key in given}
    if "features" in given:
        fixed["features"] = "+".join(given["features"])
    if "hop" in given:
        fixed["overlap"] = 1 - settings.hop / settings.window
    return searchspace.narrowed(space, **fixed)


def _seconds(text: str | None) -> float:
    """'90s', '10m', '2h'; 0 for none."""
    if text is None:
        return 0.0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip())
    if not found or (found[2] or "s") not in _UNITS_S or not float(found[1]):
        raise AuscultError(f"--time-limit {text!r}", "a time above 0 with s, m or h", "for example --time-limit 10m")
    return float(found[1]) * _UNITS_S[found[2] or "s"]


def _list_features(as_json: bool) -> dict[str, Any]:
    rows = [{"name": k.shown, "unit": k.unit, "formula": k.formula, "source": k.source} for k in features.KINDS.values()]
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
