# SPDX-License-Identifier: Apache-2.0
"""What all slow sensors share: temperature, humidity, pressure, voltages; one value every now and then.

    sensor = driver("sht3x")(I2CBus(i2c, 0x44))    # checks that the chip is there
    sensor.configure("medium")                     # how precise; left out: the usual setting
    values = sensor.values()                       # array('i'), one entry for each of sensor.CHANNELS; made once
    sensor.start()                                 # begins one measurement
    ...                                            # for sensor.measure_ms do something else
    sensor.read_into(values)                       # thousandths of the unit: 21500 is 21.5 °C
    sensor.stop()

Each measurement is read once: a value that is old can't pass for a new one. read_into() allocates nothing;
`measure()` does all of it, waits, and returns floats. After a SensorError the next start() begins anew.
"""

from array import array

from auscult import port
from auscult.sensors.bus import SensorError, SPIBus

_PROBE = -0x3FFFFFFF  # the largest numbers that take no heap on a 32-bit board have 30 bits and a sign


class SlowSensor:
    """Base of the drivers. A driver says in class attributes what its chip can do, and defines `check`, `_configure`,
    `_start` and `_read_into`."""

    NAME = ""
    ADDRESSES = ()  # on I2C; the first is the usual one
    CHANNELS = ()  # what is measured, each with its unit
    PRECISIONS = ()  # what configure() takes, coarsest first
    USUAL = None  # the one of them that is set at first
    # For each of PRECISIONS the longest time that a measurement takes by the data sheet, in ms, rounded up, and 1 ms
    # more, because a clock that counts whole milliseconds may be ahead by almost one.
    MEASURE_MS = ()
    # Framing of transfers; see `Accelerometer`. A chip without SPI_MODES has no SPI.
    I2C_HZ = 400000
    I2C_INCREMENT = 0
    SPI_HZ = 0
    SPI_MODES = ()
    SPI_READ = 0x80
    SPI_MULTIPLE = 0
    SPI_SHIFT = 0
    SPI_DUMMY = 0
    SPI_GAP_US = 0

    def __init__(self, bus, clock=port):
        self._clock = clock
        self._begun = False
        self._began_ms = 0
        self._fitting = self  # the buffer that was found to fit last; nobody passes this one
        self._one, self._word, self._message = bytearray(1), bytearray(2), bytearray(3)
        self._attach(bus)
        self.check()
        self.configure()

    def configure(self, precision=None):
        """Sets how precisely is measured, which takes longer the more precise it is: `measure_ms`. ValueError says what
        the chip can do."""
        if precision is None:
            precision = self.USUAL
        if precision not in self.PRECISIONS:
            raise ValueError("%s has no precision %r; it has %s" % (
                self.NAME, precision, ", ".join([str(one) for one in self.PRECISIONS])))
        at = self.PRECISIONS.index(precision)
        self.precision, self.measure_ms = precision, self.MEASURE_MS[at]
        self._begun = False
        self._configure(at)

    def start(self):
        """Begins one measurement; it is ready after measure_ms."""
        self._begun = False
        self._start()
        self._began_ms = self._clock.ticks_ms()
        self._begun = True

    def read_into(self, values):
        """Fetches the measurement into array('i'): thousandths of the unit, in the order of CHANNELS."""
        if values is not self._fitting:
            self._fit(values)
        if not self._begun:
            raise ValueError("%s has nothing to read: call start() for each measurement" % self.NAME)
        waited = self._clock.ticks_diff(self._clock.ticks_ms(), self._began_ms)
        if 0 <= waited < self.measure_ms:
            raise ValueError("%s was read %d ms after start(); it measures for %d ms (measure_ms)"
                             % (self.NAME, waited, self.measure_ms))
        self._begun = False
        self._read_into(values)

    def stop(self):
        """Gives up a measurement that was begun, and goes to the lowest power."""
        self._begun = False
        self._stop()

    def values(self):
        """A buffer for read_into()."""
        return array("i", [0] * len(self.CHANNELS))

    def measure(self):
        """One measurement from start to end, as a dict of floats by channel."""
        self.start()
        self._clock.sleep_ms(self.measure_ms)
        values = self.values()
        self.read_into(values)
        return {name: value / 1000 for name, value in zip(self.CHANNELS, values)}

    def _fit(self, values):
        if not isinstance(values, array):
            raise TypeError("read_into() takes an array('i'), found %s: make one with sensor.values()"
                            % type(values).__name__)
        if len(values) < len(self.CHANNELS):
            raise ValueError("the array has %d entries; %s needs %d (%s): make one with sensor.values()"
                             % (len(values), self.NAME, len(self.CHANNELS), ", ".join(self.CHANNELS)))
        before = values[0]
        try:
            values[0] = _PROBE
            fits = values[0] == _PROBE
        except (OverflowError, TypeError, ValueError):
            fits = False
        values[0] = before
        if not fits:
            raise TypeError("the array's numbers are too small or not integers: read_into() takes an array('i'), as "
                            "sensor.values() makes it")
        self._fitting = values

    # --- what a driver defines

    def _attach(self, bus):
        if not hasattr(bus, "fit"):
            raise TypeError("%s takes an I2CBus%s, found %s" % (
                self.NAME, " or SPIBus" if self.SPI_MODES else "", type(bus).__name__))
        if isinstance(bus, SPIBus) and not self.SPI_MODES:
            raise ValueError("%s has no SPI: give it an I2CBus" % self.NAME)
        bus.fit(self)
        self._bus = bus

    def check(self):
        """Raises SensorError unless this chip answers."""

    def _configure(self, at):
        """at: position of the precision in PRECISIONS."""

    def _start(self):
        pass

    def _read_into(self, values):
        pass

    def _stop(self):
        pass

    # --- registers of 16 bits, the high byte first

    def _read_word(self, register):
        word = self._word
        self._bus.read_into(register, word)
        return word[0] << 8 | word[1]

    def _write_word(self, register, value):
        message = self._message  # one message: MicroPython's writeto_mem would take heap for joining two
        message[0], message[1], message[2] = register, value >> 8, value & 0xFF
        self._bus.send(message)

    def _check_word(self, register, expected, mask=0xFFFF):
        """SensorError unless the id register holds what it should."""
        found = self._read_word(register)
        if found & mask == expected:
            return
        text = "no %s %s: device id is 0x%04X, expected 0x%04X: " % (self.NAME, self._bus.where, found, expected)
        if found in (0x0000, 0xFFFF):
            raise SensorError(text + "nobody drives the line: check wiring, power and " + self._bus.SILENT)
        raise SensorError(text + "another chip answers: check the chip's name, wiring and " + self._bus.ADVICE)
