# SPDX-License-Identifier: Apache-2.0
"""A node's lines are read in a thread of their own: however slowly something is drawn, none waits."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from .state import State

_END_S = 5.0  # a node that was interrupted still says its closing line


class Reader:
    """Reads lines into a State until they end or stop() is called. A context manager.

    stop: has the source end, called at most once; log: every line, as it came, is appended there; most: verdicts;
    show(line, parsed): called with each, in the thread. error: what ended it."""

    def __init__(self, lines: Iterator[str], state: State, stop: Callable[[], None] = lambda: None, log: Path | None = None,
                 most: int | None = None, show: Callable[[str, dict[str, Any]], None] = lambda text, line: None) -> None:
        self.state = state
        self.error: BaseException | None = None
        self._lines, self._stop, self._log, self._most, self._show = lines, stop, log, most, show
        # An event, not join(): one that Ctrl-C interrupts takes the thread for ended (CPython up to 3.12).
        self._stopping, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        self._ended.wait(_END_S)

    def stop(self) -> None:
        """Ends the source; what it still says is read."""
        if not self._stopping.is_set() and not self._ended.is_set():
            self._stopping.set()
            self._stop()

    def wait(self, seconds: float) -> bool:
        """True once there is nothing more to come."""
        return self._ended.wait(seconds)

    def _read(self) -> None:
        try:
            with self._log.open("a", encoding="utf-8") if self._log else contextlib.nullcontext() as log:
                for text in self._lines:
                    self._take(text, log)
        except BaseException as error:  # raised where it is waited for
            self.error = None if self._stopping.is_set() else error
        finally:
            self.state.over = True
            self._ended.set()

    def _take(self, text: str, log: TextIO | None) -> None:
        if log is not None:
            log.write(text + "\n")
            log.flush()
        if self._stopping.is_set() and self._most is not None and '"w":' in text:
            return  # a verdict more than was asked for
        self._show(text, self.state.add(text))
        if self._most is not None and self.state.verdicts >= self._most:
            self.stop()

