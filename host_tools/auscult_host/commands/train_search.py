# SPDX-License-Identifier: Apache-2.0
"""`auscult train` with a search: its progress, and what it says at the end."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from .. import pictures, searchbudget
from .. import search as searching
from .. import train as training
from ..recordings import Entry
from ..searchspace import SearchSpace


def search(folder: Path, entries: Sequence[Entry], space: SearchSpace, settings: training.Settings, out: Path,
           console: Console, as_json: bool, *, jobs: int | None, **options: Any) -> dict[str, Any]:
    """Search, save the model and a picture beside it, say what was found and what comes next."""
    chosen = searching.Options(jobs=jobs or os.cpu_count() or 1, **options)
    began = time.monotonic()
    with Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f}"),
                  TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True) as bar:
        line = bar.add_task("looking at the recordings", total=1)

        def progress(what: str, done: int, total: int, best: float | None) -> None:
            text = what if best is None else f"{what}, best so far {best:.3f}"
            if bar.tasks[0].description.split(",")[0] != what:
                bar.reset(line, total=max(1, total), completed=done, description=text)
            else:
                bar.update(line, total=max(1, total), completed=done, description=text)

        found = searching.Search(entries, space, settings, chosen, out.with_suffix(".study"), progress).run()
        if chosen.budget.limits:
            from .. import searchmeasure

            found.notes += searchmeasure.check(found.trained, chosen.budget, lambda text: progress(text, 0, 0, None))
    picture = pictures.search(found.rows, found.front, found.best, space.metric, out.with_name(f"{out.stem}-search.png"),
                              f"{chosen.name}: {len(found.rows)} candidates")
    training.save(found.trained, out)
    result = _result(found, chosen, out, picture, round(time.monotonic() - began, 1))
    if as_json:
        print(json.dumps(result))
    else:
        _show(found, chosen)
        print(f"picture in {picture}\nmodel in {out}")
        console.print(f"[bold green]next:[/] auscult evaluate {out} {folder}; auscult build {out}", soft_wrap=True)
    return result


def _result(found: searching.Searched, options: searching.Options, out: Path, picture: Path, seconds: float) -> dict[str, Any]:
    trained = found.trained
    return {
        "model": str(out), "kind": trained.settings.model, "name": trained.spec.name, "features": len(trained.spec.features),
        "window": trained.settings.window, "hop": trained.settings.hop, "rate_hz": trained.spec.rate_hz,
        "full_scale": trained.spec.full_scale, "classes": trained.spec.classes, "windows": trained.training["windows"],
        "metrics": trained.metrics, "not_judged": "" if found.honest["folds"] else found.notes[-1],
        "search": {"candidates": len(found.rows), "seconds": seconds, "metric": found.honest["metric"],
                   "honest": found.honest, "chosen": searching.describe(found.best), "chosen_score": found.best["score"],
                   "predicted": found.best["cost"],
                   "measured": trained.training["search"].get("measured"), "budget": options.budget.text(), "notes": found.notes,
                   "pareto": [{"score": row["score"], "cost": row["cost"], "what": searching.describe(row),
                               "settings": row["settings"]} for row in found.front]},
        "picture": str(picture),
    }


def _show(found: searching.Searched, options: searching.Options) -> None:
    console = Console(highlight=False, soft_wrap=True)
    honest = found.honest
    for note in found.notes:
        console.print(note, style="yellow", markup=False)
    if honest["folds"]:
        table = Table("held out", "windows", "score", "chosen without it", title_justify="left",
                      title=f"what the search is worth on a new {honest['group_by']}")
        for fold in honest["folds"]:
            table.add_row(fold["name"], str(fold["windows"]), f"{fold['value']:.3f}", fold["chosen"])
        console.print(table)
        interval = honest["interval"]
        sure = f" (95 %: {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
        metric = honest["metric"].replace("_", " ")
        console.print(f"honest {metric} {honest['value']:.3f}{sure}: {honest['how']}", markup=False)
    front = Table("", "score", "bytes", "instructions", *(["time"] if options.budget.clocked() else []), "candidate",
                  title="best for their size; their scores flatter: they were chosen by them", title_justify="left")
    for row in found.front:
        cost = row["cost"]
        timed = [searchbudget.say("time", cost["seconds"])] if options.budget.clocked() else []
        front.add_row("→" if row is found.best else "", f"{row['score']:.3f}", f"{cost['flash_bytes']:,}",
                      f"{cost['instructions']:,}", *timed, searching.describe(row))
    console.print(front)
    console.print(f"chosen: {searching.describe(found.best)}; predicted for {options.budget.board}: "
                  + options.budget.says(found.best["cost"]), markup=False)
