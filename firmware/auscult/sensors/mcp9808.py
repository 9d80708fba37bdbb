# SPDX-License-Identifier: Apache-2.0
"""Microchip MCP9808: temperature to 0.5 °C, I2C. Data sheet DS25095A.

The chip does not say when a conversion is ready, and measures on and on. Here it sleeps between measurements, which
also keeps it from warming itself.
"""

from auscult.port import const
from auscult.sensors.slow import SlowSensor

# Registers: section 5.1
_CONFIG = const(0x01)
_AMBIENT = const(0x05)
_MANUFACTURER = const(0x06)  # section 5.1.4
_DEVICE = const(0x07)  # section 5.1.5
_RESOLUTION = const(0x08)  # section 5.1.6
# Register 5-2. The hysteresis of 6 °C is of no consequence without limits: it marks a chip that was not reset since.
_MEASURE = const(0x0600)
_SHUTDOWN = const(0x0700)


class MCP9808(SlowSensor):
    NAME = "MCP9808"
    ADDRESSES = (0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F)  # Table 3-2
    CHANNELS = ("temperature_c",)
    PRECISIONS = (0.5, 0.25, 0.125, 0.0625)  # resolution in °C
    USUAL = 0.0625
    # "Temperature Sensor DC Characteristics": 30, 65, 130 and 250 ms, typical; there is no limit: a fifth is added.
    MEASURE_MS = (37, 79, 157, 301)

    def check(self):
        self._check_word(_MANUFACTURER, 0x0054)
        self._check_word(_DEVICE, 0x0400, 0xFF00)  # the low byte is the revision

    def _configure(self, at):
        self._resolution = at
        self._stop()

    def _start(self):
        self._bus.write(_RESOLUTION, self._resolution)
        self._write_word(_CONFIG, _MEASURE)

    def _read_into(self, values):
        if self._read_word(_CONFIG) != _MEASURE:
            raise self._bus.error("it was reset while it measured")
        raw = self._read_word(_AMBIENT) & 0x1FFF  # Register 5-4: above are three alert flags
        self._stop()
        if raw & 0x1000:
            raw -= 0x2000
        values[0] = raw * 125 + 1 >> 1  # 62.5 m°C

    def _stop(self):
        self._write_word(_CONFIG, _SHUTDOWN)
