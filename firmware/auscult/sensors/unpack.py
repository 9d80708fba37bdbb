# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a FIFO to int16 x, y, z, little endian, in place, for drivers whose chip packs otherwise; and the
axes that a pipeline uses.

Where the port has MicroPython's viper emitter, unpack_viper.py does the same in machine code.
"""


def untag(data, n):
    """n words of a tag byte and six data bytes."""
    to, end = 0, 7 * n
    for at in range(0, end, 7):
        data[to] = data[at + 1]
        data[to + 1] = data[at + 2]
        data[to + 2] = data[at + 3]
        data[to + 3] = data[at + 4]
        data[to + 4] = data[at + 5]
        data[to + 5] = data[at + 6]
        to += 6


def swap(data, n):
    """n samples of big-endian words."""
    for at in range(0, 6 * n, 2):
        first = data[at]
        data[at] = data[at + 1]
        data[at + 1] = first


def swap_four(data, n):
    """n samples of four big-endian words: the first three are kept."""
    to = 0
    for at in range(0, 8 * n, 8):
        for axis in range(0, 6, 2):
            first = data[at + axis]
            data[to] = data[at + axis + 1]
            data[to + 1] = first
            to += 2


def shorten(data, n):
    """n samples of three big-endian bytes an axis: the upper two are kept."""
    to = 0
    for at in range(0, 9 * n, 3):
        high = data[at]
        data[to] = data[at + 1]
        data[to + 1] = high
        to += 2


def pick(data, n, words, columns, out):
    """Of n samples of `words` words those that begin at the bytes `columns`, into out."""
    to = 0
    for at in range(0, 2 * words * n, 2 * words):
        for column in columns:
            out[to] = data[at + column]
            out[to + 1] = data[at + column + 1]
            to += 2


try:
    from auscult.sensors.unpack_viper import pick, shorten, swap, swap_four, untag  # noqa: F401, F811
except (ImportError, SyntaxError, ValueError):  # no such emitter, or a .mpy for another architecture
    pass
