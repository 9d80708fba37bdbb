# SPDX-License-Identifier: Apache-2.0
"""What the virtual slow sensors share: quantities, time, faults. The bus protocol is that of `virtual.chip`.

A quantity (`temperature_c`, `humidity_percent`, `pressure_pa`) is a number or a function of the seconds since the chip
was made. It is sampled when a conversion begins, so that reading takes nothing from the heap.

Faults: present = False: unplugged; nack = n: the next n transfers are not acknowledged; stuck = True: somebody holds
the bus low; flip = (byte, mask): that byte of every answer is changed; brown_out(): the power fails for a moment.
"""

from auscult import port

_ENODEV = 19
_ETIMEDOUT = 110


class Timer:
    """Something that takes its time."""

    def __init__(self, clock):
        self._clock = clock
        self.running = False

    def start(self, us):
        clock = self._clock
        self._end_us, self._most_ms = clock.ticks_add(clock.ticks_us(), us), us // 1000 + 2
        self._began_ms = clock.ticks_ms()
        self.running = True

    def elapsed_ms(self):
        return self._clock.ticks_diff(self._clock.ticks_ms(), self._began_ms)

    def left_us(self):
        """0 when it is over. Microseconds wrap after 18 minutes, so milliseconds tell whether it was long ago."""
        if not self.running:
            return 0
        clock = self._clock
        left = clock.ticks_diff(self._end_us, clock.ticks_us())
        if left > 0 and self.elapsed_ms() <= self._most_ms:
            return left
        self.running = False
        return 0


class SlowChip:
    QUANTITIES = ("temperature_c",)
    START_UP_US = 0

    def __init__(self, clock=port, **quantities):
        self._clock = clock
        self.temperature_c, self.humidity_percent, self.pressure_pa = 21.5, 45.0, 101325.0
        for name in quantities:
            if name not in self.QUANTITIES:
                raise TypeError("%s has no %s" % (type(self).__name__, name))
            setattr(self, name, quantities[name])
        self.present, self.nack, self.stuck, self.flip = True, 0, False, None
        self._born_ms = clock.ticks_ms()
        self.conversion, self.start_up = Timer(clock), Timer(clock)
        self.reset()

    def now(self, quantity):
        """Its value now."""
        value = getattr(self, quantity)
        if callable(value):
            clock = self._clock
            value = value(clock.ticks_diff(clock.ticks_ms(), self._born_ms) / 1000)
        return value

    def reset(self):
        """Power-on values."""

    def brown_out(self):
        """The power fails and is back; what was under way is lost."""
        self.conversion.running = False
        self.reset()
        self.start_up.start(self.START_UP_US)

    # --- I2C

    def _acknowledge(self):
        if self.stuck:
            raise OSError(_ETIMEDOUT)
        if not self.present or self.start_up.left_us():
            raise OSError(_ENODEV)
        if self.nack:
            self.nack -= 1
            raise OSError(_ENODEV)

    def write(self, buf):
        self._acknowledge()
        if len(buf):
            self._write(buf)

    def readinto(self, buf):
        self._acknowledge()
        self._read(buf, 0)
        self._spoil(buf, 0)

    def _spoil(self, buf, at):
        if self.flip is not None:
            byte, mask = self.flip
            if at + byte < len(buf):
                buf[at + byte] ^= mask

    # --- what a chip defines

    def _write(self, buf):
        """A message of one byte or more."""

    def _read(self, buf, at):
        """Fills buf from `at` on."""


class WordChip(SlowChip):
    """16-bit registers, the high byte first, and a pointer that stays where it is."""

    def reset(self):
        self.registers = {}
        self._pointer = 0

    def _write(self, buf):
        self._pointer = buf[0]
        if len(buf) >= 3:
            self._set(buf[0], buf[1] << 8 | buf[2])
        elif len(buf) == 2:
            self._set_byte(buf[0], buf[1])

    def _read(self, buf, at):
        word = self._get(self._pointer)
        for i in range(len(buf)):
            buf[i] = 0xFF if i > 1 else word & 0xFF if i else word >> 8

    def _get(self, register):
        return self.registers.get(register, 0)

    def _set(self, register, value):
        self.registers[register] = value

    def _set_byte(self, register, value):
        """A write of only one byte."""
