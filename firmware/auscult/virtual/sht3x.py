# SPDX-License-Identifier: Apache-2.0
"""A virtual SHT31 after Sensirion's data sheet SHT3x-DIS, Version 5: single measurements with and without clock
stretching, status, serial number, heater flag, break, soft reset, checksums. Not included: periodic mode, alerts."""

from auscult.virtual.sensirion import Sensirion

# Single shot: (with clock stretching, longest duration in µs, of "System timing" below 2.4 V)
_SINGLE = {0x2400: (False, 15500), 0x240B: (False, 6500), 0x2416: (False, 4500),
           0x2C06: (True, 15500), 0x2C0D: (True, 6500), 0x2C10: (True, 4500)}


class SHT3x(Sensirion):
    serial = 0x12345678

    def reset(self):
        Sensirion.reset(self)
        self.status = 0x8010  # "Status Register": alert pending, reset detected

    def _write(self, buf):
        if len(buf) < 2:
            return
        command = buf[0] << 8 | buf[1]
        self.status &= ~2
        if command in _SINGLE:
            self._stretch, us = _SINGLE[command]
            self._measure(us, 0, 100)
        elif command == 0xF32D:
            self._put(self.status)
        elif command == 0x3041:
            self.status &= ~0x8C10
        elif command in (0x3780, 0x3682):
            self._put(self.serial >> 16, self.serial & 0xFFFF)
        elif command == 0x306D:
            self.status |= 0x2000
        elif command == 0x3066:
            self.status &= ~0x2000
        elif command == 0x30A2:
            self.brown_out()
        elif command == 0x3093:
            self._length = 0
        else:
            self.status |= 2  # not processed
