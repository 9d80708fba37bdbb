# SPDX-License-Identifier: Apache-2.0
"""What somebody expects of a node, as a sentence, and whether its lines meet it (docs/simulate.md)."""

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import decision, device
from .durations import TIME, seconds, shown
from .errors import AuscultError

Lines = Sequence[dict[str, Any]]
_ANY = ("alarm", "fault")  # every state but the normal one; a class of that name comes first
_OTHERS = {"sensor error": "error", "error": "error", "warning": "warn"}
_LOST = "lost samples"
_COUNTS = ("verdicts", "alarms", "windows", "dropped", "overruns", "samples", "errors", "bytes")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "=": operator.eq, ">": operator.gt, "<": operator.lt}
_WHEN = re.compile(rf"(?:(after|within|before|until|from) ({TIME})|(between) ({TIME}) and ({TIME}))$")
_COUNT = re.compile(rf"({'|'.join(_COUNTS)}) ?({'|'.join(_OPERATORS)}) ?(\d+)$")
_FOREVER = float("inf")


@dataclass(frozen=True)
class Outcome:
    """Whether an expectation is met, and what came instead or indeed."""

    text: str
    met: bool
    came: str


@dataclass(frozen=True)
class Expectation:
    """One of them, understood. judge: from a node's lines to (met, what came)."""

    text: str
    judge: Callable[[Lines], tuple[bool, str]]

    def check(self, lines: Lines) -> Outcome:
        """lines: all JSON lines of a node from its start to its end."""
        return Outcome(self.text, *self.judge(lines))


@dataclass(frozen=True)
class _Span:
    """Something stands from begin_s on, and no longer at end_s."""

    begin_s: float
    end_s: float
    what: str


def parse(text: str, classes: Sequence[str], normal: str = decision.NORMAL) -> Expectation:
    """An expectation of a pipeline with these classes. Raises AuscultError for what cannot be understood."""
    words = " ".join(text.split())
    if found := _COUNT.match(words):
        return Expectation(words, _counted(found[1], found[2], int(found[3]), normal))
    no = words.startswith("no ") and words not in classes
    rest = words.removeprefix("no ") if no else words
    for name in _subjects(classes, normal):
        if rest == name or rest.startswith(name + " "):
            when = _when(rest[len(name):].strip())
            if when is not None:
                return _about(words, name, no, when, classes, normal)
    raise _not_understood(words, classes, normal)


def parse_all(texts: Iterable[str], classes: Sequence[str]) -> list[Expectation]:
    return [parse(text, classes) for text in texts]


def _subjects(classes: Sequence[str], normal: str) -> list[str]:
    """What an expectation can be about; longer names first, as one may begin with another."""
    any_fault = _ANY if normal in classes else ()
    flaws = device.module("quality").KINDS
    return sorted({*classes, *any_fault, *_OTHERS, _LOST, *flaws}, key=len, reverse=True)


def _when(text: str) -> tuple[str, float, float] | None:
    """(after, within, between, until, from or nothing; its times); None if it is none of these."""
    if not text:
        return "", 0.0, _FOREVER
    found = _WHEN.match(text)
    if not found:
        return None
    if found[3]:
        begin, end = seconds(found[4]), seconds(found[5])
        return ("between", begin, end) if begin <= end else None
    at, word = seconds(found[2]), found[1]
    return ("within" if word == "before" else word), at, at


def _about(text: str, name: str, no: bool, when: tuple[str, float, float], classes: Sequence[str], normal: str) -> Expectation:
    word, begin, end = when
    is_state = name in classes or name in _ANY
    if word in ("until", "from") and not (is_state or no):
        raise AuscultError(f"the expectation {text!r}", f"{name} after, within or between times",
                           f"{word} is for a class: it says how long the state stands")

    def judge(lines: Lines) -> tuple[bool, str]:
        spans = _spans(name, lines, classes, normal)
        came = _told(spans, name, lines, is_state, normal)
        if no:
            low = begin if word in ("after", "from", "between") else 0.0
            high = end if word in ("within", "until", "between") else _FOREVER
            return not any(span.begin_s < high and span.end_s > low for span in spans), came
        if word in ("until", "from"):
            return _stands(spans, *((0.0, begin) if word == "until" else (begin, _FOREVER)), lines), came
        first = min((span.begin_s for span in spans), default=None)
        low = begin if word in ("after", "between") else 0.0
        high = end if word in ("within", "between") else _FOREVER
        return first is not None and low <= first <= high, came

    return Expectation(text, judge)


def _verdicts(lines: Lines) -> list[dict[str, Any]]:
    return [line for line in lines if "w" in line]


def _spans(name: str, lines: Lines, classes: Sequence[str], normal: str) -> list[_Span]:
    """When what is named stood."""
    if name in classes:
        # Nothing known yet is not a fault: where there is a normal class it counts as that.
        return _runs(lines, lambda v: name if v["s"] == name or (name == normal and v["s"] is None) else None)
    if name in _ANY:
        return _runs(lines, lambda v: v["s"] if v["s"] not in (None, normal) else None)
    if name in _OTHERS:
        return _noted(lines, _OTHERS[name])
    flaw = "missing" if name == _LOST else name
    return _runs(lines, lambda v: flaw if flaw in v.get("q", "").split(", ") else None)


def _runs(lines: Lines, label: Callable[[dict[str, Any]], str | None]) -> list[_Span]:
    """Verdicts in a row with the same label become one span, from the first one's time to that of the first without."""
    spans: list[_Span] = []
    begin_s, standing = 0.0, None
    for verdict in _verdicts(lines):
        now, at_s = label(verdict), verdict["t"] / 1000
        if now != standing:
            if standing is not None:
                spans.append(_Span(begin_s, at_s, standing))
            begin_s, standing = at_s, now
    if standing is not None:
        spans.append(_Span(begin_s, _FOREVER, standing))
    return spans


def _noted(lines: Lines, kind: str) -> list[_Span]:
    """Lines of a kind, each at the time of the verdict before it."""
    at_s, spans = 0.0, []
    for line in lines:
        at_s = line["t"] / 1000 if "w" in line else at_s
        if kind in line:
            spans.append(_Span(at_s, at_s + 1e-9, str(line[kind])))
    return spans


def _stands(spans: list[_Span], low: float, high: float, lines: Lines) -> bool:
    """Whether each verdict in that time, and there is one, falls into a span."""
    times = [v["t"] / 1000 for v in _verdicts(lines) if low <= v["t"] / 1000 <= high]
    return bool(times) and all(any(span.begin_s <= at < span.end_s for span in spans) for at in times)


def _told(spans: list[_Span], name: str, lines: Lines, is_state: bool, normal: str) -> str:
    """What came, in a few words."""
    if is_state:
        states = _runs(lines, lambda v: v["s"] or (normal if name in (*_ANY, normal) else "undecided"))
        shown_states = [f"{span.what} from {shown(span.begin_s)}" for span in states[:6]]
        return ", ".join(shown_states) + (f" and {len(states) - 6} more" if len(states) > 6 else "") or "no verdict"
    if not spans:
        return f"no {name}"
    times = ", ".join(shown(span.begin_s) for span in spans[:6]) + (f" and {len(spans) - 6} more" if len(spans) > 6 else "")
    return f"{name} at {times}" + (f": {spans[0].what}" if name in _OTHERS else "")


def _counted(name: str, sign: str, number: int, normal: str) -> Callable[[Lines], tuple[bool, str]]:
    def judge(lines: Lines) -> tuple[bool, str]:
        if name == "verdicts":
            count = sum(v["v"] is not None for v in _verdicts(lines))
        elif name == "alarms":
            count = len(_spans(_ANY[0], lines, (), normal))
        else:
            end = next((line for line in reversed(lines) if "end" in line), {})
            if name not in end:
                return False, f"no closing line, so {name} are unknown"
            count = end[name]
        return _OPERATORS[sign](count, number), f"{count:,} {name}"

    return judge


def _not_understood(text: str, classes: Sequence[str], normal: str) -> AuscultError:
    example = next((label for label in classes if label != normal), "alarm")
    known = f"the classes of this model are {', '.join(classes)}" if classes else "this model has no classes"
    return AuscultError(
        f"the expectation {text!r}",
        "[no] CLASS, alarm, sensor error, lost samples or a flaw, then nothing, after T, within T, between T and T, until T or "
        f"from T; or a count such as verdicts >= 20; {known}" + ("" if normal in classes else f", none of them {normal}"),
        f"for example --expect \"{example} after 10 s\"")
