# SPDX-License-Identifier: Apache-2.0
"""Sensirion SHT30, SHT31, SHT35: temperature and humidity, I2C. Data sheet SHT3x-DIS, Version 5."""

from auscult.sensors.sensirion import Sensirion, scaled

_STATUS = b"\xf3\x2d"  # section "Status Register"
_BREAK = b"\x30\x93"  # section "Break Command": ends periodic measurements, in which it would take no others


class SHT3x(Sensirion):
    NAME = "SHT3x"
    ADDRESSES = (0x44, 0x45)  # section "I2C Address" (ADDR low, high)
    # "System timing": at most 4, 6 and 15 ms, but 4.5, 6.5 and 15.5 ms below 2.4 V.
    MEASURE_MS = (6, 8, 17)
    # Section "Measurement Commands for Single Shot Data Acquisition Mode": without clock stretching
    _COMMANDS = (b"\x24\x16", b"\x24\x0b", b"\x24\x00")

    def check(self):
        bus, sleep_ms = self._bus, self._clock.sleep_ms
        bus.send(_BREAK)
        sleep_ms(2)  # "Starting a Measurement": at least 1 ms between commands
        bus.send(_STATUS)
        sleep_ms(2)
        self._receive(self._status)

    def _configure(self, at):
        self._measure = self._COMMANDS[at]

    def _read_into(self, values):
        data = self._receive(self._answer)
        # Section "Conversion of Signal Output": T = -45 + 175 S / 65535, RH = 100 S / 65535
        values[0] = scaled(data[0] << 8 | data[1], 35000) - 45000
        values[1] = scaled(data[3] << 8 | data[4], 20000)
