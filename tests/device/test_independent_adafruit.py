# SPDX-License-Identifier: Apache-2.0
"""Somebody else's drivers, unmodified, over the virtual ADXL345 and LIS3DH through Blinka: Adafruit's. They and ours must
agree with the acceleration that is set, and each must understand how the other has set the chip."""

import io
from typing import Any

import adafruit_adxl34x
import adafruit_lis3dh
import numpy as np
import pytest
from auscult.sensors import driver
from auscult.sensors.bus import I2CBus, SPIBus
from auscult.virtual.clock import VirtualClock
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class

from device import blinka

G = 9.80665
SET_G = (0.5, -1.25, 1.75)  # x, y, z
FULL_SCALE_UM = 16 * 9806650

BUSES = pytest.mark.parametrize(("name", "kind"), [("adxl345", "i2c"), ("lis3dh", "i2c"), ("lis3dh", "spi")])
RANGES = pytest.mark.parametrize("range_g", [2, 4, 8, 16])

# rate in Hz -> their constant
RATES = {
    "adxl345": {12.5: adafruit_adxl34x.DataRate.RATE_12_5_HZ, 100: adafruit_adxl34x.DataRate.RATE_100_HZ,
                3200: adafruit_adxl34x.DataRate.RATE_3200_HZ},
    "lis3dh": {1: adafruit_lis3dh.DATARATE_1_HZ, 100: adafruit_lis3dh.DATARATE_100_HZ,
               1344: adafruit_lis3dh.DATARATE_1344_HZ},
}
# Their counts per g are rounded: 250 instead of the ADXL345's 256; 16380 instead of the LIS3DH's 16000, and so on.
ROUNDED = {"adxl345": 256 / 250, "lis3dh": 16000 / 16380}


class Both:
    """One virtual chip with a still acceleration on one busio bus, and both drivers on that bus."""

    def __init__(self, name: str, kind: str) -> None:
        words = np.tile(np.round(np.array(SET_G) * 2048).astype("<i2"), (20000, 1))
        self.clock = VirtualClock()
        self.chip: Any = chip_class(name)(Recording(io.BytesIO(words.tobytes()), FULL_SCALE_UM), self.clock)
        if kind == "i2c":
            i2c = blinka.i2c({blinka.ADDRESS: self.chip})
            bus, theirs = I2CBus(i2c, blinka.ADDRESS), {"i2c": i2c, "address": blinka.ADDRESS}
        else:
            spi, selects = blinka.spi({"sensor": self.chip})
            bus, theirs = SPIBus(spi, selects["sensor"]), {"spi": spi, "cs": selects["sensor"]}
        make = {("adxl345", "i2c"): adafruit_adxl34x.ADXL345, ("lis3dh", "i2c"): adafruit_lis3dh.LIS3DH_I2C,
                ("lis3dh", "spi"): adafruit_lis3dh.LIS3DH_SPI}[name, kind]
        with blinka.passing(self.clock):
            self.theirs: Any = make(**theirs)
        self.ours = driver(name)(bus, self.clock)

    def our_acceleration(self) -> np.ndarray:
        """m/s² of the newest samples."""
        block = self.ours.block()
        self.clock.sleep_ms(int(10000 / self.ours.rate_hz))
        n = self.ours.read_fifo_into(block)
        return np.frombuffer(bytes(block.first[n]), "<i2").reshape(-1, 3)[-1] * self.ours.scale


@BUSES
@RANGES
def test_both_drivers_give_the_acceleration_that_is_set(name: str, kind: str, range_g: int) -> None:
    both = Both(name, kind)
    both.theirs.range = {2: 0, 4: 1, 8: 2, 16: 3}[range_g]
    both.clock.sleep_ms(50)
    true = np.array(SET_G) * G
    digit = G / 256 if name == "adxl345" else {2: 0.001, 4: 0.002, 8: 0.004, 16: 0.012}[range_g] * G
    assert both.theirs.acceleration == pytest.approx(true * ROUNDED[name], abs=1.01 * digit)
    both.ours.configure(400, range_g, 4)
    both.ours.start()
    coarser = 4 if name == "lis3dh" else 1  # theirs is in high-resolution mode, ours in normal mode
    assert both.our_acceleration() == pytest.approx(true, abs=0.51 * coarser * digit)


@BUSES
@RANGES
def test_they_understand_what_we_have_set(name: str, kind: str, range_g: int) -> None:
    both = Both(name, kind)
    for rate_hz, code in RATES[name].items():
        both.ours.configure(rate_hz, range_g, 4)
        both.ours.start()
        assert both.theirs.data_rate == code
        assert both.theirs.range == {2: 0, 4: 1, 8: 2, 16: 3}[range_g]


@BUSES
def test_the_chip_samples_at_the_rate_that_they_set(name: str, kind: str) -> None:
    both = Both(name, kind)
    for rate_hz, code in RATES[name].items():
        both.theirs.data_rate = code
        both.clock.sleep_ms(100)
        _ = both.theirs.acceleration  # the virtual chip catches up with time when it is asked
        before = both.chip.recording.left
        both.clock.sleep_ms(4000)
        _ = both.theirs.acceleration
        assert before - both.chip.recording.left == pytest.approx(4 * rate_hz, abs=1)


@BUSES
def test_one_bus_for_both_drivers_by_turns(name: str, kind: str) -> None:
    """Each takes the lock for its own transactions and, on SPI, sets baud rate and mode for them."""
    both = Both(name, kind)
    both.ours.configure(400, 2, 4)
    both.ours.start()
    for _ in range(5):
        assert both.our_acceleration() == pytest.approx(np.array(SET_G) * G, abs=0.02)
        assert both.theirs.range == 0
        assert both.theirs.data_rate == (0b1100 if name == "adxl345" else adafruit_lis3dh.DATARATE_400_HZ)
