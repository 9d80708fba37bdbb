# SPDX-License-Identifier: Apache-2.0
"""A simulated board: QEMU running a board's firmware, with its console on a pseudo-terminal that mpremote can use."""

import atexit
import contextlib
import fcntl
import os
import re
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from . import boards, serialport, toolchain
from .dataline import DataLine
from .errors import AuscultError
from .transport import Console

_START_S = 10.0
# Virtual time advances 1 ns per instruction, and jumps over the time in which the CPU sleeps.
_DETERMINISTIC = ["-icount", "shift=0,sleep=off"]
# The same, but it does not jump, so that it is never ahead of the PC's clock; where the PC is busy it lags behind.
_PATIENT = ["-icount", "shift=0,sleep=on"]


class SimBoard:
    """One running board; use it as a context manager: its QEMU ends with the block.

    board: a name of `boards.simulated()`. deterministic: virtual time counts instructions, so that runs agree exactly and
    idle time is skipped; else virtual time is the PC's. patient: it may lag behind that, so that a busy PC makes the board
    slower, and does not lose samples. flash: a file that holds the file system across restarts
    (made if missing). args: strings for `simboard.arg(name)`. data_uart: connect machine.UART(1) to `data_port`.
    firmware: another firmware.elf than the board's own.
    """

    def __init__(self, board: str, *, deterministic: bool = False, patient: bool = False, flash: Path | None = None,
                 args: Mapping[str, str] | None = None, data_uart: bool = False, firmware: Path | None = None) -> None:
        self.board = boards.load_simulated(board)
        self.deterministic, self._patient = deterministic, patient
        self._cleanup = contextlib.ExitStack()
        self._args = dict(args or {})
        self._flash = flash
        self._firmware = firmware
        self._data_uart = data_uart
        self.data_port: str | None = None
        try:
            self._start()
        except BaseException:
            self._cleanup.close()
            raise
        atexit.register(self.close)

    def __enter__(self) -> "SimBoard":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End QEMU. The board's files are gone unless they lie in `flash`."""
        self._cleanup.close()
        atexit.unregister(self.close)

    @property
    def running(self) -> bool:
        return self._qemu.poll() is None

    def cut_power(self) -> None:
        """The board stops between two instructions; close() it then."""
        self._qemu.kill()
        self._qemu.wait()

    @property
    def port(self) -> str:
        """The console, for mpremote and other tools; the board is left at its prompt for them."""
        self._console.release()
        return self._port

    def exec(self, code: str, timeout_s: float = 60) -> str:
        """Run a program on the board and return what it printed; BoardError with the board's traceback if it fails."""
        return self._console.exec(code, timeout_s)

    def run_stream(self, code: str, timeout_s: float | None = None) -> Iterator[str]:
        """Run a program and yield its lines as they come, without line ends."""
        pending = ""
        for text in self._console.stream(code, timeout_s):
            *lines, pending = (pending + text).replace("\r\n", "\n").split("\n")
            yield from lines
        if pending:
            yield pending

    def lines(self, timeout_s: float | None = None) -> Iterator[str]:
        """Lines that main.py prints by itself; nothing is interrupted."""
        return self._console.lines(timeout_s)

    def put(self, local: Path, remote: str) -> None:
        """Copy a file, or a folder with all that is in it, to the board. Folders on the way are made."""
        if local.is_dir():
            for file in sorted(local.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    self.put(file, f"{remote.rstrip('/')}/{file.relative_to(local).as_posix()}")
        else:
            self.put_bytes(local.read_bytes(), remote)

    def put_bytes(self, data: bytes, remote: str) -> None:
        """Write a file on the board."""
        exchange = self._folder / "exchange"
        exchange.write_bytes(data)
        self.exec(_COPY + f"to_board({str(exchange)!r}, {remote!r})")

    def get_bytes(self, remote: str) -> bytes:
        """Read a file of the board."""
        exchange = self._folder / "exchange"
        exchange.unlink(missing_ok=True)
        self.exec(_COPY + f"to_host({remote!r}, {str(exchange)!r})")
        return exchange.read_bytes()

    def soft_reset(self) -> None:
        """Restart the interpreter (not the board)."""
        self._console.soft_reset()

    def hard_reset(self) -> None:
        """Reset the board, as machine.reset() does; it boots and runs main.py."""
        self.start("import machine\nprint('reset')\nmachine.reset()")
        next(self.lines(_START_S), None)  # what is sent from now on meets the board that is starting

    def start(self, code: str) -> None:
        """Start a program that does not come back, as one that resets the board; see lines() for its output."""
        self._console.start(code)

    def _start(self) -> None:
        program = toolchain.require(self.board.qemu.program)
        firmware = self._firmware or toolchain.firmware(self.board.name)
        if not firmware.is_file():
            raise AuscultError(f"there is no firmware at {firmware}", f"a firmware.elf for {self.board.name}")
        folder = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="auscult-"))
        self._folder = Path(folder)
        self._log = self._folder / "qemu.log"
        if self._data_uart:
            line = self._cleanup.enter_context(DataLine())
            self.data_port = line.port
            self._args["uart1"] = line.board_end
        if self._flash:
            self._args["flash"] = str(lock(self._flash, self._cleanup))
        if self.deterministic:
            self._args["deterministic"] = "1"
        command = [program, "-machine", self.board.qemu.machine, *self.board.qemu.args, "-display", "none",
                   "-monitor", "none", "-serial", "pty", "-kernel", str(firmware),
                   "-semihosting-config", ",".join(["enable=on", "target=native", *_encode(self._args)])]
        if self.deterministic:
            command += _DETERMINISTIC
        elif self._patient:
            command += _PATIENT
        with self._log.open("wb") as log:  # a file: a pipe that nobody reads would stop QEMU once it is full
            self._qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self._cleanup.callback(self._stop_qemu)
        self._port = self._read_port()
        # QEMU looks for a listener once a second only: one that is there all the time makes the board answer at once.
        listener = os.open(self._port, os.O_RDWR | os.O_NOCTTY)
        self._cleanup.callback(os.close, listener)
        self._console = Console(self._port, self._check)
        self._cleanup.callback(self._console.close)

    def _read_port(self) -> str:
        """The name of the console's terminal, which QEMU prints first."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            found = re.search(rb"redirected to (/dev/\S+)\s", self._log.read_bytes())
            if found:
                return found[1].decode()
            self._check(0.02)
        raise AuscultError(f"QEMU did not start: {self._last_words()}", f"a running {self.board.qemu.program}",
                           "check the installed QEMU (7.2 or newer)")

    def _check(self, grace_s: float = 0) -> None:
        """Raise an error with QEMU's last words if it has ended, or ends within grace_s."""
        try:
            code = self._qemu.wait(grace_s)
        except subprocess.TimeoutExpired:
            return
        raise AuscultError(f"QEMU ended ({f'signal {-code}' if code < 0 else f'exit code {code}'}): "
                           + (self._last_words() or "it said nothing"), f"a running {self.board.qemu.program}",
                           "start the board again; if it ends at once, check the installed QEMU (7.2 or newer)")

    def _last_words(self) -> str:
        if not self._log.is_file():  # the board was closed
            return ""
        return self._log.read_text(errors="replace").strip()[-2000:]

    def _stop_qemu(self) -> None:
        self._qemu.terminate()
        try:
            self._qemu.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._qemu.kill()
            self._qemu.wait()


# Runs on the board; the PC's files are open to it.
_COPY = """
import os, simboard
def copy(source, target):
    block = memoryview(bytearray(1024))
    n = source.readinto(block)
    while n:
        target.write(block[:n])
        n = source.readinto(block)
def to_board(path, remote):
    folder = ""
    for part in remote.split("/")[:-1]:
        folder += part + "/"
        try:
            os.mkdir(folder[:-1])
        except OSError:
            pass
    with simboard.host_open(path) as source, open(remote, "wb") as target:
        copy(source, target)
def to_host(remote, path):
    with open(remote, "rb") as source, simboard.host_open(path, "wb") as target:
        copy(source, target)
"""


def _encode(args: Mapping[str, str]) -> list[str]:
    """arg=KEY=VALUE as QEMU wants them; the firmware decodes the percent signs."""
    for key in args:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            raise AuscultError(f"the argument's name {key!r}", "letters, digits and underscores")
    encoded = [f"arg={key}={urllib.parse.quote(value, safe='/:')}" for key, value in args.items()]
    if sum(len(text) for text in encoded) > 2000:
        raise AuscultError("the board's arguments are longer than 2000 characters", "fewer or shorter ones",
                           "pass the name of a file instead")
    return encoded


def lock(flash: Path, cleanup: contextlib.ExitStack) -> Path:
    """Make the file if it is missing, and keep a second board from using it until cleanup."""
    flash = flash.expanduser().resolve()
    flash.parent.mkdir(parents=True, exist_ok=True)
    stream = cleanup.enter_context(flash.open("ab"))
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        others = serialport.holders(str(flash))
        raise AuscultError(f"{flash} is in use by another board" + (f": {', '.join(others)}" if others else ""),
                           "a simulated board that no other command runs", "wait for that command, or end it") from error
    return flash
