# SPDX-License-Identifier: Apache-2.0
"""What looks beyond one window: the front, the shaft's speed, the history; and what all of them make of gaps and cuts."""

import numpy as np
import pytest
import reference
import windows
from auscult_host import dataset, device
from auscult_host.errors import AuscultError
from auscult_host.hostlib import HostPipeline
from auscult_host.node import Module
from auscult_host.recordings import Recording
from auscult_host.spec import PipelineSpec
from hypothesis import given, settings
from hypothesis import strategies as st

ENVELOPE = {"kind": "log_envelope", "low_hz": 1500.0, "high_hz": 5400.0, "decimate": 16}
ORDERS = {"bpfo": 3.585, "bpfi": 5.415}


def make(features: list[str], window: int = 1024, hop: int = 512, axes: str = "x", **fields: object) -> HostPipeline:
    return HostPipeline(PipelineSpec.make(**{"name": "s", "window": window, "hop": hop, "axes": list(axes), "rate_hz": 12000.0,
                                             "shaft_hz": 29.95, "orders": ORDERS, "features": features} | fields))


def knocks(n: int, seed: int = 0, level: float = 400.0, every: float = 111.7) -> np.ndarray:
    """Noise with a decaying ring at 3 kHz each `every` samples, on an offset: int16 [n, 2]."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, level, n)
    ring = 8 * level * np.exp(-np.arange(60) / 12) * np.sin(np.arange(60) * np.pi / 2)
    for start in np.arange(5, n - 60, every).astype(int):
        x[start:start + 60] += ring * rng.uniform(0.7, 1)
    return windows.to_int16(np.stack([x + 4000, rng.normal(0, 3, n)], axis=1))


def points(front: dict, samples: np.ndarray, axes: str, window: int = 16) -> np.ndarray:
    """The points of a front, from the smallest and largest of windows of 16 of them: float [n, axes], the mean of each."""
    step = front["decimate"]
    pipeline = make([f"{kind}.{axis}" for axis in axes for kind in ("min", "max", "mean")], window * step, window * step, axes,
                    front=front)
    return pipeline.run(np.ascontiguousarray(samples[:, :len(axes)])).features.reshape(-1, len(axes), 3) / [1, 1, 512]


@pytest.mark.parametrize("step", [2, 16, 256])
def test_decimate_is_the_low_passed_signal(step: int) -> None:
    samples = knocks(16 * step * 5 + 7)
    got = points({"kind": "decimate", "decimate": step}, samples, "xy")
    for axis in range(2):
        expected = reference.decimate(samples[:, axis].astype(float), step)[:80]
        expected[0] = expected[1]  # half of its samples are from before the beginning
        expected = expected.reshape(-1, 16)
        assert np.abs(got[:, axis, 0] - expected.min(axis=1)).max() <= 0.51
        assert np.abs(got[:, axis, 1] - expected.max(axis=1)).max() <= 0.51
        assert np.abs(got[:, axis, 2] - expected.mean(axis=1)).max() <= 0.52


@pytest.mark.parametrize("front", [ENVELOPE, ENVELOPE | {"low_hz": 40.0, "high_hz": 120.0, "decimate": 64},
                                   ENVELOPE | {"low_hz": 5000.0, "high_hz": 5760.0, "decimate": 4}])
@pytest.mark.parametrize("level", [2.0, 400.0, 3000.0])
def test_log_envelope_is_near_float64(front: dict, level: float) -> None:
    """For loud and for quiet signals."""
    step = front["decimate"]
    samples = knocks(16 * step * 20, level=level)
    got = points(front, samples, "x")[1:, 0, 2]
    expected = reference.log_envelope(samples[:, 0], front["low_hz"], front["high_hz"], 12000.0, step)
    expected = expected[13:len(expected) - len(expected) % 16 + 13][:len(got) * 16].reshape(-1, 16).mean(axis=1)
    error = (got - expected) / 2048
    error -= np.median(error)  # a gain is a constant
    assert np.abs(error).max() < (0.01 if front["low_hz"] > 1000 else 0.1)
    assert np.ptp(expected) / 2048 > 0.1


def test_a_recording_begins_without_a_transient() -> None:
    """The first window is like the others, whatever the offset; silence is a constant."""
    samples = knocks(16 * 2048, every=1e9)
    got = points(ENVELOPE, samples, "xy", window=128)
    assert np.abs(got[0, 0, 2] - got[1:, 0, 2].mean()) < 4 * got[1:, 0, 2].std()
    assert got[0, 0, 0] > got[1:, 0, 0].mean() - 1024
    still = points(ENVELOPE, np.full((8192, 2), -20000, np.int16), "xy")
    assert np.ptp(still[:, :, :2]) < 200


@pytest.mark.parametrize("x", [np.full(40000, 32767), 65535 * (np.arange(40000) % 2) - 32768,
                               65535 * (np.arange(40000) // 2 % 2) - 32768, 65535 * (np.arange(40000) // 75 % 2) - 32768])
@pytest.mark.parametrize("band", [(1500.0, 5400.0), (40.0, 120.0), (24.0, 60.0), (5000.0, 5760.0)])
def test_the_loudest_signals_do_not_overflow(x: np.ndarray, band: tuple[float, float]) -> None:
    front = ENVELOPE | {"low_hz": band[0], "high_hz": band[1]}
    samples = x.astype(np.int16)[:, None]
    loud = points(front, samples, "x")[10:, 0, 2]
    quieter = points(front, (x // 4).astype(np.int16)[:, None], "x")[10:, 0, 2]
    assert (loud - quieter < 2.2 * 2048).all()  # what wraps around is as loud as can be


def test_a_filter_that_integers_cannot_hold_is_refused() -> None:
    with pytest.raises(AuscultError, match="a wider one"):
        make(["rms.x"], front=ENVELOPE | {"low_hz": 30.0, "high_hz": 35.0})


@pytest.mark.parametrize("window", [64, 200, 512, 1024, 4096])
def test_lines_are_near_float64(window: int) -> None:
    """Of the signal, of its envelope, and of the points of a front; at the nominal and at another speed."""
    orders = {"a": 6.1, "b": 10.63}
    names = ["line_a.x", "line_b.x", "side_b.x", "line_shaft9.x", "env_line_a.x", "env_side_a.x", "line_a.norm"]
    rate = 1000.0 * max(1, window / 512)
    pipeline = make(names, window, window, orders=orders, rate_hz=rate)
    data = windows.signals(window, 1, 12)
    for speed in (0.0, 25.3):
        run = pipeline.run(data.reshape(-1, 1), shaft_hz=speed)
        shaft_bins = (speed or 29.95) * pipeline.spec.nfft / rate
        for i, feature in enumerate(pipeline.spec.parsed()):
            order = pipeline.spec.order(feature.order)
            for got, w in zip(run.features[:, i] / 512, data[:, :, 0]):
                x = np.abs(w.astype(float)) if feature.axis == "norm" else w
                assert abs(got - reference.value(feature, x, pipeline.spec.nfft, shaft_bins, order)) < 0.03, (feature.name, speed)


def test_a_line_stands_out_and_follows_the_shaft() -> None:
    pipeline = make(["line_bpfo.x", "line_bpfi.x"], 8192, 8192, front=ENVELOPE)
    samples = knocks(8192 * 6, every=12000 / (3.585 * 29.95))[:, :1]
    found = pipeline.run(samples).features / 512
    assert (found[:, 0] > 5).all() and (found[:, 1] < 4).all()
    assert (pipeline.run(samples, shaft_hz=29.95 * 3.585 / 5.415).features[:, 1] / 512 > 5).all()
    assert (pipeline.run(samples, shaft_hz=9000.0).features == 0).all()  # beyond the spectrum
    pipeline.set_shaft(29.95 * 3.585 / 5.415)
    assert all(v.features[1] / 512 > 5 for v in pipeline.push(samples))


def test_the_table_takes_the_speed_of_each_recording() -> None:
    pipeline = make(["line_bpfo.x"], 8192, 8192, front=ENVELOPE, full_scale=32768.0)
    samples = knocks(8192 * 3, every=12000 / (3.585 * 25.0))[:, :1]
    at = [Recording(samples.astype(float), 12000.0, ("x",), unit="1", name=str(rpm), rpm=rpm) for rpm in (1500.0, 0.0)]
    raw = dataset.table(iter(at), pipeline, group_by="recording").raw / 512
    assert (raw[:3] > 5).all() and (raw[3:] < 4).all()


def test_the_device_sets_the_speed_of_the_shaft() -> None:
    pipeline = make(["line_bpfo.x"], 1024, 1024)
    samples, said = knocks(1024)[:, :1], []
    on_device = device.module("pipeline").Pipeline(Module(pipeline))
    for speed in (0, 25.3):
        on_device.set_shaft(speed)
        on_device.reset()
        on_device.push(samples.tobytes(), lambda p: said.append(p.feature(0)))
    assert said == [pipeline.run(samples, shaft_hz=speed).features[0, 0] for speed in (0, 25.3)]
    assert said[0] != said[1]
    with pytest.raises(ValueError, match="shaft at -1"):
        on_device.set_shaft(-1)
    with pytest.raises(ValueError, match="no orders"):
        device.module("pipeline").Pipeline(Module(make(["rms.x"]))).set_shaft(30)


def test_history_is_made_of_earlier_windows() -> None:
    kinds = ["std", "dominant", "env_rms"]
    names = [f"{kind}.{axis}{h}" for axis in "xy" for h in ("", ":mean3", ":lag2", ":mean16", ":lag16", ":lag1")
             for kind in kinds]
    samples = windows.signals(4000, 2, 1)[0]
    plain = {n: make([n], 128, 100, "xy").run(samples).features[:, 0].astype(np.int64) for n in names if ":" not in n}
    run = make(names[1:], 128, 100, "xy").run(samples)  # one that is there with its history only
    for name, got in zip(names[1:], run.features.T):
        base, _, history = name.partition(":")
        if not history:
            assert (got == plain[base]).all()
            continue
        k = int(history.lstrip("meanlg"))
        for i, value in enumerate(got):
            if history.startswith("lag"):
                assert value == plain[base][max(0, i - k)], (name, i)
            else:
                last = plain[base][max(0, i + 1 - k):i + 1]
                assert value == (2 * last.sum() + len(last)) // (2 * len(last)), (name, i)


def test_run_starts_afresh() -> None:
    pipeline = make(["std.x:mean4"], 64, 64, front=ENVELOPE | {"decimate": 4})
    samples = knocks(2000)[:, :1]
    pipeline.push(samples[:777])
    assert (pipeline.run(samples).features == pipeline.run(samples).features).all()


FRONTS = [None, ENVELOPE | {"decimate": 4}, {"kind": "decimate", "decimate": 4}]


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_cut_into_blocks_gives_the_same_verdicts(data: st.DataObject) -> None:
    """With fronts and history, marks, and hops shorter and longer than the window."""
    axes = data.draw(st.sampled_from(["x", "xy"]))
    pipeline = make(["std.x", "std.x:mean3", "max.x:lag1", "line_shaft9.x:mean2", "env_rms.x"], 256,
                    data.draw(st.sampled_from([64, 256, 300])), axes, front=data.draw(st.sampled_from(FRONTS)))
    samples = knocks(3000, data.draw(st.integers(0, 5)))[:, :len(axes)]
    cuts = sorted(data.draw(st.lists(st.integers(0, 3000), max_size=12)))
    marks = set(data.draw(st.lists(st.integers(0, 3000), max_size=2)))

    def verdicts(cuts: list[int]) -> list:
        pipeline.reset()
        out, at = [], 0
        for end in [*sorted({*cuts, *marks}), len(samples)]:
            out += pipeline.push(samples[at:end])
            at = end
            if end in marks:
                pipeline.mark()
        return [(v.window, v.marked, v.features.tolist()) for v in out]

    assert verdicts(cuts) == verdicts([])
    if not marks:
        run = pipeline.run(samples)
        assert run.features.tolist() == [f for _, _, f in verdicts([])]
        assert len(run.start) == (3000 - 256) // pipeline.spec.hop + 1


@given(gap=st.integers(0, 4000), hop=st.sampled_from([64, 256, 320]), front=st.sampled_from(FRONTS))
@settings(max_examples=60, deadline=None)
def test_a_gap_is_marked_and_begins_a_new_history(gap: int, hop: int, front: dict | None) -> None:
    pipeline = make(["mean.x", "mean.x:lag16", "mean.x:mean4"], 256, hop, front=front)
    samples = knocks(4000)[:, :1]
    verdicts = pipeline.push(samples[:gap])
    pipeline.mark()
    verdicts += pipeline.push(samples[gap:])
    first: int | None = None  # the window that the history begins with
    for i, v in enumerate(verdicts):
        start = v.window * hop
        assert v.marked == (start < gap < start + 256), (v.window, gap)
        if v.marked or i == 0 or start - hop + 256 <= gap < start + 256 or verdicts[i - 1].marked:
            first = i
        now, oldest, mean = v.features.tolist()
        assert oldest == verdicts[max(first, i - 16)].features[0]
        values = [w.features[0] for w in verdicts[max(first, i - 3):i + 1]]
        assert abs(mean - np.mean(values)) <= 0.5
        assert now == v.features[0]
