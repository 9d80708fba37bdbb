# SPDX-License-Identifier: Apache-2.0
"""Evaluation tells the truth: no group judges a model that has met it, and a leak shows."""

import contextlib
import dataclasses
import importlib
import json
import weakref
from fractions import Fraction

import numpy as np
import pytest
from auscult_host import (
    alarms,
    dataset,
    decision,
    evaluate,
    findings,
    paths,
    pictures,
    recordings,
    scores,
    sensitivity,
    train,
)
from auscult_host.cli import main
from auscult_host.commands.evaluate import show
from auscult_host.errors import AuscultError
from auscult_host.estimators import fit_guard
from auscult_host.generate import machine_run, make_machine
from auscult_host.hostlib import HostPipeline, quantise
from auscult_host.recordings import Recording
from auscult_host.train import Settings
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson
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
                             ({"label": "cracked"}, "the label 'cracked'; expected one of bearing, normal"),
                             ({"label": "unbalanse"}, "is it 'unbalance', mistyped"),
                             ({"label": ""}, "has no label"), ({"machine": ""}, "has no machine")):
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


units = st.lists(st.lists(st.integers(0, 30), min_size=4, max_size=4), min_size=3, max_size=8)


@settings(deadline=None)
@given(units)
def test_an_interval_lies_within_what_the_groups_are_like(rows):
    """Whatever groups are drawn, a class is recognised no worse than in its worst group and no better than in its best."""
    by_group = np.array(rows, np.int64).reshape(-1, 2, 2)
    found = scores.intervals(by_group)["balanced_accuracy_95"]
    totals = by_group.sum(axis=2)
    if not totals.any() or ((totals > 0).sum(axis=0)[totals.any(axis=0)] < 2).any():
        assert found is None
        return
    if found is not None:
        recalls = [[g[i, i] / g[i].sum() for g in by_group if g[i].sum()] for i in range(2) if totals[:, i].any()]
        assert np.mean([min(r) for r in recalls]) - 1e-9 <= found[0] <= found[1] <= np.mean([max(r) for r in recalls]) + 1e-9


def test_an_interval_is_wider_when_groups_differ():
    alike = np.array([[[80, 20], [20, 80]]] * 6)
    unlike = np.array([[[80 + d, 20 - d], [20 - d, 80 + d]] for d in (-60, -30, 0, 10, 20, 20)])
    assert scores.intervals(alike)["balanced_accuracy_95"] == [0.8, 0.8]
    low, high = scores.intervals(unlike)["balanced_accuracy_95"]
    assert high - low > 0.2 and low < scores.balanced_accuracy(unlike.sum(axis=0)) < high
    assert scores.intervals(alike[:2])["balanced_accuracy_95"] is None


@given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=1, max_size=80))
def test_calibration_error_is_the_mean_gap_of_the_bins(pairs):
    confidence, right = np.array([c / 10 for c, _ in pairs]), np.array([r for _, r in pairs])
    found = scores.calibration(confidence, right)
    gap = 0.0
    for value in {min(c, 9) for c, _ in pairs}:  # the last bin holds 1.0 as well
        of = [(c / 10, r) for c, r in pairs if min(c, 9) == value]
        gap += abs(sum(c for c, _ in of) - sum(r for _, r in of))
    assert found["ece"] == pytest.approx(gap / len(pairs))
    assert sum(row["windows"] for row in found["bins"]) == len(pairs)
    assert scores.calibration(right.astype(float), right)["ece"] == 0


@given(st.integers(0, 300), st.floats(1e-3, 1e3))
def test_the_interval_of_a_rate_is_that_of_a_poisson_process(events, days):
    low, high = scores.rate_interval(events, days)
    if events == 0:
        assert low == 0 and poisson.pmf(0, high * days) == pytest.approx(0.05)
        assert high * days == pytest.approx(3, rel=2e-3)  # the rule of three
        return
    assert low < events / days < high
    assert poisson.sf(events - 1, low * days) == pytest.approx(0.025) and poisson.cdf(events, high * days) == pytest.approx(0.025)


def course(said, truth=None, begin_s=0.0, label="worn", hop_s=1.0):
    said = np.array(said)
    truth = np.zeros(len(said), np.int64) if truth is None else np.array(truth)
    return alarms.Course(truth, said, hop_s * (1 + np.arange(len(said))), begin_s, label, "r", "g")


CLASSES = ["normal", "worn"]


def test_false_alarms_are_counted_once_each_and_over_the_time_they_could_be_raised():
    """Two bursts of 3 among 100 normal windows of a second each, of which the first two cannot raise anything."""
    said = np.zeros(100, int)
    said[20:23] = said[60:64] = said[90] = 1
    found = alarms.false_alarms([course(said)], CLASSES, 3, 5, 1.0)
    assert found["alarms"] == 2 and found["hours"] == pytest.approx(98 / 3600)
    assert found["per_day"] == pytest.approx(2 * 86400 / 98) and not found["bound_only"]
    assert found["windows_per_day"] == pytest.approx(86400)
    none = alarms.false_alarms([course(np.zeros(100, int))] * 3, CLASSES, 3, 5, 1.0)
    assert none["bound_only"] and none["per_day_95"][1] == pytest.approx(3 * 86400 / (3 * 98), rel=2e-3)
    half = alarms.false_alarms([course(np.zeros(100, int), truth=[0] * 50 + [1] * 50)], CLASSES, 3, 5, 1.0)
    assert half["hours"] == pytest.approx(48 / 3600)
    assert alarms.false_alarms([course(said, truth=[1] * 100)], CLASSES, 3, 5, 1.0) is None  # no normal running
    assert alarms.false_alarms([course(said)], ["a", "b"], 3, 5, 1.0) is None


def test_a_novel_window_raises_nothing():
    assert alarms.false_alarms([course([-1, 1, -1, 1, -1, -1, 1, 0])], CLASSES, 3, 5, 1.0)["alarms"] == 1
    assert alarms.false_alarms([course([-1] * 50)], CLASSES, 3, 5, 1.0)["alarms"] == 0


def test_a_delay_runs_from_the_beginning_of_the_fault():
    """A fault from 10 s on; the windows that end at 12, 13 and 14 s say so: detected at 14 s. Another is never noticed, and
    one alarm was there before its fault."""
    truth = [0] * 10 + [1] * 10
    late = course([0] * 11 + [1] * 9, truth, begin_s=10.0)
    missed = course([0] * 20, truth, begin_s=10.0)
    early = course([0] * 4 + [1] * 16, truth, begin_s=10.0)
    found = alarms.delays([late, missed, early], CLASSES, 3, 5)
    assert (found["faults"], found["detected"], found["early"]) == (2, 1, 1)
    assert found["rows"][0]["seconds"] == 4.0 and found["rows"][0]["windows"] == 4
    assert found["median_s"] == 4.0 and found["worst_s"] == 4.0
    assert alarms.delays([missed, missed, late], CLASSES, 3, 5)["median_s"] is None  # half were never noticed
    assert alarms.delays([course([0] * 5)], CLASSES, 3, 5) is None


def test_calibration_delay_and_novelty_are_part_of_the_result(machines, trained):
    result = evaluate.evaluate(trained, machines)
    assert 0 <= result["calibration"]["ece"] <= 1
    assert sum(row["windows"] for row in result["calibration"]["bins"]) == result["windows"]
    day, delay = result["decision"]["per_day"], result["decision"]["delay"]
    assert day["windows_per_day"] == pytest.approx(86400 * 1600 / 256)
    assert delay["faults"] == 6 and delay["median_s"] >= 3 * 256 / 1600
    assert result["novelty"]["coverage"] == 1 and result["alarm"]["auc"] > 0.7


def test_a_group_where_it_is_wrong_without_saying_so_is_named():
    """Sessions 0 to 3 are alike; in session 4 the labels are exchanged."""
    rng = np.random.default_rng(0)

    def noise(session, label, loud):
        return Recording(rng.normal(0, 3 if loud else 1, (4000, 3)), 1000.0, label=label, machine="m",
                         session=f"s{session}", name=f"s{session}_{label}")

    found = [noise(s, label, (label == "worn") != (s == 4)) for s in range(5) for label in ("normal", "worn")]
    model = train.train(found, dataclasses.replace(SMALL, features=("std",)), group_by="session")
    result = evaluate.evaluate(model, found)
    assert result["novelty"]["silently_wrong"] == ["s4"]
    titles = [finding.title for finding in findings.findings(result) if finding.kind == "fails"]
    assert "Silently wrong on s4" in titles


def test_a_group_unlike_those_of_training_is_named_and_raises_no_alarms(machines, trained):
    """A machine five times as loud as any in training: its windows get no verdict, and so no alarm."""
    table = dataset.table(machines, HostPipeline(trained.spec))
    guard = fit_guard(quantise(table.raw, trained.spec.shifts), table.groups, 0.01, table.labels)
    guarded = dataclasses.replace(trained, guard=guard)
    others = [machine_run(make_machine(m), fault, seconds=4) for m in (5, 6) for fault in ("normal", "bearing")]
    strange = [dataclasses.replace(r, data=5 * r.data, machine="strange") for r in others[2:]]
    result = evaluate.evaluate(guarded, [*others[:2], *strange])
    assert result["novelty"]["out_of_distribution"] == ["strange"] and "strange" not in result["novelty"]["silently_wrong"]
    shares = {row["name"]: row["novel"] for row in result["groups"]}
    assert shares["strange"] > 0.9 > 0.5 > shares["machine_6"]
    assert result["novelty"]["coverage"] == pytest.approx(1 - result["novelty"]["windows"] / 100)
    delay = {row["group"]: row["seconds"] for row in result["decision"]["delay"]["rows"]}
    assert delay["strange"] is None and delay["machine_6"] is not None
    assert "strange is out of distribution" in [finding.title for finding in findings.findings(result)]
    assert not evaluate.evaluate(trained, strange)["novelty"]["windows"]


def test_what_a_search_has_chosen_is_not_passed_off_as_unseen(machines, trained):
    honest = {"metric": "macro_f1", "value": 0.61, "interval": [0.5, 0.7], "balanced_accuracy": 0.6, "folds": []}
    searched = dataclasses.replace(trained, training=trained.training | {"search": {"candidates": 40, "honest": honest}})
    result = evaluate.evaluate(searched, machines)
    assert result["nested"]["value"] == 0.61
    texts = [finding.text for finding in findings.findings(result) if "chosen on these very" in finding.title]
    assert len(texts) == 1 and "40 candidates" in texts[0] and "macro f1 is 0.610" in texts[0]
    others = [machine_run(make_machine(m), fault, seconds=4) for m in (5, 6) for fault in ("normal", "bearing")]
    assert "nested" not in evaluate.evaluate(searched, others)  # nothing was chosen on these


def test_a_detector_is_judged_by_its_ranking_and_its_threshold(machines):
    model = train.train(machines, dataclasses.replace(SMALL, model="elliptic", features=("std", "kurtosis"), false_alarms=0.05))
    result = evaluate.evaluate(model, machines)
    assert result["detector"] and result["alarm"]["asked"] == 0.05 and "calibration" not in result
    assert 0.5 < result["alarm"]["auc"] <= 1 and len(result["alarm"]["groups"]) == 3
    normal = result["confusion"][result["classes"].index("normal")]
    assert result["false_alarms"] == pytest.approx(1 - normal[result["classes"].index("normal")] / sum(normal))


def tone(hz, seconds=4.0, rate_hz=1000.0, **more):
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    return Recording(np.stack([np.sin(2 * np.pi * hz * at) + 5, 0 * at, 0 * at], axis=1), rate_hz, name="tone", **more)


def peak_hz(recording):
    samples = recording.data[:, 0] - recording.data[:, 0].mean()
    return np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * recording.rate_hz / len(samples)


@pytest.mark.parametrize("percent", [-5, 2, 5])
def test_a_fast_clock_makes_tones_slow(percent):
    """A sensor that samples 5 % faster than it says sees a tone of 100 Hz at 100 / 1.05 Hz; gravity stays."""
    ratio = Fraction(100 + percent, 100)
    changed = sensitivity.resampled(tone(100.0, fault_at_s=2.0, label="worn"), ratio)
    assert peak_hz(changed) == pytest.approx(100 / float(ratio), abs=0.3)
    assert changed.data[:, 0].mean() == pytest.approx(5, abs=0.01) and changed.fault_at_s == pytest.approx(2 * float(ratio))
    pieces = sensitivity.resampled(tone(100.0, piece=200), ratio)
    assert pieces.piece == 200 * (100 + percent) // 100 and pieces.samples == 20 * pieces.piece


def test_turning_the_sensor_moves_no_energy_but_between_axes():
    recording = tone(50.0)
    turned = sensitivity.rotated(recording, sensitivity.turn(np.array([0.0, 0.0, 1.0]), 90))
    assert np.allclose(turned.data[:, 1], recording.data[:, 0], atol=1e-5) and np.allclose(turned.data[:, 0], 0, atol=1e-5)
    rng = np.random.default_rng(0)
    other = sensitivity.rotated(recording, sensitivity.turn(sensitivity._direction(rng), 33))
    assert np.allclose(np.linalg.norm(other.data, axis=1), np.linalg.norm(recording.data, axis=1), rtol=1e-5)


@pytest.mark.parametrize("unit, axes, kinds", [
    ("m/s2", "xyz", {"rate", "gain", "noise", "rotation", "remounting"}), ("m/s2", "xy", {"rate", "gain", "noise", "remounting"}),
    ("degC", "x", {"rate", "gain", "noise"})])
def test_only_what_has_a_direction_is_turned(unit, axes, kinds):
    level = np.ones(len(axes))
    found = list(sensitivity.changes(unit, list(axes), 20.0, level))
    assert {change.kind for change in found} == kinds
    recording = Recording(np.zeros((1000, len(axes))), 100.0, axes=tuple(axes), unit=unit)
    noise = next(change for change in found if change.label.endswith("SNR 20 dB"))
    assert noise.make(recording, np.random.default_rng(0)).data.std() == pytest.approx(0.1, rel=0.1)


def test_sensitivity_finds_what_the_model_leans_on():
    """The state is told by the strength along x alone: quarter turns about y and z are cliffs, one about x is none."""
    rng = np.random.default_rng(1)
    found = []
    for session in range(3):
        for label, strength in (("normal", 1.0), ("worn", 4.0)):
            data = rng.normal(0, 1, (3000, 3))
            data[:, 0] *= strength
            found.append(Recording(data, 1000.0, label=label, machine="m", session=f"s{session}", name=f"s{session}_{label}"))
    model = train.train(found, Settings(window=256, hop=256, features=("std.x", "std.y", "std.z"), trees=5, depth=3),
                        group_by="session")
    result = evaluate.evaluate(model, found, thorough=True)
    tested = result["sensitivity"]
    cliffs = {(point["kind"], point["label"]) for point in tested["cliffs"]}
    assert tested["clean"] == 1 == result["balanced_accuracy"]
    assert {("rotation", "90° about y"), ("rotation", "90° about z")} <= cliffs
    assert ("rotation", "90° about x") not in cliffs and not [kind for kind, _ in cliffs if kind in ("rate", "gain")]
    assert {point["kind"] for point in tested["points"]} == set(sensitivity.KINDS)
    curve = result["learning_curve"]
    assert [point["groups"] for point in curve] == [1, 2] and curve[-1]["balanced_accuracy"] == result["balanced_accuracy"]
    assert curve[0]["balanced_accuracy"] > 0.9
    json.dumps(result)


def test_a_large_dataset_is_read_one_recording_at_a_time(machines, trained, tmp_path, monkeypatch):
    for machine in machines:
        recordings.write(dataclasses.replace(machine, name=""), tmp_path / f"{machine.name}.parquet")
    alive, most, read = weakref.WeakSet(), [], recordings.Entry.read
    monkeypatch.setattr(recordings.Recording, "__hash__", lambda self: id(self), raising=False)

    def counting(entry):
        recording = read(entry)
        alive.add(recording)
        most.append(len(alive))
        return recording

    monkeypatch.setattr(recordings.Entry, "read", counting)
    result = evaluate.evaluate(trained, dataset.scan(tmp_path), thorough=True)
    assert result["windows"] == 9 * 25 and len(most) >= 3 * 9 and max(most) <= 2


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
        main(["train", str(tmp_path / "data"), "--out", str(out), "--trials", "0", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert out.is_file() and not result["metrics"]
    assert "another session" in result["not_judged"]
