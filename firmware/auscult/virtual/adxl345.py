# SPDX-License-Identifier: Apache-2.0
"""A virtual ADXL345 after Analog Devices' data sheet Rev. G: what a driver for acceleration streams can see.

Included: device id, output data rates, all ranges and data formats, bypass, FIFO and stream modes, FIFO entries,
watermark and overrun, INT1/INT2 line, the least significant bit that is always 0 at 1600 and 3200 Hz, the
time that the FIFO needs between two reads, self-test, ac-coupled activity, offsets. Not included: taps, free fall,
inactivity, trigger mode.
"""

from auscult.port import const
from auscult.virtual.registers import RegisterChip

_OFSX = const(0x1E)
_THRESH_ACT = const(0x24)
_BW_RATE = const(0x2C)
_POWER_CTL = const(0x2D)
_INT_ENABLE = const(0x2E)
_INT_SOURCE = const(0x30)
_DATA_FORMAT = const(0x31)
_FIFO_CTL = const(0x38)
_FIFO_STATUS = const(0x39)
_POP_US = const(5)
_TYPICAL_TEST_MG = (1150, -1150, 1850)  # between the limits of table 1


class ADXL345(RegisterChip):
    ID = 0x00
    DATA = 0x32
    DEPTH = 33  # 32 levels and the output register
    SPI_MODES = (3,)
    START_US = 1100  # table 1, footnote 7: turn-on takes a period and 1.1 ms

    def reset(self):
        registers = self.registers
        for i in range(self.REGISTERS):
            registers[i] = 0
        registers[self.ID] = 0xE5
        registers[_BW_RATE] = 0x0A
        registers[_INT_SOURCE] = 0x02
        self.early_reads = 0  # reads that came too soon after the one before: their data are void
        self._gap_us = 0
        self._popped_us = self._clock.ticks_us()
        self._has_popped = False
        self._format()

    def _format(self):
        """Counts for a range: 10 bits, or in full resolution always 256 counts per g."""
        form = self.registers[_DATA_FORMAT]
        bits = 10 + (form & 3) if form & 8 else 10
        justify = 16 - bits if form & 4 else 0
        full_scale_um = (2 << (form & 3)) * 9806650
        mask = 0xFFFF
        if self.registers[_BW_RATE] & 0x0F >= 14 and (form & 8 or form & 3 == 0):
            mask ^= 1 << justify
        self.recording.suit(full_scale_um, bits, self.gain_ppm, justify, mask)
        offset, word_um = [0, 0, 0], full_scale_um // 32768
        for axis in range(3):
            trim = self.registers[_OFSX + axis]  # 15.6 mg a digit
            mg = (trim - 256 if trim & 0x80 else trim) * 15.6 + (_TYPICAL_TEST_MG[axis] if form & 0x80 else 0)
            offset[axis] = int(mg * 9806.65 / word_um)
        self.recording.offset = offset if any(offset) else None

    def _depth(self):
        return self.DEPTH if self.registers[_FIFO_CTL] & 0xC0 else 1

    def _stops(self):
        return self.registers[_FIFO_CTL] & 0xC0 == 0x40

    def _watermark(self):
        return self.registers[_FIFO_CTL] & 0x1F if self.registers[_INT_ENABLE] & 2 else 0

    def _get(self, register):
        if register == _FIFO_STATUS:
            return self.level
        if register == _INT_SOURCE:
            mark = self.registers[_FIFO_CTL] & 0x1F
            moved, self.motion = self.motion, False
            return (0x80 if self.level else 0) | (0x10 if moved else 0) | (2 if self.level >= mark else 0) \
                | (1 if self.full else 0)
        return self.registers[register]

    def _set(self, register, value):
        if register < 0x1D or register in (0x2B, _INT_SOURCE, _FIFO_STATUS) or 0x32 <= register < 0x38:
            return  # reserved or read only
        self.registers[register] = value
        if register == _POWER_CTL or register == _BW_RATE:
            self._measure(0)
            if self.registers[_POWER_CTL] & 8:
                rate_mhz = 3200000 >> 15 - (self.registers[_BW_RATE] & 0x0F)
                self._measure(rate_mhz)
        if register == _FIFO_CTL and value & 0xC0 == 0:
            self._empty()  # bypass mode clears the FIFO
        if register in (_DATA_FORMAT, _BW_RATE) or _OFSX <= register < _OFSX + 3:
            self._format()
        if register == _INT_ENABLE:
            # 62.5 mg a digit of THRESH_ACT
            threshold_um = self.registers[_THRESH_ACT] * 612916
            full_scale_um = (2 << (self.registers[_DATA_FORMAT] & 3)) * 9806650
            self._watch(threshold_um * 32 // (full_scale_um // 1024) if value & 0x10 else 0)

    def select(self):
        self._gap_us = _POP_US
        RegisterChip.select(self)

    def _take_burst(self, buf):
        return not self._gap_us and RegisterChip._take_burst(self, buf)

    def _take_into(self, buf, at):
        if self._gap_us:
            clock = self._clock
            now_us, before_us = clock.ticks_us(), self._popped_us
            self._popped_us = now_us
            if self._has_popped and clock.ticks_diff(now_us, before_us) < self._gap_us:
                self.early_reads += 1
                for i in range(at, at + 6):
                    buf[i] = 0
                return
            self._has_popped = True
        RegisterChip._take_into(self, buf, at)

    def _show_into(self, buf, at):
        self._take_into(buf, at)
