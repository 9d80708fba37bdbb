# SPDX-License-Identifier: Apache-2.0
"""The PC's side of the receiver's protocol (firmware/auscult/receiver.py), over anything that carries bytes both ways."""

import hashlib
import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from . import device
from .errors import AuscultError

PROTOCOL = 2
_REPLY_S = 1.0  # after which a request is sent again
_LOST_S = 8.0  # without any answer
_LONGEST = 4096  # reply
_ENOSPC, _EACCES = "28", "13"


class LinkLost(AuscultError):
    """The board does not answer any more; a new session can go on where this one was."""

    def __init__(self, found: str) -> None:
        super().__init__(found, "a board that answers", "check the cable, then run the command again: it goes on where it was")


class Refused(AuscultError):
    """The board could not do what it was asked to."""

    def __init__(self, what: str, why: str) -> None:
        self.full = why == _ENOSPC
        reasons = {_ENOSPC: "its file system is full", _EACCES: "that is in use"}
        super().__init__(f"the board could not {what}: {reasons.get(why, why)}", "a board that can",
                         "free some space with `auscult files`" if self.full else "reset it and try again")


class Carrier(Protocol):
    """Bytes both ways. read: what has come, b"" after a short while without any."""

    def read(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...


class Session:
    """A receiver that runs on a board. hello: what it said of itself; bytes: of files sent so far."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier, self._frames = carrier, device.module("frames")
        self._decoder = self._frames.Decoder(_LONGEST)
        self._sequence = int(time.monotonic() * 1000) & 255
        self._text = b""  # the end of what came, to notice that the program has ended
        self.hello: dict[str, Any] = {}
        self.bytes = 0

    def ask(self, kind: str, payload: bytes = b"", what: str = "answer", patience_s: float = _LOST_S) -> bytes:
        """A request's answer; LinkLost without one, Refused where the board could not."""
        sequence = self._next()
        frame = bytes(self._frames.encode(ord(kind), sequence, payload))
        deadline = time.monotonic() + patience_s
        while True:
            self._carrier.write(frame)
            again = min(deadline, time.monotonic() + _REPLY_S)
            while time.monotonic() < again:
                for letter, number, answer in self._arrived():
                    if number == sequence:
                        return self._checked(letter, answer, what)
            if time.monotonic() >= deadline:
                raise LinkLost(f"the board has not answered for {patience_s:g} s")

    def ask_json(self, kind: str, *values: Any, what: str = "answer", patience_s: float = _LOST_S) -> Any:
        """The same with JSON both ways: a list of values, or nothing."""
        payload = json.dumps(values).encode() if values else b""
        return json.loads(self.ask(kind, payload, what, patience_s) or b"null")

    def greet(self) -> dict[str, Any]:
        """Asks who is there; also refreshes `hello`."""
        self.hello = self.ask_json("H")
        return self.hello

    def digest(self, path: str) -> bytes:
        """SHA-256 of a file, or of a folder as digest_of() makes it; empty if there is none."""
        return self.ask("D", path.encode(), f"read {path}", 60)

    def listing(self, folder: str) -> dict[str, tuple[int, str]]:
        """{name: (bytes, the first 16 digits of its SHA-256)} of a folder, with the folders in it."""
        found: dict[str, tuple[int, str]] = {}
        while True:
            more = json.loads(self.ask("L", len(found).to_bytes(2, "little") + folder.encode(), f"list {folder}", 60))
            if not more:
                return found
            found.update({name: (size, digest) for name, size, digest in more})

    def send(self, path: str, data: bytes, progress: Callable[[int], None] = lambda sent: None) -> None:
        """A file; goes on at the byte where an earlier attempt has ended."""
        what = f"take {path}"
        present, told = json.loads(self.ask("O", path.encode(), what, 60))
        transfer = self._sequence
        at = present if told == hashlib.sha256(data[:present]).hexdigest() else 0
        if not 0 < at == len(data):
            self._stream(transfer, data, at, what, progress)
        self.ask("C", hashlib.sha256(data).digest(), what, 60)

    def _stream(self, transfer: int, data: bytes, at: int, what: str, progress: Callable[[int], None]) -> None:
        window, chunk = self.hello["window"], self._frames.CHUNK
        arrived = ahead = at
        heard = resend = time.monotonic()
        while arrived < len(data):
            while ahead < len(data) and ahead - arrived < window * chunk:
                piece = data[ahead:ahead + chunk]
                head = bytes([transfer]) + ahead.to_bytes(3, "little")
                self._carrier.write(bytes(self._frames.encode(ord("W"), self._next(), head + piece)))
                ahead += len(piece)
                resend = time.monotonic() + _REPLY_S
            for letter, _, answer in self._arrived():
                if letter == "e":
                    self._checked(letter, answer, what)
                if letter == "w" and answer[0] == transfer:
                    heard, there = time.monotonic(), int.from_bytes(answer[1:], "little")
                    if there > arrived:
                        self.bytes += there - arrived
                        progress(there - arrived)
                        arrived, ahead = there, max(ahead, there)
            if time.monotonic() > heard + _LOST_S:
                raise LinkLost(f"the board has taken nothing for {_LOST_S:g} s")
            if time.monotonic() > resend:
                ahead = arrived

    def quit(self) -> None:
        """Back to the prompt; the board goes there by itself if this is lost."""
        self._carrier.write(bytes(self._frames.encode(ord("Q"), self._next())))

    def _next(self) -> int:
        self._sequence = (self._sequence + 1) & 255
        return self._sequence

    def _arrived(self) -> list[tuple[str, int, bytes]]:
        data = self._carrier.read()
        self._text = (self._text + data)[-400:]
        found = [(chr(kind), number, payload) for kind, number, payload in self._decoder.feed(data)]
        # The end of a program in the raw REPL, and its prompt; frames never hold these bytes.
        if not data and self._text.endswith(b"\x04>"):
            said = self._text.split(b"\x04")[-2].decode(errors="replace").strip()
            raise LinkLost("the receiver has ended" + (f": {said.splitlines()[-1]}" if said else ""))
        return found

    def _checked(self, letter: str, answer: bytes, what: str) -> bytes:
        if letter == "e":
            raise Refused(what, answer.decode(errors="replace"))
        return answer


def digest_of(files: dict[str, bytes]) -> bytes:
    """What the board answers for a folder that holds exactly these files."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(name.encode() + b"\n" + hashlib.sha256(files[name]).digest())
    return whole.digest() if files else b""
