# SPDX-License-Identifier: Apache-2.0
"""An analog input: 0-10 V, 4-20 mA over a resistor, a thermistor's amplifier. For slow signals only.

    sensor = Analog(machine.ADC(26), channel="current_ma", at_zero=0, at_full=22, valid=(3.6, 21))

Takes MicroPython's machine.ADC (read_u16()) or CircuitPython's analogio.AnalogIn (value).

At most 10 measurements a second, and start() refuses more. A reading is taken when Python comes to it: a garbage
collection, or the features of a window, come first, and nothing says that it was late. At 10 Hz a delay of some
milliseconds is a small part of the interval. Nothing keeps faster vibration out of the readings either; it would come
back as a slow one. Vibration needs a chip with a FIFO and a filter of its own.
"""

from auscult import port
from auscult.port import const
from auscult.sensors.bus import SensorError
from auscult.sensors.slow import SlowSensor

MAX_RATE_HZ = 10
_INTERVAL_MS = 100
_EARLY_MS = const(5)  # by so much a timer may be early
_LIMIT = (1 << 29) - 1


class _Value:
    """CircuitPython's AnalogIn with the method of machine.ADC."""

    def __init__(self, analog_in):
        self._analog_in = analog_in

    def read_u16(self):
        return self._analog_in.value


class Analog(SlowSensor):
    """channel: name and unit of what is measured; at_zero and at_full: its value when the input is at 0 and at full
    scale; valid: (least, most) of values that the transmitter can give: SensorError outside of it, as with a broken
    wire in a 4-20 mA loop. Without, an open input can't be told from a signal."""

    NAME = "analog"
    PRECISIONS = (1, 4, 16, 64, 256)  # readings, one after the other, of which the mean is taken
    USUAL = 16
    MEASURE_MS = (0, 0, 0, 0, 0)  # read_into() converts

    def __init__(self, adc, clock=port, channel="fraction", at_zero=0, at_full=1, valid=None):
        self.CHANNELS = (channel,)
        self._zero, full = _thousandths("at_zero", at_zero), _thousandths("at_full", at_full)
        if full == self._zero:
            raise ValueError("at_zero and at_full are both %s: the scale has no slope" % at_zero)
        self._span = full - self._zero
        self._valid = None if valid is None else (_thousandths("valid", valid[0]), _thousandths("valid", valid[1]))
        self._last_ms, self._started = 0, False
        SlowSensor.__init__(self, adc, clock)

    def _attach(self, adc):
        if hasattr(adc, "read_u16"):
            self._adc = adc
        elif hasattr(adc, "value") and not callable(adc.value):  # a Pin has it too
            self._adc = _Value(adc)
        else:
            raise TypeError("analog takes a machine.ADC or analogio.AnalogIn, found %s" % type(adc).__name__)

    def _configure(self, at):
        self._full = 65535 * self.precision

    def _start(self):
        now_ms = self._clock.ticks_ms()
        since = self._clock.ticks_diff(now_ms, self._last_ms)
        if self._started and 0 <= since < _INTERVAL_MS - _EARLY_MS:
            raise ValueError("analog is measured again after %d ms; at least %d ms must lie between (%d Hz at most): "
                             "for faster signals take a chip with a FIFO" % (since, _INTERVAL_MS, MAX_RATE_HZ))
        self._last_ms, self._started = now_ms, True

    def _read_into(self, values):
        adc, total = self._adc, 0
        for _ in range(self.precision):
            total += adc.read_u16()
        value = self._zero + _share(total, self._span, self._full)
        valid = self._valid
        if valid is not None and not valid[0] <= value <= valid[1]:
            raise SensorError("analog %r: %s is %d thousandths, which must be %d to %d: check wiring and the "
                              "transmitter's supply" % (self._adc, self.CHANNELS[0], value, valid[0], valid[1]))
        values[0] = value


def _thousandths(name, value):
    value = round(value * 1000)
    if not -_LIMIT <= value <= _LIMIT:
        raise ValueError("%s is %d thousandths, ±%d fit: choose a larger unit" % (name, value, _LIMIT))
    return value


def _share(part, value, whole):
    """part * value / whole, rounded, for 0 <= part <= whole < 2^25, in numbers of at most 30 bits: a division by hand, with
    four bits of `part` in each step."""
    times, rest = value // whole, value % whole
    quotient = remainder = 0
    for shift in (20, 16, 12, 8, 4, 0):
        remainder = (remainder << 4) + (part >> shift & 15) * rest
        quotient = (quotient << 4) + remainder // whole
        remainder %= whole
    return part * times + quotient + (2 * remainder >= whole)
