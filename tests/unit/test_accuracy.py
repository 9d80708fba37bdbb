# SPDX-License-Identifier: Apache-2.0
"""`make accuracy` without its sets: figures from verdicts, what is skipped, exit codes."""

import json
from pathlib import Path

import numpy as np
import pytest
from auscult_host import train
from auscult_host.accuracy import Figure, __main__, fan, measuring, pumps, temperature, worst
from auscult_host.errors import AuscultError
from auscult_host.recordings import Recording


def figure(value: float, bar: float | None) -> Figure:
    return Figure("s", "by session", "accuracy", value, worst({"a": value}), 100, bar)


def test_a_session_counts_as_one_however_long_it_is() -> None:
    said = measuring.Verdicts(np.array(["n", "n", "n", "n"]), np.array(["n", "n", "n", "f"]), np.array([0, 0, 1, 2]),
                              np.arange(4), np.zeros((4, 1)), np.zeros(4, bool))
    assert measuring.session_means(said, ["H1", "H1", "F1"]) == {"H1": 1.0, "F1": 0.0}
    assert pumps.balanced({"H1": 1.0, "F1": 0.0, "F2": 0.5, "F3": 1.0}) == 0.75
    assert worst({"b": 0.2, "a": 0.2, "c": 0.3}) == {"name": "a", "value": 0.2}


def test_halves_of_the_fan_share_no_sample() -> None:
    pieces = 40
    data = np.arange(pieces * 200 * 3, dtype=np.float32).reshape(-1, 3)
    first, second = fan.halves(Recording(data, 200, label="high", piece=200, name="high"))
    assert [len(part.data) % 200 for part in (*first, second)] == [0] * 5 and len({part.session for part in first}) == 4
    assert max(part.data.max() for part in first) + fan.GAP * 600 < second.data.min()
    assert sum(len(part.data) for part in first) == 20 * 200


def day_of(series: temperature.Series) -> float:
    return temperature.auc(series, temperature.fit(series, ("min", "max"), "level"))


def test_only_what_comes_after_the_training_is_judged() -> None:
    """A spell of heat scores high; one within the first 15 % is neither learnt nor judged."""
    rng = np.random.default_rng(0)
    data = rng.normal(20, 1, (2000, 1)).astype(np.float32)
    anomaly = np.zeros(2000, bool)
    anomaly[250:280] = anomaly[1500:1560] = True
    data[250:280] += 30
    data[1500:1550] += 8
    series = temperature.Series(Recording(data, 1 / 3600, ("t",), "degC", name="room"), anomaly, 24)
    assert len(series.learnt.data) == 250 and series.judged == 300
    assert day_of(series) > 0.95


def test_a_model_has_the_size_of_its_code() -> None:
    rng = np.random.default_rng(0)
    recordings = [Recording(rng.normal(0, 1 + (i % 2), (2000, 1)), 100, ("x",), label="ab"[i % 2], session=str(i), name=f"r{i}")
                  for i in range(4)]
    settings = [train.Settings(window=64, hop=64, features=("std", "max"), trees=trees) for trees in (2, 20)]
    small, large = (measuring.model_bytes(train.train(recordings, one, group_by="session").code()) for one in settings)
    assert 50 < small < large
    found = measuring.verdicts(train.train(recordings, settings[1], group_by="session"), recordings)
    assert found.right.mean() > 0.9 and len(found.said) == 4 * 31 and not found.novel.any()


@pytest.mark.parametrize(("value", "code"), [(0.9, 0), (0.7, 1)])
def test_a_missed_bar_is_told_by_the_exit_code(value: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AUSCULT_CACHE", str(tmp_path))
    (tmp_path / "here").mkdir()
    sets = (__main__.RealSet("one", "here", lambda *_: [figure(value, 0.8)]), __main__.RealSet("two", "gone", lambda *_: []))
    monkeypatch.setattr(__main__, "SETS", sets)
    assert __main__.main(["--data", str(tmp_path)]) == code
    rows = json.loads((tmp_path / "accuracy.json").read_text())
    assert [(row["set"], row["value"], row["passed"], row["model_bytes"]) for row in rows] == [("s", value, not code, 100)]
    said = capsys.readouterr().out
    assert "skipped, not" in said and "gone" in said and ("reached" in said) == (not code)


def test_without_any_set_nothing_is_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUSCULT_MOTION", raising=False)
    assert __main__.main(["--data", str(tmp_path), "--out", str(tmp_path / "out.json")]) == 2
    assert not (tmp_path / "out.json").exists()


def test_a_set_that_fails_is_an_error_not_a_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(*_: object) -> list[Figure]:
        raise AuscultError("no facts.json", "a whole set")

    monkeypatch.setenv("AUSCULT_CACHE", str(tmp_path))
    monkeypatch.setattr(__main__, "SETS", (__main__.RealSet("one", ".", measure),))
    assert __main__.main(["--data", str(tmp_path)]) == 2
    assert not json.loads((tmp_path / "accuracy.json").read_text())[0]["passed"]
