# SPDX-License-Identifier: Apache-2.0
"""What breaks in a simulation, written as `overrun@5s` or `silent@4s+2s`: docs/simulate.md has the list."""

import dataclasses
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import slow
from .durations import TIME, seconds
from .errors import AuscultError
from .recordings import Recording

_FAULT = re.compile(rf"([a-z-]+)(?::([^@]*))?(?:@({TIME})(?:\+({TIME}))?)?")


@dataclass(frozen=True)
class _Kind:
    """example; argument: what is allowed as such, "" for none; lasts: whether it can have a duration; on: slow sensors,
    accelerometers or both; timed: whether it can begin."""

    example: str
    argument: str = ""
    default: str | None = None
    lasts: bool = False
    on: str = "both"
    timed: bool = True


KINDS = {
    "silent": _Kind("silent@4s+2s", lasts=True),
    "bus-low": _Kind("bus-low@4s+2s", lasts=True),
    "nack": _Kind("nack:3@4s", r"\d{1,6}", "1"),
    "brownout": _Kind("brownout@4s"),
    "overrun": _Kind("overrun:50@5s", r"\d{1,6}", "8", on="accelerometers"),
    "flip": _Kind("flip:7@5s", r"\d{1,6}", "8", on="accelerometers"),
    "stuck": _Kind("stuck:x@3s", r"[A-Za-z]\w*", "", lasts=True),
    "noise": _Kind("noise:0.5@3s+2s", r"\d+(\.\d+)?", lasts=True),
    "gain": _Kind("gain:-5%", r"[+-]?\d+(\.\d+)?%", lasts=True),
    "rate": _Kind("rate:+3%", r"[+-]?\d+(\.\d+)?%", on="accelerometers", timed=False),
}


@dataclass(frozen=True)
class Fault:
    """lasts_s: 0: to the end, where it can last."""

    text: str
    kind: str
    argument: str
    at_s: float
    lasts_s: float

    @property
    def number(self) -> float:
        return float(self.argument.rstrip("%"))

    def rows(self, recording: Recording) -> slice:
        """The samples of a recording that it is about."""
        begin = round(self.at_s * recording.rate_hz)
        return slice(begin, round((self.at_s + self.lasts_s) * recording.rate_hz) if self.lasts_s else None)


def parse(text: str) -> Fault:
    """Raises AuscultError for what cannot be understood."""
    found = _FAULT.fullmatch(text.strip())
    name = found[1] if found else re.split("[:@]", text.strip())[0]
    if name not in KINDS:
        near = difflib.get_close_matches(name, KINDS, 1)
        raise AuscultError(f"the fault {text!r}", f"one of {', '.join(KINDS)}",
                           f"for example --faults {KINDS[near[0] if near else 'overrun'].example}")
    kind = KINDS[name]
    wrong = AuscultError(f"the fault {text!r}", _form(name), f"for example --faults {kind.example}")
    if not found:
        raise wrong
    given, begin, lasts = found[2], found[3], found[4]
    if (lasts and not kind.lasts) or (begin and not kind.timed) or (given is None and kind.argument and kind.default is None):
        raise wrong
    if given is not None and not (kind.argument and re.fullmatch(kind.argument, given)):
        raise wrong
    fault = Fault(text.strip(), name, (kind.default or "") if given is None else given, seconds(begin) if begin else 0.0,
                  seconds(lasts) if lasts else 0.0)
    if name == "rate" and abs(fault.number) > 10:
        raise AuscultError(f"the fault {text!r}", "at most 10 %: no chip is further off", "for example --faults rate:+3%")
    return fault


def _form(name: str) -> str:
    """How a kind of fault is written."""
    kind = KINDS[name]
    argument = {"stuck": "[:AXIS]", "noise": ":LEVEL", "gain": ":PERCENT%", "rate": ":PERCENT%"}.get(name, "[:NUMBER]")
    times = "[@TIME" + ("[+DURATION]" if kind.lasts else "") + "]" if kind.timed else ""
    return name + (argument if kind.argument else "") + times


def check(faults: Sequence[Fault], recording: Recording, chip: str, bus: str) -> None:
    """Raises AuscultError for a fault that this chip on this bus or this recording cannot have."""
    for fault in faults:
        if fault.at_s >= recording.seconds:
            raise AuscultError(f"the fault {fault.text!r} in a recording of {recording.seconds:g} s", "a time before its end",
                               "choose an earlier one")
        if KINDS[fault.kind].on == "accelerometers" and chip in slow.chips():
            able = [name for name, kind in KINDS.items() if kind.on == "both"]
            raise AuscultError(f"the fault {fault.text!r} of {chip}, a slow sensor", f"one of {', '.join(able)}",
                               f"for example --faults {KINDS['silent'].example}")
        if fault.kind == "nack" and bus == "spi":
            raise AuscultError(f"the fault {fault.text!r} on SPI, which acknowledges nothing", "i2c", "--bus i2c")
        if fault.kind == "stuck" and fault.argument and fault.argument not in recording.axes:
            raise AuscultError(f"the fault {fault.text!r}", f"one of the axes {', '.join(recording.axes)}", "or stuck for all")


def spoiled(recording: Recording, faults: Sequence[Fault]) -> Recording:
    """The recording with what befalls the signal itself: noise (standard deviation, in the recording's unit; the same in
    every run), gain, stuck axes."""
    data = recording.data.copy()
    for number, fault in enumerate(faults):
        rows = fault.rows(recording)
        part = data[rows]
        if fault.kind == "noise":
            part += np.random.default_rng(number).normal(0, fault.number, part.shape).astype(data.dtype)
        elif fault.kind == "gain":
            part *= 1 + fault.number / 100
    return dataclasses.replace(recording, data=data)


def stick(words: NDArray[np.int16], axes: Sequence[str], recording: Recording, faults: Sequence[Fault]) -> NDArray[np.int16]:
    """The chip's words [n, axes], with stuck axes showing what they showed last."""
    words = words.copy()
    for fault in faults:
        if fault.kind == "stuck":
            for axis in [fault.argument] if fault.argument else axes:
                part = words[fault.rows(recording), list(axes).index(axis)]
                part[:] = part[0]
    return words


def rate_error_ppm(faults: Sequence[Fault]) -> int:
    return sum(round(fault.number * 1e4) for fault in faults if fault.kind == "rate")


def on_board(faults: Sequence[Fault], recording: Recording) -> list[list[Any]]:
    """What the virtual chip does itself, as firmware/auscult/virtual/machine.py takes it: [ms, name, argument ...]."""
    events: list[list[Any]] = []
    end_ms = 1000 * recording.seconds / (1 + rate_error_ppm(faults) / 1e6)
    for fault in faults:
        at = round(1000 * fault.at_s)
        # What lasts to the end is over there, or the node would wait for the last samples for ever.
        over = round(1000 * (fault.at_s + fault.lasts_s) if fault.lasts_s else end_ms)
        number = int(fault.argument) if fault.argument.isdigit() else 0
        events += {"silent": [[at, "present", False], [over, "present", True]],
                   "bus-low": [[at, "stuck", True], [over, "stuck", False]],
                   "nack": [[at, "nack", number]], "brownout": [[at, "brown_out"]],
                   "overrun": [[at, "overflow", number]], "flip": [[at, "flip", max(number - 1, 0), 0x40]]}.get(fault.kind, [])
    return sorted(events, key=lambda event: event[0])
