# SPDX-License-Identifier: Apache-2.0
# Written by docs/generate.py.
from typing import Any

from auscult.port import Clock
from auscult.sensors.slow import SlowSensor

def crc8(data: Any, n: Any) -> Any: ...

class DS18B20(SlowSensor):
    def __init__(self, bus: Any, clock: Clock = ..., rom: bytes | None = None) -> None: ...
