# SPDX-License-Identifier: Apache-2.0
"""The board as a whole: console, files, resets, watchdog, memory, the data line, and mpremote itself."""

import os
import signal
import subprocess
import sys
import termios
import threading
import tty
import zlib
from pathlib import Path

import pytest
from auscult_host.errors import AuscultError
from auscult_host.simulator import SimBoard
from auscult_host.transport import BoardError
from boards_code import BOARDS


def test_modules(board: SimBoard) -> None:
    """What the device package builds on is there."""
    out = board.exec("""
import array, asyncio, binascii, collections, deflate, errno, gc, hashlib, io, json, machine, math, os, random, re
import select, struct, sys, time, vfs
print(binascii.hexlify(hashlib.sha256(b"abc").digest()).decode()[:16], json.loads("[1]"), struct.calcsize("<hi"))
print(sys.version_info[:0], sys.implementation.version[:3], os.uname().machine, len(machine.unique_id()) > 0)
packed = io.BytesIO(PACKED)
print(deflate.DeflateIO(packed, deflate.ZLIB).read() == b"abc" * 100, machine.freq() > 0)
""".replace("PACKED", repr(zlib.compress(b"abc" * 100))))
    assert out.splitlines() == ["ba7816bf8f01cfea [1] 6",
                                f"() (1, 25, 0) {board.board.name} with {board.board.mcu} True", "True True"]


def test_native_architecture(board: SimBoard) -> None:
    """board.toml and the firmware agree on the native modules that load."""
    names = [None, "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa",
             "xtensawin", "rv32imc"]
    number = int(board.exec("import sys; print(sys.implementation._mpy >> 10 & 15)"))
    # MicroPython tells Thumb-2 cores apart by their FPU only: a Cortex-M3 calls itself armv7em
    assert names[number] == {"armv7m": "armv7em"}.get(board.board.arch, board.board.arch)


def test_heap_is_as_described(board: SimBoard) -> None:
    free, total = board.exec("import gc; gc.collect(); print(gc.mem_free(), gc.mem_free() + gc.mem_alloc())").split()
    assert int(total) > 0.95 * board.board.heap_kib * 1024
    assert int(free) > 0.9 * board.board.heap_kib * 1024


def test_arguments(board: SimBoard) -> None:
    out = board.exec("import simboard; print(simboard.arg('greeting'), simboard.arg('absent'))")
    assert out == "Grüß Gott, 100 % None\n"


def test_errors_carry_the_traceback(board: SimBoard) -> None:
    with pytest.raises(BoardError) as caught:
        board.exec("print('before')\ndef f():\n    return 1 / 0\nf()")
    assert "ZeroDivisionError" in caught.value.found
    assert 'line 3, in f' in caught.value.traceback
    assert board.exec("print(1)") == "1\n"


def test_memory_error_not_a_crash(board: SimBoard) -> None:
    out = board.exec("""
def grow():
    blocks = []
    while True:
        blocks.append(bytearray(1000))
for action in (grow, lambda: bytearray(10_000_000)):
    try:
        action()
    except MemoryError:
        print("MemoryError")
def deep(n):
    return deep(n + 1) + 1
try:
    deep(0)
except RuntimeError:
    print("RuntimeError")
""")
    assert out == "MemoryError\nMemoryError\nRuntimeError\n"


def test_output_of_any_size_and_alphabet(board: SimBoard) -> None:
    assert board.exec("print('äöü€' * 5000)") == "äöü€" * 5000 + "\n"


def test_lines_as_they_come_and_ctrl_c(board: SimBoard) -> None:
    """A program that never ends is watched for three lines, then stopped, be it busy or asleep."""
    for body in ("pass", "time.sleep_ms(1)", "machine.lightsleep(1)"):
        lines = board.run_stream(f"""
import time, machine
n = 0
while True:
    n += 1
    if n % 10 == 1:
        print('line', n)
    {body}
""")
        assert [next(lines) for _ in range(3)] == ["line 1", "line 11", "line 21"]
        lines.close()
        assert board.exec("print('alive')") == "alive\n"


def test_time_limit(board: SimBoard) -> None:
    with pytest.raises(AuscultError, match="still running"):
        board.exec("while True: pass", timeout_s=0.3)
    assert board.exec("print('alive')") == "alive\n"


def test_files_survive_resets(board: SimBoard) -> None:
    board.put_bytes(bytes(range(256)) * 300, "/data/deep/file.bin")
    board.soft_reset()
    assert board.exec("import machine; print(machine.reset_cause() == machine.SOFT_RESET)") == "True\n"
    board.hard_reset()
    assert board.exec("import machine; print(machine.reset_cause() == machine.HARD_RESET)") == "True\n"
    assert board.get_bytes("/data/deep/file.bin") == bytes(range(256)) * 300


def test_disk_refuses_what_lies_beyond(board: SimBoard) -> None:
    """Also where the number of a block, times its size, wraps around 32 bits."""
    out = board.exec("""
import simboard
disk = simboard.Disk()
blocks = disk.ioctl(4, 0)
buf = bytearray(1024)
disk.readblocks(blocks - 1, buf)
disk.readblocks(blocks - 2, buf, 1024)
for block, offset in ((blocks, 0), (blocks - 1, 1), (-1, 0), (0, -1), (1 << 22, 0), ((1 << 22) + 5, 0), (1, -1024)):
    for action in (disk.readblocks, disk.writeblocks):
        try:
            action(block, buf, offset)
        except OSError as error:
            print(error.errno, end=" ")
        else:
            print("passed", block, offset)
""")
    assert out.split() == ["22"] * 14


def test_resets_leave_no_file_open(tmp_path: Path) -> None:
    """Whatever the board had open on the PC is closed before machine.reset() and by the watchdog's bite."""
    with SimBoard("sim_m4", flash=tmp_path / "flash.bin", data_uart=True) as board:
        counts = []
        for cause in ("machine.reset()", "machine.WDT(timeout=20)", "machine.deepsleep(1)"):
            assert board.exec(f"""
import machine, simboard
uart = machine.UART(1)
kept = [simboard.host_open({str(tmp_path / 'flash.bin')!r}) for _ in range(3)]
print(uart.any())
""") == "0\n"
            counts.append(len(os.listdir(f"/proc/{board._qemu.pid}/fd")))
            board.start(f"import machine\n{cause}\nwhile True: pass\n")
            _wait_for_boot(board)
        assert len(set(counts)) == 1


def test_put_folder(board: SimBoard, tmp_path: Path) -> None:
    (tmp_path / "package" / "inner").mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").write_text("answer = 42\n")
    (tmp_path / "package" / "inner" / "a.txt").write_text("x")
    board.put(tmp_path / "package", "/lib/package")
    assert board.exec("import package, os; print(package.answer, os.listdir('/lib/package/inner'))") == "42 ['a.txt']\n"


def test_host_files(board: SimBoard, tmp_path: Path) -> None:
    (tmp_path / "in.bin").write_bytes(bytes(range(100)))
    out = board.exec(f"""
import simboard, os
with simboard.host_open({str(tmp_path / 'in.bin')!r}) as source:
    source.seek(10)
    buf = bytearray(8)
    print(source.readinto(buf), buf[0], source.tell(), source.seek(-2, 2), source.read())
with simboard.host_open({str(tmp_path / 'out.bin')!r}, "wb") as target:
    target.write(b"written on the board")
try:
    simboard.host_open({str(tmp_path / 'absent')!r})
except OSError as error:
    print(error.errno)
""")
    assert out == "8 10 18 98 b'bc'\n2\n"
    assert (tmp_path / "out.bin").read_bytes() == b"written on the board"


def test_flash_file_survives_a_restart(tmp_path: Path) -> None:
    flash = tmp_path / "flash.bin"
    for name in ("sim_m0", "sim_m4", "sim_rv32"):  # one of each machine; the file is the same to all
        with SimBoard(name, flash=flash) as board:
            board.exec(f"open('{name}', 'w').write('x' * 5000)")
    with SimBoard("sim_m7", flash=flash) as board:
        assert board.exec("import os; print(sorted(os.listdir()))") == "['sim_m0', 'sim_m4', 'sim_rv32']\n"
        with pytest.raises(AuscultError, match="in use"):
            SimBoard("sim_m3", flash=flash)


def test_main_runs_at_power_on(tmp_path: Path) -> None:
    flash = tmp_path / "flash.bin"
    with SimBoard("sim_m4", flash=flash) as board:
        board.put_bytes(b"print('boot.py')\n", "boot.py")
        board.put_bytes(b"import time\nn = 0\nwhile True:\n    n += 1\n    print('main', n)\n    time.sleep_ms(20)\n",
                        "main.py")
    with SimBoard("sim_m4", flash=flash) as board:
        lines = board.lines(timeout_s=20)
        assert "main 30" in lines  # reads on until then


@pytest.mark.parametrize("loop", ["pass", "time.sleep_ms(1)", "machine.lightsleep(500)"])
def test_watchdog_bites(counting: SimBoard, loop: str) -> None:
    """Whether the program spins or sleeps; in virtual time, and only if it is not fed."""
    counting.exec("""
import machine, time
dog = machine.WDT(timeout=20)
for _ in range(100):
    time.sleep_ms(15)
    dog.feed()
""")
    counting.start(f"import machine, time\nmachine.WDT(timeout=20)\nwhile True: {loop}\n")
    _wait_for_boot(counting)
    assert counting.exec("import machine; print(machine.reset_cause() == machine.WDT_RESET)") == "True\n"


def _wait_for_boot(board: SimBoard) -> None:
    assert any("MicroPython v1.25.0" in line for line in board.lines(timeout_s=30))


def test_power_on_and_deep_sleep() -> None:
    with SimBoard("sim_rv32", deterministic=True) as board:
        assert board.exec("import machine; print(machine.reset_cause() == machine.PWRON_RESET)") == "True\n"
        board.start("import machine\nmachine.deepsleep(10_000)")
        _wait_for_boot(board)
        assert board.exec("import machine; print(machine.reset_cause() == machine.DEEPSLEEP_RESET)") == "True\n"


def _open_raw(port: str) -> int:
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(descriptor)
    settings = termios.tcgetattr(descriptor)
    settings[6][termios.VMIN], settings[6][termios.VTIME] = 0, 50  # a read waits for 5 s at most
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)
    return descriptor


def _read(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := os.read(descriptor, size - len(data))):
        data += piece
    return data


def test_data_line(board: SimBoard) -> None:
    """UART(1) as a stream, polled, and under asyncio, while the console stays what it is."""
    assert board.data_port
    port = _open_raw(board.data_port)
    try:
        board.exec("""
import machine, select
uart = machine.UART(1, 115200)
print(uart.any(), uart.read(5))
uart.write(b"hello" * 1000)
""")
        assert _read(port, 5000) == b"hello" * 1000
        os.write(port, b"line one\nrest")
        out = board.exec("""
poll = select.poll()
poll.register(uart, select.POLLIN)
assert poll.poll(5000)
print(uart.readline(), uart.read(4), poll.poll(20))
""")
        assert out == "b'line one\\n' b'rest' []\n"
        os.write(port, b"ping\n")
        out = board.exec("""
import asyncio
async def main():
    reader, writer = asyncio.StreamReader(uart), asyncio.StreamWriter(uart, {})
    line = await reader.readline()
    writer.write(b"got " + line)
    await writer.drain()
    print(line)
asyncio.run(main())
""")
        assert out == "b'ping\\n'\n"
        assert _read(port, 9) == b"got ping\n"
    finally:
        os.close(port)


def test_console_input_in_a_program(board: SimBoard) -> None:
    """sys.stdin is readable and pollable, as mpremote's mount needs it."""
    out = board.exec("import sys, select\np = select.poll(); p.register(sys.stdin, select.POLLIN)\nprint(p.poll(10))")
    assert out == "[]\n"


def _mpremote(port: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "mpremote", "connect", port, *arguments], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.replace("\r\n", "\n")


def test_mpremote(board: SimBoard, tmp_path: Path) -> None:
    """mpremote's own command: exec, run, fs cp/ls/cat/rm and mount."""
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('run', sys.platform)\n")
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(5000))
    (tmp_path / "mounted.py").write_text("where = 'on the PC'\n")
    port = board.port
    assert _mpremote(port, "exec", "print(6 * 7)") == "42\n"
    assert _mpremote(port, "run", str(script)) == "run qemu\n"
    _mpremote(port, "fs", "cp", str(big), ":big.bin")
    assert "5000 big.bin" in _mpremote(port, "fs", "ls", ":")
    _mpremote(port, "fs", "cp", ":big.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == big.read_bytes()
    _mpremote(port, "fs", "rm", ":big.bin")
    assert "big.bin" not in _mpremote(port, "fs", "ls", ":")
    assert "on the PC" in _mpremote(port, "mount", str(tmp_path), "exec", "import mounted; print(mounted.where)")
    assert board.exec("print('still here')") == "still here\n"  # and SimBoard finds its way back


@pytest.mark.parametrize("name", BOARDS)
def test_boot_is_short(name: str) -> None:
    """Power on to the first program, with a file system to be made: 2 ms of 1 ns per instruction, which no busy PC
    stretches; a Cortex-M of 25 MHz does as much in less than 0.2 s."""
    with SimBoard(name, deterministic=True) as fresh:
        elapsed_us = int(fresh.exec("import time; print(time.ticks_us())"))
    assert 0 < elapsed_us < 2_000


def test_board_that_answers_late(board: SimBoard) -> None:
    """A busy PC may leave QEMU waiting: not a reason to give up. Here it is stopped as a program is handed over."""
    os.kill(board._qemu.pid, signal.SIGSTOP)
    timer = threading.Timer(1.0, os.kill, (board._qemu.pid, signal.SIGCONT))
    timer.start()
    try:
        assert board.exec("print('late')") == "late\n"
    finally:
        timer.join()


def test_qemu_may_say_a_lot() -> None:
    """More than a pipe holds."""
    with SimBoard("sim_m3") as board:
        out = board.exec("""
import simboard
with simboard.host_open(":tt", "w") as stdout:
    print(sum(stdout.write(b"x" * 1000) for _ in range(300)))
""", timeout_s=20)
        assert out == "300000\n"


@pytest.mark.parametrize("moment", ["at the prompt", "in a program", "watched"])
def test_qemu_that_dies_is_noticed(moment: str) -> None:
    """And what it said last is part of the error, long before any time limit."""
    with SimBoard("sim_m3") as board:
        board.exec("import simboard\nwith simboard.host_open(':tt', 'w') as s: s.write(b'my last words')")
        with pytest.raises(AuscultError, match=r"QEMU ended \(signal 9\): .*\smy last words") as caught:
            if moment == "at the prompt":
                board._qemu.kill()
                board._qemu.wait()
                board.exec("print(1)", timeout_s=1000)
            elif moment == "in a program":
                lines = board.run_stream("print('go')\nwhile True: pass", timeout_s=1000)
                assert next(lines) == "go"
                board._qemu.kill()
                next(lines)
            else:
                board.start("print('go')\nwhile True: pass")
                watched = board.lines(timeout_s=1000)
                assert "go" in next(watched)
                board._qemu.kill()
                next(watched)
        assert caught.value.hint


def test_qemu_ends_with_the_block() -> None:
    with SimBoard("sim_m3") as board:
        process = board._qemu
    assert process.poll() is not None
    with pytest.raises(AuscultError):
        board.exec("print(1)", timeout_s=5)
