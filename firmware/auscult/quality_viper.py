# SPDX-License-Identifier: Apache-2.0
"""scan() of quality.py in machine code, made on the board by MicroPython's viper emitter."""
import micropython


@micropython.viper
def scan(data, n: int, words: int, state) -> int:
    p = ptr16(data)
    s = ptr32(state)
    stuck = s[0]
    saturated = s[1]
    top = s[2]
    bottom = s[3]
    high = s[4]
    low = s[5]
    flags = 0
    at = 0
    end = n * words
    last = 6 + 2 * words
    i = 6
    while at < end:
        word = p[at] ^ 0x8000
        run = 1
        if word == s[i]:
            run = s[i + 1]
            if run < 0x3FFFFFFE:
                run += 1
        else:
            s[i] = word
        s[i + 1] = run
        if run >= stuck:
            flags |= 2
        if run >= saturated:
            if word >= top:
                flags |= 4
            if word <= bottom:
                flags |= 4
        if word > high:
            flags |= 8
        if word < low:
            flags |= 8
        at += 1
        i += 2
        if i == last:
            i = 6
    return flags
