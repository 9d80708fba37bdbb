# SPDX-License-Identifier: Apache-2.0
"""Plots of the evaluation's report as inline SVG, whose colours follow the page: light, dark or print."""

import io
import re
from collections.abc import Callable
from typing import Any

from .pictures import pyplot
from .sensitivity import KINDS

# Stand-ins that matplotlib draws with, and the variables of the page that take their place.
INK, SOFT, LINE, BLUE, RUST, RED = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
_VARIABLES = {INK: "ink", SOFT: "soft", LINE: "line", BLUE: "blue", RUST: "rust", RED: "red"}
_MOST_GROUPS = 24
_STYLE = {
    "svg.fonttype": "none", "font.size": 11, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT, "text.color": INK, "xtick.color": LINE, "ytick.color": LINE, "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT, "grid.color": LINE, "grid.linewidth": 0.7, "axes.linewidth": 0.9, "lines.solid_capstyle": "round",
    "axes.labelsize": 11, "figure.facecolor": "none", "axes.facecolor": "none", "axes.axisbelow": True,
}


def _svg(name: str, width: float, height: float, draw: Callable[[Any], None], describe: str) -> str:
    """One plot, `width` inches wide at most; name keeps its ids apart from those of other plots of the page."""
    plt = pyplot()
    with plt.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
        try:
            draw(axes)
            out = io.StringIO()
            figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
        finally:
            plt.close(figure)
    text = out.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    text = re.sub(r"(font(?:-family)?: [^;\"]*?)'DejaVu Sans'[^;\"]*", r"\1inherit", text)
    text = re.sub(r"font: ([\d.]+)px inherit", r"font-size: \1px", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    return re.sub(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>',
                  rf'<svg class="plot" role="img" aria-label="{describe}" viewBox="\1" style="max-width: {width * 84:.0f}px" '
                  r'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">', text, count=1)


def groups(result: dict[str, Any]) -> str:
    """A dot for each group with its interval, the honest mean and its interval behind it."""
    rows = sorted(result["groups"], key=lambda row: float(row["balanced_accuracy"]), reverse=True)[-_MOST_GROUPS:]

    def draw(plot: Any) -> None:
        if result["balanced_accuracy_95"]:
            plot.axvspan(*result["balanced_accuracy_95"], color=BLUE, alpha=0.13, linewidth=0)
        plot.axvline(result["balanced_accuracy"], color=BLUE, linewidth=1.6)
        for place, row in enumerate(reversed(rows)):
            if row["balanced_accuracy_95"]:
                plot.plot(row["balanced_accuracy_95"], (place, place), color=INK, linewidth=1.6, alpha=0.55)
            strange = row["novel"] >= 0.5
            plot.plot(row["balanced_accuracy"], place, "D" if strange else "o", color=RUST if strange else INK, markersize=7)
        plot.set_yticks(range(len(rows)), [row["name"] for row in reversed(rows)])
        plot.tick_params(axis="y", length=0, labelcolor=INK)
        plot.set_ylim(-0.7, len(rows) - 0.3)
        plot.set_xlim(min(0.8, *(row["balanced_accuracy"] for row in rows)) - 0.03, 1.01)
        plot.set_xlabel("balanced accuracy, each window")
        plot.grid(axis="x")
        plot.spines["left"].set_visible(False)

    return _svg("groups", 5.6, 1.1 + 0.32 * len(rows), draw, "balanced accuracy of each group")


def calibration(result: dict[str, Any]) -> str:
    """Reliability diagram: how often it was right against how sure it was; the dots' area is the number of windows."""
    bins = result["calibration"]["bins"]
    most = max(row["windows"] for row in bins)

    def draw(plot: Any) -> None:
        plot.plot((0, 1), (0, 1), color=SOFT, linewidth=1.2, linestyle=(0, (4, 3)))
        plot.scatter([row["confidence"] for row in bins], [row["right"] for row in bins],
                     s=[14 + 150 * row["windows"] / most for row in bins], color=BLUE, zorder=3)
        plot.text(0.3, 0.26, "as sure as right", color=SOFT, ha="left", va="top", fontsize=9.5)
        plot.set(xlim=(0, 1.03), ylim=(0, 1.03), xlabel="probability that the C gave", ylabel="share that was right")
        plot.set_aspect("equal")
        plot.grid()

    return _svg("calibration", 4.2, 4.0, draw, "reliability diagram")


def curve(result: dict[str, Any]) -> str:
    """Score against the number of groups to train on, with the range over draws."""
    points = result["learning_curve"]
    sizes = [point["groups"] for point in points]

    def draw(plot: Any) -> None:
        plot.fill_between(sizes, [point["low"] for point in points], [point["high"] for point in points], color=BLUE, alpha=0.15,
                          linewidth=0)
        plot.plot(sizes, [point["balanced_accuracy"] for point in points], "-o", color=BLUE, linewidth=1.8, markersize=6)
        plot.set_xticks(sizes)
        low = min(point["low"] for point in points)
        plot.set_ylim(max(0, min(0.5, low - 0.05)), 1.02)
        plot.set(xlabel=f"{result['group_by']}s to train on", ylabel="balanced accuracy")
        plot.grid(axis="y")

    return _svg("curve", 4.6, 3.4, draw, "score against amount of training data")


def sensitivity(result: dict[str, Any]) -> str:
    """A row for each change: dot at the mean over draws, a line to the worst of them."""
    tested = result["sensitivity"]
    rows: list[tuple[str, dict[str, Any] | None]] = []
    for kind, (title, _) in KINDS.items():
        points = [point for point in tested["points"] if point["kind"] == kind]
        if points:
            rows += [(title, None)] + [(point["label"], point) for point in points]

    def draw(plot: Any) -> None:
        plot.axvline(tested["clean"], color=BLUE, linewidth=1.6)
        names = []
        for place, (name, point) in enumerate(reversed(rows)):
            names.append(name)
            if point is None:
                continue
            colour = RED if point in tested["cliffs"] else INK
            plot.plot((tested["clean"], point["balanced_accuracy"]), (place, place), color=colour, linewidth=1, alpha=0.4)
            if point["worst"] < point["balanced_accuracy"]:
                plot.plot(point["worst"], place, "|", color=colour, markersize=10)
            plot.plot(point["balanced_accuracy"], place, "o", color=colour, markersize=6.5)
        plot.set_yticks(range(len(rows)), names)
        plot.tick_params(axis="y", length=0)
        for label, (_, point) in zip(plot.get_yticklabels(), reversed(rows), strict=True):
            label.set_color(INK if point is None else SOFT)
            label.set_fontweight("bold" if point is None else "normal")
        plot.set_ylim(-0.7, len(rows) - 0.3)
        plot.set_xlim(min(0.45, *(point["worst"] for point in tested["points"])) - 0.03, 1.02)
        plot.set_xlabel("balanced accuracy on held-out groups")
        plot.grid(axis="x")
        plot.spines["left"].set_visible(False)

    return _svg("sensitivity", 6.2, 1.0 + 0.26 * len(rows), draw, "score by what was changed")


def delay(result: dict[str, Any]) -> str:
    """Share of the faults that are noticed, by time since each began."""
    late = result["decision"]["delay"]
    rows = [row for row in late["rows"] if not row["early"]]
    unit, size = next(((name, size) for name, size in (("hours", 3600), ("minutes", 60)) if late["worst_s"] > 3 * size),
                      ("seconds", 1))
    seconds = sorted(row["seconds"] / size for row in rows if row["seconds"] is not None)
    right = sorted(row["right_seconds"] / size for row in rows if row["right_seconds"] is not None)

    def draw(plot: Any) -> None:
        for times, colour, style, name in ((seconds, BLUE, "-", "any alarm"), (right, RUST, (0, (4, 2)), "the right class")):
            shares = [0.0, *((place + 1) / late["faults"] for place in range(len(times)))]
            end = max([*seconds, *right]) * 1.15
            plot.step([0, *times, end], [*shares, shares[-1]], where="post", color=colour, linestyle=style, linewidth=1.8,
                      label=name)
        plot.set(xlim=(0, None), ylim=(0, 1.04), xlabel=f"{unit} since the fault began", ylabel="share of the faults")
        plot.grid(axis="y")
        plot.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, labelcolor=SOFT, borderaxespad=0.2)

    return _svg("delay", 4.6, 3.0, draw, "share of faults noticed by time")
