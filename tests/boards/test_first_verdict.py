# SPDX-License-Identifier: Apache-2.0
"""From a new project to a verdict of a simulated board with the commands that the benchmark `first_verdict` times."""

import contextlib
import json
from pathlib import Path

import pytest
from auscult_host import cli, devices
from auscult_host.benchmarks import first_verdict


def test_a_project_deploys_and_is_monitored_by_its_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(devices, "flash_file", lambda name: tmp_path / f"{name}.flash")
    monkeypatch.chdir(tmp_path)
    new, *board = first_verdict.COMMANDS
    said = [_call(capsys, *new[:new.index("--try")])]
    monkeypatch.chdir(tmp_path / new[1])
    # what --try does, less the simulation
    for command in (["generate"], ["train", "--trials", "0"], *board):
        said.append(_call(capsys, *command))
    deployed = json.loads(said[-2].splitlines()[-1])
    assert deployed["state"] == "confirmed" and deployed["smoke"] is True
    lines = [json.loads(line) for line in said[-1].splitlines() if line.startswith("{")]
    verdicts = [line["v"] for line in lines if "w" in line]
    assert len(verdicts) == 5 and {"normal", "anomaly"} & set(verdicts)  # a busy PC may make the board lose samples of one


def _call(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with contextlib.suppress(SystemExit):
        cli.main(list(arguments))
    return capsys.readouterr().out
