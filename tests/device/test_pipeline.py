# SPDX-License-Identifier: Apache-2.0
"""Loading and feeding a compiled pipeline, on MicroPython's unix port with a real native module."""

from collections.abc import Callable
from pathlib import Path

from auscult_host import toolchain

from device.listener import Listener, signal


def test_how_the_recording_is_cut_changes_nothing(micropython: Callable[..., str], listener: Listener,
                                                  tmp_path: Path) -> None:
    words = signal(3000, seed=5)
    (tmp_path / "words").write_bytes(words.tobytes())
    printed = micropython("run_cuts.py", listener.module("x64"), tmp_path / "words", 60, 1).split()
    expected = "".join(str(index) for index in listener.expected(words))
    assert {"0", "1"} == set(expected)
    assert printed == [expected] * (60 + 1)


def test_what_is_no_pipeline_for_this_board_is_refused(micropython: Callable[..., str], listener: Listener,
                                                       tmp_path: Path) -> None:
    """Cut anywhere, foreign, for another architecture, too big: one clear error each."""
    (tmp_path / "other.py").write_text("x = [1, 'two', b'three', 4.5, (6, None)]\ndef f(): return x\n")
    toolchain.run([str(toolchain.mpy_cross()), str(tmp_path / "other.py")], "compiling a module")
    (tmp_path / "other.py").unlink()
    assert micropython("run_load.py", listener.module("x64"), tmp_path, tmp_path / "other.mpy").strip() == "ok"
