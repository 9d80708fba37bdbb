# SPDX-License-Identifier: Apache-2.0
"""Which version runs, after any order of switching, starting, confirming, failing and power cuts in the middle of a write."""

import builtins
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auscult import slots
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

CUTS = st.none() | st.integers(0, 250)  # a record is of about 150 bytes: it can also arrive just before the cut


class PowerCutError(BaseException):
    """As sudden as a power cut: no handler of ours stops it."""


class Disk:
    """Stands for open() in slots.py: the write that comes next can be torn. On FAT the old content is gone by then; littlefs
    keeps it until the file is closed."""

    def __init__(self, fat: bool) -> None:
        self.fat = fat
        self.keep: int | None = None  # bytes of the next write that arrive before the cut
        self.arrived = True  # all of it did

    def __call__(self, path: str, mode: str) -> Any:
        if "w" not in mode or self.keep is None:
            return builtins.open(path, mode)
        disk = self

        class Torn:
            def __enter__(self) -> "Torn":
                return self

            def __exit__(self, *args: object) -> None:
                pass

            def write(self, data: bytes) -> None:
                keep, disk.keep = disk.keep or 0, None
                disk.arrived = keep >= len(data)
                if disk.fat or disk.arrived:
                    Path(path).write_bytes(data[:keep])
                raise PowerCutError

        return Torn()


class Board(RuleBasedStateMachine):
    """A board that starts the pair that slots.begin() gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        slots.HOME = self.folder.name + "/"
        self.reset, slots.reset = slots.reset, lambda: None
        self.disk = slots.open = Disk(fat=True)  # type: ignore[attr-defined]
        self.counts: tuple[str | None, str | None] = (None, None)  # the pair that was confirmed last
        self.trials: dict[tuple[str, str], int] = {}  # starts of a pair since it was switched to
        self.running: tuple[Any, Any] = ((None, None), None)

    def teardown(self) -> None:
        slots.HOME, slots.reset = os.getcwd() + "/", self.reset
        del slots.open  # type: ignore[attr-defined]
        self.folder.cleanup()

    def powered(self, keep: int | None, action: Callable[[], None]) -> bool:
        """Does it, with a cut in the first write unless keep is None; whether the write arrived."""
        self.disk.keep, self.disk.arrived = keep, True
        try:
            action()
        except PowerCutError:
            self.running = ((None, None), None)  # it is off
        self.disk.keep = None
        return self.disk.arrived

    @rule(fat=st.booleans())
    def file_system(self, fat: bool) -> None:
        self.disk.fat = fat

    @rule(app=st.sampled_from(["app_a", "app_b"]), model=st.sampled_from(["model_a", "model_b"]), keep=CUTS)
    def deploy(self, app: str, model: str, keep: int | None) -> None:
        """The node is stopped first, and a trial ended, as the receiver does."""
        self.running = ((None, None), None)
        record = slots.load()
        if record["trial"]:
            slots.back(record, "another one took its place")
        if self.powered(keep, lambda: slots.switch(app, model)):
            self.trials[(app, model)] = 0

    @rule(keep=CUTS)
    def start(self, keep: int | None) -> None:
        before = slots.load()
        started: list[Any] = []
        arrived = self.powered(keep, lambda: started.extend(slots.begin()))
        if before["trial"] and not before["trial"]["tries"] and arrived:
            tried = (before["trial"]["app"], before["trial"]["model"])
            self.trials[tried] += 1
            assert self.trials[tried] == 1, "a pair on trial was started twice"
        if not started:
            return
        pair, trial = started
        self.running = ((pair["app"], pair["model"]), trial)
        assert (trial is not None) == bool(before["trial"] and not before["trial"]["tries"])
        if trial is None:
            assert self.running[0] == self.counts
        if before["trial"] and before["trial"]["tries"]:
            assert slots.load()["failed"]["why"] == "it was reset before it was healthy"

    @precondition(lambda self: self.running[1] is not None)
    @rule(keep=CUTS)
    def confirm(self, keep: int | None) -> None:
        chosen, trial = self.running
        if self.powered(keep, trial.confirm):
            self.counts = chosen
        self.running = (self.running[0], None)

    @precondition(lambda self: self.running[1] is not None)
    @rule(keep=CUTS)
    def fail(self, keep: int | None) -> None:
        self.powered(keep, lambda: self.running[1].fail("no samples"))
        self.running = ((None, None), None)

    @invariant()
    def a_whole_record_counts(self) -> None:
        record = slots.load()
        assert (record["app"], record["model"]) == self.counts


Board.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestSlots = Board.TestCase


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(slots, "HOME", f"{tmp_path}/")
    return tmp_path


@pytest.mark.parametrize("damage", [b"", b"{}", b"00000000 {}", b"\xff" * 100, b"zzzzzzzz [1]", b"12345678 " + b"{" * 1900])
def test_a_damaged_record_does_not_count(home: Path, damage: bytes) -> None:
    slots.switch("app_a", "model_a")
    slots.Trial(slots.load()).confirm()
    record = slots.load()
    (home / f"slots.{record['seq'] + 1 & 1}").write_bytes(damage)
    assert slots.load() == record
    assert slots.begin() == (record, None)


def test_without_slots_the_configuration_in_the_root_counts(home: Path) -> None:
    assert slots.begin()[1] is None
    assert slots.activate() == f"{home}/auscult.json"


def test_a_trial_that_cannot_be_counted_is_not_started(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full or read-only file system: what counted goes on."""
    slots.switch("app_a", "model_a")

    def full(path: str, mode: str) -> Any:
        if "w" in mode:
            raise OSError(28, "ENOSPC")
        return open(path, mode)

    monkeypatch.setattr(slots, "open", full, raising=False)
    pair, trial = slots.begin()
    assert trial is None and pair["app"] is None
