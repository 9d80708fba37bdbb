# SPDX-License-Identifier: Apache-2.0
"""A virtual ADXL355 and ADXL357 after Analog Devices' data sheets ADXL354/ADXL355 Rev. D and ADXL356/ADXL357 Rev. A: what a
driver for acceleration streams can see.

Included: ids, output data rates, ranges, the FIFO of 96 entries with x-axis marker and empty indicator, its three bytes
that leave together, FIFO_ENTRIES, watermark and overrun, INT1 (active high only), output registers, temperature, self-test,
offsets, activity detection (all axes at once, the first sample that is beyond), reset with its time, the filter setting that
only changes in standby. Not included: the FIFO while activity is watched, the high-pass filter's effect on the data,
external clocks, an active-low line. The lower four of 20 bits are 0.

A driver uses either the FIFO or the output registers: until FIFO_DATA is read, these show the newest sample.
"""

from auscult.port import const
from auscult.virtual.registers import RegisterChip

_STATUS = const(0x04)
_FIFO_ENTRIES = const(0x05)
_TEMP2 = const(0x06)
_TEMP1 = const(0x07)
_XDATA3 = const(0x08)
_FIFO_DATA = const(0x11)
_OFFSET_X_H = const(0x1E)
_ACT_EN = const(0x24)
_ACT_THRESH_H = const(0x25)
_ACT_THRESH_L = const(0x26)
_ACT_COUNT = const(0x27)
_FILTER = const(0x28)
_FIFO_SAMPLES = const(0x29)
_INT_MAP = const(0x2A)
_RANGE = const(0x2C)
_POWER_CTL = const(0x2D)
_SELF_TEST = const(0x2E)
_RESET = const(0x2F)
_SHADOW = const(0x50)
_RESET_US = const(5000)  # table 2, turn-on time, power-off to standby: less than 10 ms
_TYPICAL_TEST_MG = (300, 300, 1500)  # table 2


class ADXL355(RegisterChip):
    REGISTERS = 0x55
    ID = 0x02
    DATA = _XDATA3
    PORT = _FIFO_DATA
    SAMPLE = 9
    DEPTH = 32
    SPI_MODES = (0,)
    START_US = 10000  # table 2: standby to measurement in less than 10 ms
    _DIGITS_PER_G = 256000  # table 2, in the lowest range

    def reset(self):
        registers = self.registers
        for i in range(self.REGISTERS):
            registers[i] = 0
        registers[0x00], registers[0x01], registers[self.ID], registers[0x03] = 0xAD, 0x1D, 0xED, 0x01
        registers[_ACT_COUNT] = 0x01
        registers[_FIFO_SAMPLES] = 0x60
        registers[_RANGE] = 0x81
        registers[_POWER_CTL] = 0x01
        for i in range(5):
            registers[_SHADOW + i] = 0x31 + i  # calibration, different in every specimen
        self._port_at = self.SAMPLE
        self._overrun = self._fifo_used = self._restarts = False
        self._ready_us = 0
        self._format()

    def _format(self):
        full_scale_um = (524288 * 9806650 // self._DIGITS_PER_G) << max(0, (self.registers[_RANGE] & 3) - 1)
        self.recording.suit(full_scale_um, 16, self.gain_ppm)
        offset, test = [0, 0, 0], self.registers[_SELF_TEST] & 3 == 3
        for axis in range(3):
            # "Offset and Trim Registers": bits 15 to 0 match bits 19 to 4 of the data
            trim = self.registers[_OFFSET_X_H + 2 * axis] << 8 | self.registers[_OFFSET_X_H + 2 * axis + 1]
            mg = _TYPICAL_TEST_MG[axis] if test else 0
            offset[axis] = (trim - 65536 if trim & 0x8000 else trim) + mg * 9807 // (full_scale_um // 32768)
        self.recording.offset = offset if any(offset) else None

    # --- FIFO

    def _depth(self):
        return 1 if self._threshold else self.DEPTH

    def _entries(self):
        """One for each axis; a sample of which some have left counts with the rest."""
        return 3 * self.level + (self.SAMPLE - self._port_at) // 3

    def _arrive(self, level):
        depth = self._depth()
        if level >= depth:
            self._port_at = self.SAMPLE  # a full FIFO goes on to the next whole sample
            if level > depth:
                self._overrun = True
        RegisterChip._arrive(self, level)

    def _watermark(self):
        if not self.registers[_INT_MAP] & 0x02 or not self.registers[_RANGE] & 0x40:
            return 0
        return (self.registers[_FIFO_SAMPLES] + 2) // 3

    def _update_line(self):
        moved = self.motion
        self.motion = moved and self.registers[_INT_MAP] & 0x08 and self.registers[_RANGE] & 0x40 != 0
        RegisterChip._update_line(self)
        self.motion = moved

    def _pack(self, sample, buf, at):
        for i in range(0, 6, 2):
            buf[at] = sample[i + 1]
            buf[at + 1] = sample[i]
            buf[at + 2] = 0
            at += 3

    def _take_into(self, buf, at):
        """"FIFO": bit 0 of the third byte marks x, bit 1 that the FIFO was empty."""
        self._fifo_used = True
        there = self.level > 0
        RegisterChip._take_into(self, buf, at)
        if there:
            buf[at + 2] |= 1
        else:
            for i in range(9):
                buf[at + i] = 0 if i % 3 < 2 else 2

    def _show_into(self, buf, at):
        if not self._fifo_used and self.level:
            while self.level > 1:
                self.level -= 1
                self.recording.skip()
            self._take()
        self._pack(self._sample, buf, at)

    def _whole_entries(self):
        """A new read begins with the next entry, even if the last one was not read to its end."""
        self._port_at = (self._port_at + 2) // 3 * 3

    # --- registers

    def _busy(self):
        """After a reset the calibration is loaded; what is written meanwhile is lost."""
        if self._restarts and self._clock.ticks_diff(self._clock.ticks_us(), self._ready_us) >= 0:
            self._restarts = False
        return self._restarts

    def _get(self, register):
        if register == _STATUS:
            entries = self._entries()
            status = (1 if entries else 0) | (2 if entries >= self.registers[_FIFO_SAMPLES] else 0) \
                | (4 if self._overrun else 0) | (8 if self.motion else 0) \
                | (0x10 if self._busy() else 0)
            self._overrun = self.motion = False
            return status
        if register == _FIFO_ENTRIES:
            return self._entries()
        if register == _TEMP2 or register == _TEMP1:
            raw = int(1885.5 - 9.05 * (self.temperature_c - 25))
            return raw >> 8 if register == _TEMP2 else raw & 0xFF
        return self.registers[register]

    def _set(self, register, value):
        if register == _RESET:
            if value == 0x52:
                self.brown_out()  # everything as after power on
                self._restarts = True
                self._ready_us = self._clock.ticks_add(self._clock.ticks_us(), _RESET_US)
            return
        if not _OFFSET_X_H <= register < _RESET or register == _FILTER and self.measuring or self._busy():
            return  # read only, or only in standby
        self.registers[register] = value
        if register == _POWER_CTL:
            if value & 1:
                self._measure(0)
            elif not self.measuring:
                self._fifo_used = False
                self._measure(4000000 >> min(self.registers[_FILTER] & 0x0F, 10))
        elif register == _RANGE or register == _SELF_TEST or register < _ACT_EN:
            self._format()
        if _ACT_EN <= register <= _ACT_THRESH_L:
            # "ACT_THRESH": bits 15 to 0 match bits 18 to 3 of the data, of which a word has bits 19 to 4
            digits = self.registers[_ACT_THRESH_H] << 8 | self.registers[_ACT_THRESH_L]
            self._watch(max(1, digits >> 1) if self.registers[_ACT_EN] & 7 else 0)
            if not self.registers[_FILTER] & 0x70:  # without high-pass filter the acceleration itself is compared
                self._reference[0] = self._reference[1] = self._reference[2] = 0
                self._has_reference = True

    def _address(self, first):
        self._register = first % self.REGISTERS
        self._whole_entries()

    def _spi_address(self, command):
        self._register = (command >> 1) % self.REGISTERS
        self._whole_entries()

    def _spi_reads(self, command):
        return command & 1

    def _after(self, register):
        return register if register == _FIFO_DATA else (register + 1) % self.REGISTERS


class ADXL357(ADXL355):
    _DIGITS_PER_G = 51200
