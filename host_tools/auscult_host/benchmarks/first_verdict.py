# SPDX-License-Identifier: Apache-2.0
"""From `pip install` and three commands to the first verdict of a simulated board, as the README has it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from .. import paths
from ..errors import AuscultError
from .counting import LeftOutError, Metrics

# What `make setup` has built once and a user has cached, too: not what a project makes
_CACHED = ("downloads", "firmware", "mpy-cross", "unix")
_PROJECT = "press"
COMMANDS = (["new", _PROJECT, "--template", "machine_anomaly", "--try", "--json"],
            ["deploy", "--device", "sim_m4", "--json"],
            ["monitor", "--device", "sim_m4", "--recording", "play.parquet", "--lines", "5", "--json"])


def measure(tell: Callable[[str], None]) -> Metrics:
    """Seconds of each step on this computer, with this network; together: seconds."""
    if not paths.in_checkout():
        raise LeftOutError("only in a checkout, of which a wheel is made")
    source, cache = paths.assets(), paths.cache()
    with tempfile.TemporaryDirectory(prefix="auscult-first-") as name:
        folder = Path(name)
        (folder / "cache").mkdir()
        for part in cache.iterdir():
            if part.name in _CACHED or part.name.startswith("micropython-"):
                (folder / "cache" / part.name).symlink_to(part)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("AUSCULT_", "PYTHON", "VIRTUAL"))}
        environment |= {"AUSCULT_CACHE": str(folder / "cache"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

        def run(command: list[str], where: Path = folder, failed: type[Exception] = AuscultError) -> str:
            done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise failed(f"{' '.join(command[:4])} ended with {done.returncode}: {(done.stderr or done.stdout)[-300:]}")
            return done.stdout

        run([sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", "wheel", str(source)], folder,
            LeftOutError)
        wheel = next((folder / "wheel").glob("auscult-*.whl"))
        begun = time.monotonic()
        tell("pip install")
        run([sys.executable, "-m", "venv", "venv"])
        run([str(folder / "venv/bin/pip"), "install", "--quiet", str(wheel)], folder, LeftOutError)
        found = {"install_seconds": round(time.monotonic() - begun)}
        said = ""
        for arguments in COMMANDS:
            at = time.monotonic()
            tell(f"auscult {arguments[0]}")
            said = run([str(folder / "venv/bin/auscult"), *arguments], folder if arguments[0] == "new" else folder / _PROJECT)
            found[f"{arguments[0]}_seconds"] = round(time.monotonic() - at)
        if not any(json.loads(line).get("v") for line in said.splitlines() if line.startswith("{")):
            raise AuscultError(f"there was no verdict: {said[-300:]}")
        return {"seconds": round(time.monotonic() - begun), **found}
