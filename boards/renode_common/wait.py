# SPDX-License-Identifier: Apache-2.0
# main.py of a board in Renode with a LIS2DW12: the node as it is, but its first start of the chip waits for a line, because
# Renode's model takes a recording only once its data rate is set.
import auscult_slots as slots

_record = slots.load()
slots.activate(_record["trial"] or _record)

from auscult.sensors.lis2dw12 import LIS2DW12  # noqa: E402

_start = LIS2DW12.start


def _start_and_wait(self):
    _start(self)
    LIS2DW12.start = _start
    input("READY")


LIS2DW12.start = _start_and_wait
slots.boot()
