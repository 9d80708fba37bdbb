# SPDX-License-Identifier: Apache-2.0
"""ADXL355 (±2 to ±8 g) and ADXL357 (±10 to ±40 g) accelerometers of low noise, 20 bits, FIFO of 32 samples, I2C or SPI.
Facts from Analog Devices' data sheets ADXL354/ADXL355 Rev. D and ADXL356/ADXL357 Rev. A, the same in both unless noted;
table 2 and the register map were compared with those of ADXL354/ADXL355 Rev. 0.

The upper 16 of 20 bits are kept: 32768 is 524288 digits divided by the sensitivity of table 2, which is 2.048 g, 10.24 g
and so on (the names of the ranges are rounded). Both chips have the same part id: the configuration must name the right
one, or all values are off by five.
"""

from auscult import port
from auscult.port import const
from auscult.sensors.accelerometer import G_UM, Accelerometer
from auscult.sensors.unpack import shorten

_STATUS = const(0x04)  # "Register Map" for all of these; FIFO_ENTRIES follows at 0x05
_TEMP2 = const(0x06)
_ACT_EN = const(0x24)
_ACT_THRESH_H = const(0x25)
_ACT_COUNT = const(0x27)
_FILTER = const(0x28)
_FIFO_SAMPLES = const(0x29)
_INT_MAP = const(0x2A)
_RANGE = const(0x2C)
_POWER_CTL = const(0x2D)
_SELF_TEST = const(0x2E)
_RESET = const(0x2F)

_NVM_BUSY = const(0x10)  # STATUS: loads its calibration
_ACTIVITY = const(0x08)  # STATUS
_FIFO_OVR = const(0x04)  # STATUS: set when a sample has been lost, cleared by reading it ("FIFO_OVR")
_MOST_ENTRIES = const(99)  # "FIFO_OVR": 96 locations and three more between the clock domains
_ACT_XYZ = const(0x07)  # ACT_EN
_HPF_1000HZ = const(0x12)  # FILTER: high-pass corner 24.7e-4 of the rate (2.5 Hz), output data rate 1000 Hz
_FULL_EN1 = const(0x02)  # INT_MAP: FIFO_SAMPLES reached
_ACT_EN1 = const(0x08)  # INT_MAP
_ACTIVE_HIGH = const(0xC0)  # RANGE: I2C_HS as after reset, INT_POL
_STANDBY = const(0x01)  # POWER_CTL
_ST1 = const(0x01)  # SELF_TEST: mode on
_ST1_ST2 = const(0x03)  # SELF_TEST: and force on
_RESET_CODE = const(0x52)

_X_FIRST = const(0x01)  # low two bits of an entry are empty indicator and x-axis marker ("FIFO", figure "FIFO Data Organization")


def _marks(data, at):
    """The markers of three entries from data[at] on, two bits each; _X_FIRST: they are one whole sample."""
    return data[at + 2] & 3 | (data[at + 5] & 3) << 2 | (data[at + 8] & 3) << 4


class ADXL355(Accelerometer):
    """See `auscult.sensors` for the interface."""

    NAME = "ADXL355"
    ADDRESSES = (0x1D, 0x53)  # "I2C Protocol": ASEL low, high
    ID_REGISTER, IDS = 0x02, (0xED,)  # PARTID
    DEPTH = 32  # "FIFO": 96 entries, one for each axis
    STRIDE = 9
    DATA = 0x11
    RATES_HZ = (3.906, 7.813, 15.625, 31.25, 62.5, 125, 250, 500, 1000, 2000, 4000)  # "Filter Settings Register"
    RANGES_G = (2, 4, 8)
    FULL_SCALES_UM = tuple([524288 * G_UM // digits for digits in (256000, 128000, 64000)])  # table 2, LSB/g
    NOISE_UG = 22.5  # Rev. D, table 2, ±2 g (Rev. 0: 25)
    BANDWIDTH = 0.25  # "Filter Settings Register": low-pass corner
    SPI_MODES = (0,)  # "SPI Protocol": CPOL = CPHA = 0
    SPI_READ = 0x01
    SPI_SHIFT = 1  # "SPI Protocol": seven bits of address, then R/W
    # Table 2: 0.3, 0.3 and 1.5 g, typical. The limits, a third and twice as much, are not in Rev. 0 and not checked.
    SELF_TEST = (1000, 8, 20, ((100, 600), (100, 600), (500, 3000)))
    SELF_TEST_ABSOLUTE = True

    def __init__(self, bus, clock=port):
        self._state, self._entry = bytearray(2), bytearray(3)
        Accelerometer.__init__(self, bus, clock)

    def _reset(self):
        """"RESET": all registers are as after power on; it takes as long (table 2, turn-on time: less than 10 ms)."""
        self._bus.write(_RESET, _RESET_CODE)
        for _ in range(10):
            self._clock.sleep_ms(10)
            if not self._bus.read(_STATUS) & _NVM_BUSY:
                return
        raise self._bus.error("the reset does not end")

    def _configure(self):
        self._reset()
        self._bus.write(_FILTER, len(self.RATES_HZ) - 1 - self.RATES_HZ.index(self.rate_hz))  # 0 is 4000 Hz, 1 half of it
        self._bus.write(_RANGE, _ACTIVE_HIGH | 1 + self.RANGES_G.index(self.range_g))
        self._bus.write(_FIFO_SAMPLES, 3 * self.watermark)
        self._bus.write(_INT_MAP, _FULL_EN1)

    def start(self):
        """Empties the FIFO and measures."""
        self._bus.read_into(_STATUS, self._state)  # clears the overrun as well
        waiting = min(self._state[1], _MOST_ENTRIES)
        if waiting:
            self._bus.read_into(self.DATA, bytearray(3 * waiting))
        self._bus.write(_POWER_CTL, 0)

    def stop(self):
        self._bus.write(_POWER_CTL, _STANDBY)

    def level(self):
        """Samples waiting in the FIFO."""
        state = self._state
        self._bus.read_into(_STATUS, state)
        if state[1] > _MOST_ENTRIES:  # an open SPI line reads as ones
            raise self._bus.nonsense()
        if state[0] & _FIFO_OVR:
            self.overruns += 1
        return state[1] // 3

    def read_fifo_into(self, block):
        n = Accelerometer.read_fifo_into(self, block)
        if n:
            data = block.data
            if _marks(data, 0) != _X_FIRST or _marks(data, 9 * n - 9) != _X_FIRST:
                n = self._align(data, n)
            shorten(data, n)
        return n

    def _align(self, data, n):
        """The entries do not begin with x: a read was broken off, or the full FIFO went on to the next sample during
        one. Moves the whole samples to the front of data, completes the last; returns how many there are."""
        self.overruns += 1
        at = to = 0
        while at + 9 <= 9 * n:
            if _marks(data, at) == _X_FIRST:
                for _ in range(9):
                    data[to] = data[at]
                    to += 1
                    at += 1
            else:
                at += 3
        while at < 9 * n and data[at + 2] & 3 != _X_FIRST:
            at += 3
        have = to
        while at < 9 * n:  # the beginning of the last sample
            data[have] = data[at]
            have += 1
            at += 1
        if have > to:
            while have < to + 9:
                self._bus.read_into(self.DATA, self._entry)
                for i in range(3):
                    data[have] = self._entry[i]
                    have += 1
            if _marks(data, to) == _X_FIRST:
                to += 9
        return to // 9

    def _excite(self, on):
        # "Self Test": the change is the one from ST1 to ST1 and ST2. The reset in _configure() ends both.
        self._bus.write(_SELF_TEST, _ST1_ST2 if on else _ST1)

    def temperature_c(self):
        """Die temperature in °C: 1885 digits at 25 °C (Rev. 0: 1852), -9.05 a degree, not calibrated (table 2). While
        measuring."""
        word = bytearray(2)
        self._bus.read_into(_TEMP2, word)
        return 25 + (1885 - ((word[0] & 0x0F) << 8 | word[1])) / 9.05

    def wake_on_motion(self, threshold_g):
        """Raises INT1 when the high-pass filtered acceleration (2.5 Hz) of an axis is beyond threshold_g, at most the
        lowest range. The chip has no mode of lower power for it: 200 µA (table 2). Takes 0.5 s until gravity is filtered
        away; configure() ends it."""
        self._reset()
        self._bus.write(_FILTER, _HPF_1000HZ)
        self._bus.write(_RANGE, _ACTIVE_HIGH | 1)
        # "ACT_THRESH": matches bits 18 to 3 of the data, so 65536 digits are the full scale
        digits = min(0xFFFF, max(1, round(threshold_g * 65536 * G_UM / self.FULL_SCALES_UM[0])))
        self._bus.write_from(_ACT_THRESH_H, bytes([digits >> 8, digits & 0xFF]))
        self._bus.write(_ACT_COUNT, 1)
        self._bus.write(_POWER_CTL, 0)
        self._clock.sleep_ms(500)
        self._bus.write(_ACT_EN, _ACT_XYZ)
        self._bus.read(_STATUS)  # clears it
        self._bus.write(_INT_MAP, _ACT_EN1)

    def moved(self):
        """Whether there was motion since wake_on_motion() or the last question."""
        return bool(self._bus.read(_STATUS) & _ACTIVITY)


class ADXL357(ADXL355):
    NAME = "ADXL357"
    RANGES_G = (10, 20, 40)
    FULL_SCALES_UM = tuple([524288 * G_UM // digits for digits in (51200, 25600, 12800)])
    NOISE_UG = 75
    SELF_TEST = (1000, 40, 20, ADXL355.SELF_TEST[3])
