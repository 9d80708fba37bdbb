# SPDX-License-Identifier: Apache-2.0
"""Evaluation tells the truth: no group judges a model that has met it, and a leak shows."""

import contextlib
import dataclasses
import importlib
import json

import numpy as np
import pytest
from auscult_host import alarms, dataset, decision, evaluate, paths, pictures, recordings, scores, train
from auscult_host.cli import main
from auscult_host.commands.evaluate import show
from auscult_host.errors import AuscultError
from auscult_host.generate import machine_run, make_machine
from auscult_host.recordings import Recording
from auscult_host.train import Settings
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, recall_score

SMALL = Settings(window=256, hop=256, features=("std", "kurtosis", "skewness", "share_1_4"), trees=5, depth=5)


def signature(session, label, seconds=4):
    """A recording whose sound tells the session and nothing about the label: what a leaky split falls for."""
    rng = np.random.default_rng([session, label == "worn"])
    place = 2 * session + (label == "worn")  # in frequency: the neighbours there are the other label of another session
    tone = np.sin(np.arange(int(seconds * 1000))[:, None] * (0.2 + 0.35 * place))
    return Recording(rng.normal(0, 1, (len(tone), 3)) + 3 * tone, 1000.0, label=label, machine="one",
                     session=f"s{session}", name=f"s{session}_{label}")


@pytest.fixture(scope="module")
def machines():
    return [machine_run(make_machine(m), fault, seconds=4)
            for m in range(3) for fault in ("normal", "unbalance", "bearing")]


@pytest.fixture(scope="module")
def trained(machines):
    return train.train(machines, SMALL)


def test_groups_are_held_out_and_figures_are_consistent(machines, trained):
    result = evaluate.evaluate(trained, machines)
    confusion = np.array(result["confusion"])
    assert "anew without each machine" in result["how"] and result["group_by"] == "machine"
    assert [g["name"] for g in result["groups"]] == ["machine_1", "machine_2", "machine_3"]
    assert confusion.sum() == result["windows"] == sum(g["windows"] for g in result["groups"]) == 9 * 25
    assert result["balanced_accuracy"] == pytest.approx(np.mean(np.diag(confusion) / confusion.sum(axis=1)))
    low, high = result["balanced_accuracy_95"]
    assert 0 <= low <= result["balanced_accuracy"] <= high <= 1
    assert result["balanced_accuracy"] > 0.7 and not result["guessing"]
    assert "leaky_balanced_accuracy" not in result
    json.dumps(result)


def test_a_model_is_judged_as_it_is_on_machines_it_has_not_met(trained):
    others = [machine_run(make_machine(m), fault, seconds=4) for m in (5, 6) for fault in ("normal", "bearing")]
    result = evaluate.evaluate(trained, others)
    assert "as it is" in result["how"] and result["windows"] == 4 * 25
    pipeline = trained.pipeline()
    cut = dataset.windows(others, 256, 256, full_scale=trained.spec.full_scale)
    said = [pipeline.push(window)[0].index for window in cut.data if not pipeline.reset()]
    agree = np.mean([trained.spec.classes[i] == label for i, label in zip(said, cut.labels)])
    assert np.trace(np.array(result["confusion"])) / result["windows"] == pytest.approx(agree)


def test_a_leak_shows_only_in_the_leaky_figure():
    recordings = [signature(session, label) for session in range(4) for label in ("normal", "worn")]
    model = train.train(recordings, dataclasses.replace(SMALL, features=("std", "zero_crossings")))
    result = evaluate.evaluate(model, recordings, leaky=True)
    assert result["group_by"] == "session"
    assert result["leaky_balanced_accuracy"] > 0.9 > 0.75 > result["balanced_accuracy"]
    assert result["guessing"]


def test_a_class_that_is_in_one_group_only_is_not_found():
    recordings = [*[signature(s, "normal") for s in range(3)], *[signature(s, "worn") for s in range(2)],
                  dataclasses.replace(signature(3, "worn"), label="loose")]
    model = train.train(recordings, SMALL)
    result = evaluate.evaluate(model, recordings)
    assert result["confusion"][model.spec.classes.index("loose")][model.spec.classes.index("loose")] == 0


def test_what_does_not_fit_is_refused(trained):
    good = machine_run(make_machine(7), seconds=2)
    for changes, message in (({"rate_hz": 1000.0}, "sampled at 1000 Hz; expected 1600 Hz within 5%"),
                             ({"unit": "V"}, "the unit V; expected m/s2"),
                             ({"axes": ("a", "b", "c")}, "the axes a, b, c"),
                             ({"label": "cracked"}, "the label 'cracked'; expected one of bearing, normal")):
        with pytest.raises(AuscultError, match=message):
            evaluate.evaluate(trained, [dataclasses.replace(good, **changes)])


@pytest.mark.parametrize("k, n", [(6, 5), (0, 5), (-1, 5), (3, 255)])
def test_a_decision_that_cannot_be_is_refused_before_anything_is_computed(machines, trained, k, n):
    with pytest.raises(AuscultError, match=f"a decision by {k} of {n}; expected 1 <= k <= n <= 254"):
        evaluate.evaluate(trained, machines, k=k, n=n, progress=lambda text: pytest.fail(text))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_scores_equal_scikit_learns(pairs):
    truth, said = np.array(pairs).T
    confusion = scores.confusion(truth, said, 4)
    present = np.isin(said, truth)  # scikit-learn warns when a class is said that never was
    if present.all():
        assert evaluate.balanced_accuracy(confusion) == pytest.approx(
            recall_score(truth, said, average="macro", zero_division=0.0))
    assert evaluate.macro_f1(confusion) == pytest.approx(f1_score(truth, said, average="macro"))


@pytest.fixture(scope="module")
def device_package():
    """The shipped package's modules config and node, as CPython runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(paths.assets() / "firmware")
        return importlib.import_module("auscult.config"), importlib.import_module("auscult.node")


def test_the_decision_begins_at_normal_and_lets_go_late():
    """3 of 5 raise, one or none of 5 ends it: as the node does by default."""
    said = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    decided = alarms.decide(said, np.zeros(8), ["bearing", "normal"], 3, 5)
    assert decided.tolist() == [1, 1, 0, 0, 0, 0, 1, 1]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=40), st.lists(st.integers(0, 2), min_size=1, max_size=10),
       st.sampled_from([(1, 1), (2, 3), (3, 5), (4, 5), (2, 5)]), st.sampled_from([["a", "b", "normal"], ["a", "b", "c"]]))
def test_the_decision_is_the_nodes_and_begins_anew_with_each_recording(device_package, first, second, kn, classes):
    configuration, node = device_package
    k, n = kn
    config = configuration.check({"decision": decision.settings(k, n)})
    expected = []
    for said in (first, second):
        shipped = node.make_decision(config["decision"], classes)
        for verdict in said:
            shipped.update(verdict)
            expected.append(shipped.state)
    recording = np.array([0] * len(first) + [1] * len(second))
    assert alarms.decide(np.array(first + second), recording, classes, k, n).tolist() == expected


def test_recordings_too_short_to_decide_anything(capsys):
    recordings = [dataclasses.replace(signature(s, label, 0.6), label=label) for s in range(3) for label in ("worn", "loose")]
    model = train.train(recordings, SMALL)
    result = evaluate.evaluate(model, recordings)
    assert result["decision"]["windows"] == 0 and "balanced_accuracy" not in result["decision"]
    show(result)
    assert "too short" in capsys.readouterr().out


def test_pictures_are_written_whole(tmp_path):
    run = machine_run(make_machine(0), "bearing", seconds=5, developing=True, fault_at_s=2)
    verdicts = [pictures.Verdict(i * 0.32, i * 0.32 + 0.32, "normal" if i < 9 else "bearing" if i != 12 else "", 0.9)
                for i in range(15)]
    path = pictures.spectrogram_with_verdicts(run, verdicts, tmp_path / "s.png", detected_at_s=3.2)
    assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 20_000
    pictures.confusion_matrix(np.array([[5, 1], [0, 7]]), ["normal", "worn"], tmp_path / "c.png", "test")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.png", "s.png"]
    with pytest.raises(AuscultError, match="no verdicts"):
        pictures.spectrogram_with_verdicts(run, [], tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


def test_one_session_of_each_state_cannot_be_judged_but_trains(tmp_path, capsys):
    """The first thing a newcomer has: one recording of each state."""
    for session, fault in enumerate(("normal", "unbalance")):
        recordings.write(machine_run(make_machine(0), fault, seconds=4, session=session), tmp_path / "data" / f"{fault}.parquet")
    out = tmp_path / "model.joblib"
    with contextlib.suppress(SystemExit):
        main(["train", str(tmp_path / "data"), "--out", str(out), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert out.is_file() and not result["metrics"]
    assert "another session" in result["not_judged"]
