# SPDX-License-Identifier: Apache-2.0
"""Smoothing of verdicts, against a model that keeps the whole history."""

from collections.abc import Sequence

import pytest
from auscult.decision import Decision
from hypothesis import given, settings
from hypothesis import strategies as st


class Naive:
    """The rules of `decision.py` said as plainly as possible."""

    def __init__(self, classes: int, normal: int, n: int, hold_off: int, on: Sequence[int], off: Sequence[int]) -> None:
        self.classes, self.normal, self.n, self.hold_off, self.on, self.off = classes, normal, n, hold_off, on, off
        self.history: list[int] = []
        self.since_change: int | None = None
        self.state = normal

    def update(self, verdict: int | None) -> bool:
        if verdict is not None:
            self.history.append(verdict)
        if self.since_change is not None:
            self.since_change += 1
            if self.since_change <= self.hold_off:
                return False
        recent = self.history[-self.n :]
        faults = [c for c in range(self.classes) if c != self.normal]
        new = self.state
        if self.state in faults and recent.count(self.state) <= self.off[self.state]:
            new = self.normal
        strength = recent.count(new) if new in faults else 0
        ready = [c for c in faults if recent.count(c) >= self.on[c] and recent.count(c) > strength]
        if ready:
            new = max(ready, key=lambda c: (recent.count(c), -c))
        if new == self.state:
            return False
        self.state, self.since_change = new, 0
        return True


@st.composite
def cases(draw: st.DrawFn) -> tuple:
    classes = draw(st.integers(1, 5))
    n = draw(st.integers(1, 9))
    on = [draw(st.integers(1, n)) for _ in range(classes)]
    off = [draw(st.integers(0, k - 1)) for k in on]
    verdicts = draw(st.lists(st.one_of(st.none(), st.integers(0, classes - 1)), max_size=80))
    return classes, draw(st.integers(-1, classes - 1)), n, draw(st.integers(0, 6)), on, off, verdicts


@settings(max_examples=500, deadline=None)
@given(cases())
def test_equals_the_naive_model(case: tuple) -> None:
    classes, normal, n, hold_off, on, off, verdicts = case
    decision = Decision(classes, normal, 1, n, 0, hold_off, {c: (on[c], off[c]) for c in range(classes)})
    naive = Naive(classes, normal, n, hold_off, on, off)
    for verdict in verdicts:
        assert decision.update(verdict) == naive.update(verdict)
        assert decision.state == naive.state


def test_three_of_five_raises_and_one_of_five_clears() -> None:
    decision = Decision(2, normal=0, k=3, n=5, k_off=1)
    states = []
    for verdict in (1, 0, 1, 0, 1, 0, 0, 0, 0, 0):
        decision.update(verdict)
        states.append(decision.state)
    assert states == [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]


def test_hold_off_lets_nothing_change_for_that_many_windows() -> None:
    decision = Decision(3, normal=0, k=1, n=1, k_off=0, hold_off=3)
    states = []
    for verdict in (1, 0, 2, 0, 2, 0, None, 1, 0):
        decision.update(verdict)
        states.append(decision.state)
    assert states == [1, 1, 1, 1, 2, 2, 2, 2, 0]


def test_lost_samples_neither_raise_nor_clear_an_alarm() -> None:
    decision = Decision(2, normal=0, k=2, n=3, k_off=0)
    decision.update(1)
    decision.update(None)
    assert decision.state == 0
    decision.update(1)
    assert decision.state == 1
    for _ in range(20):
        decision.update(None)
    assert decision.state == 1


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": 6}, {"k": 2, "k_off": 2}, {"per_class": {0: (9, 0)}}])
def test_impossible_settings_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="k_off < k <= n"):
        Decision(3, 0, **{"n": 5, **wrong})
