# SPDX-License-Identifier: Apache-2.0
"""Arduino's boot loader on nRF52: images written by Arduino's fork of bossac."""

from collections.abc import Callable
from pathlib import Path

from .. import boards, devices, toolchain
from ..board_tables import Bossac
from . import cortex, tools

SUFFIXES = (".bin",)
KEEPS = "your files on the board stay unless --erase is given"


def check(image: Path, board: boards.RealBoard, way: Bossac) -> bytes:
    """A program that begins behind the boot loader."""
    data = image.read_bytes()
    cortex.check_place([(way.offset, data)], image, board, way.offset)
    return data


def find(board: boards.RealBoard, way: Bossac, device: str | None) -> str:
    """The boot loader's port."""
    return devices.choose(device)


def commands(image: Path, board: boards.RealBoard, way: Bossac, target: str, erase: bool) -> list[list[str]]:
    """What is run."""
    return [[toolchain.require("bossac"), *(["-e"] if erase else []), "-w", "-v", f"--offset={way.offset:#x}",
             f"--port={target.removeprefix('/dev/')}", "-i", "-d", "-U", "-R", str(image)]]


def write(image: Path, board: boards.RealBoard, way: Bossac, target: str, erase: bool,
          progress: Callable[[str], None]) -> str:
    """Writes and compares; returns how it was verified."""
    for command in commands(image, board, way, target, erase):
        tools.run(command, "bossac", progress, {"No device|Failed to open": way.enter})
    return "bossac compared the flash with the image"
