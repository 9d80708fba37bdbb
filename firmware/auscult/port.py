# SPDX-License-Identifier: Apache-2.0
"""What differs between MicroPython and CPython: `const`, and the wrapping microsecond clock.

Everything that needs time takes a `clock`: by default this module, in tests a `virtual.clock.VirtualClock`.
On both, ticks wrap at 2**30 as on every 32-bit MicroPython board, so host tests meet the wrap too.
"""

try:
    from time import sleep_ms, sleep_us, ticks_add, ticks_diff, ticks_ms, ticks_us

    from micropython import const
except ImportError:  # CPython
    from time import monotonic_ns, sleep

    _WRAP = 1 << 30

    def const(value):
        return value

    def ticks_us():
        return monotonic_ns() // 1000 % _WRAP

    def ticks_ms():
        return monotonic_ns() // 1000000 % _WRAP

    def ticks_add(ticks, delta):
        return (ticks + delta) % _WRAP

    def ticks_diff(later, earlier):
        return (later - earlier + _WRAP // 2) % _WRAP - _WRAP // 2

    def sleep_us(us):
        sleep(us / 1000000)

    def sleep_ms(ms):
        sleep(ms / 1000)
