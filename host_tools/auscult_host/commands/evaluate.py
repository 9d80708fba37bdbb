# SPDX-License-Identifier: Apache-2.0
"""`auscult evaluate`: how good a model is on machines and sessions that it has not met."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from .. import dataset, pictures
from .. import evaluate as evaluation
from .. import train as training


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model from `auscult train`.")],
    folder: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of recordings.")],
    group: Annotated[str, typer.Option(help="What is held out together: machine, session, recording, auto.")] = "auto",
    leaky: Annotated[bool, typer.Option("--leaky", help="Also show what a random split would claim.")] = False,
    k: Annotated[int, typer.Option("--k", help="Decision: this many ...")] = 3,
    n: Annotated[int, typer.Option("--n", help="... of the last so many verdicts.")] = 5,
    picture: Annotated[Path | None, typer.Option(help="Write the confusion matrix as a PNG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Judge a model through its compiled pipeline, on groups that it was not trained on."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    with console.status("reading") as status:
        trained = training.load(model)
        recordings = dataset.load(folder)
        result = evaluation.evaluate(trained, recordings, group_by=group, leaky=leaky, k=k, n=n,
                                     progress=lambda text: status.update(f"judging, {text}"))
        if picture is not None:
            pictures.confusion_matrix(np.array(result["confusion"]), result["classes"], picture,
                                      f"{trained.spec.name}: {result['how']}")
            result["picture"] = str(picture)
    if as_json:
        print(json.dumps(result))
    else:
        show(result)
        console.print(f"[bold green]next:[/] auscult build {model}", soft_wrap=True)
    return result


def show(result: dict[str, Any]) -> None:
    """Print an evaluation as tables."""
    console = Console(highlight=False, soft_wrap=True)
    classes = result["classes"]
    table = Table("group", "windows", *classes, title="share of each class that was recognised", title_justify="left")
    for row in result["groups"]:
        shares = [f"{row['recall'][name]:.3f}" if name in row["recall"] else "" for name in classes]
        table.add_row(row["name"], str(row["windows"]), *shares)
    console.print(table)
    decision = result["decision"]
    for title, scores in (("each window", result), (f"decision, {decision['k']} of {decision['n']}", decision)):
        if "balanced_accuracy" not in scores:
            console.print(f"{title}: none, the recordings are too short")
            continue
        text = f"{title}: balanced accuracy {scores['balanced_accuracy']:.3f}"
        text += _interval(scores["balanced_accuracy_95"])
        text += f", macro F1 {scores['macro_f1']:.3f}{_interval(scores['macro_f1_95'])}"
        if "false_alarms" in scores:
            text += f", false alarms {scores['false_alarms']:.2%} of normal windows"
        console.print(text, markup=False)
    worst = min(result["groups"], key=lambda row: float(row["balanced_accuracy"]))
    console.print(f"judged {result['how']}; worst {result['group_by']}: {worst['name']}, "
                  f"{worst['balanced_accuracy']:.3f}", markup=False)
    if "leaky_balanced_accuracy" in result:
        console.print(f"leaky, windows dealt at random: {result['leaky_balanced_accuracy']:.3f} instead of "
                      f"{result['balanced_accuracy']:.3f}; it says nothing about a new {result['group_by']}",
                      markup=False)
    if result["guessing"]:
        console.print(f"No better than guessing on a new {result['group_by']}: record more of them, in the mounting "
                      "and at the speeds that will be met.", style="bold yellow")


def _interval(interval: list[float] | None) -> str:
    return f" (95 %: {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
