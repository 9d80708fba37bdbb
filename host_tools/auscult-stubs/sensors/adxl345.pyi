# SPDX-License-Identifier: Apache-2.0
# Written by docs/generate.py.
from auscult.sensors.accelerometer import Accelerometer

class ADXL345(Accelerometer):
    def wake_on_motion(self, threshold_g: float) -> None: ...
    def moved(self) -> bool: ...
