# SPDX-License-Identifier: Apache-2.0
"""Every feature has the same bits on the PC and on every board, whatever the window."""

from pathlib import Path

import numpy as np
import pytest
import windows
from auscult_host import features as table
from auscult_host.hostlib import HostPipeline
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.device import OnBoard

CROSS = [k for k in table.SIMPLE if k not in table.SIGNAL]
PLAIN = table.SIGNAL + [f"{b}_{i}_8" for b in ("band", "share") for i in (1, 4, 8)]
CASES = {
    "every_128x2": (128, "xy", PLAIN + [f"env_{k}.y" for k in PLAIN]),
    "f54_512x3": (512, "xyz", table.F54_KINDS),
    "every_200x1": (200, "x", PLAIN),
    "every_1024x1": (1024, "x", PLAIN),
    "cross_100x3": (100, "xyz", ["autocorr", "quarter_std_min.norm", "octave_6.norm", "q95.norm", *CROSS]),
    "slow_20x2": (20, "xy", [k for k in table.SIGNAL if not table.KINDS[k].needs]),
}
EXAMPLES = {"every_128x2": 25}  # times 5 windows each; the rest 10: 275 windows a board


@pytest.mark.parametrize("case", CASES)
def test_bits_are_the_same(case: str, board: SimBoard, tmp_path_factory: pytest.TempPathFactory) -> None:
    length, axes, kinds = CASES[case]
    spec = PipelineSpec.make(name="under_test_" + case, window=length, hop=length, axes=list(axes),
                             features=table.names(list(axes), kinds))
    host = HostPipeline(spec)
    device = OnBoard(board, spec, None, Path(tmp_path_factory.mktemp("bits")))
    seen = set()

    @given(st.lists(windows.window(length, len(axes)), min_size=5, max_size=5))
    @settings(max_examples=EXAMPLES.get(case, 10), deadline=None, derandomize=True, database=None,
              suppress_health_check=list(HealthCheck))
    def check(batch: list[np.ndarray]) -> None:
        blocks = np.stack(batch)
        seen.update(w.tobytes() for w in blocks)
        got = device.push(blocks)[:, 3:]
        expected = host.features(blocks)
        different = [spec.features[i] for i in np.flatnonzero((got != expected).any(axis=0))]
        assert not different

    check()
    # corners by name, so that they are there whatever hypothesis draws
    n = np.arange(length)
    corners = [np.zeros(length), np.full(length, 32767), np.full(length, -32768), 65535 * (n % 2) - 32768,
               np.where(n == 0, 32767, 0), np.where(n == length - 1, -32768, 0), np.where(n == length // 2, 1, 0),
               np.where(n == 3, -1, 30000), n % 2, 1e-3 * n]
    blocks = np.stack([np.stack([windows.to_int16(c)] * len(axes), axis=1) for c in corners])
    assert (device.push(blocks)[:, 3:] == host.features(blocks)).all()
    assert len(seen) > 2.5 * EXAMPLES.get(case, 10), "the windows were hardly different"
