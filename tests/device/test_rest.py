# SPDX-License-Identifier: Apache-2.0
"""Sampling saves power: duty cycle, rest until motion, light sleep."""

import io
import json

import numpy as np
import pytest
from auscult import config
from auscult.node import Node
from auscult.sensors import CHIPS, driver

from device.bench_chip import Bench, buses, middle_rate
from device.endless import Machine, Windows

WAKING = [name for name in sorted(CHIPS) if hasattr(driver(name), "wake_on_motion")]


def make(name: str, power: dict, machine: Machine | None = None) -> tuple[Bench, Node, io.BytesIO]:
    kind, place = driver(name), buses(name)[0]
    bench = Bench(name, place, machine or Machine(), 16 * 9806650)
    sensor = {"chip": name, "bus": place, "rate_hz": middle_rate(kind), "range_g": kind.RANGES_G[-1], "cs": 5}
    pipeline = Windows(sensor["rate_hz"], kind.full_scale_of(kind.RANGES_G[-1]) / 1e6)
    out = io.BytesIO()
    node = Node(config.check({"sensor": sensor, "power": power, "quality": {"stuck": 0}}), pipeline, bench.bus, out,
                clock=bench.clock)
    return bench, node, out


class Going:
    """A node that goes on from one look at it to the next."""

    def __init__(self, *made: object) -> None:
        self.bench, self.node, self.out = made
        self._turns = self.node.turns()

    def run(self, seconds: float) -> list[tuple[int, bool]]:
        """(time in ms, whether the chip fills its FIFO) at every turn."""
        seen, end = [], self.bench.clock.now + int(seconds * 1e6)
        while self.bench.clock.now < end:
            nap_ms = next(self._turns)
            chip = self.bench.chip
            seen.append((self.bench.clock.now // 1000, bool(chip.measuring and not chip._threshold)))
            self.bench.clock.sleep_ms(nap_ms)
        return seen

    def turn_to(self, words: bytes) -> None:
        """From now on the machine does something else."""
        recording = self.bench.chip.recording
        recording._stream._words, recording._stream._at = words, 0
        recording._at = recording._end = 0


def test_a_duty_cycle_keeps_its_times_and_marks_the_windows_around_a_rest() -> None:
    going = Going(*make("lis3dh", {"on_s": 2, "off_s": 8}))
    node, seen = going.node, going.run(40)
    on = np.array([measures for _, measures in seen])
    times = np.array([ms for ms, _ in seen])
    starts = times[1:][on[1:] & ~on[:-1]]
    stops = times[1:][~on[1:] & on[:-1]]
    assert len(starts) == 3 and np.allclose(np.diff(starts), 10_000, atol=100)
    assert np.allclose(starts - stops[: len(starts)], 8000, atol=100)
    said = [json.loads(line) for line in going.out.getvalue().splitlines()]
    assert {line.get("q", "") for line in said} == {"", "missing"}
    assert 3 <= node.dropped <= 6 and node.errors == 0


@pytest.mark.parametrize("name", WAKING)
def test_it_rests_until_the_machine_moves(name: str) -> None:
    """Moves, stands still for 12 s, moves again."""
    lively = np.random.default_rng(1).normal(0, 6000, (20000, 3)).astype("<i2").tobytes()
    still = np.tile(np.array([0, 0, 2000], "<i2"), (20000, 1)).tobytes()
    going = Going(*make(name, {"on_s": 5, "wake_g": 0.5}))
    assert all(fills for _, fills in going.run(4.9)[1:])
    going.turn_to(still)
    seen = going.run(12)
    assert not any(fills for _, fills in seen[-20:]), "the machine stands still: the chip only watches"
    going.turn_to(lively)
    assert going.run(2)[-1][1] and going.node.errors == 0
