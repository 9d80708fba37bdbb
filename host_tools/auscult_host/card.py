# SPDX-License-Identifier: Apache-2.0
"""The model card: what a model was trained on, how good it is and where it will fail, for people and for programs."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import AuscultError
from .files import atomic
from .findings import findings, number, span
from .judging import Source
from .recordings import UNITS
from .train import Trained

FORMAT_VERSION = 1


def document(trained: Trained, sources: Sequence[Source], result: dict[str, Any], model_sha256: str = "") -> dict[str, Any]:
    """Everything that the card and the report say, as JSON takes it. result: from evaluate.evaluate()."""
    spec, training = trained.spec, trained.training
    unit = UNITS[training["unit"]]
    window_s = spec.window / spec.rate_hz
    kind = trained.code().kind
    windows = sum(training["windows"].values())
    model = {
        "name": spec.name, "kind": kind, "features": len(spec.features), "feature_names": spec.features, "window": spec.window,
        "hop": spec.hop, "window_s": window_s, "rate_hz": spec.rate_hz, "rate_tolerance": spec.rate_tolerance, "axes": spec.axes,
        "full_scale": spec.full_scale, "unit": training["unit"], "unit_name": unit, "classes": spec.classes,
        "sha256": model_sha256,
        "about": f"{kind} on {len(spec.features)} features of windows of {span(window_s / 3600)} ({spec.window} samples of "
                 f"{', '.join(spec.axes)} at {spec.rate_hz:g} Hz).",
    }
    seen = {what: sorted({str(getattr(source, what)) for source in sources} - {""})
            for what in ("sensor", "placement", "machine", "session", "source", "licence")}
    data = {"fingerprint": training["fingerprint"], "recordings": training["recordings"], "windows": training["windows"],
            "group_by": training["group_by"], "groups": training["groups"], "unit": training["unit"]}
    judged = {"recordings": len(sources), "labels": dict(sorted(Counter(source.label for source in sources).items())), **seen}
    rows = [
        ("tells apart", ", ".join(spec.classes)),
        ("trained on", f"{training['recordings']} recordings, {windows:,} windows: "
                       + ", ".join(f"{label} {count:,}" for label, count in training["windows"].items())),
        (f"{training['group_by']}s trained on", _listed(training["groups"])),
        ("sensor", "; ".join([*seen["sensor"][:3], f"{', '.join(spec.axes)} in {unit}, range ±{spec.full_scale:.4g}, "
                              f"{spec.rate_hz:g} Hz within {spec.rate_tolerance:.0%}"])),
        *([("placement", _listed(seen["placement"]))] if seen["placement"] else []),
        ("model", f"{kind}, {len(spec.features)} features, window {spec.window}, hop {spec.hop}"),
        ("features", _listed(spec.features, 60)),
        *_cost(training.get("search", {}).get("predicted")),
        ("fingerprint of the training data", training["fingerprint"]),
    ]
    return {"format": FORMAT_VERSION, "model": model, "training": data, "judged_with": judged,
            "findings": [finding._asdict() for finding in findings(result)], "rows": rows, "evaluation": result}


def markdown(card: dict[str, Any]) -> str:
    """The card for people."""
    model, result = card["model"], card["evaluation"]
    group, decision = result["group_by"], result["decision"]
    lines = [f"# Model card: {model['name']}", "", model["about"], "", "## Intended use", "",
             f"To tell {', '.join(model['classes'])} apart on machines like those it was trained on, with the same kind of "
             f"sensor, mounted and oriented in the same way, at {model['rate_hz']:g} Hz. It informs people; it must not be what "
             "protects them, or a machine, from harm.", "", "## Trained on", ""]
    lines += ["| | |", "|---|---|"] + [f"| {name} | {_cell(value)} |" for name, value in card["rows"]]
    lines += ["", "## How good it is", "", f"Judged {result['how']}, through the compiled C, {result['date']}: "
              f"{result['recordings']} recordings, {span(result['seconds'] / 3600)}, {result['windows']:,} windows.", "",
              "| figure | value | 95 % |", "|---|---|---|",
              _row("balanced accuracy, each window", result["balanced_accuracy"], result["balanced_accuracy_95"]),
              _row("macro F1, each window", result["macro_f1"], result["macro_f1_95"])]
    if (nested := result.get("nested")) and nested["value"] is not None:
        lines.append(_row(f"{nested['metric'].replace('_', ' ')}, nested: settings, too, chosen without the tested {group}",
                          nested["value"], nested["interval"]))
    worst = min(result["groups"], key=lambda row: float(row["balanced_accuracy"]))
    lines.append(_row(f"worst {group}, {_cell(worst['name'])}", worst["balanced_accuracy"], worst["balanced_accuracy_95"]))
    if "balanced_accuracy" in decision:
        lines.append(_row(f"decision, {decision['k']} of {decision['n']}", decision["balanced_accuracy"],
                          decision["balanced_accuracy_95"]))
    if day := decision.get("per_day"):
        seen = f"none in {span(day['hours'])}" if day["bound_only"] else number(day["per_day"])
        bound = f"at most {number(day['per_day_95'][1])}" if day["bound_only"] else " to ".join(map(number, day["per_day_95"]))
        lines.append(f"| false alarms a day | {seen} | {bound} |")
    if late := decision.get("delay"):
        median = "–" if late["median_s"] is None else span(late["median_s"] / 3600)
        lines.append(f"| until a fault is noticed, median | {median}; {late['detected']} of {late['faults']} noticed | |")
    lines.append(f"| windows told, not called novel | {result['novelty']['coverage']:.1%} | |")
    if "leaky_balanced_accuracy" in result:
        lines.append(f"| leaky, says nothing about a new {group} | {result['leaky_balanced_accuracy']:.3f} | |")
    for kind, title in (("fails", "Where it will fail"), ("limit", "Limits of the evidence"), ("note", "Also")):
        of = [finding for finding in card["findings"] if finding["kind"] == kind]
        if of:
            lines += ["", f"## {title}", ""] + [f"- **{finding['title']}.** {finding['text']}" for finding in of]
    lines += ["", "## Never seen", "", _never_seen(card), ""]
    return "\n".join(lines)


def _cost(cost: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What the search predicted; instructions are not cycles."""
    if not cost:
        return []
    return [(f"costs on {cost['board']}, predicted", f"{cost['flash_bytes']:,} bytes of flash, {cost['ram_bytes']:,} of RAM, "
             f"{cost['instructions']:,} instructions a window")]


def _never_seen(card: dict[str, Any]) -> str:
    """What the recordings do not vary in: there nobody knows."""
    judged = card["judged_with"]
    varied: tuple[str, ...] = ("machine", "session", "sensor", "placement")
    if not judged["recordings"]:
        varied = ()
    single = [f"{what} than {judged[what][0]}" for what in varied if len(judged[what]) == 1]
    unstated = [what for what in varied if not judged[what]]
    text = f"Any other {'; any other '.join(single)}. " if single else ""
    if unstated:
        text += f"The recordings do not state their {', '.join(unstated)}: whether these varied is not known. "
    states = ", ".join(card["model"]["classes"])
    return text + f"Any state besides {states}; it will be called one of these, unless it is called novel."


def beside(model: Path) -> tuple[Path, Path]:
    """Where a model's card and its metrics stand: beside it."""
    return model.with_suffix(".card.md"), model.with_suffix(".metrics.json")


def write(card: dict[str, Any], model: Path) -> tuple[Path, Path]:
    """Write both beside the model, which itself stays as it is."""
    text, metrics = beside(model)
    with atomic(metrics) as part:
        part.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    with atomic(text) as part:
        part.write_text(markdown(card), encoding="utf-8")
    return text, metrics


def find(model: Path) -> dict[str, Any] | None:
    """The card's document of a model file, if it has been evaluated as it is now. Raises AuscultError for a damaged one."""
    metrics = beside(model)[1]
    if not metrics.is_file():
        return None
    try:
        card: dict[str, Any] = json.loads(metrics.read_text(encoding="utf-8"))
        stale = card["model"]["sha256"] != sha256(model) or card["format"] != FORMAT_VERSION
    except (ValueError, KeyError, TypeError) as error:
        raise AuscultError(f"{metrics} is not what `auscult evaluate` writes ({error})", "a whole file",
                           "evaluate the model again, or remove the file") from error
    return None if stale else card


def for_bundle(model: Path, trained: Trained) -> tuple[dict[str, Any], dict[str, str]]:
    """(metrics for the manifest, files by their names) of a model that was evaluated, or judged when it was trained; nothing
    of one that was not."""
    card = find(model)
    if card is None and "novelty" in trained.metrics:
        card = document(trained, [], trained.metrics, sha256(model))
    if card is None:
        return {}, {}
    return summary(card), {"card.md": markdown(card), "metrics.json": json.dumps(card, indent=1, ensure_ascii=False) + "\n"}


def summary(card: dict[str, Any]) -> dict[str, Any]:
    """The figures that count, always with how they were obtained."""
    result = card["evaluation"]
    decision, day, late = result["decision"], result["decision"]["per_day"], result["decision"]["delay"]
    named = ("how", "date", "group_by", "windows", "balanced_accuracy", "balanced_accuracy_95", "macro_f1",
             "leaky_balanced_accuracy", "nested")
    return {name: result[name] for name in named if name in result} | {
        "groups": {row["name"]: row["balanced_accuracy"] for row in result["groups"]},
        "decision": {name: decision[name] for name in ("k", "n", "balanced_accuracy") if name in decision},
        "false_alarms_per_day_95": day and day["per_day_95"], "median_delay_s": late and late["median_s"],
        "expected_calibration_error": result["calibration"]["ece"] if "calibration" in result else None,
        "coverage": result["novelty"]["coverage"], "out_of_distribution": result["novelty"]["out_of_distribution"],
        "silently_wrong": result["novelty"]["silently_wrong"],
        "fails": [finding["title"] for finding in card["findings"] if finding["kind"] == "fails"]}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _row(name: str, value: float, pair: list[float] | None) -> str:
    return f"| {name} | {value:.3f} | " + (f"{pair[0]:.3f} to {pair[1]:.3f} |" if pair else "– |")


def _cell(value: object) -> str:
    return " ".join(str(value).replace("|", "/").split())
