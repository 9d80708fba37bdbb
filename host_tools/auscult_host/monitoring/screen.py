# SPDX-License-Identifier: Apache-2.0
"""The monitor's picture in the terminal, made anew from the state whenever it is drawn."""

from typing import Any

import numpy as np
from rich import box
from rich.align import Align
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from . import blocks
from .state import State, Verdict
from .waves import Wave

_AXIS_STYLES = ("bright_cyan", "bright_magenta", "bright_yellow", "bright_green")
_BAR = 12
_MOST_AXES = 4
BAD = (("lost", "verdict lines lost"), ("damaged", "lines damaged"), ("broken_waves", "waveforms incomplete"),
        ("errors", "errors of the node"), ("overruns", "overruns of the chip"), ("restarts", "restarts"))
_LEAST_WIDTH = 44  # of the curves


def draw(state: State, title: str, width: int, height: int) -> RenderableType:
    """The whole picture; the caller holds state.lock."""
    table = Table.grid(expand=True, padding=(0, 2))
    left = Group(_counts(state), Text(), _verdicts(state, max(3, height - 17 - len(state.counts) - len(state.flaws))))
    wave = state.wave
    if wave is not None and width >= 50 + _LEAST_WIDTH:
        table.add_column(width=44)
        table.add_column(ratio=1)
        table.add_row(left, _curves(wave, width - 50, max(2, (height - 12) // (2 * min(_MOST_AXES, len(wave.axes))) - 1)))
    else:
        table.add_column(ratio=1)
        table.add_row(left)
    return Group(_big(state), _about(state, title), Text(), table, _told(state))


def words(state: State) -> tuple[str, str]:
    """What the node says at present, and the style that shows how good that is."""
    if state.retry_s:
        return "SENSOR FAILS", "white on red"
    last = state.recent[-1] if state.recent else None
    if last is None:
        return ("NO VERDICTS" if state.over else "WAITING FOR THE FIRST WINDOW"), "black on bright_black"
    if last.state is None:
        return ("CAN'T TELL: " + last.flaws.upper()) if last.flaws else "UNDECIDED", "black on yellow"
    return last.state.upper(), "black on green" if last.state == state.normal else "white on red"


def _big(state: State) -> RenderableType:
    said, style = words(state)
    text = Text(" ".join(said) if len(said) < 28 else said, style=f"bold {style}", justify="center")
    under = Text(f"for {_duration(state.since_s())}" if state.recent and not state.retry_s else " ", style=style,
                 justify="center")
    return Padding(Group(Padding(text, (1, 0, 0, 0), style=style), under), style=style)


def _about(state: State, title: str) -> Text:
    node = state.node
    parts = [title, *(str(node[key]) for key in ("node", "sensor") if key in node)]
    if state.rate_hz:
        parts.append(f"{state.rate_hz:,.1f} Hz")
    parts.append(f"{state.windows_per_s():.1f} windows/s")
    parts.append(f"{state.verdicts:,} verdicts")
    text = Text(" · ".join(parts), style="dim", overflow="ellipsis", no_wrap=True)
    bad = [f"{getattr(state, key):,} {what}" for key, what in BAD if getattr(state, key)]
    return text.append(f" · {', '.join(bad)}", style="not dim yellow") if bad else text


def _counts(state: State) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
    total = max(1, sum(state.counts.values()) + sum(state.flaws.values()))
    classes = [str(label) for label in state.node.get("classes", [])] or sorted(state.counts)
    for label in classes:
        _count(table, label or "no model", state.counts[label], total, "green" if label == state.normal else "red")
    for flaw, count in sorted(state.flaws.items()):
        _count(table, f"can't tell: {flaw}", count, total, "yellow")
    return table


def _count(table: Table, name: str, count: int, total: int, style: str) -> None:
    filled = round(_BAR * count / total)
    bar = Text("█" * filled, style=style).append("░" * (_BAR - filled), style="bright_black")
    table.add_row(Text(name[:22]), bar, Text(f"{count:,}", justify="right"))


def _verdicts(state: State, rows: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), header_style="dim")
    scored = any(verdict.score is not None for verdict in list(state.recent)[-rows:])
    for name in ("t", "window", "verdict", "score" if scored else "p"):
        table.add_column(name, justify="left" if name == "verdict" else "right", no_wrap=True)
    for verdict in list(state.recent)[:-rows - 1:-1]:
        label, style = said_of(verdict, state)
        sure = verdict.score if scored else verdict.sure
        table.add_row(f"{verdict.t_ms / 1000:,.2f} s", str(verdict.window), Text(label[:20], style=style),
                      "" if sure is None else f"{sure:,}" if scored else f"{sure:.2f}")
    return table


def said_of(verdict: Verdict, state: State) -> tuple[str, str]:
    """A verdict in words, and its style."""
    if verdict.flaws:
        return f"? {verdict.flaws}", "yellow"
    return verdict.label or "–", "green" if verdict.label == state.normal else "red"


def _curves(wave: Wave, width: int, height: int) -> Group:
    parts: list[RenderableType] = []
    axes = list(wave.axes)[:_MOST_AXES]
    mean = wave.values.mean(axis=0)
    peaks, rms = wave.peaks(), wave.rms()
    top = max([*peaks[:len(axes)], 1e-6])
    for i, axis in enumerate(axes):
        style = _AXIS_STYLES[i]
        said = f"{number(float(mean[i]))} ± {number(rms[i])} {wave.unit} rms, peak {number(peaks[i])} {wave.unit}"
        parts.append(Text.assemble((f"{axis} ", f"bold {style}"), (said, "dim")))
        parts.extend(Text(row, style=style) for row in blocks.waveform(wave.values[:, i] - mean[i], width, height, top))
    seconds = len(wave.values) / wave.rate_hz if wave.rate_hz else 0.0
    parts.append(Text(f"{_duration(seconds)} around the mean, height ±{number(top)} {wave.unit}", style="dim italic"))
    if not wave.is_trend:
        parts.extend(_spectra(wave, axes, width, height))
    return Group(*parts)


def _spectra(wave: Wave, axes: list[str], width: int, height: int) -> list[RenderableType]:
    parts: list[RenderableType] = []
    spectrum = wave.spectrum()[1:]
    step = wave.rate_hz / len(wave.values)
    top = float(spectrum[:, :len(axes)].max()) if len(spectrum) else 0.0
    for i, axis in enumerate(axes):
        at = int(np.argmax(spectrum[:, i])) if len(spectrum) else 0
        parts.append(Text.assemble((f"{axis} ", f"bold {_AXIS_STYLES[i]}"),
                                   (f"{number(float(spectrum[at, i]))} {wave.unit} at {(at + 1) * step:,.0f} Hz", "dim")))
        parts.extend(Text(row, style=_AXIS_STYLES[i]) for row in blocks.bars(spectrum[:, i], width, max(1, height - 1), top))
    right = f"{wave.rate_hz / 2:,.0f} Hz"
    scale = f"3 decades below {number(top)} {wave.unit}"
    parts.append(Text("0 Hz" + scale.center(max(0, width - 4 - len(right))) + right, style="dim italic"))
    return parts


def _told(state: State) -> RenderableType:
    styles = {"error": "red", "warn": "yellow", "text": "dim"}
    texts = [Text(f"{kind}: {text}" if kind != "text" else text, style=styles[kind]) for kind, text in list(state.told)[-3:]]
    if state.retry_s:
        texts.append(Text(f"the node tries the sensor again after {state.retry_s:g} s", style="yellow"))
    if state.is_silent:
        texts.append(Text(f"no line for {_duration(state.silent_s)}", style="yellow"))
    if not texts:
        return Align.right(Text("Ctrl-C ends", style="bright_black"))
    return Panel(Group(*texts), box=box.SIMPLE, padding=(0, 1))


def number(value: float) -> str:
    """Three digits, whatever the size."""
    return f"{value:.3g}" if 0.001 <= abs(value) < 1000 else f"{value:.2e}" if value else "0"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def line(verdict: Verdict, state: State) -> str:
    """One verdict as a line of text."""
    label, _ = said_of(verdict, state)
    sure = "" if verdict.sure is None else f"p {verdict.sure:.2f}"
    if verdict.score is not None:
        sure = f"score {verdict.score}"
    return f"{verdict.t_ms / 1000:>10.3f} s  window {verdict.window:>6}  {label:<20} {sure:<16} {verdict.state or 'undecided'}"


def closing(summary: dict[str, Any]) -> str:
    """The closing summary as a sentence or two."""
    def listed(what: str) -> str:
        return ", ".join(f"{count:,} {label or 'without a class'}" for label, count in sorted(summary[what].items()))

    text = f"{summary['verdicts']:,} verdicts"
    text += f": {listed('counts')}" if summary["counts"] else ""
    text += f"; could not be told: {listed('flaws')}" if summary["flaws"] else ""
    bad = [f"{summary[key]:,} {words}" for key, words in BAD if summary[key]]
    return text + (f"; {', '.join(bad)}" if bad else "; every line arrived whole")
