# SPDX-License-Identifier: Apache-2.0
"""A virtual analog input: what simboard.attach_adc() takes, and in itself like machine.ADC and analogio.AnalogIn."""

from auscult import port


class Analog:
    """fraction: of full scale, 0 to 1, a number or a function of the seconds since it was made; bits: of the converter,
    spread over 16 as MicroPython does; noise: width in steps of 1/65535. Faults: present = False: an open input, which
    drifts anywhere; stuck = True: shorted to ground."""

    def __init__(self, clock=port, fraction=0.5, bits=12, noise=0):
        self._clock, self.fraction, self.bits, self.noise = clock, fraction, bits, noise
        self.present, self.stuck = True, False
        self._born_ms = clock.ticks_ms()
        self._random = 1

    def __repr__(self):
        return "Analog(virtual)"

    @property
    def fraction(self):
        return self._fraction

    @fraction.setter
    def fraction(self, value):
        self._fraction = value
        self._word = 0 if callable(value) else _word(value)  # made here: reading takes nothing from the heap

    def read_u16(self):
        self._random = (self._random * 1021 + 1) & 0xFFFF
        if self.stuck:
            return 0
        if not self.present:
            return self._random
        word = self._word
        if callable(self._fraction):
            clock = self._clock
            word = _word(self._fraction(clock.ticks_diff(clock.ticks_ms(), self._born_ms) / 1000))
        word += (self._random * self.noise >> 16) - self.noise // 2
        word = max(0, min(65535, word)) >> 16 - self.bits
        return word << 16 - self.bits | word >> 2 * self.bits - 16

    @property
    def value(self):
        return self.read_u16()


def _word(fraction):
    return round(fraction * 65535)
