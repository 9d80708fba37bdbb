# SPDX-License-Identifier: Apache-2.0
"""Training: the model that is saved is the one that the compiled C runs, and bad requests are refused clearly."""

import dataclasses

import joblib
import numpy as np
import pytest
from auscult_host import dataset, train
from auscult_host.cli import main
from auscult_host.errors import AuscultError
from auscult_host.generate import machine_run, make_machine
from auscult_host.recordings import Recording
from auscult_host.train import Settings

KINDS = [name for name, kind in train.MODELS.items() if not kind.compares]  # those need features of one unit
SMALL = Settings(window=256, hop=256, features=("std", "rms", "kurtosis", "skewness", "share_1_4"), trees=5, depth=5)


@pytest.fixture(scope="module")
def recordings():
    return [machine_run(make_machine(m), fault, seconds=4)
            for m in range(2) for fault in ("normal", "unbalance", "bearing")]


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_model_says_what_scikit_learn_says(recordings, kind):
    if train.MODELS[kind].detector:  # learns one machine, over several days
        recordings = [machine_run(make_machine(0), fault, seconds=4, session=s)
                      for s in range(4) for fault in ("normal", "unbalance", "bearing")]
    trained = train.train(recordings, dataclasses.replace(SMALL, model=kind))
    cut = dataset.windows(recordings, 256, 256, full_scale=trained.spec.full_scale)
    pipeline = trained.pipeline()
    rows = pipeline.quantised(cut.data)
    said = np.array(trained.spec.classes)[pipeline.predict_q(rows)[0]]
    raw = trained.estimator.predict(rows)
    if trained.settings.detector:
        raw = (raw + 1) // 2  # -1 and 1
    expected = np.array(trained.spec.classes)[raw] if kind == "gmm" or trained.settings.detector else raw
    assert (said == expected).all()
    truth = np.where(cut.labels == "normal", "normal", "anomaly") if trained.settings.detector else cut.labels
    assert (said == truth).mean() > 0.9


def test_features_shifts_and_names_follow_the_settings(recordings):
    trained = train.train(recordings, SMALL, name="pump")
    assert trained.spec.name == "pump" and len(trained.spec.features) == 15 == len(trained.spec.shifts)
    assert trained.spec.features[0] == "std.x" and trained.spec.classes == ["bearing", "normal", "unbalance"]
    assert trained.training["groups"] == ["machine_1", "machine_2"]
    several = dataclasses.replace(SMALL, features=("f54", "crest", "env_kurtosis.z"))
    mixed = train.base_spec(recordings, several, "p", 20.0)
    assert len(mixed.features) == 55 and mixed.features[-1] == "env_kurtosis.z"


def test_keep_leaves_the_most_important_features(recordings):
    labels = np.array(["a", "b"] * 50)
    raw = np.random.default_rng(0).integers(-1000, 1000, (100, 15)).astype(np.int32)
    raw[:, 7] = np.where(labels == "a", -900, 900)
    base = train.base_spec(recordings, SMALL, "p", 20.0)
    spec = train.fit(base, raw, labels, labels, dataclasses.replace(SMALL, keep=3)).spec
    assert len(spec.features) == 3 == len(spec.shifts) and base.features[7] in spec.features
    assert spec.features == sorted(spec.features, key=base.features.index)


def test_the_same_seed_gives_the_same_model(recordings):
    first, again = (train.train(recordings, SMALL) for _ in range(2))
    assert first.code().c_source == again.code().c_source
    other = train.train(recordings, dataclasses.replace(SMALL, seed=1))
    assert other.code().c_source != first.code().c_source


def test_save_and_load(recordings, tmp_path):
    trained = train.train(recordings, SMALL)
    trained.metrics = {"balanced_accuracy": 0.5}
    train.save(trained, tmp_path / "m.joblib")
    loaded = train.load(tmp_path / "m.joblib")
    assert (loaded.spec, loaded.settings, loaded.training, loaded.metrics) == (
        trained.spec, trained.settings, trained.training, trained.metrics)
    assert loaded.code().c_source == trained.code().c_source


def test_load_refuses_what_is_not_a_model(recordings, tmp_path):
    path = tmp_path / "m.joblib"
    with pytest.raises(AuscultError, match="there is no file"):
        train.load(path)
    train.save(train.train(recordings, SMALL), path)
    whole = path.read_bytes()
    for size in (0, 5, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(AuscultError, match="cannot be read as a model"):
            train.load(path)
    joblib.dump([1, 2], path)
    with pytest.raises(AuscultError, match=r"not a model of auscult \(list\)"):
        train.load(path)
    joblib.dump({"format": 99, "spec": {}}, path)
    with pytest.raises(AuscultError, match="format version 99"):
        train.load(path)


def test_load_refuses_settings_and_parts_it_does_not_know(recordings, tmp_path):
    path = train.save(train.train(recordings, SMALL), tmp_path / "m.joblib")
    whole = joblib.load(path)
    for changed, message in (({"settings": whole["settings"] | {"pruning": 3}}, "unexpected keyword argument 'pruning'"),
                             ({"spec": whole["spec"] | {"taper": "hann"}}, "taper"), ({"settings": None}, "m.joblib is not as"),
                             ({"settings": {}}, "features")):
        joblib.dump(whole | changed, path)
        with pytest.raises(AuscultError, match=message):
            train.load(path)
    del whole["training"]
    joblib.dump(whole, path)
    with pytest.raises(AuscultError, match="training"):
        train.load(path)


def test_rows_of_another_width_are_refused(recordings):
    pipeline = train.train(recordings, SMALL).pipeline()
    for shape in ((15,), (2, 14), (1, 2, 15)):
        with pytest.raises(AuscultError, match=r"rows of shape .*expected \[n, 15\]"):
            pipeline.predict_q(np.zeros(shape, np.int16))
    assert len(pipeline.predict_q(np.zeros((0, 15), np.int16))[0]) == 0


@pytest.mark.parametrize("changes, message", [
    ({"model": "svm"}, "the model 'svm'; expected one of forest"),
    ({"features": ("loudness",)}, "loudness"),
    ({"features": ("rms.w",)}, "rms.w"),
    ({"window": 8192}, "window 8192: 8192 points; expected 16 to 4096"),
    ({"window": 32}, "32"),
    ({"hop": 0}, "hop"),
])
def test_bad_settings_are_named(recordings, changes, message):
    with pytest.raises(AuscultError, match=message):
        train.train(recordings, dataclasses.replace(SMALL, **changes))


def test_labels_must_be_there(recordings):
    def noise(label, name):
        return Recording(np.random.default_rng(0).normal(size=(1000, 3)), 100.0, label=label, name=name)

    with pytest.raises(AuscultError, match="only one class"):
        train.train([noise("normal", "a"), noise("normal", "b")], SMALL)
    with pytest.raises(AuscultError, match="1 recordings have no label, the first is 'b'"):
        train.train([noise("normal", "a"), noise("", "b")], SMALL)
    with pytest.raises(AuscultError, match="an anomaly detector learns what is normal"):
        train.train([noise("worn", "a"), noise("loose", "b")], dataclasses.replace(SMALL, model="elliptic"))
    with pytest.raises(AuscultError, match="pipeline name 'my pump' is not an identifier"):
        train.train(recordings, SMALL, name="my pump")


@pytest.mark.parametrize("wrong, message", [
    (["--model", "forst"], "--model forest"), (["--hop", "0"], "hop 0"), (["--window", "0", "--hop", "0"], "window 0"),
    (["--false-alarms", "5", "--model", "elliptic"], "false alarms"), (["--novelty", "2"], "novel windows")])
def test_numbers_that_no_pipeline_can_have_are_refused_before_anything_is_read(wrong, message, capsys):
    for trials in ("0", "2"):
        with pytest.raises(SystemExit):
            main(["train", "nowhere", "--trials", trials, *wrong])
        assert message in capsys.readouterr().err
