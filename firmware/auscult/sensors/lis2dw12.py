# SPDX-License-Identifier: Apache-2.0
"""LIS2DW12 accelerometer, ±2 to ±16 g, 32-level FIFO, I2C or SPI. Facts from ST's data sheet DocID029682 Rev 3.

High-performance mode, 14 bits left justified: 32768 is 8192 times the sensitivity ("Mechanical characteristics"), 1.998848 g
in the range ±2 g.
"""

from auscult.port import const
from auscult.sensors.accelerometer import G_UM, Accelerometer

_OUT_T_L = const(0x0D)  # "Register mapping" for all of these
_CTRL1 = const(0x20)
_CTRL2 = const(0x21)
_CTRL3 = const(0x22)
_CTRL4_INT1_PAD_CTRL = const(0x23)
_CTRL6 = const(0x25)
_FIFO_CTRL = const(0x2E)
_FIFO_SAMPLES = const(0x2F)
_WAKE_UP_THS = const(0x34)
_WAKE_UP_DUR = const(0x35)
_WAKE_UP_SRC = const(0x38)
_CTRL7 = const(0x3F)

_HIGH_PERFORMANCE = const(0x04)  # CTRL1: MODE = 01; ODR in bits 7..4
_LOW_POWER_12HZ5 = const(0x20)  # CTRL1: ODR = 2, MODE = 00, LP_MODE = 00
_SOFT_RESET = const(0x40)  # CTRL2
_BDU_ADD_INC = const(0x0C)  # CTRL2: block data update, address increment
_SELF_TEST_POSITIVE = const(0x40)  # CTRL3: ST = 01
_LATCHED = const(0x10)  # CTRL3: LIR
_INT1_WU = const(0x20)  # CTRL4_INT1_PAD_CTRL
_INT1_FTH = const(0x02)
_LOW_NOISE = const(0x04)  # CTRL6: with the widest filter (BW_FILT = 00); FS in bits 5..4
_STREAM = const(0xC0)  # FIFO_CTRL: FMode = 110, the newest samples are kept; FTH in bits 4..0
_FIFO_OVR = const(0x40)  # FIFO_SAMPLES: full, and at least one sample overwritten
_DIFF = const(0x3F)  # FIFO_SAMPLES: unread samples, 0 to 32
_WU_IA = const(0x08)  # WAKE_UP_SRC
_INTERRUPTS_ENABLE = const(0x20)  # CTRL7


class LIS2DW12(Accelerometer):
    """See `auscult.sensors` for the interface."""

    NAME = "LIS2DW12"
    ADDRESSES = (0x19, 0x18)  # "I2C operation": SA0 high (its own pull-up), low
    ID_REGISTER, IDS = 0x0F, (0x44,)
    DEPTH = 32
    DATA = 0x28
    RATES_HZ = (12.5, 25, 50, 100, 200, 400, 800, 1600)  # CTRL1, ODR = 2 to 9
    RANGES_G = (2, 4, 8, 16)
    FULL_SCALES_UM = tuple([8192 * ug * G_UM // 1000000 for ug in (244, 488, 976, 1952)])  # "Mechanical characteristics"
    BITS = (14,)
    BANDWIDTH_HZ = 400  # "CTRL6", BW_FILT = 00: half the rate, but 400 Hz at 1600 Hz
    NOISE_UG = 90  # the same, high-performance mode with low noise, ±2 g
    SPI_MODES = (0, 3)  # "SPI bus interface": data are taken at SPC's rising edge and change at the falling one
    SELF_TEST = (50, 4, 100, ((70, 1500),) * 3)  # "Mechanical characteristics"; rate, range and times of ST's own example
    SELF_TEST_ABSOLUTE = True

    def _configure(self):
        self._bus.write(_CTRL2, _SOFT_RESET)  # whatever ran before: takes 5 µs
        self._clock.sleep_ms(1)
        self._bus.write(_CTRL2, _BDU_ADD_INC)
        self._bus.write(_CTRL6, self.RANGES_G.index(self.range_g) << 4 | _LOW_NOISE)
        self._bus.write(_CTRL4_INT1_PAD_CTRL, _INT1_FTH)

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.write(_FIFO_CTRL, 0)  # bypass mode empties it
        self._bus.write(_FIFO_CTRL, _STREAM | self.watermark)
        self._bus.write(_CTRL1, self.RATES_HZ.index(self.rate_hz) + 2 << 4 | _HIGH_PERFORMANCE)

    def stop(self):
        self._bus.write(_CTRL1, 0)  # ODR 0 is power-down
        self._bus.write(_FIFO_CTRL, 0)

    def level(self):
        """Samples waiting in the FIFO."""
        samples = self._bus.read(_FIFO_SAMPLES)
        n = samples & _DIFF
        if n > 32:  # an open SPI line reads as ones
            raise self._bus.nonsense()
        if samples & _FIFO_OVR:
            self.overruns += 1
        return n

    # One burst reads them all: after OUT_Z_H the address rolls back to OUT_X_L.

    def _excite(self, on):
        self._bus.write(_CTRL3, _SELF_TEST_POSITIVE if on else 0)

    def temperature_c(self):
        """Die temperature in °C, in steps of 1/16; while measuring."""
        word = bytearray(2)
        self._bus.read_into(_OUT_T_L, word)
        return 25 + ((word[1] << 8 | word[0]) ^ 0x8000) / 256 - 128

    def wake_on_motion(self, threshold_g):
        """Watches at 12.5 Hz in low-power mode 1 and raises INT1 when the high-pass filtered
        acceleration of an axis is beyond threshold_g, until moved() has been asked. configure() ends it."""
        self.stop()
        self._bus.write(_CTRL2, _BDU_ADD_INC)
        self._bus.write(_CTRL3, _LATCHED)
        self._bus.write(_CTRL4_INT1_PAD_CTRL, _INT1_WU)
        self._bus.write(_CTRL6, 0)  # ±2 g
        self._bus.write(_WAKE_UP_THS, min(63, max(1, round(threshold_g * 32))))  # a 64th of the range a digit
        self._bus.write(_WAKE_UP_DUR, 0)  # one sample is enough
        self._bus.write(_CTRL1, _LOW_POWER_12HZ5)
        self._clock.sleep_ms(500)  # until the filter has forgotten where it was
        self._bus.write(_CTRL7, _INTERRUPTS_ENABLE)
        self._bus.read(_WAKE_UP_SRC)

    def moved(self):
        """Whether there was motion since wake_on_motion() or the last question."""
        return bool(self._bus.read(_WAKE_UP_SRC) & _WU_IA)
