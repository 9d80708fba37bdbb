# SPDX-License-Identifier: Apache-2.0
"""What an evaluation means in plain words: where the model will fail, and how far the evidence reaches."""

from typing import Any, NamedTuple

from .decision import NORMAL
from .sensitivity import KINDS

FEW_GROUPS = 5  # fewer cannot say what the next one will be like
_CONFUSED, _MISCALIBRATED, _LEAK, _RISING = 0.1, 0.1, 0.05, 0.02


class Finding(NamedTuple):
    """kind: fails (the model is wrong there), limit (the evidence ends there) or note."""

    kind: str
    title: str
    text: str


def findings(result: dict[str, Any]) -> list[Finding]:
    """The worst first."""
    found = [*_groups(result), *_decisions(result), *_classes(result), *_sensor(result), *_figures(result), *_evidence(result)]
    return sorted(found, key=lambda finding: ("fails", "limit", "note").index(finding.kind))


def _groups(result: dict[str, Any]) -> list[Finding]:
    group, rows, found = result["group_by"], {row["name"]: row for row in result["groups"]}, []
    if result["guessing"]:
        found.append(Finding("fails", "No better than guessing",
                             f"On a new {group} it may be right no more often than chance. Record more {group}s, in the mounting "
                             "and at the speeds that will be met."))
    warning = ("calls only {0[novel]:.0%} of the windows novel: nothing warns of it." if result["novelty"]["guarded"] else
               "has no guard that would call its windows novel (novelty is 0): nothing warns of it.")
    for name in result["novelty"]["silently_wrong"]:
        row = rows[name]
        found.append(Finding("fails", f"Silently wrong on {name}",
                             f"Recognises {row['balanced_accuracy']:.0%} of what it should there, and {warning.format(row)} "
                             f"Find out how {name} differs, or record more like it."))
    for name in result["novelty"]["out_of_distribution"]:
        row = rows[name]
        found.append(Finding("fails", f"{name} is out of distribution",
                             f"{row['novel']:.0%} of its windows are unlike what was trained on and are answered with "
                             f"“can't tell”. Judged all the same, {row['balanced_accuracy']:.0%} of each class would be "
                             "recognised. Train with recordings like it if it shall be judged."))
    return found


def _decisions(result: dict[str, Any]) -> list[Finding]:
    found, decision = [], result["decision"]
    day, late = decision.get("per_day"), decision.get("delay")
    if day and day["alarms"]:
        low, high = day["per_day_95"]
        found.append(Finding("fails", f"{number(day['per_day'])} false alarms a day",
                             f"{day['alarms']} in {span(day['hours'])} of normal running (95 %: {number(low)} to {number(high)} "
                             "a day, if they come independently). A larger k of n makes them rarer and detection later."))
    elif day:
        found.append(Finding("limit", "False alarms: too little normal running to promise few",
                             f"None was seen, but in {span(day['hours'])} only: that excludes no more than "
                             f"{number(day['per_day_95'][1])} a day (rule of three). To claim less than one a day, record three "
                             "days of normal running without one."))
    if late and late["detected"] < late["faults"]:
        found.append(Finding("fails", f"{late['faults'] - late['detected']} of {late['faults']} faults never noticed",
                             "The decision stayed as it was until the recording ended: "
                             + ", ".join(f"{row['label']} {row['faults'] - row['detected']} of {row['faults']}"
                                         for row in late["by_class"] if row["detected"] < row["faults"]) + "."))
    return found


def _classes(result: dict[str, Any]) -> list[Finding]:
    found = []
    for label, row in zip(result["classes"], result["confusion"], strict=True):
        for other, count in zip(result["classes"], row, strict=True):
            if other != label and count > _CONFUSED * sum(row):
                found.append(Finding("fails", f"{label} is taken for {other}",
                                     f"{count / sum(row):.0%} of the windows of {label} are called {other}."))
        if not sum(row):
            found.append(Finding("limit", f"{label} was not tested", "No recording of this dataset has this label."))
    return found


def _sensor(result: dict[str, Any]) -> list[Finding]:
    tested = result.get("sensitivity")
    if not tested:
        return []
    found = []
    for kind, (title, _) in KINDS.items():
        points = [point for point in tested["cliffs"] if point["kind"] == kind]
        if points:
            worst = ", ".join(f"{point['balanced_accuracy']:.2f} for {point['label']}" for point in points)
            found.append(Finding("fails", f"Sensitive to: {title.lower()}",
                                 f"Balanced accuracy falls from {tested['clean']:.3f} to {worst}."))
    return found


def _figures(result: dict[str, Any]) -> list[Finding]:
    found, group = [], result["group_by"]
    leaky, honest = result.get("leaky_balanced_accuracy"), result["balanced_accuracy"]
    if leaky is not None and leaky - honest > _LEAK:
        found.append(Finding("note", "A leaky split would flatter",
                             f"Dealing windows at random (leaky) gives {leaky:.2f} instead of {honest:.2f}: neighbours of a "
                             f"tested window were trained on. It says nothing about a new {group}."))
    calibration = result.get("calibration")
    if calibration and calibration["ece"] > _MISCALIBRATED:
        kind = "surer" if calibration["confidence"] > calibration["right"] else "less sure"
        found.append(Finding("note", f"Probabilities: {kind} than it is right",
                             f"It says {calibration['confidence']:.0%} on average and is right in {calibration['right']:.0%} "
                             f"(expected calibration error {calibration['ece']:.2f})."))
    alarm = result.get("alarm")
    if alarm and alarm["asked"] is not None and "false_alarms" in result and result["false_alarms"] > 2 * alarm["asked"]:
        found.append(Finding("fails", "The threshold does not carry over",
                             f"{alarm['asked']:.1%} of normal windows may be called abnormal; on {group}s that it has not met "
                             f"{result['false_alarms']:.1%} are. Learn a baseline on the spot, or train on more {group}s."))
    return found


def _evidence(result: dict[str, Any]) -> list[Finding]:
    group, count = result["group_by"], len(result["groups"])
    found = []
    if count < FEW_GROUPS:
        found.append(Finding("limit", f"Only {count} {group}{'s' if count > 1 else ''}",
                             f"Too few to know how different the next {group} will be; intervals over so few are too narrow."))
    if nested := result.get("nested"):
        value = "no nested figure could be had" if nested["value"] is None else (
            f"with the choice made anew without each {group}, {nested['metric'].replace('_', ' ')} is {nested['value']:.3f}")
        found.append(Finding("limit", "The settings were chosen on these very recordings",
                             f"The search tried {nested['candidates']} candidates on them, so the figures here are somewhat too "
                             f"good. The search's own, nested: {value}."))
    if group == "recording":
        found.append(Finding("limit", "Recordings of the same machine and session judge each other",
                             "They are more alike than a new machine will be. Give --machine and --session when importing."))
    if result["balanced_accuracy_95"] is None:
        found.append(Finding("limit", "No interval", f"It needs three {group}s, and every class in at least two of them."))
    if NORMAL not in result["classes"]:
        found.append(Finding("note", "No class is called normal", "So there are no false alarms to count."))
    curve = result.get("learning_curve", [])
    if len(curve) > 1 and curve[-1]["balanced_accuracy"] - max(p["balanced_accuracy"] for p in curve[:-1]) > _RISING:
        found.append(Finding("note", f"More {group}s would help",
                             f"From {curve[-2]['groups']} to {curve[-1]['groups']} {group}s to train on, balanced accuracy rose "
                             f"from {curve[-2]['balanced_accuracy']:.2f} to {curve[-1]['balanced_accuracy']:.2f} and has not "
                             "levelled off."))
    return found


def span(hours: float) -> str:
    """A time that is easy to read."""
    if hours < 1 / 60:
        return f"{3600 * hours:.3g} s"
    if hours < 2:
        return f"{60 * hours:.1f} min"
    return f"{hours:.1f} h" if hours < 72 else f"{hours / 24:.1f} days"


def number(value: float) -> str:
    """Two or three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
