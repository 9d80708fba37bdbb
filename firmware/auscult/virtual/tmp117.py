# SPDX-License-Identifier: Apache-2.0
"""A virtual TMP117 after Texas Instruments' data sheet SNOSD82D: one-shot, shutdown and continuous conversion, averaging,
conversion cycle, data ready, offset, soft reset. Not included: alerts, EEPROM."""

from auscult.virtual.slow import WordChip

_CYCLE_US = (15500, 125000, 250000, 500000, 1000000, 4000000, 8000000, 16000000)  # CONV: section 7.6
_AVERAGES = (1, 8, 32, 64)
_CONVERSION_US = 17500  # at most: section 6.5


class TMP117(WordChip):
    START_UP_US = 1500  # section 7.3.1; a soft reset takes 2 ms

    def reset(self):
        WordChip.reset(self)
        self._next = None  # what a conversion that is under way will give
        self.registers[0x00] = 0x8000  # -256 °C until the first conversion
        self.registers[0x02], self.registers[0x03] = 0x6000, 0x8000
        self.registers[0x0F] = 0x0117
        self._configure(0x0220)

    def _configure(self, value):
        self.registers[0x01] = value & 0x0FFC
        mode = value >> 10 & 3
        self._next = None
        if mode != 1:
            self._convert(_CONVERSION_US * _AVERAGES[value >> 5 & 3])

    def _convert(self, us):
        celsius = self.now("temperature_c")
        self._next = max(-32768, min(32767, round(celsius * 128))) & 0xFFFF
        self.conversion.start(us)

    def _finish(self):
        """Results that have become ready since."""
        registers = self.registers
        while self._next is not None and not self.conversion.left_us():
            offset = registers.get(0x07, 0)
            registers[0x00] = self._next + offset & 0xFFFF
            self._next = None
            config = registers[0x01] | 0x2000  # data ready
            if config & 0x0C00 == 0x0C00:
                config &= ~0x0800  # one shot done: shutdown
            elif config & 0x0C00 != 0x0400:
                average = _AVERAGES[config >> 5 & 3] * _CONVERSION_US
                self._convert(max(average, _CYCLE_US[config >> 7 & 7]))
            registers[0x01] = config

    def _get(self, register):
        self._finish()
        value = WordChip._get(self, register)
        if register in (0x00, 0x01):
            self.registers[0x01] &= ~0x2000
        return value

    def _set(self, register, value):
        if register == 0x01:
            if value & 2:
                self.brown_out()
            else:
                self._configure(value)
        elif register not in (0x00, 0x0F):
            self.registers[register] = value
