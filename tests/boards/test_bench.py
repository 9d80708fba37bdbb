# SPDX-License-Identifier: Apache-2.0
"""The benchmarks: figures meet their bars, two runs agree, wrong results are not counted."""

import itertools
import json
from pathlib import Path

import pytest
from auscult_host import bench, bench_models
from auscult_host.benchmarks import own
from auscult_host.benchmarks.counting import Case, CountingBoard, LeftOutError
from auscult_host.errors import AuscultError
from auscult_host.hostlib import HostPipeline
from auscult_host.simulator import SimBoard

CASES = ["f54", "forest", "forest_small", "activity", "load"]


@pytest.fixture(scope="module")
def result() -> bench.Result:
    return bench.run(["sim_m4"], bench.choose(CASES))


def test_two_runs_agree(result: bench.Result) -> None:
    assert result.unequal == [] and result.left_out == []
    assert {figure.case for figure in result.figures} == set(CASES)


@pytest.mark.parametrize(("case", "metric", "least", "most"), [
    ("f54", "instructions", 40_000, 85_000),
    ("f54", "file_bytes", 2_000, 6_656),
    ("f54", "heap_bytes", 0, 0),
    ("forest", "instructions", 300, 900),
    ("forest_small", "instructions", 300, 1_700),
    ("forest_small", "heap_bytes", 0, 0),
    ("activity", "instructions", 5_000, 25_000),
    ("activity", "heap_bytes", 0, 0),
    ("load", "instructions", 50_000, 1_000_000),
    ("load", "heap_bytes", 6_000, 9_216),
])
def test_figures_meet_their_bars(result: bench.Result, case: str, metric: str, least: int, most: int) -> None:
    value = result.value(case, "sim_m4", metric)
    assert value is not None and least <= value <= most


def test_an_import_keeps_hardly_more_than_the_file(result: bench.Result) -> None:
    kept, file = (result.value("load", "sim_m4", metric) for metric in ("heap_bytes", "file_bytes"))
    assert kept is not None and file is not None and 0.8 * file < kept <= 1.15 * file


def test_json_is_a_list_of_figures(result: bench.Result, tmp_path: Path) -> None:
    figures = json.loads(bench.write_json(result, tmp_path / "sub" / "bench.json").read_text())
    assert len(figures) == len(result.figures) > 10
    for figure in figures:
        assert list(figure) == ["case", "board", "metric", "value", "unit"]
        assert isinstance(figure["value"], int) and figure["board"] == "sim_m4" and figure["unit"]
    assert {"case": "forest", "board": "sim_m4", "metric": "heap_bytes", "value": 0, "unit": "bytes"} in figures


def test_the_documentation_shows_every_case_and_says_what_is_counted(result: bench.Result) -> None:
    text = bench.markdown(result)
    assert "not cycles" in text and "arm-none-eabi-gcc" in text
    assert all(f"| {case} |" in text for case in CASES)


def test_a_missed_bar_and_a_figure_that_changes_are_told() -> None:
    counter = itertools.count(2_000)
    changing = Case("forest", lambda board: {"instructions": next(counter)})
    absent = Case("peer.none", _absent)
    result = bench.run(["sim_m4"], [changing, absent])
    assert result.unequal == ["forest on sim_m4: instructions is 2000, then 2001"]
    assert result.left_out == ["peer.none on sim_m4: not here"]
    assert [figure.met for figure in result.figures] == [False]


def _absent(board: CountingBoard) -> dict[str, int]:
    raise LeftOutError("not here")


def test_calls_are_counted_with_the_call_and_without_the_loop() -> None:
    with SimBoard("sim_m4", deterministic=True) as sim:
        board = CountingBoard(sim)
        setup = "items = [1] * 100\nf = abs"
        once, twice = (board.calls(setup, "f", call)["instructions"] for call in ("f(item)", "f(item); f(item)"))
        assert once > 50 and abs(twice - 2 * once) <= 2
        assert board.calls("items = [1] * 100\ndef f(x): return [x]", "f", "f(item)")["heap_bytes"] >= 16


def test_wrong_classes_are_an_error_not_a_figure() -> None:
    code, rows, expected = own._code("tree", "fast")
    wrong = expected.copy()
    wrong[-1] = (wrong[-1] + 1) % 4
    with SimBoard("sim_m4", deterministic=True) as sim, pytest.raises(AuscultError, match="are not the estimator's"):
        own.predict(CountingBoard(sim), own.build.model_module("model", code, 12, "armv7emsp"), rows, wrong)


@pytest.mark.parametrize("names", [["f55"], ["f54", "feature.nothing"]])
def test_an_unknown_case_is_refused(names: list[str]) -> None:
    with pytest.raises(AuscultError, match=f"the case '{names[-1]}'"):
        bench.choose(names)


def test_an_unknown_board_is_refused_before_anything_runs() -> None:
    with pytest.raises(AuscultError, match="there is no board 'sim_m9'"):
        bench.run(["sim_m4", "sim_m9"], bench.choose(["f54"]))


def test_activity_windows_hold_several_classes() -> None:
    spec, forest, windows = bench_models.activity()
    pipeline = HostPipeline(spec, own.convert(forest, len(spec.features)))
    assert len({verdict.index for verdict in pipeline.push(windows.reshape(-1, 3))}) >= 4
