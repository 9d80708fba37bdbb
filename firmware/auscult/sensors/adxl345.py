# SPDX-License-Identifier: Apache-2.0
"""ADXL345 accelerometer, ±2 to ±16 g, 32-level FIFO, I2C or SPI. Facts from Analog Devices' data sheet Rev. G.

Full resolution, left justified: a word is 256 LSB/g shifted up, so 32768 is the range itself in every range.
"""

from auscult import port
from auscult.port import const

_DEVID = const(0x00)  # "Register Definitions" for all of these
_BW_RATE = const(0x2C)
_POWER_CTL = const(0x2D)
_INT_ENABLE = const(0x2E)
_INT_MAP = const(0x2F)
_INT_SOURCE = const(0x30)
_DATA_FORMAT = const(0x31)
_DATAX0 = const(0x32)
_FIFO_CTL = const(0x38)
_FIFO_STATUS = const(0x39)

_ID = const(0xE5)
_MEASURE = const(0x08)  # POWER_CTL D3
_WATERMARK = const(0x02)  # INT_ENABLE, INT_MAP and INT_SOURCE D1
_OVERRUN = const(0x01)  # INT_SOURCE D0
_FULL_RES = const(0x08)  # DATA_FORMAT D3
_JUSTIFY = const(0x04)  # DATA_FORMAT D2: left justified
_STREAM = const(0x80)  # FIFO_CTL D7..D6 = 10: keeps the newest 32 samples
_ENTRIES = const(0x3F)  # FIFO_STATUS D5..D0
_FULL = const(32)

_G_UM = const(9806650)  # standard gravity, µm/s²


class ADXL345:
    """See `auscult.sensors` for the interface."""

    NAME = "ADXL345"
    DEPTH = 33  # 32 levels and the output register: "Register 0x39, FIFO_STATUS", Entries bits
    RATES_HZ = (12.5, 25, 50, 100, 200, 400, 800, 1600, 3200)
    RANGES_G = (2, 4, 8, 16)

    def __init__(self, bus, clock=port):
        self._bus, self._clock = bus, clock
        self.overruns = 0
        self.check()

    def check(self):
        """Raises SensorError unless this chip answers."""
        self._bus.check_id(self.NAME, _DEVID, _ID)

    def configure(self, rate_hz, range_g=16, watermark=16):
        """Sets output data rate, range and the FIFO level that raises INT1. Leaves the chip in standby."""
        if rate_hz not in self.RATES_HZ:
            raise ValueError("ADXL345 cannot sample at %s Hz; it can at %s" % (rate_hz, self.RATES_HZ))
        if range_g not in self.RANGES_G:
            raise ValueError("ADXL345 has no range of %s g; it has %s" % (range_g, self.RANGES_G))
        if not 1 <= watermark <= 31:
            raise ValueError("watermark is %s; it must be 1 to 31 samples" % watermark)
        self.rate_hz, self.watermark = rate_hz, watermark
        self.full_scale_um = range_g * _G_UM
        self.stop()
        # Table 7: code 15 is 3200 Hz, each one below halves it.
        self._bus.write(_BW_RATE, 15 - len(self.RATES_HZ) + 1 + self.RATES_HZ.index(rate_hz))
        self._bus.write(_DATA_FORMAT, _FULL_RES | _JUSTIFY | self.RANGES_G.index(range_g))
        self._bus.write(_INT_MAP, 0)  # every interrupt on INT1

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.write(_FIFO_CTL, 0)  # bypass mode clears it ("FIFO", "Bypass Mode")
        self._bus.write(_FIFO_CTL, _STREAM | self.watermark)
        self._bus.write(_INT_ENABLE, _WATERMARK)
        self._bus.write(_POWER_CTL, _MEASURE)

    def stop(self):
        self._bus.write(_POWER_CTL, 0)
        self._bus.write(_INT_ENABLE, 0)
        self._bus.write(_FIFO_CTL, 0)

    def level(self):
        """Samples waiting in the FIFO."""
        n = self._bus.read(_FIFO_STATUS) & _ENTRIES
        if n > self.DEPTH:  # an open SPI line reads as ones
            raise self._bus.nonsense()
        return n

    def read_fifo_into(self, block):
        """Moves all waiting samples into a Block; returns how many. One burst of six bytes takes one sample out,
        and at least 5 µs must pass until the next ("Retrieving Data from FIFO")."""
        bus, views, gap_us = self._bus, block.each, self._bus.gap_us
        n = self.level()
        # The overrun bit is set when the FIFO has filled up and cleared by reading it ("INT_SOURCE", "Overrun").
        if n >= _FULL and bus.read(_INT_SOURCE) & _OVERRUN:
            self.overruns += 1
        for i in range(n):
            if gap_us:
                self._clock.sleep_us(gap_us)
            bus.read_into(_DATAX0, views[i])
        if gap_us:
            self._clock.sleep_us(gap_us)  # before the next read of FIFO_STATUS
        return n
