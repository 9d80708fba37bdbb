# SPDX-License-Identifier: Apache-2.0
# main.py of a board in Renode whose sensor is the memory-mapped one, sensor.py: the node, its configuration and its words are
# those of a board with the configured chip, only that chip's registers are not there.
import sys

import auscult_slots as slots

_record = slots.load()
_path = slots.activate(_record["trial"] or _record)

from auscult import config, sensors  # noqa: E402
from machine import mem32  # noqa: E402
from uctypes import addressof  # noqa: E402

_SENSOR = 0x70000000
_CONTROL, _RATE, _COUNT, _STATUS, _TARGET, _BLOCK = [_SENSOR + at for at in (0x04, 0x08, 0x0C, 0x10, 0x20, 0x24)]
_chip = config.load(_path)["sensor"]["chip"]


class Memory(sensors.driver(_chip)):
    DEPTH, STRIDE = 512, 6

    def check(self):
        if mem32[_SENSOR] & 0x7FFFFFFF != 0x41434331:
            raise self._bus.error("there is no sensor.py at 0x%08X" % _SENSOR)

    def _configure(self):
        mem32[_RATE] = int(self.rate_hz)

    def start(self):
        mem32[_CONTROL] = 1

    def stop(self):
        mem32[_CONTROL] = 0

    def level(self):
        if mem32[_STATUS] & 1:
            self.overruns += 1
            mem32[_STATUS] = 1
        return mem32[_COUNT]

    def _burst(self, block, n):
        mem32[_TARGET] = addressof(block.raw[n])
        mem32[_BLOCK] = n


class End:
    """The node stops when the recording has."""

    @property
    def ended(self):
        return bool(mem32[_STATUS] & 2)


_file, _class = sensors.CHIPS[_chip]
setattr(sys.modules["auscult.sensors." + _file], _class, Memory)
slots.boot(source=End())
