# SPDX-License-Identifier: Apache-2.0
"""LSM6DSO, LSM6DSOX and ISM330DHCX: the accelerometer of these motion units, ±2 to ±16 g, 512-word FIFO, I2C or SPI. The
gyroscope stays off. Facts from ST's data sheets DS12140 Rev 2 (LSM6DSO), DS12814 (LSM6DSOX) and DS13012 (ISM330DHCX),
whose registers are the same here; sections and tables are those of DS12140.

16 bits: 32768 is 32768 times the sensitivity of table 2, 1.998848 g in the range ±2 g. A FIFO word has a tag byte before
its six bytes (section 6.5.7).
"""

from auscult.port import const
from auscult.sensors.accelerometer import G_UM, Accelerometer
from auscult.sensors.unpack import untag

_FIFO_CTRL1 = const(0x07)  # "Register mapping" for all of these
_FIFO_CTRL4 = const(0x0A)
_INT1_CTRL = const(0x0D)
_CTRL1_XL = const(0x10)
_CTRL3_C = const(0x12)
_CTRL5_C = const(0x14)
_CTRL6_C = const(0x15)
_CTRL8_XL = const(0x17)
_CTRL9_XL = const(0x18)
_WAKE_UP_SRC = const(0x1B)
_OUT_TEMP_L = const(0x20)
_FIFO_STATUS1 = const(0x3A)
_TAP_CFG0 = const(0x56)
_TAP_CFG2 = const(0x58)
_WAKE_UP_THS = const(0x5B)
_MD1_CFG = const(0x5E)

_FS = bytes((0, 2, 3, 1))  # CTRL1_XL, FS_XL for 2, 4, 8, 16 g
_INT1_FIFO_TH = const(0x08)  # INT1_CTRL
_SW_RESET_IF_INC = const(0x05)  # CTRL3_C
_BDU_IF_INC = const(0x44)  # CTRL3_C: block data update, address increment
_SELF_TEST_POSITIVE = const(0x01)  # CTRL5_C: ST_XL = 01
_LOW_POWER = const(0x10)  # CTRL6_C: XL_HM_MODE
_CONTINUOUS = const(0x06)  # FIFO_CTRL4: FIFO_MODE = 110, the newest words are kept
_DIFF_HIGH = const(0x03)  # FIFO_STATUS2: DIFF_FIFO 9..8
_ALWAYS_ZERO = const(0x04)
_OVR_LATCHED = const(0x08)  # FIFO_STATUS2: words were lost since it was read last; reading clears it
_ACCELEROMETER = const(2)  # FIFO_DATA_OUT_TAG, TAG_SENSOR in bits 7..3
_INT1_WU = const(0x20)  # MD1_CFG
_INTERRUPTS_ENABLE = const(0x80)  # TAP_CFG2
_WU_IA = const(0x08)  # WAKE_UP_SRC


class LSM6DSO(Accelerometer):
    """See `auscult.sensors` for the interface."""

    NAME = "LSM6DSO"
    ADDRESSES = (0x6A, 0x6B)  # "I2C operation": SA0 low, high
    ID_REGISTER, IDS = 0x0F, (0x6C,)
    DEPTH = 512  # section 6.5: 3 kbytes of six-byte words, uncompressed
    STRIDE = 7
    DATA = 0x78  # FIFO_DATA_OUT_TAG
    RATES_HZ = (12.5, 26, 52, 104, 208, 417, 833, 1667, 3333, 6667)  # FIFO_CTRL3, BDR_XL; CTRL1_XL has the same codes
    _ODR = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    _BDR = _ODR
    RANGES_G = (2, 4, 8, 16)
    FULL_SCALES_UM = tuple([32768 * ug * G_UM // 1000000 for ug in (61, 122, 244, 488)])  # table 2
    NOISE_UG = 70  # table 2, high-performance mode, ±2 g
    SPI_MODES = (0, 3)  # "SPI bus interface": data are taken at SPC's rising edge and change at the falling one
    SELF_TEST = (52, 4, 100, ((50, 1700),) * 3)  # table 2; rate, range and times of ST's own example
    SELF_TEST_ABSOLUTE = True
    _CONF = 0xE2  # CTRL9_XL: I3C_DISABLE; in the ISM330DHCX DEVICE_CONF, which its data sheet wants set
    # CTRL1_XL, CTRL6_C, CTRL8_XL and TAP_CFG0 of wake_on_motion(): 52 Hz in low-power mode, high-pass at a tenth of it;
    # latched, filtered by the high-pass, cleared by reading
    _WATCH = bytes((3 << 4, _LOW_POWER, 1 << 5, 0x51))

    def __init__(self, *args, **kwargs):
        self._status = bytearray(2)
        self._settings = bytearray(3)
        Accelerometer.__init__(self, *args, **kwargs)

    def _configure(self):
        self._reset()
        self._bus.write(_INT1_CTRL, _INT1_FIFO_TH)
        at = self.RATES_HZ.index(self.rate_hz)
        self._control = self._ODR[at] << 4 | _FS[self.RANGES_G.index(self.range_g)] << 2
        settings = self._settings  # FIFO_CTRL1 to FIFO_CTRL3: watermark, accelerometer data alone
        settings[0], settings[1], settings[2] = self.watermark & 0xFF, self.watermark >> 8, self._BDR[at]

    def _reset(self):
        """Whatever ran before (the gyroscope, an embedded function) ends: takes 50 µs."""
        self._bus.write(_CTRL3_C, _SW_RESET_IF_INC)
        self._clock.sleep_ms(1)
        self._bus.write(_CTRL3_C, _BDU_IF_INC)
        if self._CONF:
            self._bus.write(_CTRL9_XL, self._CONF)

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.write(_FIFO_CTRL4, 0)  # section 6.5.1: bypass mode empties it
        self._bus.write_from(_FIFO_CTRL1, self._settings)
        self._bus.write(_FIFO_CTRL4, _CONTINUOUS)
        self._bus.read_into(_FIFO_STATUS1, self._status)  # forgets an old overrun
        self._bus.write(_CTRL1_XL, self._control)

    def stop(self):
        self._bus.write(_CTRL1_XL, 0)  # ODR 0 is power-down
        self._bus.write(_FIFO_CTRL4, 0)

    def level(self):
        """Samples waiting in the FIFO."""
        status = self._status
        self._bus.read_into(_FIFO_STATUS1, status)
        high = status[1]
        n = status[0] | (high & _DIFF_HIGH) << 8
        if n > 512 or high & _ALWAYS_ZERO:  # an open SPI line reads as ones
            raise self._bus.nonsense()
        if high & _OVR_LATCHED:
            self.overruns += 1
        return n

    def _burst(self, block, n):
        """After a word's last byte the address rolls back to its tag, so one burst reads them all."""
        data = block.data
        self._bus.read_into(self.DATA, block.raw[n])
        if data[0] >> 3 != _ACCELEROMETER or data[7 * n - 7] >> 3 != _ACCELEROMETER:
            raise self._bus.error("FIFO words without the accelerometer's tag")
        untag(data, n)

    def _excite(self, on):
        self._bus.write(_CTRL5_C, _SELF_TEST_POSITIVE if on else 0)

    def temperature_c(self):
        """Die temperature in °C; 256 a degree, 0 at 25 °C ("Temperature sensor characteristics"). While measuring."""
        word = bytearray(2)
        self._bus.read_into(_OUT_TEMP_L, word)
        return 25 + ((word[1] << 8 | word[0]) ^ 0x8000) / 256 - 128

    def wake_on_motion(self, threshold_g):
        """Watches with the accelerometer in its lowest fitting mode (LSM6DSO family: 52 Hz low-power) and raises INT1 when
        the high-pass filtered acceleration of an axis is beyond threshold_g, until moved() has been asked.
        configure() ends it."""
        write, watch = self._bus.write, self._WATCH
        self.stop()
        self._reset()
        write(_CTRL6_C, watch[1])
        write(_CTRL8_XL, watch[2])
        write(_TAP_CFG0, watch[3])
        write(_WAKE_UP_THS, min(63, max(1, round(threshold_g * 32))))  # ±2 g: a 64th of the range a digit
        write(_CTRL1_XL, watch[0])
        self._clock.sleep_ms(200)  # until the filter has forgotten where it was
        write(_TAP_CFG2, _INTERRUPTS_ENABLE)
        write(_MD1_CFG, _INT1_WU)
        self._bus.read(_WAKE_UP_SRC)

    def moved(self):
        """Whether there was motion since wake_on_motion() or the last question."""
        return bool(self._bus.read(_WAKE_UP_SRC) & _WU_IA)


class LSM6DSOX(LSM6DSO):
    NAME = "LSM6DSOX"


class ISM330DHCX(LSM6DSO):
    NAME = "ISM330DHCX"
    IDS = (0x6B,)
    NOISE_UG = 60  # DS13012, "Mechanical characteristics": typical, not found in another source
    SELF_TEST = (52, 4, 100, ((90, 1700),) * 3)  # of ST's own example, ism330dhcx_self_test.c
