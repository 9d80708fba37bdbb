# SPDX-License-Identifier: Apache-2.0
"""Somebody else's drivers, unmodified, over the virtual slow sensors through Blinka: Adafruit's. They and ours must agree
with each other and with what is set, and each must cope with how the other left the chip."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from types import ModuleType
from typing import Any
from unittest import mock

import adafruit_mcp9808
import adafruit_sht4x
import adafruit_sht31d
import adafruit_tmp117
import pytest
from adafruit_bme280 import basic as adafruit_bme280
from auscult.sensors import driver
from auscult.sensors.bus import I2CBus, SPIBus
from auscult.virtual.clock import VirtualClock
from auscult.virtual.ds18b20 import DS18B20
from auscult.virtual.onewire import OneWire

from device import blinka
from device.bench_slow import chip_class

AIR = [(21.5, 45.0, 101325.0), (-12.25, 93.0, 68000.0), (60.125, 8.0, 105000.0)]


def passing(clock: VirtualClock) -> AbstractContextManager:
    """Their waits go by the virtual clock. adafruit_bme280 has taken time.sleep as its own `sleep`."""
    stack = ExitStack()
    stack.enter_context(blinka.passing(clock))
    stack.enter_context(mock.patch.object(adafruit_bme280, "sleep", lambda seconds: clock.sleep_us(round(seconds * 1e6))))
    return stack


class Both:
    """One virtual chip on one busio bus, and both drivers on it."""

    def __init__(self, name: str, kind: str, theirs: Callable[..., Any]) -> None:
        self.clock = VirtualClock()
        self.chip: Any = chip_class(name)(self.clock)
        Driver = driver(name)
        address = Driver.ADDRESSES[0]
        if kind == "i2c":
            i2c = blinka.i2c({address: self.chip})
            bus, given = I2CBus(i2c, address), (i2c, address)
        else:
            spi, selects = blinka.spi({"sensor": self.chip})
            bus, given = SPIBus(spi, selects["sensor"], mode=0), (spi, selects["sensor"])
        with passing(self.clock):
            self.theirs = theirs(*given)
        self.ours = Driver(bus, self.clock)

    def set(self, celsius: float, percent: float, pascal: float) -> None:
        for quantity, value in (("temperature_c", celsius), ("humidity_percent", percent), ("pressure_pa", pascal)):
            setattr(self.chip, quantity, value)

    def ask(self, *names: str) -> list[float]:
        with passing(self.clock):
            return [getattr(self.theirs, name) for name in names]


@pytest.mark.parametrize(("name", "repeatability"), [("low", "Low"), ("medium", "Medium"), ("high", "High")])
def test_sht31d(name: str, repeatability: str) -> None:
    both = Both("sht3x", "i2c", adafruit_sht31d.SHT31D)
    both.ours.configure(name)
    both.theirs.repeatability = repeatability
    for celsius, percent, pascal in AIR:
        both.set(celsius, percent, pascal)
        ours = both.ours.measure()
        for stretching in (False, True):
            both.theirs.clock_stretching = stretching
            theirs = both.ask("temperature", "relative_humidity")
            assert list(ours.values()) == pytest.approx(theirs, abs=0.001)
            assert theirs == pytest.approx([celsius, percent], abs=0.002)
    assert both.ask("serial_number", "status", "heater") == [0x12345678, 0x8010, False]


@pytest.mark.parametrize("precision", ["low", "medium", "high"])
def test_sht4x(precision: str) -> None:
    both = Both("sht4x", "i2c", adafruit_sht4x.SHT4x)
    both.ours.configure(precision)
    both.theirs.mode = {"low": adafruit_sht4x.Mode.NOHEAT_LOWPRECISION, "medium": adafruit_sht4x.Mode.NOHEAT_MEDPRECISION,
                        "high": adafruit_sht4x.Mode.NOHEAT_HIGHPRECISION}[precision]
    for celsius, percent, pascal in AIR:
        both.set(celsius, percent, pascal)
        (theirs,) = both.ask("measurements")
        assert list(both.ours.measure().values()) == pytest.approx(theirs, abs=0.001)
        assert list(theirs) == pytest.approx([celsius, percent], abs=0.002)
    assert both.ask("serial_number") == [0x12345678]


@pytest.mark.parametrize("kind", ["i2c", "spi"])
@pytest.mark.parametrize("oversampling", [1, 4, 16])
def test_bme280(kind: str, oversampling: int) -> None:
    both = Both("bme280", kind, {"i2c": adafruit_bme280.Adafruit_BME280_I2C, "spi": adafruit_bme280.Adafruit_BME280_SPI}[kind])
    both.ours.configure(oversampling)
    osrs = {1: 1, 4: 3, 16: 5}[oversampling]
    both.theirs.overscan_humidity = both.theirs.overscan_temperature = both.theirs.overscan_pressure = osrs
    for celsius, percent, pascal in AIR:
        both.set(celsius, percent, pascal)
        theirs = both.ask("temperature", "pressure", "humidity")
        ours = both.ours.measure()
        assert ours["temperature_c"] == pytest.approx(theirs[0], abs=0.0015)
        assert ours["pressure_pa"] == pytest.approx(100 * theirs[1], abs=0.6)
        assert ours["humidity_percent"] == pytest.approx(theirs[2], abs=0.03)
        step = 16 / oversampling
        assert theirs == pytest.approx([celsius, pascal / 100, percent], abs=max(0.0005 * step, 0.003 * step, 0.02))


@pytest.mark.parametrize(("averages", "code"), [(1, 0), (8, 1), (32, 2), (64, 3)])
def test_tmp117(averages: int, code: int) -> None:
    both = Both("tmp117", "i2c", adafruit_tmp117.TMP117)
    both.ours.configure(averages)
    for celsius, percent, pascal in AIR:
        both.set(celsius, percent, pascal)
        ours = both.ours.measure()["temperature_c"]
        with passing(both.clock):
            both.theirs.averaged_measurements = code
            one_shot = both.theirs.take_single_measurement()
        assert ours == pytest.approx(one_shot, abs=0.0006)
        with passing(both.clock):
            both.theirs.measurement_mode = adafruit_tmp117.MeasurementMode.CONTINUOUS
            both.clock.sleep_ms(2500)
            continuous = both.theirs.temperature
        assert continuous == one_shot == pytest.approx(celsius, abs=0.004)


@pytest.mark.parametrize("precision", [0.5, 0.25, 0.125, 0.0625])
def test_mcp9808(precision: float) -> None:
    both = Both("mcp9808", "i2c", adafruit_mcp9808.MCP9808)
    both.ours.configure(precision)
    for celsius, percent, pascal in AIR:
        both.set(celsius, percent, pascal)
        ours = both.ours.measure()["temperature_c"]
        (theirs,) = both.ask("temperature")
        assert ours == pytest.approx(theirs, abs=0.0006)
        assert theirs == pytest.approx(celsius, abs=precision)
        assert theirs <= celsius
    with passing(both.clock):
        # Limits below zero they write as sign and magnitude; the data sheet says two's complement (Register 5-3).
        both.theirs.upper_temperature, both.theirs.lower_temperature, both.theirs.critical_temperature = 50, 5, 70
        assert (both.theirs.above_upper, both.theirs.below_lower, both.theirs.above_critical) == (True, False, False)
    both.set(-12.25, 0, 0)
    assert both.ours.measure() == {"temperature_c": pytest.approx(-12.25, abs=precision)}
    with passing(both.clock):
        assert (both.theirs.above_upper, both.theirs.below_lower, both.theirs.above_critical) == (False, True, False)


@pytest.fixture
def onewire_bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[type]:
    """adafruit_onewire's bus class, which stands on CircuitPython's onewireio: here over a virtual wire."""
    class LowOneWire:
        def __init__(self, pin: tuple[OneWire, VirtualClock]) -> None:
            self.wire, self.clock = pin
            self.write_bit = self.wire.writebit

        def read_bit(self) -> int:
            self.clock.sleep_us(70)  # a time slot: they read until the conversion is done
            return self.wire.readbit()

        def reset(self) -> bool:
            return not self.wire.reset()  # CircuitPython: False when a device answers

    blinka.i2c({})  # Blinka's board is chosen before its micropython module is imported
    monkeypatch.setitem(sys.modules, "onewireio", ModuleType("onewireio"))
    sys.modules["onewireio"].OneWire = LowOneWire  # type: ignore[attr-defined]
    from adafruit_onewire.bus import OneWireBus

    yield OneWireBus


def test_ds18x20(onewire_bus: type) -> None:
    """Their search finds the virtual chips; both drivers work on their bus at the same time."""
    import adafruit_ds18x20

    clock = VirtualClock()
    chips = [DS18B20(clock, serial=bytes([i, 2, 3, 4, 5, 6 + i])) for i in range(3)]
    wire = OneWire(*chips)
    bus: Any = onewire_bus((wire, clock))
    found = bus.scan()
    assert sorted(bytes(address.rom) for address in found) == sorted(chip.rom for chip in chips) == sorted(wire.scan())
    for address in found:
        rom = bytes(address.rom)
        chip = next(chip for chip in chips if chip.rom == rom)
        theirs = adafruit_ds18x20.DS18X20(bus, address)
        on_theirs, on_micropythons = (driver("ds18b20")(one, clock, rom=rom) for one in (bus, wire))
        for bits in (9, 10, 11, 12):
            for celsius, *_ in AIR:
                chip.temperature_c = celsius
                with passing(clock):
                    theirs.resolution = bits
                    reading = theirs.temperature
                for ours in (on_theirs, on_micropythons):
                    ours.configure(bits)
                    assert ours.measure()["temperature_c"] == pytest.approx(reading, abs=0.0006)
                assert celsius - 0.5 ** (bits - 8) <= reading <= celsius
