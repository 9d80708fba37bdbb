# SPDX-License-Identifier: Apache-2.0
"""A slow sensor's driver and its virtual chip, with a clock that tests advance. Runs on CPython and MicroPython."""

from auscult.sensors import SLOW, driver
from auscult.sensors.bus import I2CBus, SPIBus
from auscult.virtual.bus import I2C, SPI, Pin
from auscult.virtual.clock import VirtualClock
from auscult.virtual.onewire import OneWire

NAMES = sorted(SLOW)
KINDS = [(name, "spi" if spi else "i2c") for name in NAMES for spi in (False, True) if not spi or name == "bme280"]


def chip_class(name):
    file, kind = SLOW[name]
    return getattr(__import__("auscult.virtual." + file, None, None, (kind,)), kind)


class Slow:
    """kind: i2c or spi, where the chip has both. i2c: another bus than a virtual machine.I2C with nobody on it."""

    def __init__(self, name, kind="i2c", **quantities):
        self.clock = VirtualClock((1 << 30) - 50000)  # the ticks soon wrap
        self.driver = driver(name)
        self.chip = chip_class(name)(self.clock, **quantities)
        self.faulty = self.chip  # what `stuck` is set on
        if name == "ds18b20":
            self.bus = self.faulty = OneWire(self.chip)
        elif name == "analog":
            self.bus = self.chip
        elif kind == "spi":
            spi = SPI(1)
            self.bus = SPIBus(spi, Pin(5, spi, self.chip))
        else:
            i2c = I2C(1)
            self.address = self.driver.ADDRESSES[0]
            i2c.devices[self.address] = self.chip
            self.bus = I2CBus(i2c, self.address)

    def sensor(self, *args, **more):
        sensor = self.driver(self.bus, self.clock, *args, **more)
        self.clock.sleep_ms(100)
        return sensor
