# SPDX-License-Identifier: Apache-2.0
"""Bosch BMA423 accelerometer, ±2 to ±16 g, 1024-byte FIFO, I2C or SPI. Facts from Bosch's data sheet BST-BMA423-DS000-01
Rev. 1.1 (May 2019).

Why this one and not the BMI270: a BMI270 gives zeros until 8 kB of Bosch's firmware have been loaded into it, which
cannot be part of this package. The BMA423 (in LilyGo's T-Watch) needs such a file for steps, taps and motion only:
acceleration, FIFO and watermark work without it. So there is no wake-up on motion.

12 bits left justified: 32768 is the range itself. Without headers a frame in the FIFO is just x, y, z, and a FIFO that
has run over drops whole frames without a word: a full one counts as overrun.
"""

from auscult import port
from auscult.port import const
from auscult.sensors.accelerometer import Accelerometer
from auscult.sensors.bus import SensorError

_TEMPERATURE = const(0x22)  # section 5, "Register Map" for all of these
_FIFO_LENGTH_0 = const(0x24)
_ACC_CONF = const(0x40)
_ACC_RANGE = const(0x41)
_FIFO_DOWNS = const(0x45)
_FIFO_WTM_0 = const(0x46)
_FIFO_CONFIG_0 = const(0x48)
_FIFO_CONFIG_1 = const(0x49)
_INT1_IO_CTRL = const(0x53)
_INT_LATCH = const(0x55)
_INT_MAP_DATA = const(0x58)
_ACC_SELF_TEST = const(0x6D)
_PWR_CONF = const(0x7C)
_PWR_CTRL = const(0x7D)
_CMD = const(0x7E)

_PERFORMANCE_NORMAL = const(0xA0)  # ACC_CONF: acc_perf_mode, acc_bwp = normal
_FILTERED = const(0x80)  # FIFO_DOWNS: acc_fifo_filt_data, every sample
_ACC_ONLY = const(0x40)  # FIFO_CONFIG_1: fifo_acc_en, no headers
_OUTPUT_HIGH = const(0x0A)  # INT1_IO_CTRL: output_en, lvl; push-pull
_INT1_WATERMARK = const(0x02)  # INT_MAP_DATA: int1_fwm
_POSITIVE = const(0x0D)  # ACC_SELF_TEST: enabled, amplitude high, sign
_NEGATIVE = const(0x09)
_POWER_SAVE = const(0x03)  # PWR_CONF: adv_power_save, fifo_self_wake_up
_ACC_ON = const(0x04)  # PWR_CTRL
_FLUSH = const(0xB0)  # CMD
_IDLE_US = const(450)  # "Digital Interfaces": after a write in power save mode


class BMA423(Accelerometer):
    """See `auscult.sensors` for the interface."""

    NAME = "BMA423"
    ADDRESSES = (0x18, 0x19)  # "I2C": SDO low, high
    ID_REGISTER, IDS = 0x00, (0x13,)
    FIFO_BYTES = 1024  # section 4.5
    DEPTH = 170
    DATA = 0x26
    RATES_HZ = (12.5, 25, 50, 100, 200, 400, 800, 1600)  # ACC_CONF: codes 5 to 12
    RANGES_G = (2, 4, 8, 16)
    BITS = (12,)
    NOISE_UG = 140  # page 8, "Output Noise Density"
    BANDWIDTH = 0.405  # table 12, x and y; at 1600 Hz 684 Hz, z 353 Hz
    SPI_DUMMY = 1  # "SPI"
    # Section 4.9: ±8 g, 50 ms; at least 400, 800 and 400 mg between the two directions.
    SELF_TEST = (1600, 8, 50, ((400, 16000), (800, 16000), (400, 16000)))

    def __init__(self, bus, clock=port):
        self._length = bytearray(2)
        Accelerometer.__init__(self, bus, clock)

    def check(self):
        """Raises SensorError unless this chip answers. "Digital Interfaces": it listens to SPI from the first edge of its
        select pin on, so that what it answers before means nothing."""
        try:
            self._bus.read(self.ID_REGISTER)
        except SensorError:
            pass
        Accelerometer.check(self)

    def _configure(self):
        write = self._bus.write
        write(_PWR_CONF, 0)
        self._clock.sleep_us(_IDLE_US)
        write(_ACC_CONF, _PERFORMANCE_NORMAL | 5 + self.RATES_HZ.index(self.rate_hz))
        write(_ACC_RANGE, self.RANGES_G.index(self.range_g))
        write(_FIFO_DOWNS, _FILTERED)
        write(_FIFO_WTM_0, 6 * self.watermark & 0xFF)  # in bytes
        write(_FIFO_WTM_0 + 1, 6 * self.watermark >> 8)
        write(_FIFO_CONFIG_0, 0)  # the oldest is lost; no sensor time
        write(_FIFO_CONFIG_1, _ACC_ONLY)
        write(_INT1_IO_CTRL, _OUTPUT_HIGH)
        write(_INT_LATCH, 0)
        write(_INT_MAP_DATA, _INT1_WATERMARK)
        write(_ACC_SELF_TEST, 0)

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.write(_PWR_CONF, 0)
        self._clock.sleep_us(_IDLE_US)
        self._bus.write(_CMD, _FLUSH)
        self._bus.write(_PWR_CTRL, _ACC_ON)

    def stop(self):
        self._bus.write(_PWR_CTRL, 0)
        self._clock.sleep_us(_IDLE_US)  # it may be in power save mode already
        self._bus.write(_ACC_SELF_TEST, 0)
        self._clock.sleep_us(_IDLE_US)
        self._bus.write(_PWR_CONF, _POWER_SAVE)
        self._clock.sleep_us(_IDLE_US)

    def level(self):
        """Samples waiting in the FIFO."""
        length = self._length
        self._bus.read_into(_FIFO_LENGTH_0, length)
        count = length[0] | (length[1] & 0x3F) << 8
        if count > self.FIFO_BYTES:  # an open SPI line reads as ones
            raise self._bus.nonsense()
        n = count // 6
        if n >= self.DEPTH:
            self.overruns += 1
        return n

    def _excite(self, on):
        """One way or the other: the data sheet limits the difference."""
        self._bus.write(_ACC_SELF_TEST, _POSITIVE if on else _NEGATIVE)

    def temperature_c(self):
        """Die temperature in °C, in steps of 1 °C ("Temperature Sensor")."""
        value = self._bus.read(_TEMPERATURE)
        if value == 0x80:
            raise self._bus.error("no temperature yet")
        return 23 + value - (256 if value & 0x80 else 0)
