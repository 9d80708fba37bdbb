# SPDX-License-Identifier: Apache-2.0
"""A virtual LIS3DH after ST's data sheet DocID17530 Rev 2: what a driver for acceleration streams can see.

Included: device id, output data rates, ranges, resolutions, bypass, FIFO and stream modes, FIFO source register, status,
address auto-increment with roll-back inside the FIFO, watermark on INT1, temperature on ADC 3, self-test, the
high-pass filtered inertial interrupt 1. Not included: the free ADC inputs, clicks, interrupt 2, 4D and 6D,
stream-to-FIFO mode.
"""

from auscult.port import const
from auscult.virtual.registers import RegisterChip

_OUT_ADC3_L = const(0x0C)
_WHO_AM_I = const(0x0F)
_TEMP_CFG_REG = const(0x1F)
_CTRL_REG1 = const(0x20)
_CTRL_REG2 = const(0x21)
_CTRL_REG3 = const(0x22)
_CTRL_REG4 = const(0x23)
_CTRL_REG5 = const(0x24)
_STATUS_REG = const(0x27)
_OUT_X_L = const(0x28)
_OUT_Z_H = const(0x2D)
_FIFO_CTRL_REG = const(0x2E)
_FIFO_SRC_REG = const(0x2F)
_INT1_CFG = const(0x30)
_INT1_SRC = const(0x31)
_INT1_THS = const(0x32)

_RATES_MHZ = (0, 1000, 10000, 25000, 50000, 100000, 200000, 400000, 1600000, 1344000)
_MG_PER_12_BITS = (1, 2, 4, 12)
_TYPICAL_TEST_MG = 600  # table 4 gives limits only: 68 to 1440


class LIS3DH(RegisterChip):
    ID = _WHO_AM_I
    DATA = 0x28
    DEPTH = 32
    START_US = 1600  # table 10, normal mode. In high resolution the first 7 samples have not settled, which is not shown
    SPI_MODES = (0, 3)  # section 6.2 shows 3; 0 has the same edges, and drivers in the field use it

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

    def _full_scale_um(self):
        return 2048 * _MG_PER_12_BITS[self.registers[_CTRL_REG4] >> 4 & 3] * 9806650 // 1000

    def _format(self):
        """12, 10 or 8 bits, always left justified (section 3.2.1); table 4 gives the sensitivities."""
        control = self.registers[_CTRL_REG4]
        bits = 8 if self._low_power() else 12 if control & 0x08 else 10
        self.recording.suit(self._full_scale_um(), bits, self.gain_ppm)
        word = _TYPICAL_TEST_MG * 9807 // (self._full_scale_um() // 32768)
        test = control & 0x06  # section 8.11: 01 is self-test 0, 10 self-test 1, the other way
        self.recording.offset = (word, word, word) if test == 2 else (-word, -word, -word) if test == 4 else None

    def _streaming(self):
        return self.registers[_CTRL_REG5] & 0x40 and self.registers[_FIFO_CTRL_REG] & 0xC0

    def _depth(self):
        return self.DEPTH if self._streaming() else 1

    def _stops(self):
        return self.registers[_FIFO_CTRL_REG] & 0xC0 == 0x40

    def _watermark(self):
        """Rises when more than FTH samples wait (section 5.1.3)."""
        return (self.registers[_FIFO_CTRL_REG] & 0x1F) + 1 if self.registers[_CTRL_REG3] & 0x04 else 0

    def _get(self, register):
        level = self.level
        if register == _FIFO_SRC_REG:
            mark = 0x80 if level > self.registers[_FIFO_CTRL_REG] & 0x1F else 0
            return mark | (0x40 if self.full else 0) | (0 if level else 0x20) | min(level, 31)
        if register == _STATUS_REG:
            return (0xF0 if self.full else 0) | (0x0F if level else 0)
        if register == _OUT_ADC3_L + 1 and self.registers[_TEMP_CFG_REG] & 0xC0 == 0xC0:
            return int(self.temperature_c - 25) & 0xFF
        if register == _INT1_SRC:
            moved = self.motion
            self.motion = False
            return 0x6A if moved else 0
        return self.registers[register]

    def _set(self, register, value):
        if register < 0x1E or register in (_STATUS_REG, _FIFO_SRC_REG, _INT1_SRC) or 0x27 < register < 0x2E:
            return  # reserved or read only
        self.registers[register] = value
        if register == _CTRL_REG1:
            self._measure(0)
            rate_mhz = _RATES_MHZ[min(value >> 4, 9)]
            rate_mhz = 5376000 if rate_mhz == 1344000 and value & 8 else rate_mhz
            self._measure(rate_mhz)
        if not self._streaming():
            if register == _FIFO_CTRL_REG:
                self._empty()
            while self.level > 1:
                self.level -= 1
                self.recording.skip()
            self.full = False
        if register == _CTRL_REG1 or register == _CTRL_REG4:
            self._format()
        if register == _INT1_CFG:
            # 16 mg a digit at 2 g, on the high-pass filtered axes
            threshold = self.registers[_INT1_THS] * 156906 // (self._full_scale_um() // 32768)
            self._watch(threshold if value & 0x2A and self.registers[_CTRL_REG2] & 1 else 0)

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
