# SPDX-License-Identifier: Apache-2.0
"""What a virtual chip measures: int16 words x, y, z interleaved, little endian, read from a stream as needed."""


class Recording:
    """stream: has readinto() and seek(). full_scale_um: acceleration of the word 32768 in µm/s², None if the words
    are already exactly what the chip puts into its registers, which then copies them (quicker).
    noise_um: standard deviation of the chip's own noise in µm/s² (needs full_scale_um), the same in every run; beyond
    1/2000 of full scale it costs the heap.
    offset: (x, y, z) in words as the chip shows them, added by a self-test; None: nothing."""

    def __init__(self, stream, full_scale_um=None, samples=None, noise_um=0):
        self._stream = stream
        self.full_scale_um, self.noise_um = full_scale_um, noise_um
        self.samples = stream.seek(0, 2) // 6 if samples is None else samples
        stream.seek(0)
        self.left = self.samples
        self.offset = None
        self._chunk = bytearray(6 * 32)
        self._at = self._end = 0
        self._gain, self._shift, self._half = 1, 0, 0
        self._top, self._justify, self._mask = 32767, 0, 0xFFFF
        self._noise, self._seed = 0, 1

    def scale(self, numerator, denominator, bits, justify, mask):
        """Sets the conversion: counts = word * numerator / denominator rounded, saturated to `bits` bits, shifted up
        by `justify`, and-ed with mask. Exact integers, so that PC and board agree; products fit 31 bits."""
        shift = 0
        while shift < 24 and (numerator << shift + 1) // denominator < 1 << 15:
            shift += 1
        self._gain = min((numerator << shift) // denominator, (1 << 15) - 1)
        self._shift, self._half = shift, (1 << shift) >> 1
        self._top, self._justify, self._mask = (1 << bits - 1) - 1, justify, mask
        # Four uniform numbers of ±2**15 have a standard deviation of 2**16 / sqrt(3); in input words, times 2**16.
        self._noise = self.noise_um * 32768 * 1000 // (self.full_scale_um * 577 // 1000 or 1) * 256 // 1000

    def suit(self, full_scale_um, bits, gain_ppm=0, justify=None, mask=0xFFFF):
        """The usual conversion: to a chip whose word 32768 is full_scale_um, with `bits` bits, left justified."""
        if self.full_scale_um:
            self.scale(self.full_scale_um * (1000000 + gain_ppm) << bits, full_scale_um * 1000000 << 16, bits,
                       16 - bits if justify is None else justify, mask)

    def _refill(self):
        self._at, self._end = 0, self._stream.readinto(self._chunk) or 0

    def skip(self):
        """Passes over one sample that the chip lost."""
        if self._at >= self._end:
            self._refill()
        self._at += 6

    def burst_into(self, buf, n):
        """Fills buf with the next n samples."""
        if self.full_scale_um is None and self.offset is None and self._at >= self._end:
            self._stream.readinto(buf)
        else:
            for at in range(0, 6 * n, 6):
                self.next_into(buf, at)

    def _random(self):
        """Sum of four uniform numbers of 16 bits around 0."""
        total, seed = 0, self._seed
        for _ in range(4):
            seed = (seed * 25173 + 13849) & 0xFFFF
            total += seed - 0x8000
        self._seed = seed
        return total

    def next_into(self, buf, at):
        """Puts the next sample into buf[at:at + 6] as the chip would show it."""
        if self._at >= self._end:
            self._refill()
        chunk, i = self._chunk, self._at
        self._at = i + 6
        if self.full_scale_um is None and self.offset is None:
            for k in range(6):
                buf[at + k] = chunk[i + k]
            return
        gain, half = self._gain, self._half  # four at once would make a tuple on the heap
        shift, top = self._shift, self._top
        for axis in range(3):
            word = chunk[i] | chunk[i + 1] << 8
            i += 2
            if word & 0x8000:
                word -= 0x10000
            if self._noise:
                word += self._random() * self._noise >> 24
            if self.full_scale_um is None:
                word += self.offset[axis]
            else:
                word = (word * gain + half) >> shift
                if self.offset is not None:
                    word += self.offset[axis] >> self._justify
            if word > top:
                word = top
            elif word < ~top:
                word = ~top
            word = word << self._justify & self._mask
            buf[at] = word & 0xFF
            buf[at + 1] = word >> 8 & 0xFF
            at += 2
