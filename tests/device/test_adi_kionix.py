# SPDX-License-Identifier: Apache-2.0
"""What only the ADXL355, ADXL357, KX132 and KX134 have: markers in the FIFO, standby rules, resets, codes of rates."""

from collections.abc import Callable

import numpy as np
import pytest
from auscult.sensors import driver
from auscult.sensors.bus import SensorError
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bench_chip import Bench, buses
from device.listener import signal

ADI = pytest.mark.parametrize("name", ["adxl355", "adxl357"])
KIONIX = pytest.mark.parametrize("name", ["kx132", "kx134"])
G_UM = 9806650


def read(sensor, block) -> np.ndarray:
    n = sensor.read_fifo_into(block)
    return np.frombuffer(bytes(block.first[n]), "<i2").reshape(-1, 3)


def counting(samples: int) -> np.ndarray:
    """Every word is another one, as long as there are fewer than 2**16."""
    return np.arange(3 * samples, dtype="<i4").astype("<i2").reshape(samples, 3)


def periods(bench: Bench, sensor, n: float) -> None:
    bench.clock.sleep_us(int(1e6 * n / sensor.rate_hz))


@pytest.fixture
def writes() -> Callable[[Bench], list[tuple[int, int]]]:
    """writes(bench): what the driver writes from now on, as (register, value)."""
    def watch(bench: Bench) -> list[tuple[int, int]]:
        seen: list[tuple[int, int]] = []
        set_register = bench.chip._set

        def note(register: int, value: int) -> None:
            seen.append((register, value))
            set_register(register, value)

        bench.chip._set = note
        return seen
    return watch


@pytest.mark.parametrize("name", ["adxl355", "adxl357", "kx132", "kx134"])
@pytest.mark.parametrize("threshold_g", [0.5, 1.5])
def test_motion_just_below_the_threshold_does_not_wake_and_just_above_does(name: str, threshold_g: float) -> None:
    for share, woken in ((0.9, False), (1.1, True)):
        words = np.zeros((20000, 3), "<i2")
        words[10000:, 2] = round(share * threshold_g * 2048)
        bench = Bench(name, "i2c", words.tobytes(), 16 * G_UM)
        sensor = bench.sensor()
        sensor.wake_on_motion(threshold_g)
        bench.chip.recording._stream.seek(6 * 9990)
        bench.chip.recording._at = bench.chip.recording._end = 0
        assert not sensor.moved()
        bench.clock.sleep_ms(1000)
        assert sensor.moved() == woken


class TestAdxl355:
    @ADI
    def test_rate_and_range_codes(self, name: str) -> None:
        """"Filter Settings Register": 0 is 4000 Hz, 10 is 3.906 Hz; "Range": 1 to 3."""
        bench = Bench(name, "spi", bytes(600))
        rates = {4000: 0, 2000: 1, 1000: 2, 500: 3, 250: 4, 125: 5, 62.5: 6, 31.25: 7, 15.625: 8, 7.813: 9, 3.906: 10}
        assert sorted(rates) == sorted(driver(name).RATES_HZ)
        for rate_hz, code in rates.items():
            bench.sensor(rate_hz)
            assert bench.chip.registers[0x28] == code
        for i, range_g in enumerate(driver(name).RANGES_G):
            bench.sensor(range_g=range_g)
            assert bench.chip.registers[0x2C] == 0xC1 + i  # INT active high

    @pytest.mark.parametrize(("name", "um"), [("adxl355", 3.90625), ("adxl357", 19.53125)])
    def test_a_digit_of_20_bits_is_as_in_table_2(self, name: str, um: float) -> None:
        """3.9 µg and 19.5 µg, rounded there."""
        for i, range_g in enumerate(driver(name).RANGES_G):
            assert driver(name).full_scale_of(range_g) / 2**19 / G_UM * 1e6 == pytest.approx(um * 2**i, rel=1e-6)

    def test_the_lower_four_of_20_bits_and_the_markers_do_not_disturb(self) -> None:
        words = signal(300)
        bench = Bench("adxl355", "spi", words.tobytes())
        pack = bench.chip._pack

        def noisy(sample, buf, at) -> None:
            pack(sample, buf, at)
            for i in (2, 5, 8):
                buf[at + i] |= 0xF0

        bench.chip._pack = noisy
        sensor = bench.sensor(watermark=8)
        periods(bench, sensor, 30)
        assert np.array_equal(read(sensor, sensor.block()), words[: 300 - bench.chip.recording.left])

    @ADI
    @pytest.mark.parametrize("kind", ["i2c", "spi"])
    @settings(deadline=None, max_examples=40)
    @given(data=st.data())
    def test_somebody_else_takes_entries_out(self, name: str, kind: str, data: st.DataObject) -> None:
        """However many entries are missing at the front: all samples that are whole arrive, axes in place, in order; each
        loss is counted."""
        words = counting(4000)
        bench = Bench(name, kind, words.tobytes())
        sensor = bench.sensor(500, watermark=4)
        block = sensor.block(data.draw(st.sampled_from([4, 16, 32])))
        begin = missing = lost = overruns = 0
        for step, taken, size in data.draw(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 4), st.integers(1, 3)),
                                                    min_size=1, max_size=15)):
            periods(bench, sensor, step)
            bench.chip._catch_up()
            for _ in range(min(taken, bench.chip._entries())):
                bench.bus.read_into(0x11, bytearray(size))  # one to three bytes take one entry out
                missing += 1
            got = read(sensor, block)
            if len(got):
                first = int(np.flatnonzero((words == got[0]).all(axis=1))[0])
                assert np.array_equal(got, words[first : first + len(got)])
                if bench.chip.lost == lost:
                    assert first - begin == -(-missing // 3)
                assert first == begin or sensor.overruns > overruns or missing % 3 == 0
                begin, missing, lost, overruns = first + len(got), 0, bench.chip.lost, sensor.overruns

    def test_a_flipped_marker_costs_one_sample_and_is_counted(self) -> None:
        words = signal(300)
        bench = Bench("adxl355", "spi", words.tobytes())
        sensor = bench.sensor(500)
        block = sensor.block()
        periods(bench, sensor, 20)
        bench.chip.flip(2 + 2, 0x01)  # STATUS, FIFO_ENTRIES, two bytes, marker
        got = read(sensor, block)
        assert np.array_equal(got, words[1 : 1 + len(got)]) and sensor.overruns == 1
        periods(bench, sensor, 20)
        assert len(read(sensor, block)) and sensor.overruns == 1

    @pytest.mark.parametrize("slip", range(1, 12))
    def test_the_fifo_goes_on_to_the_next_sample_during_a_burst(self, slip: int) -> None:
        """As a full one does when a sample comes: what is whole is kept, the last one completed."""
        bench = Bench("adxl355", "spi", bytes(600))
        sensor = bench.sensor(500)
        entries = [bytes([sample, axis, 1 if axis == 0 else 0]) for sample in range(8) for axis in range(3)]
        whole = slip // 3  # samples before the slip
        after = -(-slip // 3)
        there = entries[:slip] + entries[3 * after :]
        data = bytearray(b"".join(there[:15]))
        rest = there[15:]
        sensor._bus.read_into = lambda register, buf: buf.__setitem__(slice(None), rest.pop(0))
        n = sensor._align(data, 5)
        samples = [s for s in range(8) if s < whole or s >= after]
        assert [data[9 * i] for i in range(n)] == samples[:n] and n >= 4
        assert [data[9 * i + 3 * axis + 1] for i in range(n) for axis in range(3)] == [0, 1, 2] * n
        assert sensor.overruns == 1 and (not rest or rest[0][1] == 0)

    def test_an_overrun_counts_once_until_samples_are_lost_again(self) -> None:
        bench = Bench("adxl355", "i2c", counting(1000).tobytes())
        sensor = bench.sensor(500)
        block = sensor.block()
        periods(bench, sensor, 100)
        assert len(read(sensor, block)) == 32 and sensor.overruns == 1
        bench.chip.overflow()
        assert len(read(sensor, block)) == 32 and sensor.overruns == 2
        periods(bench, sensor, 30)
        assert len(read(sensor, block)) and sensor.overruns == 2

    def test_the_line_needs_the_polarity_that_the_driver_sets(self) -> None:
        bench = Bench("adxl355", "i2c", counting(1000).tobytes(), line=True)
        sensor = bench.sensor(500, watermark=8)
        sensor.stop()
        bench.bus.write(0x2C, 0x81)
        sensor.start()
        periods(bench, sensor, 20)
        assert not bench.pin()
        bench.bus.write(0x2C, 0xC1)
        assert bench.pin()

    def test_a_fifo_just_full_has_lost_nothing(self) -> None:
        bench = Bench("adxl355", "i2c", counting(1000).tobytes())
        sensor = bench.sensor(500)
        bench.chip.overflow(extra=0)
        assert np.array_equal(read(sensor, sensor.block()), counting(32)) and sensor.overruns == 0

    def test_more_entries_than_the_fifo_has_is_an_error(self) -> None:
        bench = Bench("adxl355", "spi", counting(100).tobytes())
        sensor = bench.sensor(500)
        bench.chip.flip(1, 0x70)
        with pytest.raises(SensorError, match=r"ADXL355 on SPI.*impossible FIFO level: check wiring, power and chip-select"):
            sensor.read_fifo_into(sensor.block())

    def test_self_test_has_its_mode_on_before_the_force(self, writes: Callable) -> None:
        bench = Bench("adxl355", "i2c", bytes(60000))
        sensor = driver("adxl355")(bench.bus, bench.clock)
        seen = writes(bench)
        moved = sensor.self_test()
        assert [value for register, value in seen if register == 0x2E] == [0x01, 0x03, 0x01]
        assert moved == pytest.approx((300, 300, 1500), abs=2)
        sensor.configure(500, 8)
        assert bench.chip.registers[0x2E] == 0

    def test_temperature_digits(self) -> None:
        """Table 2: 1885 at 25 °C, -9.05 a degree."""
        bench = Bench("adxl355", "i2c", bytes(60))
        for celsius, raw in ((25, 1885), (125, 980), (-40, 2473)):
            bench.chip.temperature_c = celsius
            assert bench.chip._get(0x06) << 8 | bench.chip._get(0x07) == raw

    @ADI
    def test_activity_threshold_is_in_digits_of_the_lowest_range(self, name: str) -> None:
        bench = Bench(name, "i2c", bytes(6 * 20000))
        sensor = bench.sensor()
        sensor.wake_on_motion(0.5)
        digits = bench.chip.registers[0x25] << 8 | bench.chip.registers[0x26]
        assert digits * 8 / {"adxl355": 256000, "adxl357": 51200}[name] == pytest.approx(0.5, rel=1e-3)
        assert bench.chip.registers[0x28] >> 4 == 1  # high-pass filter
        sensor.wake_on_motion(100)
        assert bench.chip.registers[0x25] << 8 | bench.chip.registers[0x26] == 0xFFFF

    def test_without_the_high_pass_filter_gravity_alone_is_activity(self) -> None:
        """So the driver needs it."""
        for filter_code, active in ((0x12, False), (0x02, True)):
            still = np.tile(np.array([0, 0, 16000], "<i2"), (2000, 1))  # 1 g
            bench = Bench("adxl355", "i2c", still.tobytes())
            for register, value in ((0x28, filter_code), (0x25, 0x3E), (0x24, 7), (0x2D, 0)):
                bench.bus.write(register, value)
            bench.clock.sleep_ms(500)
            bench.bus.read(0x04)
            bench.clock.sleep_ms(500)
            assert bool(bench.bus.read(0x04) & 8) == active

    def test_the_filter_changes_in_standby_only(self) -> None:
        """The driver stops the chip before it sets the rate: configure() works while it measures."""
        bench = Bench("adxl355", "i2c", bytes(6000))
        sensor = bench.sensor(500)
        bench.bus.write(0x28, 0)
        assert bench.chip.registers[0x28] == 3
        sensor.configure(1000, 2)
        assert bench.chip.registers[0x28] == 2 and not bench.chip.measuring

    def test_the_output_registers_show_the_newest_sample_to_who_leaves_the_fifo_alone(self) -> None:
        words = counting(100)
        bench = Bench("adxl355", "i2c", words.tobytes())
        sensor = bench.sensor(500, watermark=4)
        for _ in range(3):
            periods(bench, sensor, 10)
            raw = bytearray(9)
            bench.bus.read_into(0x08, raw)
            newest = 100 - bench.chip.recording.left - 1
            assert [raw[i] << 8 | raw[i + 1] for i in (0, 3, 6)] == list(words[newest].view("<u2"))
            assert [raw[i] & 3 for i in (2, 5, 8)] == [0, 0, 0]

    def test_after_a_brown_out_there_are_no_samples_until_it_is_configured_again(self) -> None:
        bench = Bench("adxl355", "spi", counting(1000).tobytes())
        sensor = bench.sensor(500)
        block = sensor.block()
        bench.chip.brown_out()
        periods(bench, sensor, 100)
        assert len(read(sensor, block)) == 0
        sensor.configure(500, 8)
        sensor.start()
        periods(bench, sensor, 20)
        assert len(read(sensor, block)) > 10 and sensor.overruns == 0

    def test_a_reset_that_does_not_end_is_an_error(self) -> None:
        bench = Bench("adxl355", "i2c", bytes(600))
        sensor = bench.sensor(500)
        bench.chip._busy = lambda: True
        with pytest.raises(SensorError, match=r"ADXL355 at 0x1D.*the reset does not end: check wiring, power"):
            sensor.configure(500, 8)

    def test_adxl355_and_adxl357_cannot_be_told_apart(self) -> None:
        """Both have PARTID 0xED: the page on the chips says so. An ADXL345 is another one."""
        driver("adxl357")(Bench("adxl355", "i2c", bytes(60)).bus)
        with pytest.raises(SensorError, match="no ADXL357 "):
            driver("adxl357")(Bench("adxl345", "i2c", bytes(60)).bus)


class TestKionix:
    @KIONIX
    def test_rate_and_range_codes(self, name: str) -> None:
        """TRM "ODCNTL": OSA 0 is 0.781 Hz, each one above doubles it to 25600 Hz; "CNTL1": GSEL."""
        bench = Bench(name, "spi", bytes(600))
        for code, rate_hz in enumerate(driver(name).RATES_HZ):
            assert rate_hz == pytest.approx(25600 / 2 ** (15 - code), rel=1e-3)
            bench.sensor(rate_hz)
            assert bench.chip.registers[0x21] == 0x40 | code  # LPRO: corner at half the rate
        for code, range_g in enumerate(driver(name).RANGES_G):
            bench.sensor(range_g=range_g)
            assert bench.chip.registers[0x1B] == 0xC0 | code << 3
            assert driver(name).full_scale_of(range_g) == range_g * G_UM

    def test_each_has_its_own_id(self) -> None:
        for name, other, ids in (("kx132", "kx134", "0x46, expected 0x3D"), ("kx134", "kx132", "0x3D, expected 0x46")):
            with pytest.raises(SensorError, match=f"no {name.upper()} .*device id is {ids}: another chip"):
                driver(name)(Bench(other, "i2c", bytes(60)).bus)

    @KIONIX
    def test_the_level_is_in_bytes_and_a_part_of_a_sample_waits(self, name: str) -> None:
        bench = Bench(name, "i2c", counting(500).tobytes())
        sensor = bench.sensor(400)
        bench.chip.overflow(extra=-46)
        state = bytearray(2)
        bench.bus.read_into(0x60, state)
        assert state == bytes([240, 0]) and sensor.level() == 40
        bench.chip.overflow(extra=-6)
        bench.bus.read_into(0x60, state)
        assert state == bytes([480 & 0xFF, 480 >> 8]) and sensor.level() == 80
        bench.bus.read_into(0x63, bytearray(4))
        bench.bus.read_into(0x60, state)
        assert state[0] | state[1] << 8 == 476 and sensor.level() == 79

    @KIONIX
    def test_a_full_buffer_counts_as_overrun(self, name: str) -> None:
        words = counting(500)
        bench = Bench(name, "spi", words.tobytes())
        sensor = bench.sensor(400)
        block = sensor.block()
        bench.chip.overflow(extra=-1)
        assert sensor.level() == 85 and sensor.overruns == 0
        bench.chip.overflow(extra=10)
        got = read(sensor, block)
        assert sensor.overruns == 1 and len(got) == 64 and sensor.left == 22  # more than 32: by 32
        assert np.array_equal(got, words[10:74])
        assert np.array_equal(read(sensor, block), words[74:96]) and sensor.overruns == 1

    def test_an_open_line_is_an_error(self) -> None:
        bench = Bench("kx134", "spi", counting(500).tobytes())
        sensor = bench.sensor(400)
        bench.chip.present = False
        with pytest.raises(SensorError, match=r"KX134 on SPI.*impossible FIFO level: check wiring, power and chip-select"):
            sensor.read_fifo_into(sensor.block())

    @KIONIX
    def test_most_registers_change_only_while_it_does_not_measure(self, name: str) -> None:
        bench = Bench(name, "i2c", bytes(6000))
        sensor = bench.sensor(400)
        before = bytes(bench.chip.registers)
        for register in (0x1C, 0x1D, 0x1E, 0x21, 0x22, 0x25, 0x49, 0x5E, 0x5F):
            bench.bus.write(register, 0x15)
        bench.bus.write(0x1B, 0xC0 ^ 0x08)  # another range, still measuring
        assert bytes(bench.chip.registers) == before
        sensor.configure(800, driver(name).RANGES_G[1], 20)
        assert bench.chip.registers[0x21] == 0x4A and bench.chip.registers[0x5E] == 20
        assert bench.chip.registers[0x1B] == 0x48 and not bench.chip.measuring

    @KIONIX
    def test_what_others_have_left_on_is_off(self, name: str) -> None:
        """A self-test that was broken off, the advanced data path, wake-up."""
        bench = Bench(name, "i2c", bytes(6000))
        for register, value in ((0x5D, 0xCA), (0x1F, 0x10), (0x1E, 0x60)):
            bench.bus.write(register, value)
        bench.sensor(400)
        assert [bench.chip.registers[register] for register in (0x5D, 0x1F, 0x1E)] == [0, 0, 0x40]

    def test_in_fifo_mode_the_oldest_stay(self) -> None:
        words = counting(500)
        bench = Bench("kx134", "i2c", words.tobytes())
        sensor = bench.sensor(400)
        sensor.stop()
        bench.bus.write(0x5F, 0xE0)  # BM = 0, BFIE
        sensor.start()
        bench.chip.overflow(extra=10)
        assert bench.bus.read(0x17) & 0x40  # BFI
        assert np.array_equal(read(sensor, sensor.block()), words[:64])

    def test_software_reset_takes_two_milliseconds_without_answer(self) -> None:
        bench = Bench("kx132", "i2c", bytes(6000))
        sensor = bench.sensor(400)
        sensor.stop()
        bench.bus.write(0x1C, 0x80)
        with pytest.raises(SensorError, match="no KX132 at 0x1F"):
            bench.bus.read(0x1C)
        bench.clock.sleep_ms(2)
        assert bench.bus.read(0x1C) == 0x3F and bench.bus.read(0x5F) == 0 and bench.bus.read(0x21) == 0x06

    @KIONIX
    def test_self_test_follows_its_polarity_bit(self, name: str) -> None:
        """The driver asks for the positive one."""
        for stpol, sign in ((0x02, 1), (0, -1)):
            bench = Bench(name, "i2c", bytes(60000))
            sensor = bench.sensor(400)
            sensor.stop()
            bench.bus.write(0x22, 0x30 | stpol)
            sensor.start()
            sensor._excite(True)
            periods(bench, sensor, 10)
            mg = read(sensor, sensor.block()).mean(axis=0) * sensor.scale / 9.80665 * 1000
            assert mg == pytest.approx([sign * 500] * 3, abs=3)
        assert driver(name)(bench.bus, bench.clock).self_test() == pytest.approx((500,) * 3, abs=1)

    @pytest.mark.parametrize(("name", "per_g"), [("kx132", 256), ("kx134", 64)])
    def test_wake_up_threshold_has_11_bits_in_two_registers(self, name: str, per_g: int) -> None:
        bench = Bench(name, "i2c", bytes(60))
        sensor = bench.sensor()
        for threshold_g in (0.5, 3, 7.9):
            sensor.wake_on_motion(threshold_g)
            assert not bench.chip.registers[0x1B] & 0x40  # low power
            assert bench.chip.registers[0x1D] & 7 == bench.chip.registers[0x21] & 15 == 6  # both at 50 Hz
            digits = bench.chip.registers[0x49] | (bench.chip.registers[0x4A] & 7) << 8
            assert digits == round(threshold_g * per_g)
        sensor.wake_on_motion(1000)
        assert bench.chip.registers[0x49] | (bench.chip.registers[0x4A] & 7) << 8 == 0x7FF

    @KIONIX
    def test_the_wake_up_line_is_latched_until_asked(self, name: str) -> None:
        words = np.zeros((400, 3), "<i2")
        words[100:102, 1] = 20000
        bench = Bench(name, "i2c", words.tobytes(), line=True)
        sensor = bench.sensor()
        sensor.wake_on_motion(0.5)
        bench.clock.sleep_ms(1900)
        assert not bench.pin() and not sensor.moved()
        bench.clock.sleep_ms(1000)
        assert bench.pin() and sensor.moved()
        assert not bench.pin() and not sensor.moved()

    @KIONIX
    def test_back_to_full_resolution_after_watching_for_motion(self, name: str) -> None:
        words = signal(2000)
        bench = Bench(name, buses(name)[0], words.tobytes())
        sensor = bench.sensor()
        sensor.wake_on_motion(0.5)
        sensor.configure(400, driver(name).RANGES_G[0])
        assert bench.chip.registers[0x1B] == 0x40 and bench.chip.registers[0x1E] == 0x40  # RES, no wake-up
        sensor.start()
        taken = 2000 - bench.chip.recording.left
        periods(bench, sensor, 20)
        got = read(sensor, sensor.block())
        assert np.array_equal(got, words[taken : taken + len(got)]) and len(got) > 10
