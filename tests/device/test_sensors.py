# SPDX-License-Identifier: Apache-2.0
"""Drivers against virtual chips with the real register maps, over I2C and SPI."""

from collections.abc import Callable

import numpy as np
import pytest
from auscult.sensors import Block, driver
from auscult.sensors.bus import I2CBus, SensorError
from auscult.virtual.bus import I2C
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bench_chip import Bench
from device.listener import signal

CHIPS = pytest.mark.parametrize("name", ["adxl345", "lis3dh"])
BUSES = pytest.mark.parametrize("kind", ["i2c", "spi"])


def read_all(bench: Bench, sensor, step_ms: int) -> np.ndarray:
    block, got = Block(sensor.DEPTH), bytearray()
    while not bench.chip.ended:
        bench.clock.sleep_ms(step_ms)
        n = sensor.read_fifo_into(block)
        got += block.data[: 6 * n]
    return np.frombuffer(bytes(got), "<i2").reshape(-1, 3)


@CHIPS
@BUSES
def test_every_sample_arrives_once_and_in_order(name: str, kind: str) -> None:
    words = signal(2000)
    bench = Bench(name, kind, words.tobytes())
    sensor = bench.sensor(400)
    assert np.array_equal(read_all(bench, sensor, 17), words)
    assert sensor.overruns == 0 and bench.chip.lost == 0
    assert getattr(bench.chip, "early_reads", 0) == 0


@CHIPS
@BUSES
@settings(deadline=None)
@given(steps=st.lists(st.integers(1, 400), min_size=1, max_size=40), rate_ppm=st.integers(-100000, 100000))
def test_a_slow_reader_loses_the_oldest_and_is_told(name: str, kind: str, steps: list[int], rate_ppm: int) -> None:
    """Whatever the reader's pace: samples come in order, gaps are exactly the chip's losses, each under an overrun."""
    count = 1200
    words = np.arange(3 * count, dtype="<i2").reshape(count, 3)
    bench = Bench(name, kind, words.tobytes(), rate_ppm=rate_ppm)
    sensor = bench.sensor(200)
    block, expected = Block(sensor.DEPTH), 0
    rate_hz = 200 * (1 + rate_ppm / 1e6)
    began = bench.clock.now
    for step in steps:
        lost, overruns = bench.chip.lost, sensor.overruns
        bench.clock.sleep_ms(step)
        produced = min(count, int((bench.clock.now - began) * rate_hz / 1e6 + 1e-9))
        n = sensor.read_fifo_into(block)
        gap = bench.chip.lost - lost
        expected += gap
        got = np.frombuffer(bytes(block.data[: 6 * n]), "<i2")
        assert np.array_equal(got, np.arange(3 * expected, 3 * (expected + n)).astype("<i2"))
        expected += n
        assert abs(expected - produced) <= 1
        assert sensor.overruns > overruns or gap == 0


@CHIPS
@pytest.mark.parametrize("range_g", [2, 4, 8, 16])
def test_acceleration_comes_back_in_its_unit(name: str, range_g: int) -> None:
    """A recording in other units than the chip's: rounded to the chip's resolution, saturated at its range."""
    words = signal(2000)
    full_scale_um = 60_000_000
    bench = Bench(name, "i2c", words.tobytes(), full_scale_um)
    sensor = bench.sensor(400, range_g)
    got = read_all(bench, sensor, 17) * (sensor.full_scale_um / 32768e6)
    true = words * (full_scale_um / 32768e6)
    lsb = sensor.full_scale_um / 1e6 / (2048 if name == "lis3dh" else 256 * range_g)
    limit = sensor.full_scale_um / 1e6
    error = got - np.clip(true, -limit, limit - lsb)
    assert (np.abs(error) <= 0.5 * lsb + np.abs(got) / 2**14).all()  # the conversion's factor has 15 bits
    assert (np.abs(true) > limit).any() or range_g > 4


def test_adxl345_lowest_bit_is_zero_at_1600_hz() -> None:
    """Data sheet Rev. G, "Data Formatting at Output Data Rates of 3200 Hz and 1600 Hz"."""
    words = (np.arange(600).reshape(200, 3) * 8).astype("<i2")
    for rate_hz, step in ((800, 8), (1600, 16)):
        bench = Bench("adxl345", "i2c", words.tobytes(), 156906400)
        got = read_all(bench, bench.sensor(rate_hz), 5)
        assert np.array_equal(got, words // step * step)


@CHIPS
def test_a_specimen_off_in_sensitivity(name: str) -> None:
    words = np.full((100, 3), 8000, "<i2")
    bench = Bench(name, "i2c", words.tobytes(), 156906400, gain_ppm=50000)
    sensor = bench.sensor(400)
    got = read_all(bench, sensor, 17) * (sensor.full_scale_um / 156906400)
    assert got.mean() == pytest.approx(8400, abs=16)


@CHIPS
def test_watermark_line_rises_when_the_level_is_reached(name: str) -> None:
    words = signal(500)
    bench = Bench(name, "i2c", words.tobytes(), line=True)
    sensor = bench.sensor(100, watermark=10)
    seen: list[tuple[int, int]] = []
    bench.pin.irq(lambda pin: seen.append((bench.clock.now, bench.chip.level)))
    began = bench.clock.now
    bench.clock.sleep_ms(99)
    assert not seen
    bench.clock.sleep_ms(200)
    assert seen == [(began + 100_000, 10)]
    block = Block(sensor.DEPTH)
    sensor.read_fifo_into(block)
    assert bench.pin() == 0
    bench.clock.sleep_ms(101)
    assert len(seen) == 2


def test_adxl345_on_spi_is_given_time_between_reads() -> None:
    """Without the pause the chip's data are void; the virtual chip says so."""
    words = signal(100)
    bench = Bench("adxl345", "spi", words.tobytes())
    sensor = bench.sensor(400)
    bench.bus.gap_us = 0
    read_all(bench, sensor, 17)
    assert bench.chip.early_reads > 0


@CHIPS
def test_errors_name_chip_place_and_what_to_check(name: str) -> None:
    advice = r"at 0x18 on I2C\(0\): check wiring, power and address pins"
    with pytest.raises(SensorError, match=f"no {name.upper()} {advice}"):
        driver(name)(I2CBus(I2C(0), 0x18))
    other = Bench({"adxl345": "lis3dh", "lis3dh": "adxl345"}[name], "i2c", signal(10).tobytes())
    with pytest.raises(SensorError, match="device id is 0x00, expected 0x"):
        driver(name)(other.bus)
    bench = Bench(name, "spi", signal(10).tobytes())
    sensor = bench.sensor(400)
    bench.chip.present = False
    with pytest.raises(SensorError, match="impossible FIFO level"):
        sensor.read_fifo_into(Block(sensor.DEPTH))
    bench = Bench(name, "i2c", signal(10).tobytes())
    sensor = bench.sensor(400)
    bench.chip.present = False
    with pytest.raises(SensorError, match=f"no {name.upper()} at 0x53"):
        sensor.read_fifo_into(Block(sensor.DEPTH))


@CHIPS
@pytest.mark.parametrize("setting", [{"rate_hz": 123}, {"range_g": 3}, {"watermark": 0}, {"watermark": 32}])
def test_settings_that_the_chip_lacks_are_refused(name: str, setting: dict) -> None:
    bench = Bench(name, "i2c", signal(10).tobytes())
    with pytest.raises(ValueError, match=str(next(iter(setting.values())))):
        bench.sensor(**{"rate_hz": 400, **setting})


def test_unknown_chip_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known chips: adxl345, lis3dh"):
        driver("mpu6050")


def test_on_micropython_without_allocation(micropython: Callable[..., str]) -> None:
    """The same drivers and chips on MicroPython, with the heap locked while they work."""
    assert micropython("run_sensors.py").split() == ["adxl345/i2c", "adxl345/spi", "lis3dh/i2c", "lis3dh/spi"]
