# SPDX-License-Identifier: Apache-2.0
"""The commands for boards over a cable that damages bytes or is pulled: each works, or fails with one clear error; none hangs,
and none takes damaged data for good."""

import contextlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from auscult_host import cli
from auscult_host.benchmarks.faulty_link import Faults, FaultyLink
from auscult_host.simulator import SimBoard

BAD = Faults(drop=0.0003, duplicate=0.0003, corrupt=0.0003, delay=0.0003)
SEEDS = range(2)


@pytest.fixture(scope="module")
def board() -> Iterator[SimBoard]:
    with SimBoard("sim_m4") as booted:
        yield booted


@contextlib.contextmanager
def cable(board: SimBoard, faults: Faults, seed: int) -> Iterator[str]:
    with FaultyLink(board.port, faults, seed) as link:
        yield link.port


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, dict[str, str]]:
    """(what the command printed as JSON, {}), or (None, its error)."""
    capsys.readouterr()
    code: Any = 0
    try:
        cli.main([*arguments, "--json"])
    except SystemExit as ended:
        code = ended.code
    said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    if code:
        assert set(said) == {"error"} and said["error"]["found"] and said["error"]["hint"], said
        return None, said["error"]
    return said, {}


@pytest.mark.parametrize("seed", SEEDS)
def test_files_arrive_whole_in_both_directions(board: SimBoard, seed: int, tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    """One byte in 800 that is damaged is no hindrance."""
    data = random.Random(seed).randbytes(3000)
    (tmp_path / "there.bin").write_bytes(data)
    with cable(board, BAD, seed) as port:
        said, error = call(capsys, "files", "put", str(tmp_path / "there.bin"), "--device", port)
    assert said, error
    assert board.get_bytes("there.bin") == data
    with cable(board, BAD, 100 + seed) as port:
        said, error = call(capsys, "files", "get", "there.bin", str(tmp_path / "back.bin"), "--device", port)
    assert said, error
    assert (tmp_path / "back.bin").read_bytes() == data


@pytest.mark.parametrize("seed", SEEDS)
def test_a_script_runs_once_and_whole_or_not_at_all(board: SimBoard, seed: int, tmp_path: Path,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    board.exec("open('log', 'w').close()")
    script = tmp_path / "script.py"
    script.write_text("def note(text):\n    with open('log', 'a') as file: file.write(text)\nnote('begun ')\n" + "x = 1\n" * 200
                      + "note('ended ')\nprint('done')\n")
    with cable(board, BAD, seed) as port:
        said, error = call(capsys, "run", str(script), "--device", port)
    log = board.exec("print(open('log').read())").strip()
    assert log == ("begun ended" if said else "") or (error and log == "begun ended")


@pytest.mark.parametrize("command", [["files", "ls"], ["run", "script.py"], ["monitor", "--seconds", "2"]], ids=lambda c: c[0])
@pytest.mark.parametrize("cut_after", [40, 400])
def test_a_cable_pulled_in_the_middle_is_one_error(board: SimBoard, command: list[str], cut_after: int, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("script.py").write_text("for i in range(1000): print(i)\n")
    with cable(board, Faults(cut_after=cut_after, unplug=True), 0) as port:
        said, error = call(capsys, *command, "--device", port)
    assert said is None and port in error["found"]
