# SPDX-License-Identifier: Apache-2.0
"""What only the MPU-6050 and its relatives and the BMA423 have: a FIFO that tears samples when it runs over, factory values of
the self-test, filter codes, interfaces that can be switched off, pauses in power save mode."""

import numpy as np
import pytest
from auscult import config
from auscult.sampler import Sampler
from auscult.sensors import driver
from auscult.sensors.bus import SensorError, SPIBus
from auscult.virtual.bus import SPI, Pin
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bench_chip import Bench, buses
from device.test_sampler import Recorder

NAMES = ["mpu6050", "mpu6500", "mpu6886", "mpu9250"]
MPU = pytest.mark.parametrize("name", NAMES)
BY_SIX = pytest.mark.parametrize("name", [name for name in NAMES if name != "mpu6886"])
PWR_MGMT_1, USER_CTRL, FIFO_COUNTH, FIFO_R_W = 0x6B, 0x6A, 0x72, 0x74
G_UM = 9806650


def counting(samples: int) -> np.ndarray:
    """Every word is another one, as long as there are fewer than 2**16."""
    return np.arange(3 * samples, dtype="<i4").astype("<i2").reshape(samples, 3)


def read(sensor, block) -> np.ndarray:
    n = sensor.read_fifo_into(block)
    return np.frombuffer(bytes(block.first[n]), "<i2").reshape(-1, 3)


def periods(bench: Bench, sensor, n: float) -> None:
    bench.clock.sleep_us(int(1e6 * n / sensor.rate_hz))


def began(name: str, kind: str | None = None, samples: int = 4000):
    """A bench, its driver measuring 500 samples a second, its block; the recording counts."""
    bench = Bench(name, kind or buses(name)[0], counting(samples).tobytes())
    sensor = bench.sensor(500, 16, 16)
    bench.clock.sleep_us(bench.chip.START_US)
    return bench, sensor, sensor.block()


class TestOverflow:
    @BY_SIX
    def test_a_torn_fifo_gives_torn_samples_to_who_reads_on(self, name: str) -> None:
        """The virtual chip does as the data sheet says: the oldest bytes are lost, and all others still wait."""
        bench, sensor, block = began(name)
        periods(bench, sensor, sensor.DEPTH + 10.5)
        count = bytearray(2)
        bench.bus.read_into(FIFO_COUNTH, count)
        assert count[0] << 8 | count[1] == sensor.FIFO_BYTES == {"mpu6050": 1024}.get(name, 512)
        sensor._burst(block, 8)
        rest = sensor.FIFO_BYTES % 6
        stream = counting(4000).byteswap().tobytes()
        lost = bench.chip.lost
        assert lost == 10
        expected = np.frombuffer(stream[6 * lost - rest : 6 * lost - rest + 48], ">i2").astype("<i2")
        assert np.array_equal(np.frombuffer(bytes(block.first[8]), "<i2"), expected)

    @MPU
    @pytest.mark.parametrize("beyond", [1, 2, 400])
    def test_it_is_emptied_and_told(self, name: str, beyond: int) -> None:
        bench, sensor, block = began(name)
        periods(bench, sensor, sensor.DEPTH + beyond + 0.5)
        assert len(read(sensor, block)) == 0 and sensor.overruns == 1
        assert bench.chip.lost == sensor.DEPTH + beyond
        periods(bench, sensor, 20)
        assert np.array_equal(read(sensor, block), counting(4000)[bench.chip.lost : bench.chip.lost + 20])
        periods(bench, sensor, 20)
        assert len(read(sensor, block)) == 20 and sensor.overruns == 1

    @MPU
    def test_a_full_fifo_is_not_yet_an_overrun(self, name: str) -> None:
        bench, sensor, block = began(name)
        periods(bench, sensor, sensor.DEPTH + 0.5)
        got = read(sensor, block)
        assert sensor.overruns == 0 and np.array_equal(got, counting(len(got)))
        assert len(got) + sensor.left == sensor.DEPTH
        periods(bench, sensor, 300)
        read(sensor, block)
        periods(bench, sensor, sensor.DEPTH)
        assert len(read(sensor, block)) and sensor.overruns == 1

    def test_where_the_mpu6886_has_all_1024_bytes(self) -> None:
        """The data sheet says 1 kB, Linux and PX4 say 1008 bytes of its sister: both are fine."""
        for beyond in (-126, 0, 1, 2, 3, 300):
            bench, sensor, block = began("mpu6886")
            bench.chip.FIFO_BYTES = 1024
            periods(bench, sensor, 126 + beyond + 0.5)
            n = len(read(sensor, block))
            assert sensor.overruns == (beyond > 2)
            assert bool(n) == (-126 < beyond <= 2)

    @BY_SIX
    def test_an_overflow_between_count_and_burst_is_noticed_at_the_next_read(self, name: str) -> None:
        """Nothing else tells that the FIFO lost its alignment: an interrupt may have held the driver up for that long."""
        bench, sensor, block = began(name)
        burst = sensor._burst

        def late(block, n: int) -> None:
            bench.chip.overflow(5)
            burst(block, n)

        periods(bench, sensor, 20.5)
        sensor._burst = late
        read(sensor, block)
        sensor._burst = burst
        assert sensor.overruns == 0
        assert len(read(sensor, block)) == 0 and sensor.overruns == 1
        periods(bench, sensor, 10)
        assert np.array_equal(read(sensor, block), counting(4000)[bench.chip.lost + 20 :][:10])

    @MPU
    def test_fifo_mode_keeps_the_oldest(self, name: str) -> None:
        """CONFIG bit 6 of the virtual chip; the driver does not use it."""
        bench, sensor, block = began(name)
        bench.chip._set(0x1A, bench.chip.registers[0x1A] | 0x40)
        periods(bench, sensor, sensor.DEPTH + 30.5)
        bench.chip.tick()
        assert bench.chip.level == sensor.DEPTH and bench.chip.lost == 30
        sensor._burst(block, 8)
        assert np.array_equal(np.frombuffer(bytes(block.first[8]), "<i2").reshape(-1, 3), counting(8))

    @MPU
    def test_a_count_in_the_middle_of_a_write_is_asked_again(self, name: str) -> None:
        bench, sensor, block = began(name)
        periods(bench, sensor, 10.5)
        count, more = bench.chip._bytes, [3]
        bench.chip._bytes = lambda: count() + (more.pop() if more else 0)
        assert len(read(sensor, block)) == 10 and sensor.overruns == 0 and not more

    @MPU
    def test_the_sampler_marks_the_gap(self, name: str) -> None:
        """The read that empties the FIFO gives no samples: the mark waits for the next."""
        bench = Bench(name, buses(name)[0], counting(3000).tobytes())
        pipeline = Recorder()
        sampler = Sampler(bench.sensor(500, 16, 16), pipeline, bench.clock)
        sampler.start()
        for pause_ms in (20, 20, 20, 1500, 20, 20, 20):
            bench.clock.sleep_ms(pause_ms)
            sampler.step()
        words = np.frombuffer(bytes(pipeline.data), "<i2").reshape(-1, 3).astype(int)
        gaps = np.flatnonzero(np.diff(words[:, 0]) != 3) + 1
        assert gaps == pipeline.marks == [30] and sampler.overruns == 1
        assert len(words) >= 60 and words[30, 0] > words[29, 0] + 3 * sampler.sensor.DEPTH

    @MPU
    @settings(deadline=None, max_examples=30)
    @given(st.lists(st.integers(1, 300), min_size=1, max_size=12))
    def test_whatever_is_read_is_whole(self, name: str, steps: list[int]) -> None:
        bench, sensor, block = began(name)
        for step in steps:
            periods(bench, sensor, step)
            got = read(sensor, block).astype(np.int64) & 0xFFFF
            assert (got[:, 0] % 3 == 0).all() and (np.diff(got, axis=1) == 1).all() and (np.diff(got, axis=0) == 3).all()


class TestMpuSettings:
    @MPU
    def test_rate_and_filter(self, name: str) -> None:
        """The divider divides 1 kHz, but 8 kHz with the MPU-6050's code 0; the filter lets half of the rate pass at most."""
        passes_hz = {"mpu6050": (260, 184, 94, 44, 21, 10, 5),
                     "mpu6500": (0, 184, 92, 41, 20, 10, 5, 460)}.get(name, (0, 218.1, 99, 44.8, 21.2, 10.2, 5.05, 420))
        for rate_hz in driver(name).RATES_HZ:
            bench = Bench(name, buses(name)[0], bytes(60))
            bench.sensor(rate_hz)
            registers = bench.chip.registers
            code = registers[0x1A if name == "mpu6050" else 0x1D]
            assert 0.25 * rate_hz <= passes_hz[code] <= 0.51 * rate_hz
            from_hz = 8000 if name == "mpu6050" and code == 0 else 1000
            assert from_hz / (1 + registers[0x19]) == rate_hz
            assert name == "mpu6050" or 1 <= registers[0x1A] <= 6

    @MPU
    def test_sleeps_until_started_and_after_stopping(self, name: str) -> None:
        bench = Bench(name, buses(name)[0], counting(5000).tobytes())
        sensor = driver(name)(bench.bus, bench.clock)
        sensor.configure(1000, 8)
        bench.clock.sleep_ms(1000)
        bench.chip.tick()
        assert bench.chip.registers[PWR_MGMT_1] & 0x40 and bench.chip.recording.left == 5000
        sensor.start()
        bench.clock.sleep_ms(60)
        assert len(read(sensor, sensor.block())) > 30
        sensor.stop()
        assert bench.chip.registers[PWR_MGMT_1] == 0x40 and not bench.chip.registers[USER_CTRL] & 0x40

    @pytest.mark.parametrize(("name", "asleep"), [("mpu6050", True), ("mpu6500", False), ("mpu6886", True), ("mpu9250", False)])
    def test_power_on_values(self, name: str, asleep: bool) -> None:
        """Zeros, but for the id, the clock or sleep, the factory values and the MPU-6886's CONFIG."""
        registers = Bench(name, buses(name)[0], bytes(60)).chip.registers
        assert bool(registers[PWR_MGMT_1] & 0x40) == asleep
        rest = {register for register, value in enumerate(registers) if value} - {0x0D, 0x0E, 0x0F, 0x10, PWR_MGMT_1, 0x75}
        assert rest == ({0x1A} if name == "mpu6886" else set())

    @MPU
    def test_the_gyroscope_and_axes_that_nobody_needs_stay_off(self, name: str) -> None:
        bench = Bench(name, buses(name)[0], bytes(60))
        sensor = bench.sensor()
        assert bench.chip.registers[0x6C] == 0x07
        sensor.configure(100, 8, axes="xz")
        assert bench.chip.registers[0x6C] == 0x17

    @MPU
    def test_no_start_up_garbage(self, name: str) -> None:
        """The FIFO is opened when the accelerometer has started up: 30 ms after it was woken."""
        bench = Bench(name, buses(name)[0], counting(100).tobytes())
        before = bench.clock.now
        sensor = bench.sensor(1000)
        assert bench.clock.now - before >= 30000
        assert sensor.level() == 0

    @pytest.mark.parametrize(("name", "register", "bit"), [("mpu6500", USER_CTRL, 0x10), ("mpu9250", USER_CTRL, 0x10),
                                                           ("mpu6886", 0x70, 0x40)])
    def test_on_spi_the_chip_ignores_i2c(self, name: str, register: int, bit: int) -> None:
        """Or it would take SPI traffic for I2C."""
        bench = Bench(name, "spi", counting(100).tobytes())
        sensor = bench.sensor()
        assert bench.chip.registers[register] & bit
        with pytest.raises(OSError):
            bench.chip.write(b"\x75")
        sensor.stop()
        assert bench.chip.registers[register] & bit
        assert not Bench(name, "i2c", bytes(60)).sensor()._user_ctrl

    def test_the_mpu6050_has_no_spi(self) -> None:
        bench = Bench("mpu6500", "spi", bytes(60))
        with pytest.raises(ValueError, match="MPU6050 has no SPI: connect it by I2C"):
            driver("mpu6050")(bench.bus)

    @BY_SIX
    def test_its_interrupt_line_cannot_wait_for_the_watermark(self, name: str) -> None:
        sensor = {"chip": name, "rate_hz": 100, "int_pin": 5}
        with pytest.raises(config.ConfigError, match="does not tell the watermark"):
            config.check({"pipeline": "p.mpy", "sensor": sensor})

    def test_the_mpu9255_is_an_mpu9250(self) -> None:
        bench = Bench("mpu9250", "i2c", bytes(60))
        bench.chip.registers[0x75] = 0x73
        bench.sensor()
        with pytest.raises(SensorError, match="device id is 0x71, expected 0x70: another chip answers"):
            driver("mpu6500")(Bench("mpu9250", "i2c", bytes(60)).bus)

    def test_the_mpu6886_reaches_full_scale(self) -> None:
        """Without OUTPUT_LIMIT it would stop short; the temperature is taken out of the FIFO."""
        words = np.array([[32767, -32768, 32766]] * 50, "<i2")
        bench = Bench("mpu6886", "i2c", words.tobytes())
        bench.chip.temperature_c = 60
        sensor = bench.sensor(500)
        periods(bench, sensor, 40)
        assert (read(sensor, sensor.block())[:30] == words[:30]).all()
        bench.chip.registers[0x69] = 0
        periods(bench, sensor, 10)
        assert read(sensor, sensor.block())[-1, 0] == 32766

    @MPU
    @pytest.mark.parametrize("celsius", [-40, 0, 25, 85])
    def test_temperature(self, name: str, celsius: float) -> None:
        bench = Bench(name, buses(name)[0], counting(100).tobytes())
        sensor = bench.sensor()
        bench.chip.temperature_c = celsius
        assert sensor.temperature_c() == pytest.approx(celsius, abs=0.01)

    @MPU
    def test_motion_threshold(self, name: str) -> None:
        """In steps of 32 mg, from the MPU-6500 on of 4 mg."""
        bench = Bench(name, buses(name)[0], counting(100).tobytes())
        sensor = bench.sensor()
        registers = {"mpu6050": (0x1F,), "mpu6886": (0x20, 0x21, 0x22)}.get(name, (0x1F,))
        for threshold_g, digits in ((0.5, 0.5), (0.001, 0), (99, 99)):
            sensor.wake_on_motion(threshold_g)
            step = 0.032 if name == "mpu6050" else 0.004
            assert {bench.chip.registers[one] for one in registers} == {min(255, max(1, round(digits / step)))}


class TestMpuSelfTest:
    QUIET = np.tile(np.array([0, 0, 2048], "<i2"), (2000, 1)).tobytes()

    def bench(self, name: str) -> Bench:
        return Bench(name, buses(name)[0], self.QUIET, 16 * G_UM)

    @MPU
    def test_the_response_is_the_factorys(self, name: str) -> None:
        bench = self.bench(name)
        moved = driver(name)(bench.bus, bench.clock).self_test()
        for axis in range(3):
            assert moved[axis] == pytest.approx(bench.chip._response_mg(axis), abs=3)
        assert 300 < moved[0] < 1000

    @MPU
    @pytest.mark.parametrize("axis", [0, 1, 2])
    @pytest.mark.parametrize("part", [0.84, 1.16, 0.48, 1.52])
    def test_another_response_fails(self, name: str, axis: int, part: float) -> None:
        """The MPU-6050's within 14 %, the others' within half."""
        bench = self.bench(name)
        right = bench.chip._response_mg
        bench.chip._response_mg = lambda one: right(one) * (part if one == axis else 1)
        sensor = driver(name)(bench.bus, bench.clock)
        if name != "mpu6050" and 0.5 < part < 1.5:
            assert sensor.self_test()[axis] == pytest.approx(right(axis) * part, abs=3)
            return
        with pytest.raises(SensorError, match=f"{sensor.NAME} .*self-test moved {'xyz'[axis]}"):
            sensor.self_test()
        assert bench.chip.registers[PWR_MGMT_1] == 0x40

    def test_without_factory_values(self) -> None:
        """The MPU-6050's cannot be judged; the others' must be within 225 to 675 mg."""
        bench = self.bench("mpu6050")
        for register in range(13, 17):
            bench.chip.registers[register] = 0
        with pytest.raises(SensorError, match="no factory value"):
            driver("mpu6050")(bench.bus, bench.clock).self_test()
        for mg, passes in ((200, False), (400, True), (700, False)):
            bench = self.bench("mpu6500")
            for register in range(13, 16):
                bench.chip.registers[register] = 0
            bench.chip._response_mg = lambda axis, mg=mg: mg
            sensor = driver("mpu6500")(bench.bus, bench.clock)
            if passes:
                assert sensor.self_test() == pytest.approx((mg,) * 3, abs=3)
            else:
                with pytest.raises(SensorError, match="225 to 675 mg"):
                    sensor.self_test()


class TestBma423:
    def began(self, kind: str = "i2c"):
        bench = Bench("bma423", kind, (counting(3000) << 4).tobytes())
        sensor = bench.sensor(400, 16, 16)
        bench.clock.sleep_us(bench.chip.START_US)
        return bench, sensor, sensor.block()

    @pytest.mark.parametrize("kind", ["i2c", "spi"])
    def test_overrun_keeps_whole_frames(self, kind: str) -> None:
        bench, sensor, block = self.began(kind)
        periods(bench, sensor, 169.5)
        assert sensor.level() == 169 and sensor.overruns == 0
        periods(bench, sensor, 20)
        words = counting(3000) << 4
        got = read(sensor, block)
        assert sensor.overruns == 1 and bench.chip.lost == 19
        assert np.array_equal(got, words[19 : 19 + len(got)])
        rest = read(sensor, block)
        assert np.array_equal(rest, words[19 + len(got) :][: len(rest)])

    @pytest.mark.parametrize("kind", ["i2c", "spi"])
    def test_writes_leave_the_pause_that_power_save_mode_needs(self, kind: str) -> None:
        bench, sensor, _ = self.began(kind)
        sensor.stop()
        sensor.configure(100, 2, 8)
        sensor.start()
        sensor.stop()
        sensor.start()
        sensor.stop()
        bench.sensor()
        assert bench.chip.early_writes == 0
        sensor.stop()
        bench.bus.write(0x40, 0xA8)
        bench.bus.write(0x40, 0xA8)
        assert bench.chip.early_writes == 1

    def test_stopped_it_saves_power(self) -> None:
        bench, sensor, _ = self.began()
        assert bench.chip.registers[0x7D] == 4 and bench.chip.registers[0x7C] == 0
        sensor.stop()
        assert bench.chip.registers[0x7D] == 0 and bench.chip.registers[0x7C] == 3
        left = bench.chip.recording.left
        bench.clock.sleep_ms(1000)
        bench.chip.tick()
        assert bench.chip.recording.left == left

    def test_power_on_values(self) -> None:
        """±4 g, 100 Hz, a FIFO with headers and sensor time, watermark 512, power save mode."""
        registers = Bench("bma423", "i2c", bytes(60)).chip.registers
        values = {0x40: 0xA8, 0x41: 0x01, 0x45: 0x80, 0x46: 0x00, 0x47: 0x02, 0x48: 0x02, 0x49: 0x10, 0x7C: 0x03, 0x7D: 0x00}
        assert {register: registers[register] for register in values} == values

    def test_rate_codes(self) -> None:
        for code, rate_hz in enumerate((12.5, 25, 50, 100, 200, 400, 800, 1600), 5):
            bench = Bench("bma423", "i2c", bytes(60))
            bench.sensor(rate_hz)
            assert bench.chip.registers[0x40] == 0xA0 | code

    def test_spi_from_the_first_edge_on(self) -> None:
        """The chip begins with I2C. After a power failure it does so again."""
        bench, sensor, _ = self.began("spi")
        bench.chip.brown_out()
        assert bench.bus.read(0) == 0
        assert bench.bus.read(0) == 0x13
        bench.chip.brown_out()
        sensor.check()
        fresh = Bench("bma423", "spi", bytes(60)).chip
        fresh.reset()
        spi = SPI(1)
        driver("bma423")(SPIBus(spi, Pin(5, spi, fresh)))

    def test_watermark_is_in_bytes(self) -> None:
        bench = Bench("bma423", "i2c", bytes(60))
        bench.sensor(watermark=100)
        assert bench.chip.registers[0x46] | bench.chip.registers[0x47] << 8 == 600

    def test_a_frame_read_in_part_comes_again(self) -> None:
        bench, sensor, _ = self.began()
        periods(bench, sensor, 5.5)
        part = bytearray(8)
        bench.bus.read_into(0x26, part)
        whole = bytearray(6)
        bench.bus.read_into(0x26, whole)
        words = counting(3000) << 4
        assert part[6:] == whole[:2] and bytes(whole) == words[1].tobytes()
        assert sensor.level() == 3
        beyond = bytearray(24)
        bench.bus.read_into(0x26, beyond)
        assert bytes(beyond[-6:]) == b"\x00\x80" * 3

    def test_self_test(self) -> None:
        quiet = np.tile(np.array([0, 0, 2048], "<i2"), (2000, 1)).tobytes()
        bench = Bench("bma423", "i2c", quiet, 16 * G_UM)
        sensor = driver("bma423")(bench.bus, bench.clock)
        assert sensor.self_test() == pytest.approx((700, 1200, 600), abs=10)
        assert bench.chip.registers[0x6D] == 0 and bench.chip.early_writes == 0
        bench = Bench("bma423", "i2c", quiet, 16 * G_UM)
        bench.chip._set = lambda register, value, put=bench.chip._set: put(register, value & ~8 if register == 0x6D else value)
        with pytest.raises(SensorError, match=r"self-test moved x by 17\d mg, the data sheet says 400"):
            driver("bma423")(bench.bus, bench.clock).self_test()

    def test_temperature(self) -> None:
        bench, sensor, _ = self.began()
        for celsius in (-40, 0, 23, 85):
            bench.chip.temperature_c = celsius
            assert sensor.temperature_c() == celsius
        bench.chip.temperature_c = 23 - 128
        with pytest.raises(SensorError, match="no temperature"):
            sensor.temperature_c()

    def test_without_boschs_file_it_cannot_wake_on_motion(self) -> None:
        assert not hasattr(driver("bma423"), "wake_on_motion")
