# SPDX-License-Identifier: Apache-2.0
"""A picture of slow quantities or of cycles: the signal itself, and below it what the board said."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import AuscultError
from .pictures import Verdict, draw_strip, pyplot, save
from .recordings import UNITS, Recording

_LONG_S = 7200.0  # from here on hours are shown
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_AXIS_UNITS = {"temperature": "°C", "humidity": "%", "pressure": "kPa", "door": "door"}


def signal_with_verdicts(recording: Recording, verdicts: Sequence[Verdict], path: Path | str, *, axes: Sequence[str] = (),
                         fault_at_s: float | None = None, detected_at_s: float | None = None, title: str = "") -> Path:
    """Draw some axes (default: all) over time, one below the other, and a strip with the verdicts.

    fault_at_s: when the fault began (default: the recording's own); detected_at_s: when the decision changed. Returns the
    path of the PNG. Raises AuscultError when there is nothing to draw."""
    if not verdicts:
        raise AuscultError("no verdicts to draw", "at least one", "play a recording longer than one window")
    plt = pyplot()
    fault_at_s = recording.fault_at_s if fault_at_s is None else fault_at_s
    axes, long = list(axes) or list(recording.axes), recording.seconds >= _LONG_S
    scale, unit = (3600.0, "h") if long else (1.0, "s")
    t = np.arange(len(recording.data)) / recording.rate_hz / scale
    heights = [1.0 if axis == "door" else 2.2 for axis in axes]
    figure, plots = plt.subplots(len(axes) + 1, 1, figsize=(11, 2.2 + 1.4 * len(axes) + 1.6), sharex=True,
                                 height_ratios=[*heights, 1.4], layout="constrained")
    for plot, axis, colour in zip(plots, axes, _COLOURS * len(axes), strict=False):
        values = recording.data[:, recording.axes.index(axis)]
        if axis == "door":
            plot.fill_between(t, values > 50, step="post", color=colour, linewidth=0)
            plot.set_yticks((0, 1), ("closed", "open"))
        else:
            plot.plot(t, values, color=colour, linewidth=0.8)
            plot.grid(alpha=0.3)
            plot.set_ylabel(f"{axis} in {_AXIS_UNITS.get(axis, '')}" if recording.unit == "mixed" else
                            f"{axis} in {UNITS[recording.unit]}", fontsize=12)
        plot.tick_params(labelsize=12)
    looks = draw_strip(plots[-1], [Verdict(v.start_s / scale, v.end_s / scale, v.label, v.probability) for v in verdicts],
                        "normal")
    plots[-1].set_xlabel(f"time in {unit}", fontsize=13)
    plots[-1].set_xlim(0, t[-1])
    _mark(plots, fault_at_s, detected_at_s, scale, unit, float(t[-1]))
    handles = [plt.Rectangle((0, 0), 1, 1, facecolor=colour, hatch=hatch, edgecolor="#222222", linewidth=0.6)
               for colour, hatch in looks.values()]
    figure.legend(handles, list(looks), loc="outside lower center", ncols=min(6, len(looks)), fontsize=12, frameon=False)
    plots[0].set_title(title or f"{recording.machine or recording.name or 'recording'}, and what the board said", fontsize=15,
                       loc="left")
    return save(figure, Path(path))


def _mark(plots: Any, fault_at_s: float | None, detected_at_s: float | None, scale: float, unit: str, end: float) -> None:
    """Lines through all plots, with the moment in the first."""
    for moment, text, style in ((fault_at_s, "fault begins", "--"), (detected_at_s, "detected", "-")):
        if moment is None:
            continue
        at = moment / scale
        for plot in plots:
            plot.axvline(at, color="black", linestyle=style, linewidth=1.6)
        left = (style == "--" and detected_at_s is not None) or at > 0.8 * end
        plots[0].annotate(f"{text}, {at:.1f} {unit}", (at, 0.95), xycoords=("data", "axes fraction"),
                          xytext=(-7 if left else 7, 0), textcoords="offset points", ha="right" if left else "left", va="top",
                          fontsize=12, bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "none", "alpha": 0.8})
