# SPDX-License-Identifier: Apache-2.0
# Written by docs/generate.py.
from auscult.sensors.accelerometer import Accelerometer

class BMA423(Accelerometer):
    FIFO_BYTES: int
    def temperature_c(self) -> float: ...
