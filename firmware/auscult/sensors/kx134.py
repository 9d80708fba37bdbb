# SPDX-License-Identifier: Apache-2.0
"""KX132-1211 (±2 to ±16 g) and KX134-1211 (±8 to ±64 g) accelerometers, 16 bits, buffer of 86 samples, I2C or SPI.
Facts from Kionix' Technical Reference Manuals ("TRM", KX132-1211 Rev. 1.0 and KX134-1211 Rev. 4.0; the same in both unless
noted) and Specifications Rev. 1.0 ("SPEC").

The buffer has no overrun flag: a full one counts as overrun, since whether more came cannot be seen.
"""

from auscult import port
from auscult.port import const
from auscult.sensors.accelerometer import Accelerometer

_INS3 = const(0x18)  # TRM "Register Map" for all of these
_INT_REL = const(0x1A)
_CNTL1 = const(0x1B)
_CNTL3 = const(0x1D)
_CNTL4 = const(0x1E)
_CNTL5 = const(0x1F)
_ODCNTL = const(0x21)
_INC1 = const(0x22)
_INC2 = const(0x23)
_INC4 = const(0x25)
_WUFTH = const(0x49)  # BTSWUFTH follows, with the upper three bits
_WUFC = const(0x4D)
_SELF_TEST = const(0x5D)
_BUF_CNTL1 = const(0x5E)
_BUF_CNTL2 = const(0x5F)
_BUF_STATUS_1 = const(0x60)
_BUF_CLEAR = const(0x62)

_PC1 = const(0x80)  # CNTL1: measures. Most registers can be written only without ("Note that to properly change ...")
_RES = const(0x40)  # CNTL1: high performance; GSEL in bits 4..3
_OWUF_50HZ = const(0xAE)  # CNTL3, the other engines as after reset
_TH_MODE = const(0x40)  # CNTL4: relative threshold, as after reset
_WUFE = const(0x20)  # CNTL4
_LPRO = const(0x40)  # ODCNTL: low-pass corner at half the rate, else a ninth
_OSA_50HZ = const(0x06)  # ODCNTL
_LINE = const(0x32)  # INC1: IEN1, IEA1 (active high), latched; STPOL positive
_ANY_AXIS = const(0x3F)  # INC2
_WMI1 = const(0x20)  # INC4
_WUFI1 = const(0x02)  # INC4
_STREAM_16 = const(0xC1)  # BUF_CNTL2: BUFE, BRES (16 bits), BM = 01
_TEST_ON = const(0xCA)  # SELF_TEST
_WUFS = const(0x80)  # INS3


class KX132(Accelerometer):
    """See `auscult.sensors` for the interface."""

    NAME = "KX132"
    ADDRESSES = (0x1F, 0x1E)  # SPEC, "I2C": ADDR high, low
    ID_REGISTER, IDS = 0x13, (0x3D,)
    DEPTH = 86  # TRM "BUF_CNTL1": with 16 bits
    DATA = 0x63  # BUF_READ: the address stays there during a burst
    RATES_HZ = (0.781, 1.563, 3.125, 6.25, 12.5, 25, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600)  # TRM "ODCNTL"
    RANGES_G = (2, 4, 8, 16)  # TRM table 2: 32768 is the range itself
    NOISE_UG = 130  # SPEC table 1
    BANDWIDTH_HZ = 2900  # SPEC table 1, "Mechanical Signal Bandwidth": z; x and y 4200. ODCNTL's filter passes half the rate
    SPI_MODES = (0,)  # as drivers in the field have it
    SELF_TEST = (200, 2, 50, ((250, 750), (250, 750), (200, 750)))  # SPEC table 1; rate and time are ours
    _WAKE_DIGITS = 256  # TRM "Threshold Resolution", equation 6: counts per g

    def __init__(self, bus, clock=port):
        self._settings, self._state = _RES, bytearray(2)
        Accelerometer.__init__(self, bus, clock)

    def _configure(self):
        bus = self._bus
        self._settings = _RES | self.RANGES_G.index(self.range_g) << 3
        bus.write(_CNTL1, self._settings)
        bus.write(_CNTL4, _TH_MODE)
        bus.write(_CNTL5, 0)
        bus.write(_ODCNTL, _LPRO | self.RATES_HZ.index(self.rate_hz))
        bus.write(_INC1, _LINE)
        bus.write(_INC4, _WMI1)
        bus.write(_SELF_TEST, 0)
        bus.write(_BUF_CNTL1, self.watermark)
        bus.write(_BUF_CNTL2, _STREAM_16)

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.write(_BUF_CLEAR, 0)  # the value does not matter
        self._bus.write(_CNTL1, self._settings | _PC1)

    def stop(self):
        self._bus.write(_CNTL1, self._settings)

    def level(self):
        """Samples waiting in the FIFO."""
        state = self._state
        self._bus.read_into(_BUF_STATUS_1, state)
        n = (state[0] | (state[1] & 3) << 8) // 6  # SMP_LEV counts bytes
        if n >= self.DEPTH:
            if n > self.DEPTH:  # an open SPI line reads as ones
                raise self._bus.nonsense()
            self.overruns += 1
        return n

    def _excite(self, on):
        self._bus.write(_SELF_TEST, _TEST_ON if on else 0)

    def wake_on_motion(self, threshold_g):
        """Watches at 50 Hz in the low-power mode and raises INT1 when an axis moves by more than threshold_g from one
        sample to the next (TRM "Relative Threshold Mode"), until moved() has been asked. configure() ends it."""
        bus = self._bus
        self.stop()
        self._settings &= ~_RES
        self.stop()
        bus.write(_BUF_CNTL2, 0)
        bus.write(_ODCNTL, _OSA_50HZ)
        bus.write(_CNTL3, _OWUF_50HZ)
        bus.write(_CNTL4, _TH_MODE | _WUFE)
        bus.write(_INC1, _LINE)
        bus.write(_INC2, _ANY_AXIS)
        bus.write(_INC4, _WUFI1)
        digits = min(0x7FF, max(1, round(threshold_g * self._WAKE_DIGITS)))
        bus.write_from(_WUFTH, bytes([digits & 0xFF, digits >> 8]))
        bus.write(_WUFC, 1)
        bus.write(_CNTL1, self._settings | _PC1)
        bus.read(_INT_REL)

    def moved(self):
        """Whether there was motion since wake_on_motion() or the last question."""
        moved = self._bus.read(_INS3) & _WUFS
        self._bus.read(_INT_REL)  # releases the line
        return bool(moved)


class KX134(KX132):
    NAME = "KX134"
    IDS = (0x46,)
    RANGES_G = (8, 16, 32, 64)
    NOISE_UG = 300
    BANDWIDTH_HZ = 5600  # z; x 8200, y 8500
    SELF_TEST = (200, 8, 50, ((100, 900),) * 3)
    _WAKE_DIGITS = 64  # compared with the 32 g output, where the KX132 compares with the 8 g output
