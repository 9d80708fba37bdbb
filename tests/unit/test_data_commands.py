# SPDX-License-Identifier: Apache-2.0
"""The commands that make, bring in, train on and judge recordings, as a user calls them."""

import json

import numpy as np
import pytest
from auscult_host import cli, train


@pytest.fixture
def auscult(capsys):
    """auscult(*arguments) -> exit code, standard output, standard error."""
    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main([str(a) for a in arguments])
            raise SystemExit(0)
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("machines")
    with pytest.raises(SystemExit):
        cli.main(["generate", str(path / "data"), "--machines", "3", "--sessions", "1", "--seconds", "4", "--json"])
        raise SystemExit(0)
    return path / "data"


def test_generate_train_evaluate(auscult, folder, tmp_path):
    model = tmp_path / "pump.joblib"
    code, out, err = auscult("train", folder, "--out", model, "--trees", 5, "--depth", 5, "--trials", 0)
    assert code == 0 and "balanced accuracy" in out and "worst machine" in out
    assert f"auscult build {model}" in err.replace("\n", "")
    assert train.load(model).spec.name == "pump" and train.load(model).metrics["balanced_accuracy"] > 0.5
    code, out, _ = auscult("evaluate", model, folder, "--leaky", "--picture", tmp_path / "c.png", "--json")
    result = json.loads(out)
    assert code == 0 and result["leaky_balanced_accuracy"] >= result["balanced_accuracy"]
    assert result["balanced_accuracy"] == train.load(model).metrics["balanced_accuracy"]
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.png", "pump.card.md", "pump.joblib", "pump.metrics.json"]


def test_import_says_what_it_guessed_and_what_comes_next(auscult, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("t,ax,ay,az\n" + "".join(f"{i / 100:.2f},0.01,0.02,{1 + i % 2 / 100}\n" for i in range(300)))
    code, out, err = auscult("import", log, "--out", tmp_path / "data", "--label", "normal", "--machine", "press 1")
    assert code == 0 and "1 recordings, 3 s in all, 100 Hz, x, y, z in m/s²" in out
    assert "guessed from the length of gravity" in err and "auscult train" in err
    code, out, _ = auscult("import", log, "--out", tmp_path / "data", "--json")
    assert json.loads(out)["labels"] == {"": 1}


def test_features_are_listed(auscult):
    code, out, _ = auscult("train", "--list-features", "--json")
    names = [row["name"] for row in json.loads(out)["features"]]
    assert code == 0 and len(names) >= 24 and "kurtosis" in names


@pytest.mark.parametrize("arguments, found", [
    (("generate", "{new}", "--faults", "rust"), "the fault 'rust'"),
    (("import", "{new}", "--out", "{new}"), "there is no file or folder"),
    (("train", "{new}"), "there is no folder"),
    (("train",), "no dataset given"),
    (("train", "{data}", "--name", "my pump"), "'my pump' is not an identifier"),
    (("train", "{data}", "--template", "toaster"), "there is no template 'toaster'"),
    (("train", "{data}", "--trials", "0", "--window", "100000"), "window 100000"),
    (("train", "{data}", "--trials", "0", "--window", "0"), "window 0"),
    (("train", "{data}", "--trials", "0", "--hop", "0"), "hop 0"),
    (("train", "{data}", "--trials", "0", "--features", ","), "features = []"),
    (("train", "{data}", "--name", ""), "'' is not an identifier"),
    (("train", "{data}", "--group", "weekday"), "grouping by 'weekday'"),
    (("evaluate", "{new}.joblib", "{data}"), "there is no file"),
])
def test_errors_are_one_clear_line_and_leave_nothing(auscult, folder, tmp_path, monkeypatch, arguments, found):
    monkeypatch.chdir(tmp_path)
    arguments = [a.format(new=tmp_path / "new", data=folder) for a in arguments]
    code, out, err = auscult(*arguments)
    assert code == 1 and found in err.replace("\n", "") and "Traceback" not in err and not out
    code, out, _ = auscult(*arguments, "--json")
    assert code == 1 and found in json.loads(out)["error"]["found"]
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_recording_is_named(auscult, folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    victim = sorted(tmp_path.iterdir())[2]
    victim.write_bytes(victim.read_bytes()[:1000])
    code, _, err = auscult("train", tmp_path, "--out", tmp_path / "m.joblib")
    assert code == 1 and victim.name in err.replace("\n", "") and not (tmp_path / "m.joblib").exists()


def test_samples_survive_generation(folder):
    from auscult_host.recordings import read

    data = read(next(folder.iterdir())).data
    assert data.shape == (6400, 3) and np.isfinite(data).all()
