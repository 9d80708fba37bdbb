# SPDX-License-Identifier: Apache-2.0
"""Unmodified Adafruit drivers and ours over the same virtual chips, through Blinka's real busio and digitalio.

    i2c = blinka.i2c({0x53: chip})                    # a busio.I2C
    spi, selects = blinka.spi({"sensor": chip})       # a busio.SPI; selects["sensor"] is a digitalio.DigitalInOut
    with blinka.passing(clock):                       # time.sleep() of drivers that pass no clock
        adafruit_adxl34x.ADXL345(i2c, 0x53)
    bus = blinka.bus("spi", chip)                     # our I2CBus or SPIBus over one of them
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

from auscult.sensors.bus import I2CBus, SPIBus
from auscult_host.blinka import i2c, spi

__all__ = ["ADDRESS", "bus", "i2c", "passing", "spi"]

ADDRESS = 0x53


def bus(kind: str, chip: Any, mode: int = 3) -> Any:
    if kind == "i2c":
        return I2CBus(i2c({ADDRESS: chip}), ADDRESS)
    busio_spi, selects = spi({"sensor": chip})
    return SPIBus(busio_spi, selects["sensor"], mode=mode)


@contextlib.contextmanager
def passing(clock: Any) -> Iterator[None]:
    """time.sleep(), time.monotonic() and monotonic_ns() go by the virtual clock: drivers wait for it, not we."""
    with (mock.patch.object(time, "sleep", lambda seconds: clock.sleep_us(round(seconds * 1e6))),
          mock.patch.object(time, "monotonic", lambda: clock.now / 1e6),
          mock.patch.object(time, "monotonic_ns", lambda: clock.now * 1000)):
        yield
