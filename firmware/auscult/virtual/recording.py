# SPDX-License-Identifier: Apache-2.0
"""What a virtual chip measures: int16 words x, y, z interleaved, little endian, read from a stream as needed."""


class Recording:
    """stream: has readinto() and seek(). full_scale_um: acceleration of the word 32768 in µm/s², None if the words
    are already exactly what the chip puts into its registers, which then copies them (quicker)."""

    def __init__(self, stream, full_scale_um=None, samples=None):
        self._stream = stream
        self.full_scale_um = full_scale_um
        self.samples = stream.seek(0, 2) // 6 if samples is None else samples
        stream.seek(0)
        self.left = self.samples
        self._chunk, self._one = bytearray(6 * 32), bytearray(6)
        self._at = self._end = 0
        self._gain, self._shift, self._half = 1, 0, 0
        self._top, self._justify, self._mask = 32767, 0, 0xFFFF

    def scale(self, numerator, denominator, bits, justify, mask):
        """Sets the conversion: counts = word * numerator / denominator rounded, saturated to `bits` bits, shifted up
        by `justify`, and-ed with mask. Exact integers, so that PC and board agree; products fit 31 bits."""
        shift = 0
        while shift < 24 and (numerator << shift + 1) // denominator < 1 << 15:
            shift += 1
        self._gain = min((numerator << shift) // denominator, (1 << 15) - 1)
        self._shift, self._half = shift, (1 << shift) >> 1
        self._top, self._justify, self._mask = (1 << bits - 1) - 1, justify, mask

    def _refill(self):
        self._at, self._end = 0, self._stream.readinto(self._chunk) or 0

    def skip(self):
        """Passes over one sample that the chip lost."""
        if self.full_scale_um is None:
            self._stream.readinto(self._one)
            return
        if self._at >= self._end:
            self._refill()
        self._at += 6

    def burst_into(self, buf, n):
        """Fills buf with the next n samples."""
        if self.full_scale_um is None:
            self._stream.readinto(buf)
        else:
            for at in range(0, 6 * n, 6):
                self.next_into(buf, at)

    def next_into(self, buf, at):
        """Puts the next sample into buf[at:at + 6] as the chip would show it."""
        if self.full_scale_um is None:
            one = self._one
            self._stream.readinto(one)
            for i in range(6):
                buf[at + i] = one[i]
            return
        if self._at >= self._end:
            self._refill()
        chunk, i = self._chunk, self._at
        self._at = i + 6
        gain, half = self._gain, self._half  # four at once would make a tuple on the heap
        shift, top = self._shift, self._top
        for k in range(at, at + 6, 2):
            word = chunk[i] | chunk[i + 1] << 8
            i += 2
            if word & 0x8000:
                word -= 0x10000
            word = (word * gain + half) >> shift
            if word > top:
                word = top
            elif word < ~top:
                word = ~top
            word = word << self._justify & self._mask
            buf[k] = word & 0xFF
            buf[k + 1] = word >> 8 & 0xFF
