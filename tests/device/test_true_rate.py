# SPDX-License-Identifier: Apache-2.0
"""The true sample rate of every chip at every rate: to 0.1 % within 10 s, by interrupt and by polling."""

import io

import pytest
from auscult import config
from auscult.node import Node
from auscult.sensors import CHIPS, driver

from device.bench_chip import Bench, buses
from device.endless import Machine, Windows


def estimate_mhz(name: str, rate_hz: float, rate_ppm: int, line: bool) -> tuple[int, int]:
    """The node's estimate and the virtual chip's own rate."""
    kind = driver(name)
    place = buses(name)[0]
    bench = Bench(name, place, Machine(), rate_ppm=rate_ppm, line=line)
    sensor = {"chip": name, "bus": place, "rate_hz": rate_hz, "range_g": kind.RANGES_G[-1], "cs": 5}
    pipeline = Windows(rate_hz, kind.full_scale_of(kind.RANGES_G[-1]) / 1e6, 512, 512)
    node = Node(config.check({"sensor": sensor}), pipeline, bench.bus, io.BytesIO(), bench.pin, bench.clock)
    end = bench.clock.now + 10_000_000 + bench.chip.START_US
    for nap_ms in node.turns():
        bench.clock.sleep_ms(nap_ms)
        if bench.clock.now >= end:
            break
    assert node.sampler.overruns == node.errors == 0
    return node.sampler.rate.mhz(), bench.chip._rate_mhz


@pytest.mark.parametrize("name", sorted(CHIPS))
def test_within_a_tenth_of_a_percent_after_ten_seconds(name: str) -> None:
    kind = driver(name)
    for rate_hz in kind.RATES_HZ:
        if (rate_hz > 4000 and rate_hz != kind.RATES_HZ[-1]) or rate_hz < 1:
            continue  # the fastest takes long enough; below 1 Hz ten seconds hold too few samples
        for line in (False, True) if kind.WATERMARK_LINE else (False,):
            rate_ppm = 71000 if line else -83000
            found, true = estimate_mhz(name, rate_hz, rate_ppm, line)
            assert found == pytest.approx(true, rel=0.001), (rate_hz, line)
            assert true == pytest.approx(rate_hz * (1000 + rate_ppm / 1000), rel=0.002)
