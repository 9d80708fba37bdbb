# SPDX-License-Identifier: Apache-2.0
"""Virtual LSM6DSO, LSM6DSOX and ISM330DHCX after ST's data sheets DS12140 Rev 2, DS12814 and DS13012: what a driver for
acceleration streams can see.

Included: device ids, the accelerometer's output and batch data rates, ranges, output registers, status, FIFO of 512
tagged words in bypass, FIFO and continuous modes, its status with a latched overrun, stop on watermark, watermark and
wake-up on INT1, address increment with roll-back in the FIFO window, software reset and how long it takes, temperature,
self-test. Not included: the gyroscope (its registers read 0), compression and other FIFO data, the modes that a trigger
switches, taps, free fall, 6D, embedded functions, offsets, the slope of the filters. Output registers change only when
they are read, as with BDU. Batch data rates other than the output data rate act as that one.
"""

from auscult.port import const
from auscult.virtual.registers import RegisterChip

_FIFO_CTRL1 = const(0x07)
_FIFO_CTRL2 = const(0x08)
_FIFO_CTRL3 = const(0x09)
_FIFO_CTRL4 = const(0x0A)
_INT1_CTRL = const(0x0D)
_WHO_AM_I = const(0x0F)
_CTRL1_XL = const(0x10)
_CTRL3_C = const(0x12)
_CTRL5_C = const(0x14)
_CTRL9_XL = const(0x18)
_ALL_INT_SRC = const(0x1A)
_WAKE_UP_SRC = const(0x1B)
_STATUS_REG = const(0x1E)
_OUT_TEMP_L = const(0x20)
_OUTX_L_A = const(0x28)
_OUTZ_H_A = const(0x2D)
_FIFO_STATUS1 = const(0x3A)
_FIFO_STATUS2 = const(0x3B)
_TAP_CFG2 = const(0x58)
_WAKE_UP_THS = const(0x5B)
_WAKE_UP_DUR = const(0x5C)
_MD1_CFG = const(0x5E)
_TAG = const(0x78)
_WINDOW_END = const(0x7E)

_RATES_MHZ = (0, 12500, 26000, 52000, 104000, 208000, 417000, 833000, 1667000, 3333000, 6667000, 1600)
_DIGIT_UG = (61, 488, 122, 244)  # by FS_XL
_TAGS = bytes((0x11, 0x12, 0x14, 0x17))  # sensor 2 in the upper five bits, a counter, even parity
_RESET_US = const(50)
_TEST_SIGNS = (0, 1, -1, 0)


class LSM6DSO(RegisterChip):
    REGISTERS = 128
    ID = _WHO_AM_I
    WHO_AM_I = 0x6C
    DATA = 0x28
    PORT = 0x78
    DEPTH = 512
    DEPTH_FLAG = 513  # FIFO_OVR_IA: one word at least is overwritten
    TYPICAL_TEST_MG = (420, 510, 610)  # table 2 gives limits only: 50 to 1700

    def reset(self):
        registers = self.registers
        for i in range(self.REGISTERS):
            registers[i] = 0
        registers[_WHO_AM_I] = self.WHO_AM_I
        registers[_CTRL3_C] = 0x04  # IF_INC
        registers[_CTRL9_XL] = 0xE0  # DEN_X, DEN_Y, DEN_Z
        self._overrun = False
        self._count = 0
        self._word, self._word_at = bytearray(7), 0  # at 0 the next word comes from the FIFO
        self._resets = False
        self._format()

    def _rate_mhz_of(self, control):
        return _RATES_MHZ[min(control >> 4, 11)] if control >> 4 < 12 else 0

    def _format(self):
        digit_ug = _DIGIT_UG[self.registers[_CTRL1_XL] >> 2 & 3]
        self.recording.suit(32768 * digit_ug * 9806650 // 1000000, 16, self.gain_ppm)
        sign = _TEST_SIGNS[self.registers[_CTRL5_C] & 3]
        self.recording.offset = [sign * mg * 1000 // digit_ug for mg in self.TYPICAL_TEST_MG] if sign else None

    # --- FIFO

    def _threshold_level(self):
        return self.registers[_FIFO_CTRL1] | (self.registers[_FIFO_CTRL2] & 1) << 8

    def _batches(self):
        return self.registers[_FIFO_CTRL4] & 7 and self.registers[_FIFO_CTRL3] & 0x0F

    def _depth(self):
        if not self._batches():
            return 1
        stop = self.registers[_FIFO_CTRL2] & 0x80 and self._threshold_level()
        return stop or self.DEPTH

    def _stops(self):
        return self.registers[_FIFO_CTRL4] & 7 == 1

    def _watermark(self):
        return self._threshold_level() if self.registers[_INT1_CTRL] & 0x08 and self._batches() else 0

    def _arrive(self, level):
        if level > self._depth() > 1:
            self.full = self._overrun = True
        RegisterChip._arrive(self, level)

    def _empty(self):
        RegisterChip._empty(self)
        self._word_at, self._overrun = 0, False

    def _plain(self):
        return False

    def _word_into(self, buf, at):
        """The FIFO's next word; zeros from an empty one."""
        if self.level:
            self._count = self._count + 1 & 3
            self._take_into(buf, at + 1)
            buf[at] = _TAGS[self._count]
        else:
            for i in range(at, at + 7):
                buf[i] = 0

    def _fill(self, buf, at):
        """A word leaves the FIFO when the first of its bytes is read, and is shown until its last one has been."""
        register = self._register
        if not _TAG <= register <= _WINDOW_END:
            RegisterChip._fill(self, buf, at)
            return
        n = len(buf)
        if register == _TAG and not self._word_at and self._after(_TAG) != _TAG:
            while n - at >= 7:
                self._word_into(buf, at)
                at += 7
        while at < n:
            if not self._word_at:
                self._word_into(self._word, 0)
                self._word_at = 1
            buf[at] = self._word[register - _TAG]
            if register == _WINDOW_END:
                self._word_at = 0
            register = self._after(register)
            at += 1
        self._register = register

    # --- registers

    def _temperature(self):
        return int((self.temperature_c - 25) * 256) & 0xFFFF

    def _get(self, register):
        level = self.level
        if register == _FIFO_STATUS1:
            return (level if self._batches() else 0) & 0xFF
        if register == _FIFO_STATUS2:
            if not self._batches():
                return 0
            mark = self._threshold_level()
            latched, self._overrun = self._overrun, False
            return level >> 8 | (0x08 if latched else 0) | (0x20 if level >= self._depth() - 1 else 0) \
                | (0x40 if self.full else 0) | (0x80 if 0 < mark <= level else 0)
        if register == _STATUS_REG:
            return 0x04 | (1 if level else 0)
        if register == _OUT_TEMP_L:
            return self._temperature() & 0xFF
        if register == _OUT_TEMP_L + 1:
            return self._temperature() >> 8
        if register == _WAKE_UP_SRC or register == _ALL_INT_SRC:
            moved, self.motion = self.motion, False
            return 0 if not moved else 0x0F if register == _WAKE_UP_SRC else 0x02
        if register == _CTRL3_C and self._resets:
            if self._clock.ticks_diff(self._clock.ticks_us(), self._reset_us) < _RESET_US:
                return self.registers[_CTRL3_C] | 1
            self._resets = False
        return self.registers[register]

    def _set(self, register, value):
        if register < 1 or register == _WHO_AM_I or _ALL_INT_SRC <= register <= 0x3F or register >= 0x76:
            return  # reserved or read only
        if register == _CTRL3_C and value & 1:
            self._measure(0)
            self._empty()
            self._watch(0)
            self.reset()
            self._resets, self._reset_us = True, self._clock.ticks_us()
            return
        before = self.registers[register]
        self.registers[register] = value
        if register == _CTRL1_XL:
            if before & 0xF0 != value & 0xF0:
                self._measure(0)
                self._measure(self._rate_mhz_of(value))
        if register in (_FIFO_CTRL3, _FIFO_CTRL4) and not self._batches():
            self._empty()
        if register == _CTRL1_XL or register == _CTRL5_C:
            self._format()
        if register in (_TAP_CFG2, _WAKE_UP_THS, _WAKE_UP_DUR, _MD1_CFG):
            watches = self.registers[_TAP_CFG2] & 0x80 and self.registers[_MD1_CFG] & 0x20
            digit = 128 if self.registers[_WAKE_UP_DUR] & 0x10 else 512  # words: a 256th or a 64th of the range
            self._watch(self.registers[_WAKE_UP_THS] % 64 * digit if watches else 0)

    def _spi_address(self, command):
        self._register = command & 0x7F

    def _after(self, register):
        if not self.registers[_CTRL3_C] & 0x04:
            return register
        return _TAG if register == _WINDOW_END else (register + 1) % self.REGISTERS


class LSM6DSOX(LSM6DSO):
    pass


class ISM330DHCX(LSM6DSO):
    WHO_AM_I = 0x6B
