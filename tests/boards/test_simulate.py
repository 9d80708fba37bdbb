# SPDX-License-Identifier: Apache-2.0
"""`auscult simulate` as a CI uses it: boards at once, faults, expectations and the exit code, scenario files."""

import contextlib
import gc
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from auscult_host import build, cli, generate, payload, recordings, scenario, simulation, train

FAULT_AT_S = 3.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, its bundle for sim_m4 only, and a recording in which a fault begins at 3 s."""
    made = tmp_path_factory.mktemp("simulate")
    machine = generate.make_machine(0)
    runs = [generate.machine_run(machine, fault, seconds=4) for fault in ("normal", "unbalance")]
    trained = train.train(runs, train.Settings(window=128, hop=64, features=("std_log2", "crest", "share_1_8")), name="ci")
    train.save(trained, made / "ci.joblib")
    build.bundle(trained.spec, made / "ci.bundle", ["armv7emsp"], trained.code(), {"training": trained.training})
    playing = generate.machine_run(machine, "unbalance", seconds=6, developing=True, fault_at_s=FAULT_AT_S, growth_s=0.5)
    recordings.write(playing, made / "play.parquet")
    return made


def simulate(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any]]:
    """(exit code, what `--json` says)"""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        cli.main(["simulate", *map(str, arguments), "--json"])
    return int(stopped.value.code or 0), json.loads(capsys.readouterr().out)


def test_boards_at_once_meet_what_is_expected(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = simulate(
        capsys, folder / "ci.joblib", folder / "play.parquet", "--board", "sim_m4", "--board", "sim_m3",
        "--expect", "unbalance between 3 s and 5 s", "--expect", "no lost samples", "--expect", "no alarm before 3 s",
        "--expect", "alarm within 1 s", "--junit", tmp_path / "results.xml")
    assert code == 1 and not said["met"] and said["differences"] == []
    assert [run["board"] for run in said["runs"]] == ["sim_m4", "sim_m3"]
    for run in said["runs"]:
        assert [outcome["met"] for outcome in run["expectations"]] == [True, True, True, False]
        assert "unbalance from" in run["expectations"][3]["came"]
        assert run["end"]["end"] == "recording ended" and len(run["verdicts"]) == run["end"]["windows"] > 100
    first, second = ([(v["w"], v["v"], v["s"]) for v in run["verdicts"]] for run in said["runs"])
    assert first == second
    suites = ElementTree.parse(tmp_path / "results.xml").getroot()
    assert [suite.get("failures") for suite in suites] == ["1", "1"] and len(suites[0]) == 5
    assert suites[0].find("testcase/failure") is not None


def test_a_bundle_a_fault_and_lines_to_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The chip is silent for half a second; told by the lines, the expectations and the exit code."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        cli.main(["simulate", str(folder / "ci.bundle"), str(folder / "play.parquet"), "--faults", "silent@1s+0.4s",
                  "--expect", "sensor error between 0.9 s and 1.1 s", "--expect", "missing after 1.5 s",
                  "--expect", "alarm after 3 s", "--expect", "errors = 1"])
    said = capsys.readouterr().out
    assert not stopped.value.code, said
    assert said.count("met    ") == 4 and "NOT MET" not in said and '"q": "missing"' in said
    with pytest.raises(SystemExit) as stopped:
        cli.main(["simulate", str(folder / "ci.bundle"), str(folder / "play.parquet"), "--faults", "stuck:y@1s",
                  "--expect", "no stuck"])
    assert stopped.value.code == 1 and "NOT MET  no stuck" in capsys.readouterr().out


SCENARIO = """
bundle = "../ci.bundle"
recordings = ["../play.parquet"]
faults = ["overrun:50@1s"]
expect = ["lost samples within 1.2 s", "alarm within 5 s"]
"""


def test_scenarios_are_played_together_with_one_exit_code(
        folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenarios = folder / "scenarios"
    scenarios.mkdir()
    (scenarios / "lost.toml").write_text(SCENARIO)
    (scenarios / "wrong.toml").write_text(SCENARIO.replace('"alarm within', '"no alarm within'))
    with contextlib.chdir(tmp_path):  # its paths are its own
        code, said = simulate(capsys, scenarios / "lost.toml", scenarios / "wrong.toml")
    assert code == 1
    assert [(run["scenario"], run["met"]) for run in said["runs"]] == [("lost", True), ("wrong", False)]
    assert all(run["end"]["overruns"] == 1 and run["faults"] == ["overrun:50@1s"] for run in said["runs"])


def test_a_generated_recording_is_of_a_machine_that_the_template_does_not_hold(folder: Path) -> None:
    file = folder / "made.toml"
    text = 'bundle = "ci.bundle"\nboards = ["sim_m4", "sim_m3"]\n[generate]\ntemplate = "bearing_fault"\n'
    file.write_text(text)
    usual = scenario.runs(file)
    assert [run.board for run in usual] == ["sim_m4", "sim_m3"] and "seed 1" in usual[0].source
    assert (usual[0].recording.data == generate.playing("rotating", machines=4, rate_hz=1600.0).data).all()
    file.write_text(text + "seed = 7\n")
    other = scenario.runs(file, boards=["sim_m7"], speed="real")
    assert [(run.board, run.speed) for run in other] == [("sim_m7", "real")]
    assert not (other[0].recording.data == usual[0].recording.data).all()


@pytest.mark.parametrize(("text", "says"), [
    ("expects = []", "unknown key expects"), ("speed = 'quick'", "speed = 'quick'"), ("boards = []", "boards"),
    ("model = 'a.joblib'", "only one of them"), ("boards = ['sim_m5']", "none of them is simulated by qemu"),
    ("boards = ['sim_m0']", "armv6m"), ("[decision]\nk = 0", "decision.k"),
    ("[generate]\ntemplate = 'motion'", "only one of them"), ("faults = ['overun@3s']", "the fault 'overun@3s'"),
    ("expect = ['worn after 3 s']", "the classes of this model are normal, unbalance"),
    ("chip = 'adxl999'", "the chip 'adxl999'"), ("faults = ['overrun@9s']", "a time before its end")])
def test_what_is_wrong_in_a_scenario_is_named_before_a_board_starts(
        text: str, says: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auscult_host.playback.SimBoard", lambda *_, **__: pytest.fail("a board was started"))
    key = text.split(" =")[0]
    kept = [line for line in SCENARIO.splitlines() if not line.startswith(key + " =")]
    file = folder / "a.toml"
    file.write_text("\n".join([*kept, text]).replace("../", ""))
    code, said = simulate(capsys, file)
    error = said["error"]
    assert code == 1 and says in " ".join(error.values()), error
    assert str(file) in error["found"] or error["found"].startswith("a: "), error


def test_options_that_a_scenario_does_not_take(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "b.toml"
    file.write_text(SCENARIO.replace("../", ""))
    playing = [folder / "ci.bundle", folder / "play.parquet"]
    for arguments, says in (([file, "--faults", "silent@1s"], "--faults with a scenario"),
                            ([file, folder / "play.parquet"], "beside a scenario"),
                            ([folder / "ci.bundle"], "no recording to play"),
                            ([*playing, "--speed", "slow"], "the speed 'slow'"),
                            ([*playing, "--simulator", "spice"], "the simulator 'spice'"),
                            ([*playing, "--board", "NUCLEO_F446RE"], "qemu does not simulate")):
        code, said = simulate(capsys, *arguments)
        assert code == 1 and says in said["error"]["found"], said


class _Gives:
    """Garbage that lets other threads go on when it is collected."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        time.sleep(0)


def test_packages_for_boards_at_once() -> None:
    """Garbage may be collected at any moment, also while Python 3.11 parses: another thread must not parse then."""
    def one(_: int) -> dict[str, bytes]:
        _Gives()
        return payload.package("armv7emsp", "adxl345", True)

    before, interval_s = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(30)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(6) as pool:
            made = list(pool.map(one, range(24)))
    finally:
        gc.set_threshold(*before)
        sys.setswitchinterval(interval_s)
    assert all(package == made[0] for package in made)


def test_boards_that_disagree_are_told(folder: Path) -> None:
    """Made up: no pair of boards is known to."""
    from auscult_host import bundles, playback

    source = bundles.read(folder / "ci.bundle")
    heard = recordings.read(folder / "play.parquet")
    results = []
    for board, states in (("sim_m4", "nnu"), ("sim_m3", "nuu"), ("sim_m7", "nnu")):
        played = playback.Played(recordings.to_int16(heard, 1.0), ["x"], 1.0, 1, 1)
        played.lines += [{"w": w, "v": state, "s": state, "t": w} for w, state in enumerate(states)]
        results.append(simulation.Result(simulation.Run(source, heard, "play", board), played))
    assert simulation.differences(results) == ["sim_m3 differs from sim_m4 from window 1 on"]
