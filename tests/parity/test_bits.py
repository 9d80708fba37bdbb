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


STREAMS = {
    "envelope": {"window": 2048, "hop": 1024, "front": {"kind": "log_envelope", "low_hz": 1500, "high_hz": 5400, "decimate": 16},
                 "axes": ["x", "y"],
                 "features": table.names(["x", "y"], ["std", "line_bpfo", "side_bpfi", "line_bpfi:mean5", "cepstrum_peak",
                                                      "cepstrum_at", "env_line_shaft1", "mean:lag2", "kurtosis:mean16"])},
    "low_band": {"window": 800, "hop": 1200, "front": {"kind": "log_envelope", "low_hz": 40, "high_hz": 120, "decimate": 4},
                 "axes": ["x"], "features": ["mean.x", "min.x", "max.x", "line_shaft7.x"]},
    "decimate": {"window": 64, "hop": 20, "front": {"kind": "decimate", "decimate": 4}, "axes": ["x", "y", "z"],
                 "features": ["mean.x", "std.norm:mean3", "max.z:lag16", "zero_crossings.y:lag1"]},
}


@pytest.mark.parametrize("case", STREAMS)
def test_streams_are_the_same(case: str, board: SimBoard, tmp_path: Path) -> None:
    """Fronts, orders, history: over blocks that are no windows, with a gap and a new speed of the shaft on the way."""
    spec = PipelineSpec.make(name="under_test_" + case, rate_hz=12000, shaft_hz=29.95, orders={"bpfo": 3.585, "bpfi": 5.415},
                             **STREAMS[case])
    host, device = HostPipeline(spec), OnBoard(board, spec, None, tmp_path)
    axes = len(spec.axes)
    samples = windows.signals(777, axes, 24).reshape(-1, 777, axes)
    samples[5], samples[6, 300:] = 32767, 0
    samples[7] = (65535 * (np.arange(777) // 2 % 2) - 32768)[:, None]
    got, expected = [], []
    for part in (samples[:13], samples[13:]):
        got.append(device.push(part))
        for block in part:
            expected += [[1 + 2 * v.marked, -1, v.window, *v.features] for v in host.push(block)]
        host.mark()
        board.exec("_p.mark(_st)")
        if any(f.order for f in spec.parsed()):
            host.set_shaft(17.3)
            board.exec("_p.set_shaft(_st, 17300)")
    assert np.concatenate(got).tolist() == expected
    assert any(row[0] == 3 for row in expected) and len(expected) > 12
