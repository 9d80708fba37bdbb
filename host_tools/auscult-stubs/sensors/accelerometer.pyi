# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from auscult.port import Clock
from auscult.sensors.bus import I2CBus, SPIBus

G_UM: int

class Block:
    """Room for samples. After read_fifo_into() data holds int16 x, y, z interleaved, little endian; first[n] covers the
    first n samples of it."""

    capacity: int
    stride: int
    data: bytearray
    first: dict[int, memoryview]
    raw: dict[int, memoryview]
    def __init__(self, capacity: int = 32, stride: int = 6, words: int = 3) -> None: ...
    def room(self, n: int) -> int: ...

class Accelerometer:
    NAME: ClassVar[str]
    ADDRESSES: ClassVar[tuple[int, ...]]
    ID_REGISTER: ClassVar[int]
    IDS: ClassVar[tuple[int, ...]]
    DEPTH: ClassVar[int]
    STRIDE: ClassVar[int]
    DATA: ClassVar[int]
    RATES_HZ: ClassVar[tuple[float, ...]]
    RANGES_G: ClassVar[tuple[float, ...]]
    FULL_SCALES_UM: ClassVar[tuple[int, ...] | None]
    BITS: ClassVar[tuple[int, ...]]
    NOISE_UG: ClassVar[float]
    BANDWIDTH: ClassVar[float]
    BANDWIDTH_HZ: ClassVar[float | None]
    I2C_HZ: ClassVar[int]
    I2C_INCREMENT: ClassVar[int]
    SPI_HZ: ClassVar[int]
    SPI_MODES: ClassVar[tuple[int, ...]]
    SPI_READ: ClassVar[int]
    SPI_MULTIPLE: ClassVar[int]
    SPI_SHIFT: ClassVar[int]
    SPI_DUMMY: ClassVar[int]
    SPI_GAP_US: ClassVar[int]
    WATERMARK_LINE: ClassVar[bool]
    SELF_TEST: tuple[Any, ...] | None
    SELF_TEST_ABSOLUTE: ClassVar[bool]

    overruns: int
    """Reads that found samples lost, which were missing before those just read."""
    left: int
    """Samples that still wait after the last read."""
    watermark: int
    rate_hz: float
    """Nominal."""
    range_g: float
    axes: Iterable[str]
    full_scale_um: int
    """Acceleration of the word 32768, µm/s²."""
    _bus: I2CBus | SPIBus
    _clock: Clock
    _sleep_us: Callable[[int], object]

    def __init__(self, bus: I2CBus | SPIBus, clock: Clock = ...) -> None: ...
    def check(self) -> None: ...
    def configure(self, rate_hz: float, range_g: float = 16, watermark: int | None = None,
                  axes: Iterable[str] = "xyz") -> None:
        """Rate in Hz, range in g, FIFO level in samples that raises the interrupt line. Leaves the chip at rest."""
    @classmethod
    def full_scale_of(cls, range_g: float) -> int: ...
    @classmethod
    def bits_of(cls, range_g: float) -> int:
        """Of a word, how many mean something in a range."""
    @classmethod
    def usual_watermark(cls, rate_hz: float) -> int:
        """The FIFO level that configure() sets if it is not told another one."""
    @classmethod
    def bandwidth_of(cls, rate_hz: float) -> float:
        """Frequency at which 3 dB are lost, Hz."""
    @property
    def scale(self) -> float:
        """m/s² per digit."""
    def block(self, capacity: int | None = None) -> Block: ...
    def read_fifo_into(self, block: Block) -> int:
        """Moves the waiting samples into the block; returns how many. Allocates nothing."""
    def self_test(self) -> tuple[int, int, int]:
        """How far the chip's own excitation moves x, y, z, in mg."""
    # what a driver defines
    def _configure(self) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def level(self) -> int: ...
    def _burst(self, block: Block, n: int) -> None: ...
    def _excite(self, on: bool) -> None: ...
