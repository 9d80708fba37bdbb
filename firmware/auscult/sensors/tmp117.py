# SPDX-License-Identifier: Apache-2.0
"""Texas Instruments TMP117 (and TMP119): temperature to 0.1 °C, I2C. Data sheet SNOSD82D."""

from auscult.port import const
from auscult.sensors.slow import SlowSensor

# Registers: section 7.6, Register Map
_TEMP_RESULT = const(0x00)
_CONFIGURATION = const(0x01)
_DEVICE_ID = const(0x0F)
# Configuration register, Table "Configuration Register Field Descriptions"
_DATA_READY = const(0x2000)  # cleared by reading
_ONE_SHOT = const(0x0C00)  # MOD 11; MOD 01 is shutdown, into which it goes afterwards (section 7.4.3)
_SHUTDOWN = const(0x0400)  # after a reset MOD is 00
_AVERAGES = const(0x0060)


class TMP117(SlowSensor):
    NAME = "TMP117"
    ADDRESSES = (0x48, 0x49, 0x4A, 0x4B)  # section 7.5.3.1.2
    CHANNELS = ("temperature_c",)
    PRECISIONS = (1, 8, 32, 64)  # conversions that are averaged: section 7.3.2
    USUAL = 8
    MEASURE_MS = (19, 141, 561, 1121)  # of at most 17.5 ms each: section 6.5

    def check(self):
        self._check_word(_DEVICE_ID, 0x0117, 0x0FFF)  # bits 15 to 12 are the revision

    def _configure(self, at):
        self._setting = at << 5
        self._stop()  # after a reset it measures on and on

    def _start(self):
        self._write_word(_CONFIGURATION, _ONE_SHOT | self._setting)

    def _read_into(self, values):
        state = self._read_word(_CONFIGURATION)
        if not state & _SHUTDOWN or state & _AVERAGES != self._setting:
            raise self._bus.error("it was reset while it measured")
        if not state & _DATA_READY:
            raise self._bus.error("no measurement after %d ms" % self.measure_ms)
        raw = self._read_word(_TEMP_RESULT)
        if raw & 0x8000:
            raw -= 0x10000
        values[0] = raw * 125 + 8 >> 4  # 7.8125 m°C: section 7.3.3

    def _stop(self):
        self._write_word(_CONFIGURATION, _SHUTDOWN | self._setting)
