# SPDX-License-Identifier: Apache-2.0
"""For the tests of the monitor and of the board's commands: a simulated board's files, and recordings for its sensor."""

import json
import shutil
from pathlib import Path

import numpy as np
from auscult_host import build, paths, playback
from auscult_host.recordings import Recording, write
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec

from device.listener import FULL_SCALE_UM, RATE_HZ, make_listener, signal

HOP = 16  # at 1600 Hz: 100 verdicts a second
CONFIG = {"name": "pump_3", "sensor": {"chip": "adxl345", "rate_hz": RATE_HZ, "range_g": 16, "int_pin": 4}}
# As deployed ones have it, with what a simulated board's sensor measures.
MAIN = """
import json
from auscult import config, node
from auscult.virtual import machine
settings = config.load()
node.main(settings, machine.attach(settings))
"""


def stage(folder: Path, arch: str = "armv7emsp") -> Path:
    """A node whose listener gives 100 verdicts a second, as files to copy."""
    listener = make_listener()
    spec = PipelineSpec.make(**{**listener.spec.model_dump(), "hop": HOP})
    folder.mkdir()
    shutil.copytree(playback.bytecode(arch), folder / "auscult")
    shutil.copy(build.native_module(spec, arch, listener.model), folder / "pipeline.mpy")
    (folder / "auscult.json").write_text(json.dumps(CONFIG))
    (folder / "main.py").write_text(MAIN)
    return folder


def flash(folder: Path) -> Path:
    """The flash of a sim_m4 with that node, made once for each state of the sources."""
    kept = paths.cache() / "tests" / f"monitored-{playback.bytecode('armv7emsp').name}.flash"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = folder / "fresh.flash"
        with SimBoard("sim_m4", flash=fresh) as board:
            playback.deploy(board, stage(folder / "staged"))
        shutil.copy(fresh, kept)
    return Path(shutil.copy(kept, folder / "sim_m4.flash"))


def recording(folder: Path, samples: int = 64_000) -> Path:
    """Quiet and rattling by turns, as a file."""
    data = signal(samples, seed=5) * (FULL_SCALE_UM / 1e6 / 32768)
    return write(Recording(data.astype(np.float64), 1600.0, name="turns"), folder / "turns.parquet")
