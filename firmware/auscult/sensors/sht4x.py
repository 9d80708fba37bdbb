# SPDX-License-Identifier: Apache-2.0
"""Sensirion SHT40, SHT41, SHT43, SHT45: temperature and humidity, I2C. Data sheet SHT4x, Version 6."""

from auscult.sensors.sensirion import Sensirion, scaled

_SERIAL = b"\x89"  # section "Command Overview"


class SHT4x(Sensirion):
    NAME = "SHT4x"
    ADDRESSES = (0x44, 0x45, 0x46)  # by the part's name: section "Ordering Information"
    MEASURE_MS = (3, 6, 10)  # section "Timings": at most 1.7, 4.5 and 8.3 ms
    _COMMANDS = (b"\xe0", b"\xf6", b"\xfd")  # section "Command Overview"

    def check(self):
        self._bus.send(_SERIAL)
        self._clock.sleep_ms(2)
        self._receive(self._answer)

    def _configure(self, at):
        self._measure = self._COMMANDS[at]

    def _read_into(self, values):
        data = self._receive(self._answer)
        # Section "Conversion of Signal Output": T = -45 + 175 S / 65535, RH = -6 + 125 S / 65535, cut to 0 to 100 %
        values[0] = scaled(data[0] << 8 | data[1], 35000) - 45000
        values[1] = min(100000, max(0, scaled(data[3] << 8 | data[4], 25000) - 6000))
