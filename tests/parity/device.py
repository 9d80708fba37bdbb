# SPDX-License-Identifier: Apache-2.0
"""A pipeline's native module on a simulated board, driven through host files so that many rows are quick."""

from pathlib import Path

import numpy as np
from auscult_host import build
from auscult_host.estimators import ModelCode
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec

_LOAD = """
import gc, sys, array, simboard
for _m in [m for m in sys.modules if m.startswith('under_test')]: del sys.modules[_m]
gc.collect()
import {name} as _p
_st = bytearray(_p.STATE_BYTES)
_out = array.array('i', [0] * _p.OUT_WORDS)
def run(source, target, n, size):
    f = simboard.host_open(source, 'rb'); o = simboard.host_open(target, 'wb'); b = bytearray(size)
    for _ in range(n):
        f.readinto(b)
        at = 0
        while at * {frame} < size:
            at = _p.push(_st, b, at, _out)
            if _out[0]: o.write(_out)
    f.close(); o.close()
"""


class OnBoard:
    """The module of one pipeline, imported on one board."""

    def __init__(self, board: SimBoard, spec: PipelineSpec, model: ModelCode | None, folder: Path) -> None:
        self.board, self.spec, self.folder = board, spec, folder
        module = build.native_module(spec, board.board.arch, model)
        self.bytes = module.stat().st_size
        board.soft_reset()  # machine code of earlier modules would stay
        board.put(module, f"/{spec.name}.mpy")
        board.exec(_LOAD.format(name=spec.name, frame=2 * len(spec.axes)))

    def push(self, blocks: np.ndarray) -> np.ndarray:
        """int16 blocks [n, samples, axes] pushed in turn; the words of every verdict, int32 [verdicts, OUT_WORDS]."""
        source, target = self.folder / "in.bin", self.folder / "out.bin"
        source.write_bytes(np.ascontiguousarray(blocks, "<i2").tobytes())
        target.unlink(missing_ok=True)
        self.board.exec(f"run({str(source)!r}, {str(target)!r}, {len(blocks)}, {blocks[0].size * 2})", timeout_s=300)
        words = int(self.board.exec("print(_p.OUT_WORDS)"))
        return np.frombuffer(target.read_bytes(), "<i4").reshape(-1, words)
