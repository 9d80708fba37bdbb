# SPDX-License-Identifier: Apache-2.0
"""A slow sensor in the node: on time, gaps marked, out of scale told, and back after a fault."""

import io
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from auscult import config
from auscult.node import Node
from auscult.sensors import driver
from auscult.sensors.bus import I2CBus, SensorError
from auscult.slow_sampler import SlowSampler
from auscult.virtual.bus import I2C
from auscult.virtual.clock import VirtualClock
from auscult.virtual.feed import Feed, chip_class

AXES = ("temperature", "humidity", "door")


class Line:
    """A door's pin."""

    def __init__(self) -> None:
        self.level = 0

    def drive(self, level: int) -> None:
        self.level = level

    def value(self) -> int:
        return self.level


class Bench:
    """A chip that is fed with rows of °C, % and open or closed, and a pipeline that keeps what it is given."""

    def __init__(self, rows: list[tuple[float, ...]], period_s: float = 30, chip: str = "sht4x", axes: tuple[str, ...] = AXES,
                 full_scale: float = 128.0) -> None:
        self.clock, self.line, self.rows = VirtualClock((1 << 30) - 2_000_000), Line(), []
        words = np.rint(np.array(rows) / full_scale * 32768).astype("<i2")
        self.feed = Feed(io.BytesIO(words.tobytes()), axes, full_scale, int(1000 * period_s), self.line.drive)
        self.chip = chip_class(chip)(self.clock, **self.feed.quantities())
        bus = I2C()
        address = driver(chip).ADDRESSES[0]
        bus.devices[address] = self.chip
        self.bus = I2CBus(bus, address)
        self.clock.sleep_ms(1000)
        info = {"full_scale": full_scale, "window": 4, "rate_hz": 1 / period_s, "name": "slow", "axes": list(axes)}
        self.marks: list[int] = []
        self.pipeline: Any = SimpleNamespace(
            axes=axes, info=info, push=self._push, mark=lambda: self.marks.append(len(self.rows)), classes=[], has_score=False,
            index=-1, window=0, marked=False)
        self.times: list[int] = []

    def _push(self, block: Any, on_verdict: Callable[[Any], None] | None = None) -> None:
        self.rows.append(tuple(block))
        self.times.append(self.clock.now)

    def sampler(self, period_ms: int = 30000) -> SlowSampler:
        kind = driver("sht4x")
        return SlowSampler(kind(self.bus, self.clock), self.pipeline, period_ms, self.clock, self.line)


def run(bench: Bench, sampler: SlowSampler) -> None:
    sampler.start()
    while not bench.feed.ended:
        sampler.step()
        bench.clock.sleep_ms(sampler.nap_ms())


def test_every_sample_comes_once_in_time_and_as_the_pc_scales_it() -> None:
    rows = [(4 + 0.25 * i, 60 - i, 100 * (i % 3 == 0)) for i in range(40)]
    bench = Bench(rows)
    sampler = bench.sampler()
    run(bench, sampler)
    assert sampler.samples == 40 and sampler.overruns == 0 and not bench.marks
    assert np.abs(np.array(bench.rows) / 256 - np.array(rows)).max() < 0.01
    steps = np.diff(bench.times)
    assert steps.min() == steps.max() == 30_000_000  # µs: the schedule does not drift


def test_a_late_turn_is_a_gap_and_what_follows_is_in_time() -> None:
    bench = Bench([(5.0, 50.0, 0)] * 12)
    sampler = bench.sampler()
    sampler.start()
    while not bench.feed.ended:
        sampler.step()
        bench.clock.sleep_ms(100_000 if len(bench.rows) == 5 and not bench.marks else sampler.nap_ms())
    assert bench.marks == [5] and sampler.overruns == 1
    assert len(bench.rows) < 12
    assert {(at - bench.times[0] + 500_000) // 1_000_000 % 30 for at in bench.times} <= {0, 10}


def test_what_the_scale_cannot_hold_is_told_for_a_window() -> None:
    bench = Bench([(5.0, 50.0, 0), (70.0, 50.0, 0), *[(5.0, 50.0, 0)] * 5], full_scale=128.0)
    bench.pipeline.info["full_scale"] = 64.0
    sampler = bench.sampler()
    flaws: list[int] = []
    push = bench.pipeline.push
    bench.pipeline.push = lambda block, on_verdict: (push(block), flaws.append(sampler.flaws()))
    run(bench, sampler)
    assert [flaw > 0 for flaw in flaws] == [False, True, True, True, True, False, False]
    assert bench.rows[1][0] == 32767


def test_a_pipeline_that_needs_more_than_there_is_is_refused() -> None:
    bench = Bench([(5.0, 50.0, 0)])
    bench.pipeline.axes = ("temperature", "pressure")
    with pytest.raises(ValueError, match="needs axis pressure; SHT4x has temperature_c, humidity_percent"):
        bench.sampler()
    bench.pipeline.axes = ("door",)
    bench.line = None  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"give sensor\.door_pin"):
        bench.sampler()


def node(bench: Bench, lines: list[dict[str, Any]], **settings: Any) -> Node:
    checked = config.check({"sensor": {"chip": "sht4x", "period_s": 30, "door_pin": 6}, **settings})

    class Stream:
        def write(self, data: bytes) -> int:
            lines.extend(json.loads(line) for line in bytes(data).splitlines())
            return len(data)

        def flush(self) -> None: ...

    return Node(checked, bench.pipeline, bench.bus, Stream(), clock=bench.clock, source=bench.feed, door=bench.line)


def turn(made: Node, bench: Bench, each: Callable[[], None] = lambda: None) -> Any:
    turns = made.turns()
    while True:
        try:
            bench.clock.sleep_ms(next(turns))
            each()
        except StopIteration as end:
            return end.value


def test_the_node_outlives_a_sensor_that_is_away_for_a_while() -> None:
    bench, lines = Bench([(5.0, 50.0, 0)] * 30), []
    made = node(bench, lines)
    began = bench.clock.now

    def unplug() -> None:
        bench.chip.present = not 200_000_000 < bench.clock.now - began < 320_000_000

    figures = turn(made, bench, unplug)
    assert figures["errors"] > 0 and figures["samples"] < 30
    assert any("error" in line and "retry_s" in line for line in lines)
    assert bench.marks and 5 <= bench.marks[0] <= 8
    assert lines[-1]["end"] == "recording ended"


def test_a_period_other_than_the_pipelines_is_told() -> None:
    bench, lines = Bench([(5.0, 50.0, 0)] * 3), []
    bench.pipeline.info["rate_hz"] = 1 / 60
    turn(node(bench, lines), bench)
    assert "sensor.period_s is 30, the pipeline was made for a sample every 60.0 s" in lines[0]["warn"]


@pytest.mark.parametrize(("sensor", "more", "says"), [
    ({"chip": "sht4x"}, {}, "sensor.period_s is missing, sht4x is a slow sensor"),
    ({"chip": "sht4x", "period_s": 60, "int_pin": 4}, {}, "sensor.int_pin is 4, but sht4x is a slow sensor"),
    ({"chip": "tmp117", "period_s": 60}, {"power": {"on_s": 5, "off_s": 5}}, "power.on_s is 5, but tmp117 is a slow sensor"),
    ({"chip": "adxl345", "period_s": 60}, {}, "sensor.period_s is 60, that is for slow sensors: bme280"),
    ({"chip": "adxl345", "door_pin": 3}, {}, "sensor.door_pin is 3, that is for slow sensors"),
    ({"chip": "tmp117", "period_s": 60, "bus": "spi"}, {}, "sensor.bus is spi, but TMP117 has none"),
    ({"chip": "tmp117", "period_s": 0}, {}, "sensor.period_s is 0, allowed: a number from 0.1")])
def test_a_configuration_that_mixes_both_kinds_of_sensors_is_refused(sensor: dict[str, Any], more: dict[str, Any],
                                                                     says: str) -> None:
    with pytest.raises(config.ConfigError, match=says):
        config.check({"sensor": sensor, **more})


def test_silence_is_an_error_of_the_sensor() -> None:
    bench = Bench([(5.0, 50.0, 0)])
    sampler = bench.sampler()
    sampler.start()
    bench.chip.present = False
    with pytest.raises((SensorError, OSError)):
        for _ in range(3):
            sampler.step()
            bench.clock.sleep_ms(sampler.nap_ms())


def test_on_micropython_a_sample_takes_no_heap(micropython: Callable[..., str]) -> None:
    samples, temperature, door, humidity, pressure = map(int, micropython("run_slow_sampler.py").split())
    assert samples == 50 and door == 25600
    found = [word / 256 for word in (temperature, humidity, pressure)]
    assert np.abs(np.array(found) - (4.5, 71.0, 101.325)).max() < 0.05
