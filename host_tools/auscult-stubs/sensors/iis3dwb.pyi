# SPDX-License-Identifier: Apache-2.0
# Written by docs/generate.py.
from auscult.sensors.lsm6dso import LSM6DSO

class IIS3DWB(LSM6DSO): ...
