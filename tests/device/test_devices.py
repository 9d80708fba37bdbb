# SPDX-License-Identifier: Apache-2.0
"""Finding and connecting to boards: which one is meant, a port that is held or silent, a board that runs something."""

import contextlib
import fcntl
import grp
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from auscult_host import boards, devices
from auscult_host.errors import AuscultError
from auscult_host.simulator import SimBoard

from . import FIRMWARE


@pytest.fixture(scope="module")
def board() -> Iterator[SimBoard]:
    """One that is asked over its port, as a real one is."""
    with SimBoard("sim_m4") as running:
        yield running


@pytest.fixture
def silent() -> Iterator[str]:
    """A port that nobody answers at."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def plugged(monkeypatch: pytest.MonkeyPatch, *found: devices.Port) -> None:
    monkeypatch.setattr(devices, "ports", lambda: list(found))


FIRST = devices.Port("/dev/ttyACM0", (0xF055, 0x9800), "3258", "Pyboard")
SECOND = devices.Port("/dev/ttyUSB0", (0x10C4, 0xEA60), "0001", "CP2102")


def test_the_only_board_is_taken_and_of_two_none(monkeypatch: pytest.MonkeyPatch) -> None:
    plugged(monkeypatch, FIRST)
    assert devices.choose(None) == "/dev/ttyACM0"
    plugged(monkeypatch, FIRST, SECOND)
    with pytest.raises(AuscultError, match=r"several boards: /dev/ttyACM0 \(Pyboard\), /dev/ttyUSB0 \(CP2102\)"):
        devices.choose(None)
    assert devices.choose("0001") == "/dev/ttyUSB0"
    plugged(monkeypatch)
    with pytest.raises(AuscultError, match=r"no board is plugged in.*auscult doctor"):
        devices.choose(None)


def test_a_name_that_is_no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    plugged(monkeypatch, FIRST)
    with pytest.raises(AuscultError, match=r"no board 'sim_m5'.*sim_m4"):
        devices.choose("sim_m5")
    assert devices.choose("sim_m4") == "sim_m4"


def test_what_a_board_says_of_itself(board: SimBoard) -> None:
    board.put(FIRMWARE / "auscult" / "__init__.py", "/lib/auscult/__init__.py")
    with devices.connect(board.port) as device:
        facts = device.facts()
        assert device.simulated is None and not device.console.interrupted
    assert (facts.implementation, facts.version, facts.arch) == ("micropython", (1, 25, 0), "armv7emsp")
    assert (facts.mpy_version, facts.mpy_abi) == (6, 3)
    assert 100_000 < facts.heap_free < 256 * 1024
    assert facts.disk_total == 480 * 1024 and 0 < facts.disk_total - facts.disk_free < 100_000
    assert bytes.fromhex(facts.unique_id) == b"sim_m4"
    assert facts.auscult == "0.1.0" and "lib/" in facts.files and facts.root == ""


def test_an_answer_that_is_none() -> None:
    for said in ("", "{", '{"arch": 3}', "[]", '{"arch": 3, "version": 1, "files": []}'):
        with pytest.raises(AuscultError, match="expected its facts"):
            devices.Facts.parse(said)


def test_circuitpython_loads_no_native_modules() -> None:
    said = ('{"implementation": "circuitpython", "version": [9, 2, 1], "machine": "m", "arch": 5, "mpy_version": 6, "mpy_abi": 0,'
            ' "heap_free": 1, "disk_free": 1, "disk_total": 2, "files": []}')
    assert devices.Facts.parse(said).arch == ""
    assert devices.Facts.parse(said.replace("circuit", "micro")).arch == "armv7m"


def test_a_running_program_is_stopped_and_goes_on_afterwards(board: SimBoard) -> None:
    """A program that says something before it ends, as the node does, is given the time to."""
    board.put_bytes(b"import time\nprint('begun')\ntry:\n    while True:\n        print('turn')\n        time.sleep_ms(20)\n"
                    b"finally:\n    time.sleep_ms(700)\n    open('summary', 'w').write('complete')\n", "/main.py")
    board.hard_reset()
    with devices.connect(board.port) as device:
        assert "turn" in device.console.lines(10)
        assert "summary" in device.facts().files
        assert device.console.interrupted
        assert device.console.exec("import os\nprint(open('summary').read())\nos.remove('summary')") == "complete\n"
        device.console.resume()
        assert any("begun" in line for line in device.console.lines(10))
    board.exec("import os\nos.remove('main.py')")


def test_a_program_that_ctrl_c_does_not_stop() -> None:
    program = "import micropython, time\nmicropython.kbd_intr(-1)\nwhile True:\n    print('counting')\n    time.sleep_ms(100)\n"
    with SimBoard("sim_m4") as stubborn:
        stubborn.put_bytes(program.encode(), "/main.py")
        stubborn.hard_reset()
        with devices.connect(stubborn.port) as device:
            assert "counting" in next(device.console.lines(10))
            with pytest.raises(AuscultError, match=r"Ctrl-C does not stop; it said 'counting'.*auscult flash --erase"):
                device.facts()


def test_nobody_answers(silent: str) -> None:
    with devices.connect(silent) as device, pytest.raises(AuscultError, match=r"nothing answers at .*auscult doctor"):
        device.facts()


HOLD = "import serial, sys\nport = serial.Serial(sys.argv[1], exclusive=True)\nprint('held', flush=True)\ninput()\n"


def test_a_port_that_another_program_holds(silent: str, tmp_path: Path) -> None:
    script = tmp_path / "terminal.py"
    script.write_text(HOLD)
    with subprocess.Popen([sys.executable, str(script), silent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdin
        assert other.stdout.readline() == b"held\n"
        with devices.connect(silent) as device, \
                pytest.raises(AuscultError, match=rf"in use by terminal.py \(process {other.pid}\)"):
            device.facts()
        other.stdin.write(b"\n")


def test_a_program_that_reads_the_port_without_holding_it_is_named(silent: str, tmp_path: Path) -> None:
    """It would take the board's answers away."""
    script = tmp_path / "logger.py"
    script.write_text(HOLD.replace("True)", "False)"))
    with subprocess.Popen([sys.executable, str(script), silent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdin
        assert other.stdout.readline() == b"held\n"
        with devices.connect(silent) as device, \
                pytest.raises(AuscultError, match=rf"which logger.py \(process {other.pid}\) has open, too"):
            device.facts()
        other.stdin.write(b"\n")


def test_ours_is_held_too(silent: str) -> None:
    """mpremote and others that ask for the lock do not disturb us."""
    with devices.connect(silent) as device, pytest.raises(BlockingIOError), open(silent, "rb") as port:
        list(device.console.lines(0.01))
        fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_no_such_port(tmp_path: Path) -> None:
    with devices.connect(str(tmp_path / "ttyACM7")) as device, pytest.raises(AuscultError, match="there is no port"):
        device.facts()


@contextlib.contextmanager
def anybody() -> Iterator[int]:
    """Root may open everything: for a while a user who may not. Yields his number."""
    user = 65534 if os.geteuid() == 0 else os.geteuid()
    before = os.geteuid()
    os.seteuid(user)
    try:
        yield user
    finally:
        os.seteuid(before)


def test_no_permission_names_the_group(silent: str) -> None:
    os.chmod(silent, 0)
    if os.geteuid() == 0:
        os.chown(silent, -1, grp.getgrnam("dialout").gr_gid)
    group = grp.getgrgid(os.stat(silent).st_gid).gr_name
    with anybody(), devices.connect(silent) as device, \
            pytest.raises(AuscultError, match=rf"no permission to use .*sudo usermod -aG {group} \$USER"):
        device.facts()


def test_a_port_that_was_made_exclusive(silent: str, tmp_path: Path) -> None:
    """As screen and picocom do: who opens it is told that it is busy."""
    script = tmp_path / "screen.py"
    script.write_text("import fcntl, sys, termios\nport = open(sys.argv[1], 'rb+', buffering=0)\n"
                      "fcntl.ioctl(port, termios.TIOCEXCL)\nprint('held', flush=True)\ninput()\n")
    with subprocess.Popen([sys.executable, str(script), silent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout and other.stdin
        assert other.stdout.readline() == b"held\n"
        os.chmod(silent, 0o666)
        with anybody(), devices.connect(silent) as device, pytest.raises(AuscultError, match="is in use by"):
            device.facts()
        other.stdin.write(b"\n")


@pytest.mark.parametrize("name", boards.simulated())
def test_simulated_boards_say_what_their_descriptions_say(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devices, "flash_file", lambda name: tmp_path / name)
    with devices.connect(name) as device:
        facts = device.facts()
    described = boards.load_simulated(name)
    assert facts.arch == described.arch and facts.machine == f"{name} with {described.mcu}"
    assert facts.disk_total == 1024 * described.disk_kib and 0.9 * 1024 * described.heap_kib < facts.heap_free


def test_files_of_a_simulated_board_stay_until_they_are_forgotten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devices, "flash_file", lambda name: tmp_path / name)
    assert not devices.forget("sim_m4")
    with devices.connect("sim_m4") as device:
        device.console.exec("open('kept', 'w').close()")
        with pytest.raises(AuscultError, match="in use by another board"), devices.connect("sim_m4"):
            pass
        with pytest.raises(AuscultError, match="in use by another board"):
            devices.forget("sim_m4")
    with devices.connect("sim_m4") as device:
        assert device.facts().files == ("kept",)
    assert devices.forget("sim_m4")
    with devices.connect("sim_m4") as device:
        assert device.facts().files == ()
    with pytest.raises(AuscultError, match="real board"):
        devices.forget("NUCLEO_L476RG")
