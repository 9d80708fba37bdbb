# SPDX-License-Identifier: Apache-2.0
"""From rows to a model of one's own and back to the device: what scikit-learn says is what the pipeline says."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pyarrow.parquet as pq
import pytest
from auscult_host import cli, dataset, own_models, rows, toolchain, train
from auscult_host.hostlib import HostPipeline
from sklearn.covariance import EllipticEnvelope
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

Run = Callable[..., dict[str, Any]]


def _call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in arguments])
        raise SystemExit(0)
    return int(stop.value.code or 0)


@pytest.fixture
def auscult(capsys: pytest.CaptureFixture[str]) -> Run:
    """auscult(*arguments) -> the result of `--json`."""
    def call(*arguments: object) -> dict[str, Any]:
        capsys.readouterr()
        code = _call(*arguments, "--json")
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert (code != 0) == ("error" in result)
        return result

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset and its rows."""
    path = Path(tmp_path_factory.mktemp("own"))
    assert _call("generate", path / "data", "--machines", 3, "--sessions", 1, "--seconds", 4, "--json") == 0
    assert _call("features", path / "data", "--out", path / "rows.parquet", "--window", 256, "--features",
                 "std_log2,kurtosis,share_1_4,crest", "--json") == 0
    return path


def fitted(folder: Path, estimator: Any) -> tuple[Any, rows.Rows]:
    table = rows.read(folder / "rows.parquet")
    return estimator.fit(table.values.astype(float), table.labels), table


def test_rows_are_what_the_model_sees(folder: Path) -> None:
    table = rows.read(folder / "rows.parquet")
    columns = pq.read_table(folder / "rows.parquet").column_names
    assert columns == [*table.spec.features, "label", "group", "recording", "start"]
    entry = dataset.scan(folder / "data")[1]
    pipeline = HostPipeline(table.spec)
    cut = dataset.windows([entry.read()], 256, 256, full_scale=table.spec.full_scale)
    own = table.recording == entry.name
    assert (table.values[own] == pipeline.quantised(cut.data)).all()
    assert (table.start[own] == cut.start).all() and set(table.labels[own]) == set(cut.labels)


def test_a_pipeline_around_ones_own_estimator(folder: Path, auscult: Run) -> None:
    model, table = fitted(folder, make_pipeline(RobustScaler(), SelectKBest(k=7), LogisticRegression(max_iter=500)))
    joblib.dump(model, folder / "own.joblib")
    built = auscult("build", folder / "own.joblib", "--like", folder / "rows.parquet", "--arch", "x64", "--novelty", 0.02)
    manifest = json.loads((Path(built["bundle"]) / "manifest.json").read_text())
    assert manifest["classes"] == sorted(set(table.labels)) and manifest["features"] == table.spec.features
    assert manifest["model"]["kind"] == "LogisticRegression" and manifest["model"]["chosen"] == 7
    assert manifest["model"]["guard"]["centres"] == len(manifest["classes"])

    trained = train.load(built["model"])
    recording = dataset.scan(folder / "data")[0].read()
    run = trained.pipeline().run(np.ascontiguousarray(
        dataset.windows([recording], 256, 256, full_scale=table.spec.full_scale).data.reshape(-1, 3)))
    own = table.values[table.recording == recording.name]
    assert [trained.spec.classes[i] for i in run.index] == model.predict(own.astype(float)).tolist()
    assert ((run.flags & 4) > 0).tolist() == trained.guard.novel(own).tolist()
    refused = auscult("evaluate", built["model"], folder / "data")
    assert "a model of your own" in refused["error"]["found"]


def test_an_anomaly_detector_of_ones_own(folder: Path) -> None:
    table = rows.read(folder / "rows.parquet")
    model = make_pipeline(StandardScaler(), EllipticEnvelope(support_fraction=1.0)).fit(table.values[table.labels == "normal"])
    trained = own_models.as_trained(model, folder / "rows.parquet")
    assert trained.spec.classes == ["anomaly", "normal"] and trained.settings.detector
    said = np.array([-1, 1])[trained.pipeline().predict_q(table.values)[0]]
    assert (said == model.predict(table.values.astype(float))).all()


def test_a_model_alone_says_the_same_under_micropython(folder: Path, auscult: Run, tmp_path: Path) -> None:
    model, table = fitted(folder, make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)))
    joblib.dump(model, tmp_path / "my-model.joblib")
    built = auscult("build", tmp_path / "my-model.joblib", "--arch", "x64", "--bits", "16")
    assert built["features"] == len(table.spec.features) and built["name"] == "my_model"
    assert built["description"]["bits"] == 16 and built["description"]["class_agreement"] > 0.98
    (tmp_path / "m.mpy").write_bytes((Path(built["bundle"]) / "model-x64.mpy").read_bytes())
    code = ("import m\nfrom array import array\nout = array('i', [0] * m.OUT_WORDS)\n"
            f"for x in {table.values[::10].tolist()}: print(m.predict(array('h', x), out), end='')")
    done = subprocess.run([str(toolchain.unix_micropython()), "-c", code], check=True, capture_output=True, text=True,
                          env={**os.environ, "MICROPYPATH": str(tmp_path)})
    expected = model.predict(table.values[::10].astype(float))
    said = np.array(built["classes"])[[int(digit) for digit in done.stdout]]
    assert (said == expected).mean() > 0.97  # 16 bits are not promised to be exact
    again = auscult("build", tmp_path / "my-model.joblib", "--arch", "x64")  # over the earlier bundle
    assert again["description"]["bits"] == 32


def test_what_cannot_be_built_is_said(folder: Path, auscult: Run, tmp_path: Path) -> None:
    model, table = fitted(folder, LogisticRegression(max_iter=10))
    joblib.dump({"a": 1}, tmp_path / "dict.joblib")
    joblib.dump(Ridge().fit(table.values, np.arange(len(table.values))), tmp_path / "ridge.joblib")
    joblib.dump(LogisticRegression(), tmp_path / "unfitted.joblib")
    joblib.dump(model, tmp_path / "good.joblib")
    joblib.dump(LogisticRegression(max_iter=10).fit(table.values[:, :3], table.labels), tmp_path / "three.joblib")
    (tmp_path / "text.joblib").write_text("no")
    like = ("--like", folder / "rows.parquet")
    for name, more, found in (
        ("dict.joblib", (), "holds a dict"), ("ridge.joblib", (), "a Ridge as the model"), ("unfitted.joblib", (), "not fitted"),
        ("text.joblib", (), "cannot be read"), ("none.joblib", (), "no file"), ("three.joblib", like, "a model of 3 features"),
        ("good.joblib", (*like, "--classes", "a"), "the classes a"),
        ("good.joblib", ("--like", folder / "none.parquet"), "no file"),
        ("good.joblib", ("--bits", "12"), "bits=12"),
    ):
        assert found in auscult("build", tmp_path / name, "--arch", "x64", *more)["error"]["found"]
    assert "RidgeClassifier" in auscult("build", tmp_path / "ridge.joblib", "--arch", "x64")["error"]["hint"]
