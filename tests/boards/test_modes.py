# SPDX-License-Identifier: Apache-2.0
"""A recording played as fast as possible, in real time, twice, or on another board: the verdicts are the same."""

from dataclasses import replace

import numpy as np
import pytest
from auscult_host import faults, generate, playback, train
from auscult_host.errors import AuscultError
from auscult_host.recordings import Recording
from auscult_host.simulator import SimBoard


@pytest.fixture(scope="module")
def trained() -> train.Trained:
    machine = generate.make_machine(0)
    runs = [generate.machine_run(machine, fault, seconds=4) for fault in ("normal", "unbalance")]
    return train.train(runs, train.Settings(window=128, hop=64, features=("std_log2", "crest", "share_1_8")), name="modes")


def said(trained: train.Trained, board: str, **more: object) -> tuple[list[tuple[object, ...]], dict[str, object]]:
    run = generate.machine_run(generate.make_machine(0), "unbalance", seconds=3, developing=True, fault_at_s=1.0, growth_s=1.0)
    *_, (played, _) = playback.play(trained, run, board, **more)  # type: ignore[arg-type]
    return [(v["w"], v["v"], v.get("p"), v["s"]) for v in played.verdicts], played.end


def test_speed_and_board_change_nothing(trained: train.Trained) -> None:
    fast, end = said(trained, "sim_m4")
    again, end_again = said(trained, "sim_m4")
    assert len(fast) == (3 * 1600 - 128) // 64 + 1 and len({v[1] for v in fast}) == 2
    # the moment at which the console starts the program is the PC's, so the estimate may differ by its 1 us
    assert abs(end.pop("rate_mhz") - end_again.pop("rate_mhz")) < 100  # type: ignore[operator]
    assert again == fast and end_again == end
    assert said(trained, "sim_rv32", bus="spi")[0] == fast


def test_real_time_changes_nothing_unless_the_pc_is_too_slow(trained: train.Trained) -> None:
    """A PC that does not keep up loses samples, as a board would: the node must notice. Through a chip with a long FIFO."""
    fast, _ = said(trained, "sim_m4", chip="lsm6dsox")
    for _ in range(3):
        slow, end = said(trained, "sim_m4", chip="lsm6dsox", real_time=True)
        if not end["overruns"]:
            assert slow == fast
            return
        lost = next(i for i, verdict in enumerate(slow) if verdict[1] is None)
        assert slow[:lost] == fast[:lost] and len(slow) < len(fast) and end["missing"]


def test_a_chip_that_is_too_fast_is_noticed(trained: train.Trained) -> None:
    """Ten percent too fast: the same samples, and the same verdicts until the node knows, in a second, that the true rate
    is beyond the pipeline's tolerance: from then on it can't tell."""
    verdicts, end = said(trained, "sim_m4", broken=[faults.parse("rate:+10%")])
    right, _ = said(trained, "sim_m4")
    known = next(i for i, verdict in enumerate(verdicts) if verdict[1] is None)
    assert 20 < known < 40 and verdicts[:known] == right[:known]
    assert all(verdict[1] is None for verdict in verdicts[known:])
    assert end["rate"] == end["dropped"] == len(right) - known and end["samples"] == 4800


def ordered(recording: Recording, axes: str) -> Recording:
    """The same recording with its columns in another order."""
    return replace(recording, axes=tuple(axes), data=recording.data[:, [recording.axes.index(axis) for axis in axes]])


def play(trained: train.Trained, recording: Recording, **more: object) -> playback.Played:
    *_, (played, _) = playback.play(trained, recording, **more)  # type: ignore[arg-type]
    return played


def test_axes_go_by_their_names() -> None:
    """Recordings and model in the order z, x, y; the chip gives x, y, z whatever happens."""
    machine = generate.make_machine(0)
    normal, fault = (generate.machine_run(machine, fault, seconds=4) for fault in ("normal", "unbalance"))
    fault = replace(fault, data=fault.data * np.float32([1, 0.2, 3]))  # so that it matters which axis is which
    runs = [ordered(run, "zxy") for run in (normal, fault)]
    settings = train.Settings(window=128, hop=128, features=("std_log2.z", "crest.x", "share_1_8.y"))
    trained = train.train(runs, settings, name="zxy")
    said = set()
    for run, axes in ((normal, "xyz"), (fault, "yzx")):
        played = play(trained, ordered(run, axes))
        host = trained.pipeline().push(played.heard)
        assert [(v["w"], v["v"]) for v in played.verdicts] == [(v.window, trained.spec.classes[v.index]) for v in host]
        as_trained = ordered(Recording(played.words, run.rate_hz), "zxy").data
        assert (played.heard == as_trained).all()
        right = [v["v"] == run.label for v in played.verdicts]
        assert sum(right) > 0.9 * len(right)
        said |= {v["v"] for v in played.verdicts}
    assert said == {"normal", "unbalance"}


@pytest.mark.parametrize(("changes", "message"), [
    ({"axes": ("a", "b", "c")}, "the axes a, b, c; expected the axes x, y and z"),
    ({"rate_hz": 1000.0}, "sampled at 1000 Hz; expected 1600 Hz within 5%"), ({"unit": "V"}, "the unit V; expected m/s2")])
def test_what_does_not_suit_the_model_is_refused(trained: train.Trained, changes: dict[str, object], message: str) -> None:
    run = replace(generate.machine_run(generate.make_machine(0), seconds=1), **changes)  # type: ignore[arg-type]
    with pytest.raises(AuscultError, match=message):
        next(playback.play(trained, run))


def test_a_model_of_other_axes_is_refused(trained: train.Trained) -> None:
    runs = [replace(generate.machine_run(generate.make_machine(0), fault, seconds=1), axes=("a", "b", "c"))
            for fault in ("normal", "unbalance")]
    other = train.train(runs, train.Settings(window=128, hop=128, features=("std_log2",)))
    with pytest.raises(AuscultError, match="a model of the axes a, b, c"):
        next(playback.play(other, ordered(generate.machine_run(generate.make_machine(0), seconds=1), "xyz")))


@pytest.mark.parametrize(("k", "n"), [(6, 5), (0, 5), (200, 255)])
def test_an_impossible_decision_is_refused_before_booting(trained: train.Trained, k: int, n: int) -> None:
    run = generate.machine_run(generate.make_machine(0), seconds=1)
    with pytest.raises(AuscultError, match="1 <= k <= n <= 254"):
        next(playback.play(trained, run, k=k, n=n, progress=pytest.fail))


def test_a_node_that_does_not_start_says_why(trained: train.Trained) -> None:
    run = generate.machine_run(generate.make_machine(0), seconds=1)
    with pytest.raises(AuscultError, match=r"node on sim_m4 did not start: .*sensor\.speed") as error:
        play(trained, run, on_board=lambda board, _: board.put_bytes(b'{"sensor": {"speed": 3}}', "/auscult.json"))
    assert error.value.expected and error.value.hint
    with pytest.raises(AuscultError, match=r"did not start: .*pipeline\.mpy"):
        play(trained, run, on_board=lambda board, _: board.put_bytes(b"M", "/pipeline.mpy"))


def test_a_silent_board_is_given_up() -> None:
    with SimBoard("sim_m4") as board:
        lines = playback.lines(board, "print('one')\nwhile True: pass", silence_s=3)
        assert next(lines) == "one"
        with pytest.raises(AuscultError, match="sim_m4 has said nothing for 3 s"):
            next(lines)


def standing(states: list[str | None]) -> playback.Played:
    """A window each second."""
    played = playback.Played(np.zeros((0, 3), np.int16), ["x"], 1.0, 1, 1)
    played.lines += [{"w": w, "v": "normal", "s": state} for w, state in enumerate(states)]
    return played


@pytest.mark.parametrize(("states", "after_s", "detected_s", "in_alarm"), [
    (["normal", "worn", "worn"], 1.0, 2.0, False),
    (["worn", "worn", "worn"], 1.0, None, True),  # a false alarm that stands detects nothing
    (["worn", "worn", "normal", "worn"], 1.0, 4.0, True),
    (["worn", "worn", "loose", "loose"], 1.0, 3.0, True),
    (["normal", "worn", "normal", "worn"], 2.5, 4.0, True),
    (["normal", "worn"], 2.0, None, True),  # this window ended as the fault began
    ([None, "worn"], 0.0, 2.0, False), ([None, None], 0.0, None, False)])
def test_detection_is_a_change_after_the_fault_began(
        states: list[str | None], after_s: float, detected_s: float | None, in_alarm: bool) -> None:
    played = standing(states)
    assert played.detected_s(after_s) == detected_s and played.in_alarm(after_s) == in_alarm
