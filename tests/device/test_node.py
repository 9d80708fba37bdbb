# SPDX-License-Identifier: Apache-2.0
"""The node on MicroPython with a real native pipeline: verdicts, 0 bytes of heap, survival, what it reports."""

import io
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from auscult import config
from auscult.node import Node
from auscult.virtual.clock import VirtualClock

from device.bench_chip import Bench
from device.listener import HOP, WINDOW, Listener, elliptic, lines, make_listener, signal

WINDOWS = 10_200


@pytest.fixture(scope="module")
def long_recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    words = signal(WINDOW + HOP * (WINDOWS - 1), seed=9)
    path = tmp_path_factory.mktemp("recording") / "words"
    path.write_bytes(words.tobytes())
    return path, words


class TestNode:
    @pytest.fixture(autouse=True)
    def _given(self, micropython: Callable[..., str], listener: Listener, long_recording: tuple[Path, np.ndarray],
               tmp_path: Path) -> None:
        self.recording, self.words = long_recording
        self.listener, self.folder = listener, tmp_path

        def run(situation: str, place: str = "adxl345/i2c/1600", samples: int | None = None,
                words: np.ndarray | None = None, listener: Listener = listener) -> tuple[str, list[dict]]:
            recording = self.recording
            if samples or words is not None:
                recording = tmp_path / "other"
                recording.write_bytes((self.words[:samples] if words is None else words).tobytes())
            module = listener.module("x64")
            printed = micropython("run_node.py", situation, module, recording, tmp_path / "lines", place, heap="2m")
            return printed, lines((tmp_path / "lines").read_text())

        self.run = run

    def verdicts(self, said: list[dict]) -> list[str]:
        return [line["v"] for line in said if "w" in line]

    def expected(self, samples: int) -> list[str]:
        return [self.listener.spec.classes[i] for i in self.listener.expected(self.words[:samples])]

    @pytest.mark.parametrize("place", ["adxl345/i2c/1600", "lis3dh/spi/1344"])
    def test_ten_thousand_windows_with_the_heap_locked(self, place: str) -> None:
        printed, said = self.run("locked", place)
        windows, marked = map(int, printed.split())
        assert windows >= 10_000 and marked == 0
        assert self.verdicts(said) == self.expected(len(self.words))
        assert [line["w"] for line in said if "w" in line] == list(range(WINDOWS))

    @pytest.mark.parametrize("situation", ["loop", "interrupt"])
    def test_ten_thousand_windows_under_asyncio_leave_no_byte(self, situation: str) -> None:
        printed, said = self.run(situation)
        windows, grown = map(int, printed.split())
        assert windows >= WINDOWS - 1 and grown == 0
        assert self.verdicts(said) == self.expected(len(self.words))[:windows]
        assert said[-1]["end"] == "recording ended" and said[-1]["windows"] == windows

    def test_the_lines_say_what_the_pipeline_says(self) -> None:
        _, said = self.run("locked", samples=20_000)
        host = self.listener.host().push(self.words[:20_000])
        verdicts = [line for line in said if "w" in line]
        assert [line["p"] for line in verdicts] == pytest.approx([v.proba[v.index] for v in host], abs=0.006)
        assert not [line for line in verdicts if "q" in line] and {line["s"] for line in verdicts} == {"normal", "rattle"}
        times = [line["t"] for line in verdicts]
        assert all(18 <= later - sooner <= 32 for sooner, later in pairwise(times))  # 20 ms a hop
        assert times[-1] == pytest.approx(20_000 / 1.6, rel=0.01)

    def test_a_broken_sensor_is_reported_tried_again_and_its_gap_is_marked(self) -> None:
        printed, said = self.run("faults", samples=60_000)
        windows, marked, errors = map(int, printed.split())
        told = [line["error"] for line in said if "error" in line]
        assert errors == len(told) == 6 and all("no ADXL345 at 0x53 on I2C(1)" in text for text in told)
        assert windows > 500 and 3 <= marked <= 6  # three gaps, each lies in one or two windows
        assert said[-1]["end"] and said[-1]["overruns"] == 1
        gaps = [line["w"] for line in said if line.get("q") == "missing"]
        assert len(gaps) == marked

    def test_a_chip_that_answers_but_gives_no_samples_is_an_error(self) -> None:
        printed, _ = self.run("silent", samples=5000)
        assert "no samples for" in printed and "check wiring, power" in printed

    def test_a_failing_serial_line_costs_lines_only(self) -> None:
        printed, said = self.run("deaf", samples=5000)
        windows, errors, cut = map(int, printed.split())
        assert windows == (5000 - WINDOW) // HOP + 1 and errors == 0
        assert cut == (windows + 1) // 7 and not [line for line in said if "error" in line]

    def test_the_heap_is_in_order_before_sampling(self) -> None:
        printed, _ = self.run("tidy", samples=500)
        assert int(printed) > 200_000

    @pytest.mark.parametrize("place", ["adxl345/i2c/1600", "lis3dh/spi/1344"])
    def test_scores_of_an_anomaly_detector_with_the_heap_locked(self, place: str) -> None:
        printed, said = self.run("locked", place, samples=20_000, listener=make_listener(elliptic()))
        scores = [line["score"] for line in said if "w" in line]
        assert len(scores) > 600 and int(printed.split()[0]) > 500
        assert 10**8 < max(scores) < 2**30 and min(scores) < 10**6

    @pytest.mark.parametrize(("ppm", "warns"), [(100000, False), (-100000, False), (250000, True),
                                                    (-250000, True)])
    def test_it_warns_when_the_true_rate_is_off(self, ppm: int, warns: bool) -> None:
        _, said = self.run(str(ppm), samples=60_000)
        true_hz = 1600 * (1 + ppm / 1e6)
        assert said[-1]["rate_mhz"] == pytest.approx(true_hz * 1000, rel=0.001)
        told = [line["warn"] for line in said if "warn" in line]
        assert len(told) == warns
        if warns:
            found = re.fullmatch(r"the sensor samples at (\S+) Hz, the pipeline was made for 1600.0 Hz \+-20 %", told[0])
            assert found and float(found[1]) == pytest.approx(true_hz, rel=0.005)
            verdicts = [line for line in said if "w" in line]
            assert {line["q"] for line in verdicts if line["t"] > 3000} == {"rate"}
            assert said[-1]["rate"] == said[-1]["dropped"] > 0.9 * said[-1]["windows"]
            assert not [line for line in verdicts if "q" in line and line["v"] is not None]

    def test_other_range_and_rate_than_the_pipelines_are_told_at_the_start(self) -> None:
        _, said = self.run("0", "lis3dh/i2c/400", samples=2000)
        told = " ".join(line["warn"] for line in said if "warn" in line)
        assert "samples at 400.0 Hz" in told
        assert "full scale of the sensor is 241.0 m/s2, of the pipeline 156.9 m/s2" in told

    def test_only_changes_and_heartbeats(self) -> None:
        """Rattling by turns for 15 s, then quiet for 15 s; a heartbeat after 5 s without a line."""
        still = np.random.default_rng(0).normal(0, 300, (24_000, 3)).astype("<i2") // 16 * 16
        words = np.concatenate([self.words[:24_000], still])
        _, said = self.run("changes", words=words)
        assert said[-1]["windows"] == (len(words) - WINDOW) // HOP + 1
        verdicts = [line for line in said if "w" in line]
        assert len(verdicts) < said[-1]["windows"] / 2
        states = [line["s"] for line in verdicts if "h" not in line]
        assert all(one != other for one, other in pairwise(states)) and len(states) > 3
        heartbeats = [line["t"] for line in verdicts if "h" in line]
        assert len(heartbeats) >= 2 and heartbeats[0] > 15_000
        assert all(5000 <= later - sooner <= 5050 for sooner, later in pairwise(heartbeats))
        *before, _ = (self.folder / "lines").read_text().splitlines(keepends=True)
        assert said[-1]["bytes"] == sum(map(len, before))


class Saying:
    """Takes a pipeline's place and says what it is told to."""

    axes, classes, info = "xyz", ["normal", "fault"], {"rate_hz": 1600, "full_scale": 156.9064, "window": 64}
    index, window, marked, novel, has_score = 1, 0, True, False, False

    def proba(self, i: int) -> int:
        return 32768


def test_a_window_with_lost_samples_is_reported_but_never_decided_on() -> None:
    out = io.BytesIO()
    node = Node(config.check({}), pipeline=Saying(), stream=out, bus=Bench("adxl345", "i2c", bytes(600)).bus,
                clock=VirtualClock())
    node.connect()
    for _ in range(20):
        node._verdict(node.pipeline)
    assert node.decision.state == 0 and node.dropped == 20
    node.pipeline.marked = False
    for _ in range(5):
        node._verdict(node.pipeline)
    assert node.decision.state == 1
    said = lines(out.getvalue().decode())
    assert [line.get("q") for line in said] == ["missing"] * 20 + [None] * 5
    assert [line["v"] for line in said] == [None] * 20 + ["fault"] * 5 and said[-1]["s"] == "fault"


def test_a_window_unlike_training_is_no_verdict() -> None:
    out = io.BytesIO()
    node = Node(config.check({}), pipeline=Saying(), stream=out, bus=Bench("adxl345", "i2c", bytes(600)).bus,
                clock=VirtualClock())
    node.connect()
    node.pipeline.marked, node.pipeline.novel = False, True
    for _ in range(20):
        node._verdict(node.pipeline)
    assert node.decision.state == 0 and node.dropped == 20
    assert {(line["v"], line["q"]) for line in lines(out.getvalue().decode())} == {(None, "novel")}
    assert node.summary("enough")["novel"] == 20
