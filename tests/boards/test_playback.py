# SPDX-License-Identifier: Apache-2.0
"""A recording played as fast as possible, in real time, twice, or on another board: the verdicts are the same."""

import pytest
from auscult_host import generate, playback, train


@pytest.fixture(scope="module")
def trained() -> train.Trained:
    machine = generate.make_machine(0)
    runs = [generate.machine_run(machine, fault, seconds=4) for fault in ("normal", "unbalance")]
    return train.train(runs, train.Settings(window=128, hop=64, features=("std_log2", "crest", "share_1_8")), name="modes")


def said(trained: train.Trained, board: str, **more: object) -> tuple[list[tuple[object, ...]], dict[str, object]]:
    run = generate.machine_run(generate.make_machine(0), "unbalance", seconds=3, developing=True, fault_at_s=1.0, growth_s=1.0)
    *_, (played, _) = playback.play(trained, run, board, **more)  # type: ignore[arg-type]
    return [(v["w"], v["v"], v["p"], v["s"], v["o"]) for v in played.verdicts], played.end


def test_speed_and_board_change_nothing(trained: train.Trained) -> None:
    fast, end = said(trained, "sim_m4")
    again, end_again = said(trained, "sim_m4")
    assert len(fast) == (3 * 1600 - 128) // 64 + 1 and len({v[1] for v in fast}) == 2
    # the moment at which the console starts the program is the PC's, so the estimate may differ by its 1 us
    assert abs(end.pop("rate_mhz") - end_again.pop("rate_mhz")) < 100  # type: ignore[operator]
    assert again == fast and end_again == end
    slow, _ = said(trained, "sim_m4", real_time=True)
    assert slow == fast
    assert said(trained, "sim_rv32", bus="spi")[0] == fast


def test_a_chip_that_is_too_fast_is_noticed(trained: train.Trained) -> None:
    """Ten percent too fast: the same samples, the same verdicts, but the node knows the true rate."""
    verdicts, end = said(trained, "sim_m4", rate_error_ppm=100_000)
    assert verdicts == said(trained, "sim_m4")[0]
    assert end["marked"] == 0 and end["samples"] == 4800
