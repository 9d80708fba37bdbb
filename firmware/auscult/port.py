# SPDX-License-Identifier: Apache-2.0
"""What differs between the Pythons: `const`, and the wrapping millisecond and microsecond clocks.

Everything that needs time takes a `clock`: by default this module, in tests a `virtual.clock.VirtualClock`.
Ticks wrap: at 2**30 on every 32-bit MicroPython board and on CPython, so that host tests meet the wrap too; at 2**29 on
CircuitPython.
"""

import sys

MICROPYTHON = sys.implementation.name == "micropython"
CIRCUITPYTHON = sys.implementation.name == "circuitpython"

if MICROPYTHON:
    from time import sleep_ms, sleep_us, ticks_add, ticks_diff, ticks_ms, ticks_us

    import micropython
    from micropython import const

    def hold_ctrl_c(hold):
        """Whether Ctrl-C is kept from interrupting: for what has to be done to its end however often it is pressed."""
        while hasattr(micropython, "kbd_intr"):
            try:
                micropython.kbd_intr(-1 if hold else 3)
                for _ in range(4):  # one that was pressed just before is raised here, not in what must not be interrupted
                    pass
                return
            except KeyboardInterrupt:
                if not hold:
                    raise

else:
    from time import monotonic_ns, sleep

    # CircuitPython's millisecond clock wraps there, and adafruit_ticks and its asyncio with it.
    _WRAP = 1 << 29 if CIRCUITPYTHON else 1 << 30

    def ticks_us():
        return monotonic_ns() // 1000 % _WRAP

    def ticks_add(ticks, delta):
        return (ticks + delta) % _WRAP

    def ticks_diff(later, earlier):
        return (later - earlier + _WRAP // 2) % _WRAP - _WRAP // 2

    def sleep_ms(ms):
        sleep(ms / 1000)

    def hold_ctrl_c(hold):
        """Only MicroPython can."""

    if CIRCUITPYTHON:
        from microcontroller import delay_us as sleep_us  # sleep() knows whole milliseconds
        from micropython import const
        from supervisor import ticks_ms  # monotonic_ns() makes long integers on the heap
    else:

        def const(value):
            return value

        def ticks_ms():
            return monotonic_ns() // 1000000 % _WRAP

        def sleep_us(us):
            sleep(us / 1000000)
