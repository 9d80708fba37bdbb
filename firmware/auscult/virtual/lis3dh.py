# SPDX-License-Identifier: Apache-2.0
"""A virtual LIS3DH after ST's data sheet DocID17530 Rev 2: what a driver for acceleration streams can see.

Included: device id, output data rates, ranges, resolutions, bypass and stream modes, FIFO source register, address
auto-increment with roll-back inside the FIFO, watermark on INT1. Not included: the ADC and temperature, high-pass
filter, clicks, inertial interrupts, self-test, FIFO and stream-to-FIFO modes.
"""

from auscult.port import const
from auscult.virtual.chip import Chip

_WHO_AM_I = const(0x0F)
_CTRL_REG1 = const(0x20)
_CTRL_REG3 = const(0x22)
_CTRL_REG4 = const(0x23)
_CTRL_REG5 = const(0x24)
_OUT_X_L = const(0x28)
_OUT_Z_H = const(0x2D)
_FIFO_CTRL_REG = const(0x2E)
_FIFO_SRC_REG = const(0x2F)

_RATES_MHZ = (0, 1000, 10000, 25000, 50000, 100000, 200000, 400000, 1600000, 1344000)
_MG_PER_12_BITS = (1, 2, 4, 12)


class LIS3DH(Chip):
    DATA = 0x28
    DEPTH = 32

    def reset(self):
        registers = self.registers
        for i in range(self.REGISTERS):
            registers[i] = 0
        registers[_WHO_AM_I] = 0x33
        registers[_CTRL_REG1] = 0x07
        self._increment = True
        self._format()

    def _low_power(self):
        return self.registers[_CTRL_REG1] & 0x08

    def _format(self):
        """12, 10 or 8 bits, always left justified (section 3.2.1); table 4 gives the sensitivities."""
        control = self.registers[_CTRL_REG4]
        bits = 8 if self._low_power() else 12 if control & 0x08 else 10
        full_scale_um = 2048 * _MG_PER_12_BITS[control >> 4 & 3] * 9806650 // 1000
        recording = self.recording
        if recording.full_scale_um:
            recording.scale(recording.full_scale_um * (1000000 + self.gain_ppm) << bits,
                            full_scale_um * 1000000 << 16, bits, 16 - bits, 0xFFFF)

    def _streaming(self):
        return self.registers[_CTRL_REG5] & 0x40 and self.registers[_FIFO_CTRL_REG] & 0xC0

    def _depth(self):
        return self.DEPTH if self._streaming() else 1

    def _watermark(self):
        """Rises when more than FTH samples wait (section 5.1.3)."""
        return (self.registers[_FIFO_CTRL_REG] & 0x1F) + 1 if self.registers[_CTRL_REG3] & 0x04 else 0

    def _get(self, register):
        if register == _FIFO_SRC_REG:
            level = self.level
            mark = 0x80 if level > self.registers[_FIFO_CTRL_REG] & 0x1F else 0
            return mark | (0x40 if self.full else 0) | (0 if level else 0x20) | min(level, 31)
        return self.registers[register]

    def _set(self, register, value):
        if register < 0x1E or register == _FIFO_SRC_REG or 0x26 < register < 0x2E:
            return  # reserved or read only
        self.registers[register] = value
        if register == _CTRL_REG1:
            self._measure(0)
            rate_mhz = _RATES_MHZ[min(value >> 4, 9)]
            self._measure(5376000 if rate_mhz == 1344000 and value & 8 else rate_mhz)
        if not self._streaming():
            while self.level > 1:
                self.level -= 1
                self.recording.skip()
            if register == _FIFO_CTRL_REG:
                while self.level:
                    self.level -= 1
                    self.recording.skip()
            self.full = False
        if register == _CTRL_REG1 or register == _CTRL_REG4:
            self._format()

    def _address(self, first):
        self._increment = first & 0x80
        self._register = first & 0x3F

    def _spi_address(self, command):
        self._increment = command & 0x40
        self._register = command & 0x3F

    def _rolls(self):
        return self._increment and self._streaming()

    def _after(self, register):
        if not self._increment:
            return register
        if register == _OUT_Z_H and self._streaming():
            return _OUT_X_L
        return (register + 1) % self.REGISTERS
