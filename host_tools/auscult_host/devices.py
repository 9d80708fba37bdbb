# SPDX-License-Identifier: Apache-2.0
"""The boards that can be talked to: found by their ports, or simulated; one way to connect to either."""

import contextlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from serial.tools import list_ports

from . import boards, checked, paths
from .errors import AuscultError
from .simulator import SimBoard, lock
from .transport import Console

# The native architectures by their number in sys.implementation._mpy (MicroPython's py/persistentcode.h). Number 6, armv7em,
# is what a Cortex-M3 calls itself: it has no FPU, so it loads armv7m.
_ARCHITECTURES = ("", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7m", "armv7emsp", "armv7emdp", "xtensa", "xtensawin",
                  "rv32imc")
# A board that mounts its flash below the root has its files in /flash (stm32 and nrf ports), others in /
_FACTS = """
import gc, os, sys
gc.collect()
i = sys.implementation
m = getattr(i, '_mpy', 0)
root = ''
s = [0] * 10
for root in ('', '/flash'):
    try:
        s = os.statvfs(root or '/')
        if s[2]:
            break
    except OSError:
        pass
try:
    names = [n[0] + '/' * (n[1] >> 14 & 1) for n in os.ilistdir(root or '/')][:200]
except AttributeError:  # CircuitPython
    names = os.listdir(root or '/')
except OSError:
    names = []
try:
    import machine
    uid = machine.unique_id()
except (ImportError, AttributeError):
    try:
        import microcontroller
        uid = microcontroller.cpu.uid
    except ImportError:
        uid = b''
path, slots = sys.path[:], None
try:
    import auscult_slots
    slots = auscult_slots.load()
    if slots['app']:
        sys.path.insert(0, auscult_slots.HOME + slots['app'])
except Exception:
    pass
try:
    import auscult
    package = auscult.__version__
    for name in [n for n in sys.modules if n == 'auscult' or n.startswith('auscult.')]:
        del sys.modules[name]
except Exception as error:
    package = '' if isinstance(error, ImportError) else 'damaged'
sys.path[:] = path
gc.collect()
answer = {'implementation': i.name, 'version': list(i.version[:3]), 'machine': getattr(i, '_machine', sys.platform),
    'arch': m >> 10 & 15, 'mpy_version': m & 255, 'mpy_abi': m >> 8 & 3, 'heap_free': gc.mem_free(), 'root': root,
    'disk_free': s[0] * s[3], 'disk_total': s[0] * s[2], 'unique_id': ''.join('%02x' % b for b in uid),
    'auscult': package, 'files': names, 'slots': slots}
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
    .mpy files; bytes free of heap and file system. root: what its paths begin with, "" or "/flash"; unique_id: hex; auscult:
    version of the package on it, "" without; files: what lies in its root, folders with a slash; slots: the record of what
    runs (firmware/auscult/slots.py), None before the first deploy."""

    implementation: str
    version: tuple[int, ...]
    machine: str
    arch: str
    mpy_version: int
    mpy_abi: int
    heap_free: int
    disk_free: int
    disk_total: int
    root: str = ""
    unique_id: str = ""
    auscult: str = ""
    files: tuple[str, ...] = ()
    slots: dict[str, Any] | None = None

    @classmethod
    def parse(cls, said: str) -> "Facts":
        """The board's answer; AuscultError where it is none."""
        try:
            found = json.loads(said)
            arch = found.pop("arch")
            return cls(**found | {"version": tuple(found["version"]), "files": tuple(found["files"]),
                                  "arch": "" if found["implementation"] == "circuitpython" else architecture(arch)})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise AuscultError(f"the board answered {said.strip()[:80]!r}", "its facts",
                               "check the cable, reset the board and try again") from error


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
        return Facts.parse(json.dumps(checked.ask(self.console, _FACTS, 20)))

    def go_on(self, always: bool = False) -> None:
        """What was interrupted starts again, boot.py and main.py. always: also on a board that waited at its prompt."""
        if self.console.interrupted or always:
            with contextlib.suppress(AuscultError):  # one that is gone needs no word more
                self.console.exec("", 5)  # opens the port again after a program that was left early
                self.console.resume()

    def listen(self, words: NDArray[np.int16], **about: Any) -> None:
        """Bolts a simulated board to a machine: what its virtual chip gives from the next start of the node on, in later
        commands, too.

        words: int16 [n, axes], as the chip gives them; about: more for machine.json, as rate_ppm, loop, faults.
        virtual_sensor.signal() makes both from a recording."""
        if self.simulated is None:
            raise AuscultError(f"a recording for {self.name}, a real board", "a simulated one", "for example --device sim_m4")
        from .virtual_sensor import Signal  # imports much

        Signal(words, about).write(self._folder)


def architecture(number: int) -> str:
    """Of native modules, by its number in a .mpy file; "" for none."""
    return _ARCHITECTURES[number] if number < len(_ARCHITECTURES) else f"architecture {number}"


def ports() -> list[Port]:
    """Serial ports that are on USB, in the order of their names."""
    found = [Port(p.device, (p.vid, p.pid), p.serial_number or "", p.product or p.description or "")
             for p in list_ports.comports() if p.vid is not None]
    return sorted(found, key=lambda port: port.path)


def usb_of(device: str) -> Port | None:
    """What USB tells of a port."""
    return next((port for port in ports() if port.path == device), None)


def boards_at(port: Port) -> list[str]:
    """Boards whose descriptions name the port's USB ids: several share a bridge or a debugger."""
    return [name for name in boards.real() if any((one.vid, one.pid) == port.usb for one in boards.load_real(name).usb)]


def flash_file(simulated: str) -> Path:
    """The file that stands for a simulated board's flash; it need not exist yet."""
    return paths.cache() / "devices" / f"{simulated}.flash"


def _machine_folder(simulated: str) -> Path:
    """What a simulated board is bolted to, also the next time: machine.json and the recording."""
    return flash_file(simulated).with_suffix(".machine")


def forget(simulated: str) -> bool:
    """Erase a simulated board's files; whether there were any."""
    file = flash_file(boards.load_simulated(simulated).name)
    if not file.is_file():
        return False
    with contextlib.ExitStack() as stack:
        lock(file, stack)
        file.unlink()
        shutil.rmtree(_machine_folder(simulated), ignore_errors=True)
    return True


def choose(device: str | None) -> str:
    """The port, or the simulated board, that --device means; AuscultError where that is not one."""
    if device in boards.simulated():
        return str(device)
    found = ports()
    if device is not None:
        by_serial = [port.path for port in found if port.serial and port.serial == device]
        if not by_serial and re.fullmatch(r"[\w-]+", device) and not re.fullmatch(r"(?i)com\d+", device):
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
    """The board that `device` names (see choose), with an open console; a simulated one runs until the block ends.

    Nothing is sent before it is asked for, so a program that runs on a real board goes on; Device.facts() interrupts it. Where
    the block ends with an error, an interrupted program starts again."""
    chosen = choose(device)
    if chosen in boards.simulated():
        flash, folder = flash_file(chosen), _machine_folder(chosen)
        folder.mkdir(parents=True, exist_ok=True)
        with (SimBoard(chosen, patient=True, flash=flash, args={"machine": str(folder / "machine.json")}) as board,
              contextlib.closing(Console(board.port)) as console):
            yield Device(chosen, board.port, console, board, folder)
        return
    with contextlib.closing(Console(chosen, exclusive=True)) as console:
        try:
            yield Device(chosen, chosen, console)
        except AuscultError:
            if console.interrupted:
                with contextlib.suppress(AuscultError):  # the first error counts
                    console.resume()
            raise
