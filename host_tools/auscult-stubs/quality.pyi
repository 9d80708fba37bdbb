# SPDX-License-Identifier: Apache-2.0
from array import array

from auscult.sensors.accelerometer import Accelerometer

KINDS: tuple[str, ...]
MISSING: int
STUCK: int
SATURATED: int
OUT_OF_RANGE: int
RATE: int
NOVEL: int

def scan(data: memoryview | bytes | bytearray, n: int, words: int, state: array[int]) -> int: ...
def stuck_run(sensor: Accelerometer, window: int) -> int: ...

class Quality:
    def __init__(self, sensor: Accelerometer, words: int, window: int, stuck: int | None = None, saturated: int = 2,
                 limit_g: float | None = None) -> None: ...
    def look(self, block: memoryview | bytes | bytearray, n: int) -> None: ...
    def flaws(self) -> int: ...
    def passed(self, n: int) -> None: ...
