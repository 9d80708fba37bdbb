# SPDX-License-Identifier: Apache-2.0
"""Talking to a MicroPython board over its console, through mpremote's own library. Real and simulated boards alike."""

import contextlib
import termios
import time
from collections.abc import Callable, Iterator

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from .errors import AuscultError

_END = b"\x04"  # closes a program's output, and then its traceback
_GREETING = b"raw REPL; CTRL-B to exit\r\n"
_ATTEMPTS, _ATTEMPT_S = 20, 0.5
_PASTE_S = 10.0
_IDLE_S = 0.2  # how long one read of the port waits before deadlines are looked at


class BoardError(AuscultError):
    """A program on the board ended with an exception. traceback: as the board printed it; output: what came before."""

    def __init__(self, traceback: str, output: str = "") -> None:
        self.traceback, self.output = traceback, output
        last = traceback.strip().splitlines()[-1] if traceback.strip() else "an unknown error"
        super().__init__(f"the board's program failed: {last}\n{traceback.strip()}")


class Console:
    """The raw REPL of the board at `port`. Other programs may use the port in between: see release().

    check(grace_s) is called while nothing comes; it raises if the board is gone, or goes within grace_s seconds.
    """

    def __init__(self, port: str, check: Callable[[float], None] = lambda grace_s: None) -> None:
        self.port = port
        self._check = check
        self._transport: SerialTransport | None = None
        self._received = b""

    def exec(self, code: str, timeout_s: float = 60) -> str:
        """Run a program and return what it printed. BoardError if it raises, AuscultError if it takes longer."""
        return "".join(self.stream(code, timeout_s)).replace("\r\n", "\n")

    def stream(self, code: str, timeout_s: float | None = None) -> Iterator[str]:
        """Run a program and yield what it prints, piece by piece; leaving early stops it with Ctrl-C."""
        transport = self._enter()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        finished = False
        try:
            with self._answering():
                self._send(transport, code, deadline)
            pending = b""
            for piece in self._until(_END, deadline):
                text, pending = _decode(pending + piece)
                if text:
                    yield text
            traceback = b"".join(self._until(_END, deadline)).decode(errors="replace")
            finished = True
        finally:
            if not finished:
                self._stop_program()
        if traceback:
            raise BoardError(traceback)

    def start(self, code: str) -> None:
        """Start a program that does not come back, as one that resets the board; its output is left for lines()."""
        transport = self._enter()
        with self._answering():
            self._send(transport, code, time.monotonic() + 10)
        transport.in_raw_repl = False

    def interrupt(self) -> None:
        """Ctrl-C for the program that is being streamed, also from another thread; its last words still come there."""
        if self._transport:
            with contextlib.suppress(serial.SerialException, OSError):  # the board may be gone: who reads will notice
                self._transport.serial.write(b"\x03")

    def lines(self, timeout_s: float | None = None) -> Iterator[str]:
        """Lines that a program prints by itself (main.py); it is not interrupted. Ends after timeout_s."""
        transport = self._open()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        line = b""
        while deadline is None or time.monotonic() < deadline:
            line += self._received or self._read(transport)
            self._received = b""
            while b"\n" in line:
                done, line = line.split(b"\n", 1)
                yield done.decode(errors="replace").rstrip("\r")

    def soft_reset(self) -> None:
        """Restart the interpreter; boot.py runs, main.py does not."""
        transport = self._enter()
        for _ in self._until(b">", time.monotonic() + 10):
            pass
        transport.serial.write(b"\x04")
        answer = b""
        while not answer.endswith(_GREETING):
            answer += b"".join(self._until(b"\n", time.monotonic() + 10)) + b"\n"

    def release(self) -> None:
        """Leave the raw REPL, so that the next user of the port finds a prompt."""
        if self._transport and self._transport.in_raw_repl:
            with self._answering():
                self._transport.exit_raw_repl()

    def close(self) -> None:
        """Give the port back."""
        if self._transport:
            with contextlib.suppress(serial.SerialException, OSError):  # of a board that is gone
                self._transport.close()
            self._transport.serial.close()  # what went wrong came before this step
            self._transport = None
        self._received = b""

    def _open(self) -> SerialTransport:
        if self._transport is None:
            try:
                self._transport = SerialTransport(self.port, timeout=_IDLE_S, exclusive=False)
            except (TransportError, serial.SerialException) as error:
                raise AuscultError(f"cannot open {self.port}: {error}", "a board's serial port",
                                   "check the name, the cable and your permissions") from error
        return self._transport

    def _enter(self) -> SerialTransport:
        transport = self._open()
        if transport.in_raw_repl:
            return transport
        for attempt in range(_ATTEMPTS):  # a board that is just starting loses what it was sent before
            self._received = b""
            with self._answering():
                transport.serial.reset_input_buffer()
                transport.serial.write(b"\r\x03\r\x01")  # stop the program, then the raw REPL
            answer = b""
            deadline = time.monotonic() + _ATTEMPT_S
            while _GREETING not in answer and time.monotonic() < deadline:
                answer += self._read(transport)
            if _GREETING in answer:
                self._received = answer.rpartition(_GREETING)[2]
                if attempt:
                    self._settle(transport)
                transport.in_raw_repl = True
                return transport
        self.close()
        raise AuscultError(f"no MicroPython prompt at {self.port}", "a board running MicroPython",
                           "reset the board and try again")

    def _settle(self, transport: SerialTransport) -> None:
        """After several attempts: skip the answers to all but the last."""
        while piece := self._read(transport, 4096):
            self._received = (self._received + piece)[-1:]

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """One error for all ways in which a board falls silent; what the check knows of it comes first."""
        try:
            yield
        except (TransportError, serial.SerialException, OSError, termios.error) as error:
            self.close()
            self._check(1.0)
            raise AuscultError(f"the board at {self.port} stopped answering ({error})", "a running board",
                               "look at its output, reset it and try again") from error

    def _read(self, transport: SerialTransport, most: int | None = None) -> bytes:
        """What has arrived, at least a byte; nothing after _IDLE_S of silence."""
        with self._answering():
            data: bytes = transport.serial.read(most or max(1, transport.serial.in_waiting))
        if not data:
            self._check(0)
        return data

    def _until(self, end: bytes, deadline: float | None) -> Iterator[bytes]:
        """Pieces up to `end` (one byte), as they arrive. What follows it is kept for the next call."""
        while True:
            piece, found, rest = self._received.partition(end)
            self._received = rest
            if piece:
                yield piece
            if found:
                return
            if deadline is not None and time.monotonic() > deadline:
                raise AuscultError("the board's program is still running", "its end within the time given",
                                   "give it more time, or look for an endless loop")
            self._received = self._read(self._open())

    def _send(self, transport: SerialTransport, code: str, deadline: float | None) -> None:
        """Wait for the prompt and hand over a program by raw paste: flow-controlled, the board compiles as it reads."""
        for _ in self._until(b">", deadline):
            pass
        transport.serial.timeout = _PASTE_S  # a short read is an error from here on, also to mpremote
        transport.serial.write(b"\x05A\x01")
        answer = transport.serial.read(2)
        if answer != b"R\x01":
            raise TransportError(f"no raw paste mode: {answer!r}")
        transport.raw_paste_write(code.encode())
        transport.serial.timeout = _IDLE_S

    def _stop_program(self) -> None:
        if self._transport:
            with contextlib.suppress(serial.SerialException, OSError):  # the board may be gone
                self._transport.serial.write(b"\x03")
            self.close()


def _decode(data: bytes) -> tuple[str, bytes]:
    """The text in `data`, and the beginning of a character that is not complete yet."""
    for cut in range(min(4, len(data) + 1)):
        try:
            return data[:len(data) - cut].decode(), data[len(data) - cut:]
        except UnicodeDecodeError:
            continue
    return data.decode(errors="replace"), b""
