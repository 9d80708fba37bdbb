# SPDX-License-Identifier: Apache-2.0
"""Play a recording into a virtual sensor chip on a simulated board that runs the node, and collect its verdicts."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import boards, build, files, paths, recordings, toolchain
from .errors import AuscultError
from .pictures import Verdict
from .simulator import SimBoard
from .train import Trained

G = 9.80665  # standard gravity, m/s²


@dataclass(frozen=True)
class Chip:
    """What playback needs to know of a sensor. rates_hz: those it can be set to; words: its sample of `bits` bits is
    left justified in int16; full_scale: m/s² of 32768 in each range."""

    rates_hz: tuple[float, ...]
    bits: dict[int, int]
    full_scale: dict[int, float]
    i2c_address: int


# ADXL345 data sheet Rev. G, tables 1 and 7 (full resolution); LIS3DH DocID17530 Rev 2, tables 4 and 31.
CHIPS = {
    "adxl345": Chip((12.5, 25, 50, 100, 200, 400, 800, 1600, 3200), {2: 10, 4: 11, 8: 12, 16: 13},
                    {g: g * G for g in (2, 4, 8, 16)}, 0x53),
    "lis3dh": Chip((1, 10, 25, 50, 100, 200, 400, 1344), dict.fromkeys((2, 4, 8, 16), 12),
                   {2: 2.048 * G, 4: 4.096 * G, 8: 8.192 * G, 16: 24.576 * G}, 0x18),
}


@dataclass
class Played:
    """What came of it. lines: all JSON lines of the node; words: the int16 samples [n, 3] that the chip gave."""

    words: NDArray[np.int16]
    rate_hz: float
    window: int
    hop: int
    lines: list[dict[str, Any]] = field(default_factory=list)
    raw_bytes: int = 0

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "w" in line]

    @property
    def end(self) -> dict[str, Any]:
        """The node's closing line: windows, marked, overruns, samples, rate_mhz, bytes."""
        return next((line for line in reversed(self.lines) if "end" in line), {})

    def end_s(self, window: int) -> float:
        """When a window was complete, in seconds of the recording."""
        return (window * self.hop + self.window) / self.rate_hz

    def strip(self) -> list[Verdict]:
        """The verdicts as pictures.py draws them."""
        return [Verdict(self.end_s(v["w"]) - self.window / self.rate_hz, self.end_s(v["w"]), "" if v["o"] else v["v"],
                        v.get("p", 1.0)) for v in self.verdicts]

    def detected_s(self, normal: str = "normal", after_s: float = 0.0) -> float | None:
        """When the smoothed state left normal for good enough to be said, at or after a moment; None: never."""
        return next((self.end_s(v["w"]) for v in self.verdicts
                     if v["s"] not in (None, normal) and self.end_s(v["w"]) >= after_s), None)


def sensor_settings(trained: Trained, chip: str, bus: str) -> dict[str, Any]:
    """The node configuration's `sensor` section that suits a pipeline: nearest rate and range of the chip."""
    if chip not in CHIPS:
        raise AuscultError(f"the chip {chip!r}", f"one of {', '.join(CHIPS)}")
    if bus not in ("i2c", "spi"):
        raise AuscultError(f"the bus {bus!r}", "i2c or spi")
    facts = CHIPS[chip]
    rate = min(facts.rates_hz, key=lambda r: abs(np.log(r / trained.spec.rate_hz)))
    wide = [g for g, scale in facts.full_scale.items() if scale >= trained.spec.full_scale * 0.99]
    settings: dict[str, Any] = {"chip": chip, "bus": bus, "id": 1, "rate_hz": rate, "range_g": wide[0] if wide else 16,
                                "watermark": 16}
    if bus == "spi":
        settings |= {"cs": 5, "freq_hz": 5_000_000}
    else:
        settings["address"] = facts.i2c_address
    return settings


def node_config(trained: Trained, chip: str = "adxl345", bus: str = "i2c", k: int = 3, n: int = 5,
                every: str = "window", int_pin: int | None = 4) -> dict[str, Any]:
    """The node's one JSON file for a trained pipeline."""
    sensor = sensor_settings(trained, chip, bus)
    if int_pin is not None:
        sensor["int_pin"] = int_pin
    return {"name": trained.spec.name, "pipeline": "/pipeline.mpy", "sensor": sensor,
            "decision": {"normal": "normal", "k": k, "n": n, "k_off": max(0, min(k - 1, 1))},
            "report": {"to": "stdout", "every": every}}


def stage(trained: Trained, arch: str, config: dict[str, Any], folder: Path, layout: str = "fast",
          module: Path | None = None) -> Path:
    """Everything a board needs, as one folder to copy: the package as bytecode, the pipeline (built, unless a
    module is given), the configuration."""
    package = _bytecode()
    shutil.copytree(package, folder / "auscult", dirs_exist_ok=True)
    module = module or build.native_module(trained.spec, arch, trained.code(layout))
    shutil.copy(module, folder / "pipeline.mpy")
    (folder / "auscult.json").write_text(json.dumps(config))
    return folder


def _bytecode() -> Path:
    """The device package compiled by mpy-cross, once for each version of its sources."""
    source = paths.assets() / "firmware" / "auscult"
    sources = sorted(f for f in source.rglob("*.py") if "__pycache__" not in f.parts)
    key = hashlib.sha256(b"".join(str(f.relative_to(source)).encode() + f.read_bytes() for f in sources)).hexdigest()[:16]
    target = paths.cache() / "package" / key
    if target.is_dir():
        return target
    cross = toolchain.mpy_cross()
    with files.atomic_folder(target) as fresh:
        for file in sources:
            relative = file.relative_to(source)
            out = (fresh / relative).with_suffix(".mpy")
            out.parent.mkdir(parents=True, exist_ok=True)
            toolchain.run([str(cross), "-s", f"auscult/{relative}", "-o", str(out), str(file)], f"compiling {relative}")
    return target


def deploy(board: SimBoard, folder: Path) -> None:
    """Copy a folder's contents to the board's root with mpremote, as to a board on a cable. Modules for another
    architecture are refused before anything is copied."""
    for module in folder.rglob("*.mpy"):
        build.check_architecture(module, board.board.arch, board.board.name)
    command = [sys.executable, "-m", "mpremote", "connect", board.port, "fs", "cp", "-r",
               *(str(entry) for entry in sorted(folder.iterdir())), ":/"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise AuscultError(f"mpremote could not copy to the board: {(done.stdout + done.stderr).strip()[-400:]}",
                           "a board that answers", "check the connection and try again")


_NODE = """
import simboard
from auscult import config, node
from auscult.virtual.setup import attach
node.main(source=attach(config.load(), simboard.arg('recording'), None, int(simboard.arg('rate_ppm'))))
"""


def play(trained: Trained, recording: recordings.Recording, board_name: str = "sim_m4", *, chip: str = "adxl345",
         bus: str = "i2c", k: int = 3, n: int = 5, layout: str = "fast", real_time: bool = False,
         rate_error_ppm: int = 0, every: str = "window", module: Path | None = None,
         progress: Callable[[str], None] = lambda _: None,
         on_board: Callable[[SimBoard, Path], None] | None = None) -> Iterator[tuple[Played, dict[str, Any]]]:
    """Boot, deploy, play; yields (what came so far, the newest line) as the node's lines come.

    The virtual chip samples at the recording's own rate (times 1 + rate_error_ppm / 10^6), whatever the nominal rate
    is. module: a .mpy file to deploy instead of building one. Unless real_time, virtual time counts instructions and
    idle time is skipped: the result is the same, sooner.
    on_board(board, staged folder) is called after deployment, for measurements.
    """
    if len(recording.axes) != 3:
        raise AuscultError(f"a recording with the axes {', '.join(recording.axes)}",
                           "three axes, as the accelerometer gives", "choose one with x, y and z")
    if len(recording.data) < trained.spec.window:
        raise AuscultError(f"a recording of {len(recording.data)} samples", f"at least one window of {trained.spec.window}",
                           "choose a longer one")
    if module:
        build.check_architecture(module, boards.load(board_name).arch, board_name)
    config = node_config(trained, chip, bus, k, n, every)
    facts, range_g = CHIPS[chip], config["sensor"]["range_g"]
    # numbers without a unit cannot be put on the chip's scale: they keep the pipeline's
    scale = facts.full_scale[range_g] if recording.unit == "m/s2" else trained.spec.full_scale
    words = recordings.to_int16(recording, scale, facts.bits[range_g])
    rate_ppm = round((recording.rate_hz / config["sensor"]["rate_hz"] - 1) * 1e6) + rate_error_ppm
    with tempfile.TemporaryDirectory(prefix="auscult-play-") as name:
        folder = Path(name)
        (folder / "recording.i16").write_bytes(words.astype("<i2").tobytes())
        progress(f"booting {board_name}")
        with SimBoard(board_name, deterministic=not real_time,
                      args={"recording": str(folder / "recording.i16"), "rate_ppm": str(rate_ppm)}) as board:
            progress("deploying with mpremote")
            staged = folder / "staged"
            staged.mkdir()
            deploy(board, stage(trained, board.board.arch, config, staged, layout, module))
            if on_board:
                on_board(board, staged)
            progress("playing")
            played = Played(words, recording.rate_hz, trained.spec.window, trained.spec.hop, raw_bytes=words.size * 2)
            for text in board.run_stream(_NODE):
                try:
                    line = json.loads(text)
                except ValueError:
                    line = {"text": text}
                played.lines.append(line)
                yield played, line
