# SPDX-License-Identifier: Apache-2.0
"""A clock that only tests and sleeps advance, with the functions of `auscult.port`."""

_WRAP = 1 << 30  # as on 32-bit MicroPython boards, so that tests meet the wrap on any machine


class VirtualClock:
    """Microseconds since it was made; wakes virtual chips whose `alarm` time has come, in order of time."""

    def __init__(self, start_us=0):
        self.now = start_us
        self._chips = []

    def ticks_us(self):
        return self.now % _WRAP

    def ticks_ms(self):
        return self.now // 1000 % _WRAP

    def ticks_add(self, ticks, delta):
        return (ticks + delta) % _WRAP

    def ticks_diff(self, later, earlier):
        return (later - earlier + _WRAP // 2) % _WRAP - _WRAP // 2

    def watch(self, chip):
        """From now on calls chip.tick() at the times that the chip asks for in `chip.alarm_us` (-1: none)."""
        self._chips.append(chip)

    def sleep_us(self, us):
        end = self.now + us
        while True:
            first, due = None, end
            for chip in self._chips:
                if chip.alarm_us >= 0:
                    at = self.now + max(0, self.ticks_diff(chip.alarm_us, self.ticks_us()))
                    if at <= due and (first is None or at < due):
                        first, due = chip, at
            if first is None:
                break
            self.now = due
            first.alarm_us = -1
            first.tick()
        self.now = end

    def sleep_ms(self, ms):
        self.sleep_us(ms * 1000)
