# SPDX-License-Identifier: Apache-2.0
"""ADXL345 accelerometer, ±2 to ±16 g, 32-level FIFO, I2C or SPI. Facts from Analog Devices' data sheet Rev. G.

Full resolution, left justified: a word is 256 LSB/g shifted up, so 32768 is the range itself in every range.
"""

from auscult.port import const
from auscult.sensors.accelerometer import Accelerometer

_BW_RATE = const(0x2C)  # "Register Definitions" for all of these
_THRESH_ACT = const(0x24)
_ACT_INACT_CTL = const(0x27)
_POWER_CTL = const(0x2D)
_INT_ENABLE = const(0x2E)
_INT_MAP = const(0x2F)
_INT_SOURCE = const(0x30)
_DATA_FORMAT = const(0x31)
_FIFO_CTL = const(0x38)
_FIFO_STATUS = const(0x39)

_MEASURE = const(0x08)  # POWER_CTL D3
_ACTIVITY = const(0x10)  # INT_ENABLE, INT_MAP and INT_SOURCE D4
_WATERMARK = const(0x02)  # D1
_OVERRUN = const(0x01)  # D0
_AC_XYZ = const(0xF0)  # ACT_INACT_CTL D7..D4: activity against the value when it was enabled, any axis
_LOW_POWER_12HZ5 = const(0x17)  # BW_RATE D4, table 8
_SELF_TEST = const(0x80)  # DATA_FORMAT D7
_FULL_RES = const(0x08)  # DATA_FORMAT D3
_JUSTIFY = const(0x04)  # DATA_FORMAT D2: left justified
_STREAM = const(0x80)  # FIFO_CTL D7..D6 = 10: keeps the newest 32 samples
_ENTRIES = const(0x3F)  # FIFO_STATUS D5..D0
_FULL = const(32)


class ADXL345(Accelerometer):
    """See `auscult.sensors` for the interface."""

    NAME = "ADXL345"
    ADDRESSES = (0x53, 0x1D)  # "I2C": ALT ADDRESS low, high
    ID_REGISTER, IDS = 0x00, (0xE5,)
    DEPTH = 33  # 32 levels and the output register: "Register 0x39, FIFO_STATUS", Entries bits
    DATA = 0x32
    RATES_HZ = (12.5, 25, 50, 100, 200, 400, 800, 1600, 3200)
    RANGES_G = (2, 4, 8, 16)
    BITS = (10, 11, 12, 13)
    NOISE_UG = 290  # "Noise Performance": x and y; z 430
    SPI_HZ = 5000000  # table 10
    SPI_MODES = (3,)  # "SPI": CPOL = CPHA = 1
    SPI_MULTIPLE = 0x40  # figure 38: MB
    SPI_GAP_US = 5  # "Retrieving Data from FIFO"
    # Table 1: 0.20 to 2.10 g and 0.30 to 3.40 g at 2.5 V; most with table 14's factors for 3.3 V, 1.77 and for z 1.47.
    SELF_TEST = (100, 16, 100, ((200, 3717), (-3717, -200), (300, 4998)))

    def _configure(self):
        # Table 7: code 15 is 3200 Hz, each one below halves it.
        self._bus.write(_BW_RATE, 15 - len(self.RATES_HZ) + 1 + self.RATES_HZ.index(self.rate_hz))
        self._excite(False)
        self._bus.write(_INT_MAP, 0)  # every interrupt on INT1

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.write(_FIFO_CTL, 0)  # bypass mode clears it ("FIFO", "Bypass Mode")
        self._bus.write(_FIFO_CTL, _STREAM | min(self.watermark, 31))
        self._bus.write(_INT_ENABLE, _WATERMARK)
        self._bus.write(_POWER_CTL, _MEASURE)

    def stop(self):
        self._bus.write(_POWER_CTL, 0)
        self._bus.write(_INT_ENABLE, 0)
        self._bus.write(_FIFO_CTL, 0)

    def level(self):
        """Samples waiting in the FIFO."""
        n = self._bus.read(_FIFO_STATUS) & _ENTRIES
        # The overrun bit is set when the FIFO has filled up and cleared by reading it ("INT_SOURCE", "Overrun").
        if n >= _FULL:
            if n > self.DEPTH:  # an open SPI line reads as ones
                raise self._bus.nonsense()
            if self._bus.read(_INT_SOURCE) & _OVERRUN:
                self.overruns += 1
        return n

    def block(self, capacity=None):
        block = Accelerometer.block(self, capacity)
        view = memoryview(block.data)
        block.each = [view[at : at + 6] for at in range(0, len(view), 6)]
        return block

    def _burst(self, block, n):
        """One read of six bytes takes one sample out ("Retrieving Data from FIFO"): there is no longer burst."""
        self._bus.read_each_into(self.DATA, block.each, n, self._sleep_us)

    def _excite(self, on):
        self._bus.write(_DATA_FORMAT, (_SELF_TEST if on else 0) | _FULL_RES | _JUSTIFY | self.RANGES_G.index(self.range_g))

    def wake_on_motion(self, threshold_g):
        """Watches at 12.5 Hz with 34 µA (table 8) and raises INT1 when an axis moves by more than threshold_g from
        where it is now ("Activity", ac-coupled). configure() ends it."""
        self.stop()
        self._bus.write(_BW_RATE, _LOW_POWER_12HZ5)
        self._bus.write(_THRESH_ACT, min(255, max(1, round(threshold_g / 0.0625))))  # 62.5 mg a digit
        self._bus.write(_ACT_INACT_CTL, _AC_XYZ)
        self._bus.write(_POWER_CTL, _MEASURE)
        self._bus.read(_INT_SOURCE)  # clears it
        self._bus.write(_INT_ENABLE, _ACTIVITY)

    def moved(self):
        """Whether there was motion since wake_on_motion() or the last question."""
        return bool(self._bus.read(_INT_SOURCE) & _ACTIVITY)
