# SPDX-License-Identifier: Apache-2.0
"""The boards that can be talked to: found by their ports, or simulated; one way to connect to either."""

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from serial.tools import list_ports

from . import boards, paths
from .errors import AuscultError
from .simulator import SimBoard
from .transport import Console

# The native architectures by their number in sys.implementation._mpy (MicroPython's py/persistentcode.h)
_ARCHITECTURES = ("", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin",
                  "rv32imc")
_FACTS = """
import gc, json, os, sys
gc.collect()
i = sys.implementation
m = getattr(i, '_mpy', 0)
try:
    s = os.statvfs('/')
except OSError:
    s = [0] * 10
print(json.dumps({'implementation': i.name, 'version': list(i.version[:3]), 'machine': getattr(i, '_machine', sys.platform),
    'arch': m >> 10 & 15, 'mpy_version': m & 255, 'mpy_abi': m >> 8 & 3, 'heap_free': gc.mem_free(),
    'disk_free': s[0] * s[3], 'disk_total': s[0] * s[2]}))
"""


@dataclass(frozen=True)
class Port:
    """A serial port that a board may be at. usb: (vendor, product) or None."""

    path: str
    usb: tuple[int, int] | None = None
    serial: str = ""
    product: str = ""


@dataclass(frozen=True)
class Facts:
    """What a board says of itself. arch: of the native modules that it loads, "" for none; mpy_version, mpy_abi: of the
    .mpy files; bytes free of heap and file system."""

    implementation: str
    version: tuple[int, ...]
    machine: str
    arch: str
    mpy_version: int
    mpy_abi: int
    heap_free: int
    disk_free: int
    disk_total: int


@dataclass
class Device:
    """A board with its console open. simulated: the running simulator, None for a real one."""

    name: str
    port: str
    console: Console
    simulated: SimBoard | None = None
    _folder: Path = field(default_factory=Path)

    def facts(self) -> Facts:
        """Asks the board; a program that runs there is interrupted."""
        said = json.loads(self.console.exec(_FACTS, 10))
        arch = said.pop("arch")
        return Facts(**said | {"version": tuple(said["version"]),
                               "arch": _ARCHITECTURES[arch] if arch < len(_ARCHITECTURES) else f"architecture {arch}"})

    def listen(self, words: NDArray[np.int16], **about: Any) -> None:
        """Bolts a simulated board to a machine: what its virtual chip gives from the next start of the node on.

        words: int16 [n, axes], as the chip gives them; about: more for machine.json, as rate_ppm, loop, faults."""
        if self.simulated is None:
            raise AuscultError(f"a recording for {self.name}, a real board", "a simulated one", "for example --device sim_m4")
        file = self._folder / "recording.i16"
        file.write_bytes(np.ascontiguousarray(words, "<i2").tobytes())
        (self._folder / "machine.json").write_text(json.dumps({"recording": str(file), **about}))


def ports() -> list[Port]:
    """Serial ports that are on USB, in the order of their names."""
    found = [Port(p.device, (p.vid, p.pid), p.serial_number or "", p.product or p.description or "")
             for p in list_ports.comports() if p.vid is not None]
    return sorted(found, key=lambda port: port.path)


def choose(device: str | None) -> str:
    """The port, or the simulated board, that --device means; AuscultError where that is not one."""
    if device in boards.simulated():
        return str(device)
    found = ports()
    if device is not None:
        by_serial = [port.path for port in found if port.serial and port.serial == device]
        if not by_serial and re.fullmatch(r"[\w]+", device) and not re.fullmatch(r"(?i)com\d+", device):
            raise AuscultError(f"no board {device!r}", "a port, a USB serial number, or one of " + ", ".join(boards.simulated()),
                               "`auscult devices` lists what is plugged in")
        return by_serial[0] if by_serial else device
    if len(found) == 1:
        return found[0].path
    if found:
        raise AuscultError("several boards: " + ", ".join(f"{port.path} ({port.product})" for port in found), "one of them",
                           f"for example --device {found[0].path}")
    raise AuscultError("no board is plugged in", "one on USB, or a simulated one", "`auscult doctor` looks for the cause; or try "
                       "--device sim_m4")


@contextlib.contextmanager
def connect(device: str | None = None) -> Iterator[Device]:
    """The board that `device` names (see choose), with an open console; a simulated one runs until the block ends."""
    chosen = choose(device)
    if chosen in boards.simulated():
        with tempfile.TemporaryDirectory(prefix="auscult-machine-") as name:
            folder = Path(name)
            flash = paths.cache() / "devices" / f"{chosen}.flash"
            with (SimBoard(chosen, flash=flash, args={"machine": str(folder / "machine.json")}) as board,
                  contextlib.closing(Console(board.port)) as console):
                yield Device(chosen, board.port, console, board, folder)
        return
    with contextlib.closing(Console(chosen)) as console:
        yield Device(chosen, chosen, console)
