# SPDX-License-Identifier: Apache-2.0
"""CircuitPython's busio and digitalio (on Linux Blinka's) with the methods of MicroPython's machine that bus.py calls.

busio is shared between libraries: whoever uses it holds its lock. Here, as in Adafruit's bus device, from the first
to the last byte of one transaction, so other drivers can use the same bus between two of ours.
"""

from auscult import port

_EBUSY = 16
_PATIENCE_MS = 1000


def _lock(bus):
    if bus.try_lock():
        return
    began_ms = port.ticks_ms()
    while not bus.try_lock():
        port.sleep_ms(0)  # lets other threads on, where there are any
        if port.ticks_diff(port.ticks_ms(), began_ms) > _PATIENCE_MS:
            raise OSError(_EBUSY, "another part of the program keeps it locked")


class I2C:
    """machine.I2C over a busio.I2C."""

    def __init__(self, i2c):
        self._i2c = i2c
        self._register = bytearray(1)
        self._message = bytearray(8)

    def __repr__(self):
        return "I2C(busio)"

    def readfrom_mem_into(self, address, register, buf):
        self._register[0] = register
        _lock(self._i2c)
        try:
            self._i2c.writeto_then_readfrom(address, self._register, buf)  # a repeated start in between, no stop
        finally:
            self._i2c.unlock()

    def writeto_mem(self, address, register, buf):
        n = 1 + len(buf)
        if n > len(self._message):
            self._message = bytearray(n)
        message = self._message
        message[0] = register
        for i in range(1, n):
            message[i] = buf[i - 1]
        _lock(self._i2c)
        try:
            self._i2c.writeto(address, message, end=n)
        finally:
            self._i2c.unlock()

    def writeto(self, address, buf):
        _lock(self._i2c)
        try:
            self._i2c.writeto(address, buf)
        finally:
            self._i2c.unlock()

    def readfrom_into(self, address, buf):
        _lock(self._i2c)
        try:
            self._i2c.readfrom_into(address, buf)
        finally:
            self._i2c.unlock()

    def scan(self):
        _lock(self._i2c)
        try:
            return self._i2c.scan()
        finally:
            self._i2c.unlock()


class SPI:
    """machine.SPI over a busio.SPI. Chip select takes the lock and gives it back (see ChipSelect)."""

    def __init__(self, spi, baudrate, mode):
        self._spi, self._baudrate, self._mode = spi, baudrate, mode
        self._held = False
        self.write, self.readinto = spi.write, spi.readinto

    def __repr__(self):
        return "SPI(busio)"

    def begin(self):
        """Takes the lock. Other drivers may have left other settings, so ours are made each time."""
        _lock(self._spi)
        self._held = True
        self._spi.configure(baudrate=self._baudrate, polarity=self._mode >> 1, phase=self._mode & 1)

    def end(self):
        if self._held:
            self._held = False
            self._spi.unlock()


class ChipSelect:
    """A machine.Pin, called with its level, over a digitalio.DigitalInOut: a transaction lasts while it is low."""

    def __init__(self, pin, bus):
        """bus: the SPI above."""
        self._pin, self._bus = pin, bus
        pin.switch_to_output(value=True)

    def __repr__(self):
        return "DigitalInOut"

    def __call__(self, level):
        if not level:
            self._bus.begin()
        self._pin.value = level
        if level:
            self._bus.end()
