# SPDX-License-Identifier: Apache-2.0
"""What happens to a sensor in the field, with every driver on every bus: docs/sensors.md promises what is tested here.

A node runs until something breaks, for a while with the fault, and then on: it must live, say what is wrong, give no
verdict on data that is not whole, and go on by itself once the fault is gone.
"""

import io
import json
from collections.abc import Callable

import pytest
from auscult import config
from auscult.node import Node
from auscult.sensors import CHIPS, driver
from hypothesis import given, settings
from hypothesis import strategies as st

from device.bench_chip import Bench, buses, middle_rate
from device.endless import Machine, Windows

PLACES = [(name, kind) for name in sorted(CHIPS) for kind in buses(name)]
EVERYWHERE = pytest.mark.parametrize(("name", "kind"), PLACES, ids=["-".join(place) for place in PLACES])


class Field:
    """A node with its sensor. lines: what it said."""

    def __init__(self, name: str, kind: str, **quality: object) -> None:
        chip = driver(name)
        self.bench = Bench(name, kind, Machine())
        self.chip, self.clock = self.bench.chip, self.bench.clock
        rate_hz, range_g = middle_rate(chip), chip.RANGES_G[-1]
        sensor = {"chip": name, "bus": kind, "rate_hz": rate_hz, "range_g": range_g, "cs": 5}
        quality = {"limit_g": 2 * range_g, **quality}
        self._out = io.BytesIO()
        self.pipeline = Windows(rate_hz, chip.full_scale_of(range_g) / 1e6)
        self.node = Node(config.check({"sensor": sensor, "quality": quality}), self.pipeline, self.bench.bus, self._out,
                         clock=self.clock)
        self._turns = self.node.turns()
        self.window_ms = 64000 / rate_hz

    def run(self, ms: float) -> list[dict]:
        """What the node says while so much time passes."""
        self._out.seek(0)
        self._out.truncate()
        end = self.clock.now + 1000 * ms
        while self.clock.now < end:
            self.clock.sleep_ms(next(self._turns))
        return [json.loads(line) for line in self._out.getvalue().splitlines()]


def errors(said: list[dict]) -> list[str]:
    return [line["error"] for line in said if "error" in line]


def flaws(said: list[dict]) -> set[str]:
    return {line.get("q", "") for line in said if "w" in line}


def well(field: Field, ms: float = 0) -> list[dict]:
    """Runs a while; the last windows must be without flaw again."""
    said = field.run(ms or 20 * field.window_ms)
    verdicts = [line for line in said if "w" in line]
    assert len(verdicts) > 5 and not [line for line in verdicts[-5:] if "q" in line], said[-5:]
    assert all(line["v"] == "rattle" for line in verdicts if "q" not in line)
    return said


@EVERYWHERE
def test_without_faults_nothing_is_said_but_verdicts(name: str, kind: str) -> None:
    field = Field(name, kind)
    said = well(field) + well(field)
    assert not errors(said) and flaws(said) == {""} and not [line for line in said if "warn" in line]


def breaks(field: Field, fault: Callable[[], None], ms: float, mend: Callable[[], None]) -> list[dict]:
    """What is said from the fault until the node is well again; the gap must have been marked."""
    well(field)
    fault()
    said = field.run(ms)
    mend()
    said += field.run(2 * ms + 2000)  # until the next attempt
    well(field)
    told = errors(said)
    assert told and all(text.startswith((f"no {field.bench.driver.NAME} ", f"{field.bench.driver.NAME} ")) for text in told)
    assert all(field.bench.bus.where in text and "check" in text for text in told)
    assert "missing" in flaws(said)
    return said


@EVERYWHERE
def test_unplugged_and_back(name: str, kind: str) -> None:
    field = Field(name, kind)

    def unplug() -> None:
        field.chip.present = False

    def plug_in() -> None:
        field.chip.brown_out()
        field.chip.present = True

    breaks(field, unplug, 3000, plug_in)


@EVERYWHERE
def test_bus_held_low(name: str, kind: str) -> None:
    field = Field(name, kind)
    said = breaks(field, lambda: setattr(field.chip, "stuck", True), 3000, lambda: setattr(field.chip, "stuck", False))
    if kind == "i2c":
        assert "the bus is stuck" in errors(said)[0]


@EVERYWHERE
def test_the_chip_browns_out(name: str, kind: str) -> None:
    field = Field(name, kind)
    said = breaks(field, field.chip.brown_out, 1500, lambda: None)
    assert len(errors(said)) == 1


def test_a_transfer_that_is_not_acknowledged() -> None:
    for name in sorted(CHIPS):
        if "i2c" in buses(name):
            field = Field(name, "i2c")
            said = breaks(field, lambda field=field: setattr(field.chip, "nack", 1), 600, lambda: None)
            assert len(errors(said)) == 1


@EVERYWHERE
def test_overrun(name: str, kind: str) -> None:
    field = Field(name, kind)
    well(field)
    overruns = field.node.sensor.overruns
    field.chip.overflow()
    said = field.run(3 * field.window_ms)
    assert flaws(said) == {"", "missing"} and not errors(said)
    assert field.node.sensor.overruns == overruns + 1 and 1 <= field.node.dropped <= 3
    well(field)


@EVERYWHERE
@pytest.mark.parametrize("fault", ["dead", "frozen"])
def test_an_axis_or_all_stop_moving(name: str, kind: str, fault: str) -> None:
    field = Field(name, kind, stuck=48)
    well(field)
    setattr(field.chip, fault, 1 if fault == "dead" else True)
    said = field.run(10 * field.window_ms)
    verdicts = [line for line in said if "w" in line]
    assert all(line.get("q") == "stuck" and line["v"] is None for line in verdicts[-5:]) and not errors(said)
    setattr(field.chip, fault, None if fault == "dead" else False)
    well(field)
    assert field.node.flawed[1] >= 5


@EVERYWHERE
@settings(deadline=None, max_examples=8)
@given(at=st.integers(0, 600), mask=st.integers(1, 255))
def test_a_byte_flipped_on_the_way(name: str, kind: str, at: int, mask: int) -> None:
    """There is no checksum on either bus: a flipped byte is a wrong sample, a wrong level or an error; the node lives, and
    soon all is as before."""
    field = Field(name, kind)
    well(field)
    field.chip.flip(at, mask)
    field.run(30 * field.window_ms + 2000)
    well(field)
    assert field.node.errors <= 1
