# SPDX-License-Identifier: Apache-2.0
"""The sampler: true rate, overruns, axes, the watermark interrupt."""

import numpy as np
import pytest
from auscult.sampler import RateMeter, Sampler
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bench_chip import Bench
from device.listener import signal


class Recorder:
    """Takes the place of a pipeline and keeps what it is given."""

    def __init__(self, axes: str = "xyz") -> None:
        self.axes, self.data, self.marks = list(axes), bytearray(), []

    def push(self, block: memoryview, on_verdict: object = None) -> None:
        self.data += block

    def mark(self) -> None:
        self.marks.append(self.samples())

    def samples(self) -> int:
        return len(self.data) // (2 * len(self.axes))


@settings(max_examples=30, deadline=None)
@given(rate_mhz=st.integers(100_000, 5_376_000), period_ms=st.integers(2, 20),
       seconds=st.sampled_from([10, 35, 45, 90, 200]))
def test_true_rate_within_a_tenth_of_a_percent(rate_mhz: int, period_ms: int, seconds: int) -> None:
    from auscult.virtual.clock import VirtualClock

    clock = VirtualClock((1 << 30) - 3_000_000)
    meter = RateMeter(clock)
    began, given_out = clock.now, 0
    while clock.now - began < seconds * 1_000_000:
        clock.sleep_us(period_ms * 1000)
        made = (clock.now - began) * rate_mhz // 10**9
        meter.add(made - given_out, clock.ticks_us())
        given_out = made
    assert abs(meter.mhz() - rate_mhz) <= rate_mhz / 1000
    assert meter.baseline_ms <= 80_000


def run(bench: Bench, sampler: Sampler, step_ms: int) -> None:
    while not bench.chip.ended:
        bench.clock.sleep_ms(step_ms)
        sampler.step()


@pytest.mark.parametrize(("name", "rate_hz"), [("adxl345", 1600), ("lis3dh", 1344)])
@pytest.mark.parametrize("rate_ppm", [-80000, 0, 31000])
def test_a_chip_off_in_rate_is_measured(name: str, rate_hz: int, rate_ppm: int) -> None:
    bench = Bench(name, "i2c", signal(11 * rate_hz).tobytes(), rate_ppm=rate_ppm)
    pipeline = Recorder()
    sampler = Sampler(bench.sensor(rate_hz), pipeline, bench.clock)
    sampler.start()
    end = bench.clock.now + 10_000_000
    while bench.clock.now < end:
        bench.clock.sleep_ms(10)
        sampler.step()
    assert sampler.rate.mhz() == pytest.approx(rate_hz * 1000 * (1 + rate_ppm / 1e6), rel=0.001)


@pytest.mark.parametrize("axes", ["xyz", "z", "zx", "y"])
def test_the_pipeline_gets_its_axes(axes: str) -> None:
    words = signal(400)
    bench = Bench("lis3dh", "i2c", words.tobytes())
    pipeline = Recorder(axes)
    sampler = Sampler(bench.sensor(400), pipeline, bench.clock)
    sampler.start()
    run(bench, sampler, 20)
    got = np.frombuffer(bytes(pipeline.data), "<i2").reshape(-1, len(axes))
    assert np.array_equal(got, words[:, ["xyz".index(axis) for axis in axes]])


def test_an_axis_the_sensor_lacks_is_refused() -> None:
    bench = Bench("lis3dh", "i2c", signal(10).tobytes())
    with pytest.raises(ValueError, match="needs axis temperature; the sensor has x, y and z"):
        pipeline = Recorder()
        pipeline.axes = ["x", "temperature"]
        Sampler(bench.sensor(400), pipeline, bench.clock)


@pytest.mark.parametrize("name", ["adxl345", "lis3dh"])
def test_lost_samples_are_marked_where_they_are_missing(name: str) -> None:
    bench = Bench(name, "i2c", signal(1000).tobytes())
    pipeline = Recorder()
    sampler = Sampler(bench.sensor(400), pipeline, bench.clock)
    sampler.start()
    for _ in range(10):
        bench.clock.sleep_ms(40)
        sampler.step()
    before = pipeline.samples()
    assert not pipeline.marks
    bench.clock.sleep_ms(500)  # 200 samples, the FIFO holds 32
    sampler.step()
    assert pipeline.marks == [before] and sampler.overruns == 1
    run(bench, sampler, 40)
    assert pipeline.samples() + bench.chip.lost == 1000
    assert pipeline.marks == [before]


@pytest.mark.parametrize("name", ["adxl345", "lis3dh"])
def test_the_interrupt_drains_while_others_are_busy(name: str) -> None:
    """Another task keeps the CPU for 100 ms, in which 40 samples come; the FIFO holds 32, but the handler drains it."""
    words = signal(2000)
    bench = Bench(name, "i2c", words.tobytes(), line=True)
    pipeline = Recorder()
    sampler = Sampler(bench.sensor(400, watermark=16), pipeline, bench.clock, blocks=4, interrupt=bench.pin)
    sampler.start()
    for _ in range(60):
        bench.clock.sleep_ms(100)
        sampler.step()
    assert sampler.overruns == 0 and bench.chip.lost == 0
    got = np.frombuffer(bytes(pipeline.data), "<i2").reshape(-1, 3)
    assert len(got) >= 2000 - 16 and np.array_equal(got, words[: len(got)])


def test_a_late_reader_loses_nothing_while_there_is_room() -> None:
    """The interrupt finds every block full, so the line stays high: the next step must empty the FIFO as well."""
    words = signal(2000)
    bench = Bench("lis3dh", "i2c", words.tobytes(), line=True)
    pipeline = Recorder()
    sampler = Sampler(bench.sensor(400, watermark=20), pipeline, bench.clock, blocks=3, interrupt=bench.pin)
    sampler.start()
    for _ in range(30):
        bench.clock.sleep_ms(125)  # 50 samples; there is room for two blocks of 20 and 32 in the FIFO
        sampler.step()
    assert sampler.overruns == 0 and not pipeline.marks
    assert pipeline.samples() > 1450 and words.tobytes().startswith(pipeline.data)


def test_a_missed_edge_does_not_stop_sampling() -> None:
    words = signal(500)
    bench = Bench("adxl345", "i2c", words.tobytes(), line=True)
    pipeline = Recorder()
    sampler = Sampler(bench.sensor(400), pipeline, bench.clock, blocks=4, interrupt=bench.pin)
    sampler.start()
    bench.pin.irq(None)
    for _ in range(5):
        bench.clock.sleep_ms(45)
        sampler.step()
    assert pipeline.samples() > 80


def test_a_broken_wire_in_the_interrupt_handler_is_raised_by_step() -> None:
    bench = Bench("adxl345", "i2c", signal(500).tobytes(), line=True)
    sampler = Sampler(bench.sensor(400), Recorder(), bench.clock, blocks=4, interrupt=bench.pin)
    sampler.start()
    bench.chip.present = False
    bench.clock.sleep_ms(45)
    with pytest.raises(OSError, match="no ADXL345 at 0x53"):
        sampler.step()
