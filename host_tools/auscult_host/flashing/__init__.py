# SPDX-License-Identifier: Apache-2.0
"""Putting MicroPython on a bare board: the right image, checked before anything is written, by the board's own method."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import boards, devices, usb
from ..board_tables import FlashWay
from ..errors import AuscultError
from ..files import sha256
from . import bossac, cortex, dfu, esp, images, pyocd_, uf2

# Each has check(image, board, way), find(board, way, device), commands(...) and write(image, board, way, target, erase, progress)
METHODS: dict[str, Any] = {"esptool": esp, "dfu": dfu, "stlink": pyocd_, "uf2": uf2, "bossac": bossac}
_UP_S = 12.0  # until a board that was flashed is on USB and answers


@dataclass(frozen=True)
class Plan:
    """What is to be written where. says: what MicroPython in the image calls its board; trust: see images.Image, or given."""

    board: boards.RealBoard
    way: FlashWay
    image: Path
    sha256: str
    trust: str
    says: str

    @property
    def method(self) -> Any:
        return METHODS[self.way.method]


def which_board(device: str | None) -> boards.RealBoard:
    """The board that is plugged in, by its USB ids; AuscultError where they are not those of exactly one."""
    found = {name for one in usb.plugged() if device in (None, one.serial) or _at(device) == (one.vid, one.pid)
             for name in one.boards}
    if len(found) == 1:
        return boards.load_real(found.pop())
    names = sorted(found) or boards.real()
    raise AuscultError("which board it is cannot be told by USB" if found else "no board that is known is plugged in",
                       "its name: " + ", ".join(names), f"for example `auscult flash {names[0]}`")


def _at(device: str | None) -> tuple[int, int] | None:
    port = devices.usb_of(device) if device else None
    return port.usb if port else None


def way_of(board: boards.RealBoard, method: str | None, device: str | None) -> FlashWay:
    """How to flash it: as asked, by the boot loader that is on USB, or the board's usual way."""
    by_method = {way.method: way for way in board.flash}
    if method is not None:
        if method not in by_method:
            raise AuscultError(f"{board.name} is not flashed by {method}", "one of " + ", ".join(by_method))
        return by_method[method]  # type: ignore[index]
    seen = {one.role for one in usb.plugged() if board.name in one.boards and device in (None, one.serial)}
    if "dfu" in by_method and seen == {"bootloader"}:  # with its probe there, too, that may be another board's
        return by_method["dfu"]
    return board.flash[0]


def plan(board: boards.RealBoard, way: FlashWay, file: Path | None, progress: Callable[[str], None]) -> Plan:
    """Fetches the image unless a file is given, and checks that it is whole and for this chip."""
    method = METHODS[way.method]
    if file is None:
        found = images.fetch(images.name(board, way), progress)
    else:
        if not file.is_file():
            raise AuscultError(f"there is no file {file}", "an image", f"for example {images.name(board, way)}")
        found = images.Image(file, sha256(file), images.known(file))
    if found.path.suffix not in method.SUFFIXES:
        raise AuscultError(f"{found.path} is a {found.path.suffix or 'nameless'} file", " or ".join(method.SUFFIXES)
                           + f" for {way.method}", f"for example {images.name(board, way)}")
    try:
        says = cortex.check_banner(method.check(found.path, board, way), found.path, board)
    except AuscultError:
        if found.trust == "first":  # it was not trusted for good reason
            images.drop(found.path)
        raise
    return Plan(board, way, found.path, found.sha256, found.trust, says)


def came_up(plan: Plan, target: str, progress: Callable[[str], None]) -> devices.Facts | None:
    """What the board says of itself once it runs; None if it does not show itself in time."""
    ids = {(one.vid, one.pid) for one in plan.board.usb if one.role == "console"}
    deadline = time.monotonic() + _UP_S
    while time.monotonic() < deadline:
        found = devices.ports()
        ports = [port.path for port in found if target in (port.path, port.serial)] or [
            port.path for port in found if port.usb in ids]
        if len(ports) == 1:
            progress(f"asking {ports[0]}")
            try:
                with devices.connect(ports[0]) as board:
                    facts = board.facts()
                    if board.console.interrupted:  # files that stayed: their program goes on
                        board.console.resume()
                    return facts
            except AuscultError:  # it may still be starting, or be gone from USB for a moment
                pass
        time.sleep(0.3)
    return None
