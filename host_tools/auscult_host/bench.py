# SPDX-License-Identifier: Apache-2.0
"""Benchmarks on simulated boards: every figure is counted in two runs, on freshly booted boards, that must agree.

What is timed on the PC (`host.*`) is measured once; only ratios in the same run mean something on another PC.
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from . import boards as descriptions
from . import device, toolchain
from .benchmarks import first_verdict, host, links, own, peers, portable, sampling, yardstick
from .benchmarks.counting import Case, CountingBoard, LeftOutError, Metrics
from .errors import AuscultError
from .files import atomic
from .simulator import SimBoard

CASES = [*own.CASES, *sampling.CASES, *peers.CASES, *portable.CASES, *yardstick.CASES, *host.CASES]
BOARDS = ("sim_m4", "sim_m7", "sim_m3", "sim_rv32", "sim_m0")
PLACES = (*BOARDS, host.PC)


def _each(m4: int, m7: int, m3: int, rv32: int, m0: int) -> dict[str, int]:
    return dict(zip(BOARDS, (m4, m7, m3, rv32, m0), strict=True))


# What a figure may be at most.
BARS = {
    ("f54", "instructions"): _each(85_000, 85_000, 90_000, 102_000, 255_000),
    ("f54", "file_bytes"): {"sim_m4": 6_656, "sim_m7": 6_656},
    ("forest", "instructions"): _each(900, 900, 950, 1_000, 1_600),
    ("forest_small", "instructions"): _each(1_700, 1_700, 1_700, 1_800, 2_600),
    ("activity", "instructions"): _each(25_000, 25_000, 30_000, 35_000, 80_000),
    ("load", "instructions"): dict.fromkeys(BOARDS, 1_000_000),
    ("load_pipeline", "instructions"): dict.fromkeys(BOARDS, 1_000_000),
    ("load", "heap_bytes"): dict.fromkeys(BOARDS, 9 * 1024),  # and see _most()
    ("load_static", "heap_bytes"): dict.fromkeys(BOARDS, 64),
    **{(case, "heap_bytes"): dict.fromkeys(BOARDS, 0) for case in ("f54", "forest", "forest_small", "activity", "window")},
    **{(f"sampling.{chip}", "per_mille_of_singly"): dict.fromkeys(BOARDS, 125) for chip in device.chips()},
    **{(f"sampling.{chip}", "heap_bytes"): dict.fromkeys(BOARDS, 0) for chip in device.chips()},
    ("share.6667_hz", "per_mille_of_core"): {"sim_m4": 250},
    **{("host.features", f"per_mille_of_{peer}"): {host.PC: 33} for peer in ("tsfel", "tsfresh")},
    ("host.search", "seconds"): {host.PC: 600},
    ("first_verdict", "seconds"): {host.PC: 180},
    ("redeploy", "unchanged_bytes"): {host.PC: 2_000},
    ("faulty_link", "corrupted_boards"): {host.PC: 0},
    ("faulty_link", "unfinished_deploys"): {host.PC: 0},
    ("monitor", "us_per_line"): {host.PC: 10_000},  # 100 verdicts a second
    ("monitor", "lost_lines"): {host.PC: 0},
}


_UNITS = {"deploys": "deployments", "unfinished_deploys": "deployments", "attempts": "attempts", "corrupted_boards": "boards",
          "instructions_singly": "instructions per sample", "instructions_bare": "instructions per sample",
          "per_mille_of_singly": "per mille", "per_mille_of_native": "per mille", "gap_us": "µs",
          "us_per_line": "µs", "lost_lines": "lines",
          "per_mille_of_core": f"per mille of a core that executes {sampling.CORE_PER_S // 10**6} million instructions a second"}


@dataclasses.dataclass(frozen=True)
class Figure:
    """One measured number. most: what it may be at most, if there is such a bar."""

    case: str
    board: str
    metric: str
    value: int
    unit: str
    most: int | None = None

    @property
    def met(self) -> bool:
        return self.most is None or self.value <= self.most

    def as_dict(self) -> dict[str, str | int]:
        """{case, board, metric, value, unit}"""
        return {key: value for key, value in dataclasses.asdict(self).items() if key != "most"}


@dataclasses.dataclass
class Result:
    """figures in the order measured; left_out: what could not be measured and why; unequal: figures that two runs gave
    differently, more than a case allows; which should be none."""

    figures: list[Figure] = dataclasses.field(default_factory=list)
    left_out: list[str] = dataclasses.field(default_factory=list)
    unequal: list[str] = dataclasses.field(default_factory=list)

    def value(self, case: str, board: str, metric: str) -> int | None:
        return next((f.value for f in self.figures if (f.case, f.board, f.metric) == (case, board, metric)), None)


def choose(names: Sequence[str] = (), quick: bool = False) -> list[Case]:
    """Cases by name or by the part before the dot (`feature`, `model`, `peer`); quick: those with a bar only."""
    names = [name.removesuffix(".*") for name in names]
    for name in names:
        if not any(name in (case.name, case.name.split(".")[0]) for case in CASES):
            known = dict.fromkeys(case.name if "." not in case.name else case.name.split(".")[0] + ".*" for case in CASES)
            raise AuscultError(f"the case {name!r}", f"one of {', '.join(known)}", "`auscult bench` runs them all")
    return [case for case in CASES if (not names or case.name in names or case.name.split(".")[0] in names)
            and (not quick or case.in_table)]


def run(boards: Sequence[str] = PLACES, cases: Sequence[Case] | None = None,
        progress: Callable[[str, int, str], None] = lambda board, turn, case: None) -> Result:
    """Count every case on every board, twice. progress(board, 1 or 2, case) is called before each."""
    result = Result()
    for name in boards:
        if name != host.PC:
            descriptions.load_simulated(name)  # a wrong name is told before the first board boots
    for name in boards:
        chosen = [case for case in (CASES if cases is None else cases) if name in (case.boards or BOARDS)]
        if name == host.PC:
            result.figures += _time(chosen, partial(progress, name, 1), result.left_out)
            continue
        first = _count(name, chosen, partial(progress, name, 1), result.left_out)
        second = _count(name, chosen, partial(progress, name, 2), [])
        within = {case.name: case.within for case in chosen}
        for case, metrics in first.items():
            for metric, value in metrics.items():
                if abs(value - second[case][metric]) > within[case] * value:
                    result.unequal.append(f"{case} on {name}: {metric} is {value}, then {second[case][metric]}")
                result.figures.append(Figure(case, name, metric, value, _unit(case, metric), _most(case, name, metric, metrics)))
    return result


def _time(cases: Sequence[Case], progress: Callable[[str], None], left_out: list[str]) -> list[Figure]:
    """What is measured on the PC."""
    figures = []
    for case in cases:
        progress(case.name)
        try:
            metrics = host.MEASURES[case.name](partial(_further, progress, case.name))
        except LeftOutError as error:
            left_out.append(f"{case.name}: {error}")
            continue
        for metric, value in metrics.items():
            bar = _most(case.name, host.PC, metric, metrics)
            figures.append(Figure(case.name, host.PC, metric, value, _unit(case.name, metric), bar))
    return figures


def _further(progress: Callable[[str], None], case: str, text: str) -> None:
    progress(f"{case}, {text}")


def _most(case: str, board: str, metric: str, metrics: Metrics) -> int | None:
    bar = BARS.get((case, metric), {}).get(board)
    if metric == "heap_bytes" and case in ("load", "load_fast", "load_pipeline"):  # an import keeps hardly more than the file
        kept = metrics["file_bytes"] * 115 // 100
        return kept if bar is None else min(bar, kept)
    return bar


def _count(name: str, cases: Sequence[Case], progress: Callable[[str], None], left_out: list[str]) -> dict[str, Metrics]:
    """One run on one board: what each case gives."""
    counted: dict[str, Metrics] = {}

    def measure(case: Case, board: CountingBoard) -> None:
        progress(case.name)
        try:
            counted[case.name] = case.measure(board)
        except LeftOutError as error:
            left_out.append(f"{case.name} on {name}: {error}")

    together = [case for case in cases if not case.alone]
    if together:
        with SimBoard(name, deterministic=True) as sim:
            board = CountingBoard(sim)
            for case in together:
                measure(case, board)
                board.clean()
    for case in cases:
        if case.alone:
            with SimBoard(name, deterministic=True, firmware=case.firmware and case.firmware(name)) as sim:
                measure(case, CountingBoard(sim))
    return {case.name: counted[case.name] for case in cases if case.name in counted}


def _unit(case: str, metric: str) -> str:
    if metric == "instructions":
        kind = case.split("_")[0].split(".")[0]
        return "instructions" if kind == "load" else f"instructions per {'sample' if kind in ('sampling', 'share') else 'call'}"
    if metric in _UNITS:
        return _UNITS[metric]
    if metric == "seconds" or metric.endswith("_seconds"):
        return "s"
    if case.startswith("host."):
        return "µs per window" if metric.endswith("_us") else \
            "per mille" if metric.startswith("per_mille") else "features per window"
    if metric == "right_rows":
        return f"of {peers.ROWS_COUNTED} rows"
    return "bytes"


def write_json(result: Result, path: Path) -> Path:
    """The figures as a list of {case, board, metric, value, unit}."""
    with atomic(path) as part:
        part.write_text(json.dumps([figure.as_dict() for figure in result.figures], indent=1) + "\n")
    return path


def versions() -> list[str]:
    """What made and counted the figures, as the programs call themselves."""
    return [toolchain.run([toolchain.require(program), "--version"], program).splitlines()[0]
            for program in ("arm-none-eabi-gcc", "riscv64-unknown-elf-gcc", "qemu-system-arm")]


def boards_of(result: Result) -> list[str]:
    """The boards that were counted on, for the heads of the tables."""
    return list(dict.fromkeys(figure.board for figure in result.figures if figure.board != host.PC))


def on_pc(result: Result) -> list[tuple[str, str]]:
    """What was timed here, as (what, figure with its unit)."""
    return [(f"{figure.case} {figure.metric}", f"{cell(figure)} {figure.unit}") for figure in result.figures
            if figure.board == host.PC]


def tables(result: Result) -> dict[str, list[tuple[str, list[Figure | None]]]]:
    """What to show, as title -> rows of (name, a figure for each board)."""
    boards = boards_of(result)
    at = {(figure.case, figure.metric, figure.board): figure for figure in result.figures}

    def rows(metric: str, wanted: Callable[[str], bool]) -> list[tuple[str, list[Figure | None]]]:
        cases = dict.fromkeys(f.case for f in result.figures if f.metric == metric and wanted(f.case))
        return [(case, [at.get((case, metric, board)) for board in boards]) for case in cases]

    def plain(case: str) -> bool:
        return "." not in case

    found = {
        "Instructions": rows("instructions", plain),
        "Instructions for one sample of three axes, at the chip's highest rate by bursts":
            rows("instructions", lambda c: c.startswith("sampling.")),
        "The same, each sample by a poll and a read of its own": rows("instructions_singly", bool),
        "The same by a bare loop of polls and reads: no true rate, no lost samples noticed": rows("instructions_bare", bool),
        "Bursts to single reads, per mille": rows("per_mille_of_singly", bool),
        "Sampling three axes, per mille of a core that executes 80 million instructions a second":
            rows("per_mille_of_core", bool),
        "Longest time without a read before samples are lost, µs": rows("gap_us", bool),
        "Instructions, one feature of one axis (512 samples)": rows("instructions", lambda c: c.startswith("feature.")),
        "Instructions, one prediction (12 features)": rows("instructions", lambda c: c.startswith("model.")),
        "Instructions, what it is compared with": rows("instructions", lambda c: c.startswith(("peer.", "yardstick."))),
        "Instructions of portable pipelines": rows("instructions", lambda c: c.startswith("portable.")),
        "The same, per mille of the native module's": rows("per_mille_of_native", bool),
        "Rows (of 100) on which a peer's class is scikit-learn's": rows("right_rows", bool),
        "Native module, bytes": rows("file_bytes", lambda c: not c.startswith("feature.")),
        "State of a pipeline, bytes": rows("state_bytes", plain),
        "Heap, bytes: kept by an import (load), taken by each call (others)":
            rows("heap_bytes", lambda c: not c.startswith(("feature.", "model."))),
    }
    return {title: part for title, part in found.items() if part}


def markdown(result: Result) -> str:
    """The tables for the documentation."""
    boards = boards_of(result)
    lines = [
        "# Benchmarks", "",
        "Written by `auscult bench --markdown docs/benchmarks.md`. **Instructions of a simulator, not cycles**: QEMU counts",
        "what the processor executes, and two runs on freshly booted boards agreed in every digit (`sampling` and `share`: to",
        "0.1 %). A call is counted from Python, the call itself included. Made with: " + "; ".join(versions()) + ".", "",
        "`f54`: mean, std, min, max, RMS, peak to peak, crest, skewness, kurtosis, 8 bands and dominant frequency of each axis",
        "of a 512 × 3 window. `forest`: 10 trees, 1479 splits, 12 features, 4 classes, layout fast; `forest_small`: layout",
        "small. `activity`: a 128 × 3 window to one of 6 classes (9 statistics of each axis, 10 trees). `load`: import of",
        "`forest_small`; `load_fast`: of `forest`; `load_pipeline`: of `window`'s pipeline with its forest in layout small;",
        "`load_node`: the same by `auscult.pipeline.load()`, checks and buffers included. `window`: the features and forest of",
        "`auscult train`'s defaults; `load_window`: import of it. `window_static`, `load_static`: the same linked into the",
        "firmware by `auscult firmware`.",
        "`sampling.*`: one sample from the chip's FIFO through the shipped sampler, over SPI where the chip has it; what the bus",
        "itself takes is not in it. `share.*`: with " + ", ".join(f"{chip} ({rate} Hz)" for rate, (chip, _) in
                                                                  sampling.SHARES.items()) + ".",
        "`yardstick.f54`: the same features in straightforward float C (bench/yardstick). `peer.*`: Python that other",
        "generators make of `forest`, compiled with mpy-cross; their garbage collection is left out. `portable.*`: the same",
        "pipelines and model without a native module (docs/portable.md). ≤: the bar of a figure.",
    ]
    for title, rows in tables(result).items():
        lines += ["", f"## {title}", "", "| | " + " | ".join(boards) + " |", "|---" + "|---:" * len(boards) + "|"]
        lines += [f"| {name} | " + " | ".join(cell(figure) for figure in figures) + " |" for name, figures in rows]
    if timed := on_pc(result):
        lines += ["", "## On the PC", "",
                  "Wall time of one process on one core: all our features of a window of 512 × 3, tsfel's by its default,",
                  "tsfresh's by its efficient settings; a search of 100 trials over the real pumps, two cores.",
                  "`first_verdict`: `pip install` into a new venv, then `auscult " + "`, `auscult ".join(
                      " ".join(words[:-1]) for words in first_verdict.COMMANDS) + "`; the firmware is cached.",
                  "`redeploy`: bytes over the wire, both ways, of `auscult deploy` to a simulated board: the first one, nothing",
                  "changed, a changed configuration, a changed model. `faulty_link`: deployments to " + ", ".join(
                      f"`{name}` ({count})" for name, count in links.DEPLOYS) + " over a terminal",
                  "that loses, doubles, changes and delays bytes, falls silent, or is pulled, and the power with it; after each",
                  "attempt the board is restarted, has to give a verdict, and has to hold a package and a model that are whole",
                  "(SHA-256). `monitor`: 50,000 verdicts from a terminal, read, counted and drawn as text.", "",
                  "| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in timed)]
    if result.left_out:
        lines += ["", "Left out: " + "; ".join(result.left_out) + "."]
    return "\n".join(lines) + "\n"


def cell(figure: Figure | None) -> str:
    """A figure with its bar, if it has one that says something."""
    if figure is None:
        return "–"
    return f"{figure.value:,}" + (f" (≤ {figure.most:,})" if figure.most else "")
