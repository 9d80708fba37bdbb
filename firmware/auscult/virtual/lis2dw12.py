# SPDX-License-Identifier: Apache-2.0
"""A virtual LIS2DW12 after ST's data sheet DocID029682 Rev 3: what a driver for acceleration streams can see.

Included: device id, output data rates and resolutions of the high-performance and low-power modes, ranges, bypass, FIFO
and continuous modes, FIFO_SAMPLES, status, watermark and wake-up on INT1, address increment with roll-back, soft reset,
temperature, self-test. Not included: single conversion, the modes that a trigger switches, taps, free fall, 6D, sleep,
offsets, the slope of the filters. Output registers change only when they are read, as with BDU.
"""

from auscult.port import const
from auscult.virtual.registers import RegisterChip

_OUT_T_L = const(0x0D)
_WHO_AM_I = const(0x0F)
_CTRL1 = const(0x20)
_CTRL2 = const(0x21)
_CTRL3 = const(0x22)
_CTRL4 = const(0x23)
_CTRL6 = const(0x25)
_OUT_T = const(0x26)
_STATUS = const(0x27)
_OUT_X_L = const(0x28)
_OUT_Z_H = const(0x2D)
_FIFO_CTRL = const(0x2E)
_FIFO_SAMPLES = const(0x2F)
_WAKE_UP_THS = const(0x34)
_STATUS_DUP = const(0x37)
_WAKE_UP_SRC = const(0x38)
_ALL_INT_SRC = const(0x3B)
_CTRL7 = const(0x3F)

_RATES_MHZ = (0, 12500, 12500, 25000, 50000, 100000, 200000, 400000, 800000, 1600000)
_LOW_POWER_LIMIT_MHZ = const(200000)
_TYPICAL_TEST_MG = (550, 620, 480)  # there are limits only: 70 to 1500
_TEST_SIGNS = (0, 1, -1, 0)


class LIS2DW12(RegisterChip):
    ID = _WHO_AM_I
    DATA = 0x28
    DEPTH = 32
    DEPTH_FLAG = 33  # FIFO_OVR: one sample at least is overwritten

    def reset(self):
        registers = self.registers
        for i in range(self.REGISTERS):
            registers[i] = 0
        registers[_WHO_AM_I] = 0x44
        registers[_CTRL2] = 0x04  # IF_ADD_INC
        self._format()

    def _format(self):
        """14 bits, in low-power mode 1 only 12; left justified. A digit of 14 bits is 0.244 mg in the range ±2 g."""
        control = self.registers[_CTRL1]
        bits = 12 if control & 0x0F == 0 else 14
        digit_ug = 244 << (self.registers[_CTRL6] >> 4 & 3)
        self.recording.suit(8192 * digit_ug * 9806650 // 1000000, bits, self.gain_ppm)
        sign = _TEST_SIGNS[self.registers[_CTRL3] >> 6]
        self.recording.offset = [sign * mg * 4000 // digit_ug for mg in _TYPICAL_TEST_MG] if sign else None

    def _mode(self):
        return self.registers[_FIFO_CTRL] >> 5

    def _depth(self):
        return self.DEPTH if self._mode() else 1

    def _stops(self):
        return self._mode() == 1

    def _watermark(self):
        return self.registers[_FIFO_CTRL] & 0x1F if self.registers[_CTRL4] & 0x02 else 0

    def _temperature(self):
        """16 bits, of which the upper twelve count: sixteenths of a degree from 25 °C."""
        return int((self.temperature_c - 25) * 16) << 4 & 0xFFFF

    def _get(self, register):
        level = self.level
        if register == _FIFO_SAMPLES:
            if not self._mode():
                return 0
            return level | (0x40 if self.full else 0) | (0x80 if level >= self.registers[_FIFO_CTRL] & 0x1F else 0)
        if register == _STATUS:
            mark = self._mode() and level >= self.registers[_FIFO_CTRL] & 0x1F
            return (0x80 if mark else 0) | (0x40 if self.motion else 0) | (1 if level else 0)
        if register == _STATUS_DUP:
            return (0x80 if self.full else 0) | 0x40 | (1 if level else 0)
        if register == _OUT_T_L:
            return self._temperature() & 0xFF
        if register == _OUT_T_L + 1 or register == _OUT_T:
            return self._temperature() >> 8
        if register == _WAKE_UP_SRC or register == _ALL_INT_SRC:
            moved, self.motion = self.motion, False
            return 0 if not moved else 0x0F if register == _WAKE_UP_SRC else 0x02
        return self.registers[register]

    def _set(self, register, value):
        if register < 0x20 or _OUT_T <= register < _FIFO_CTRL or register in (_FIFO_SAMPLES, 0x37, 0x38, 0x39, 0x3A, 0x3B):
            return  # reserved or read only
        if register == _CTRL2 and value & 0x40:
            self._measure(0)
            self._empty()
            self._watch(0)
            self.reset()
            return
        self.registers[register] = value
        if register == _CTRL1:
            self._measure(0)
            rate_mhz = _RATES_MHZ[min(value >> 4, 9)]
            if value & 0x0C == 0:  # low power
                rate_mhz = 1600 if value >> 4 == 1 else min(rate_mhz, _LOW_POWER_LIMIT_MHZ)
            self._measure(rate_mhz)
        if register == _FIFO_CTRL and not value >> 5:
            self._empty()
        if register in (_CTRL1, _CTRL3, _CTRL6):
            self._format()
        if register in (_CTRL4, _CTRL7, _WAKE_UP_THS):
            # A 64th of the range a digit: 512 words of 16 bits.
            watches = self.registers[_CTRL4] & 0x20 and self.registers[_CTRL7] & 0x20
            self._watch(self.registers[_WAKE_UP_THS] % 64 * 512 if watches else 0)

    def _rolls(self):
        return self.registers[_CTRL2] & 0x04

    def _after(self, register):
        if not self.registers[_CTRL2] & 0x04:
            return register
        return _OUT_X_L if register == _OUT_Z_H else (register + 1) % self.REGISTERS
