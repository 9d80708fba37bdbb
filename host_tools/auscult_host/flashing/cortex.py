# SPDX-License-Identifier: Apache-2.0
"""What an image for a Cortex-M says of itself: where it lies, where it starts, and MicroPython's own words."""

import re
import struct
from pathlib import Path

from .. import boards
from ..errors import AuscultError

FLASH = 0x0800_0000  # of all STM32
_RAM = (range(0x1000_0000, 0x1002_0000), range(0x2000_0000, 0x3010_0001))  # tightly coupled ones included; the end, too
# How MicroPython introduces its board: "; NUCLEO-F446RE with STM32F446xx"
_BANNER = re.compile(rb"\0; ([ -~]{1,60}) with ([A-Za-z0-9_-]{3,24})\0")
_VERSION = re.compile(rb"MicroPython (v\d[ -~]{1,40} on \d{4}-\d\d-\d\d)")


def check_place(parts: list[tuple[int, bytes]], image: Path, board: boards.RealBoard, begin: int = FLASH) -> None:
    """AuscultError unless the parts lie in the chip's flash and begin with a vector table."""
    end = begin + 1024 * board.memory.flash_kib
    for address, data in parts:
        if not begin <= address < end or address + len(data) > end:
            raise AuscultError(f"{image} writes to {address:#010x} to {address + len(data):#010x}",
                               f"the flash of {board.mcu}, {begin:#010x} to {end:#010x}", f"take the image of {board.name}")
    first = min(parts, default=(0, b""))
    stack, reset = struct.unpack_from("<II", first[1]) if len(first[1]) >= 8 else (0, 0)
    if first[0] != begin or not any(stack in ram for ram in _RAM) or stack % 4 or not reset & 1 or not begin <= reset < end:
        raise AuscultError(f"{image} does not begin with a vector table at {begin:#010x}", "a program for a Cortex-M",
                           "it is damaged or for another chip: fetch it again")


def check_banner(data: bytes, image: Path, board: boards.RealBoard) -> str:
    """What MicroPython in the image calls its board, "" if it says nothing; AuscultError for one of another chip."""
    found = _BANNER.search(data)
    if not found:
        return ""
    name, chip = (part.decode() for part in found.groups())
    # x stands for any character
    if any(one != other for one, other in zip(_plain(chip), _plain(board.mcu), strict=False) if "x" not in (one, other)):
        raise AuscultError(f"{image} is for {name} with {chip}", f"{board.mcu}", f"take the image of {board.name}")
    version = _VERSION.search(data)
    return (f"MicroPython {version[1].decode()}, " if version else "") + f"{name} with {chip}"


def _plain(chip: str) -> str:
    return "".join(letter if letter == "x" else letter.upper() for letter in chip if letter.isalnum())
