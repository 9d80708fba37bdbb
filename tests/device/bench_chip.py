# SPDX-License-Identifier: Apache-2.0
"""A driver and its virtual chip on a virtual bus, with a clock that tests advance. Runs on CPython and MicroPython."""

import io

from auscult.sensors import driver
from auscult.sensors.bus import I2CBus, SPIBus
from auscult.virtual.bus import I2C, SPI, Pin
from auscult.virtual.clock import VirtualClock
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class

ADDRESS = 0x53


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
        if kind == "i2c":
            i2c = I2C(1)
            i2c.devices[ADDRESS] = self.chip
            self.bus = I2CBus(i2c, ADDRESS)
        else:
            spi = SPI(1)
            self.bus = SPIBus(spi, Pin(5, spi, self.chip))
        self.driver = driver(name)

    def sensor(self, rate_hz, range_g=16, watermark=16):
        sensor = self.driver(self.bus, self.clock)
        sensor.configure(rate_hz, range_g, watermark)
        sensor.start()
        return sensor
