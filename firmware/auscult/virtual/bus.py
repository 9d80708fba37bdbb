# SPDX-License-Identifier: Apache-2.0
"""machine.I2C, machine.SPI and machine.Pin for virtual chips where there is no simulated board: the unix port and
CPython. Only what the drivers use; no allocation per transfer."""

_ENODEV = 19


class I2C:
    """i2c.devices[address] = chip"""

    def __init__(self, bus_id=0):
        self.id = bus_id
        self.devices = {}
        self._register, self._pair = bytearray(1), bytearray(2)

    def __repr__(self):
        return "I2C(%d, virtual)" % self.id

    def _device(self, address):
        if address not in self.devices:
            raise OSError(_ENODEV)
        return self.devices[address]

    def scan(self):
        return sorted(self.devices)

    def readfrom_mem_into(self, address, register, buf):
        chip = self._device(address)
        self._register[0] = register
        chip.write(self._register)
        chip.readinto(buf)

    def writeto(self, address, buf):
        self._device(address).write(buf)

    def readfrom_into(self, address, buf):
        self._device(address).readinto(buf)

    def writeto_mem(self, address, register, buf):
        chip = self._device(address)
        if len(buf) == 1:
            self._pair[0], self._pair[1] = register, buf[0]
            chip.write(self._pair)
        else:
            chip.write(bytes([register]) + buf)


class Pin:
    """A chip-select output (chip=...) or an interrupt input whose level the chip drives."""

    IRQ_RISING, IRQ_FALLING = 1, 2

    def __init__(self, number=0, spi=None, chip=None):
        self._number, self._spi, self._chip = number, spi, chip
        self._level, self._handler = 0, None

    def __repr__(self):
        return "Pin(%s)" % self._number

    def __call__(self, level=None):
        if level is None:
            return self._level
        if self._chip is not None and level != self._level:
            self._spi.selected = None if level else self._chip
            if level:
                self._chip.deselect()
            else:
                self._chip.select()
        self._level = level

    value = __call__

    def irq(self, handler=None, trigger=IRQ_RISING):
        self._handler = handler

    def drive(self, level):
        rose = level and not self._level
        self._level = level
        if rose and self._handler is not None:
            self._handler(self)


class SPI:
    """Full duplex to the chip whose chip-select pin is low; nobody there reads as 0xFF. In a mode that the chip does
    not know every bit comes one clock late."""

    def __init__(self, bus_id=0, polarity=1, phase=1):
        self.id, self.mode = bus_id, polarity << 1 | phase
        self.selected = None
        self._scratch = {n: bytearray(n) for n in (1, 2)}

    def __repr__(self):
        return "SPI(%d, virtual)" % self.id

    def write(self, buf):
        if self.selected is not None:
            self.selected.transfer(buf, self._scratch.get(len(buf)) or bytearray(len(buf)))

    def readinto(self, buf, write=0):
        if self.selected is None:
            for i in range(len(buf)):
                buf[i] = 0xFF
            return
        for i in range(len(buf)):
            buf[i] = write
        self.selected.transfer(buf, buf)
        if self.mode not in self.selected.SPI_MODES:
            late = 0
            for i in range(len(buf)):
                late, buf[i] = buf[i] << 7 & 0x80, late | buf[i] >> 1
