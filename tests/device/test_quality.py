# SPDX-License-Identifier: Apache-2.0
"""Flaws in the data are found where they are, and a quiet machine is not taken for one."""

import numpy as np
import pytest
from auscult.quality import KINDS, OUT_OF_RANGE, SATURATED, STUCK, Quality, stuck_run
from auscult.sensors import CHIPS, driver
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bench_chip import Bench, buses

WINDOW, BLOCK = 128, 16


class Sensor:
    """What Quality needs to know of a driver: ±16 g, 12 bits, noisy."""

    NOISE_UG = 400
    range_g, full_scale_um, rate_hz = 16, 24 * 9806650, 1600

    @staticmethod
    def bits_of(range_g: float) -> int:
        return 12

    @staticmethod
    def bandwidth_of(rate_hz: float) -> float:
        return rate_hz / 2


def flaws_of(words: np.ndarray, **settings: object) -> list[int]:
    """Flags after each block."""
    quality = Quality(Sensor, words.shape[1], WINDOW, **settings)
    found = []
    for at in range(0, len(words), BLOCK):
        block = words[at : at + BLOCK]
        quality.look(block.astype("<i2").tobytes(), len(block))
        found.append(quality.flaws())
        quality.passed(len(block))
    return found


def lively(samples: int, axes: int = 3) -> np.ndarray:
    return np.random.default_rng(3).integers(-3000, 3000, (samples, axes)).astype(np.int16) // 16 * 16


def test_good_data_has_no_flaw() -> None:
    assert set(flaws_of(lively(4000))) == {0}


@settings(deadline=None, max_examples=60)
@given(axes=st.integers(1, 3), data=st.data(), at=st.integers(0, 900), kind=st.sampled_from([STUCK, SATURATED, OUT_OF_RANGE]))
def test_a_flaw_counts_from_its_block_on_for_a_window(axes: int, data: st.DataObject, at: int, kind: int) -> None:
    words, axis = lively(1600, axes), data.draw(st.integers(0, axes - 1))
    sign = data.draw(st.sampled_from([1, -1]))
    first = last = at
    if kind == STUCK:
        words[at : at + 70, axis] = words[at, axis]
        first, last = at + 63, at + 69  # the 64th equal word is the first that tells
    elif kind == SATURATED:
        words[at : at + 2, axis] = 32752 if sign > 0 else -32768
        first = last = at + 1
    else:
        words[at, axis] = sign * 22000  # 16 g is 21845
    found = flaws_of(words)
    inside = range(first // BLOCK, last // BLOCK + 1)
    after = range(last // BLOCK + 1, last // BLOCK + 1 + (WINDOW - 1) // BLOCK)
    assert all(found[block] & kind for block in (*inside, *after) if block < len(found))
    assert not any(found[block] & kind for block in range(len(found)) if block < first // BLOCK or block > after[-1] + 1)
    if kind == STUCK:
        assert not any(flags & ~STUCK for flags in found)


def test_one_word_at_the_end_of_the_scale_is_no_saturation_but_beyond_the_range() -> None:
    words = lively(400)
    words[200, 1] = 32752
    assert set(flaws_of(words)) == {0, OUT_OF_RANGE}
    assert set(flaws_of(words, limit_g=24)) == {0}
    assert set(flaws_of(words, limit_g=24, saturated=1)) == {0, SATURATED}


def test_checks_can_be_switched_off() -> None:
    words = np.zeros((1000, 1), np.int16)
    assert set(flaws_of(words)) == {0, STUCK}
    assert set(flaws_of(words, stuck=0)) == {0}
    words[:] = 32752
    assert set(flaws_of(words, stuck=0, limit_g=24)) == {SATURATED}
    assert set(flaws_of(words, stuck=0, limit_g=24, saturated=0)) == {0}


def test_a_quiet_machine_is_not_a_stuck_sensor() -> None:
    """With noise below the resolution equal words say nothing; with noise above they do."""
    class Quiet(Sensor):
        NOISE_UG = 20

    assert stuck_run(Quiet, 512) == 0 and stuck_run(Sensor, 512) == 128 and stuck_run(Sensor, 64) == 64


@pytest.mark.parametrize("name", sorted(CHIPS))
@pytest.mark.parametrize("seed", [1, 2])
def test_no_chip_takes_its_own_noise_for_a_stuck_axis(name: str, seed: int) -> None:
    """A machine that stands still, with the noise that the data sheet gives: 20,000 samples in each range."""
    kind = driver(name)
    assert kind.NOISE_UG > 0
    for range_g in kind.RANGES_G:
        for rate_hz in kind.RATES_HZ[::3]:
            bench = Bench(name, buses(name)[0], bytes(60))
            sensor = bench.sensor(rate_hz, range_g)
            noise_um = kind.NOISE_UG * (1.57 * kind.bandwidth_of(rate_hz)) ** 0.5 * 9.80665
            digit = 1 << 16 - kind.bits_of(range_g)
            level = np.random.default_rng(seed).normal(0, noise_um / sensor.full_scale_um * 32768, (20000, 1))
            words = (np.round(level / digit) * digit).astype("<i2")
            quality = Quality(sensor, 1, 512)
            for at in range(0, len(words), 32):
                quality.look(words[at : at + 32].tobytes(), 32)
                assert not quality.flaws() & STUCK, (range_g, rate_hz)
                quality.passed(32)


def test_kinds_are_named() -> None:
    assert [KINDS[i] for i in range(1, 4)] == ["stuck", "saturated", "out of range"]
