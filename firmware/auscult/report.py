# SPDX-License-Identifier: Apache-2.0
"""Verdicts as JSON lines on a serial line, without heap allocation.

    {"t":12345,"w":17,"v":"bearing","p":0.93,"s":"bearing"}
    {"t":12665,"w":18,"v":null,"q":"missing","s":"bearing"}

t: ms since the node started, w: window, v: verdict of this window, p: its probability (or "score"), s: state after
smoothing (null: unknown). q: flaws that make the window unfit to be judged, so v is null: it can't be told. In a
heartbeat h is 1 and d the number of such windows so far. Other lines: {"warn": ...}, {"error": ...}, {"end": ...}.
"""

import json
import sys

# everything of a verdict line but the two labels
_LONGEST = len('{"t":2147483647999,"w":-2147483648,"v":,"score":-2147483648,"q":"","s":,"h":1,"d":2147483647}\n')


class Report:
    """stream: takes write(buffer, offset, length), as MicroPython's streams do. every: "window" or "change"; with
    "change" a heartbeat line is sent when nothing was for heartbeat_s seconds (0: never). flaws: names of a window's
    flaws, in the order of their bits."""

    def __init__(self, classes, stream=None, every="window", heartbeat_s=60, flaws=()):
        self._write = _writer(stream if stream is not None else sys.stdout)
        self._labels = [json.dumps(label).encode() for label in classes] + [b"null"]  # index -1 is the last
        self._flaws = [flaw.encode() for flaw in flaws]
        self._line = bytearray(_LONGEST + 2 * max(len(label) for label in self._labels) + len(", ".join(flaws)))
        self._every_window, self._heartbeat_ms = every == "window", 1000 * heartbeat_s
        self._seconds = self._ms = self._quiet_ms = 0
        self.bytes = self.lines = self.cut = 0

    def elapsed(self, ms):
        """Time passes. Kept as seconds and ms, because ms alone leave the small integers after 12 days."""
        self._quiet_ms += ms
        self._ms += ms
        self._seconds += self._ms // 1000
        self._ms %= 1000

    def verdict(self, pipeline, state, changed, flaws=0, dropped=0):
        """One window's verdict; whether it is sent depends on `every` and the heartbeat. flaws: bits, 0: none."""
        heartbeat = False
        if not (self._every_window or changed):
            heartbeat = 0 < self._heartbeat_ms <= self._quiet_ms
            if not heartbeat:
                return
        line, index = self._line, pipeline.index
        at = _text(line, 0, b'{"t":')
        if self._seconds:
            at = _number(line, at, self._seconds)
            at = _digits(line, at, self._ms, 3)
        else:
            at = _number(line, at, self._ms)
        at = _number(line, _text(line, at, b',"w":'), pipeline.window)
        at = _text(line, _text(line, at, b',"v":'), self._labels[-1 if flaws else index])
        if flaws:
            at = self._quality(line, _text(line, at, b',"q":"'), flaws)
        elif pipeline.has_score:
            at = _number(line, _text(line, at, b',"score":'), pipeline.score)
        elif index >= 0:
            percent = pipeline.proba(index) * 100 + 16384 >> 15
            at = _number(line, _text(line, at, b',"p":'), percent // 100)
            at = _digits(line, _text(line, at, b"."), percent % 100, 2)
        at = _text(line, _text(line, at, b',"s":'), self._labels[state])
        if heartbeat:
            at = _number(line, _text(line, at, b',"h":1,"d":'), dropped)
        self._send(line, _text(line, at, b"}\n"))

    def _quality(self, line, at, flaws):
        first = True
        for i in range(len(self._flaws)):
            if flaws >> i & 1:
                if not first:
                    at = _text(line, at, b", ")
                at = _text(line, at, self._flaws[i])
                first = False
        return _text(line, at, b'"')

    def note(self, kind, text, **more):
        """A rare line such as {"warn": text, ...}; this one allocates."""
        more[kind] = text
        line = (json.dumps(more) + "\n").encode()
        self._send(line, len(line))

    def _send(self, line, n):
        at = 0
        while at < n:
            try:
                sent = self._write(line, at, n - at)
            except OSError:  # not to be taken for the sensor's
                sent = 0
            if not sent:  # a serial line that takes no more: better a lost line than a node that hangs
                self.cut += 1
                break
            at += sent
        self._quiet_ms = 0
        self.bytes += at
        self.lines += 1


def _writer(stream):
    """write(buffer, offset, length) of a MicroPython stream; CPython's streams take only the buffer."""
    if sys.implementation.name == "micropython":
        return stream.write
    binary = getattr(stream, "buffer", stream)

    def write(line, at, n):
        sent = binary.write(bytes(line[at : at + n]))
        binary.flush()
        return sent

    return write


def _text(line, at, text):
    for byte in text:
        line[at] = byte
        at += 1
    return at


def _digits(line, at, value, count):
    end = at + count
    for i in range(end - 1, at - 1, -1):
        line[i] = 48 + value % 10
        value //= 10
    return end


def _number(line, at, value):
    if value < 0:
        line[at] = 45
        at += 1
        value = -value
    count, rest = 1, value // 10
    while rest:
        count += 1
        rest //= 10
    return _digits(line, at, value, count)
