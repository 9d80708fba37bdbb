# SPDX-License-Identifier: Apache-2.0
"""Sentences of `auscult simulate --expect` and `--faults`: what they mean, and what is said of those that mean nothing."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auscult_host import durations, expectations, faults
from auscult_host.errors import AuscultError
from auscult_host.recordings import Recording
from hypothesis import given
from hypothesis import strategies as st

CLASSES = ["normal", "bearing", "out of balance"]


def node(*states: str | None, flaws: dict[int, str] | None = None, also: dict[int, dict[str, Any]] | None = None,
         **end: int) -> list[dict[str, Any]]:
    """Lines of a node with a window each second, the first one at 1 s; also: lines after a window."""
    lines: list[dict[str, Any]] = []
    for w, state in enumerate(states):
        flaw = (flaws or {}).get(w)
        lines.append({"t": 1000 * (w + 1), "w": w, "v": None if flaw else state or "normal", "s": state}
                     | ({"q": flaw} if flaw else {}))
        if also and w in also:
            lines.append(also[w])
    return [*lines, {"end": "recording ended", "windows": len(states), **end}]


STORY = node("normal", "normal", "bearing", "bearing", "normal", "out of balance", overruns=0)  # bearing 3-5 s, balance from 6 s
BROKEN = node(None, "normal", "normal", "normal", flaws={2: "missing, stuck"}, also={1: {"error": "no chip", "retry_s": 0.5}})


@pytest.mark.parametrize(("text", "met"), [
    ("bearing", True), ("bearing after 3 s", True), ("bearing after 3.1 s", False), ("bearing within 3 s", True),
    ("bearing before 2.9s", False), ("bearing between 2 and 4 s", True), ("bearing between 4 s and 5 s", False),
    ("bearing until 4 s", False), ("bearing from 3 s", False), ("out of balance from 6 s", True),
    ("out of balance from 5 s", False), ("normal until 2 s", True), ("normal until 2999 ms", True), ("normal until 3 s", False),
    ("alarm after 3 s", True), ("fault after 3 s", True), ("fault after 4 s", False), ("no alarm", False),
    ("no alarm before 3 s", True), ("no alarm before 3.5 s", False), ("no alarm after 5 s", False),
    ("no bearing after 5 s", True), ("no bearing after 4.9 s", False), ("no alarm between 5 s and 6 s", True),
    ("no out of balance until 6 s", True), ("alarms = 2", True), ("alarms < 2", False), ("verdicts >= 6", True),
    ("windows == 6", True), ("overruns = 0", True), ("errors = 0", False),  # not in the closing line: unknown
    ("  bearing   after 0.05 min ", True)])
def test_states(text: str, met: bool) -> None:
    outcome = expectations.parse(text, CLASSES).check(STORY)
    assert outcome.met is met and outcome.came


@pytest.mark.parametrize(("text", "met"), [
    ("sensor error", True), ("sensor error after 2 s", True), ("sensor error within 1 s", False), ("no sensor error", False),
    ("no error after 3 s", True), ("lost samples", True), ("no lost samples", False), ("no lost samples before 3 s", True),
    ("missing between 3 s and 3 s", True), ("stuck", True), ("no saturated", True), ("no out of range", True),
    ("no novel", True), ("novel", False), ("no warning", True), ("verdicts = 3", True), ("no alarm", True),
    ("normal until 1 h", True)])
def test_flaws_and_errors(text: str, met: bool) -> None:
    assert expectations.parse(text, CLASSES).check(BROKEN).met is met


def test_a_node_that_said_nothing_meets_nothing_that_must_come() -> None:
    for text in ("bearing", "alarm after 3 s", "normal until 5 s", "normal from 1 s", "verdicts > 0", "sensor error"):
        assert not expectations.parse(text, CLASSES).check([]).met


@pytest.mark.parametrize("text", ["", "bearings", "bearing later", "bearing after", "bearing after soon", "verdicts",
                                  "verdicts ~ 3", "verdicts >= -1", "bearing between 5 s and 3 s", "no", "alarm at 3 s",
                                  "BEARING", "bearing after 3 y"])
def test_what_cannot_be_understood_names_the_classes(text: str) -> None:
    with pytest.raises(AuscultError, match=r"after T.*normal, bearing, out of balance") as error:
        expectations.parse(text, CLASSES)
    assert "--expect" in error.value.hint


def test_an_alarm_needs_a_normal_class_and_until_a_class() -> None:
    with pytest.raises(AuscultError, match="none of them normal"):
        expectations.parse("alarm", ["idle", "walking"])
    assert expectations.parse("walking", ["idle", "walking"]).check(node("idle", "walking")).met
    with pytest.raises(AuscultError, match="until is for a class"):
        expectations.parse("sensor error until 3 s", CLASSES)
    assert expectations.parse("fault", ["ok", "fault"]).check(node("ok", "fault")).met  # a class of that name


@given(st.lists(st.sampled_from([None, *CLASSES]), min_size=1, max_size=12), st.sampled_from(CLASSES), st.integers(0, 13))
def test_after_and_before_agree_with_the_first_time(states: list[str | None], label: str, at: int) -> None:
    """Against a plain reading of the states."""
    said = node(*states)
    times = [w + 1 for w, state in enumerate(states) if state == label or (label == "normal" and state is None)]

    def met(text: str) -> bool:
        return expectations.parse(f"{text} {at} s" if text[-1] != "." else text[:-1], CLASSES).check(said).met

    assert met(f"{label}.") == bool(times) == (not met(f"no {label}."))
    assert met(f"{label} after") == bool(times and times[0] >= at)
    assert met(f"{label} within") == bool(times and times[0] <= at)
    assert met(f"no {label} before") == (not [t for t in times if t < at])
    assert met(f"{label} until") == (at >= 1 and all(t in times for t in range(1, min(at, len(states)) + 1)))
    assert met(f"{label} from") == (at <= len(states) and all(t in times for t in range(max(at, 1), len(states) + 1)))


@given(st.floats(0, 1e4, allow_nan=False).map(lambda x: round(x, 3)), st.sampled_from(sorted(durations.SECONDS)), st.booleans())
def test_times_in_any_unit(number: float, unit: str, spaced: bool) -> None:
    text = f"{number:.3f}{' ' if spaced else ''}{unit}"
    assert durations.seconds(text) == number * durations.SECONDS[unit]


# --- faults

RECORDING = Recording(np.cumsum(np.ones((2000, 3), np.float32), 0), 100.0, name="r")  # 20 s


REST = r"(:[0-9xyz%+.-]{0,4})?(@[0-9]{1,3}(ms|s|h)?(\+[0-9]s?)?)?"


@given(st.text(max_size=12) | st.from_regex("[a-z-]{2,8}" + REST, fullmatch=True)
       | st.sampled_from(sorted(faults.KINDS)).flatmap(lambda kind: st.from_regex(kind + REST, fullmatch=True)))
def test_any_text_is_a_fault_or_a_clear_error(text: str) -> None:
    try:
        fault = faults.parse(text)
    except AuscultError as error:
        assert repr(text) in error.found and error.expected and "--faults" in error.hint
        return
    assert fault.text == text.strip() and fault.kind in faults.KINDS and fault.at_s >= 0
    faults.on_board([fault], RECORDING)


@pytest.mark.parametrize("name", faults.KINDS)
def test_each_kind_has_an_example_that_works(name: str) -> None:
    fault = faults.parse(faults.KINDS[name].example)
    faults.check([fault], RECORDING, "adxl345", "i2c")
    words = np.zeros((2000, 3), np.int16)
    does = (faults.on_board([fault], RECORDING) or faults.rate_error_ppm([fault])
            or (faults.spoiled(RECORDING, [fault]).data != RECORDING.data).any()
            or (faults.stick(words + np.arange(2000, dtype=np.int16)[:, None], "xyz", RECORDING, [fault])[-1] != 1999).any())
    assert does


@pytest.mark.parametrize(("text", "says"), [
    ("silnet@4s", "silent@4s"), ("overrun@5s+2s", r"overrun\[:NUMBER\]\[@TIME\]"),
    ("silent:3@4s", r"silent\[@TIME\[\+DURATION\]\]"),
    ("rate:3%@4s", "rate:PERCENT%"), ("rate:20%", "at most 10 %"), ("noise@4s", "noise:LEVEL"), ("nack:x", "NUMBER"),
    ("stuck:x@", "AXIS")])
def test_what_is_no_fault_says_how_it_is_written(text: str, says: str) -> None:
    with pytest.raises(AuscultError, match=says):
        faults.parse(text)


@pytest.mark.parametrize(("text", "chip", "bus", "says"), [
    ("silent@20s", "adxl345", "i2c", "before its end"), ("overrun@5s", "sht4x", "i2c", "a slow sensor"),
    ("nack@5s", "adxl345", "spi", "acknowledges nothing"), ("stuck:q@5s", "adxl345", "i2c", "axes x, y, z")])
def test_what_this_sensor_cannot_have_is_refused(text: str, chip: str, bus: str, says: str) -> None:
    with pytest.raises(AuscultError, match=says):
        faults.check([faults.parse(text)], RECORDING, chip, bus)


def test_faults_of_the_signal_are_where_they_are_said_to_be() -> None:
    noisy = faults.spoiled(RECORDING, [faults.parse("noise:0.5@5s+2s"), faults.parse("gain:+10%@10s")]).data
    assert (noisy[:500] == RECORDING.data[:500]).all() and (noisy[700:1000] == RECORDING.data[700:1000]).all()
    assert 0.4 < np.std(noisy[500:700] - RECORDING.data[500:700]) < 0.6
    assert np.allclose(noisy[1000:], 1.1 * RECORDING.data[1000:])
    words = np.arange(6000, dtype=np.int16).reshape(-1, 3)
    stuck = faults.stick(words, "xyz", replace(RECORDING), [faults.parse("stuck:y@3s+1s")])
    assert (stuck[300:400, 1] == words[300, 1]).all()
    stuck[300:400, 1] = words[300:400, 1]
    assert (stuck == words).all()


def test_what_lasts_is_over_in_time() -> None:
    assert faults.on_board([faults.parse("silent@4s+2s"), faults.parse("overrun:50@5s")], RECORDING) == [
        [4000, "present", False], [5000, "overflow", 50], [6000, "present", True]]
    assert faults.on_board([faults.parse("bus-low@4s")], RECORDING)[-1] == [20000, "stuck", False]


def test_the_page_has_every_fault_and_its_sentences_are_understood() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "simulate.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \|", page.split("## What can break")[1].split("##")[0], re.M)
    assert [faults.parse(row).kind for row in rows] == list(faults.KINDS)
    sentences = re.findall(r'--expect "([^"]+)"', page) + re.findall(r"(?:met|NOT MET)  +(\S.*?)   \(", page)
    sentences += [text for line in re.findall(r"^expect = \[(.*)\]", page, re.M) for text in re.findall(r'"([^"]+)"', line)]
    assert len(sentences) >= 7
    for text in sentences:
        expectations.parse(text, ["normal", "bearing", "worn"])


def test_the_first_byte_is_number_one() -> None:
    assert faults.on_board([faults.parse("flip:7@5s")], RECORDING) == [[5000, "flip", 6, 0x40]]
