# SPDX-License-Identifier: Apache-2.0
"""The pipeline linked into the firmware of every other simulated core says what the native module and the PC say."""

from pathlib import Path

import pytest
from auscult_host import boards
from auscult_host.simulator import SimBoard

from .static_case import expected, link, run


@pytest.mark.parametrize("name", ["sim_m0", "sim_m3", "sim_m7", "sim_rv32"])
def test_same_words_and_no_heap(name: str, tmp_path: Path) -> None:
    linked = link(name, tmp_path)
    with SimBoard(name, firmware=linked.firmware) as board:
        kept, got = run(board, linked, "linked", tmp_path)
        board.put(linked.bundle / f"pipeline-{boards.load(name).arch}.mpy", "/loaded.mpy")
        kept_native, of_native = run(board, linked, "loaded", tmp_path)
    assert kept <= 64 < kept_native
    assert (of_native == got).all() and (got[:, [1, *range(3, got.shape[1])]] == expected(linked)).all()
