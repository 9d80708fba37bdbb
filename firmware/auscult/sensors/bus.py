# SPDX-License-Identifier: Apache-2.0
"""Register access over I2C or SPI, without heap allocation. A driver uses either without knowing which.

Both take MicroPython's `machine` objects, or CircuitPython's and Blinka's `busio` (see `circuitpython.py`).
"""

_TIMED_OUT = (110, 116, 16)  # ETIMEDOUT on most ports, on some; EBUSY
_NOTHING = bytearray(0)


class SensorError(OSError):
    """The chip does not answer, or not as it should; the text says what to check."""

    def __str__(self):
        return self.args[-1]


def _where(peripheral, kind):
    """'I2C(1)' from the peripheral's own text 'I2C(1, freq=400000)'."""
    text = repr(peripheral)
    return text.split(",")[0].rstrip(")") + ")" if text.startswith(kind) else kind


class _Bus:
    chip = "chip"  # for error texts

    def __init__(self):
        self._one, self._pair = bytearray(1), bytearray(2)

    def fit(self, driver):
        """Takes from a driver what its chip is called and how it frames transfers (see `Accelerometer`)."""
        self.chip = driver.NAME

    def check_id(self, register, expected):
        """expected: the ids that are right. SensorError if another one answers; returns the id."""
        found = self.read(register)
        if found in expected:
            return found
        text = "no %s %s: device id is 0x%02X, expected %s: " % (
            self.chip, self.where, found, " or ".join(["0x%02X" % one for one in expected]))
        if found in (0x00, 0xFF):
            raise SensorError(text + "nobody drives the line: check wiring, power and " + self.SILENT)
        raise SensorError(text + self._other(found, expected))

    def _other(self, found, expected):
        return "another chip answers: check the chip's name, wiring and " + self.ADVICE

    def error(self, what):
        """The SensorError for a chip that is there but does not do as it should."""
        return SensorError("%s %s: %s: check wiring, power and %s" % (self.chip, self.where, what, self.ADVICE))

    def _lost(self, error):
        if error.args and error.args[0] in _TIMED_OUT:
            return SensorError("no %s %s: the bus is stuck: check for a line held low, or cut the chip's power (%s)"
                               % (self.chip, self.where, error))
        return SensorError("no %s %s: check wiring, power and %s (%s)" % (self.chip, self.where, self.ADVICE, error))

    def nonsense(self):
        """The error for an answer that the chip cannot have given."""
        return self.error("impossible FIFO level")

    def silence(self, ms):
        """The error for a chip that answers but gives no samples."""
        return self.error("no samples for %d ms" % ms)


class I2CBus(_Bus):
    """i2c: a machine.I2C or busio.I2C; addr: the chip's 7-bit address."""

    ADVICE = "address pins"
    SILENT = "pull-ups on SCL and SDA (2.2 to 10 kOhm)"

    def __init__(self, i2c, addr):
        _Bus.__init__(self)
        if not hasattr(i2c, "readfrom_mem_into"):
            from auscult.sensors.circuitpython import I2C

            i2c = I2C(i2c)
        self._i2c, self._addr = i2c, addr
        self._readfrom = i2c.readfrom_mem_into  # looking a method up makes an object on the heap
        self.where = "at 0x%02X on %s" % (addr, _where(i2c, "I2C"))
        self._increment = 0

    def fit(self, driver):
        if not driver.ADDRESSES:
            raise ValueError("%s has no I2C that would do: connect it by SPI and give its driver an SPIBus" % driver.NAME)
        _Bus.fit(self, driver)
        self._increment = driver.I2C_INCREMENT

    def check_id(self, register, expected):
        try:
            return _Bus.check_id(self, register, expected)
        except SensorError as error:
            others = self._scan()
            if others and self._addr not in others:
                raise SensorError("%s; there is somebody at %s"
                                  % (error, ", ".join(["0x%02X" % other for other in others])))
            raise

    def _scan(self):
        try:
            return self._i2c.scan()
        except (OSError, AttributeError):
            return []

    def read(self, register):
        """One register's value."""
        one = self._one
        try:
            self._readfrom(self._addr, register, one)
        except OSError as error:
            raise self._lost(error)
        return one[0]

    def read_into(self, register, buf):
        """Fills buf from consecutive registers."""
        try:
            self._readfrom(self._addr, register | self._increment, buf)
        except OSError as error:
            raise self._lost(error)

    def read_each_into(self, register, views, n, sleep_us):
        """Fills views[0] to views[n - 1], each by a read of its own that begins at the same register. Between reads
        sleep_us() gives the chip the time that its driver asks for in SPI_GAP_US."""
        read, addr = self._readfrom, self._addr
        register |= self._increment
        try:
            for i in range(n):
                read(addr, register, views[i])
        except OSError as error:
            raise self._lost(error)

    def write(self, register, value):
        self._one[0] = value
        self.write_from(register, self._one)

    def write_from(self, register, buf):
        """Writes buf to consecutive registers."""
        try:
            self._i2c.writeto_mem(self._addr, register, buf)
        except OSError as error:
            raise self._lost(error)

    def send(self, buf):
        """Writes to a chip that has commands instead of registers."""
        try:
            self._i2c.writeto(self._addr, buf)
        except OSError as error:
            raise self._lost(error)

    def receive_into(self, buf):
        """Fills buf from a chip that has no registers."""
        try:
            self._i2c.readfrom_into(self._addr, buf)
        except OSError as error:
            raise self._lost(error)


class SPIBus(_Bus):
    """spi: a machine.SPI in a mode that the chip knows (its driver's SPI_MODES); cs: the chip-select machine.Pin
    (active low), which is set high here. Or busio.SPI and digitalio.DigitalInOut: then with baudrate and mode."""

    ADVICE = "chip-select pin"
    SILENT = "the chip-select and MISO pins"

    def __init__(self, spi, cs, baudrate=5000000, mode=3):
        _Bus.__init__(self)
        if hasattr(spi, "try_lock"):
            from auscult.sensors.circuitpython import SPI, ChipSelect

            spi = SPI(spi, baudrate, mode)
            cs = ChipSelect(cs, spi)
        self._spi, self._cs = spi, cs
        self._write, self._readinto = spi.write, spi.readinto  # looking a method up makes an object on the heap
        self._modes = (mode,)
        self._gap_us = 0
        self.where = "on %s, chip select %r" % (_where(spi, "SPI"), cs)
        self._frame(0x80, 0x00, 0, 0)
        cs(1)

    def fit(self, driver):
        if not driver.SPI_HZ:
            raise ValueError("%s has no SPI: connect it by I2C and give its driver an I2CBus" % driver.NAME)
        _Bus.fit(self, driver)
        self._modes = driver.SPI_MODES
        self._gap_us = driver.SPI_GAP_US
        self._frame(driver.SPI_READ, driver.SPI_MULTIPLE, driver.SPI_SHIFT, driver.SPI_DUMMY)

    def _frame(self, read, multiple, shift, dummy):
        self._read, self._multiple, self._shift = read, multiple, shift
        self._command = bytearray(1 + dummy)

    def _other(self, found, expected):
        for one in expected:
            if found & 0x7F == one >> 1 or found & 0xFE == one << 1 & 0xFF:
                return "that is the right one shifted by a bit: check the SPI mode, %s needs mode %s" % (
                    self.chip, " or ".join(["%d (polarity=%d, phase=%d)" % (m, m >> 1, m & 1) for m in self._modes]))
        return _Bus._other(self, found, expected)

    def read(self, register):
        """One register's value."""
        one = self._one
        self._fetch(register << self._shift | self._read, one)
        return one[0]

    def read_into(self, register, buf):
        """Fills buf from consecutive registers."""
        self._fetch(register << self._shift | self._read | self._multiple, buf)

    def _fetch(self, first, buf):
        command, cs = self._command, self._cs
        command[0] = first
        try:
            cs(0)
            self._write(command)
            self._readinto(buf)
        except OSError as error:
            raise self._lost(error)
        finally:
            cs(1)

    def read_each_into(self, register, views, n, sleep_us):
        """As I2CBus.read_each_into."""
        command, cs, gap_us = self._command, self._cs, self._gap_us
        write, readinto = self._write, self._readinto
        command[0] = register << self._shift | self._read | self._multiple
        try:
            for i in range(n):
                cs(0)
                write(command)
                readinto(views[i])
                cs(1)
                if gap_us:
                    sleep_us(gap_us)
        except OSError as error:
            raise self._lost(error)
        finally:
            cs(1)

    def write(self, register, value):
        self._pair[0], self._pair[1] = register << self._shift, value
        self._send(self._pair, _NOTHING)

    def write_from(self, register, buf):
        """Writes buf to consecutive registers."""
        self._one[0] = register << self._shift | self._multiple
        self._send(self._one, buf)

    def _send(self, first, then):
        try:
            self._cs(0)
            self._spi.write(first)
            if len(then):
                self._spi.write(then)
        except OSError as error:
            raise self._lost(error)
        finally:
            self._cs(1)
