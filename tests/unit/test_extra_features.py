# SPDX-License-Identifier: Apache-2.0
"""Extra features on the PC: the example of the page, what the checker refuses, rows with them, and the bundle."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from auscult_host import cli, dataset, device, extra_features, generate, recordings, rows, toolchain
from auscult_host.errors import AuscultError
from sklearn.tree import DecisionTreeClassifier

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ulab.md"
EXAMPLE = re.search(r"```python\n(NAMES.*?)```", PAGE.read_text(), re.DOTALL)[1]  # type: ignore[index]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset, the page's example and rows with it."""
    folder = tmp_path_factory.mktemp("extra")
    generate.generate(folder / "data", machines=2, sessions=1, seconds=3.0)
    (folder / "extra_features.py").write_text(EXAMPLE)
    cli.app(["features", str(folder / "data"), "--out", str(folder / "rows.parquet"), "--window", "128", "--features",
             "std,crest", "--extra", str(folder / "extra_features.py")], standalone_mode=False)
    return folder


def test_rows_hold_what_numpy_says_of_each_window(made: Path) -> None:
    table = rows.read(made / "rows.parquet")
    assert table.names[-3:] == ["swing", "rises", "tilt"] and table.values.shape[1] == len(table.spec.features) + 3
    assert table.values.dtype == np.int16
    words = {entry.name: recordings.to_int16(entry.read(), table.spec.full_scale) for entry in dataset.scan(made / "data")}
    for row, name, start in list(zip(table.values, table.recording, table.start, strict=True))[::7]:
        window = words[name][start:start + 128].astype(float)
        swing, rises = np.ptp(window[:, 2]), (np.diff(window[:, 0]) > 0).sum()
        mean = window.mean(axis=0)
        tilt = np.degrees(np.arctan2(mean[0], np.hypot(mean[1], mean[2]))) * 100
        assert np.abs(row[-3:] - [swing, rises, tilt]).max() <= 1
    assert len(np.unique(table.values[:, -3])) > 5


@pytest.mark.parametrize(("value", "expected"), [(2.5, 2), (3.5, 4), (-2.5, -2), (1e9, 32767), (-1e9, -32768), (float("nan"), 0),
                                                 (float("inf"), 32767), (True, 1), (np.float32(7.4), 7), (32767.4, 32767)])
def test_a_number_becomes_a_word(value: float, expected: int) -> None:
    assert device.module("extra").word(value) == expected


BODY = 'NAMES = ["a"]\ndef features(np, window):\n    {}\n    return [1]\n'


@pytest.mark.parametrize(("text", "line", "found"), [
    (BODY.format("np.fft.fft(window)"), 3, "np.fft"),
    (BODY.format("np.argsort(window[:, 0])"), 3, "np.argsort"),
    (BODY.format("window.mean()"), 3, ".mean of an array"),
    (BODY.format("np.mean(window, 0)"), 3, "np.mean with 2 arguments without a name"),
    (BODY.format("np.std(window, keepdims=True)"), 3, "keepdims="),
    (BODY.format("window @ window"), 3, "`window @ window`"),
    (BODY.format("open('x')"), 3, "the name open"),
    (BODY.format("import os"), 3, "`import`"),
    ("import numpy\n" + BODY.format("pass"), 1, "`import`"),
    (BODY.format("np.int16(3)"), 3, "np.int16 called"),
    (BODY.format("x = 1j"), 3, "`1j`"),
    ('NAMES = ["rms"]\ndef features(np, window):\n    return [1]\n', 1, "the name rms"),
    ('NAMES = "a"\ndef features(np, window):\n    return [1]\n', 1, "NAMES"),
])
def test_what_is_not_shared_is_refused_with_its_line(tmp_path: Path, text: str, line: int, found: str) -> None:
    (tmp_path / "own.py").write_text(text)
    with pytest.raises(AuscultError) as error:
        extra_features.load(tmp_path / "own.py")
    assert f"own.py, line {line}: " in error.value.found and found in error.value.found


@pytest.mark.parametrize(("text", "found"), [
    ("x = 1\n", "no features(np, window)"), ("def features(np, window):\n    return [1]\n", "no NAMES"), ("def (", "own.py"),
])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "own.py").write_text(text)
    with pytest.raises(AuscultError) as error:
        extra_features.load(tmp_path / "own.py")
    assert found in str(error.value)


@pytest.mark.parametrize(("body", "found"), [("return [1, 2]", "gives 2 values, NAMES has 1"),
                                             ("x = [0][3]", "line 3: list index")])
def test_what_goes_wrong_in_it_is_told_with_its_line(tmp_path: Path, body: str, found: str) -> None:
    (tmp_path / "own.py").write_text(f'NAMES = ["a"]\ndef features(np, window):\n    {body}\n')
    with pytest.raises(AuscultError) as error:
        extra_features.load(tmp_path / "own.py").of([np.zeros((16, 3), np.int16)])
    assert found in error.value.found


def test_the_page_lists_the_subset() -> None:
    table = extra_features.subset()
    listed = set(re.findall(r"`np\.(\w+)`", PAGE.read_text()))
    assert listed == set(table["functions"]) | set(table["constants"])
    assert set(extra_features.ATTRIBUTES) == set(re.findall(r"`\.(\w+)(?:\(\))?`", PAGE.read_text()))


def test_the_bundle_has_both_modules(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = rows.read(made / "rows.parquet")
    joblib.dump(DecisionTreeClassifier(max_depth=4, random_state=0).fit(table.values, table.labels), made / "own.joblib")
    result: dict[str, Any] = cli.app(["build", str(made / "own.joblib"), "--like", str(made / "rows.parquet"), "--arch", "x64",
                                      "--json"], standalone_mode=False)
    bundle = Path(result["bundle"])
    assert {"pipeline-x64.mpy", "model-x64.mpy", "extra.json", "extra_features.py", "pipeline.c"} <= {
        file.name for file in bundle.iterdir()}
    told = json.loads((bundle / "extra.json").read_text())
    assert told["shifts"] == table.spec.shifts and told["classes"] == sorted(set(table.labels))
    # built again over itself, and refused with columns that the rows do not have
    cli.app(["build", str(made / "own.joblib"), "--like", str(made / "rows.parquet"), "--arch", "x64"], standalone_mode=False)
    joblib.dump(DecisionTreeClassifier().fit(table.values[:, :-3], table.labels), made / "few.joblib")
    capsys.readouterr()
    with pytest.raises(AuscultError) as error:
        cli.app(["build", str(made / "few.joblib"), "--like", str(made / "rows.parquet")], standalone_mode=False)
    assert "a model of 6 features" in error.value.found


def test_a_board_without_ulab_says_so(made: Path) -> None:
    code = "from auscult import pipeline\npipeline.load('/extra.json')"
    firmware = Path(extra_features.__file__).resolve().parents[2] / "firmware"
    done = subprocess.run([toolchain.unix_micropython(), "-c", code], env={"MICROPYPATH": f"{firmware}:.frozen"}, text=True,
                          capture_output=True)
    assert "this firmware has no ulab" in done.stdout + done.stderr
