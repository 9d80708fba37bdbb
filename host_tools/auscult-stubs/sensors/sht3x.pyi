# SPDX-License-Identifier: Apache-2.0
# Written by docs/generate.py.
from auscult.sensors.sensirion import Sensirion

class SHT3x(Sensirion): ...
