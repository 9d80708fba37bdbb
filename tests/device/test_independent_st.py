# SPDX-License-Identifier: Apache-2.0
"""Adafruit's driver of the LSM6DS family, unmodified, over the virtual LSM6DSO, LSM6DSOX and ISM330DHCX through Blinka. It
and ours must agree with the acceleration that is set, and each must understand how the other has set the chip."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any
from unittest import mock

import adafruit_lsm6ds
import numpy as np
import pytest
from adafruit_lsm6ds import AccelRange, Rate, ism330dhcx
from adafruit_lsm6ds.ism330dhcx import ISM330DHCX
from adafruit_lsm6ds.lsm6dsox import LSM6DSOX
from auscult.sensors import driver
from auscult.sensors.bus import I2CBus
from auscult.virtual.clock import VirtualClock
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class

from device import blinka

G = 9.80665
SET_G = (0.5, -1.25, 1.75)  # x, y, z
FULL_SCALE_UM = 16 * 9806650

# They have no class for the LSM6DSO, whose id and registers are the LSM6DSOX's.
MAKE = {"lsm6dso": LSM6DSOX, "lsm6dsox": LSM6DSOX, "ism330dhcx": ISM330DHCX}
NAMES = pytest.mark.parametrize("name", sorted(MAKE))
RANGES = pytest.mark.parametrize("range_g", [2, 4, 8, 16])
RATES = pytest.mark.parametrize("rate_hz", driver("lsm6dso").RATES_HZ)


def their_range(range_g: int) -> int:
    return getattr(AccelRange, f"RANGE_{range_g}G")


def their_rate(rate_hz: float) -> int:
    """Their numbers differ from the FIFO's by the rounding: 416 and 417 Hz, 6664 and 6667 Hz."""
    return min((code for code in Rate.string if code), key=lambda code: abs(float(Rate.string[code]) - rate_hz))


@contextlib.contextmanager
def passing(clock: VirtualClock) -> Iterator[None]:
    """They have taken sleep() out of time when they were imported."""
    with blinka.passing(clock), contextlib.ExitStack() as stack:
        for module in (adafruit_lsm6ds, ism330dhcx):
            stack.enter_context(mock.patch.object(module, "sleep", lambda seconds: clock.sleep_us(round(seconds * 1e6))))
        yield


class Both:
    """One virtual chip with a still acceleration on one busio bus, and both drivers on that bus."""

    def __init__(self, name: str) -> None:
        words = np.tile(np.round(np.array(SET_G) * 2048).astype("<i2"), (200000, 1))
        self.clock = VirtualClock()
        self.chip: Any = chip_class(name)(Recording(io.BytesIO(words.tobytes()), FULL_SCALE_UM), self.clock)
        i2c = blinka.i2c({0x6A: self.chip})
        with passing(self.clock):
            self.theirs: Any = MAKE[name](i2c)
        self.ours = driver(name)(I2CBus(i2c, 0x6A), self.clock)

    def our_acceleration(self) -> np.ndarray:
        """m/s² of the newest samples."""
        block = self.ours.block()
        self.clock.sleep_us(int(10e6 / self.ours.rate_hz))
        n = self.ours.read_fifo_into(block)
        assert n >= 9
        return np.frombuffer(bytes(block.first[n]), "<i2").reshape(-1, 3)[-1] * self.ours.scale


@NAMES
@RANGES
def test_both_drivers_give_the_acceleration_that_is_set(name: str, range_g: int) -> None:
    both = Both(name)
    with passing(both.clock):
        both.theirs.accelerometer_range = their_range(range_g)
    theirs = np.array(both.theirs.acceleration)
    assert theirs == pytest.approx(np.array(SET_G) * G, abs=0.002 * range_g)
    both.ours.configure(417, range_g, 4)
    both.ours.start()
    assert both.our_acceleration() == pytest.approx(theirs, abs=1e-9 + range_g * G / 32768)


@NAMES
@RANGES
def test_they_understand_the_range_that_we_have_set(name: str, range_g: int) -> None:
    both = Both(name)
    both.ours.configure(104, range_g, 4)
    both.ours.start()
    assert both.theirs._accel_range == their_range(range_g)
    assert both.theirs._bdu


@NAMES
@RATES
def test_they_understand_the_rate_that_we_have_set(name: str, rate_hz: float) -> None:
    both = Both(name)
    both.ours.configure(rate_hz, 4, 4)
    both.ours.start()
    assert both.theirs.accelerometer_data_rate == their_rate(rate_hz)
    both.ours.stop()
    assert both.theirs.accelerometer_data_rate == Rate.RATE_SHUTDOWN


@NAMES
@RATES
def test_the_chip_samples_at_the_rate_that_they_set(name: str, rate_hz: float) -> None:
    both = Both(name)
    both.theirs.accelerometer_data_rate = their_rate(rate_hz)
    _ = both.theirs.acceleration  # the virtual chip catches up with time when it is asked
    before = both.chip.recording.left
    both.clock.sleep_ms(4000)
    _ = both.theirs.acceleration
    assert before - both.chip.recording.left == pytest.approx(4 * rate_hz, abs=1)


@NAMES
@pytest.mark.parametrize("celsius", [-40, 0, 25, 85])
def test_both_give_the_temperature(name: str, celsius: float) -> None:
    both = Both(name)
    both.chip.temperature_c = celsius
    assert both.theirs.temperature == both.ours.temperature_c() == celsius


@NAMES
def test_their_gyroscope_does_not_reach_our_samples(name: str) -> None:
    """They switch it on; our configure() resets the chip, so that the FIFO has accelerations alone."""
    both = Both(name)
    assert both.theirs.gyro_data_rate == Rate.RATE_104_HZ
    both.ours.configure(417, 2, 4)
    assert both.theirs.gyro_data_rate == Rate.RATE_SHUTDOWN


@NAMES
def test_one_bus_for_both_drivers_by_turns(name: str) -> None:
    both = Both(name)
    both.ours.configure(417, 2, 4)
    both.ours.start()
    for _ in range(5):
        assert both.our_acceleration() == pytest.approx(np.array(SET_G) * G, abs=0.01)
        assert both.theirs.accelerometer_data_rate == Rate.RATE_416_HZ
        assert both.theirs._chip_id == MAKE[name].CHIP_ID


@pytest.mark.parametrize("id_", [0x69, 0x00])
def test_they_refuse_another_chip(id_: int) -> None:
    chip = chip_class("lsm6dsox")(Recording(io.BytesIO(bytes(60))), VirtualClock())
    chip.registers[chip.ID] = id_
    with pytest.raises(RuntimeError, match="Failed to find LSM6DSOX"):
        LSM6DSOX(blinka.i2c({0x6A: chip}))
