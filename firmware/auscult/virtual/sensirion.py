# SPDX-License-Identifier: Apache-2.0
"""What the virtual SHT3x and SHT4x share: answers of words with checksums, no answer while they measure.

They acknowledge nothing while a measurement runs, nor a read when there is nothing to read (SHT3x-DIS, Version 5, section
"Readout of Measurement Results for Single Shot Mode"; SHT4x, Version 6, section "I2C Communication")."""

from auscult.virtual.slow import _ENODEV, SlowChip


def crc8(first, second):
    """x^8 + x^5 + x^4 + 1, initially 0xFF, most significant bit first. 0xBEEF gives 0x92 (SHT3x-DIS, "Checksum Calculation")."""
    crc = 0xFF
    for bit in range(15, -1, -1):
        feedback = (crc >> 7) ^ ((first << 8 | second) >> bit & 1)
        crc = (crc << 1 & 0xFF) ^ (0x31 if feedback else 0)
    return crc


class Sensirion(SlowChip):
    QUANTITIES = ("temperature_c", "humidity_percent")
    START_UP_US = 1000

    def reset(self):
        self._answer = bytearray(6)
        self._length = 0  # of the answer that waits
        self._stretch = False  # holds the clock line low while it measures

    def _put(self, *words):
        for i, word in enumerate(words):
            high, low = word >> 8, word & 0xFF
            self._answer[3 * i], self._answer[3 * i + 1], self._answer[3 * i + 2] = high, low, crc8(high, low)
        self._length = 3 * len(words)

    def _measure(self, us, humidity_offset, humidity_span):
        """T = -45 + 175 S / 65535; humidity = offset + span S / 65535."""
        self._put(_word((self.now("temperature_c") + 45) / 175),
                  _word((self.now("humidity_percent") - humidity_offset) / humidity_span))
        self.conversion.start(us)

    def _acknowledge(self):
        SlowChip._acknowledge(self)
        if self.conversion.left_us():
            if not self._stretch:
                raise OSError(_ENODEV)
            self._clock.sleep_us(self.conversion.left_us())

    def _read(self, buf, at):
        if not self._length:
            raise OSError(_ENODEV)
        for i in range(len(buf)):
            buf[i] = self._answer[i] if i < self._length else 0xFF
        self._length = 0


def _word(share):
    return max(0, min(65535, round(share * 65535)))
