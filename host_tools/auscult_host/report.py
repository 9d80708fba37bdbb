# SPDX-License-Identifier: Apache-2.0
"""The evaluation as one HTML page that needs nothing else: plots and tables, readable on a phone and on paper."""

from pathlib import Path
from typing import Any

from . import report_plots
from .files import atomic
from .findings import findings, number, span
from .sensitivity import KINDS


def render(document: dict[str, Any]) -> str:
    """The page of a model card's document (`card.document`)."""
    import jinja2
    from markupsafe import Markup

    result = document["evaluation"]
    plots = {"groups": report_plots.groups(result)}
    if "calibration" in result:
        plots["calibration"] = report_plots.calibration(result)
    if len(result.get("learning_curve", ())) > 1:
        plots["curve"] = report_plots.curve(result)
    if "sensitivity" in result:
        plots["sensitivity"] = report_plots.sensitivity(result)
    late = result["decision"].get("delay")
    if late and late["detected"]:
        plots["delay"] = report_plots.delay(result)
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"score": lambda value: "–" if value is None else f"{value:.3f}",
                            "share": lambda value: "–" if value is None else f"{100 * value:.1f}\u202f%",
                            "seconds": lambda value: "–" if value is None else span(value / 3600), "span": span, "number": number}
    template = environment.from_string(Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8"))
    return template.render(card=document, result=result, findings=findings(result), kinds=KINDS,
                           plots={name: Markup(svg) for name, svg in plots.items()})


def write(document: dict[str, Any], path: Path) -> Path:
    """Render into a file, which appears only once it is complete."""
    page = render(document)
    with atomic(path) as part:
        part.write_text(page, encoding="utf-8")
    return path
