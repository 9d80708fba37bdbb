# SPDX-License-Identifier: Apache-2.0
"""The functions of unpack.py in machine code, made on the board by MicroPython's viper emitter."""
import micropython


@micropython.viper
def untag(data, n: int):
    p = ptr8(data)
    at = 1
    to = 0
    end = 7 * n
    while at < end:
        p[to] = p[at]
        p[to + 1] = p[at + 1]
        p[to + 2] = p[at + 2]
        p[to + 3] = p[at + 3]
        p[to + 4] = p[at + 4]
        p[to + 5] = p[at + 5]
        at += 7
        to += 6


@micropython.viper
def swap(data, n: int):
    p = ptr8(data)
    at = 0
    end = 6 * n
    while at < end:
        first = p[at]
        p[at] = p[at + 1]
        p[at + 1] = first
        at += 2


@micropython.viper
def swap_four(data, n: int):
    p = ptr8(data)
    at = 0
    to = 0
    end = 8 * n
    while at < end:
        first = p[at]
        p[to] = p[at + 1]
        p[to + 1] = first
        first = p[at + 2]
        p[to + 2] = p[at + 3]
        p[to + 3] = first
        first = p[at + 4]
        p[to + 4] = p[at + 5]
        p[to + 5] = first
        at += 8
        to += 6


@micropython.viper
def shorten(data, n: int):
    p = ptr8(data)
    at = 0
    to = 0
    end = 9 * n
    while at < end:
        high = p[at]
        p[to] = p[at + 1]
        p[to + 1] = high
        at += 3
        to += 2


@micropython.viper
def pick(data, n: int, words: int, columns, out):
    p = ptr8(data)
    c = ptr8(columns)
    q = ptr8(out)
    count = int(len(columns))
    at = 0
    to = 0
    end = 2 * words * n
    while at < end:
        i = 0
        while i < count:
            q[to] = p[at + c[i]]
            q[to + 1] = p[at + c[i] + 1]
            to += 2
            i += 1
        at += 2 * words
