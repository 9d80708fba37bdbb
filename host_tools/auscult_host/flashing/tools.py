# SPDX-License-Identifier: Apache-2.0
"""Running the tools that flash: a missing one and a failing one are one clear error each."""

import importlib.util
import re
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from ..errors import AuscultError

_LONGEST_S = 600.0


def need(package: str) -> None:
    """AuscultError unless a Python package is installed."""
    if importlib.util.find_spec(package) is None:
        raise AuscultError(f"{package} is not installed", "the tool that flashes this board", "pip install 'auscult[flash]'")


def run(command: Sequence[str], tool: str, progress: Callable[[str], None] = lambda text: None,
        hints: Mapping[str, str] | None = None, allowed: str = "") -> str:
    """What the tool printed; its lines go to progress as they come. hints: pattern in the output -> next step when it
    fails. allowed: a pattern in the output with which its exit code does not count."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace")
    said = []
    assert process.stdout
    limit = threading.Timer(_LONGEST_S, process.kill)  # such as a tool that waits for a board which was unplugged
    limit.start()
    try:
        with process:
            for line in process.stdout:
                said.append(line.rstrip())
                if line.strip():
                    progress(f"{tool}: {line.strip()[:80]}")
    finally:
        limit.cancel()
    text = "\n".join(said)
    if process.returncode and not (allowed and re.search(allowed, text)):
        hint = next((step for pattern, step in (hints or {}).items() if re.search(pattern, text)), "look at its last lines above")
        tail = "\n".join(line for line in said[-12:] if line.strip())
        raise AuscultError(f"{tool} failed (exit code {process.returncode}):\n{tail}", "a board that takes the image", hint)
    return text
