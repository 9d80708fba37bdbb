# SPDX-License-Identifier: Apache-2.0
"""docs/add-a-chip.md as somebody follows it: its driver, virtual chip and line in a copy of the checkout, and the tests that it
names."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from auscult_host import paths

from . import FIRMWARE

ROOT = FIRMWARE.parent
PAGE = ROOT / "docs" / "add-a-chip.md"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with the new chip in it."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in ("firmware", "host_tools", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for other in ("boards", "models", "pyproject.toml"):
        (copy / other).symlink_to(ROOT / other)
    driver, virtual, line = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, code in re.findall(r"`(firmware/[\w/]+ax32\.py)`.*?```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        assert not (copy / name).exists()
        (copy / name).write_text(code)
    registry = copy / "firmware/auscult/sensors/__init__.py"
    registry.write_text(registry.read_text().replace("CHIPS = {\n", f"CHIPS = {{\n{line}"))
    assert len(driver.splitlines()) <= 60 and len(virtual.splitlines()) <= 60
    return copy


def follow(checkout: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments], cwd=checkout,
                          env={**os.environ, "AUSCULT_CACHE": str(paths.cache()), "PYTHONPATH": str(checkout / "host_tools")},
                          capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def commands() -> list[list[str]]:
    found = [line.split()[3:] for line in PAGE.read_text().splitlines() if " -m pytest " in line]
    assert len(found) == 2
    return found


@pytest.mark.parametrize("arguments", commands(), ids=["on CPython", "on MicroPython"])
def test_the_generic_tests_pass_for_the_new_chip(checkout: Path, arguments: list[str]) -> None:
    said = follow(checkout, *arguments)
    passed = re.search(r"^(\d+) passed", said, re.MULTILINE)
    assert passed and int(passed[1]) >= (40 if "ax32" in arguments else 1), said[-3000:]


def test_the_style_is_the_houses(checkout: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"),
                           *checkout.rglob("ax32.py")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("right", "wrong", "test"), [
    ("swap(block.data, n)", "pass", "test_sensors.py::test_every_sample_arrives_once_and_in_order[ax32-spi]"),
    ("self.overruns += 1", "pass", "test_faults.py::test_overrun[ax32-spi]"),
], ids=["byte order", "overruns"])
def test_a_mistake_in_the_driver_is_found(checkout: Path, right: str, wrong: str, test: str) -> None:
    file = checkout / "firmware/auscult/sensors/ax32.py"
    good = file.read_text()
    assert right in good
    try:
        file.write_text(good.replace(right, wrong))
        assert "1 failed" in follow(checkout, f"tests/device/{test}")
    finally:
        file.write_text(good)
