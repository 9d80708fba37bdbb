# SPDX-License-Identifier: Apache-2.0
"""A debug probe on the board (ST-LINK): images written by pyOCD."""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import boards, devices
from ..board_tables import Stlink
from ..errors import AuscultError
from . import cortex, intelhex, tools

SUFFIXES = (".hex", ".bin")
KEEPS = "your files in the processor's flash stay: only the sectors that the image covers are written"


def parts(image: Path, way: Stlink) -> list[tuple[int, bytes]]:
    """(address, data) of what is written."""
    return [(way.address, image.read_bytes())] if image.suffix == ".bin" else intelhex.parts(image)


def check(image: Path, board: boards.RealBoard, way: Stlink) -> bytes:
    """What is in a whole image for this chip's flash."""
    found = parts(image, way)
    cortex.check_place(found, image, board)
    return b"".join(data for _, data in found)


def find(board: boards.RealBoard, way: Stlink, device: str | None) -> str:
    """Serial number of the one debug probe; where there are several, of the one on a board with this processor."""
    tools.need("pyocd")
    said = tools.run([sys.executable, "-m", "pyocd", "json", "--probes"], "pyocd", hints=_HINTS)
    try:
        probes: list[dict[str, Any]] = json.loads(said[said.index("{"):])["boards"]
    except (ValueError, KeyError) as error:
        raise AuscultError(f"pyocd answered {said[:200]!r}", "its list of probes", "pip install -U 'auscult[flash]'") from error
    ids = {str(probe["unique_id"]): probe for probe in probes}
    if device is not None:
        port = devices.usb_of(device)
        device = port.serial if port else device  # the probe's serial port has the same number
        if device in ids:
            return device
    fitting = [name for name, probe in ids.items() if probe.get("target") == way.target] or list(ids)
    if len(fitting) == 1 and device is None:
        return fitting[0]
    if fitting:
        raise AuscultError(f"debug probes: {', '.join(fitting)}", "one of them", f"--device {fitting[0]}")
    raise AuscultError("no debug probe on USB", f"the ST-LINK of {board.name}",
                       "plug a cable into the board's ST-LINK connector; `auscult doctor` shows what USB sees")


def _tool(command: str, way: Stlink, target: str) -> list[str]:
    return [sys.executable, "-m", "pyocd", command, "--no-wait", "--no-config", "--uid", target, "--target", way.target]


def commands(image: Path, board: boards.RealBoard, way: Stlink, target: str, erase: bool) -> list[list[str]]:
    """What is run; what was written is read back."""
    load = [*_tool("load", way, target), "--erase", "chip" if erase else "sector"]
    if image.suffix == ".bin":
        load += ["--base-address", hex(way.address)]
    saves = [word for number, (address, data) in enumerate(parts(image, way), 1)
             for word in ("-c", f"savemem {address:#x} {len(data)} part{number}.bin")]
    return [[*load, str(image)], [*_tool("commander", way, target), *saves, "-c", "reset"]]


def write(image: Path, board: boards.RealBoard, way: Stlink, target: str, erase: bool,
          progress: Callable[[str], None]) -> str:
    """Writes, reads back and compares; returns how it was verified."""
    load, back = commands(image.resolve(), board, way, target, erase)
    pack = f"run `{sys.executable} -m pyocd pack install {way.target}` once (it is fetched)"
    hints = {"not recognized|[Uu]nknown target": pack}
    tools.run(load, "pyocd", progress, hints | _HINTS)
    with tempfile.TemporaryDirectory(prefix="auscult-flash-") as name:
        tools.run([word.replace(" part", f" {name}/part") for word in back], "pyocd", progress, _HINTS)
        for number, (address, data) in enumerate(parts(image, way), 1):
            copy = Path(name) / f"part{number}.bin"
            if not copy.is_file() or copy.read_bytes() != data:
                raise AuscultError(f"the flash at {address:#x} is not as the image", "what was written",
                                   "unplug the board, plug it in and repeat")
    return "read back and compared"


_HINTS = {
    "No connected debug probe|No target device": "plug a cable into the board's ST-LINK connector",
    "USB|[Pp]ermission": "install pyOCD's udev rules (docs/flash.md), plug the board in again",
}
