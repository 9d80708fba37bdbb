# SPDX-License-Identifier: Apache-2.0
"""Deploying over cables that damage bytes, fall silent or are pulled with the board's power: whatever happens, the board gives
verdicts afterwards, with a package and a model that are whole; `make bench` does 200 of these."""

import contextlib
import threading

import pytest
from auscult_host import deploy
from auscult_host.benchmarks import links
from auscult_host.benchmarks.faulty_link import Faults, FaultyLink
from auscult_host.devices import Device
from auscult_host.transport import Console


@pytest.mark.parametrize(("board", "count"), [("sim_m4", 6), ("sim_rv32", 2), ("sim_m0", 2)])
def test_bad_cables_leave_no_corrupted_board(board: str, count: int) -> None:
    tally = links.deploys(board, count, seed=3)
    assert tally.corrupted == []
    assert tally.completed == tally.tried == count
    assert tally.attempts > count and len(tally.errors) == tally.attempts - count  # some cables were bad enough


def test_a_cable_that_is_put_in_again_is_gone_on_with() -> None:
    """It is pulled in the middle of sending, and comes back under the same name: one command, nothing sent twice but a piece."""
    with links.Bench("sim_m4") as bench:
        project = links.projects(bench.arch, bench.name)[0]
        with (FaultyLink(bench.board.port, Faults(cut_after=60_000, unplug=True), on_cut=lambda: timer.start()) as link,
              contextlib.closing(Console(link.port)) as console):
            timer = threading.Timer(2.0, link.plug)
            result = deploy.install(Device(bench.name, link.port, console), project)
        assert result.attempts > 1 and result.switched
        assert result.bytes <= sum(map(len, [*project.app.values(), *project.model.values()])) + 20_000  # and main.py
        assert bench.fault_of([project]) == ""


def test_a_port_that_goes_with_the_reset_and_comes_again() -> None:
    """As that of a board with USB of its own."""
    with links.Bench("sim_m4") as bench:
        project = links.projects(bench.arch, bench.name)[0]
        with bench.over(Faults(), 0) as (device, _):
            assert deploy.install(device, project).switched
        said, resets = b"", 0

        def watch(to_board: bool, data: bytes) -> bytes:
            nonlocal said, resets
            said = (said + data)[-40:] if to_board else said
            if to_board and b"machine.reset()\x04" in said:
                threading.Timer(0.1, link.unplug).start()
                threading.Timer(1.5, link.plug).start()
                said, resets = b"", resets + 1
            return data

        with FaultyLink(bench.board.port, alter=watch) as link, contextlib.closing(Console(link.port)) as console:
            outcome = deploy.start(Device(bench.name, link.port, console))
            assert (outcome.state, outcome.why, resets) == ("confirmed", "", 1)


def test_an_unchanged_project_hardly_uses_the_wire() -> None:
    found = links.measure_redeploy()
    assert 0 < found["unchanged_bytes"] < 2_000
    assert found["unchanged_bytes"] < found["changed_config_bytes"] < 4_000 < found["changed_model_bytes"] < found["first_bytes"]
