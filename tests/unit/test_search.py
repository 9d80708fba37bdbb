# SPDX-License-Identifier: Apache-2.0
"""The search: honest, the same however it is run, resumable, within the budget, and clear about what it refuses."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from auscult_host import cli, dataset, recordings, search, searchbudget, searchdata, searchspace, train
from auscult_host.errors import AuscultError
from auscult_host.recordings import Recording
from auscult_host.searchscore import Said, score
from auscult_host.searchspace import Candidates, SearchSpace
from auscult_host.train import Settings

RATE_HZ = 200.0
SPACE = SearchSpace.model_validate({
    "windows": [64, 128], "overlap": [0.0], "features": ["std+crest+kurtosis+zero_crossings", "std+mobility"], "keep": [0, 3],
    "models": ["tree", "lda", "nb"], "depth": [3, 5], "bits": [32], "layouts": ["small"], "trials": 8})


def made(label, group, *, frequency, level, seed, seconds=6.0):
    """Noise and a tone, in a group's own loudness."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    tone = np.sin(2 * np.pi * frequency * t)[:, None] * level
    data = (tone + rng.normal(0, 1, (len(t), 2))) * (1 + 0.1 * (seed % 3))
    return Recording(data, RATE_HZ, axes=("x", "y"), label=label, session=group, machine=group, name=f"{label}_{group}")


def some(groups=4, level=2.5):
    states = {"normal": 5.0, "worn": 40.0, "loose": 15.0}
    return [made(label, f"m{group}", frequency=f, level=level, seed=10 * group + i)
            for group in range(groups) for i, (label, f) in enumerate(states.items())]


def run(folder, found=None, space=SPACE, **options):
    entries = some() if found is None else found
    return search.Search(entries, space, Settings(), search.Options(**{"trials": 8, "jobs": 1} | options), folder).run()


def told(result):
    """All that must not depend on how a search was run."""
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in result.rows]
    return json.dumps([rows, result.honest, result.trained.spec.model_dump(), result.best["number"]], default=str)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return run(tmp_path_factory.mktemp("usual") / "study", jobs=2)


def test_finds_a_model_and_judges_it_on_groups_held_out(usual):
    assert usual.honest["value"] > 0.8 and [fold["name"] for fold in usual.honest["folds"]] == ["m0", "m1", "m2", "m3"]
    assert usual.honest["interval"][0] <= usual.honest["value"] <= usual.honest["interval"][1]
    assert usual.trained.training["search"]["chosen"] == usual.best["number"] and len(usual.rows) == 8
    assert usual.trained.spec.classes == ["loose", "normal", "worn"] and usual.front[0]["score"] >= usual.best["score"]
    assert usual.best["score"] >= max(row["score"] for row in usual.rows) - search.NEAR


def test_the_number_of_processes_changes_nothing(usual, tmp_path):
    assert told(run(tmp_path / "study", jobs=1)) == told(usual)


def test_labels_without_meaning_score_as_guessing(tmp_path):
    """Whatever is chosen by luck is not paid for by the honest figure."""
    rng = np.random.default_rng(5)
    noise = [dataclasses.replace(r, data=rng.normal(0, 1, r.data.shape), label=r.label) for r in some(6)]
    space = SPACE.model_copy(update={"trials": 20})
    assert run(tmp_path / "study", noise, space, trials=20, jobs=1).honest["value"] < 0.45  # a third, and some luck


def test_the_choice_for_a_fold_knows_nothing_of_it(tmp_path):
    """The inner scores of a fold stay as they are when that fold's recordings are replaced by noise."""
    first = some()
    rng = np.random.default_rng(1)
    other = [dataclasses.replace(r, data=rng.normal(0, 3, r.data.shape)) if r.machine == "m2" else r for r in first]
    scale = dataset.choose_full_scale([*first, *other])
    rows = [run(tmp_path / name, found, trials=4, full_scale=scale).rows for name, found in (("a", first), ("b", other))]
    for one, two in zip(*rows, strict=True):
        assert one["inner"][2] == two["inner"][2] is not None
        assert one["score"] != two["score"]


def test_inner_models_never_meet_the_fold_that_they_help_to_choose_for():
    for groups in (2, 3, 5, 20):
        folds = searchdata.make_folds(some(groups), "machine")
        assert len(folds.names) == (groups if groups < 10 else searchdata.MOST_FOLDS - 1)
        for known, tests in folds.inner():
            for fold, new in tests:
                assert not (known & new).any() and not (folds.of[known | new] == fold).any()
        assert {fold for _, tests in folds.inner() for fold, _ in tests} == set(range(len(folds.names)))


def test_guided_candidates_do_not_enter_the_honest_figure(usual):
    assert usual.honest["candidates"] == 5 and all(fold["number"] < 5 for fold in usual.honest["folds"])


def test_resumes_to_the_same_result(usual, tmp_path, monkeypatch):
    study = tmp_path / "study"
    seen = []

    def stop(what, done, total, best):
        seen.append(done)
        if what == "candidates" and done == 3:
            raise KeyboardInterrupt

    entries, options = some(), search.Options(trials=8, jobs=1)
    early = search.Search(entries, SPACE, Settings(), options, study, stop).run()
    assert len(early.rows) == 3 and early.trained.spec.features and "--resume" in early.notes[-1]
    with pytest.raises(AuscultError, match="unfinished search"):
        run(study)
    assert told(run(study, resume=True)) == told(usual)
    assert told(run(study, resume=True)) == told(usual)  # nothing is left to do


def test_a_changed_dataset_or_space_is_refused(tmp_path):
    study = tmp_path / "study"
    run(study, trials=3)
    with pytest.raises(AuscultError, match="the dataset changed"):
        run(study, some(level=2.4), resume=True)
    with pytest.raises(AuscultError, match="the search space changed"):
        run(study, space=SPACE.model_copy(update={"depth": [2]}), resume=True)
    with pytest.raises(AuscultError, match="no search to resume"):
        run(tmp_path / "other", resume=True)
    assert not (tmp_path / "other").exists()


def test_time_limit_ends_the_trying(tmp_path):
    found = run(tmp_path / "study", trials=500, time_limit_s=0.01, jobs=1)
    assert 1 <= len(found.rows) < 50 and found.honest["folds"]


# --- the budget


def test_budget_is_read_with_its_units():
    budget = searchbudget.parse("board=NUCLEO_F446RE, flash=8k,ram=1.5k,time=5ms,energy=2mJ,instructions=20k")
    assert budget == searchbudget.Budget("NUCLEO_F446RE", (("flash", 8192), ("ram", 1536), ("time", 0.005), ("energy", 2000),
                                                           ("instructions", 20_000)))
    for text, found in (("flesh=8k", "flesh"), ("flash=8q", "flash=8q"), ("flash=", "flash="), ("flash=0", "flash=0"),
                        ("flash=-3", "flash=-3"), ("time=5", "time=5"), ("board=NUCLEO_F4", "NUCLEO_F4"),
                        ("time=5ms", "no clock")):
        with pytest.raises(AuscultError, match=found):
            searchbudget.parse(text)


def test_candidates_over_the_budget_are_not_chosen(usual, tmp_path):
    costs = sorted(row["cost"]["flash_bytes"] for row in usual.rows)
    limit = (costs[2] + costs[3]) // 2
    found = run(tmp_path / "study", budget=searchbudget.parse(f"flash={limit}"), jobs=1)
    over = [row for row in found.rows if row["over"]]
    assert over and all(row["score"] is None for row in over)
    assert found.best["cost"]["flash_bytes"] <= limit and all(row["cost"]["flash_bytes"] <= limit for row in found.front)


def test_a_budget_that_nothing_can_meet_says_what_binds(tmp_path):
    with pytest.raises(AuscultError) as stop:
        run(tmp_path / "study", budget=searchbudget.parse("flash=300,instructions=10M"), trials=4)
    assert "none of 4 candidates meets the budget" in stop.value.found and "flash binds: 300 bytes allowed" in stop.value.found
    assert "the smallest needs" in stop.value.found and "instructions" in stop.value.hint
    assert not (tmp_path / "study").exists()


# --- a cluster


@pytest.fixture
def cluster(tmp_path):
    """A Dask scheduler and two workers, each a process of its own: (address, workers)."""
    pytest.importorskip("distributed")
    port_file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"], [sys.executable, "-m", "distributed.cli.dask_worker"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
             "env": os.environ | {"PYTHONPATH": str(Path(search.__file__).parents[1])}}
    started = [subprocess.Popen([*dask[0], "--port", "0", "--no-dashboard", "--scheduler-file", str(port_file)], **quiet)]
    try:
        while not port_file.exists() or not port_file.read_text().strip():
            assert started[0].poll() is None, "the scheduler ended"
            time.sleep(0.05)
        for _ in range(2):
            started.append(subprocess.Popen([*dask[1], "--scheduler-file", str(port_file), "--nthreads", "1", "--no-nanny",
                                             "--no-dashboard", "--local-directory", str(tmp_path / "dask")], **quiet))
        address = json.loads(port_file.read_text())["address"].removeprefix("tcp://")
        import distributed

        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_on_a_cluster_with_a_worker_killed_the_result_is_the_same(usual, cluster, tmp_path):
    address, workers = cluster

    def kill(what, done, total, best):
        if what == "candidates" and done == 2:
            workers[0].send_signal(signal.SIGKILL)

    options = search.Options(trials=8, dask=address)
    found = search.Search(some(), SPACE, Settings(), options, tmp_path / "study", kill).run()
    assert workers[0].wait(10) == -signal.SIGKILL and told(found) == told(usual)


def test_workers_that_do_not_share_the_folder_get_the_data(usual, cluster, tmp_path, monkeypatch):
    from auscult_host.searchwork import Cluster

    monkeypatch.setattr(Cluster, "_shares", lambda self, folder: False)
    assert told(run(tmp_path / "study", dask=cluster[0])) == told(usual)


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    from auscult_host import searchwork

    monkeypatch.setattr(searchwork, "_ANSWER_S", 0.5)
    with pytest.raises(AuscultError, match=r"no Dask scheduler answers at 127\.0\.0\.1:1"):
        run(tmp_path / "study", dask="127.0.0.1:1")
    assert not (tmp_path / "study").exists()


# --- spaces and scores


def test_choices_that_do_not_fit_are_left_out():
    space = SearchSpace.model_validate({"windows_s": [0.05, 1, 4], "fronts": ["", "log_envelope 0.1-0.4 /16"],
                                        "presets": [{"model": "nb", "window_s": 3.0}, {"model": "lda", "window_s": 60.0}]})
    candidates = Candidates(space, Settings(), 200.0, 900)
    assert candidates.windows == {"": [200, 800, 600], "log_envelope 0.1-0.4 /16": [800, 608]}
    assert [candidates.pick(choose).window for choose in candidates.preset_choices()] == [600]
    with pytest.raises(AuscultError, match="no window of 10 samples fits"):
        Candidates(SearchSpace.model_validate({"windows": [10]}), Settings(), 200.0, 900)


def test_a_pipeline_becomes_a_preset_and_comes_back():
    settings = Settings(window=300, hop=100, features=("std", "default"), model="mlp", params={"hidden": 12},
                        history=("", "lag2"), keep=7, bits=16)
    space = SearchSpace.model_validate({"presets": [searchspace.preset_of(settings).model_dump()]})
    candidates = Candidates(space, Settings(), 100.0, 1000)
    assert candidates.pick(candidates.preset_choices()[0]) == settings


def test_score_is_the_mean_over_folds_only_where_each_has_several_classes():
    truth, said = np.array([0, 0, 1, 1, 0, 1]), np.array([0, 0, 1, 0, 1, 1])
    def of(fold):
        return Said(truth, said, np.zeros(6), np.array(fold), 2, 0)
    assert score("balanced_accuracy", of([0, 0, 0, 0, 1, 1])) == pytest.approx((0.75 + 0.5) / 2)
    # one class a fold: recall of class 0 is the mean of 1 and 0, of class 1 that of 1/2 and 1
    assert score("balanced_accuracy", of([0, 0, 1, 1, 2, 3])) == pytest.approx((0.5 + 0.75) / 2)


def test_many_windows_are_thinned_out_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr(searchdata, "MOST_WINDOWS", 60)
    found = run(tmp_path / "study", trials=3)
    assert any("one in" in note for note in found.notes)
    assert sum(fold["windows"] for fold in found.honest["folds"]) <= 80 and found.trained.training["windows"]["normal"] > 30


# --- the command, and what it refuses


@pytest.fixture
def auscult(capsys):
    """auscult(*arguments) -> exit code, standard output, standard error in one line."""
    def call(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main([str(a) for a in arguments])
            raise SystemExit(0)
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err.replace("\n", " ")

    return call


def write(folder, found):
    recordings.write_all(found, folder)
    return folder


def test_the_command_saves_model_picture_and_study(auscult, tmp_path):
    folder, out = write(tmp_path / "data", some(3)), tmp_path / "m.joblib"
    arguments = ("train", folder, "--out", out, "--features", "std,crest", "--window", 64, "--model", "lda", "--jobs", 1)
    code, text, err = auscult(*arguments, "--trials", 4)
    assert code == 0 and "honest macro f1" in text and "chosen: lda" in text and "auscult build" in err
    trained = train.load(out)
    assert trained.settings.model == "lda" and trained.settings.window == 64 and trained.settings.features == ("std", "crest")
    assert (tmp_path / "m-search.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "m-search.png", "m.joblib", "m.study"]
    code, text, _ = auscult(*arguments, "--trials", 5, "--json")
    found = json.loads(text)["search"]
    assert code == 0 and found["candidates"] == 5 and found["pareto"] and len(found["honest"]["folds"]) == 3
    code, text, _ = auscult("evaluate", out, folder, "--json")
    assert code == 0 and json.loads(text)["windows"] > 0


@pytest.mark.parametrize("change, arguments, message", [
    ({"label": "normal"}, (), "only one class"),
    ({"session": "", "machine": "one"}, ("--group", "machine"), "only one machine"),
    ({}, ("--budget", "flash=8q"), "flash=8q"),
    ({}, ("--time-limit", "soon"), "--time-limit 'soon'"),
    ({}, ("--features", "loudness"), "loudness"),
    ({}, ("--window", "50000"), "no window of 50000 samples fits"),
    ({}, ("--model", "elliptic", "--metric-of-nothing"), "No such option"),
])
def test_bad_requests_are_named_and_leave_nothing(auscult, tmp_path, change, arguments, message):
    folder = write(tmp_path / "data", [dataclasses.replace(r, **change) for r in some(2)])
    code, _, err = auscult("train", folder, "--out", tmp_path / "m.joblib", "--trials", 3, "--jobs", 1, *arguments)
    assert code and message in err and "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_mistyped_labels_are_told_with_the_near_one(auscult, tmp_path):
    found = some(3)
    found[0] = dataclasses.replace(found[0], label="nromal")
    folder = write(tmp_path / "data", found)
    code, _, err = auscult("train", folder, "--out", tmp_path / "m.joblib", "--trials", 3)
    assert code == 1 and "'nromal'" in err and "looks like 'normal'" in err and "--label normal" in err
    assert train.check_labels([dataclasses.replace(r, label=f"size_{i % 3}") for i, r in enumerate(found)]) == [
        "size_0", "size_1", "size_2"]
