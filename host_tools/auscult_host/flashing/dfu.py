# SPDX-License-Identifier: Apache-2.0
"""ST's USB boot loader: DfuSe files, written by dfu-util. Formats: USB DFU 1.1 appendix B, ST UM0391."""

import binascii
import re
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

from .. import boards, toolchain
from ..board_tables import Dfu
from ..errors import AuscultError
from . import cortex, tools

SUFFIXES = (".dfu",)
KEEPS = "your files on the board stay: only the pages that the image covers are written"
_VID, _PID = 0x0483, 0xDF11
_SUFFIX = struct.Struct("<HHHH3sBI")
_PREFIX = struct.Struct("<5sBIB")
_TARGET = struct.Struct("<6sBI255sII")
_ELEMENT = struct.Struct("<II")


def parts(image: Path) -> list[tuple[int, bytes]]:
    """(address, data) of a whole DfuSe file; AuscultError for one that is damaged or of another maker."""
    data = image.read_bytes()
    if len(data) < _SUFFIX.size + _PREFIX.size or data[-8:-5] != b"UFD":
        raise AuscultError(f"{image} has no DFU suffix", "a .dfu file", "it is cut short or no DFU file: fetch it again")
    _, pid, vid, version, _, length, checksum = _SUFFIX.unpack_from(data, len(data) - _SUFFIX.size)
    if binascii.crc32(data[:-4]) ^ 0xFFFFFFFF != checksum or length != _SUFFIX.size:
        raise AuscultError(f"{image} does not match its checksum", "an undamaged image", "fetch it again")
    if (vid, pid, version) != (_VID, _PID, 0x011A):
        raise AuscultError(f"{image} is for USB {vid:04x}:{pid:04x}", f"{_VID:04x}:{_PID:04x}, ST's boot loader",
                           "take the image of this board")
    try:
        return _elements(data[:-_SUFFIX.size])
    except struct.error:
        raise AuscultError(f"the parts of {image} do not fit into it", "a DfuSe file", "fetch it again") from None


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    signature, version, size, targets = _PREFIX.unpack_from(data)
    if (signature, version, size) != (b"DfuSe", 1, len(data)):
        raise struct.error
    at, found = _PREFIX.size, []
    for _ in range(targets):
        name, _, _, _, _, elements = _TARGET.unpack_from(data, at)
        if name != b"Target":
            raise struct.error
        at += _TARGET.size
        for _ in range(elements):
            address, size = _ELEMENT.unpack_from(data, at)
            at += _ELEMENT.size
            if at + size > len(data):
                raise struct.error
            found.append((address, data[at:at + size]))
            at += size
    return found


def check(image: Path, board: boards.RealBoard, way: Dfu) -> bytes:
    """What is in a whole image for this chip's flash."""
    found = parts(image)
    cortex.check_place(found, image, board)
    return b"".join(data for _, data in found)


def find(board: boards.RealBoard, way: Dfu, device: str | None) -> str:
    """Serial number of the one board that is in its boot loader."""
    listed = tools.run([toolchain.require("dfu-util"), "-l"], "dfu-util")
    rows = [line for line in listed.splitlines() if "Found DFU" in line and f"[{_VID:04x}:{_PID:04x}]" in line]
    serials = sorted({match[1] for line in rows if (match := re.search(r'serial="([^"]*)"', line))})
    if device is not None and device in serials:
        return device
    if "LIBUSB_ERROR_ACCESS" in listed:
        raise AuscultError("no permission to use the board in its boot loader", f"USB {_VID:04x}:{_PID:04x} for your user",
                           "install a udev rule for it (docs/flash.md), plug it in again")
    if len(serials) == 1 and device is None:
        return serials[0]
    if serials:
        raise AuscultError(f"boards in the boot loader: {', '.join(serials)}", "one of them", f"--device {serials[0]}")
    raise AuscultError("no board in ST's boot loader", f"{board.name} as USB {_VID:04x}:{_PID:04x}", way.enter)


def commands(image: Path, board: boards.RealBoard, way: Dfu, target: str, erase: bool) -> list[list[str]]:
    """What is run; what was written is read back, and with the last part the board starts."""
    tool = [toolchain.require("dfu-util"), "-d", f"{_VID:04x}:{_PID:04x}", "-a", str(way.alt), "-S", target]
    erasing = ["-s", ":mass-erase:force"] if erase else []
    back = parts(image)
    reading = [[*tool, "-s", f"{address:#x}:{len(data)}{':leave' if number == len(back) else ''}", "-U", f"part{number}.bin"]
               for number, (address, data) in enumerate(back, 1)]
    return [[*tool, *erasing, "-D", str(image)], *reading]


def write(image: Path, board: boards.RealBoard, way: Dfu, target: str, erase: bool,
          progress: Callable[[str], None]) -> str:
    """Writes, reads back and compares; returns how it was verified."""
    writing, *reading = commands(image.resolve(), board, way, target, erase)
    tools.run(writing, "dfu-util", progress, _HINTS)
    with tempfile.TemporaryDirectory(prefix="auscult-flash-") as name:
        for command, (address, data) in zip(reading, parts(image), strict=True):
            copy = Path(name) / command[-1]
            tools.run([*command[:-1], str(copy)], "dfu-util", progress, _HINTS, allowed="Upload done")
            if copy.read_bytes() != data:
                raise AuscultError(f"the flash at {address:#x} is not as the image", "what was written",
                                   "enter the boot loader again and repeat")
    return "read back and compared"


_HINTS = {
    "No DFU capable USB device": "enter the boot loader again (`auscult boards BOARD` says how)",
    "LIBUSB_ERROR_ACCESS|Cannot open DFU device": "install a udev rule for it (docs/flash.md), plug it in again",
    "LIBUSB_ERROR|Lost device": "try another cable or port without a hub, enter the boot loader again",
}
