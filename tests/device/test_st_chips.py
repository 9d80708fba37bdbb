# SPDX-License-Identifier: Apache-2.0
"""What only the LIS2DW12, the LSM6DSO family and the IIS3DWB have: codes of rates and ranges, tagged words, the latched
overrun of a 512-word FIFO, resets, self-test limits, wake-up settings; and their facts beside public drivers."""

import numpy as np
import pytest
from auscult.sensors import driver
from auscult.sensors.bus import I2CBus, SensorError
from auscult.virtual.bus import I2C
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bench_chip import Bench, buses
from device.listener import signal

FAMILY = ["lsm6dso", "lsm6dsox", "ism330dhcx"]
TAGGED = pytest.mark.parametrize("name", [*FAMILY, "iis3dwb"])
ALL = pytest.mark.parametrize("name", ["lis2dw12", *FAMILY, "iis3dwb"])
G_UM = 9806650

# name: id, register of the FIFO's data, bytes a sample, words, µg a digit at ±2 g, bits of it, self-test in mg
FACTS = {
    "lis2dw12": (0x44, 0x28, 6, 32, 244, 14, (70, 1500)),
    "lsm6dso": (0x6C, 0x78, 7, 512, 61, 16, (50, 1700)),
    "lsm6dsox": (0x6C, 0x78, 7, 512, 61, 16, (50, 1700)),
    "ism330dhcx": (0x6B, 0x78, 7, 512, 61, 16, (90, 1700)),
    "iis3dwb": (0x7B, 0x78, 7, 512, 61, 16, (800, 3200)),
}

# register -> value, after configure(second fastest rate or the only one, 8 g, 20) and start()
WRITTEN = {
    # CTRL1 ODR 800 Hz, high performance; CTRL2 BDU and increment; CTRL4 INT1_FTH; CTRL6 8 g, low noise; stream
    "lis2dw12": {0x20: 0x84, 0x21: 0x0C, 0x23: 0x02, 0x25: 0x24, 0x2E: 0xD4},
    # watermark; BDR_XL; continuous; INT1_FIFO_TH; ODR 3333 Hz, 8 g (code 3); BDU and IF_INC
    "lsm6dso": {0x07: 20, 0x08: 0, 0x09: 0x09, 0x0A: 0x06, 0x0D: 0x08, 0x10: 0x9C, 0x12: 0x44},
    "lsm6dsox": {0x07: 20, 0x08: 0, 0x09: 0x09, 0x0A: 0x06, 0x0D: 0x08, 0x10: 0x9C, 0x12: 0x44},
    "ism330dhcx": {0x07: 20, 0x08: 0, 0x09: 0x09, 0x0A: 0x06, 0x0D: 0x08, 0x10: 0x9C, 0x12: 0x44, 0x18: 0xE2},
    "iis3dwb": {0x07: 20, 0x08: 0, 0x09: 0x0A, 0x0A: 0x06, 0x0D: 0x08, 0x10: 0xAC, 0x12: 0x44, 0x18: 0},
}

# the rate's code in CTRL1 or CTRL1_XL, bits 7..4
CODES = {"lis2dw12": {12.5: 2, 25: 3, 50: 4, 100: 5, 200: 6, 400: 7, 800: 8, 1600: 9},
         "lsm6dso": {12.5: 1, 26: 2, 52: 3, 104: 4, 208: 5, 417: 6, 833: 7, 1667: 8, 3333: 9, 6667: 10},
         "iis3dwb": {26667: 10}}


def bench_of(name: str, words: np.ndarray | None = None, **more) -> Bench:
    return Bench(name, buses(name)[0], (signal(3000) if words is None else words).tobytes(), **more)


def counting(samples: int) -> np.ndarray:
    return np.arange(3 * samples, dtype="<i4").astype("<i2").reshape(samples, 3)


def periods(bench: Bench, sensor, n: float) -> None:
    bench.clock.sleep_us(int(1e6 * n / sensor.rate_hz))


def read(sensor, block) -> np.ndarray:
    n = sensor.read_fifo_into(block)
    return np.frombuffer(bytes(block.first[n]), "<i2").reshape(-1, 3)


def raw(bench: Bench, register: int, n: int = 1) -> bytearray:
    """Registers as somebody else's driver would read them."""
    buf = bytearray(n)
    bench.bus.read_into(register, buf)
    return buf


class TestPublicDrivers:
    """Addresses, bits and codes against two public drivers each. Facts only:

    LIS2DW12    STMicroelectronics/lis2dw12-pid lis2dw12_reg.h, lis2dw12_reg.c;
                chromiumos_platform_ec driver/accel_lis2dw12.h (its FIFO read is one burst as well);
                zephyrproject-rtos/zephyr drivers/sensor/st/lis2dw12/lis2dw12.h
    LSM6DSO     STMicroelectronics/lsm6dso-pid lsm6dso_reg.h, lsm6dso_reg.c;
                torvalds/linux drivers/iio/imu/st_lsm6dsx/st_lsm6dsx_core.c, st_lsm6dsx_buffer.c (also ISM330DHCX)
    IIS3DWB     STMicroelectronics/iis3dwb-pid iis3dwb_reg.h, iis3dwb_reg.c;
                zephyrproject-rtos/zephyr drivers/sensor/st/iis3dwb/iis3dwb.h, iis3dwb_decoder.c, iis3dwb_stream.c
    self-tests  STMicroelectronics/STMems_Standard_C_drivers <chip>_STdC/examples/<chip>_self_test.c
    """

    @ALL
    def test_facts(self, name: str) -> None:
        kind = driver(name)
        id_, data, stride, depth, digit_ug, bits, limits = FACTS[name]
        assert ((id_,), 0x0F, data, stride, depth) == (kind.IDS, kind.ID_REGISTER, kind.DATA, kind.STRIDE, kind.DEPTH)
        assert (bits,) == kind.BITS and kind.SELF_TEST[3] == (limits,) * 3
        for shift, range_g in enumerate((2, 4, 8, 16)):
            assert kind.full_scale_of(range_g) == (digit_ug << shift + bits - 1) * G_UM // 10**6

    @ALL
    def test_registers_as_configured(self, name: str) -> None:
        bench = bench_of(name)
        rates = bench.driver.RATES_HZ
        bench.sensor(rates[-2] if len(rates) > 1 else rates[0], 8, 20)
        assert {at: bench.chip.registers[at] for at in WRITTEN[name]} == WRITTEN[name]

    @pytest.mark.parametrize("name", sorted(CODES))
    def test_codes_of_rates_and_ranges(self, name: str) -> None:
        control, fs, fs_codes = (0x20, 0x25, (0, 1, 2, 3)) if name == "lis2dw12" else (0x10, 0x10, (0, 2, 3, 1))
        assert sorted(CODES[name]) == sorted(driver(name).RATES_HZ)
        for rate_hz, code in CODES[name].items():
            for range_g, fs_code in zip((2, 4, 8, 16), fs_codes, strict=True):
                bench = bench_of(name)
                bench.sensor(rate_hz, range_g, 20)
                assert bench.chip.registers[control] >> 4 == code
                assert bench.chip.registers[fs] >> (4 if name == "lis2dw12" else 2) & 3 == fs_code
                if name != "lis2dw12":
                    assert bench.chip.registers[0x09] == code  # batched at the rate at which it is measured

    @ALL
    def test_wake_up_registers(self, name: str) -> None:
        """Threshold in 64ths of ±2 g; INT1_WU; interrupts enabled; latched."""
        bench = bench_of(name)
        sensor = bench.sensor()
        sensor.wake_on_motion(0.25)
        threshold, enable, route, latch = (0x34, 0x3F, 0x23, 0x22) if name == "lis2dw12" else (0x5B, 0x58, 0x5E, 0x56)
        registers = bench.chip.registers
        assert registers[threshold] == 8 and registers[route] & 0x20
        assert registers[enable] & (0x20 if name == "lis2dw12" else 0x80)
        assert registers[latch] & (0x10 if name == "lis2dw12" else 0x01)
        sensor.wake_on_motion(0.001)
        assert registers[threshold] == 1
        sensor.wake_on_motion(100)
        assert registers[threshold] == 63


class TestTaggedFifo:
    @TAGGED
    def test_watermarks_beyond_a_byte(self, name: str) -> None:
        bench = bench_of(name, line=True)
        sensor = bench.sensor(watermark=300)
        assert (bench.chip.registers[0x07], bench.chip.registers[0x08]) == (300 & 0xFF, 1)
        periods(bench, sensor, 299.5)
        assert bench.pin() == 0
        periods(bench, sensor, 1)
        assert bench.pin() == 1 and sensor.level() == 300

    @TAGGED
    def test_words_as_the_data_sheet_tells(self, name: str) -> None:
        """Sensor 2 in bits 7..3, a counter of two bits, even parity; then x, y, z. An empty FIFO gives zeros."""
        words = counting(20)
        bench = bench_of(name, words)
        sensor = bench.sensor()
        periods(bench, sensor, 10.5)
        got = np.frombuffer(bytes(raw(bench, 0x78, 70)), np.uint8).reshape(10, 7)
        assert (got[:, 0] >> 3 == 2).all()
        assert (np.diff((got[:, 0] >> 1 & 3).astype(int)) % 4 == 1).all()
        assert all(bin(tag).count("1") % 2 == 0 for tag in got[:, 0])
        assert np.array_equal(np.ascontiguousarray(got[:, 1:]).view("<i2"), words[:10])
        assert raw(bench, 0x78, 7) == bytes(7)

    @TAGGED
    def test_a_word_read_in_pieces(self, name: str) -> None:
        """Tag first, data in another transfer, as some drivers do."""
        words = counting(20)
        bench = bench_of(name, words)
        sensor = bench.sensor()
        periods(bench, sensor, 3.5)
        for i in range(3):
            assert raw(bench, 0x78)[0] >> 3 == 2
            assert raw(bench, 0x78)[0] >> 3 == 2  # still the same word
            assert np.array_equal(np.frombuffer(bytes(raw(bench, 0x79, 6)), "<i2"), words[i])
        assert sensor.level() == 0
        periods(bench, sensor, 2)
        both = raw(bench, 0x79, 13)  # begins behind the tag and rolls over to the next word's
        assert both[6] >> 3 == 2 and np.array_equal(np.frombuffer(bytes(both[:6] + both[7:]), "<i2"), words[3:5].ravel())

    @TAGGED
    @pytest.mark.parametrize("word", [0, 9])
    def test_a_foreign_tag_is_an_error(self, name: str, word: int) -> None:
        """Gyroscope data (tag 1) in the first or the last word: something else has set the chip."""
        bench = bench_of(name)
        sensor = bench.sensor()
        block = sensor.block()
        periods(bench, sensor, 10.5)
        bench.chip.flip(2 + 7 * word, 0x18)  # after the two bytes of level()
        with pytest.raises(SensorError, match=f"{sensor.NAME} .*FIFO words without the accelerometer's tag: check wiring"):
            sensor.read_fifo_into(block)

    @TAGGED
    @settings(deadline=None, max_examples=20)
    @given(steps=st.lists(st.integers(1, 700), min_size=1, max_size=12))
    def test_overrun_of_512_words(self, name: str, steps: list[int]) -> None:
        """However long nobody reads: what comes is in order, and a gap is told by the read that begins behind it."""
        words = counting(9000)
        bench = bench_of(name, words)
        sensor = bench.sensor()
        block, expected = sensor.block(), 0
        for step in steps:
            periods(bench, sensor, step)
            lost, overruns = bench.chip.lost, sensor.overruns
            sensor.level()  # also a driver that only asks for the level notices
            gap, told = bench.chip.lost - lost, sensor.overruns - overruns
            assert told == (gap > 0)
            expected += gap
            while True:
                got = read(sensor, block)
                assert np.array_equal(got, words[expected : expected + len(got)])
                expected += len(got)
                if not sensor.left:
                    break
            assert sensor.overruns == overruns + told  # once for each gap

    @TAGGED
    def test_status_bits(self, name: str) -> None:
        """FIFO_STATUS2: watermark 7, overrun 6, full at the next sample 5, latched overrun 3, level 1..0."""
        bench = bench_of(name)
        sensor = bench.sensor(watermark=100)
        after = {99.5: 0x00, 100.5: 0x80, 510.5: 0x81, 511.5: 0xA1, 512.5: 0xA2, 513.5: 0xEA}
        passed = 0.0
        for count, status in after.items():
            periods(bench, sensor, count - passed)
            passed = count
            assert raw(bench, 0x3A, 2)[1] == status, count
        assert raw(bench, 0x3B)[0] == 0xE2  # reading has cleared the latch
        raw(bench, 0x78, 7)
        assert raw(bench, 0x3B)[0] == 0xA1

    @TAGGED
    def test_fifo_mode_stops_when_full(self, name: str) -> None:
        words = counting(2000)
        bench = bench_of(name, words)
        sensor = bench.sensor()
        bench.bus.write(0x0A, 0)
        bench.bus.write(0x0A, 1)
        began = 2000 - bench.chip.recording.left
        periods(bench, sensor, 700)
        block = sensor.block()
        got = np.concatenate([read(sensor, block), read(sensor, block)])
        assert np.array_equal(got, words[began : began + 512])

    @TAGGED
    def test_stop_on_watermark(self, name: str) -> None:
        bench = bench_of(name)
        sensor = bench.sensor(watermark=40)
        bench.bus.write(0x08, 0x80)
        periods(bench, sensor, 100)
        assert raw(bench, 0x3A)[0] == 40

    @TAGGED
    def test_blocks_take_what_fits(self, name: str) -> None:
        words = counting(400)
        bench = bench_of(name, words)
        sensor = bench.sensor()
        block = sensor.block()
        periods(bench, sensor, 300.5)
        parts, left = [], []
        while not parts or sensor.left:
            parts.append(read(sensor, block))
            left.append(sensor.left)
        assert [len(part) for part in parts] == [256, 32, 12] and left == [44, 12, 0]
        assert np.array_equal(np.concatenate(parts), words[:300])

    @TAGGED
    def test_output_registers_without_the_fifo(self, name: str) -> None:
        """For drivers that poll: the newest sample, STATUS_REG's XLDA, bypass mode empty."""
        words = counting(50)
        bench = bench_of(name, words)
        bench.driver(bench.bus, bench.clock)
        bench.bus.write(0x10, 0xA0)
        bench.clock.sleep_us(int(10.5e6 / (26667 if name == "iis3dwb" else 6667)))
        assert raw(bench, 0x1E)[0] & 1
        assert np.array_equal(np.frombuffer(bytes(raw(bench, 0x28, 6)), "<i2"), words[9])
        assert not raw(bench, 0x1E)[0] & 1
        assert raw(bench, 0x3A, 2) == bytes(2)

    @TAGGED
    def test_software_reset_takes_its_time(self, name: str) -> None:
        bench = bench_of(name)
        bench.sensor()
        bench.bus.write(0x12, 0x05)
        assert raw(bench, 0x12)[0] & 1
        bench.clock.sleep_us(50)
        assert raw(bench, 0x12)[0] == 0x04
        assert raw(bench, 0x10)[0] == 0 and raw(bench, 0x0F)[0] == bench.driver.IDS[0] and not bench.chip.measuring

    @TAGGED
    def test_without_address_increment(self, name: str) -> None:
        """IF_INC off: a burst reads one register again and again."""
        bench = bench_of(name)
        bench.driver(bench.bus, bench.clock)
        bench.bus.write(0x12, 0x00)
        assert raw(bench, 0x0F, 3) == bytes(bench.driver.IDS) * 3


class TestLis2dw12:
    def test_overrun_is_told_only_when_a_sample_is_overwritten(self) -> None:
        bench = bench_of("lis2dw12")
        sensor = bench.sensor(400)
        periods(bench, sensor, 32.5)
        assert sensor.level() == 32 and sensor.overruns == 0
        periods(bench, sensor, 1)
        assert sensor.level() == 32 and sensor.overruns == 1
        sensor.read_fifo_into(sensor.block())
        assert sensor.level() == 0 and sensor.overruns == 2  # once by level() above, once by the read

    def test_fifo_samples(self) -> None:
        """FIFO_FTH 7, FIFO_OVR 6, level 5..0; nothing in bypass mode."""
        bench = bench_of("lis2dw12")
        sensor = bench.sensor(400, watermark=10)
        passed = 0.0
        for count, status in {9.5: 9, 10.5: 0x8A, 32.5: 0xA0, 33.5: 0xE0}.items():
            periods(bench, sensor, count - passed)
            passed = count
            assert raw(bench, 0x2F)[0] == status
        bench.bus.write(0x2E, 0)
        periods(bench, sensor, 5)
        assert raw(bench, 0x2F)[0] == 0

    def test_a_burst_rolls_over_and_may_be_cut(self) -> None:
        words = signal(40)
        bench = bench_of("lis2dw12", words)
        sensor = bench.sensor(400)
        periods(bench, sensor, 6.5)
        assert np.array_equal(np.frombuffer(bytes(raw(bench, 0x28, 24)), "<i2"), words[:4].ravel())
        assert np.array_equal(np.frombuffer(bytes(raw(bench, 0x28, 12)), "<i2"), words[4:6].ravel())

    def test_low_power_mode_1_has_12_bits(self) -> None:
        words = np.full((200, 3), 0x1234, "<i2")
        bench = bench_of("lis2dw12", words, full_scale_um=8192 * 244 * G_UM // 10**6)
        bench.driver(bench.bus, bench.clock)
        for control, shown in ((0x54, 0x1234), (0x50, 0x1230)):
            bench.bus.write(0x20, control)
            bench.clock.sleep_ms(25)
            assert np.frombuffer(bytes(raw(bench, 0x28, 6)), "<i2")[0] == pytest.approx(shown, abs=4)
            assert bench.chip.recording._justify == (2 if control & 0x04 else 4)

    def test_soft_reset(self) -> None:
        bench = bench_of("lis2dw12")
        bench.sensor(400)
        bench.bus.write(0x21, 0x40)
        assert raw(bench, 0x21)[0] == 0x04 and raw(bench, 0x20)[0] == 0 and not bench.chip.measuring

    def test_temperature_has_sixteenths(self) -> None:
        bench = bench_of("lis2dw12")
        sensor = bench.sensor()
        bench.chip.temperature_c = 21.0625
        assert sensor.temperature_c() == 21.0625
        bench.chip.temperature_c = 20
        assert raw(bench, 0x26)[0] == 256 - 5  # OUT_T: whole degrees from 25


class TestSelfTest:
    QUIET = np.tile(np.array([100, -200, 2000], "<i2"), (9000, 1))

    @ALL
    def test_found_within_the_limits(self, name: str) -> None:
        bench = bench_of(name, self.QUIET, full_scale_um=16 * G_UM)
        moved = bench.driver(bench.bus, bench.clock).self_test()
        typical = {"lis2dw12": (550, 620, 480), "iis3dwb": (1700, 1500, 2100)}.get(name, (420, 510, 610))
        assert moved == pytest.approx(typical, abs=2)
        assert not bench.chip.measuring

    @ALL
    @pytest.mark.parametrize("factor", [0.05, 5])
    def test_too_little_and_too_much_fail(self, name: str, factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
        bench = bench_of(name, self.QUIET, full_scale_um=16 * G_UM)
        form = bench.chip._format

        def altered() -> None:
            form()
            if bench.chip.recording.offset:
                bench.chip.recording.offset = [int(factor * word) for word in bench.chip.recording.offset]

        monkeypatch.setattr(bench.chip, "_format", altered)
        with pytest.raises(SensorError, match=rf"{bench.driver.NAME} .*self-test moved x by \d+ mg, the data sheet says"):
            bench.driver(bench.bus, bench.clock).self_test()
        assert not bench.chip.measuring


def test_iis3dwb_says_that_it_has_no_i2c() -> None:
    i2c = I2C(0)
    i2c.devices[0x6A] = bench_of("iis3dwb").chip
    with pytest.raises(ValueError, match="IIS3DWB has no I2C that would do: connect it by SPI"):
        driver("iis3dwb")(I2CBus(i2c, 0x6A))


def test_iis3dwb_measures_only_with_its_one_enable_code() -> None:
    """CTRL1_XL: XL_EN is 101; what other chips take for a rate does nothing."""
    bench = bench_of("iis3dwb")
    bench.driver(bench.bus, bench.clock)
    for value in (0x40, 0x80, 0xC0, 0xE0):
        bench.bus.write(0x10, value)
        assert not bench.chip.measuring
    bench.bus.write(0x10, 0xA0)
    assert bench.chip.measuring


@ALL
@pytest.mark.parametrize(("setting", "says"), [({"rate_hz": 1000}, "cannot sample at 1000 Hz; it can at .*"),
                                               ({"range_g": 32}, "has no range of 32 g; it has 2, 4, 8, 16"),
                                               ({"watermark": 512}, "watermark is 512; .* must be 1 to (31|511) samples")])
def test_settings_that_the_chip_lacks(name: str, setting: dict, says: str) -> None:
    bench = bench_of(name)
    sensor = bench.driver(bench.bus, bench.clock)
    with pytest.raises(ValueError, match=says):
        sensor.configure(**{"rate_hz": sensor.RATES_HZ[-1], "range_g": 16, **setting})
