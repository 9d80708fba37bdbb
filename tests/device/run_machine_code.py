# SPDX-License-Identifier: Apache-2.0
# For CPython, MicroPython and boards: results of the functions that exist in Python and as viper code, on many inputs.
import sys
from array import array

from auscult import quality
from auscult.sensors import unpack

seed = 1


def numbers(n, top):
    global seed
    out = []
    for _ in range(n):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        out.append((seed >> 8) % top)
    return out


def mix(total, values):
    for value in values:
        total = (total * 31 + value) & 0xFFFFFF
    return total


total = 0
for words in (1, 2, 3):
    for values in (65536, 4):  # few values: long runs
        limits = [5, 2, 65530, 6, 60000, 3000] if values == 65536 else [4, 2, 32770, 32767, 32769, 32768]
        state = array("i", limits + [0] * 2 * words)
        for n in (1, 7, 16, 32, 64, 3):
            data = array("H", numbers(n * words, values))
            if values == 4:  # around the middle of the scale as scan() sees it
                data = array("H", [(32766 + value) ^ 0x8000 for value in data])
            total = mix(total, [quality.scan(memoryview(data) if sys.implementation.name == "micropython" else data.tobytes(),
                                             n, words, state)])
            total = mix(total, state)
print("scan", total)
for name, width in (("untag", 7), ("swap", 6), ("shorten", 9)):
    for n in (1, 2, 31, 32, 96):
        data = bytearray(numbers(width * n, 256))
        getattr(unpack, name)(data, n)
        total = mix(total, data[: 6 * n])
print("unpack", total)
for columns in (b"\x00", b"\x04", b"\x02\x00", b"\x04\x02\x00"):
    for n in (1, 16, 33):
        data, out = bytearray(numbers(6 * n, 256)), bytearray(2 * len(columns) * n)
        unpack.pick(data, n, 3, columns, out)
        total = mix(total, out)
print("pick", total)
print(" ".join(sorted(name for name in sys.modules if name.endswith("_viper"))))
