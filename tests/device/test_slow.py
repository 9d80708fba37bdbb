# SPDX-License-Identifier: Apache-2.0
"""Slow sensors over their virtual chips: what is set comes back, the integer formulas against those of the data sheets,
faults, bad input, MicroPython with the heap locked, simulated boards."""

import struct
from array import array
from collections.abc import Callable
from fractions import Fraction

import pytest
from auscult.sensors import SLOW, analog, bme280, driver, ds18b20, sensirion
from auscult.sensors.bus import I2CBus, SensorError, SPIBus
from auscult.virtual import bme280 as virtual_bme280
from auscult.virtual import sensirion as virtual_sensirion
from auscult.virtual.analog import Analog as VirtualAnalog
from auscult.virtual.bus import I2C, SPI, Pin
from auscult.virtual.clock import VirtualClock
from auscult.virtual.ds18b20 import DS18B20 as VirtualDS18B20
from auscult.virtual.onewire import OneWire
from auscult_host.simulator import SimBoard
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bench_slow import KINDS, NAMES, Slow

from . import FIRMWARE

CHIPS = [name for name in NAMES if name != "analog"]
ON_I2C = [name for name in CHIPS if name != "ds18b20"]
ALL = pytest.mark.parametrize(("name", "kind"), KINDS, ids=["/".join(pair) for pair in KINDS])
RANGE = {"temperature_c": (-40, 85), "humidity_percent": (0, 100), "pressure_pa": (30000, 110000), "fraction": (0, 1)}


def resolution(name: str, channel: str, precision: object) -> float:
    """What a reading may be off from what is set: the step of the digits, and of the driver's rounding to thousandths."""
    if name == "bme280":
        step = 16 / precision
        return {"temperature_c": 0.00035 * step, "pressure_pa": 0.25 * step + 0.6, "humidity_percent": 0.03}[channel] + 0.002
    return {"analog": 1 / 4095, "mcp9808": precision, "ds18b20": None, "sht3x": 0.0015, "sht4x": 0.0015,
            "tmp117": 0.0045}[name] or 0.5 ** (precision - 8) + 0.0005


# --- formulas


class Small(int):
    """An integer that fails where MicroPython would take heap on a board of 32 bits."""


def _checked(name: str) -> Callable:
    def operation(self: int, *others: int) -> Small:
        value = getattr(int, name)(int(self), *[int(other) for other in others])
        assert -(2**30) <= value < 2**30, f"{int(self)} {name} {others}"
        return Small(value)

    return operation


for _name in ("add", "sub", "mul", "floordiv", "mod", "lshift", "rshift", "and", "or", "xor"):
    setattr(Small, f"__{_name}__", _checked(f"__{_name}__"))
    setattr(Small, f"__r{_name}__", _checked(f"__r{_name}__"))
Small.__neg__ = _checked("__neg__")

TRIMMING_T = st.tuples(st.integers(26800, 29200), st.integers(25200, 27800), st.integers(-1000, 50))
TRIMMING_P = st.tuples(
    st.integers(34000, 39500), st.integers(-11000, -10200), st.integers(2900, 3100), st.integers(-2000, 9000),
    st.integers(-400, 400), st.integers(-10, -5), st.integers(9000, 16000), st.integers(-15000, -10000),
    st.integers(4200, 6100))
TRIMMING_H = st.tuples(st.just(75), st.integers(330, 390), st.integers(0, 2), st.integers(270, 350),
                       st.integers(0, 50), st.integers(28, 32))


def datasheet_fine(adc: int, t: tuple) -> int:
    """The data sheet's section 4.2.3, as it stands there."""
    var1 = (((adc >> 3) - (t[0] << 1)) * t[1]) >> 11
    var2 = (((((adc >> 4) - t[0]) * ((adc >> 4) - t[0])) >> 12) * t[2]) >> 14
    return var1 + var2


def datasheet_humidity(adc: int, t_fine: int, h: tuple) -> int:
    v = t_fine - 76800
    v = ((((adc << 14) - (h[3] << 20) - (h[4] * v)) + 16384) >> 15) * (
        ((((((v * h[5]) >> 10) * (((v * h[2]) >> 11) + 32768)) >> 10) + 2097152) * h[1] + 8192) >> 14)
    v -= (((v >> 15) * (v >> 15)) >> 7) * h[0] >> 4
    return min(419430400, max(0, v)) >> 12


def datasheet_pressure_q8(adc: int, t_fine: int, p: tuple) -> int:
    """With int64, in 1/256 Pa."""
    def quotient(a: int, b: int) -> int:
        return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)

    var1 = t_fine - 128000
    var2 = var1 * var1 * p[5] + ((var1 * p[4]) << 17) + (p[3] << 35)
    var1 = ((var1 * var1 * p[2]) >> 8) + ((var1 * p[1]) << 12)
    var1 = (((1 << 47) + var1) * p[0]) >> 33
    value = quotient(((1048576 - adc << 31) - var2) * 3125, var1)
    return ((value + ((p[8] * (value >> 13) * (value >> 13)) >> 25) + ((p[7] * value) >> 19)) >> 8) + (p[6] << 4)


@settings(max_examples=300, deadline=None)
@given(st.floats(-40, 85), st.floats(30000, 110000), st.floats(0, 100), TRIMMING_T, TRIMMING_P, TRIMMING_H)
def test_bme280_formulas(celsius: float, pascal: float, percent: float, t: tuple, p: tuple, h: tuple) -> None:
    """Temperature within 0.001 °C and pressure within 0.5 Pa of the formulas in double precision, humidity as the data
    sheet's int32 to the last bit, and at no point a number that takes heap."""
    search = virtual_bme280._search
    adc_t = search(celsius * 5120, 20, virtual_bme280.fine_temperature, t)
    t_float = virtual_bme280.fine_temperature(adc_t, t)
    adc_p = search(-pascal, 20, virtual_bme280._falling, t_float, p)
    adc_h = search(percent, 16, virtual_bme280.humidity_percent, t_float, h)
    small_t, small_p, small_h = (tuple(map(Small, values)) for values in (t, p, h))

    t_fine = bme280.fine_temperature(Small(adc_t), small_t)
    assert t_fine / 5120 == pytest.approx(t_float / 5120, abs=0.001)
    assert abs(t_fine - datasheet_fine(adc_t, t)) <= 16
    humidity = bme280.humidity_q10(Small(adc_h), t_fine, small_h)
    assert humidity == datasheet_humidity(adc_h, int(t_fine), h)
    assert humidity / 1024 == pytest.approx(virtual_bme280.humidity_percent(adc_h, t_float, h), abs=0.03)
    pressure = bme280.pressure_q4(Small(adc_p), t_fine, small_p)
    assert pressure / 16 == pytest.approx(datasheet_pressure_q8(adc_p, int(t_fine), p) / 256, abs=0.5)
    assert pressure / 16 == pytest.approx(virtual_bme280.pressure_pa(adc_p, int(t_fine), p), abs=0.5)


def test_bme280_example_of_the_data_sheet() -> None:
    """Bosch's data sheet of the BMP280, which has the same formulas and trimming values: section 3.12, "Calculation
    example": 25.08 °C, 100653.27 Pa."""
    t_fine = bme280.fine_temperature(519888, virtual_bme280.TRIMMING_T)
    assert datasheet_fine(519888, virtual_bme280.TRIMMING_T) == 128422
    assert t_fine / 5120 == pytest.approx(25.08, abs=0.005)
    assert bme280.pressure_q4(415148, t_fine, virtual_bme280.TRIMMING_P) / 16 == pytest.approx(100653.27, abs=0.3)


def test_sensirion_scale_is_exact() -> None:
    for factor, span in ((35000, 175000), (20000, 100000), (25000, 125000)):
        for raw in range(65536):
            assert abs(sensirion.scaled(raw, factor) - Fraction(raw * span, 65535)) <= Fraction(1, 2)
        sensirion.scaled(Small(65535), Small(factor))


@given(st.binary(min_size=2, max_size=2))
def test_sensirion_checksum(data: bytes) -> None:
    assert sensirion.crc8(data + b"\0", 0) == virtual_sensirion.crc8(*data)


def test_checksums_that_data_sheets_give() -> None:
    assert sensirion.crc8(b"\0\xbe\xef", 1) == 0x92
    # Maxim's application note 27, figure 5
    assert ds18b20.crc8(bytes.fromhex("021cb801000000"), 7) == 0xA2


@given(st.sampled_from((1, 4, 16, 64, 256)), st.floats(0, 1), st.integers(-(2**29) + 1, 2**29 - 1),
       st.integers(-(2**29) + 1, 2**29 - 1))
def test_analog_scale_is_exact(samples: int, fraction: float, zero: int, full: int) -> None:
    total = int(fraction * 65535 * samples)
    whole = 65535 * samples
    assert analog._share(Small(total), Small(full - zero), Small(whole)) == (2 * total * (full - zero) + whole) // (2 * whole)


# --- what is set comes back


@ALL
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_values_come_back_at_every_precision(name: str, kind: str, data: st.DataObject) -> None:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    precision = data.draw(st.sampled_from(sensor.PRECISIONS))
    sensor.configure(precision)
    for channel in sensor.CHANNELS:
        setattr(bench.chip, channel, data.draw(st.floats(*RANGE[channel])))
    got = sensor.measure()
    assert set(got) == set(sensor.CHANNELS)
    for channel, value in got.items():
        assert value == pytest.approx(getattr(bench.chip, channel), abs=resolution(name, channel, precision) + 0.0005)


@ALL
def test_each_measurement_is_of_its_own_time(name: str, kind: str) -> None:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    quantity = sensor.CHANNELS[0]
    low, high = RANGE[quantity]
    began = bench.clock.now
    setattr(bench.chip, quantity, lambda s: (0.1 + 0.005 * s) * (high - low) + low)
    before = None
    for _ in range(6):
        bench.clock.sleep_ms(20000)
        seconds = (bench.clock.now - began) / 1e6
        value = sensor.measure()[quantity]
        expected = (0.1 + 0.005 * seconds) * (high - low) + low
        assert value == pytest.approx(expected, abs=0.02 * (high - low))
        assert before is None or value > before
        before = value


def test_bme280_resolution_grows_with_oversampling() -> None:
    """Section 3.4.1: 16 bits at ×1, one more each time."""
    steps = []
    for precision in (1, 2, 4, 8, 16):
        bench = Slow("bme280")
        sensor = bench.sensor()
        sensor.configure(precision)
        seen = set()
        for i in range(60):
            bench.chip.temperature_c = 20 + i * 0.0005
            seen.add(sensor.measure()["temperature_c"])
        steps.append(len(seen))
    assert steps[0] <= 8 < steps[1] < 16 < steps[2] < 28 and min(steps[3:]) >= 30  # 30 m°C in thousandths


# --- time


@ALL
def test_the_time_that_a_measurement_takes_is_waited_for(name: str, kind: str) -> None:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    for precision in sensor.PRECISIONS:
        sensor.configure(precision)
        bench.clock.sleep_ms(100)
        values = sensor.values()
        with pytest.raises(ValueError, match=r"nothing to read: call start\(\) for each measurement"):
            sensor.read_into(values)
        sensor.start()
        if sensor.measure_ms:
            bench.clock.sleep_ms(sensor.measure_ms - 1)
            with pytest.raises(ValueError, match=f"it measures for {sensor.measure_ms} ms"):
                sensor.read_into(values)
            assert not bench.chip.conversion.left_us()  # the longest time of the data sheet is over
        bench.clock.sleep_ms(1)
        sensor.read_into(values)
        with pytest.raises(ValueError, match="nothing to read"):
            sensor.read_into(values)


@ALL
def test_a_measurement_that_is_given_up(name: str, kind: str) -> None:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    sensor.start()
    sensor.stop()
    bench.clock.sleep_ms(2000)
    with pytest.raises(ValueError, match="nothing to read"):
        sensor.read_into(sensor.values())
    sensor.measure()


def test_tmp117_and_mcp9808_sleep_between_measurements() -> None:
    for name, bits, shutdown in (("tmp117", 0x0C00, 0x0400), ("mcp9808", 0x0100, 0x0100)):
        bench = Slow(name)
        sensor = bench.sensor()
        assert bench.chip.registers[0x01] & bits == shutdown
        sensor.start()
        assert bench.chip.registers[0x01] & bits != shutdown
        bench.clock.sleep_ms(sensor.measure_ms)
        sensor.read_into(sensor.values())
        assert bench.chip.registers[0x01] & bits == shutdown


def test_analog_is_slow_and_says_why() -> None:
    bench = Slow("analog")
    sensor = bench.sensor()
    sensor.measure()
    bench.clock.sleep_ms(50)
    text = r"after 50 ms; at least 100 ms must lie between .10 Hz at most.: for faster signals .* FIFO"
    with pytest.raises(ValueError, match=text):
        sensor.measure()
    bench.clock.sleep_ms(50)
    sensor.measure()
    assert "garbage" in analog.__doc__ and "10 measurements a second" in analog.__doc__


# --- faults


@pytest.mark.parametrize(("name", "kind", "when", "fault"), [
    (name, kind, when, fault) for name, kind in KINDS for when in ("start", "read") for fault in ("unplugged", "nack", "stuck")
    if name not in ("analog", "ds18b20") and (kind == "i2c" or (when == "read" and fault != "nack"))])
def test_a_failed_transfer_is_one_error_and_the_next_measurement_is_right(
        name: str, kind: str, when: str, fault: str) -> None:
    """SPI has no acknowledgement: there it is seen when reading."""
    bench = Slow(name, kind)
    sensor = bench.sensor()
    values = sensor.values()

    def set_fault(on: bool) -> None:
        if fault == "unplugged":
            bench.chip.present = not on
        elif fault == "stuck":
            bench.chip.stuck = on
        elif on:
            bench.chip.nack = 1

    if when == "read":
        sensor.start()
        bench.clock.sleep_ms(sensor.measure_ms)
    set_fault(True)
    text = "does not answer" if kind == "spi" else "the bus is stuck" if fault == "stuck" else "check wiring, power and addre"
    with pytest.raises(SensorError, match=text) as caught:
        if when == "start":
            sensor.start()
        else:
            sensor.read_into(values)
    assert sensor.NAME in str(caught.value) and bench.bus.where in str(caught.value)
    assert list(values) == [0] * len(values)
    set_fault(False)
    assert sensor.measure()["temperature_c"] == pytest.approx(21.5, abs=0.1)


@pytest.mark.parametrize(("name", "kind"), [pair for pair in KINDS if pair[0] != "analog"])
def test_power_that_fails_while_it_measures_gives_no_value(name: str, kind: str) -> None:
    """The register of an MCP9808 then shows 0 °C, that of a DS18B20 85 °C."""
    bench = Slow(name, kind)
    sensor = bench.sensor()
    sensor.measure()
    for ms in (3, sensor.measure_ms):
        sensor.start()
        bench.clock.sleep_ms(sensor.measure_ms - ms)
        bench.chip.brown_out()
        bench.clock.sleep_ms(2000)
        with pytest.raises(SensorError, match="no SHT.x at" if name.startswith("sht") else "it was reset while it measured"):
            sensor.read_into(sensor.values())
        assert sensor.measure()["temperature_c"] == pytest.approx(21.5, abs=0.1)


@pytest.mark.parametrize(("name", "kind"), [pair for pair in KINDS if pair[0] not in ("analog", "ds18b20")])
def test_power_that_fails_between_measurements_is_not_noticed(name: str, kind: str) -> None:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    sensor.configure(sensor.PRECISIONS[-1])
    bench.chip.brown_out()
    bench.clock.sleep_ms(5)
    assert sensor.measure()["temperature_c"] == pytest.approx(21.5, abs=0.1)


def test_ds18b20_tells_of_power_that_failed_between_measurements_once() -> None:
    bench = Slow("ds18b20")
    sensor = bench.sensor()
    sensor.measure()
    bench.chip.brown_out()
    with pytest.raises(SensorError, match="it was reset while it measured"):
        sensor.measure()
    assert sensor.measure() == {"temperature_c": 21.5}


@pytest.mark.parametrize("name", ["sht3x", "sht4x", "ds18b20"])
@settings(max_examples=30, deadline=None)
@given(byte=st.integers(0, 5), mask=st.integers(1, 255))
def test_checksums_find_flipped_bits(name: str, byte: int, mask: int) -> None:
    bench = Slow(name)
    sensor = bench.sensor()
    sensor.measure()
    bench.chip.flip = (byte, mask)
    with pytest.raises(SensorError, match=f"{sensor.NAME} .*(checksum is wrong|stuck low)"):
        sensor.measure()
    bench.chip.flip = None
    sensor.measure()


NO_CHECKSUM = [("bme280", "i2c"), ("bme280", "spi"), ("tmp117", "i2c"), ("mcp9808", "i2c")]


@pytest.mark.parametrize(("name", "kind"), NO_CHECKSUM)
def test_flipped_bits_of_settings_and_id_are_found(name: str, kind: str) -> None:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    sensor.start()
    bench.clock.sleep_ms(sensor.measure_ms)
    bench.chip.flip = (2, 0x20) if name == "bme280" else (0, 0x04)
    with pytest.raises(SensorError, match="it was reset while it measured"):
        sensor.read_into(sensor.values())
    bench.chip.flip = (0, 0x01)
    with pytest.raises(SensorError, match=r"device id is 0x\w+, expected 0x\w+: another chip answers"):
        bench.sensor()


@pytest.mark.parametrize(("name", "kind"), NO_CHECKSUM)
def test_without_a_checksum_flipped_bits_of_data_pass_for_a_value(name: str, kind: str) -> None:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    if name == "mcp9808":  # on that read alone, or the settings' would be flipped too
        right = bench.chip._ambient
        bench.chip._ambient = lambda: right() ^ 0x0010
    else:
        bench.chip.flip = (8, 0x08) if name == "bme280" else (1, 0x10)
    assert 0.1 < abs(sensor.measure()["temperature_c"] - 21.5) < 15


@pytest.mark.parametrize("name", ["sht3x", "sht4x"])
def test_sht_is_not_read_while_it_measures(name: str) -> None:
    """The chip itself does not acknowledge then; a driver that did not wait would be told."""
    bench = Slow(name)
    sensor = bench.sensor()
    sensor.start()
    sensor.measure_ms = 1
    bench.clock.sleep_ms(1)
    with pytest.raises(SensorError, match="check wiring"):
        sensor.read_into(sensor.values())


def test_bme280_that_takes_too_long() -> None:
    bench = Slow("bme280")
    sensor = bench.sensor()
    sensor.start()
    bench.chip.conversion.start(10**6)
    bench.clock.sleep_ms(sensor.measure_ms)
    with pytest.raises(SensorError, match="no measurement after 11 ms"):
        sensor.read_into(sensor.values())


def test_tmp117_that_takes_too_long() -> None:
    bench = Slow("tmp117")
    sensor = bench.sensor()
    sensor.start()
    bench.chip.conversion.start(10**6)
    bench.clock.sleep_ms(sensor.measure_ms)
    with pytest.raises(SensorError, match="no measurement after 141 ms"):
        sensor.read_into(sensor.values())


def test_on_spi_an_unplugged_chip_is_noticed_when_read() -> None:
    bench = Slow("bme280", "spi")
    sensor = bench.sensor()
    bench.chip.present = False
    sensor.start()
    bench.clock.sleep_ms(sensor.measure_ms)
    with pytest.raises(SensorError, match=r"BME280 on SPI\(1\).*does not answer: check wiring.* chip-select pin"):
        sensor.read_into(sensor.values())


@pytest.mark.parametrize("name", ["mcp9808", "ds18b20"])
def test_a_conversion_that_takes_too_long_and_cannot_be_noticed(name: str) -> None:
    """Neither chip says whether it is done (a DS18B20 only as long as nobody else is addressed)."""
    bench = Slow(name)
    sensor = bench.sensor()
    assert sensor.measure() == {"temperature_c": 21.5}
    bench.chip.temperature_c = 50
    sensor.start()
    bench.chip.conversion.start(10**7)
    bench.clock.sleep_ms(sensor.measure_ms)
    values = sensor.values()
    sensor.read_into(values)
    assert values[0] == 21500


# --- 1-Wire


def wire(*serials: bytes, **more: object) -> tuple[VirtualClock, OneWire]:
    clock = VirtualClock()
    return clock, OneWire(*[VirtualDS18B20(clock, serial=serial, **more) for serial in serials])


@settings(max_examples=30, deadline=None)
@given(st.sets(st.binary(min_size=6, max_size=6), min_size=1, max_size=6))
def test_all_roms_are_found_and_each_chip_is_read(serials: set[bytes]) -> None:
    clock, bus = wire(*serials)
    for i, chip in enumerate(bus.chips):
        chip.temperature_c = 10 + i
    roms = bus.scan()
    assert sorted(roms) == sorted(chip.rom for chip in bus.chips)
    for chip in bus.chips:
        assert driver("ds18b20")(bus, clock, rom=chip.rom).measure() == {"temperature_c": chip.temperature_c}


def test_several_chips_measure_at_the_same_time() -> None:
    clock, bus = wire(b"first.", b"second")
    bus.chips[1].temperature_c = -10.0625
    sensors = [driver("ds18b20")(bus, clock, rom=chip.rom) for chip in bus.chips]
    for sensor in sensors:
        sensor.start()
    clock.sleep_ms(751)
    values = [sensor.values() for sensor in sensors]
    for sensor, into in zip(sensors, values):
        sensor.read_into(into)
    assert [into[0] for into in values] == [21500, -10062]


def test_ds18b20_errors() -> None:
    DS18B20 = driver("ds18b20")
    clock, bus = wire(b"abcdef")
    chip, rom = bus.chips[0], bus.chips[0].rom
    with pytest.raises(TypeError, match=r"takes a 1-Wire bus \(onewire.OneWire\), found I2C"):
        DS18B20(I2C(0), clock)
    with pytest.raises(ValueError, match="2861 is no ROM code of a DS18B20: 8 bytes"):
        DS18B20(bus, clock, rom=rom[:2])
    with pytest.raises(ValueError, match="is no ROM code"):
        DS18B20(bus, clock, rom=rom[:7] + bytes([rom[7] ^ 1]))
    with pytest.raises(SensorError, match=r"no DS18B20 on the 1-Wire bus: nobody answers a reset: check .* pull-up"):
        DS18B20(OneWire(), clock)
    bus.stuck = True
    with pytest.raises(SensorError, match="the bus is stuck low"):
        DS18B20(bus, clock)
    with pytest.raises(SensorError, match=f"DS18B20 {rom.hex()} on the 1-Wire bus: the bus is stuck low"):
        DS18B20(bus, clock, rom=rom)
    bus.stuck = False
    chip.parasite = True
    with pytest.raises(SensorError, match="parasite power, which is not supported: connect its VDD"):
        DS18B20(bus, clock)
    chip.parasite = False
    with pytest.raises(SensorError, match="there are several chips"):
        DS18B20(OneWire(chip, VirtualDS18B20(clock, serial=b"another"[:6])), clock)
    with pytest.raises(SensorError, match="family 0x10, expected 0x28"):
        DS18B20(OneWire(VirtualDS18B20(clock, family=0x10)), clock)
    other = wire(b"other.")[1].chips[0].rom
    with pytest.raises(SensorError, match="checksum is wrong"):  # nobody has this code: all bits read as 1
        DS18B20(bus, clock, rom=other)


@pytest.mark.parametrize("when", ["start", "read"])
@pytest.mark.parametrize("fault", ["unplugged", "nack", "stuck"])
def test_ds18b20_faults_are_one_error(when: str, fault: str) -> None:
    bench = Slow("ds18b20")
    sensor = bench.sensor()
    sensor.measure()
    values = sensor.values()

    def set_fault(on: bool) -> None:
        if fault == "unplugged":
            bench.chip.present = not on
        elif fault == "stuck":
            bench.bus.stuck = on
        elif on:
            bench.chip.nack = 1

    if when == "start":
        set_fault(True)
        if fault == "stuck":
            sensor.start()  # a line held low looks like the answer to a reset; seen when reading
        else:
            with pytest.raises(SensorError, match="nobody answers a reset"):
                sensor.start()
    if when == "read" or fault == "stuck":
        if when == "read":
            sensor.start()
        bench.clock.sleep_ms(sensor.measure_ms)
        set_fault(True)
        with pytest.raises(SensorError, match="stuck low" if fault == "stuck" else "nobody answers a reset"):
            sensor.read_into(values)
    set_fault(False)
    assert values[0] == 0
    assert sensor.measure() == {"temperature_c": 21.5}


def test_ds18b20_keeps_the_eeprom_as_it_was() -> None:
    bench = Slow("ds18b20")
    bench.sensor().measure()
    assert bench.chip.eeprom == b"\x4b\x46\x7f"


def test_ds18b20_below_zero_and_undefined_bits() -> None:
    """Data sheet, Table 1; at 9 bits the lowest three bits of the register mean nothing."""
    bench = Slow("ds18b20")
    sensor = bench.sensor()
    for celsius in (125, 85, 25.0625, 10.125, 0.5, 0, -0.5, -10.125, -25.0625, -55):
        bench.chip.temperature_c = celsius
        assert sensor.measure()["temperature_c"] == pytest.approx(celsius, abs=0.0006)
    sensor.configure(9)
    bench.chip.temperature_c = 20.5
    sensor.start()
    bench.clock.sleep_ms(sensor.measure_ms)
    bench.chip._raw |= 7
    values = sensor.values()
    sensor.read_into(values)
    assert values[0] == 20500


# --- analog


def test_analog_mean_scale_and_limits() -> None:
    clock = VirtualClock()
    chip = VirtualAnalog(clock, fraction=0.5, noise=2000)
    Analog = driver("analog")
    sensor = Analog(chip, clock, channel="current_ma", at_zero=0, at_full=22, valid=(3.6, 21))
    spread = {}
    for precision in (1, 256):
        sensor.configure(precision)
        seen = []
        for _ in range(20):
            clock.sleep_ms(100)
            seen.append(sensor.measure()["current_ma"])
        spread[precision] = max(seen) - min(seen)
        assert sum(seen) / 20 == pytest.approx(11, abs=0.2)
    assert spread[1] > 8 * spread[256]

    chip.fraction = 0.1  # 2.2 mA: a broken wire
    clock.sleep_ms(100)
    with pytest.raises(SensorError, match=r"analog Analog\(virtual\): current_ma is 2\d\d\d thousandths, which must be 3600 to"):
        sensor.measure()
    chip.fraction = 0.5
    clock.sleep_ms(100)
    sensor.measure()


def test_analog_of_circuitpython() -> None:
    class AnalogIn:
        value = 32768

    clock = VirtualClock()
    sensor = driver("analog")(AnalogIn(), clock, "voltage_v", 0, 3.3)
    assert sensor.measure() == {"voltage_v": 1.65}


def test_analog_falling_scale() -> None:
    bench = Slow("analog", fraction=0.25)
    sensor = driver("analog")(bench.chip, bench.clock, "level_m", 10, -2)
    assert sensor.measure()["level_m"] == pytest.approx(7, abs=0.003)


def test_analog_errors() -> None:
    Analog = driver("analog")
    with pytest.raises(TypeError, match=r"takes a machine\.ADC or analogio\.AnalogIn, found Pin"):
        Analog(Pin(3))
    with pytest.raises(ValueError, match=r"at_full is 1000000000 thousandths, .*: choose a larger unit"):
        Analog(VirtualAnalog(), at_full=10**6)
    with pytest.raises(ValueError, match="the scale has no slope"):
        Analog(VirtualAnalog(), at_zero=1, at_full=1)
    sensor = Analog(VirtualAnalog())
    with pytest.raises(ValueError, match="analog has no precision 3; it has 1, 4, 16, 64, 256"):
        sensor.configure(3)


def test_an_open_or_shorted_analog_input_needs_limits_to_be_seen() -> None:
    clock = VirtualClock()
    for limits in (None, (0.4, 0.6)):
        chip = VirtualAnalog(clock, fraction=0.5)
        sensor = driver("analog")(chip, clock, valid=limits)
        sensor.configure(1)
        for fault in ("present", "stuck"):
            setattr(chip, fault, not getattr(chip, fault))
            seen = []
            for _ in range(10):
                clock.sleep_ms(100)
                try:
                    seen.append(sensor.measure())
                except SensorError:
                    assert limits
            assert len(seen) == 10 if limits is None else len(seen) < 10
            setattr(chip, fault, not getattr(chip, fault))


# --- bad input


class Deaf:
    """A bus on which every read gives the same."""

    def __init__(self, byte: int) -> None:
        self.byte = byte

    def __repr__(self) -> str:
        return "I2C(0)"

    def scan(self) -> list[int]:
        return []

    def readfrom_mem_into(self, address: int, register: int, buf: bytearray) -> None:
        self.readfrom_into(address, buf)

    def readfrom_into(self, address: int, buf: bytearray) -> None:
        buf[:] = bytes([self.byte]) * len(buf)

    def writeto_mem(self, address: int, register: int, buf: bytes) -> None:
        pass

    def writeto(self, address: int, buf: bytes) -> None:
        pass


@pytest.mark.parametrize("byte", [0x00, 0xFF])
@pytest.mark.parametrize("name", ON_I2C)
def test_a_line_that_nobody_drives(name: str, byte: int) -> None:
    Driver = driver(name)
    address = Driver.ADDRESSES[0]
    text = "the answer's checksum is wrong" if name.startswith("sht") else "nobody drives the line: check wiring, power and pull"
    with pytest.raises(SensorError, match=f"{Driver.NAME} at 0x{address:02X} on I2C\\(0\\).*{text}"):
        driver(name)(I2CBus(Deaf(byte), address), VirtualClock())


@pytest.mark.parametrize("name", ON_I2C)
def test_a_wrong_address(name: str) -> None:
    Driver = driver(name)
    bench = Slow(name)
    i2c = I2C(1)
    i2c.devices[bench.address] = bench.chip
    with pytest.raises(SensorError, match=f"no {Driver.NAME} at 0x60 on I2C\\(1\\): check wiring, power and address pins"):
        Driver(I2CBus(i2c, 0x60), bench.clock)


@pytest.mark.parametrize("name", ON_I2C)
@pytest.mark.parametrize("other", ON_I2C)
def test_another_chip_at_the_address(name: str, other: str) -> None:
    if name == other:
        return
    bench = Slow(other)
    Driver = driver(name)
    with pytest.raises(SensorError, match=Driver.NAME):
        Driver(bench.bus, bench.clock)


@pytest.mark.parametrize(("name", "id_register", "wrong", "says"), [
    ("bme280", 0xD0, 0x58, "device id is 0x58, expected 0x60: another chip answers"),
    ("tmp117", 0x0F, 0x0116, "device id is 0x0116, expected 0x0117: another chip answers"),
    ("mcp9808", 0x06, 0x0055, "device id is 0x0055, expected 0x0054: another chip answers"),
    ("mcp9808", 0x07, 0x0200, "device id is 0x0200, expected 0x0400: another chip answers"),
])
def test_a_wrong_id(name: str, id_register: int, wrong: int, says: str) -> None:
    bench = Slow(name)
    bench.chip.registers[id_register] = wrong
    with pytest.raises(SensorError, match=says):
        bench.sensor()


def test_later_revisions_are_welcome() -> None:
    for name, register, identity in (("tmp117", 0x0F, 0x2117), ("mcp9808", 0x07, 0x0402)):
        bench = Slow(name)
        bench.chip.registers[register] = identity
        bench.sensor().measure()


def test_bme280_whose_trimming_is_empty_or_late() -> None:
    bench = Slow("bme280")
    for register in range(0x88, 0x8A):
        bench.chip.registers[register] = 0
    with pytest.raises(SensorError, match="its trimming values are empty"):
        bench.sensor()
    bench = Slow("bme280")
    bench.chip.start_up.start(2000)
    with pytest.raises(SensorError, match="no BME280"):
        bench.sensor()
    bench.clock.sleep_ms(2)
    bench.sensor().measure()


def test_bme280_that_still_copies_its_trimming_values() -> None:
    """Section 5.4.4, im_update: until then they are not to be read."""
    bench = Slow("bme280")
    right, until = bench.chip._get, bench.clock.now + 3000

    def get(register: int) -> int:
        late = bench.clock.now < until
        return 1 if late and register == 0xF3 else 0 if late and register != 0xD0 else right(register)

    bench.chip._get = get
    sensor = bench.sensor()
    assert sensor._p == virtual_bme280.TRIMMING_P
    until = bench.clock.now + 10**6
    with pytest.raises(SensorError, match="it does not become ready"):
        bench.sensor()


def test_bme280_with_a_wrong_spi_mode() -> None:
    bench = Slow("bme280")
    spi = SPI(1, polarity=0, phase=1)
    with pytest.raises(SensorError, match=r"no BME280 on SPI.*shifted by a bit: check the SPI mode, BME280 needs mode 0"):
        driver("bme280")(SPIBus(spi, Pin(5, spi, bench.chip)), bench.clock)


@pytest.mark.parametrize("name", [name for name in ON_I2C if name != "bme280"])
def test_chips_without_spi(name: str) -> None:
    spi = SPI(1)
    with pytest.raises(ValueError, match=f"{driver(name).NAME} has no SPI: give it an I2CBus"):
        driver(name)(SPIBus(spi, Pin(5, spi)))


@pytest.mark.parametrize("name", ON_I2C)
def test_a_bare_peripheral_is_no_bus(name: str) -> None:
    with pytest.raises(TypeError, match=f"{driver(name).NAME} takes an I2CBus.*, found I2C"):
        driver(name)(I2C(0))


@ALL
def test_precisions_that_the_chip_lacks(name: str, kind: str) -> None:
    sensor = Slow(name, kind).sensor()
    before = sensor.precision
    with pytest.raises(ValueError, match=f"{sensor.NAME} has no precision 'best'; it has {sensor.PRECISIONS[0]}, "):
        sensor.configure("best")
    assert sensor.precision == before


@ALL
def test_buffers_that_do_not_fit(name: str, kind: str) -> None:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    sensor.start()
    bench.clock.sleep_ms(sensor.measure_ms)
    for wrong in ([0] * 3, bytearray(12), memoryview(array("i", [0] * 3)), None):
        with pytest.raises(TypeError, match=r"takes an array\('i'\), found .*: make one with sensor.values\(\)"):
            sensor.read_into(wrong)
    for code in "bBhHIf":
        with pytest.raises(TypeError, match="too small or not integers"):
            sensor.read_into(array(code, [0] * 3))
    with pytest.raises(ValueError, match=f"the array has 0 entries; {sensor.NAME} needs {len(sensor.CHANNELS)} "):
        sensor.read_into(array("i"))
    values = array("i", [7] * (len(sensor.CHANNELS) + 1))
    sensor.read_into(values)  # after all that the measurement is still there; a longer one does
    assert values[-1] == 7


def test_every_slow_sensor_has_a_virtual_chip_with_the_same_name() -> None:
    for name, (file, kind) in SLOW.items():
        assert driver(name).__name__ == kind == Slow(name).chip.__class__.__name__
        assert (FIRMWARE / "auscult" / "sensors" / f"{file}.py").exists()


def test_unknown_quantities_of_virtual_chips() -> None:
    with pytest.raises(TypeError, match="TMP117 has no humidity_percent"):
        Slow("tmp117", humidity_percent=3)


# --- MicroPython


def numbers(line: str) -> list[int]:
    return [int(word) for word in line.split()[1:]]


def expected(name: str, kind: str) -> list[int]:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    sensor.configure(sensor.PRECISIONS[-1])
    return [round(1000 * value) for value in sensor.measure().values()]


def test_on_micropython_without_allocation(micropython: Callable[..., str]) -> None:
    lines = micropython("run_slow.py").splitlines()
    assert [line.split()[0] for line in lines] == ["/".join(pair) for pair in KINDS]
    for line, pair in zip(lines, KINDS):
        assert numbers(line) == expected(*pair)


BOARD = """
import gc, machine, micropython, simboard
from auscult.sensors import SLOW, driver
from auscult.sensors.bus import I2CBus, SPIBus
from auscult.virtual.onewire import OneWire

def virtual(name):
    file, kind = SLOW[name]
    return getattr(__import__("auscult.virtual." + file, None, None, (kind,)), kind)

def i2c(name, bus):
    address = driver(name).ADDRESSES[0]
    simboard.attach_i2c(bus, address, virtual(name)())
    return I2CBus(machine.I2C(bus), address)

def spi(name):
    simboard.attach_spi(1, 5, virtual(name)())
    return SPIBus(machine.SPI(1, baudrate=5000000, polarity=1, phase=1), machine.Pin(5, machine.Pin.OUT))

def adc():
    simboard.attach_adc(3, virtual("analog")())
    return machine.ADC(3)

buses = [("analog", adc()), ("bme280", i2c("bme280", 0)), ("bme280", spi("bme280")),
         ("ds18b20", OneWire(virtual("ds18b20")())), ("mcp9808", i2c("mcp9808", 1)), ("sht3x", i2c("sht3x", 0)),
         ("sht4x", i2c("sht4x", 1)), ("tmp117", i2c("tmp117", 1))]
import time
for name, bus in buses:
    sensor = driver(name)(bus)
    sensor.configure(sensor.PRECISIONS[-1])
    values = sensor.values()
    for _ in range(2):
        time.sleep_ms(100)
        sensor.start()
        time.sleep_ms(sensor.measure_ms)
        micropython.heap_lock()
        sensor.read_into(values)
        micropython.heap_unlock()
    print(name, *values)
"""

EXACT = """
from auscult.sensors import bme280
t, p, h = {t}, {p}, {h}
for adc_t, adc_p, adc_h in {words}:
    t_fine = bme280.fine_temperature(adc_t, t)
    print(t_fine, bme280.pressure_q4(adc_p, t_fine, p), bme280.humidity_q10(adc_h, t_fine, h))
"""


@pytest.mark.parametrize("name", ["sim_m4", "sim_rv32"])
def test_on_simulated_boards_without_allocation(name: str) -> None:
    """Over machine.I2C, SPI and ADC. The virtual BME280 reckons with the board's float, which has 24 bits."""
    t, p, h = virtual_bme280.TRIMMING_T, virtual_bme280.TRIMMING_P, virtual_bme280.TRIMMING_H
    words = [(adc_t, adc_p, adc_h) for adc_t in (330000, 519888, 700000) for adc_p in (200000, 415148, 600000)
             for adc_h in (15000, 30000, 45000)]
    with SimBoard(name, deterministic=True) as board:
        board.put(FIRMWARE / "auscult", "/lib/auscult")
        lines = board.exec(BOARD, timeout_s=120).splitlines()
        exact = board.exec(EXACT.format(t=t, p=p, h=h, words=words), timeout_s=120).splitlines()
    assert [line.split()[0] for line in lines] == [pair[0] for pair in KINDS]
    for line, pair in zip(lines, KINDS):
        for got, wanted in zip(numbers(line), expected(*pair), strict=True):
            assert got == pytest.approx(wanted, abs=500 if wanted > 10**6 else 2)
    for line, (adc_t, adc_p, adc_h) in zip(exact, words, strict=True):
        t_fine = bme280.fine_temperature(adc_t, t)
        assert tuple(map(int, line.split())) == (
            t_fine, bme280.pressure_q4(adc_p, t_fine, p), datasheet_humidity(adc_h, t_fine, h))


def test_words_of_negative_trimming_values() -> None:
    """As a chip with other values has them: the signs of all that are signed."""
    bench = Slow("bme280")
    registers = bench.chip.registers
    registers[0xE4], registers[0xE5], registers[0xE6], registers[0xE7] = 0xFF, 0x2E, 0x80, 0x9C
    struct.pack_into("<h", registers, 0x8E + 2, -10685)
    sensor = bench.sensor()
    assert sensor._h == (75, 370, 0, -2, -2046, -100)
    assert sensor._p == virtual_bme280.TRIMMING_P and sensor._t == virtual_bme280.TRIMMING_T
