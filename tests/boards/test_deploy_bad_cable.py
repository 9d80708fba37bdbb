# SPDX-License-Identifier: Apache-2.0
"""Deploying over cables that damage bytes, fall silent or are pulled with the board's power: whatever happens, the board gives
verdicts afterwards, with a package and a model that are whole; `make bench` does 200 of these."""

import pytest
from auscult_host.benchmarks import links


@pytest.mark.parametrize(("board", "count"), [("sim_m4", 6), ("sim_rv32", 2), ("sim_m0", 2)])
def test_bad_cables_leave_no_corrupted_board(board: str, count: int) -> None:
    tally = links.deploys(board, count, seed=3)
    assert tally.corrupted == []
    assert tally.completed == tally.tried == count
    assert tally.attempts > count and len(tally.errors) == tally.attempts - count  # some cables were bad enough


def test_an_unchanged_project_hardly_uses_the_wire() -> None:
    found = links.measure_redeploy()
    assert 0 < found["unchanged_bytes"] < 2_000
    assert found["unchanged_bytes"] < found["changed_config_bytes"] < 4_000 < found["changed_model_bytes"] < found["first_bytes"]
