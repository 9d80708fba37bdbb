# SPDX-License-Identifier: Apache-2.0
"""A driver and its virtual chip on a virtual bus, with a clock that tests advance. Runs on CPython and MicroPython."""

import io

from auscult.sensors import driver
from auscult.sensors.bus import I2CBus, SPIBus
from auscult.virtual.bus import I2C, SPI, Pin
from auscult.virtual.clock import VirtualClock
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class


class Bench:
    """words: bytes of the recording (or an open stream)."""

    def __init__(self, name, kind, words, full_scale_um=None, rate_ppm=0, gain_ppm=0, line=False):
        self.clock = VirtualClock((1 << 30) - 50000)  # the ticks soon wrap
        stream = io.BytesIO(words) if isinstance(words, bytes) else words
        self.chip = chip_class(name)(Recording(stream, full_scale_um), self.clock, rate_ppm, gain_ppm)
        self.pin = None
        if line:
            self.pin = Pin(9)
            self.chip.drive = self.pin.drive
            self.clock.watch(self.chip)
        self.driver = driver(name)
        if kind == "i2c":
            self.address = self.driver.ADDRESSES[0]
            self.i2c = I2C(1)
            self.i2c.devices[self.address] = self.chip
            self.bus = I2CBus(self.i2c, self.address)
        else:
            mode = self.driver.SPI_MODES[-1]
            self.spi = SPI(1, mode >> 1, mode & 1)
            self.bus = SPIBus(self.spi, Pin(5, self.spi, self.chip))

    def sensor(self, rate_hz=None, range_g=None, watermark=None):
        """The driver, measuring; by default at a middle rate and the widest range."""
        sensor = self.driver(self.bus, self.clock)
        sensor.configure(rate_hz or middle_rate(self.driver), range_g or self.driver.RANGES_G[-1], watermark)
        sensor.start()
        return sensor


def buses(name):
    """The buses that a chip has."""
    kind = driver(name)
    return (["i2c"] if kind.ADDRESSES else []) + (["spi"] if kind.SPI_HZ else [])


def middle_rate(kind):
    """The chip's rate nearest to 400 Hz."""
    return min(kind.RATES_HZ, key=lambda rate: max(rate / 400, 400 / rate))
