# SPDX-License-Identifier: Apache-2.0
"""What a node has said so far: lines go in, as quickly as they come; whoever draws looks at it when it likes."""

import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from .waves import Assembler, Wave

_RECENT = 1024  # verdicts; also what the rate of windows is measured on
_RATE_MS = 5000
_SILENT_S, _HEARTBEAT_S = 10.0, 150.0
_SEGMENTS = 4096
_SPECTROGRAM = 240  # runs of samples
_WORDS = 8  # errors, warnings and other text that are kept


@dataclass(frozen=True)
class Verdict:
    """One verdict line. number: in order of arrival, from 1; state: after smoothing; flaws: why it can't be told."""

    number: int
    t_ms: int
    window: int
    label: str | None
    sure: float | None
    score: int | None
    flaws: str
    state: str | None


@dataclass
class Segment:
    """A time in which what the node says stays the same. state: "" while unknown; flaws: "" where it was judged."""

    from_ms: int
    to_ms: int
    state: str
    flaws: str


@dataclass
class State:
    """add() and the readers may be in different threads: readers hold `lock`.

    verdicts: how many; lost: verdict lines that did not arrive, seen by the windows' numbers; damaged: lines that are no JSON
    or fail their checksum; restarts: the node began again; told: (kind, text) of errors, warnings and other text."""

    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    node: dict[str, Any] = field(default_factory=dict)
    lines: int = 0
    verdicts: int = 0
    lost: int = 0
    damaged: int = 0
    restarts: int = 0
    errors: int = 0
    overruns: int = 0
    rate_hz: float = 0.0  # the true one, once the node knows it
    counts: Counter[str] = field(default_factory=Counter)
    flaws: Counter[str] = field(default_factory=Counter)
    recent: deque[Verdict] = field(default_factory=lambda: deque(maxlen=_RECENT))
    segment_count: int = 0  # of all, also of those that are forgotten
    segments: deque[Segment] = field(default_factory=lambda: deque(maxlen=_SEGMENTS))
    told: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_WORDS))
    recent_waves: deque[Wave] = field(default_factory=lambda: deque(maxlen=_SPECTROGRAM))
    waves: int = 0
    end: dict[str, Any] = field(default_factory=dict)
    over: bool = False
    heard: float = field(default_factory=time.monotonic)
    retry_s: float = 0.0  # of a sensor that fails at present
    _assembler: Assembler = field(default_factory=Assembler, repr=False)

    def add(self, text: str) -> dict[str, Any]:
        """Takes a line; returns it parsed, {} for anything that is no line of a node."""
        text = text.strip()
        if not text:
            return {}
        with self.lock:
            self.lines += 1
            self.heard = time.monotonic()
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                line = None
            if not isinstance(line, dict):
                if text.startswith("{"):
                    self.damaged += 1
                else:
                    self.told.append(("text", text[:200]))
                return {}
            try:
                self._take(line)
            except (ValueError, TypeError, KeyError, OverflowError):  # it looks like one of a node's, but is damaged
                self.damaged += 1
                return {}
            return line

    def _take(self, line: dict[str, Any]) -> None:
        if "wave" in line:
            self._wave(line)
        elif "w" in line:
            self._verdict(line)
        elif "node" in line:
            self._assembler.begin(line)
            line["hop"] / line["rate_hz"]  # both are there
            self.restarts += bool(self.node)
            self.node = line
            self.recent_waves.clear()
        elif "end" in line:
            self.end = line
            self.rate_hz = line.get("rate_mhz", 0) / 1000 or self.rate_hz
            self.overruns = line.get("overruns", self.overruns)
        elif "error" in line:
            self.errors += 1
            self.retry_s = float(line.get("retry_s", 0))
            self.told.append(("error", str(line["error"])))
        elif "warn" in line:
            self.told.append(("warn", str(line["warn"])))
        else:
            self.told.append(("text", json.dumps(line)[:200]))

    def _wave(self, line: dict[str, Any]) -> None:
        before = self._assembler.damaged
        wave = self._assembler.add(line)
        self.damaged += self._assembler.damaged - before
        if self._assembler.damaged == before:
            self.rate_hz = line.get("mhz", 0) / 1000 or self.rate_hz
            self.overruns = line.get("overruns", self.overruns)
        if wave is not None:
            self.recent_waves.append(wave)
            self.waves += 1

    def _verdict(self, line: dict[str, Any]) -> None:
        t_ms, window = int(line["t"]), int(line["w"])
        label, state, flaws = line["v"], line["s"], str(line.get("q", ""))
        last = self.recent[-1] if self.recent else None
        if last is not None and window <= last.window:
            self.restarts += not self.node  # a node that says its name was counted by that
            self.recent.clear()
            self.segments.clear()
            last = None
        if last is not None and "h" not in line and self.every_window:
            self.lost += window - last.window - 1
        self.verdicts += 1
        self.retry_s = 0.0
        verdict = Verdict(self.verdicts, t_ms, window, None if label is None else str(label),
                          float(line["p"]) if "p" in line else None, int(line["score"]) if "score" in line else None,
                          flaws, None if state is None else str(state))
        self.recent.append(verdict)
        if flaws:
            for flaw in flaws.split(", "):
                self.flaws[flaw] += 1
        else:
            self.counts[verdict.label or ""] += 1
        key = (verdict.state or "", flaws)
        if self.segments and (self.segments[-1].state, self.segments[-1].flaws) == key:
            self.segments[-1].to_ms = t_ms
        else:
            if self.segments:
                self.segments[-1].to_ms = t_ms
            self.segment_count += 1
            self.segments.append(Segment(t_ms, t_ms, *key))

    @property
    def every_window(self) -> bool:
        """Whether the node was told to report each window; of one that main.py runs, that is not known."""
        return bool(self.node)

    @property
    def wave(self) -> Wave | None:
        """The newest whole run of samples."""
        return self.recent_waves[-1] if self.recent_waves else None

    @property
    def silent_s(self) -> float:
        """How long no line has come."""
        return time.monotonic() - self.heard

    @property
    def is_silent(self) -> bool:
        """Whether a line is overdue: by the time that windows take, or, of a node that did not say, by its heartbeat's."""
        usual_s = self.node["hop"] / self.node["rate_hz"] if self.node else _HEARTBEAT_S / 2
        return not self.over and self.silent_s > max(_SILENT_S, 2 * usual_s)

    @property
    def normal(self) -> str:
        """Name of the class that is no alarm."""
        return str(self.node.get("normal", "normal"))

    @property
    def broken_waves(self) -> int:
        return self._assembler.broken

    def since_s(self) -> float:
        """How long the state has been what it is, by the node's clock."""
        if not self.segments:
            return 0.0
        state, begin = self.segments[-1].state, self.segments[-1].from_ms
        for segment in reversed(self.segments):
            if segment.state != state:
                break
            begin = segment.from_ms
        return (self.segments[-1].to_ms - begin) / 1000

    def windows_per_s(self) -> float:
        """Over the last seconds, by the node's clock."""
        if len(self.recent) < 2:
            return 0.0
        newest = self.recent[-1]
        oldest = next(v for v in self.recent if newest.t_ms - v.t_ms <= _RATE_MS or v is self.recent[-2])
        passed = newest.t_ms - oldest.t_ms
        return (newest.window - oldest.window) * 1000 / passed if passed > 0 else 0.0

    def summary(self) -> dict[str, Any]:
        """The closing figures."""
        with self.lock:
            return {"verdicts": self.verdicts, "lost": self.lost, "damaged": self.damaged, "lines": self.lines,
                    "counts": dict(self.counts), "flaws": dict(self.flaws), "errors": self.errors, "waves": self.waves,
                    "broken_waves": self.broken_waves, "restarts": self.restarts, "overruns": self.overruns,
                    "rate_hz": round(self.rate_hz, 3), "state": self.recent[-1].state if self.recent else None,
                    "windows_per_s": round(self.windows_per_s(), 2)}
