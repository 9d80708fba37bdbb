# SPDX-License-Identifier: Apache-2.0
"""Register access over I2C or SPI, without heap allocation. A driver uses either without knowing which.

`BURST` is or-ed to the register address of reads of more than one byte; on SPI bit 7 means read and bit 6
"multiple bytes", for Analog Devices' ADXL345 (Rev. G, "SPI", figure 38) and ST's LIS3DH (section 6.2) alike.
"""


class SensorError(OSError):
    """The chip does not answer, or not as it should; the text says what to check."""

    def __str__(self):
        return self.args[-1]


def _where(peripheral, kind):
    """'I2C(1)' from the peripheral's own text 'I2C(1, freq=400000)'."""
    text = repr(peripheral)
    return text.split(",")[0].rstrip(")") + ")" if text.startswith(kind) else kind


class _Bus:
    chip = "chip"  # set by the driver, for error texts

    def read(self, register):
        """One register's value."""
        self.read_into(register, self._one)
        return self._one[0]

    def check_id(self, chip, register, expected):
        """Names the chip in later errors; raises SensorError if another one answers."""
        self.chip = chip
        found = self.read(register)
        if found != expected:
            raise SensorError("no %s %s: device id is 0x%02X, expected 0x%02X: check the chip's name, wiring and %s"
                              % (chip, self.where, found, expected, self.ADVICE))

    def _lost(self, error):
        return SensorError("no %s %s: check wiring, power and %s (%s)" % (self.chip, self.where, self.ADVICE, error))

    def nonsense(self):
        """The error for an answer that the chip cannot have given."""
        return self._lost("impossible FIFO level")

    def silence(self, ms):
        """The error for a chip that answers but gives no samples."""
        return self._lost("no samples for %d ms" % ms)


class I2CBus(_Bus):
    """i2c: a machine.I2C; addr: the chip's 7-bit address."""

    ADVICE = "address pins"
    gap_us = 0  # at 400 kHz addressing alone takes longer than any chip needs between reads

    def __init__(self, i2c, addr):
        self._i2c, self._addr = i2c, addr
        self._one = bytearray(1)
        self.burst = 0
        self.where = "at 0x%02X on %s" % (addr, _where(i2c, "I2C"))

    def read_into(self, register, buf):
        """Fills buf from consecutive registers."""
        try:
            self._i2c.readfrom_mem_into(self._addr, register | self.burst if len(buf) > 1 else register, buf)
        except OSError as error:
            raise self._lost(error)

    def write(self, register, value):
        self._one[0] = value
        try:
            self._i2c.writeto_mem(self._addr, register, self._one)
        except OSError as error:
            raise self._lost(error)


class SPIBus(_Bus):
    """spi: a machine.SPI in mode 3; cs: the chip-select machine.Pin (active low), which is set high here."""

    ADVICE = "chip-select pin"
    gap_us = 5  # for chips that need time between reads; see the ADXL345 driver

    def __init__(self, spi, cs):
        self._spi, self._cs = spi, cs
        self._one, self._command, self._pair = bytearray(1), bytearray(1), bytearray(2)
        self.burst = 0xC0
        self.where = "on %s, chip select %r" % (_where(spi, "SPI"), cs)
        cs(1)

    def read_into(self, register, buf):
        """Fills buf from consecutive registers."""
        self._command[0] = register | (self.burst if len(buf) > 1 else 0x80)
        self._cs(0)
        try:
            self._spi.write(self._command)
            self._spi.readinto(buf)
        except OSError as error:
            raise self._lost(error)
        finally:
            self._cs(1)

    def write(self, register, value):
        self._pair[0], self._pair[1] = register, value
        self._cs(0)
        try:
            self._spi.write(self._pair)
        except OSError as error:
            raise self._lost(error)
        finally:
            self._cs(1)
