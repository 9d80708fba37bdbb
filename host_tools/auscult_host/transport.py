# SPDX-License-Identifier: Apache-2.0
"""Talking to a MicroPython board over its console, through mpremote's own library. Real and simulated boards alike."""

import contextlib
import functools
import re
import struct
import termios
import time
from collections.abc import Callable, Generator, Iterator

import serial
from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from . import serialport
from .errors import AuscultError

_END = b"\x04"  # closes a program's output, and then its traceback
_GREETING = b"raw REPL; CTRL-B to exit\r\n"
_REBOOT = b"soft reboot\r\n"
_BANNER = re.compile(rb"Python v?\d[^\r\n]* on \d{4}-")  # what the interpreter says once a program has ended
_ENTER_S, _ATTEMPTS, _ATTEMPT_S, _PATIENCE = 10.0, 20, 0.5, 3
_LONGEST_ATTEMPT_S = 2.0  # for a program that still says something before it ends, as the node does
_ANSWER_S = 2.0  # to what may be asked again
_PROMPT_S = 5.0  # the prompt, and a traceback, come at once: longer, and the link has lost them
_IDLE_S = 0.2  # how long one read of the port waits before deadlines are looked at


class LinkError(AuscultError):
    """The board, or the link to it, does not say what it should: what was asked of it may or may not have been done."""


class NoPromptError(LinkError):
    """Nothing that was asked for ten seconds brought a prompt: asking again is of no use."""


class BoardError(AuscultError):
    """A program on the board ended with an exception. traceback: as the board printed it; output: what came before."""

    def __init__(self, traceback: str, output: str = "") -> None:
        self.traceback, self.output = traceback, output
        last = traceback.strip().splitlines()[-1] if traceback.strip() else "an unknown error"
        super().__init__(f"the board's program failed: {last}\n{traceback.strip()}")


class Console:
    """The raw REPL of the board at `port`. Other programs may use the port in between: see release().

    check(grace_s) is called while nothing comes; it raises if the board is gone, or goes within grace_s seconds.
    patience_s: how long the board may be silent while it reads a program; more than a busy PC makes of a simulated one.
    exclusive: refuses a port that another program has locked, and locks it. interrupted: a program was running when the
    prompt was asked for. sent, received: bytes so far.
    """

    patience_s = 10.0

    def __init__(self, port: str, check: Callable[[float], None] = lambda grace_s: None, exclusive: bool = False) -> None:
        self.port = port
        self.interrupted = False
        self.sent = self.received = 0
        self._check = check
        self._exclusive = exclusive
        self._transport: SerialTransport | None = None
        self._received = b""
        self._deadline: float | None = None  # of the program that runs

    def exec(self, code: str, timeout_s: float = 60) -> str:
        """Run a program and return what it printed. BoardError if it raises, AuscultError if it takes longer."""
        return "".join(self.stream(code, timeout_s)).replace("\r\n", "\n")

    def stream(self, code: str, timeout_s: float | None = None) -> Generator[str, None, None]:
        """Run a program and yield what it prints, piece by piece; leaving early stops it with Ctrl-C."""
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        finished = False
        try:
            self._send(code)
            pending = b""
            for piece in self._until(_END):
                text, pending = _decode(pending + piece)
                if text:
                    yield text
            self.end_within(_PROMPT_S)
            traceback = b"".join(self._until(_END)).decode(errors="replace")
            self._expect_prompt()
            finished = True
        finally:
            if not finished:
                self._stop_program()
        if traceback:
            raise BoardError(traceback)

    def end_within(self, seconds: float) -> None:
        """The program that is being streamed has said all that it is to say: how long its end may take."""
        latest = time.monotonic() + seconds
        self._deadline = latest if self._deadline is None else min(latest, self._deadline)

    def start(self, code: str) -> None:
        """Start a program that does not come back, as one that resets the board; its output is left for lines()."""
        self._deadline = time.monotonic() + 10
        self._send(code).in_raw_repl = False

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

    def prompt(self) -> None:
        """Stop what runs and have the raw REPL's prompt."""
        self._enter()

    def read(self) -> bytes:
        """What a program that start() began has said since; nothing after a short silence."""
        data, self._received = self._received, b""
        return data or self._read(self._open())

    def write(self, data: bytes) -> None:
        """For a program that start() began."""
        transport = self._open()
        with self._answering():
            transport.serial.write(data)

    def soft_reset(self) -> None:
        """Restart the interpreter; boot.py runs, main.py does not."""
        for _ in range(_ATTEMPTS):  # what the link lost is said again: two resets are as good as one
            transport = self._prompt()
            with self._answering():
                transport.serial.write(b"\x04")
            answer, latest = b"", time.monotonic() + _PROMPT_S
            while _GREETING not in answer and time.monotonic() < latest:
                answer += self._read(transport)
            if _GREETING in answer:
                self._received = answer.rpartition(_GREETING)[2]
                return
            transport.in_raw_repl = False
        self.close()
        raise LinkError(f"the board at {self.port} does not restart its interpreter", "a board that does",
                        "reset it and try again")

    def release(self) -> None:
        """Leave the raw REPL, so that the next user of the port finds a prompt."""
        if self._transport and self._transport.in_raw_repl:
            with self._answering():
                self._transport.exit_raw_repl()

    def resume(self) -> None:
        """Let the program run again that was interrupted: a soft reset, after which boot.py and main.py run."""
        self.interrupted = False
        for _ in range(_PATIENCE):  # times that a link may lose the word
            if self._transport is None:
                return
            transport = self._prompt()
            self.release()
            with self._answering():
                transport.serial.write(b"\x04")
                transport.serial.flush()
            latest = time.monotonic() + _ANSWER_S
            while _REBOOT not in self._received and time.monotonic() < latest:
                self._received += self._read(transport)
            if _REBOOT in self._received:
                self._received = self._received.partition(_REBOOT)[2]
                return

    def at_prompt(self) -> bool:
        """Whether the board waits at its prompt; nothing is interrupted, a program that reads gets an empty line."""
        transport = self._open()
        with self._answering():
            transport.serial.write(b"\r\n")
        answer, latest = b"", time.monotonic() + _ATTEMPT_S
        while not answer.endswith(b">>> ") and time.monotonic() < latest:
            answer += self._read(transport)
        return answer.endswith(b">>> ")

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
                self._transport = SerialTransport(self.port, timeout=_IDLE_S, exclusive=self._exclusive)
            except (TransportError, serial.SerialException, OSError, termios.error, ValueError) as error:
                raise serialport.cannot_open(self.port, str(error)) from error
            self._count(self._transport.serial)
        return self._transport

    def _count(self, port: serial.Serial) -> None:
        read, write = port.read, port.write

        def counted_read(size: int = 1) -> bytes:
            data: bytes = read(size)
            self.received += len(data)
            return data

        def counted_write(data: bytes) -> int | None:
            self.sent += len(data)
            done: int | None = write(data)
            return done

        port.read, port.write = counted_read, counted_write

    def _enter(self) -> SerialTransport:
        transport = self._open()
        if transport.in_raw_repl:
            return transport
        said, attempt = b"", 0
        deadline = time.monotonic() + _ENTER_S
        while time.monotonic() < deadline:  # a board that is just starting loses what it was sent before
            self._received = b""
            with self._answering():
                transport.serial.reset_input_buffer()
                # Stop the program, then the raw REPL. It has some time to come to its end before Ctrl-C is sent again.
                transport.serial.write(b"\r\x01" if attempt % _PATIENCE else b"\r\x03\r\x01")
            answer = self._answer(transport)
            if _GREETING in answer:
                before, _, self._received = answer.rpartition(_GREETING)
                self.interrupted |= bool(_BANNER.search(said + before))
                if attempt:
                    self._settle(transport)
                transport.in_raw_repl = True
                return transport
            said = (said + answer)[-1000:]
            attempt += 1
        self.close()
        raise self._no_prompt(said)

    def _answer(self, transport: SerialTransport) -> bytes:
        """What comes until the raw REPL's greeting, or until it is time to ask again."""
        answer = b""
        begin = time.monotonic()
        deadline = begin + _ATTEMPT_S
        while _GREETING not in answer and time.monotonic() < min(deadline, begin + _LONGEST_ATTEMPT_S):
            piece = self._read(transport)
            answer += piece
            if piece:
                deadline = time.monotonic() + _ATTEMPT_S
        return answer

    def _no_prompt(self, said: bytes) -> AuscultError:
        others = serialport.holders(self.port)
        if others:
            return AuscultError(f"no MicroPython prompt at {self.port}, which {' and '.join(others)} has open, too",
                                "a port that no other program uses", "end that program, then run the command again")
        if said.strip(b"\0\r\n "):
            lines = said.decode(errors="replace").strip("\0\r\n ").splitlines()
            last = lines[max(0, len(lines) - 2)].strip()[:80]  # the very last one may be cut short
            return NoPromptError(f"the board at {self.port} runs something that Ctrl-C does not stop; it said {last!r}",
                                 "a board with MicroPython whose program can be interrupted",
                                 "reset the board and run the command again at once; if its main.py catches every exception, "
                                 "erase its files: `auscult flash --erase`")
        return NoPromptError(f"nothing answers at {self.port}", "a board running MicroPython",
                             "reset the board and try again; `auscult doctor` looks further")

    def _settle(self, transport: SerialTransport) -> None:
        """After several attempts: skip the answers to all but the last."""
        while piece := self._read(transport, 4096):
            self._received = (self._received + piece)[-1:]

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """One error for all ways in which a board falls silent; what the check knows of it comes first."""
        try:
            yield
        except (TransportError, serial.SerialException, OSError, termios.error, struct.error) as error:
            self.close()
            self._check(1.0)
            raise LinkError(f"the board at {self.port} stopped answering ({error})", "a running board",
                            "look at its output, reset it and try again") from error

    def _read(self, transport: SerialTransport, most: int | None = None) -> bytes:
        """What has arrived, at least a byte; nothing after _IDLE_S of silence."""
        with self._answering():
            data: bytes = transport.serial.read(most or max(1, transport.serial.in_waiting))
        if not data:
            self._check(0)
        return data

    def _until(self, end: bytes) -> Iterator[bytes]:
        """Pieces up to `end` (one byte), as they arrive. What follows it is kept for the next call."""
        while True:
            piece, found, rest = self._received.partition(end)
            self._received = rest
            if piece:
                yield piece
            if found:
                return
            if self._deadline is not None and time.monotonic() > self._deadline:
                raise LinkError("the board's program is still running", "its end within the time given",
                                "give it more time, or look for an endless loop")
            self._received = self._read(self._open())

    def _expect_prompt(self) -> None:
        """The prompt that follows a program's end, left for the next one. A program that ends in a reset gives none."""
        transport = self._open()
        latest = time.monotonic() + _PROMPT_S / 10
        while not self._received and time.monotonic() < latest:
            self._received = self._read(transport)
        if not self._received:
            transport.in_raw_repl = False
        elif not self._received.startswith(b">"):  # such as an end that came twice: then the traceback is still to come
            raise LinkError(f"the end of a program's output arrived damaged: {self._received[:40]!r}",
                            "a link that carries every byte", "try another cable or port, then run the same command again")

    def _send(self, code: str) -> SerialTransport:
        """Wait for the prompt and hand over a program by raw paste: flow-controlled, the board compiles as it reads."""
        transport = self._ready()
        with self._answering():
            transport.serial.timeout = self.patience_s  # a short read is an error from here on, also to mpremote
            transport.read_until = functools.partial(SerialTransport.read_until, transport, timeout=self.patience_s)
            transport.raw_paste_write(code.encode())
            transport.serial.timeout = _IDLE_S
        return transport

    def _ready(self) -> SerialTransport:
        """The board waits for a program by raw paste. Nothing has been asked of it yet: what the link lost is said again."""
        for _ in range(_ATTEMPTS):
            transport = self._prompt()
            with self._answering():
                transport.serial.timeout = _ANSWER_S
                transport.serial.write(b"\x05A\x01")
                answer = transport.serial.read(2)
                transport.serial.timeout = _IDLE_S
            if answer == b"R\x01":
                return transport
            transport.in_raw_repl = False
        self.close()
        raise LinkError(f"no raw paste mode at {self.port}", "MicroPython 1.14 or newer, and a link that carries every byte",
                        "try another cable or port, then run the same command again")

    def _prompt(self) -> SerialTransport:
        """The raw REPL has nothing more to say."""
        transport = self._enter()
        latest = time.monotonic() + _PROMPT_S
        while b">" not in self._received and time.monotonic() < latest:
            self._received += self._read(transport)
        self._received = b""
        return transport

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
