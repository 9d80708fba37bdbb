# SPDX-License-Identifier: Apache-2.0
"""ESP32: images as Espressif's boot loader takes them, written by esptool."""

import hashlib
import importlib.metadata
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from .. import boards, devices
from ..board_tables import Esptool
from ..errors import AuscultError
from . import tools

SUFFIXES = (".bin",)
KEEPS = "your files on the board stay: they lie in a part of the flash that the image does not reach"
_MAGIC = 0xE9
# Fields of esp_image_header_t that count here (ESP-IDF, bootloader_support/include/esp_app_format.h)
_SEGMENTS_AT, _CHIP_AT, _HASHED_AT, _HEADER = 1, 12, 23, 24
_CHIPS = {0: "esp32", 2: "esp32s2", 5: "esp32c3", 9: "esp32s3", 12: "esp32c2", 13: "esp32c6", 16: "esp32h2"}
_SEED = 0xEF
_TABLE_AT = 0x8000  # the partition table, in the flash
_ENTRY = struct.Struct("<HBBII16sI")
_ENTRY_MAGIC, _APP = 0x50AA, 0


def check(image: Path, board: boards.RealBoard, way: Esptool) -> bytes:
    """A whole image for this chip: boot loader, partition table and program, each with its checksum."""
    data = image.read_bytes()
    _check_part(data, 0, "boot loader", image, board, way)
    for start, label in _programs(data, way.offset, image):
        _check_part(data, start, label, image, board, way)
    return data


def _programs(data: bytes, offset: int, image: Path) -> list[tuple[int, str]]:
    """Where the first program begins, by the partition table."""
    at = _TABLE_AT - offset
    while at + _ENTRY.size <= len(data):
        magic, kind, _, start, _, label, _ = _ENTRY.unpack_from(data, at)
        if magic != _ENTRY_MAGIC:
            break
        if kind == _APP:
            return [(start - offset, label.rstrip(b"\0").decode(errors="replace"))]
        at += _ENTRY.size
    raise AuscultError(f"{image} has no program in it", "an image with boot loader, partition table and program",
                       "it is cut short, or only an update: fetch the board's whole image")


def _check_part(data: bytes, start: int, what: str, image: Path, board: boards.RealBoard, way: Esptool) -> None:
    if len(data) < start + _HEADER:
        raise AuscultError(f"{image} ends before its {what}", f"more than {start} bytes", "it is cut short: fetch it again")
    if data[start] != _MAGIC:
        raise AuscultError(f"{image} has no {what} at {start:#x}", "an image for Espressif's chips", "fetch it again")
    chip = _CHIPS.get(struct.unpack_from("<H", data, start + _CHIP_AT)[0], "another chip")
    if chip != way.chip:
        raise AuscultError(f"{image} is for {chip}", f"{way.chip}, {board.mcu}", f"take the image of {board.name}")
    at, checksum = start + _HEADER, _SEED
    for _ in range(data[start + _SEGMENTS_AT]):
        if at + 8 > len(data):
            break
        size = struct.unpack_from("<I", data, at + 4)[0]
        for byte in _folded(data[at + 8:at + 8 + size]):
            checksum ^= byte
        at += 8 + size
    at += 15 - (at - start) % 16  # the checksum ends a line of 16 bytes
    if at + 33 > len(data):
        raise AuscultError(f"{image} ends in the middle of the {what}", f"at least {at + 33} bytes",
                           "it is cut short: fetch it again")
    # The appended SHA-256 may be left out, but Espressif's tools and MicroPython's builds never do
    hashed = data[start + _HASHED_AT] == 1 and hashlib.sha256(data[start:at + 1]).digest() == data[at + 1:at + 33]
    if data[at] != checksum or not hashed:
        raise AuscultError(f"the {what} in {image} does not match its checksum", "an undamaged image", "fetch it again")


def _folded(data: bytes) -> bytes:
    """A few bytes with the same XOR: big integers are quick."""
    while len(data) > 64:
        half = len(data) // 2
        rest = data[2 * half:]
        data = (int.from_bytes(data[:half]) ^ int.from_bytes(data[half:2 * half])).to_bytes(half) + rest
    return data


def find(board: boards.RealBoard, way: Esptool, device: str | None) -> str:
    """The board's port: esptool starts the boot loader by itself on most boards."""
    if device is not None:
        return devices.choose(device)
    ids = {(one.vid, one.pid) for one in board.usb}
    fitting = [port for port in devices.ports() if port.usb in ids]
    if len(fitting) == 1:
        return fitting[0].path
    if fitting:
        raise AuscultError("several ports: " + ", ".join(f"{port.path} ({port.product})" for port in fitting), "one of them",
                           f"for example --device {fitting[0].path}")
    raise AuscultError(f"no port with the USB ids of {board.name}", "the board on a cable that carries data",
                       way.enter or "hold BOOT while plugging it in, and name its port: --device /dev/ttyUSB0")


def commands(image: Path, board: boards.RealBoard, way: Esptool, target: str, erase: bool) -> list[list[str]]:
    """What is run."""
    tools.need("esptool")
    dash = "_" if importlib.metadata.version("esptool").split(".")[0] == "4" else "-"
    tool = [sys.executable, "-m", "esptool", "--chip", way.chip, "--port", target, "--baud", "460800"]
    place = [hex(way.offset), str(image)]
    erasing = [[*tool, f"erase{dash}flash"]] if erase else []
    return [*erasing, [*tool, f"write{dash}flash", *place], [*tool, f"verify{dash}flash", *place]]


def write(image: Path, board: boards.RealBoard, way: Esptool, target: str, erase: bool,
          progress: Callable[[str], None]) -> str:
    """Writes and compares; returns how it was verified."""
    for command in commands(image, board, way, target, erase):
        tools.run(command, "esptool", progress, _HINTS)
    return "esptool compared the flash with the image"


_HINTS = {
    r"busy or doesn't exist|Permission denied": "check the name, your permissions (`auscult doctor`) and other programs",
    r"[Ff]ailed to connect|No serial data": "hold the button BOOT (GPIO0 or GPIO9) while it connects, then run the command again",
    r"This chip is|[Uu]nexpected chip|wrong chip": "another chip than the board's: `auscult boards` names the boards",
}
