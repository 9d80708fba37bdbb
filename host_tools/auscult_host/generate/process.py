# SPDX-License-Identifier: Apache-2.0
"""What every generated process has in common, so that one function writes a dataset of any of them."""

import math
from dataclasses import dataclass
from typing import Protocol

from ..errors import AuscultError
from ..recordings import Recording


class Run(Protocol):
    """One recording of machine number `machine` in one session. The same arguments give the same samples."""

    def __call__(self, machine: int, session: int, label: str, *, seconds: float, rate_hz: float, seed: int) -> Recording: ...


class Play(Protocol):
    """A recording in which a machine comes to show more than one state, to be played on a board."""

    def __call__(self, machine: int, session: int, *, rate_hz: float, seed: int) -> Recording: ...


@dataclass(frozen=True)
class Process:
    """one: what one of its machines is called; labels: states it can show; usual: those of a usual dataset; seconds: of a
    recording; rates_hz: lowest and highest sample rate at which the physics holds."""

    name: str
    one: str
    labels: tuple[str, ...]
    usual: tuple[str, ...]
    rate_hz: float
    rates_hz: tuple[float, float]
    seconds: float
    machines: int
    sessions: int
    run: Run
    play: Play

    def check(self, labels: tuple[str, ...], seconds: float, rate_hz: float) -> None:
        """Raises AuscultError for what this process cannot make."""
        if not labels:
            raise AuscultError("no faults", f"at least one of {', '.join(self.labels)}",
                               f"give for example --faults {self.usual[0]}")
        for label in labels:
            if label not in self.labels:
                raise AuscultError(f"the fault {label!r}", f"one of {', '.join(self.labels)}",
                                   "list faults separated by commas, without spaces")
        low, high = self.rates_hz
        if not (math.isfinite(rate_hz) and low <= rate_hz <= high):
            raise AuscultError(f"a sample rate of {rate_hz:g} Hz", f"{low:g} to {high:g} Hz",
                               f"give for example {self.rate_hz:g}")
        shortest, longest = 160 / self.rate_hz, 5.8e6 / self.rate_hz
        if not (math.isfinite(seconds) and shortest <= seconds <= longest):
            raise AuscultError(f"{seconds:g} seconds", f"{shortest:g} to {longest:g}",
                               f"give for example --seconds {self.seconds:g}")
