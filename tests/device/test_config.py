# SPDX-License-Identifier: Apache-2.0
"""The node's configuration file: what is allowed, and one clear error for what is not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from auscult import config
from hypothesis import given, settings
from hypothesis import strategies as st


def test_an_empty_object_gives_every_key_a_default() -> None:
    checked = config.check({})
    for section, key, *_ in config.TABLE:
        assert key in (checked[section] if section else checked)
    assert checked["sensor"]["address"] == 0x53
    assert config.check({"sensor": {"chip": "lis3dh", "rate_hz": 400}})["sensor"]["address"] == 0x18


@pytest.mark.parametrize(("given_", "says"), [
    ([], r"found \[\], expected an object"),
    ({"sensor": 3}, "sensor is 3, expected an object"),
    ({"sensors": {}},
     "unknown key sensors; known: decision, name, pipeline, power, quality, report, sensor, shaft_hz, watchdog_s"),
    ({"sensor": {"rate": 1}}, "unknown key sensor.rate; known: address, bus, chip"),
    ({"sensor": {"chip": "bma"}}, 'sensor.chip is "bma", allowed: "adxl345"'),
    ({"sensor": {"range_g": 3}}, "sensor.range_g is 3, allowed with adxl345: 2, 4, 8, 16"),
    ({"sensor": {"rate_hz": "fast"}}, 'sensor.rate_hz is "fast", allowed: a number from 0.1 to 30000'),
    ({"sensor": {"rate_hz": -1}}, "sensor.rate_hz is -1, allowed"),
    ({"sensor": {"rate_hz": 1000}}, "sensor.rate_hz is 1000, allowed with adxl345: 12.5, 25, 50, .*, 3200$"),
    ({"sensor": {"chip": "lis3dh"}}, "sensor.rate_hz is 1600, allowed with lis3dh: 1, 10, .*, 1344$"),
    ({"sensor": {"watermark": 40}}, "sensor.watermark is 40, allowed with adxl345: 1 to 32"),
    ({"sensor": {"watermark": 512}}, "sensor.watermark is 512, allowed: a whole number from 1 to 511"),
    ({"power": {"on_s": 10}}, "power.on_s is 10, needed with it: off_s or wake_g"),
    ({"power": {"off_s": 10}}, "power.on_s is missing"),
    ({"quality": {"limit_g": 0}}, "quality.limit_g is 0, allowed: a number from 0.1"),
    ({"sensor": {"watermark": 1.5}}, "sensor.watermark is 1.5"),
    ({"sensor": {"watermark": True}}, "sensor.watermark is true"),
    ({"sensor": {"scl": [1]}}, r"sensor.scl is \[1\], allowed: a pin's number or name"),
    ({"sensor": {"bus": "spi"}}, "sensor.cs is missing"),
    ({"name": ""}, "name is \"\", allowed: text of 1 to 32"),
    ({"decision": {"k": 4, "n": 3}}, "k_off 1, k 4, n 3; needed: k_off < k <= n"),
    ({"decision": {"per_class": {"a": 1}}}, "decision.per_class.a is 1"),
    ({"decision": {"per_class": {"a": {"x": 1}}}}, "unknown key decision.per_class.a.x; known: k, k_off"),
    ({"decision": {"per_class": {"a": {"k": -1}}}}, "decision.per_class.a.k is -1"),
    ({"report": {"every": "hour"}}, 'report.every is "hour", allowed: "window", "change"'),
])
def test_the_error_names_key_found_and_allowed(given_: object, says: str) -> None:
    with pytest.raises(config.ConfigError, match=says):
        config.check(given_)


KEYS = ["sensor", "decision", "report", "k", "cs", "per_class", "chip", "x"]


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
                    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(KEYS), one, max_size=4),
                    max_leaves=12))
def test_whatever_is_given_it_is_checked_or_refused(given_: object) -> None:
    try:
        checked = config.check(given_)
    except config.ConfigError:
        return
    assert config.check(checked) == checked


def test_a_file_cut_anywhere_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "auscult.json"
    text = json.dumps({"name": "pump 3", "sensor": {"chip": "lis3dh", "rate_hz": 400}, "decision": {"k": 2}}, indent=1)
    for n in range(len(text)):
        path.write_text(text[:n])
        with pytest.raises(config.ConfigError, match=rf"\.json is not JSON, it may be cut short \({n} characters\)"):
            config.load(str(path))
        assert path.read_text() == text[:n]
    path.write_text(text)
    assert config.load(str(path))["sensor"]["rate_hz"] == 400


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match=r"no node configuration at .*nothing\.json"):
        config.load(str(tmp_path / "nothing.json"))
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(config.ConfigError, match="is not text"):
        config.load(str(tmp_path / "binary.json"))


def test_a_file_cut_anywhere_is_refused_on_micropython_too(micropython: Callable[..., str], tmp_path: Path) -> None:
    assert micropython("run_config.py", tmp_path / "auscult.json").strip() == "ok"
