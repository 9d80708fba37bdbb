# SPDX-License-Identifier: Apache-2.0
"""The node's configuration: one JSON file, checked against one table. It is only ever read here, never written."""

import json

from auscult.pipeline import located
from auscult.sensors import CHIPS, driver

PATH = "/auscult.json"
SLOW_CHIPS = ("bme280", "mcp9808", "sht3x", "sht4x", "tmp117")  # slow sensors that a node can have

# section (or ""), key, kind, what is allowed, default. None as a default: may be left out or null.
#   choice: one of a tuple    int, number: (lowest, highest)    text: (longest,)    pin: number or name
#   classes: {class name: {"k": .., "k_off": ..}}
TABLE = (
    ("", "name", "text", (32,), "auscult"),
    ("", "pipeline", "text", (120,), "/pipeline.mpy"),  # a .mpy file, here or /there, a module in the firmware, or an extra.json
    ("", "watchdog_s", "int", (0, 300), 0),  # 0: none, as while developing
    ("", "shaft_hz", "number", (0.01, 100000), None),  # speed of the shaft where it is not the pipeline's nominal one
    ("sensor", "chip", "choice", tuple(sorted(list(CHIPS) + list(SLOW_CHIPS))), "adxl345"),
    ("sensor", "bus", "choice", ("i2c", "spi"), "i2c"),
    ("sensor", "id", "int", (0, 9), 1),  # number of the I2C or SPI peripheral
    ("sensor", "address", "int", (8, 0x77), None),  # I2C; by default the chip's usual one
    ("sensor", "freq_hz", "int", (10000, 10000000), None),  # by default 400 kHz on I2C, 5 MHz on SPI
    ("sensor", "scl", "pin", (), None),
    ("sensor", "sda", "pin", (), None),
    ("sensor", "sck", "pin", (), None),
    ("sensor", "mosi", "pin", (), None),
    ("sensor", "miso", "pin", (), None),
    ("sensor", "cs", "pin", (), None),
    ("sensor", "int_pin", "pin", (), None),  # wired to the chip's INT1; null: poll
    ("sensor", "period_s", "number", (0.1, 86400), None),  # slow sensors: from one sample to the next
    ("sensor", "door_pin", "pin", (), None),  # slow sensors: a digital input as the axis door, high is open
    ("sensor", "rate_hz", "number", (0.1, 30000), 1600),
    ("sensor", "range_g", "number", (1, 1000), 16),
    ("sensor", "watermark", "int", (1, 511), None),  # samples; by default what comes in 40 ms, see sensors/accelerometer.py
    ("quality", "stuck", "int", (0, 100000), None),  # so many equal words are a stuck axis; 0: never; null: by the noise
    ("quality", "saturated", "int", (0, 100000), 2),  # so many words at the end of the scale in a row; 0: never
    ("quality", "limit_g", "number", (0.1, 1000), None),  # beyond this is out of range; null: the sensor's range
    ("power", "sleep", "choice", ("idle", "light"), "idle"),  # between watermarks; light: machine.lightsleep()
    ("power", "on_s", "int", (1, 86400), None),  # sample so long, then rest; null: always on
    ("power", "off_s", "int", (0, 86400), 0),  # rest so long; 0: until motion
    ("power", "wake_g", "number", (0.01, 16), None),  # motion by so much ends a rest; null: only time does
    ("decision", "normal", "text", (32,), "normal"),  # name of the normal class
    ("decision", "k", "int", (1, 254), 3),
    ("decision", "n", "int", (1, 254), 5),
    ("decision", "k_off", "int", (0, 253), 1),
    ("decision", "hold_off", "int", (0, 100000), 0),  # windows
    ("decision", "per_class", "classes", (), None),
    ("report", "to", "choice", ("stdout", "uart"), "stdout"),
    ("report", "uart", "int", (0, 9), 1),
    ("report", "baud", "int", (1200, 3000000), 115200),
    ("report", "every", "choice", ("window", "change"), "window"),
    ("report", "heartbeat_s", "int", (0, 86400), 60),
)


class ConfigError(ValueError):
    """What is wrong with the configuration: key, what was found, what is allowed."""


def load(path=PATH):
    """The checked configuration as {"name": .., "sensor": {..}, ...} with every key present."""
    try:
        with open(path) as file:
            text = file.read()
    except OSError as error:
        raise ConfigError("no node configuration at %s (%s): copy one there, then reset" % (path, error))
    except UnicodeError:
        raise ConfigError("%s is not text: copy the file again" % path)
    try:
        if not _closed(text):
            raise ValueError
        given = json.loads(text)
    except ValueError:
        raise ConfigError("%s is not JSON, it may be cut short (%d characters): copy the file again"
                          % (path, len(text)))
    try:
        config = check(given)
    except ConfigError as error:
        raise ConfigError("%s: %s" % (path, error))
    config["pipeline"] = located(config["pipeline"], path.rpartition("/")[0])
    return config


def _closed(text):
    """Whether every bracket is closed: MicroPython's json takes a text that ends too early for a whole one."""
    depth, quoted, escaped = 0, False, False
    for c in text:
        if quoted:
            quoted, escaped = escaped or c != '"', c == "\\" and not escaped
        elif c == '"':
            quoted = True
        elif c in "{[":
            depth += 1
        elif c in "}]":
            depth -= 1
    return depth == 0 and not quoted


def check(given):
    """Fills in defaults; raises ConfigError at the first key that is unknown or not as allowed."""
    if not isinstance(given, dict):
        raise ConfigError("found %s, expected an object {...}" % _show(given))
    config = {}
    for section, key, kind, allowed, default in TABLE:
        into = config.setdefault(section, {}) if section else config
        values = given.get(section, {}) if section else given
        if not isinstance(values, dict):
            raise ConfigError("%s is %s, expected an object {...}" % (section, _show(values)))
        value = values.get(key)
        into[key] = default if value is None else _value(section + "." + key if section else key, kind, allowed, value)
    _no_more(given, config, "")
    for section in config:
        if isinstance(config[section], dict):
            _no_more(given.get(section, {}), config[section], section + ".")
    sensor, decision = config["sensor"], config["decision"]
    chip = driver(sensor["chip"])
    if sensor["chip"] in SLOW_CHIPS:
        _check_slow(config)
    else:
        _check_accelerometer(config, chip)
    if not (chip.ADDRESSES if sensor["bus"] == "i2c" else chip.SPI_HZ):
        raise ConfigError("sensor.bus is %s, but %s has none" % (sensor["bus"], chip.NAME))
    if sensor["address"] is None and chip.ADDRESSES:
        sensor["address"] = chip.ADDRESSES[0]
    if sensor["bus"] == "spi" and sensor["cs"] is None:
        raise ConfigError("sensor.cs is missing, bus spi needs the chip-select pin")
    if not decision["k_off"] < decision["k"] <= decision["n"]:
        raise ConfigError("decision has k_off %(k_off)d, k %(k)d, n %(n)d; needed: k_off < k <= n" % decision)
    return config


def _check_slow(config):
    sensor = config["sensor"]
    if sensor["period_s"] is None:
        raise ConfigError("sensor.period_s is missing, %s is a slow sensor: give the seconds from one sample to the next"
                          % sensor["chip"])
    for section, key in (("sensor", "int_pin"), ("sensor", "watermark"), ("power", "on_s"), ("power", "off_s"),
                         ("power", "wake_g")):
        if config[section][key] is not None and (key != "off_s" or config[section][key]):
            raise ConfigError("%s.%s is %s, but %s is a slow sensor: leave it out"
                              % (section, key, _show(config[section][key]), sensor["chip"]))


def _check_accelerometer(config, chip):
    sensor = config["sensor"]
    for key in ("period_s", "door_pin"):
        if sensor[key] is not None:
            raise ConfigError("sensor.%s is %s, that is for slow sensors: %s"
                              % (key, _show(sensor[key]), ", ".join(SLOW_CHIPS)))
    for key, able in (("rate_hz", chip.RATES_HZ), ("range_g", chip.RANGES_G)):
        if sensor[key] not in able:
            raise ConfigError("sensor.%s is %s, allowed with %s: %s"
                              % (key, sensor[key], sensor["chip"], ", ".join([str(one) for one in able])))
    if sensor["watermark"] is not None and sensor["watermark"] >= chip.DEPTH:
        raise ConfigError("sensor.watermark is %d, allowed with %s: 1 to %d"
                          % (sensor["watermark"], sensor["chip"], chip.DEPTH - 1))
    if sensor["int_pin"] is not None and not chip.WATERMARK_LINE:
        raise ConfigError("sensor.int_pin is %s, but the interrupt line of %s does not tell the watermark: leave it out"
                          % (sensor["int_pin"], chip.NAME))
    power = config["power"]
    if power["on_s"] is not None and not power["off_s"] and power["wake_g"] is None:
        raise ConfigError("power.on_s is %d, needed with it: off_s or wake_g, or nothing ends the rest" % power["on_s"])
    if power["on_s"] is None and (power["off_s"] or power["wake_g"] is not None):
        raise ConfigError("power.on_s is missing, off_s and wake_g say how a rest after it ends")
    if power["wake_g"] is not None and not hasattr(chip, "wake_on_motion"):
        raise ConfigError("power.wake_g is %s, but %s has no wake-on-motion" % (power["wake_g"], sensor["chip"]))


def _no_more(given, known, prefix):
    for key in given:
        if key not in known:
            raise ConfigError("unknown key %s%s; known: %s" % (prefix, key, ", ".join(sorted(known))))


def _value(name, kind, allowed, value):
    is_int = isinstance(value, int) and not isinstance(value, bool)
    if kind == "choice":
        if value not in allowed or isinstance(value, bool):
            raise ConfigError("%s is %s, allowed: %s" % (name, _show(value), ", ".join([_show(a) for a in allowed])))
    elif kind == "text":
        if not isinstance(value, str) or not 0 < len(value) <= allowed[0]:
            raise ConfigError("%s is %s, allowed: text of 1 to %d characters" % (name, _show(value), allowed[0]))
    elif kind == "pin":
        if not (is_int and value >= 0 or isinstance(value, str) and value):
            raise ConfigError("%s is %s, allowed: a pin's number or name" % (name, _show(value)))
    elif kind == "classes":
        if not isinstance(value, dict):
            raise ConfigError('%s is %s, allowed: {"class": {"k": .., "k_off": ..}}' % (name, _show(value)))
        for label in value:
            if not isinstance(value[label], dict):
                raise ConfigError('%s.%s is %s, allowed: {"k": .., "k_off": ..}' % (name, label, _show(value[label])))
            for key in value[label]:
                if key not in ("k", "k_off"):
                    raise ConfigError("unknown key %s.%s.%s; known: k, k_off" % (name, label, key))
                _value("%s.%s.%s" % (name, label, key), "int", (0, 254), value[label][key])
    else:
        if not (is_int or kind == "number" and isinstance(value, float)) or not allowed[0] <= value <= allowed[1]:
            raise ConfigError("%s is %s, allowed: %s from %s to %s" % (
                name, _show(value), "a whole number" if kind == "int" else "a number", allowed[0], allowed[1]))
    return value


def _show(value):
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:40] + "..."
