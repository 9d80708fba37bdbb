# SPDX-License-Identifier: Apache-2.0
# Written by docs/generate.py.
from typing import Any

from auscult.port import Clock
from auscult.sensors.slow import SlowSensor

MAX_RATE_HZ: int

class Analog(SlowSensor):
    def __init__(self, adc: Any, clock: Clock = ..., channel: str = ..., at_zero: float = 0, at_full: float = 1, valid:
        tuple[float, float] | None = None) -> None: ...
