# SPDX-License-Identifier: Apache-2.0
"""How many instructions the node takes: from the benchmark's figures, or counted with the shipped node on a simulated core."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import boards, paths, playback
from .errors import AuscultError
from .power import Work
from .simulator import SimBoard
from .train import Trained

# `auscult bench` (docs/benchmarks.md): a sample over I2C (ADXL345), over SPI (LIS3DH), a window of the default pipeline.
_SHIPPED = {
    "sim_m4": (5228, 2024, 237069), "sim_m7": (5220, 2017, 240335), "sim_m3": (5226, 2022, 245600),
    "sim_rv32": (6276, 2351, 269183), "sim_m0": (7448, 3102, 615553),
}
_FEW, _MANY = 4, 12  # windows


def core(board: str) -> str:
    """The simulated board that runs the same native modules as a real one."""
    arch = boards.load(board).arch
    for name in boards.simulated():
        if boards.load(name).arch == arch:
            return name
    raise AuscultError(f"there is no simulated core like that of {board} ({arch})", "a board with one",
                       "give the instructions: --sample-instructions and --window-instructions")


def counted(board: str, settings: dict[str, Any], figures: Path | None = None) -> Work:
    """From bench.json of the last `auscult bench`, else as shipped. settings: the configuration's `sensor` section."""
    name, chip, bus = core(board), settings["chip"], settings["bus"]
    figures = figures or paths.cache() / "bench.json"
    over_i2c, over_spi, window = _SHIPPED[name]
    cases = {"sampling": over_i2c, "sampling_spi": over_spi, "window": window}
    where = "docs/benchmarks.md"
    if figures.is_file():
        measured = {row["case"]: row["value"] for row in json.loads(figures.read_text(encoding="utf-8"))
                    if row["board"] == name and row["metric"] == "instructions"}
        if measured:
            cases, where = cases | measured, str(figures)
    sampling = [case for case in cases if case.startswith("sampling")]
    # The chip itself on this bus, else on another, else another chip on this bus.
    case = min(sampling, key=lambda case: (chip not in case, (bus == "spi") != ("spi" in case), len(case)))
    return Work(cases[case], cases["window"], f"`{case}` and `window` of the benchmark on {name} ({where})")


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
