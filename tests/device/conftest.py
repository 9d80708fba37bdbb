# SPDX-License-Identifier: Apache-2.0
"""The device package under test: on CPython, on MicroPython's unix port and on the simulated boards."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from auscult_host import toolchain

from device.listener import Listener, make_listener

from . import FIRMWARE


@pytest.fixture(scope="session")
def listener() -> Listener:
    return make_listener()


@pytest.fixture(scope="session")
def micropython() -> Callable[..., str]:
    """micropython(script, *arguments) -> what it printed. Runs a file of this folder on the unix port."""
    program = toolchain.unix_micropython()
    path = os.pathsep.join([str(FIRMWARE), str(toolchain.micropython_dir() / "extmod"), str(Path(__file__).parent)])

    def run(script: str, *arguments: object, heap: str = "512k", timeout_s: float = 120) -> str:
        done = subprocess.run(
            [str(program), "-X", f"heapsize={heap}", str(Path(__file__).parent / script), *map(str, arguments)],
            capture_output=True, text=True, timeout=timeout_s, env={**os.environ, "MICROPYPATH": path}, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return run
