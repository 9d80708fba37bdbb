# SPDX-License-Identifier: Apache-2.0
"""What every accelerometer driver does, against its virtual chip with the real register map, over every bus it has."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from auscult.sensors import CHIPS, SLOW, driver
from auscult.sensors.accelerometer import Block
from auscult.sensors.bus import I2CBus, SensorError, SPIBus
from auscult.virtual.bus import I2C, SPI, Pin
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bench_chip import Bench, buses, middle_rate
from device.listener import signal

EVERY = pytest.mark.parametrize("name", sorted(CHIPS))
PLACES = [(name, kind) for name in sorted(CHIPS) for kind in buses(name)]
EVERYWHERE = pytest.mark.parametrize(("name", "kind"), PLACES, ids=["-".join(place) for place in PLACES])


def read_all(bench: Bench, sensor, step_ms: int) -> np.ndarray:
    block, got = sensor.block(), bytearray()
    while not bench.chip.ended:
        bench.clock.sleep_ms(step_ms)
        n = sensor.read_fifo_into(block)
        got += block.data[: 6 * n]
    return np.frombuffer(bytes(got), "<i2").reshape(-1, 3)


@EVERYWHERE
def test_every_sample_arrives_once_and_in_order(name: str, kind: str) -> None:
    words = signal(2000)
    bench = Bench(name, kind, words.tobytes())
    sensor = bench.sensor()
    assert np.array_equal(read_all(bench, sensor, int(12000 / sensor.rate_hz) + 1), words)
    assert sensor.overruns == 0 and bench.chip.lost == 0
    assert getattr(bench.chip, "early_reads", 0) == 0


@EVERYWHERE
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_a_slow_reader_is_told_of_every_loss(name: str, kind: str, data: st.DataObject) -> None:
    """Whatever the reader's pace: samples come in order, gaps are exactly the chip's losses, each under an overrun."""
    count = 4000
    words = np.arange(3 * count, dtype="<i4").astype("<i2").reshape(count, 3)
    rate_ppm = data.draw(st.integers(-100000, 100000))
    bench = Bench(name, kind, words.tobytes(), rate_ppm=rate_ppm)
    sensor = bench.sensor()
    fifo_ms = int(1000 * sensor.DEPTH / sensor.rate_hz)
    steps = data.draw(st.lists(st.integers(1, 2 * fifo_ms), min_size=1, max_size=20))
    block, expected, told = sensor.block(), 0, 0
    for step in steps:
        bench.clock.sleep_ms(step)
        while True:
            lost, overruns = bench.chip.lost, sensor.overruns
            n = sensor.read_fifo_into(block)
            got = np.frombuffer(bytes(block.data[: 6 * n]), "<i2").reshape(-1, 3)
            if n and not np.array_equal(got[0], words[expected]):
                assert sensor.overruns > overruns or overruns > told
                expected = int(np.flatnonzero((words == got[0]).all(axis=1))[0])
            assert np.array_equal(got, words[expected : expected + n])
            expected += n
            told = sensor.overruns if n else told
            assert bench.chip.lost >= lost
            if not n or not sensor.left:
                break
    produced = count - bench.chip.recording.left
    assert expected <= produced and sensor.overruns >= (bench.chip.lost > 0)


@EVERY
def test_acceleration_comes_back_in_its_unit(name: str) -> None:
    """A recording in other units than the chip's: rounded to the chip's resolution, saturated at its range."""
    kind = driver(name)
    words = signal(600)
    for range_g in kind.RANGES_G:
        full_scale_um = int(1.7 * kind.full_scale_of(range_g))
        bench = Bench(name, buses(name)[0], words.tobytes(), full_scale_um)
        sensor = bench.sensor(range_g=range_g)
        got = read_all(bench, sensor, int(12000 / sensor.rate_hz) + 1) * sensor.scale
        true = words * (full_scale_um / 32768e6)
        digit = sensor.full_scale_um / 1e6 / (1 << kind.bits_of(range_g) - 1)
        limit = sensor.full_scale_um / 1e6
        error = got - np.clip(true, -limit, limit - digit)
        assert (np.abs(error) <= digit + np.abs(got) / 2**14).all()  # the conversion's factor has 15 bits
        assert np.abs(got).max() > 0.9 * limit


@EVERY
def test_a_specimen_off_in_sensitivity(name: str) -> None:
    words = np.full((100, 3), 8000, "<i2")
    kind = driver(name)
    bench = Bench(name, buses(name)[0], words.tobytes(), kind.full_scale_of(kind.RANGES_G[-1]), gain_ppm=50000)
    sensor = bench.sensor()
    got = read_all(bench, sensor, int(12000 / sensor.rate_hz) + 1)
    assert got.mean() == pytest.approx(8400, abs=(1 << 16 - kind.BITS[-1]) + 1)


@EVERY
@pytest.mark.parametrize("rate_ppm", [-100000, 0, 100000])
def test_the_chips_own_clock_sets_the_rate(name: str, rate_ppm: int) -> None:
    kind = driver(name)
    for rate_hz in kind.RATES_HZ:
        bench = Bench(name, buses(name)[0], signal(60000).tobytes(), rate_ppm=rate_ppm)
        bench.sensor(rate_hz)
        bench.clock.sleep_us(bench.chip.START_US + int(1e6 * 40 / rate_hz))
        bench.chip.tick()
        produced = 60000 - bench.chip.recording.left
        assert abs(produced - 40 * (1 + rate_ppm / 1e6)) <= 1.001, rate_hz


@EVERY
def test_watermark_line_rises_when_the_level_is_reached(name: str) -> None:
    if not driver(name).WATERMARK_LINE:
        pytest.skip("this chip's interrupt line does not tell the watermark")
    bench = Bench(name, buses(name)[0], signal(500).tobytes(), line=True)
    sensor = bench.sensor(watermark=10)
    seen: list[tuple[int, int]] = []
    bench.pin.irq(lambda pin: seen.append((bench.clock.now, bench.chip.level)))
    period_us = 1e6 / sensor.rate_hz
    began = bench.clock.now + bench.chip.START_US
    bench.clock.sleep_us(int(9.9 * period_us) + bench.chip.START_US)
    assert not seen
    bench.clock.sleep_us(int(15 * period_us))
    assert len(seen) == 1 and seen[0][1] == 10 and seen[0][0] == pytest.approx(began + 10 * period_us, abs=2 + 1e-4 * period_us)
    sensor.read_fifo_into(sensor.block())
    assert bench.pin() == 0
    bench.clock.sleep_us(int(10.1 * period_us))
    assert len(seen) == 2


@EVERY
def test_the_longest_gap_without_a_read(name: str) -> None:
    """As long as the FIFO is deep, at the highest rate: docs/sensors.md and the benchmark's gap_us say so."""
    kind = driver(name)
    period_us = 1e6 / kind.RATES_HZ[-1]
    for samples, lost in ((kind.DEPTH - 1, False), (kind.DEPTH + 3, True)):
        bench = Bench(name, buses(name)[0], signal(3 * kind.DEPTH).tobytes())
        sensor = bench.sensor(kind.RATES_HZ[-1])
        bench.clock.sleep_us(bench.chip.START_US + int((samples + 0.5) * period_us))
        sensor.read_fifo_into(sensor.block())
        assert bool(bench.chip.lost) == lost
        assert sensor.overruns >= lost  # the ADXL345 says so one sample early


@EVERY
def test_a_stopped_chip_gives_nothing_and_starts_afresh(name: str) -> None:
    words = signal(3000)
    bench = Bench(name, buses(name)[0], words.tobytes())
    sensor, block = bench.sensor(), None
    block = sensor.block()
    period_us = 1e6 / sensor.rate_hz
    bench.clock.sleep_us(int(20 * period_us))
    sensor.stop()
    taken = 3000 - bench.chip.recording.left
    bench.clock.sleep_us(int(50 * period_us))
    assert 3000 - bench.chip.recording.left == taken
    sensor.start()
    bench.clock.sleep_us(int(10.5 * period_us) + bench.chip.START_US)
    n = sensor.read_fifo_into(block)
    assert 9 <= n <= 11 and np.array_equal(np.frombuffer(bytes(block.data[: 6 * n]), "<i2"), words[taken : taken + n].ravel())


def test_adxl345_on_spi_is_given_time_between_reads() -> None:
    """Without the pause the chip's data are void; the virtual chip says so."""
    bench = Bench("adxl345", "spi", signal(100).tobytes())
    sensor = bench.sensor(400)
    bench.bus._gap_us = 0
    read_all(bench, sensor, 17)
    assert bench.chip.early_reads > 0


def test_adxl345_lowest_bit_is_zero_at_1600_hz() -> None:
    """Data sheet Rev. G, "Data Formatting at Output Data Rates of 3200 Hz and 1600 Hz"."""
    words = (np.arange(600).reshape(200, 3) * 8).astype("<i2")
    for rate_hz, step in ((800, 8), (1600, 16)):
        bench = Bench("adxl345", "i2c", words.tobytes(), 156906400)
        got = read_all(bench, bench.sensor(rate_hz), 5)
        assert np.array_equal(got, words // step * step)


@EVERY
def test_a_specimens_noise(name: str) -> None:
    """As much as it is told to have, on every axis, the same in every run."""
    kind, full_scale_um = driver(name), 16 * 9806650
    quiet, noise_um = np.zeros((2000, 3), "<i2").tobytes(), 300_000
    runs = []
    for _ in range(2):
        bench = Bench(name, buses(name)[0], quiet, full_scale_um)
        bench.chip.recording.noise_um = noise_um
        bench.chip.reset()  # takes the noise in
        sensor = bench.sensor()
        runs.append(read_all(bench, sensor, int(12000 / sensor.rate_hz) + 1) * sensor.scale)
    digit = sensor.full_scale_um / 1e6 / (1 << kind.BITS[-1] - 1)
    assert np.array_equal(*runs)
    assert runs[0].std(axis=0) == pytest.approx((0.09 + digit**2 / 12) ** 0.5, rel=0.06)
    assert np.abs(runs[0].mean(axis=0)).max() < 0.03


class TestBadInput:
    @EVERY
    def test_nobody_at_the_address(self, name: str) -> None:
        if "i2c" not in buses(name):
            pytest.skip("SPI only")
        kind, i2c = driver(name), I2C(0)
        says = rf"no {kind.NAME} at 0x0B on I2C\(0\): check wiring, power and address pins"
        with pytest.raises(SensorError, match=says):
            kind(I2CBus(i2c, 0x0B))
        i2c.devices[0x44] = Bench("adxl345", "i2c", bytes(60)).chip
        with pytest.raises(SensorError, match=says + ".*; there is somebody at 0x44"):
            kind(I2CBus(i2c, 0x0B))

    @EVERYWHERE
    def test_another_chip(self, name: str, kind: str) -> None:
        bench = Bench(name, kind, bytes(60))
        bench.chip.registers[bench.chip.ID] = 0x5A
        ids = " or ".join(f"0x{one:02X}" for one in bench.driver.IDS)
        with pytest.raises(SensorError, match=f"no {bench.driver.NAME} .*device id is 0x5A, expected {ids}: another chip"):
            bench.driver(bench.bus, bench.clock)

    @EVERYWHERE
    @pytest.mark.parametrize("level", [0x00, 0xFF])
    def test_nobody_drives_the_line(self, name: str, kind: str, level: int) -> None:
        bench = Bench(name, kind, bytes(60))
        bench.chip._read = lambda buf, at: buf.__setitem__(slice(at, None), bytes([level]) * (len(buf) - at))
        what = "pull-ups on SCL and SDA" if kind == "i2c" else "chip-select and MISO"
        with pytest.raises(SensorError, match=f"device id is 0x{level:02X}, .*nobody drives the line: .*{what}"):
            bench.driver(bench.bus, bench.clock)

    @EVERY
    def test_an_spi_mode_that_the_chip_does_not_know(self, name: str) -> None:
        if "spi" not in buses(name):
            pytest.skip("I2C only")
        bench = Bench(name, "spi", bytes(60))
        spi = SPI(1, 0, 1)
        with pytest.raises(SensorError, match=f"shifted by a bit: check the SPI mode, {bench.driver.NAME} needs mode"):
            bench.driver(SPIBus(spi, Pin(5, spi, bench.chip)), bench.clock)

    @EVERY
    @pytest.mark.parametrize("setting", [{"rate_hz": 123.4}, {"range_g": 3}, {"watermark": 0}, {"watermark": 5000},
                                         {"axes": "xq"}])
    def test_settings_that_the_chip_lacks(self, name: str, setting: dict) -> None:
        bench = Bench(name, buses(name)[0], bytes(60))
        sensor = bench.sensor()
        good = {"rate_hz": sensor.rate_hz, "range_g": sensor.range_g}
        with pytest.raises(ValueError, match=f"{re.escape(str(next(iter(setting.values()))))}.*|{bench.driver.NAME}") as error:
            sensor.configure(**{**good, **setting})
        assert bench.driver.NAME in str(error.value)

    @EVERY
    def test_a_buffer_that_does_not_fit(self, name: str) -> None:
        bench = Bench(name, buses(name)[0], bytes(60))
        sensor = bench.driver(bench.bus, bench.clock)
        with pytest.raises(ValueError, match="is not configured"):
            sensor.read_fifo_into(bytearray(192))
        sensor.configure(middle_rate(bench.driver), bench.driver.RANGES_G[0], 16)
        sensor.start()
        with pytest.raises(TypeError, match=r"takes a Block, found bytearray: make one with sensor.block\(\)"):
            sensor.read_fifo_into(bytearray(192))
        with pytest.raises(ValueError, match=f"the block holds 8 samples .*{sensor.NAME} needs 16 or more"):
            sensor.read_fifo_into(Block(8, sensor.STRIDE))
        with pytest.raises(ValueError, match=f"32 samples of 5 bytes.* of {sensor.STRIDE} bytes"):
            sensor.read_fifo_into(Block(32, 5))

    def test_an_unknown_chip(self) -> None:
        with pytest.raises(ValueError, match=f"no driver for chip 'mpu1'; known chips: {sorted(CHIPS)[0]}, .*"):
            driver("mpu1")
        assert not set(CHIPS) & set(SLOW)


class TestExtras:
    @EVERY
    def test_self_test(self, name: str) -> None:
        """A good chip moves within the data sheet's limits; one whose element is stuck is found out."""
        if driver(name).SELF_TEST is None:
            with pytest.raises(ValueError, match="has no self-test"):
                Bench(name, buses(name)[0], bytes(60)).sensor().self_test()
            return
        quiet = np.tile(np.array([0, 0, 2000], "<i2"), (max(4000, int(0.3 * driver(name).SELF_TEST[0])), 1)).tobytes()
        bench = Bench(name, buses(name)[0], quiet, 156906400)
        moved = bench.sensor().self_test()
        assert len(moved) == 3 and all(moved)
        bench = Bench(name, buses(name)[0], quiet, 156906400)
        sensor = bench.sensor()
        bench.chip.dead = 1
        with pytest.raises(SensorError, match=rf"{sensor.NAME} .*self-test moved y by 0 mg.*data sheet"):
            sensor.self_test()

    @EVERY
    def test_temperature(self, name: str) -> None:
        if not hasattr(driver(name), "temperature_c"):
            pytest.skip("this chip does not give its temperature")
        bench = Bench(name, buses(name)[0], signal(500).tobytes())
        sensor = bench.sensor()
        for celsius in (-20, 0, 25, 60):
            bench.chip.temperature_c = celsius
            assert sensor.temperature_c() == pytest.approx(celsius, abs=1)

    @EVERY
    def test_wake_on_motion(self, name: str) -> None:
        """The line stays low while the machine stands still and rises when it moves."""
        if not hasattr(driver(name), "wake_on_motion"):
            pytest.skip("this chip does not wake on motion")
        half = max(10000, int(2.5 * driver(name).RATES_HZ[0]))  # of what it may measure while it watches
        still = np.tile(np.array([0, 0, 2048], "<i2"), (2 * half, 1))
        still[half:, 0] = 3000
        bench = Bench(name, buses(name)[0], still.tobytes(), 156906400, line=True)
        sensor = bench.sensor()
        risen: list[int] = []
        bench.pin.irq(lambda pin: risen.append(bench.clock.now))
        sensor.wake_on_motion(0.5)
        bench.clock.sleep_ms(1000)
        assert not risen and not sensor.moved()
        bench.chip.recording._stream.seek(6 * half)
        bench.chip.recording._at = bench.chip.recording._end = 0
        bench.clock.sleep_ms(1000)
        assert risen and sensor.moved()
        sensor.configure(middle_rate(bench.driver), bench.driver.RANGES_G[-1], 16)
        sensor.start()
        bench.clock.sleep_us(bench.chip.START_US + int(20e6 / sensor.rate_hz))
        assert sensor.read_fifo_into(sensor.block()) > 0


def test_on_micropython_without_allocation(micropython: Callable[..., str]) -> None:
    """The same drivers and chips on MicroPython, with the heap locked while they work."""
    assert micropython("run_sensors.py").split() == ["/".join(place) for place in PLACES]
