# SPDX-License-Identifier: Apache-2.0
"""What a node sends to `auscult monitor` between its verdicts: runs of the very samples; damaged ones are never shown."""

import io
import json

import numpy as np
import pytest
from auscult import config, pipeline
from auscult.node import Node
from auscult.waves import Waves
from auscult_host.monitoring import screen
from auscult_host.monitoring.state import State
from auscult_host.monitoring.web import Feed
from auscult_host.node import Module

from device.bench_chip import Bench
from device.listener import FULL_SCALE_UM, HOP, WINDOW, Listener, lines, signal
from device.test_slow_sampler import Bench as SlowBench

SAMPLES = 8000
G = 9.80665


@pytest.fixture(scope="module")
def words() -> np.ndarray:
    return signal(SAMPLES, seed=4)


def run(listener: Listener, words: np.ndarray, samples: int = 200, every_ms: int = 250, tapped: bool = True) -> list[dict]:
    """The lines of a node, on this computer."""
    bench, stream = Bench("adxl345", "i2c", words.tobytes()), io.BytesIO()
    node = Node(config.check({"name": "pump_3"}), pipeline.load(Module(listener.host())), bench.bus, stream, None, bench.clock,
                bench.chip, tap=(lambda made: Waves(made, samples, every_ms, bench.clock)) if tapped else None)
    for nap_ms in node.turns():
        bench.clock.sleep_ms(nap_ms)
    return lines(stream.getvalue().decode())


def waves(said: list[dict]) -> tuple[State, list[np.ndarray]]:
    """The state that the lines lead to, and each run as the chip's words."""
    state, found = State(), []
    for line in said:
        before = state.waves
        state.add(json.dumps(line))
        if state.waves > before:
            assert state.wave is not None
            found.append(np.round(state.wave.values * (32768 * G / (FULL_SCALE_UM / 1e6))).astype(np.int16))
    return state, found


def test_runs_are_the_samples_that_the_pipeline_heard_and_change_no_verdict(listener: Listener, words: np.ndarray) -> None:
    said = run(listener, words)
    state, found = waves(said)
    assert len(found) >= 15 and state.damaged == state.broken_waves == state.lost == 0  # 5 s, one each 250 ms
    at = 0
    for run_ in found:
        at = next(i for i in range(at, len(words) - 199) if np.array_equal(words[i:i + 200], run_))
        at += 200
    plain = run(listener, words, tapped=False)
    assert [line for line in said if "w" in line] == [line for line in plain if "w" in line]
    assert state.verdicts == (SAMPLES - WINDOW) // HOP + 1 == sum(state.counts.values())
    assert state.node["node"] == "pump_3" and state.node["classes"] == ["normal", "rattle"] and state.node["sensor"] == "ADXL345"
    assert state.rate_hz == pytest.approx(1600, rel=0.01)
    assert not [line for line in plain if "node" in line or "wave" in line]


def test_without_runs_only_the_line_that_says_what_it_is(listener: Listener, words: np.ndarray) -> None:
    said = run(listener, words, every_ms=0)
    assert [line["node"] for line in said if "node" in line] == ["pump_3"] and not [line for line in said if "wave" in line]


def test_lost_samples_are_in_no_run(listener: Listener, words: np.ndarray) -> None:
    made, state = [], State()
    bench, stream = Bench("adxl345", "i2c", words.tobytes()), io.BytesIO()
    node = Node(config.check({}), pipeline.load(Module(listener.host())), bench.bus, stream, None, bench.clock, bench.chip,
                tap=lambda node: made.append(Waves(node, 200, 1, bench.clock)) or made[0])
    node.connect()
    for turn in range(700):
        node.step()
        bench.clock.sleep_ms(100 if turn % 60 == 40 else 4)  # 160 samples: more than the FIFO holds
    assert node.sampler.overruns > 8
    found = []
    for line in lines(stream.getvalue().decode()):
        before = state.waves
        state.add(json.dumps(line))
        if state.waves > before:
            found.append(np.round(state.wave.values * (32768 * G / (FULL_SCALE_UM / 1e6))).astype(np.int16))
    places = {words[i:i + 8].tobytes(): i for i in range(len(words) - 8)}
    for run_ in found:
        at = places[run_[:8].tobytes()]
        assert np.array_equal(words[at:at + 200], run_)
    assert len(found) > 5 and state.overruns > 0 and state.flaws["missing"] > 8


@pytest.mark.parametrize("what", ["a character", "a line", "the beginning"])
def test_a_run_with_a_damaged_or_lost_piece_is_counted_and_not_shown(listener: Listener, words: np.ndarray, what: str) -> None:
    said = [json.dumps(line) for line in run(listener, words)]
    pieces = [i for i, line in enumerate(said) if '"wave"' in line]
    whole = sum(json.loads(said[i])["at"] == 0 for i in pieces)
    spoilt = pieces[0] if what == "the beginning" else pieces[1]
    assert (json.loads(said[spoilt])["at"] == 0) == (what == "the beginning")
    text = json.loads(said[spoilt])["wave"]
    if what == "a character":
        said[spoilt] = said[spoilt].replace(text, ("B" if text[0] == "A" else "A") + text[1:])
    else:
        del said[spoilt]
    state = State()
    for line in said:
        state.add(line)
    assert state.waves == whole - 1 and state.damaged == (what == "a character")
    assert state.broken_waves == 1


def test_of_a_slow_sensor_each_sample_comes_as_a_trend_without_spectrum() -> None:
    rows = [(4 + 0.25 * i, 60 - i, 100 * (i % 3 == 0)) for i in range(12)]
    bench, stream = SlowBench(rows), io.BytesIO()
    bench.pipeline.name, bench.pipeline.info["hop"] = "cold", 1
    settings = config.check({"sensor": {"chip": "sht4x", "period_s": 30, "door_pin": 6}})
    node = Node(settings, bench.pipeline, bench.bus, stream, clock=bench.clock, source=bench.feed, door=bench.line,
                tap=lambda made: Waves(made, 512, 500, bench.clock))
    for nap_ms in node.turns():
        bench.clock.sleep_ms(nap_ms)
    state, _ = waves(lines(stream.getvalue().decode()))
    assert state.wave is not None and state.wave.is_trend and state.wave.axes == ("temperature", "humidity", "door")
    assert np.allclose(state.wave.values[:12], rows, atol=0.02) and state.damaged == 0
    screen.draw(state, "sim_m4", 120, 40)
    event = Feed(state, "sim_m4").event()
    assert not event["spectra"] and event["wave"]["unit"] == "" and len(event["wave"]["values"][0]) == len(state.wave.values)
    state.heard -= 50  # a sample each 30 s
    assert not state.is_silent
    state.heard -= 50
    assert state.is_silent
