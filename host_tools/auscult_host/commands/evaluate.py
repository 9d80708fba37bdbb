# SPDX-License-Identifier: Apache-2.0
"""`auscult evaluate`: how good a model is on machines and sessions that it has not met."""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from .. import card as cards
from .. import dataset, pictures
from .. import evaluate as evaluation
from .. import report as reports
from .. import train as training
from ..findings import findings, number, span


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model from `auscult train`.")],
    folder: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of recordings.")],
    report: Annotated[Path | None, typer.Option(help="Write a report: one HTML page that needs nothing else.")] = None,
    group: Annotated[str, typer.Option(help="What is held out together: machine, session, recording, auto.")] = "auto",
    leaky: Annotated[bool | None, typer.Option("--leaky/--no-leaky", help="Also show what a random split would claim. "
                                               "By default, unless --quick.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the learning curve, the sensitivity to rate, gain, noise "
                                        "and mounting, and the leaky figure.")] = False,
    k: Annotated[int, typer.Option("--k", help="Decision: this many ...")] = 3,
    n: Annotated[int, typer.Option("--n", help="... of the last so many verdicts.")] = 5,
    picture: Annotated[Path | None, typer.Option(help="Write the confusion matrix as a PNG.")] = None,
    card: Annotated[bool, typer.Option("--card/--no-card", help="Write the model card beside the model, for the bundle.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Judge a model through its compiled pipeline, on groups that it was not trained on."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    with console.status("reading") as status:
        trained = training.load(model)
        entries = dataset.scan(folder)
        result = evaluation.evaluate(trained, entries, group_by=group, leaky=not quick if leaky is None else leaky,
                                     thorough=not quick, k=k, n=n, progress=status.update)
        document = cards.document(trained, entries, result, cards.sha256(model))
        files = {}
        if picture is not None:
            files["picture"] = pictures.confusion_matrix(np.array(result["confusion"]), result["classes"], picture,
                                                         f"{trained.spec.name}: {result['how']}")
        if report is not None:
            status.update("writing the report")
            files["report"] = reports.write(document, report)
        if card:
            files["card"], files["metrics"] = cards.write(document, model)
        result = result | {name: str(path) for name, path in files.items()}
    if as_json:
        print(json.dumps(result))
    else:
        show(result)
        for name, path in files.items():
            print(f"{name} in {path}")
        console.print(f"[bold green]next:[/] auscult build {model}", soft_wrap=True)
    return result


def show(result: dict[str, Any]) -> None:
    """Print an evaluation as tables."""
    console = Console(highlight=False, soft_wrap=True)
    classes, novel = result["classes"], result["novelty"]["windows"] > 0
    table = Table("group", "windows", *classes, *["novel"] * novel, title="share of each class that was recognised",
                  title_justify="left")
    for row in result["groups"]:
        shares = [f"{row['recall'][name]:.3f}" if name in row["recall"] else "" for name in classes]
        table.add_row(row["name"], str(row["windows"]), *shares, *[f"{row['novel']:.1%}"] * novel)
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
    for line in _more(result):
        console.print(line, markup=False)
    worst = min(result["groups"], key=lambda row: float(row["balanced_accuracy"]))
    console.print(f"judged {result['how']}; worst {result['group_by']}: {worst['name']}, "
                  f"{worst['balanced_accuracy']:.3f}", markup=False)
    if "leaky_balanced_accuracy" in result:
        console.print(f"leaky, windows dealt at random: {result['leaky_balanced_accuracy']:.3f} instead of "
                      f"{result['balanced_accuracy']:.3f}; it says nothing about a new {result['group_by']}",
                      markup=False)
    for finding in findings(result):
        if finding.kind == "fails":
            console.print(f"{finding.title}. {finding.text}", markup=False, style="yellow")


def _more(result: dict[str, Any]) -> list[str]:
    """Lines about what there is to say besides the scores."""
    lines, day, late = [], result["decision"]["per_day"], result["decision"]["delay"]
    if day and day["bound_only"]:
        lines.append(f"false alarms: none in {span(day['hours'])} of normal running, which only excludes more than "
                     f"{number(day['per_day_95'][1])} a day")
    elif day:
        lines.append(f"false alarms: {number(day['per_day'])} a day (95 %: {' to '.join(map(number, day['per_day_95']))})")
    if late:
        median = "" if late["median_s"] is None else f", half of them within {span(late['median_s'] / 3600)}"
        lines.append(f"faults: {late['detected']} of {late['faults']} noticed{median}")
    if result["novelty"]["windows"]:
        told = result["novelty"].get("balanced_accuracy_told")
        lines.append(f"novel: {1 - result['novelty']['coverage']:.1%} of the windows can't be told"
                     + ("" if told is None else f"; balanced accuracy {told:.3f} on the others"))
    if "calibration" in result:
        lines.append(f"calibration: expected error of the probabilities {result['calibration']['ece']:.3f}")
    if result["detector"] and result["alarm"]["auc"] is not None:
        lines.append(f"area under the ROC curve: {result['alarm']['auc']:.3f}")
    return lines


def _interval(interval: list[float] | None) -> str:
    return f" (95 %: {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
