# SPDX-License-Identifier: Apache-2.0
# Written by docs/generate.py.
from typing import Any

from auscult.sensors.slow import SlowSensor

def crc8(data: Any, at: Any) -> Any: ...

def scaled(raw: Any, factor: Any) -> Any: ...

class Sensirion(SlowSensor): ...
