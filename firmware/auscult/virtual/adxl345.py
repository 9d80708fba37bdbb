# SPDX-License-Identifier: Apache-2.0
"""A virtual ADXL345 after Analog Devices' data sheet Rev. G: what a driver for acceleration streams can see.

Included: device id, output data rates, all ranges and data formats, bypass and stream modes, FIFO entries,
watermark and overrun, INT1/INT2 line, the least significant bit that is always 0 at 1600 and 3200 Hz, and the
time that the FIFO needs between two reads. Not included: taps, free fall, activity, self-test, offsets.
"""

from auscult.port import const
from auscult.virtual.chip import Chip

_BW_RATE = const(0x2C)
_POWER_CTL = const(0x2D)
_INT_ENABLE = const(0x2E)
_INT_SOURCE = const(0x30)
_DATA_FORMAT = const(0x31)
_FIFO_CTL = const(0x38)
_FIFO_STATUS = const(0x39)
_POP_US = const(5)


class ADXL345(Chip):
    DATA = 0x32
    DEPTH = 33  # 32 levels and the output register

    def reset(self):
        registers = self.registers
        for i in range(self.REGISTERS):
            registers[i] = 0
        registers[0x00] = 0xE5
        registers[_BW_RATE] = 0x0A
        registers[_INT_SOURCE] = 0x02
        self.early_reads = 0  # reads that came too soon after the one before: their data are void
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
        recording = self.recording
        if recording.full_scale_um:
            recording.scale(recording.full_scale_um * (1000000 + self.gain_ppm) << bits,
                            full_scale_um * 1000000 << 16, bits, justify, mask)

    def _depth(self):
        return self.DEPTH if self.registers[_FIFO_CTL] & 0xC0 else 1

    def _watermark(self):
        return self.registers[_FIFO_CTL] & 0x1F if self.registers[_INT_ENABLE] & 2 else 0

    def _get(self, register):
        if register == _FIFO_STATUS:
            return self.level
        if register == _INT_SOURCE:
            mark = self.registers[_FIFO_CTL] & 0x1F
            return (0x80 if self.level else 0) | (2 if self.level >= mark else 0) | (1 if self.full else 0)
        return self.registers[register]

    def _set(self, register, value):
        if register < 0x1D or register in (0x2B, _INT_SOURCE, _FIFO_STATUS) or 0x32 <= register < 0x38:
            return  # reserved or read only
        self.registers[register] = value
        if register == _POWER_CTL or register == _BW_RATE:
            self._measure(0)
            if self.registers[_POWER_CTL] & 8:
                self._measure(3200000 >> 15 - (self.registers[_BW_RATE] & 0x0F))
        if register == _FIFO_CTL and value & 0xC0 == 0:
            while self.level:  # bypass mode clears the FIFO
                self.level -= 1
                self.recording.skip()
            self.full = False
        if register == _DATA_FORMAT or register == _BW_RATE:
            self._format()

    def select(self):
        self._gap_us = _POP_US
        Chip.select(self)

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
        Chip._take_into(self, buf, at)
