# SPDX-License-Identifier: Apache-2.0
"""A virtual MCP9808 after Microchip's data sheet DS25095A: continuous conversion and shutdown, resolutions, limits with
their three flags. Not included: the alert pin, lock bits.

The data sheet gives typical conversion times only; this specimen takes a tenth longer."""

from auscult.virtual.slow import WordChip

_CONVERSION_US = (33000, 71500, 143000, 275000)  # "Temperature Sensor DC Characteristics", typical times, and a tenth more: ours


class MCP9808(WordChip):
    def reset(self):
        WordChip.reset(self)
        self.registers[0x06], self.registers[0x07] = 0x0054, 0x0400
        self.registers[0x08] = 3
        self._sixteenths = 0
        self._next = None
        self._convert()

    def _convert(self):
        coarse = 3 - self.registers[0x08]
        steps = int(self.now("temperature_c") * 16 // (1 << coarse)) << coarse
        self._next = max(-4096, min(4095, steps))
        self.conversion.start(_CONVERSION_US[self.registers[0x08]])

    def _finish(self):
        """It measures on and on; the newest result is in the register."""
        if self._next is not None and not self.conversion.left_us():
            self._sixteenths = self._next
            if self.conversion.elapsed_ms() * 1000 >= 2 * _CONVERSION_US[self.registers[0x08]]:
                self._convert()
                self._sixteenths = self._next

    def _get(self, register):
        if register == 0x05:
            self._finish()
            return self._ambient()
        if register == 0x08:
            return self.registers[0x08] << 8 | 0xFF
        return WordChip._get(self, register)

    def _ambient(self):
        now = self._sixteenths
        word = now & 0x1FFF
        if now >= self._limit(0x04):
            word |= 0x8000
        if now > self._limit(0x02):
            word |= 0x4000
        if now < self._limit(0x03):
            word |= 0x2000
        return word

    def _limit(self, register):
        """Sixteenths of a degree in a limit register."""
        value = self.registers.get(register, 0) & 0x1FFF
        return value - 0x2000 if value & 0x1000 else value

    def _set(self, register, value):
        if register in (0x05, 0x06, 0x07, 0x08):
            return  # read only, or of one byte
        before = self.registers.get(register, 0)
        self.registers[register] = value
        if register == 0x01 and (before ^ value) & 0x0100:
            if value & 0x0100:
                self._finish()
                self._next = None
            else:
                self._convert()

    def _set_byte(self, register, value):
        if register == 0x08:
            self.registers[register] = value & 3
            if self._next is not None:
                self._convert()
