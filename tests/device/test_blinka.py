# SPDX-License-Identifier: Apache-2.0
"""All accelerometer drivers over busio and digitalio, as on CircuitPython and Linux: Blinka's own classes."""

import io

import numpy as np
import pytest
from auscult.sensors import CHIPS, circuitpython, driver
from auscult.sensors.bus import I2CBus, SensorError, SPIBus
from auscult.virtual.clock import VirtualClock
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class

from device import blinka
from device.listener import signal

NAMES = pytest.mark.parametrize("name", sorted(CHIPS))
BUSES = pytest.mark.parametrize("kind", ["i2c", "spi"])


def make(name: str, words: np.ndarray):
    clock = VirtualClock((1 << 30) - 50000)
    return clock, chip_class(name)(Recording(io.BytesIO(words.tobytes())), clock)


@NAMES
@BUSES
def test_every_sample_arrives_once_and_in_order(name: str, kind: str) -> None:
    words = signal(1000)
    clock, chip = make(name, words)
    kind_of_driver = driver(name)
    sensor = kind_of_driver(blinka.bus(kind, chip, kind_of_driver.SPI_MODES[-1]), clock)
    rate_hz = max(kind_of_driver.RATES_HZ, key=lambda rate: -abs(rate - 400))
    sensor.configure(rate_hz, sensor.RANGES_G[-1], 10)
    sensor.start()
    block, got = sensor.block(), bytearray()
    while not chip.ended:
        clock.sleep_us(int(8.3e6 / rate_hz))
        n = sensor.read_fifo_into(block)
        got += block.first[n]
    assert np.array_equal(np.frombuffer(bytes(got), "<i2").reshape(-1, 3), words)
    assert sensor.overruns == 0 and chip.lost == 0
