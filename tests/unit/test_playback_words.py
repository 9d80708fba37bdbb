# SPDX-License-Identifier: Apache-2.0
"""What a virtual chip is given to play: the recording in the chip's words, within its bandwidth."""

import numpy as np
import pytest
from auscult_host import device, virtual_sensor
from auscult_host.recordings import Recording

RATE_HZ = 4000.0


def tone(frequency_hz: float) -> Recording:
    t = np.arange(8000) / RATE_HZ
    wave = 10 * np.sin(2 * np.pi * frequency_hz * t)
    data = np.stack([wave, np.zeros_like(t), np.full_like(t, 9.8)], axis=1).astype(np.float32)
    return Recording(data=data, rate_hz=RATE_HZ, axes=("x", "y", "z"), unit="m/s2", name="tone")


def gain(chip: str, frequency_hz: float) -> float:
    range_g = device.accelerometer(chip).RANGES_G[-1]
    words = virtual_sensor.chip_words(tone(frequency_hz), chip, range_g, 0)
    scale = device.accelerometer(chip).full_scale_of(range_g) / 32768e6
    assert np.median(words[:, 2]) * scale == pytest.approx(9.8, rel=0.01)  # gravity passes
    return float(np.abs(words[1000:-1000, 0] * scale).max()) / 10


def test_a_chip_with_a_narrow_filter_passes_its_band_and_not_more() -> None:
    share = device.accelerometer("adxl355").BANDWIDTH
    assert share == 0.25
    assert gain("adxl355", 100) == pytest.approx(1, abs=0.02)
    assert gain("adxl355", share * RATE_HZ) == pytest.approx(2**-0.5, abs=0.06)
    assert gain("adxl355", 1900) < 0.03


def test_a_chip_with_half_its_rate_passes_all() -> None:
    assert gain("adxl345", 1900) == pytest.approx(1, abs=0.05)
