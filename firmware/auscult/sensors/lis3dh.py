# SPDX-License-Identifier: Apache-2.0
"""LIS3DH accelerometer, ±2 to ±16 g, 32-level FIFO, I2C or SPI. Facts from ST's data sheet DocID17530 Rev 2.

Normal mode, 10 bits left justified: high-resolution mode has 12, but passes only a ninth of the rate, where this one passes
half of it (table 10), and vibration is what this driver is for. 32768 is 512 times the sensitivity of table 4: 2.048, 4.096,
8.192 and 24.576 g for the ranges ±2, ±4, ±8 and ±16 g (the chip itself saturates earlier).
"""

from auscult.port import const
from auscult.sensors.accelerometer import G_UM, Accelerometer

_OUT_ADC3_L = const(0x0C)  # section 7, table 21 for all of these
_TEMP_CFG_REG = const(0x1F)
_CTRL_REG1 = const(0x20)
_CTRL_REG2 = const(0x21)
_CTRL_REG3 = const(0x22)
_CTRL_REG4 = const(0x23)
_CTRL_REG5 = const(0x24)
_REFERENCE = const(0x26)
_FIFO_CTRL_REG = const(0x2E)
_FIFO_SRC_REG = const(0x2F)
_INT1_CFG = const(0x30)
_INT1_SRC = const(0x31)
_INT1_THS = const(0x32)
_INT1_DURATION = const(0x33)

_ADC_TEMPERATURE = const(0xC0)  # TEMP_CFG_REG: ADC_PD (1 is on), TEMP_EN
_LOW_POWER_10HZ = const(0x2F)  # CTRL_REG1: ODR 10 Hz, LPen, all axes
_HP_TO_INT1 = const(0x01)  # CTRL_REG2: HPIS1
_I1_AOI1 = const(0x40)  # CTRL_REG3
_I1_WTM = const(0x04)  # CTRL_REG3: watermark on INT1
_BDU = const(0x80)  # CTRL_REG4: block data update; FS in bits 5..4
_SELF_TEST_0 = const(0x02)  # CTRL_REG4: ST = 01
_FIFO_EN = const(0x40)  # CTRL_REG5
_STREAM = const(0x80)  # FIFO_CTRL_REG: FM = 10
_OVRN_FIFO = const(0x40)  # FIFO_SRC_REG
_EMPTY = const(0x20)
_FSS = const(0x1F)
_HIGH_XYZ = const(0x2A)  # INT1_CFG: any axis beyond the threshold
_INTERRUPT = const(0x40)  # INT1_SRC: IA


class LIS3DH(Accelerometer):
    """See `auscult.sensors` for the interface."""

    NAME = "LIS3DH"
    ADDRESSES = (0x18, 0x19)  # section 6.1.1: SA0 low, high
    ID_REGISTER, IDS = 0x0F, (0x33,)
    DEPTH = 32
    DATA = 0x28
    RATES_HZ = (1, 10, 25, 50, 100, 200, 400, 1344)  # table 31, normal mode
    _ODR = (1, 2, 3, 4, 5, 6, 7, 9)
    RANGES_G = (2, 4, 8, 16)
    FULL_SCALES_UM = tuple([512 * mg * G_UM // 1000 for mg in (4, 8, 16, 48)])  # table 4, mg per digit of 10 bits
    BITS = (10,)
    NOISE_UG = 220  # table 4
    BANDWIDTH = 0.5  # table 10, normal mode
    I2C_INCREMENT = 0x80  # section 6.1.1: the sub-address's MSB
    SPI_MODES = (3,)  # section 6.2: the clock idles high
    SPI_MULTIPLE = 0x40  # section 6.2: MS
    SELF_TEST = (100, 2, 100, ((68, 1440),) * 3)  # table 4: 17 to 360 digits of 4 mg in normal mode; settles in eight samples
    SELF_TEST_ABSOLUTE = True

    def _configure(self):
        self._excite(False)
        self._bus.write(_TEMP_CFG_REG, _ADC_TEMPERATURE)
        self._bus.write(_CTRL_REG2, 0)
        self._bus.write(_INT1_CFG, 0)
        self._bus.write(_CTRL_REG3, _I1_WTM)
        self._bus.write(_CTRL_REG5, _FIFO_EN)

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.write(_FIFO_CTRL_REG, 0)  # section 5.1.1: bypass mode resets the FIFO
        # Section 5.1.3: with FTH = N the watermark rises when N + 1 samples wait.
        self._bus.write(_FIFO_CTRL_REG, _STREAM | self.watermark - 1)
        enable = sum([1 << "xyz".index(axis) for axis in self.axes])
        self._bus.write(_CTRL_REG1, self._ODR[self.RATES_HZ.index(self.rate_hz)] << 4 | enable)

    def stop(self):
        self._bus.write(_CTRL_REG1, 0)  # table 31: ODR 0 is power-down
        self._bus.write(_FIFO_CTRL_REG, 0)

    def level(self):
        """Samples waiting in the FIFO. A full one shows 31 and the overrun bit (section 8.20)."""
        source = self._bus.read(_FIFO_SRC_REG)
        if source & _OVRN_FIFO:
            if source & _EMPTY:  # an open SPI line reads as ones
                raise self._bus.nonsense()
            self.overruns += 1
            return self.DEPTH
        return 0 if source & _EMPTY else source & _FSS

    # One burst reads them all: after OUT_Z_H the address rolls back to OUT_X_L (section 5.1.5).

    def _excite(self, on):
        self._bus.write(_CTRL_REG4, _BDU | self.RANGES_G.index(self.range_g) << 4 | (_SELF_TEST_0 if on else 0))

    def temperature_c(self):
        """Die temperature in °C; table 5: 1 °C a digit, not calibrated, so only changes mean something. While
        measuring."""
        word = bytearray(2)
        self._bus.read_into(_OUT_ADC3_L, word)
        return 25 + (word[1] - 256 if word[1] & 0x80 else word[1])

    def wake_on_motion(self, threshold_g):
        """Watches at 10 Hz with 3 µA (low power, table 12) and raises INT1 when the high-pass filtered acceleration of
        an axis is beyond threshold_g, until moved() has been asked. configure() ends it."""
        self.stop()
        self._bus.write(_CTRL_REG2, _HP_TO_INT1)
        self._bus.write(_CTRL_REG3, _I1_AOI1)
        self._bus.write(_CTRL_REG4, 0x80)  # ±2 g
        self._bus.write(_CTRL_REG5, 0x08)  # latched: LIR_INT1
        self._bus.write(_INT1_THS, min(127, max(1, round(threshold_g / 0.016))))  # section 8.23: 16 mg a digit
        self._bus.write(_INT1_DURATION, 0)
        self._bus.write(_CTRL_REG1, _LOW_POWER_10HZ)
        self._bus.read(_REFERENCE)  # sets the filter to the present acceleration (section 8.9, table 34)
        self._bus.write(_INT1_CFG, _HIGH_XYZ)
        self._bus.read(_INT1_SRC)

    def moved(self):
        """Whether there was motion since wake_on_motion() or the last question."""
        return bool(self._bus.read(_INT1_SRC) & _INTERRUPT)
