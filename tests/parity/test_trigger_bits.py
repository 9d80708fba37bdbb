# SPDX-License-Identifier: Apache-2.0
"""A trigger cuts the same cycles on the PC and on every board, whatever the blocks."""

from pathlib import Path

import numpy as np
from auscult_host.generate import press
from auscult_host.hostlib import HostPipeline
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec

from parity.device import OnBoard

FULL_SCALE = 156.9064
BLOCK = 37


def test_cycles_are_cut_in_the_same_places(board: SimBoard, tmp_path: Path) -> None:
    data, at_s = press.strokes(2, 0, ["normal", "no_part", "double_part", "worn_tool"], 1600.0, 1)
    words = np.clip(np.rint(data / FULL_SCALE * 32768), -32768, 32767).astype(np.int16)
    words = words[:len(words) // BLOCK * BLOCK]
    spec = PipelineSpec.make(name="under_test_trigger", window=320, hop=1280, full_scale=FULL_SCALE,
                             features=["std.z", "max.z", "since_max.z", "mean.x"],
                             trigger={"axis": "z", "level": 2.5, "pre": 32})
    host = HostPipeline(spec).run(words)
    found = OnBoard(board, spec, None, tmp_path).push(words.reshape(-1, BLOCK, 3))
    assert len(found) == len(at_s) == 4
    assert (found[:, 3:] == host.features).all() and (found[:, 2] == np.arange(4)).all()
