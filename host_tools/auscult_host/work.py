# SPDX-License-Identifier: Apache-2.0
"""How many instructions the node takes: from the benchmark's figures, or counted with the shipped node on a simulated core."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import boards, device, paths, playback
from .errors import AuscultError
from .power import Work, watermark
from .simulator import SimBoard
from .train import Trained

_FEW, _MANY = 4, 12  # windows


def core(board: str) -> str:
    """The simulated board that runs the same native modules as a real one."""
    arch = boards.load(board).arch
    for name in boards.simulated():
        if boards.load(name).arch == arch:
            return name
    raise AuscultError(f"there is no simulated core like that of {board} ({arch})", "a board with one",
                       "give the instructions: --sample-instructions and --window-instructions")


def counted(board: str, settings: dict[str, Any], bench: Path | None = None) -> Work:
    """From bench.json of the last `auscult bench`, else from docs/benchmarks.md, which comes with the package.

    settings: the configuration's `sensor` section."""
    name, chip, spi = core(board), settings["chip"], settings["bus"] == "spi"
    figures, where = _figures(name, bench or paths.cache() / "bench.json")
    sampling = [case for case, metric in figures if case.startswith("sampling") and metric == "instructions"]
    if not sampling or ("window", "instructions") not in figures:
        raise AuscultError(f"there are no counts of {name} in {where}", "those of `sampling` and `window`",
                           f"run `auscult bench --board {name}`, or take --measure")
    # The chip itself, on this bus if it was measured on several; else another chip on this bus.
    case = min(sampling, key=lambda case: (chip not in case, spi != ("spi" in case), len(case)))
    each = figures[case, "instructions"]
    singly = figures.get((case, "instructions_singly"))
    if singly and case.endswith("." + chip):
        each = _at_watermark(each, singly, settings)
    return Work(each, figures["window", "instructions"], f"`{case}` and `window` of the benchmark on {name} ({where})")


def _at_watermark(bursts: float, singly: float, settings: dict[str, Any]) -> float:
    """A read costs so much, and so much more for each of its samples: two measurements tell both. The benchmark's bursts
    are those at the chip's highest rate."""
    highest = settings | {"rate_hz": device.accelerometer(settings["chip"]).RATES_HZ[-1], "watermark": None}
    usual = 1 / watermark(highest)
    return bursts + (singly - bursts) / (1 - usual) * (1 / watermark(settings) - usual)


def _figures(name: str, bench: Path) -> tuple[dict[tuple[str, str], float], str]:
    """(case, metric) -> value on one board, and where they are from."""
    if bench.is_file():
        try:
            rows = json.loads(bench.read_text(encoding="utf-8"))
            found = {(row["case"], row["metric"]): float(row["value"]) for row in rows if row["board"] == name}
        except (ValueError, KeyError, TypeError) as error:
            raise AuscultError(f"{bench} can't be read as figures of the benchmark ({type(error).__name__})",
                               "what `auscult bench` writes", "run it again, or delete the file") from error
        if any(case.startswith("sampling") for case, _ in found):
            return found, str(bench)
    document = paths.assets() / "docs" / "benchmarks.md"
    return _documented(name, document.read_text(encoding="utf-8") if document.is_file() else ""), "docs/benchmarks.md"


def _documented(name: str, text: str) -> dict[tuple[str, str], float]:
    """The tables of instructions in docs/benchmarks.md, as `auscult bench --markdown` writes them."""
    found: dict[tuple[str, str], float] = {}
    metric, column = "", 0
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("## "):
            metric = "instructions" if line.startswith("## Instructions") else ""
            metric = "instructions_singly" if "a read of its own" in line else metric
        elif line.startswith("| |"):
            column = cells.index(name) if name in cells else 0
        elif metric and column and line.startswith("|") and cells[column][:1].isdigit():
            found[cells[0], metric] = float(cells[column].split()[0].replace(",", ""))
    return found


def measured(trained: Trained, config: dict[str, Any], board: str, progress: Callable[[str], None] = lambda _: None) -> Work:
    """Counted with the shipped node and this pipeline: driver, sampler, pipeline, decision and lines, for each sample;
    asyncio's part, which is the same for every task, is not in it.

    Two recordings of different length are played; what starting takes is in both and falls out.
    """
    name, spec = core(board), trained.spec
    lengths = [spec.window + spec.hop * (windows - 1) for windows in (_FEW, _MANY)]
    words = np.random.default_rng(0).normal(0, 3000, (lengths[1], 3)).clip(-32768, 32767).astype("<i2")
    with tempfile.TemporaryDirectory(prefix="auscult-power-") as temporary:
        folder = Path(temporary)
        staged = folder / "staged"
        staged.mkdir()
        progress(f"booting {name}")
        with SimBoard(name, deterministic=True) as sim:
            progress("deploying with mpremote")
            playback.deploy(sim, playback.stage(trained, sim.board.arch, _on_simulated_board(config), staged))
            took = []
            for length in lengths:
                progress(f"playing {length} samples")
                file = folder / "recording.i16"
                file.write_bytes(words[:length].tobytes())
                took.append(_count(sim, file))
                sim.soft_reset()
    each = (took[1] - took[0]) / (lengths[1] - lengths[0])
    sensor = config["sensor"]
    return Work(each, 0, f"measured on {name} with the shipped node and this pipeline, {sensor['chip']} over {sensor['bus']}")


def _on_simulated_board(config: dict[str, Any]) -> dict[str, Any]:
    """The same configuration on the simulated board's pins, always sampling."""
    pins = dict.fromkeys(("scl", "sda", "sck", "mosi", "miso"))
    sensor = config["sensor"] | pins | {"id": 1, "cs": 5 if config["sensor"]["bus"] == "spi" else None,
                                        "int_pin": None}
    return {**config, "sensor": sensor, "pipeline": "/pipeline.mpy", "watchdog_s": 0, "power": {},
            "report": config["report"] | {"to": "stdout"}}


# A node's turns as its task takes them, one for each watermark as after its first 10 s. What passes in between is idle
# time and the virtual chip's.
_RUN = """
import gc, json, simboard, time
from auscult import config
from auscult.node import Node
from auscult.virtual.setup import attach
settings = config.load()
node = Node(settings, source=attach(settings, {file!r}))
node._nap_ms = lambda: node.period_ms
turns, cost = node.turns(), 0
try:
    while True:
        chips, before = simboard.bus_instructions(), simboard.instructions()
        idle_ms = next(turns)
        cost += simboard.instructions() - before - (simboard.bus_instructions() - chips)
        time.sleep_ms(idle_ms)
except StopIteration:
    print(json.dumps({{"instructions": cost}}))
"""


def _count(sim: SimBoard, file: Path) -> int:
    last: dict[str, Any] = {}
    said = ""
    for text in playback.lines(sim, _RUN.format(file=str(file))):
        try:
            last = json.loads(text)
        except ValueError:
            said = text
        said = last.get("error", said)
    if "instructions" not in last or said:
        raise AuscultError(f"the node on {sim.board.name} did not play: {said or last}", "a node that plays to its end",
                           "try the configuration with `auscult simulate`")
    return int(last["instructions"])
