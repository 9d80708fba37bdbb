# SPDX-License-Identifier: Apache-2.0
from array import array
from typing import Any

from auscult.port import Clock
from auscult.sensors.bus import I2CBus, SPIBus

class SlowSensor:
    NAME: str
    ADDRESSES: tuple[int, ...]
    CHANNELS: tuple[str, ...]
    """What is measured, each with its unit."""
    PRECISIONS: tuple[Any, ...]
    USUAL: Any
    MEASURE_MS: tuple[int, ...]
    I2C_HZ: int
    I2C_INCREMENT: int
    SPI_HZ: int
    SPI_MODES: tuple[int, ...]
    SPI_READ: int
    SPI_MULTIPLE: int
    SPI_SHIFT: int
    SPI_DUMMY: int
    SPI_GAP_US: int
    precision: Any
    measure_ms: int
    """How long to wait between start() and read_into()."""
    def __init__(self, bus: I2CBus | SPIBus, clock: Clock = ...) -> None: ...
    def configure(self, precision: Any = None) -> None: ...
    def start(self) -> None:
        """Begins one measurement."""
    def read_into(self, values: array[int]) -> None:
        """Fetches it: thousandths of the unit, in the order of CHANNELS. Allocates nothing."""
    def stop(self) -> None: ...
    def values(self) -> array[int]: ...
    def measure(self) -> dict[str, float]:
        """One measurement from start to end, by channel."""
    def check(self) -> None: ...
