# SPDX-License-Identifier: Apache-2.0
"""Nothing that a board lacks is called: the device files by mypy against the stubs of MicroPython's STM32 and ESP32 ports
and of CircuitPython, in place of CPython's own library."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from auscult_host import files, paths, toolchain

from . import FIRMWARE

# Each is installed for itself: MicroPython's all bring a machine.pyi, which in one environment would overwrite one another.
PACKAGES = {
    "stm32": ("micropython-stm32-stubs==1.25.*", "micropython-stdlib-stubs>=1.25,<2"),
    "esp32": ("micropython-esp32-stubs==1.25.*", "micropython-stdlib-stubs>=1.25,<2"),
    "circuitpython": ("circuitpython-stubs>=10,<11",),
}
FLAGS = ["--no-site-packages", "--check-untyped-defs", "--explicit-package-bases", "--config-file=", "--no-error-summary"]
# What says that something does not exist, or is called wrongly. The other codes want annotations.
CODES = ("attr-defined", "import-not-found", "name-defined", "call-arg", "call-overload", "arg-type")

# The device files have no annotations: without these, mypy takes the peripherals for Any and believes every call.
PERIPHERALS = {
    "micropython": {"sensors/bus.py": {"i2c": "machine.I2C", "spi": "machine.SPI", "cs": "machine.Pin"},
                    "sampler.py": {"interrupt": "machine.Pin"}},
    "circuitpython": {"sensors/circuitpython.py": {"i2c": "busio.I2C", "spi": "busio.SPI", "pin": "digitalio.DigitalInOut"}},
}
# What is there although the stubs do not know of it.
KNOWN = (
    'Module "asyncio" has no attribute "core"',  # MicroPython 1.25: extmod/asyncio/core.py
    'module named "simboard"',  # the simulated boards' own
    'module named "ulab"',  # CircuitPython's; MicroPython has it where it is built in
    'module named "binascii"',  # CircuitPython has it, its stubs leave CPython's own out
    'Module "microcontroller" has no attribute "pin"',  # the stubs have it only for a chosen board
)


@pytest.fixture(scope="session")
def stubs() -> Path:
    """Folder with a folder of stubs for each of PACKAGES."""
    root = paths.cache() / "stubs"
    for name, packages in PACKAGES.items():
        if not (root / name).is_dir():
            with files.atomic_folder(root / name) as fresh:
                toolchain.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(fresh), *packages],
                              f"fetching {' and '.join(packages)}")
    return root


def annotate(source: str, types: dict[str, str]) -> str:
    """Adds types to the parameters of these names, without moving a line."""
    lines = source.splitlines()
    places = [arg for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)
              for arg in node.args.args if arg.arg in types]
    for arg in sorted(places, key=lambda arg: (arg.lineno, arg.col_offset), reverse=True):
        line = lines[arg.lineno - 1]
        lines[arg.lineno - 1] = f"{line[:arg.end_col_offset]}: {types[arg.arg]}{line[arg.end_col_offset:]}"
    modules = {name.split(".")[0] for name in types.values()}
    return "\n".join([*lines, *(f"import {module}" for module in modules)]) + "\n"


def complaints(stubs: Path, port: str, folder: Path, extra: str = "") -> list[str]:
    """What mypy says of the device package, with `extra` at the end of its port.py."""
    python = "circuitpython" if port == "circuitpython" else "micropython"
    package = folder / "auscult"
    shutil.copytree(FIRMWARE / "auscult", package, ignore=shutil.ignore_patterns("__pycache__"))
    for file, types in PERIPHERALS[python].items():
        (package / file).write_text(annotate((package / file).read_text(), types))
    with (package / "port.py").open("a") as stream:
        stream.write(extra)
    search = [folder]
    if python == "circuitpython":
        for stub in (stubs / port).glob("*-stubs"):
            shutil.copytree(stub, folder / stub.name.removesuffix("-stubs"))
        shutil.copy(Path(__file__).parent / "stubs" / "time.pyi", folder)
        shutil.copy(stubs / "stm32" / "gc.pyi", folder)
        # machine code, where there is MicroPython's emitter; and what deploys, which there is copying to a drive
        others = [*package.rglob("*_viper.py"), package / "receiver.py", package / "slots.py"]
    else:
        search.append(stubs / port)
        others = [package / "busio_parts.py"]
    for file in others:  # never imported there
        file.write_text("def __getattr__(name: str): ...\n")
    core = stubs / ("stm32" if python == "circuitpython" else port)  # builtins and library of MicroPython, of which both are
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *FLAGS, "--custom-typeshed-dir", str(core), "--cache-dir", str(folder / "cache"),
         "--always-true", python.upper(), "--always-false", "MICROPYTHON" if python == "circuitpython" else "CIRCUITPYTHON",
         "auscult"], cwd=folder, env={"MYPYPATH": ":".join(map(str, search)), "PATH": ""}, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    own = {node.name for file in package.rglob("*.py") for node in ast.walk(ast.parse(file.read_text()))
           if isinstance(node, ast.ClassDef)} - {"I2C", "SPI", "Pin"}  # machine's have the same names
    return [line for line in done.stdout.splitlines()
            if line.startswith("auscult/") and line.endswith(tuple(f"[{code}]" for code in CODES))
            and not any(known in line for known in KNOWN)
            # Base classes call what their subclasses define; what these lack, the drivers' tests find.
            and not any(f'"{name}" has no attribute' in line for name in own)]


PORTS = pytest.mark.parametrize("port", sorted(PACKAGES))


@PORTS
def test_device_files_call_only_what_the_board_has(stubs: Path, port: str, tmp_path: Path) -> None:
    assert complaints(stubs, port, tmp_path) == []


@PORTS
def test_a_missing_function_is_found(stubs: Path, port: str, tmp_path: Path) -> None:
    """The check can fail: what CPython has, what only the other Python has, a method that the peripheral lacks."""
    wrong = """
import time
import dataclasses
time.perf_counter()
open("x").read().removeprefix("a")
"""
    wrong += "time.ticks_us()\n" if port == "circuitpython" else "time.monotonic_ns()\n"
    wrong += "import busio\nbusio.SPI.readfrom()\n" if port == "circuitpython" else "import machine\nmachine.I2C(1).begin()\n"
    found = complaints(stubs, port, tmp_path, wrong)
    for missing in ("perf_counter", "dataclasses", "ticks_us" if port == "circuitpython" else "monotonic_ns",
                    "readfrom" if port == "circuitpython" else "begin"):
        assert any(missing in line for line in found), (missing, found)
