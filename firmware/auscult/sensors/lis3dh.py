# SPDX-License-Identifier: Apache-2.0
"""LIS3DH accelerometer, ±2 to ±16 g, 32-level FIFO, I2C or SPI. Facts from ST's data sheet DocID17530 Rev 2.

High-resolution mode, 12 bits left justified: 32768 is 2048 times the sensitivity of table 4. That is 2.048,
4.096, 8.192 and 24.576 g for the ranges ±2, ±4, ±8 and ±16 g (the chip itself saturates earlier).
"""

from auscult import port
from auscult.port import const

_WHO_AM_I = const(0x0F)  # section 7, table 17 for all of these
_CTRL_REG1 = const(0x20)
_CTRL_REG3 = const(0x22)
_CTRL_REG4 = const(0x23)
_CTRL_REG5 = const(0x24)
_OUT_X_L = const(0x28)
_FIFO_CTRL_REG = const(0x2E)
_FIFO_SRC_REG = const(0x2F)

_ID = const(0x33)
_AUTO_INCREMENT = const(0x80)  # section 6.1.1: the sub-address's MSB on I2C (on SPI it is the read bit)
_XYZ_ENABLE = const(0x07)  # CTRL_REG1; ODR in bits 7..4
_I1_WTM = const(0x04)  # CTRL_REG3: watermark on INT1
_BDU_HR = const(0x88)  # CTRL_REG4: block data update, high resolution; FS in bits 5..4
_FIFO_EN = const(0x40)  # CTRL_REG5
_STREAM = const(0x80)  # FIFO_CTRL_REG: FM = 10
_OVRN_FIFO = const(0x40)  # FIFO_SRC_REG
_EMPTY = const(0x20)
_FSS = const(0x1F)

_SENSITIVITY_MG = (1, 2, 4, 12)  # table 4, high-resolution mode, mg per digit of 12 bits


class LIS3DH:
    """See `auscult.sensors` for the interface."""

    NAME = "LIS3DH"
    DEPTH = 32
    RATES_HZ = (1, 10, 25, 50, 100, 200, 400, 1344)  # table 31, high-resolution mode
    _ODR = (1, 2, 3, 4, 5, 6, 7, 9)
    RANGES_G = (2, 4, 8, 16)

    def __init__(self, bus, clock=port):
        self._bus = bus
        self.overruns = 0
        bus.burst |= _AUTO_INCREMENT
        self.check()

    def check(self):
        """Raises SensorError unless this chip answers."""
        self._bus.check_id(self.NAME, _WHO_AM_I, _ID)

    def configure(self, rate_hz, range_g=16, watermark=16):
        """Sets output data rate, range and the FIFO level that raises INT1. Leaves the chip powered down."""
        if rate_hz not in self.RATES_HZ:
            raise ValueError("LIS3DH cannot sample at %s Hz; it can at %s" % (rate_hz, self.RATES_HZ))
        if range_g not in self.RANGES_G:
            raise ValueError("LIS3DH has no range of %s g; it has %s" % (range_g, self.RANGES_G))
        if not 1 <= watermark <= 31:
            raise ValueError("watermark is %s; it must be 1 to 31 samples" % watermark)
        self.rate_hz, self.watermark = rate_hz, watermark
        fs = self.RANGES_G.index(range_g)
        self.full_scale_um = 2048 * _SENSITIVITY_MG[fs] * 9806650 // 1000
        self.stop()
        self._bus.write(_CTRL_REG4, _BDU_HR | fs << 4)
        self._bus.write(_CTRL_REG5, _FIFO_EN)
        self._bus.write(_CTRL_REG3, _I1_WTM)

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.write(_FIFO_CTRL_REG, 0)  # section 5.1.1: bypass mode resets the FIFO
        # Section 5.1.3: with FTH = N the watermark rises when N + 1 samples wait.
        self._bus.write(_FIFO_CTRL_REG, _STREAM | self.watermark - 1)
        self._bus.write(_CTRL_REG1, self._ODR[self.RATES_HZ.index(self.rate_hz)] << 4 | _XYZ_ENABLE)

    def stop(self):
        self._bus.write(_CTRL_REG1, 0)  # table 31: ODR 0 is power-down
        self._bus.write(_FIFO_CTRL_REG, 0)

    def level(self):
        """Samples waiting in the FIFO. A full one shows 31 and the overrun bit (section 8.20)."""
        source = self._bus.read(_FIFO_SRC_REG)
        self._full = source & _OVRN_FIFO
        if self._full and source & _EMPTY:  # an open SPI line reads as ones
            raise self._bus.nonsense()
        if self._full:
            return self.DEPTH
        return 0 if source & _EMPTY else source & _FSS

    def read_fifo_into(self, block):
        """Moves all waiting samples into a Block; returns how many. One burst reads them all: after OUT_Z_H the
        address rolls back to OUT_X_L (section 5.1.5)."""
        n = self.level()
        if self._full:
            self.overruns += 1
        if n:
            self._bus.read_into(_OUT_X_L, block.first[n])
        return n
