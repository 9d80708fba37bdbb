# SPDX-License-Identifier: Apache-2.0
"""How quickly `auscult monitor` takes verdicts: from a terminal, counted, and drawn meanwhile."""

import os
import threading
import time
from collections.abc import Iterator

from rich.console import Console as Screen

from ..monitoring import live
from ..monitoring.reading import Reader
from ..monitoring.state import State
from ..transport import Console
from .counting import Metrics

_LINES = 50_000
_SECONDS = 120.0


def measure() -> Metrics:
    """µs per verdict line, and lines that were not counted."""
    master, slave = os.openpty()
    console, state, opened = Console(os.ttyname(slave)), State(), threading.Event()

    def lines() -> Iterator[str]:
        for line in console.lines():
            opened.set()
            yield line

    text = "".join(f'{{"t":{10 * i},"w":{i},"v":"normal","p":0.93,"s":"normal"}}\n' for i in range(_LINES)).encode()
    with (open(os.devnull, "w") as nowhere,
          Reader(lines(), state, console.close, most=_LINES) as reader):
        while not opened.wait(0.01):
            os.write(master, b"\n")
        begun = time.monotonic()
        threading.Thread(target=_write, args=(master, text), daemon=True).start()
        live.follow(reader, _SECONDS, "bench", Screen(file=nowhere, force_terminal=True, width=120, height=40))
        passed = time.monotonic() - begun
    os.close(master)
    os.close(slave)
    return {"us_per_line": round(passed * 1e6 / _LINES), "lost_lines": _LINES - state.verdicts}


def _write(master: int, text: bytes) -> None:
    at = 0
    while at < len(text):
        at += os.write(master, text[at:at + 4096])
