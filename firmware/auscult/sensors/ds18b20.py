# SPDX-License-Identifier: Apache-2.0
"""Maxim DS18B20: temperature, 1-Wire. Data sheet REV 042208.

    sensor = DS18B20(onewire.OneWire(machine.Pin(4)))             # the only one on the wire
    sensor = DS18B20(OneWire(pin), rom=bytes.fromhex("28..."))    # one of several; ROMs: OneWire(pin).scan()

The bus is MicroPython's onewire.OneWire or adafruit_onewire's OneWireBus: reset(), write() and readinto() are used.
Only with three wires: with parasite power it would have to be fed while it measures (section "Powering the DS18B20").
"""

from auscult import port
from auscult.port import const
from auscult.sensors.bus import SensorError
from auscult.sensors.slow import SlowSensor

# Commands: sections "ROM Commands" and "DS18B20 Function Commands", Table 3
_READ_ROM = const(0x33)
_MATCH_ROM = const(0x55)
_SKIP_ROM = const(0xCC)
_CONVERT = const(0x44)
_WRITE_SCRATCHPAD = const(0x4E)
_READ_SCRATCHPAD = const(0xBE)
_READ_POWER = const(0xB4)
_FAMILY = const(0x28)  # section "64-Bit Lasered ROM Code"
# Alarm limits at the ends of the range: no alarm, and not what the EEPROM restores, so they tell whether the chip was reset
# since. Else the 85 °C that it shows then (section "Operation - Measuring Temperature") would pass for a measurement.
_HIGH = const(125)
_LOW = const(0x100 - 55)


def crc8(data, n):
    """Checksum of the first n bytes: x^8 + x^5 + x^4 + 1, lowest bit first (section "CRC Generation")."""
    crc = 0
    for i in range(n):
        crc ^= data[i]
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


class DS18B20(SlowSensor):
    NAME = "DS18B20"
    CHANNELS = ("temperature_c",)
    PRECISIONS = (9, 10, 11, 12)  # bits: 0.5, 0.25, 0.125, 0.0625 °C
    USUAL = 12
    MEASURE_MS = (95, 189, 376, 751)  # Table 2: at most 93.75, 187.5, 375, 750 ms

    def __init__(self, bus, clock=port, rom=None):
        self.rom = None if rom is None else bytes(rom)
        self._data = bytearray(9)
        SlowSensor.__init__(self, bus, clock)

    def _attach(self, bus):
        for method in ("reset", "write", "readinto"):
            if not hasattr(bus, method):
                raise TypeError("DS18B20 takes a 1-Wire bus (onewire.OneWire), found %s" % type(bus).__name__)
        self._bus = bus
        rom = self.rom
        self._where = "on the 1-Wire bus"
        if rom is not None:
            if len(rom) != 8 or crc8(rom, 7) != rom[7] or rom[0] != _FAMILY:
                raise ValueError("%s is no ROM code of a DS18B20: 8 bytes, the first 0x28, the last their checksum"
                                 % _hex(rom))
            self._where = _hex(rom) + " " + self._where
        self._address = bytes([_SKIP_ROM]) if rom is None else bytes([_MATCH_ROM]) + rom
        self._settings = bytearray((_WRITE_SCRATCHPAD, _HIGH, _LOW, 0))

    def _error(self, what):
        return SensorError("%s %s: %s: check wiring, power and the pull-up (4.7 kOhm)" % (self.NAME, self._where, what))

    def _wake(self):
        """Reset pulse; somebody must answer it."""
        if not self._bus.reset():
            raise SensorError("no %s %s: nobody answers a reset: check wiring, power and the pull-up (4.7 kOhm)"
                              % (self.NAME, self._where))

    def _command(self, command):
        self._wake()
        self._one[0] = command
        self._bus.write(self._address)
        self._bus.write(self._one)

    def check(self):
        if self.rom is None:
            self._check_alone()
        self._read_scratchpad()
        self._command(_READ_POWER)
        self._bus.readinto(self._one)
        if not self._one[0] & 1:
            raise self._error("it has parasite power, which is not supported: connect its VDD")

    def _check_alone(self):
        """Without a ROM code every chip answers, so there must be one; several at once spoil the checksum."""
        rom = bytearray(8)
        self._wake()
        self._one[0] = _READ_ROM
        self._bus.write(self._one)
        self._bus.readinto(rom)
        if not any(rom):
            raise self._error("the bus is stuck low")
        if crc8(rom, 7) != rom[7]:
            raise self._error("the ROM code's checksum is wrong: there are several chips (then pass rom=...), or")
        if rom[0] != _FAMILY:
            raise self._error("another chip answers (family 0x%02X, expected 0x28): pass rom=..., and" % rom[0])

    def _configure(self, at):
        self._settings[3] = at << 5 | 0x1F  # section "Configuration Register", Figure 8
        self._defined = 0x10000 - (8 >> at)
        self._configured = False

    def _start(self):
        if not self._configured:
            self._wake()
            self._bus.write(self._address)
            self._bus.write(self._settings)
            self._read_scratchpad()
            if not self._is_configured():
                raise self._error("it does not take its settings")
            self._configured = True
        self._command(_CONVERT)

    def _is_configured(self):
        data, settings = self._data, self._settings
        return data[2] == settings[1] and data[3] == settings[2] and data[4] == settings[3]

    def _read_scratchpad(self):
        """Section "Memory", Figure 7."""
        data = self._data
        self._command(_READ_SCRATCHPAD)
        self._bus.readinto(data)
        if not data[4]:  # nine zeros have a good checksum, but configuration bits 0 to 4 are always set
            raise self._error("the bus is stuck low")
        if crc8(data, 8) != data[8]:
            raise self._error("the scratchpad's checksum is wrong")

    def _read_into(self, values):
        self._read_scratchpad()
        if not self._is_configured():
            self._configured = False
            raise self._error("it was reset while it measured")
        data = self._data
        raw = (data[0] | data[1] << 8) & self._defined  # lower resolutions leave bits undefined: Figure 2
        if raw & 0x8000:
            raw -= 0x10000
        values[0] = raw * 125 + 1 >> 1  # 62.5 m°C


def _hex(rom):
    return "".join(["%02x" % byte for byte in rom])
