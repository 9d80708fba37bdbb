# SPDX-License-Identifier: Apache-2.0
"""A virtual KX132-1211 and KX134-1211 after Kionix' Technical Reference Manuals Rev. 1.0 and 4.0: what a driver for acceleration
streams can see.

Included: ids, command test, output data rates, ranges, output registers, the buffer with 16 bits in FIFO and stream modes,
its level in bytes, watermark and buffer-full flags, INT1 (active high only), clearing, self-test, wake-up by a relative threshold
(latched until INT_REL is read), software reset with its 2 ms without answer, the registers that only change while PC1 is 0.
Not included: 8-bit samples, trigger mode, INT2, taps, tilt, free fall, back to sleep, the advanced data path, an active-low line.

A driver uses either the buffer or the output registers: until BUF_READ is read, these show the newest sample.
"""

from auscult.port import const
from auscult.virtual.registers import RegisterChip

_MAN_ID = const(0x00)
_XOUT_L = const(0x08)
_COTR = const(0x12)
_WHO_AM_I = const(0x13)
_INS2 = const(0x17)
_INS3 = const(0x18)
_STATUS_REG = const(0x19)
_INT_REL = const(0x1A)
_CNTL1 = const(0x1B)
_CNTL2 = const(0x1C)
_CNTL3 = const(0x1D)
_CNTL4 = const(0x1E)
_ODCNTL = const(0x21)
_INC1 = const(0x22)
_INC2 = const(0x23)
_INC4 = const(0x25)
_WUFTH = const(0x49)
_BTSWUFTH = const(0x4A)
_BTSTH = const(0x4B)
_SELF_TEST = const(0x5D)
_BUF_CNTL1 = const(0x5E)
_BUF_CNTL2 = const(0x5F)
_BUF_STATUS_1 = const(0x60)
_BUF_STATUS_2 = const(0x61)
_BUF_CLEAR = const(0x62)
_BUF_READ = const(0x63)
_RESET_US = const(2000)  # ours: the manual leaves the time to technical note TN027
_TYPICAL_TEST_MG = 500  # Specifications table 1
_EIO = const(5)


class KX132(RegisterChip):
    REGISTERS = 128
    ID = _WHO_AM_I
    DATA = _XOUT_L
    PORT = _BUF_READ
    DEPTH = DEPTH_FLAG = 86
    SPI_MODES = (0,)
    START_US = 2000  # Specifications table 2: start-up time, 2 ms at the highest rate; it grows by about a period
    _WHO, _LOWEST_G, _WAKE_DIGITS = 0x3D, 2, 256

    def reset(self):
        registers = self.registers
        for i in range(self.REGISTERS):
            registers[i] = 0
        registers[_MAN_ID] = 0x4B  # the first letter of "Kion"
        registers[_COTR] = 0x55
        registers[_WHO_AM_I] = self._WHO
        registers[_CNTL2] = 0x3F
        registers[_CNTL3] = 0xA8
        registers[_CNTL4] = 0x40
        registers[_ODCNTL] = 0x06
        registers[_INC1] = 0x10
        registers[_INC2] = 0x3F
        registers[_WUFTH] = registers[_BTSTH] = 0x80
        self._port_at = self.SAMPLE
        self._restarts = self._buffer_used = False
        self._ready_us = 0
        self._format()

    def _full_scale_um(self):
        return (self._LOWEST_G << (self.registers[_CNTL1] >> 3 & 3)) * 9806650

    def _format(self):
        full_scale_um = self._full_scale_um()
        self.recording.suit(full_scale_um, 16, self.gain_ppm)
        if self.registers[_SELF_TEST] == 0xCA:
            word = _TYPICAL_TEST_MG * 9807 // (full_scale_um // 32768)
            word = word if self.registers[_INC1] & 0x02 else -word  # STPOL
            self.recording.offset = (word, word, word)
        else:
            self.recording.offset = None

    # --- buffer

    def _buffered(self):
        return self.registers[_BUF_CNTL2] & 0x80

    def _depth(self):
        return self.DEPTH if self._buffered() else 1

    def _stops(self):
        return self.registers[_BUF_CNTL2] & 0x83 == 0x80

    def _watermark(self):
        line = self.registers[_INC1] & 0x30 == 0x30 and self.registers[_INC4] & 0x20
        return self.registers[_BUF_CNTL1] if line and self._buffered() else 0

    def _update_line(self):
        moved = self.motion
        self.motion = moved and self.registers[_INC1] & 0x30 == 0x30 and self.registers[_INC4] & 0x02 != 0
        RegisterChip._update_line(self)
        self.motion = moved

    def _take_burst(self, buf):
        self._buffer_used = True
        return RegisterChip._take_burst(self, buf)

    def _take_into(self, buf, at):
        self._buffer_used = True
        RegisterChip._take_into(self, buf, at)

    def _show_into(self, buf, at):
        if not self._buffer_used and self.level:
            while self.level > 1:
                self.level -= 1
                self.recording.skip()
            self._take()
        self._pack(self._sample, buf, at)

    def _throw_away(self):
        self._empty()
        self._port_at = self.SAMPLE

    # --- registers

    def _get(self, register):
        if register == _BUF_STATUS_1 or register == _BUF_STATUS_2:
            count = 6 * self.level + self.SAMPLE - self._port_at if self._buffered() else 0
            return count & 0xFF if register == _BUF_STATUS_1 else count >> 8
        if register == _INS2:
            level = self.level
            flags = 0x10 if level else 0
            if self._buffered():
                flags |= (0x20 if 0 < self.registers[_BUF_CNTL1] <= level else 0) \
                    | (0x40 if level >= self.DEPTH and self.registers[_BUF_CNTL2] & 0x20 else 0)
            return flags
        if register == _INS3:
            return 0xB0 if self.motion else 0  # WUFS, and x in both directions
        if register == _STATUS_REG:
            return 0x11 if self.motion else 0
        if register == _INT_REL:
            self.motion = False
            return 0
        if register == _COTR:
            self.registers[_COTR], found = 0x55, self.registers[_COTR]
            return found
        return self.registers[register]

    def _set(self, register, value):
        on = self.registers[_CNTL1] & 0x80
        if register == _BUF_CLEAR:
            self._throw_away()
        elif register == _CNTL1:
            # "properly changed" only from standby: while measuring just PC1 itself
            self.registers[_CNTL1] = (self.registers[_CNTL1] & 0x7F | value & 0x80) if on else value
            self._measure(0)
            self._format()
            self._watch_motion()
            if value & 0x80:
                self._buffer_used = False
                self._measure(25600000 >> 15 - (self.registers[_ODCNTL] & 0x0F))
        elif register == _CNTL2 and not on:
            if value & 0x40:
                self.registers[_COTR] = 0xAA
            if value & 0x80:
                self.brown_out()
                self._restarts = True
                self._ready_us = self._clock.ticks_add(self._clock.ticks_us(), _RESET_US)
            else:
                self.registers[_CNTL2] = value & 0x3F
        elif register == _SELF_TEST:
            self.registers[_SELF_TEST] = value
            self._format()
        elif register > _CNTL2 and not on and not _BUF_STATUS_1 <= register <= _BUF_READ:
            self.registers[register] = value
            if register == _BUF_CNTL2:
                self._throw_away()
            elif register == _INC1:
                self._format()

    def _watch_motion(self):
        """The thresholds are digits of one range, whatever the range is set to."""
        digits = (self.registers[_BTSWUFTH] & 7) << 8 | self.registers[_WUFTH]
        words = digits * (9806650 // self._WAKE_DIGITS) // (self._full_scale_um() // 32768)
        watching = self.registers[_CNTL1] & 0x80 and self.registers[_CNTL4] & 0x20 and self.registers[_INC2] & 0x3F
        self._watch(max(1, words) if watching else 0)

    def _acknowledge(self):
        RegisterChip._acknowledge(self)
        if self._restarts:
            if self._clock.ticks_diff(self._clock.ticks_us(), self._ready_us) < 0:
                raise OSError(_EIO)
            self._restarts = False

    def _spi_address(self, command):
        self._register = command & 0x7F

    def _after(self, register):
        return register if register == _BUF_READ else (register + 1) % self.REGISTERS


class KX134(KX132):
    _WHO, _LOWEST_G, _WAKE_DIGITS = 0x46, 8, 64
