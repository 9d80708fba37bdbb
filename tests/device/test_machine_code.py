# SPDX-License-Identifier: Apache-2.0
"""The functions in viper's machine code give what the same functions in Python give, on every kind of processor."""

import contextlib
import io
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
from auscult_host import boards, playback
from auscult_host.simulator import SimBoard

SCRIPT = Path(__file__).parent / "run_machine_code.py"
VIPER = "auscult.quality_viper auscult.sensors.unpack_viper"


@pytest.fixture(scope="module")
def in_python() -> list[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(str(SCRIPT))
    *results, viper = out.getvalue().splitlines()
    assert len(results) == 3 and not viper
    return results


def test_on_the_unix_port(micropython: Callable[..., str], in_python: list[str]) -> None:
    assert micropython(SCRIPT.name).splitlines() == [*in_python, VIPER]


@pytest.mark.parametrize("name", boards.simulated())
def test_on_boards(name: str, in_python: list[str]) -> None:
    with SimBoard(name) as board:
        board.put(playback.bytecode(board.board.arch), "/auscult")
        said = board.exec(SCRIPT.read_text(), timeout_s=120).splitlines()
    assert said == [*in_python, VIPER]
