# SPDX-License-Identifier: Apache-2.0
"""Sensor drivers, one small file per chip, all with the same FIFO interface.

    sensor = driver("adxl345")(bus)            # checks that the chip is there
    sensor.configure(rate_hz, range_g, watermark)
    sensor.start()
    n = sensor.read_fifo_into(block)           # n samples in block.data; int16 x, y, z interleaved, little endian

`full_scale_um`: acceleration of the word 32768, in µm/s² (integer, so that PC and board compute the same);
`overruns`: reads that found the FIFO full, so that samples may be missing before the ones just read;
`block`: a Block of `sensor.DEPTH` samples, made once; reading allocates nothing.
A new chip is one file here and one virtual chip in `auscult/virtual/`.
"""

CHIPS = {"adxl345": "ADXL345", "lis3dh": "LIS3DH"}


class Block:
    """Room for one FIFO's samples. Slices would allocate, so the ones that are needed are made here:
    `first[n]` covers the first n samples, `each[i]` covers sample i."""

    def __init__(self, depth, sample_bytes=6):
        self.data = bytearray(depth * sample_bytes)
        view = memoryview(self.data)
        self.first = [view[: sample_bytes * n] for n in range(depth + 1)]
        self.each = [view[sample_bytes * i : sample_bytes * (i + 1)] for i in range(depth)]


def driver(name):
    """The driver class of a chip by its name in the node configuration."""
    if name not in CHIPS:
        raise ValueError("no driver for chip %r; known chips: %s" % (name, ", ".join(sorted(CHIPS))))
    module = __import__("auscult.sensors." + name, None, None, (CHIPS[name],))
    return getattr(module, CHIPS[name])
