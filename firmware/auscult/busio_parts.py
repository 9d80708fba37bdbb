# SPDX-License-Identifier: Apache-2.0
"""The node's peripherals on CircuitPython and, through Blinka, on Linux: from board, busio and digitalio."""

import json

from auscult import port
from auscult.config import ConfigError
from auscult.sensors import driver
from auscult.sensors.bus import I2CBus, SPIBus


def make_bus(sensor):
    """The bus of the configuration's `sensor` section."""
    return _i2c_bus(sensor) if sensor["bus"] == "i2c" else _spi_bus(sensor)


def _i2c_bus(sensor):
    import busio

    pins = _pins(sensor, ("scl", "sda"), "I2C")
    # Linux sets the clock by itself (on a Raspberry Pi dtparam=i2c_arm_baudrate); Blinka warns when it is asked to.
    more = {"frequency": sensor["freq_hz"] or 400000} if port.CIRCUITPYTHON else {}
    return I2CBus(_made(sensor, "id", busio.I2C, *pins, **more), sensor["address"])


def _spi_bus(sensor):
    import busio
    import digitalio

    chip = driver(sensor["chip"])
    spi = _made(sensor, "id", busio.SPI, *_pins(sensor, ("sck", "mosi", "miso"), "SPI"))
    cs = _made(sensor, "cs", digitalio.DigitalInOut, _pin(sensor, "cs"))
    return SPIBus(spi, cs, sensor["freq_hz"] or min(5000000, chip.SPI_HZ), chip.SPI_MODES[-1])


def make_interrupt(sensor):
    """The line from the chip's INT1."""
    import digitalio

    return Line(_made(sensor, "int_pin", digitalio.DigitalInOut, _pin(sensor, "int_pin")))


class Line:
    """A machine.Pin over a digitalio.DigitalInOut. There are no interrupts: whoever wants to know asks for its level,
    which is quicker than to ask the chip."""

    IRQ_RISING = 1
    POLLED = True

    def __init__(self, pin):
        pin.switch_to_input()
        self._pin = pin

    def irq(self, handler=None, trigger=None):
        pass

    def value(self):
        return self._pin.value


def _made(sensor, key, kind, *args, **more):
    """kind(*args, **more); ConfigError names the key that asked for it."""
    try:
        return kind(*args, **more)
    except (ValueError, RuntimeError, OSError, AttributeError) as error:
        raise _error(sensor, key, str(error).split("\n")[0])


def _error(sensor, key, text):
    return ConfigError("sensor.%s is %s: %s" % (key, json.dumps(sensor[key]), text))


def _pin(sensor, key):
    """The pin that the key names: D5, or 5 for the same."""
    import board

    name = sensor[key]
    pin = getattr(board, name if isinstance(name, str) else "D%d" % name, None)
    if pin is None:
        pins = [one for one in dir(board) if one[0] in "ADGIMRSTP" and not callable(getattr(board, one) or len)]
        raise _error(sensor, key, "there is no such pin on this board; it has %s" % (", ".join(pins) or "none"))
    return pin


def _pins(sensor, keys, kind):
    """The bus's pins as the configuration names them; or those of bus `id` where the system numbers them (Linux); or those
    that the board has marked for it."""
    import board

    if all(sensor[key] is not None for key in keys):
        return [_pin(sensor, key) for key in keys]
    named = [key for key in keys if sensor[key] is not None]
    if named:
        raise _error(sensor, named[0], "name all of %s, or none" % ", ".join(keys))
    ports = _numbered(kind)
    for number, *pins in ports:
        if number == sensor["id"] or number == (sensor["id"], 0):  # on SPI some boards give (bus, chip select)
            return pins
    if ports:
        raise _error(sensor, "id", "there is no such %s on this board; it has %s"
                     % (kind, ", ".join([str(entry[0]) for entry in ports])))
    marked = [getattr(board, name, None) for name in (("SCL", "SDA") if kind == "I2C" else ("SCK", "MOSI", "MISO"))]
    if None in marked:
        raise _error(sensor, "id", "there is no %s on this board" % kind)
    return marked


def _numbered(kind):
    try:
        from microcontroller import pin
    except ImportError:
        return ()
    return getattr(pin, "i2cPorts" if kind == "I2C" else "spiPorts", ())
