# SPDX-License-Identifier: Apache-2.0
"""Pictures: a spectrogram with verdicts, a confusion matrix, where a battery's charge goes. Drawn without a display."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .errors import AuscultError
from .files import atomic
from .power import Estimate
from .recordings import UNITS, Recording

# Okabe & Ito's palette: told apart with every common kind of colour vision. "normal" is always the same calm blue.
_NORMAL = "#56B4E9"
_COLOURS = ("#D55E00", "#E69F00", "#CC79A7", "#009E73", "#F0E442", "#0072B2", "#000000", "#999999")
_MARKED = "#FFFFFF"
_HATCHES = ("", "//", "\\\\", "..", "xx", "++", "oo", "--")  # a second cue beside the colour


class Verdict(NamedTuple):
    """What was said about the window from start_s to end_s; "" where it was unfit to be judged."""

    start_s: float
    end_s: float
    label: str
    probability: float = 1.0


def spectrogram_with_verdicts(
    recording: Recording,
    verdicts: Sequence[Verdict],
    path: Path | str,
    *,
    fault_at_s: float | None = None,
    detected_at_s: float | None = None,
    axis: str | None = None,
    normal: str = "normal",
    title: str = "",
) -> Path:
    """Draw one axis' spectrogram (dB, Hann, half overlap) and below it a strip with one verdict a window.

    fault_at_s: when the fault began (default: the recording's own); detected_at_s: when the decision changed; the
    time between is written into the picture. axis: default is the axis with most vibration. The strip's height is
    the probability. Overlapping windows are drawn over their last hop, which is when they were known.
    Returns the path of the PNG. Raises AuscultError when there is nothing to draw.
    """
    if not verdicts:
        raise AuscultError("no verdicts to draw", "at least one", "play a recording longer than one window")
    plt = pyplot()
    if fault_at_s is None:
        fault_at_s = recording.fault_at_s
    channel = int(np.argmax(recording.data.std(axis=0))) if axis is None else recording.axes.index(axis)
    axis = recording.axes[channel]

    figure, (above, below) = plt.subplots(
        2, 1, figsize=(11, 6.4), sharex=True, height_ratios=(4, 1.25), layout="constrained")
    _draw_spectrogram(figure, above, recording, channel)
    colours = draw_strip(below, verdicts, normal)

    handles = [plt.Rectangle((0, 0), 1, 1, facecolor=colour, hatch=hatch, edgecolor="#222222", linewidth=0.6)
               for colour, hatch in colours.values()]
    figure.legend(handles, list(colours), loc="outside lower center", ncols=min(6, len(colours)), fontsize=12,
                  frameon=False)
    top = recording.rate_hz / 2
    for moment, text, style in ((fault_at_s, "fault begins", "--"), (detected_at_s, "detected", "-")):
        if moment is None:
            continue
        for plot in (above, below):
            plot.axvline(moment, color="white" if plot is above else "black", linestyle=style, linewidth=2)
        right = moment < 0.75 * recording.seconds
        if fault_at_s is not None and detected_at_s is not None and moment == fault_at_s:
            right = False  # the two labels stand on the outer sides of the two lines
        above.annotate(f"{text}, {moment:.1f} s", (moment, 0.95 * top), xytext=(7 if right else -7, 0),
                       textcoords="offset points", ha="left" if right else "right", va="top", fontsize=12,
                       color="black", bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "none"})
    if fault_at_s is not None and detected_at_s is not None and detected_at_s >= fault_at_s:
        above.annotate("", (detected_at_s, 0.78 * top), xytext=(fault_at_s, 0.78 * top),
                       arrowprops={"arrowstyle": "<->", "color": "white", "lw": 2})
        right = detected_at_s < 0.7 * recording.seconds
        above.annotate(f"time to detection {detected_at_s - fault_at_s:.1f} s",
                       (detected_at_s if right else fault_at_s, 0.78 * top), xytext=(7 if right else -7, 0),
                       textcoords="offset points", ha="left" if right else "right", va="center", fontsize=13,
                       fontweight="bold", color="black",
                       bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "none"})
    above.set_title(title or f"{recording.machine or recording.name or 'recording'}: axis {axis}, and what the "
                    "board said", fontsize=15, loc="left")
    return save(figure, Path(path))


def _draw_spectrogram(figure: Any, plot: Any, recording: Recording, channel: int) -> None:
    samples = recording.data[:, channel].astype(np.float64)
    size = 1 << max(5, min(9, int(np.log2(max(32, len(samples) // 64)))))
    if len(samples) < size:
        raise AuscultError(f"a recording of {len(samples)} samples", f"at least {size} samples to draw", "")
    hop = max(size // 2, len(samples) // 2000)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    taper = np.hanning(size)
    spectrum = np.fft.rfft((frames - frames.mean(axis=1, keepdims=True)) * taper)
    # Power spectral density, one-sided: 2 |X|² / (rate · Σw²)
    density = 2 * np.abs(spectrum) ** 2 / (recording.rate_hz * np.sum(taper**2))
    level = 10 * np.log10(density[:, 1:] + 1e-20)
    low, high = np.percentile(level, (5, 99.7))
    mesh = plot.imshow(level.T, origin="lower", aspect="auto", cmap="cividis", vmin=low, vmax=max(high, low + 1),
                       extent=(0, recording.seconds, 0, recording.rate_hz / 2), interpolation="nearest")
    bar = figure.colorbar(mesh, ax=plot, pad=0.01)
    unit = UNITS[recording.unit]
    bar.set_label("dB re 1 /Hz" if recording.unit == "1" else f"dB re 1 ({unit})²/Hz", fontsize=12)
    bar.ax.tick_params(labelsize=11)
    plot.set_ylabel("frequency in Hz", fontsize=13)
    plot.tick_params(labelsize=12)


def draw_strip(plot: Any, verdicts: Sequence[Verdict], normal: str) -> dict[str, tuple[str, str]]:
    """Returns label -> (colour, hatch) in the order of the legend."""
    names = [normal] if any(v.label == normal for v in verdicts) else []
    names += list(dict.fromkeys(v.label for v in verdicts if v.label not in ("", normal)))
    looks = {name: (_NORMAL, "") if name == normal else
             (_COLOURS[(i - (normal in names)) % len(_COLOURS)], _HATCHES[(i // len(_COLOURS)) % len(_HATCHES)])
             for i, name in enumerate(names)}
    if any(not v.label for v in verdicts):
        looks["can't tell"] = (_MARKED, "//")
    end = verdicts[0].start_s
    for verdict in verdicts:
        begin = max(end, verdict.start_s)
        colour, hatch = looks[verdict.label or "can't tell"]
        height = verdict.probability if verdict.label else 1.0
        plot.bar(begin, height, width=verdict.end_s - begin, align="edge", color=colour, hatch=hatch,
                 edgecolor="#222222" if hatch else colour, linewidth=0.3)
        end = verdict.end_s
    plot.set_ylim(0, 1)
    plot.set_yticks((0, 0.5, 1))
    plot.set_ylabel("verdict's\nprobability", fontsize=12)
    plot.set_xlabel("time in s", fontsize=13)
    plot.tick_params(labelsize=12)
    return looks


def confusion_matrix(counts: np.ndarray, labels: Sequence[str], path: Path | str, title: str = "") -> Path:
    """Draw counts[true, said] as shares of each true class, with the counts in the cells."""
    plt = pyplot()
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(4.8, 1.25 * len(labels) + 2)
    figure, plot = plt.subplots(figsize=(side + 0.8, side), layout="constrained")
    mesh = plot.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        plot.text(column, row, f"{share:.0%}\n({counts[row, column]})", ha="center", va="center", fontsize=12,
                  color="black" if share > 0.5 else "white")
    plot.set_xticks(range(len(labels)), labels, rotation=30 if max(map(len, labels)) > 7 else 0, fontsize=12,
                    ha="right" if max(map(len, labels)) > 7 else "center")
    plot.set_yticks(range(len(labels)), labels, fontsize=12)
    plot.set_xlabel("what the pipeline said", fontsize=13)
    plot.set_ylabel("what it was", fontsize=13)
    plot.set_title(title or "Windows by class", fontsize=14)
    bar = figure.colorbar(mesh, ax=plot, fraction=0.046, pad=0.03)
    bar.set_label("share of the true class", fontsize=12)
    return save(figure, Path(path))


def charge(found: Estimate, life_days: Callable[[float, str], float], sleep: str, path: Path | str, title: str = "") -> Path:
    """Draw where the charge goes, and the battery's life against the share of time that is sampled.

    life_days(share, sleep) gives the life in days, sleep being idle or light; the one that is set is marked."""
    plt = pyplot()
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained", width_ratios=(1.1, 1))
    parts = [(name, ma) for name, ma in found.parts.items() if ma > 0][::-1]
    bars = left.barh([name for name, _ in parts], [ma / found.average_ma for _, ma in parts],
                     color=["#E69F00" if name == "sensor" else "#0072B2" if "asleep" in name else "#D55E00" for name, _ in parts])
    left.bar_label(bars, [f"{ma / found.average_ma:.1%}" for _, ma in parts], padding=4, fontsize=12)
    left.set_xlim(0, 1.18 * max(ma for _, ma in parts) / found.average_ma)
    left.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    left.set_xlabel(f"share of {1000 * found.average_ma:,.0f} µA on average", fontsize=13)
    shares = np.geomspace(min(0.001, found.sampling or 0.001), 1, 60)
    for kind, colour, style in (("idle", "#56B4E9", "-"), ("light", "#0072B2", "--")):
        right.loglog(shares, [life_days(share, kind) for share in shares], style, color=colour, linewidth=2.5, label=kind)
    if found.sampling > 0:
        right.plot(found.sampling, life_days(found.sampling, sleep), "o", color="#D55E00", markersize=11,
                   label=f"configured: {found.life_h / 24:,.0f} days")
    right.xaxis.set_major_formatter(lambda value, _: f"{value:.1%}" if value < 0.01 else f"{value:.0%}")
    right.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    right.set_xlabel("share of time that is sampled", fontsize=13)
    right.set_ylabel("battery life in days, by kind of sleep", fontsize=13)
    right.grid(alpha=0.3, which="both")
    right.legend(fontsize=12, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    for plot in (left, right):
        plot.tick_params(labelsize=12)
    figure.suptitle(f"{title}, {found.battery.text}", fontsize=15, x=0.01, ha="left")
    return save(figure, Path(path))


def search(rows: Sequence[dict[str, Any]], front: Sequence[dict[str, Any]], best: dict[str, Any], metric: str, path: Path | str,
           title: str = "") -> Path:
    """Draw every candidate's score against its bytes and against its time (instructions for a simulated board).

    rows, front, best: of `search.Searched`. Raises AuscultError when there is nothing to draw."""
    judged = [row for row in rows if row["score"] is not None]
    if not judged:
        raise AuscultError("no judged candidates to draw", "at least one", "search on")
    plt = pyplot()
    timed = all(row["cost"]["seconds"] is not None for row in judged)
    second = ("seconds", "time for a window in ms, estimated", 1000.0)
    axes = (("flash_bytes", "bytes of the module, predicted", 1.0),
            second if timed else ("instructions", "instructions a window, predicted", 1.0))
    figure, plots = plt.subplots(1, 2, figsize=(12, 5), layout="constrained", sharey=True)
    models = list(dict.fromkeys(row["settings"]["model"] for row in judged))
    for plot, (key, label, factor) in zip(plots, axes, strict=True):
        for i, model in enumerate(models):
            own = [row for row in judged if row["settings"]["model"] == model]
            plot.scatter([row["cost"][key] * factor for row in own], [row["score"] for row in own], s=55, label=model,
                         color=_COLOURS[i % len(_COLOURS)], marker="os^Dv<>PX"[i % 9], alpha=0.8, edgecolor="#222222",
                         linewidth=0.4)
        step = sorted((row["cost"][key] * factor, row["score"]) for row in front)
        edge = [(x, max(score for other, score in step if other <= x)) for x, _ in step]
        plot.step(*zip(*edge, strict=True), where="post", color="#222222", linewidth=1.5, label="best for its size")
        plot.scatter([best["cost"][key] * factor], [best["score"]], s=260, facecolor="none", edgecolor="#D55E00", linewidth=2.5,
                     label="chosen")
        plot.set_xscale("log")
        plot.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        plot.xaxis.set_minor_formatter(lambda value, _: f"{value:,g}" if f"{value:e}"[0] in "25" else "")
        plot.set_xlabel(label, fontsize=13)
        plot.tick_params(labelsize=12, which="both")
        plot.grid(alpha=0.3)
    plots[0].set_ylabel(f"{metric.replace('_', ' ')} on groups held out", fontsize=13)
    handles, labels = plots[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(8, len(labels)), fontsize=12, frameon=False)
    figure.suptitle(title or "Candidates of the search", fontsize=15, x=0.01, ha="left")
    return save(figure, Path(path))


def pyplot() -> Any:
    """matplotlib without a display."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def save(figure: Any, path: Path) -> Path:
    """Write a figure whole or not at all, in the format of its suffix, and close it."""
    try:
        with atomic(path) as part:
            figure.savefig(part, dpi=110, format=path.suffix.lstrip(".") or "png")
    finally:
        pyplot().close(figure)
    return path
