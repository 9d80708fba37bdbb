# SPDX-License-Identifier: Apache-2.0
"""A picture for each finding, and one page that shows them with the commands that mend them."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AuscultError
from ..files import atomic
from ..pictures import pyplot
from ..recordings import UNITS, Recording, read
from .finding import Curve, Finding

_BEFORE_S = 0.6  # seconds to see before and after a place, or thrice its length
_RED = "#D55E00"
_BLUE = "#0072B2"


def draw(findings: Sequence[Finding], folder: Path, progress: Callable[[str], None] = lambda _: None) -> Path:
    """Write a PNG for each finding and index.html beside them; returns the page."""
    for number, finding in enumerate(findings, 1):
        progress(f"drawing {number} of {len(findings)}")
        name = re.sub(r"\W+", "-", f"{number:03d}-{finding.kind}-{finding.path.stem}-{finding.axis or ''}").strip("-")
        finding.picture = _draw(finding, folder / f"{name}.png")
    page = folder / "index.html"
    with atomic(page) as part:
        part.write_text(_page(findings), encoding="utf-8")
    return page


def _draw(finding: Finding, path: Path) -> Path | None:
    plt = pyplot()
    if finding.curve is not None:
        figure, plot = plt.subplots(figsize=(9, 3.4), layout="constrained")
        _draw_curve(figure, plot, finding.curve)
    else:
        try:
            shown = [(finding.path, read(finding.path))]
            if finding.other is not None:
                shown.append((finding.other, read(finding.other)))
        except AuscultError:
            return None  # an unreadable file has no picture
        figure, plots = plt.subplots(len(shown), 1, figsize=(9, 1.2 + 2.2 * len(shown)), squeeze=False, layout="constrained")
        for plot, (source, recording) in zip(plots[:, 0], shown, strict=True):
            _draw_signal(plot, recording, finding if source == finding.path else None)
    with atomic(path) as part:
        figure.savefig(part, dpi=110, format="png")
    plt.close(figure)
    return path


def _draw_signal(plot: Any, recording: Recording, finding: Finding | None) -> None:
    start, end = 0.0, recording.seconds
    if finding is not None and finding.from_s is not None:
        to_s = finding.to_s if finding.to_s is not None else finding.from_s
        margin = max(3 * (to_s - finding.from_s), min(_BEFORE_S, 200 / recording.rate_hz))
        start, end = max(0.0, finding.from_s - margin), min(recording.seconds, to_s + margin)
        plot.axvspan(finding.from_s, max(to_s, finding.from_s + 1 / recording.rate_hz), color=_RED, alpha=0.25, linewidth=0)
    at = slice(int(start * recording.rate_hz), max(int(end * recording.rate_hz), int(start * recording.rate_hz) + 2))
    for i, axis in enumerate(recording.axes):
        lead = finding is not None and finding.axis == axis
        if finding is not None and finding.axis is not None and not lead and len(recording.axes) > 1:
            continue
        x = recording.data[at, i]
        seconds = np.arange(len(x)) / recording.rate_hz + at.start / recording.rate_hz
        step = max(1, len(x) // 4000)
        if step > 1:  # the outline: extremes of each stretch
            parts = x[:len(x) // step * step].reshape(-1, step)
            plot.fill_between(seconds[:len(parts) * step:step], parts.min(axis=1), parts.max(axis=1), alpha=0.6, label=axis,
                              linewidth=0.3)
        else:
            plot.plot(seconds, x, label=axis, linewidth=0.9, marker="." if len(x) < 200 else "", color=_BLUE if lead else None)
    plot.set_title(recording.name, fontsize=10, loc="left")
    plot.set_xlabel("s")
    plot.set_ylabel(UNITS[recording.unit])
    plot.legend(loc="upper right", fontsize=8, frameon=False)
    plot.margins(x=0)


def _draw_curve(figure: Any, plot: Any, curve: Curve) -> None:
    if curve.rows:
        if isinstance(curve.x, list):
            image = plot.imshow(curve.y, aspect="auto", cmap="cividis")
            many = len(curve.x) > 5
            plot.set_xticks(range(len(curve.x)), curve.x, rotation=40 if many else 0, ha="right" if many else "center")
        else:
            step = float(curve.x[1] - curve.x[0]) if len(curve.x) > 1 else 1.0
            image = plot.imshow(curve.y, aspect="auto", cmap="cividis", vmin=0, vmax=1, interpolation="nearest",
                                extent=(float(curve.x[0]), float(curve.x[-1]) + step, len(curve.rows) - 0.5, -0.5))
        plot.set_yticks(range(len(curve.rows)), curve.rows)
        figure.colorbar(image, ax=plot)
    else:
        plot.plot(curve.x, curve.y, linewidth=0.8, color=_BLUE)
        top = float(np.max(curve.y))
        for place, text in curve.marks:
            plot.axvline(place, color=_RED, linewidth=1, linestyle="--")
            plot.annotate(text, (place, top), rotation=90, fontsize=8, va="top", ha="right", color=_RED)
        plot.margins(x=0)
        plot.set_ylabel(curve.y_label)
    plot.set_title(curve.title, fontsize=10, loc="left")
    plot.set_xlabel(curve.x_label)


def _page(findings: Sequence[Finding]) -> str:
    from jinja2 import Environment

    page = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_TEMPLATE)
    return page.render(findings=findings, grave=sum(finding.grave for finding in findings))


_TEMPLATE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>auscult inspect</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
article { border-top: 1px solid #8886; padding: 1rem 0; }
h2 { font-size: 1.1rem; margin: 0; } h2 small { font-weight: normal; opacity: .7; }
.grave { color: #c2410c; } img { max-width: 100%; background: white; border-radius: 4px; }
code { display: block; padding: .5rem .7rem; background: #8882; border-radius: 4px; overflow-x: auto; }
</style>
<h1>{{ findings | length }} findings, {{ grave }} grave</h1>
{% if not findings %}<p>Nothing was found.</p>{% endif %}
{% for f in findings %}
<article>
<h2{% if f.grave %} class="grave"{% endif %}>{{ f.kind }} <small>{{ f.path.stem }}</small></h2>
<p>{{ f.text }}.</p>
{% if f.picture %}<img src="{{ f.picture.name }}" alt="{{ f.kind }} in {{ f.path.stem }}">{% endif %}
<code>{{ f.mend }}</code>
</article>
{% endfor %}
</html>
"""
