# SPDX-License-Identifier: Apache-2.0
"""A virtual SHT40 after Sensirion's data sheet SHT4x, Version 6: the three measurements, heater pulses (which do not warm
it), serial number, soft reset, checksums."""

from auscult.virtual.sensirion import Sensirion
from auscult.virtual.slow import _ENODEV

# Section "Command Overview"; longest durations in µs: section "Timings"
_MEASURE = {0xFD: 8300, 0xF6: 4500, 0xE0: 1700,
            0x39: 1108300, 0x2F: 1108300, 0x1E: 1108300, 0x32: 118300, 0x24: 118300, 0x15: 118300}


class SHT4x(Sensirion):
    serial = 0x12345678

    def _write(self, buf):
        command = buf[0]
        if command in _MEASURE:
            self._measure(_MEASURE[command], -6, 125)
        elif command == 0x89:
            self._put(self.serial >> 16, self.serial & 0xFFFF)
        elif command == 0x94:
            self.brown_out()
        else:
            raise OSError(_ENODEV)  # it does not acknowledge what it does not know
