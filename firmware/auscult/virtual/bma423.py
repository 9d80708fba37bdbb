# SPDX-License-Identifier: Apache-2.0
"""A virtual BMA423 after Bosch's data sheet BST-BMA423-DS000-01 Rev. 1.1: what a driver for acceleration streams can see of
one without Bosch's feature file.

Included: chip id, output data rates, ranges, FIFO without headers (length, flush, both full modes, frames read in part
come again, 0x8000 beyond the end), watermark on INT1, interrupt status, output registers, temperature, self-test, soft
reset, the first edge of the select pin that switches to SPI, the pause that writes need in power save mode. Not
included: FIFO headers, down-sampling, low-power averaging, auxiliary sensor, offsets, INT2, features.
"""

from auscult.port import const
from auscult.virtual.registers import RegisterChip

_CHIP_ID = const(0x00)
_EVENT = const(0x1B)
_INT_STATUS_1 = const(0x1D)
_TEMPERATURE = const(0x22)
_FIFO_LENGTH_0 = const(0x24)
_FIFO_DATA = const(0x26)
_INTERNAL_STATUS = const(0x2A)
_ACC_CONF = const(0x40)
_ACC_RANGE = const(0x41)
_FIFO_DOWNS = const(0x45)
_FIFO_WTM_0 = const(0x46)
_FIFO_CONFIG_0 = const(0x48)
_FIFO_CONFIG_1 = const(0x49)
_INT1_IO_CTRL = const(0x53)
_INT_MAP_DATA = const(0x58)
_ACC_SELF_TEST = const(0x6D)
_PWR_CONF = const(0x7C)
_PWR_CTRL = const(0x7D)
_CMD = const(0x7E)

_PAUSE_US = const(450)
# Half of what lies between the two directions at high amplitude: section 4.9 wants 400, 800 and 400 mg at least.
_TEST_MG = (350, 600, 300)


class BMA423(RegisterChip):
    REGISTERS = 128
    ID = _CHIP_ID
    DATA = 0x12
    PORT = 0x26
    DEPTH = 170  # of 1024 bytes
    SPI_DUMMY = 1
    START_US = 2000  # from suspend to normal

    def reset(self):
        registers = self.registers
        for i in range(self.REGISTERS):
            registers[i] = 0
        registers[_CHIP_ID] = 0x13
        registers[_EVENT] = 0x01  # power-on reset detected
        registers[_ACC_CONF], registers[_ACC_RANGE] = 0xA8, 0x01
        registers[_FIFO_DOWNS] = 0x80
        registers[_FIFO_WTM_0 + 1] = 0x02
        registers[_FIFO_CONFIG_0], registers[_FIFO_CONFIG_1] = 0x02, 0x10
        registers[_PWR_CONF] = 0x03
        self.early_writes = 0  # too soon after a write in power save mode: a real chip may ignore them
        self._written_us, self._slow = 0, False
        self._spi = False
        self._format()

    def _format(self):
        range_mg = 2000 << self.registers[_ACC_RANGE]
        self.recording.suit(range_mg // 1000 * 9806650, 12, self.gain_ppm)
        test = self.registers[_ACC_SELF_TEST]
        if test & 1:
            sign = 1 if test & 4 else -1
            part = 1 if test & 8 else 4  # amplitude high, low
            self.recording.offset = [sign * mg * 32768 // (part * range_mg) for mg in _TEST_MG]
        else:
            self.recording.offset = None

    def _depth(self):
        return self.DEPTH if self.registers[_FIFO_CONFIG_1] & 0x50 == 0x40 else 1

    def _stops(self):
        return self.registers[_FIFO_CONFIG_0] & 1

    def _mark(self):
        """The watermark in whole frames."""
        return ((self.registers[_FIFO_WTM_0 + 1] & 0x1F) << 8 | self.registers[_FIFO_WTM_0]) // 6

    def _watermark(self):
        on = self.registers[_INT_MAP_DATA] & 2 and self.registers[_INT1_IO_CTRL] & 8
        return self._mark() if on else 0

    def _length(self):
        if self._depth() == 1:
            return 0
        return 6 * self.level + (6 if self._port_at < 6 else 0)

    def _take_into(self, buf, at):
        if self.level:
            RegisterChip._take_into(self, buf, at)
        else:
            for i in range(at, at + 6, 2):
                buf[i], buf[i + 1] = 0x00, 0x80

    def _get(self, register):
        if _FIFO_LENGTH_0 <= register <= _FIFO_LENGTH_0 + 1:
            return self._length() >> (8 if register > _FIFO_LENGTH_0 else 0) & 0xFF
        if register == _INT_STATUS_1:
            level = self.level
            return (0x80 if level else 0) | (2 if level >= self._mark() else 0) | (1 if level > self.DEPTH - 2 else 0)
        if register == _TEMPERATURE:
            return int(self.temperature_c - 23) & 0xFF
        return self.registers[register]

    def _set(self, register, value):
        registers = self.registers
        now_us = self._clock.ticks_us()
        if self._slow and self._clock.ticks_diff(now_us, self._written_us) < _PAUSE_US:
            self.early_writes += 1
        self._written_us, self._slow = now_us, registers[_PWR_CONF] & 1 and not registers[_PWR_CTRL] & 4
        if register == _CMD:
            if value == 0xB0:
                self._flush()
            elif value == 0xB6:
                self._measure(0)
                self._flush()
                self.reset()
            return
        if register < _ACC_CONF:
            return  # read only
        streams = self._depth() > 1
        registers[register] = value
        if register in (_FIFO_CONFIG_1, _PWR_CTRL) and (streams or self._depth() > 1):
            self._flush()  # "Automatic resets": header mode, a sensor enabled or disabled in headerless mode
        if register in (_ACC_CONF, _PWR_CTRL):
            code = registers[_ACC_CONF] & 0x0F
            self._measure(0)
            if registers[_PWR_CTRL] & 4 and 1 <= code <= 12:
                self._measure(12800000 >> 15 - code)
        if register in (_ACC_RANGE, _ACC_SELF_TEST):
            self._format()

    def _flush(self):
        self.lost += self.level
        self._empty()
        self._port_at = 6

    def _after(self, register):
        return register if register == _FIFO_DATA else (register + 1) % self.REGISTERS

    def _address(self, first):
        self._again()
        self._register = first & 0x7F

    def _spi_address(self, command):
        self._again()
        self._register = command & 0x7F

    def _again(self):
        """A frame that was read in part comes again from its beginning."""
        if self._port_at < 6:
            self._port_at = 0

    def transfer(self, tx, rx):
        if self._spi:
            RegisterChip.transfer(self, tx, rx)
        else:
            for i in range(len(rx)):
                rx[i] = 0

    def deselect(self):
        self._spi = True
