# SPDX-License-Identifier: Apache-2.0
"""A link that loses, doubles, changes and delays bytes: programs run whole or not at all, and answers are right or missing."""

import contextlib
import os
import time
import tty
from collections.abc import Iterator

import pytest
import serial
from auscult_host import checked
from auscult_host.benchmarks.faulty_link import Faults, FaultyLink
from auscult_host.errors import AuscultError
from auscult_host.simulator import SimBoard
from auscult_host.transport import BoardError, Console, LinkError

BAD = Faults(drop=0.001, duplicate=0.001, corrupt=0.001, delay=0.001)


@pytest.fixture
def echo() -> Iterator[tuple[int, str]]:
    """(a terminal's one end, the name of its other)"""
    master, slave = os.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def _through(echo: tuple[int, str], faults: Faults, seed: int, pieces: list[bytes]) -> bytes:
    master, name = echo
    with FaultyLink(name, faults, seed) as link, serial.Serial(link.port, timeout=0.3) as user:
        for piece in pieces:
            os.write(master, piece)
            time.sleep(0.01)
        arrived: bytes = user.read(100_000)
        assert link.received == sum(map(len, pieces)) and link.sent == 0
    return arrived


def test_a_link_without_faults_changes_nothing(echo: tuple[int, str]) -> None:
    data = bytes(range(256)) * 8
    assert _through(echo, Faults(), 0, [data]) == data


def test_faults_depend_on_the_seed_not_on_pieces(echo: tuple[int, str]) -> None:
    data = bytes(range(256)) * 12
    bad = Faults(drop=0.01, duplicate=0.01, corrupt=0.01)
    whole = _through(echo, bad, 5, [data])
    assert whole == _through(echo, bad, 5, [data[i:i + 700] for i in range(0, len(data), 700)])
    assert whole != data and whole != _through(echo, bad, 6, [data])


@pytest.mark.parametrize(("kind", "low", "high"), [("drop", -70, -30), ("duplicate", 30, 70), ("corrupt", 0, 0)])
def test_each_kind_of_fault_is_as_frequent_as_said(echo: tuple[int, str], kind: str, low: int, high: int) -> None:
    data = b"U" * 2500
    arrived = _through(echo, Faults(**{kind: 0.02}), 1, [data])
    assert low <= len(arrived) - len(data) <= high
    changed = sum(byte != 0x55 for byte in arrived)
    assert (30 <= changed <= 70) if kind == "corrupt" else changed == 0


def test_a_cut_loses_what_is_said_meanwhile(echo: tuple[int, str]) -> None:
    master, name = echo
    with FaultyLink(name, Faults(cut_after=10, cut_s=0.5)) as link, serial.Serial(link.port, timeout=0.2) as user:
        os.write(master, b"0123456789lost")
        assert user.read(100) == b"0123456789"
        time.sleep(0.6)
        os.write(master, b"back")
        assert user.read(100) == b"back"


def test_unplugging_is_an_error_and_a_port_may_come_back_under_another_name(echo: tuple[int, str]) -> None:
    master, name = echo
    with FaultyLink(name, Faults(cut_after=4, unplug=True)) as link:
        first = link.port
        with serial.Serial(first, timeout=0.3) as user, contextlib.suppress(serial.SerialException):
            os.write(master, b"abcdef")
            assert user.read(6) in (b"abcd", b"")
        assert not os.path.exists(first)
        with pytest.raises(AuscultError, match="there is no port"):
            Console(first).exec("print(1)")
        second = link.plug(same_name=False)
        assert second != first
        with serial.Serial(second, timeout=0.5) as user:
            os.write(master, b"again")
            assert user.read(5) == b"again"


@pytest.fixture(scope="module")
def board() -> Iterator[SimBoard]:
    with SimBoard("sim_m4") as booted:
        yield booted


@contextlib.contextmanager
def _console(board: SimBoard, faults: Faults, seed: int) -> Iterator[Console]:
    with FaultyLink(board.port, faults, seed) as link, contextlib.closing(Console(link.port)) as console:
        yield console


LONG = "total = 0\n" + "".join(f"total += {i}\n" for i in range(200)) + "answer = [total, 'Grüße', None]\n"


@pytest.mark.parametrize("seed", range(4))
def test_questions_are_answered_right_over_a_bad_link(board: SimBoard, seed: int) -> None:
    with _console(board, BAD, seed) as console:
        console.exec("before = 1")
        console.soft_reset()
        assert checked.ask(console, "answer = 'before' in globals()") is False
        for n in range(4):
            assert checked.ask(console, f"answer = {{'n': {n}}}") == {"n": n}
        assert checked.ask(console, LONG) == [sum(range(200)), "Grüße", None]


def test_a_program_runs_whole_or_not_at_all(board: SimBoard) -> None:
    """Each begins by a line and ends by another on the board's own file, over a link that rather seldom lets one through."""
    worse = Faults(drop=0.002, duplicate=0.002, corrupt=0.002)
    board.exec("open('log', 'w').close()")
    done = 0
    for seed in range(4):
        code = f"def note(text):\n    with open('log', 'a') as f: f.write(text)\nnote('{seed} begins ')\n" + "x = 1\n" * 60 \
            + f"note('{seed} ends\\n')\nprint('said')\n"
        with _console(board, worse, seed) as console, contextlib.suppress(LinkError):
            list(checked.stream(console, code, timeout_s=5))
            done += 1
    lines = board.exec("print(open('log').read())").split("\n")
    assert [line for line in lines if line.strip()] == [f"{n} begins {n} ends" for n in sorted(
        int(line.split()[0]) for line in lines if line.strip())]
    assert done >= 2


def test_errors_of_the_program_are_told_as_its_own(board: SimBoard) -> None:
    with _console(board, Faults(), 0) as console:
        for run in (checked.ask, lambda console, code: list(checked.stream(console, code))):
            with pytest.raises(BoardError, match="ZeroDivisionError") as caught:
                run(console, "a = 1\na / 0")
            assert "line 2" in caught.value.traceback
            with pytest.raises(BoardError, match="SyntaxError"):
                run(console, "a = (")
        assert console.exec("print('alive')") == "alive\n"


def test_a_firmware_without_checksums_is_told(board: SimBoard) -> None:
    with _console(board, Faults(), 0) as console:
        console.exec("import sys\nclass Lean:\n    pass\nsys.modules['binascii'] = Lean()")
        with pytest.raises(AuscultError, match=r"lacks binascii\.crc32"):
            checked.ask(console, "answer = 1")
        console.soft_reset()
        assert checked.ask(console, "answer = 1") == 1


def test_output_comes_as_it_is_printed_and_can_be_left(board: SimBoard) -> None:
    with _console(board, Faults(), 0) as console:
        output = checked.stream(console, "import time\nfor i in range(10**6):\n    print(i)\n    time.sleep_ms(5)")
        assert next(output).startswith("0")
        output.close()
        assert checked.ask(console, "answer = i < 10**6 - 1") is True


@pytest.mark.parametrize("faults", [Faults(cut_after=0, cut_s=1e9), Faults(drop=0.3, corrupt=0.3)], ids=["dead", "hopeless"])
def test_a_hopeless_link_is_one_clear_error(board: SimBoard, faults: Faults) -> None:
    with _console(board, faults, 0) as console, pytest.raises(AuscultError) as caught:
        checked.ask(console, "answer = 1")
    assert caught.value.found and caught.value.expected and caught.value.hint


@pytest.mark.parametrize("cut_after", [20, 60, 100, 160, 250])
def test_a_cable_pulled_in_the_middle_is_one_clear_error(board: SimBoard, cut_after: int) -> None:
    with FaultyLink(board.port, Faults(cut_after=cut_after, unplug=True)) as link:
        with contextlib.closing(Console(link.port)) as console, pytest.raises(AuscultError) as caught:
            checked.ask(console, "answer = 'x' * 100")
        assert link.port in str(caught.value)
        link.plug(same_name=False)
        with contextlib.closing(Console(link.port)) as console:
            assert checked.ask(console, "answer = 1") == 1


@pytest.mark.parametrize("cut_after", [3, 40, 90, 150])
def test_a_link_that_falls_silent_for_a_while_goes_on(board: SimBoard, cut_after: int) -> None:
    with _console(board, Faults(cut_after=cut_after, cut_s=1.0), 0) as console:
        assert checked.ask(console, "answer = 'x' * 100") == "x" * 100


@pytest.mark.parametrize("which", [1, 2])
def test_a_lost_end_of_a_program_does_not_hang(board: SimBoard, which: int) -> None:
    """Though the program was given no time limit."""
    left = which

    def lose(to_board: bool, data: bytes) -> bytes:
        nonlocal left
        kept = bytearray()
        for byte in data:
            if byte == 4 and not to_board and said:
                left -= 1
                if not left:
                    continue
            kept.append(byte)
        return bytes(kept)

    said: list[str] = []
    with FaultyLink(board.port, alter=lose) as link, contextlib.closing(Console(link.port)) as console:
        with pytest.raises(LinkError):
            for text in console.stream("import time\nprint('said')\ntime.sleep_ms(500)"):
                said.append(text)
        assert console.exec("print('alive')") == "alive\n"
