# SPDX-License-Identifier: Apache-2.0
"""What is plugged in on USB, also what has no serial port: boot loaders and debug probes."""

from pathlib import Path
from typing import NamedTuple

from serial.tools import list_ports

from . import boards

_SYSFS = Path("/sys/bus/usb/devices")
# Boot loaders that are in chips, not on boards: any board with such a chip may stand behind them.
_IN_CHIPS = {(0x0483, 0xDF11): "ST's boot loader in ROM (DFU)", (0x2E8A, 0x0003): "RP2040's boot loader (drive RPI-RP2)",
             (0x2E8A, 0x000F): "RP2350's boot loader (drive RP2350)", (0x303A, 0x0002): "ESP32-S2's boot loader in ROM"}


class Plugged(NamedTuple):
    """A device on USB. role: console, bootloader, probe, or "" for what no board's description knows."""

    vid: int
    pid: int
    product: str
    serial: str
    role: str
    what: str
    boards: tuple[str, ...]

    @property
    def ids(self) -> str:
        return f"{self.vid:04x}:{self.pid:04x}"


def plugged(sysfs: Path = _SYSFS) -> list[Plugged]:
    """All that is known to belong to a board. Where there is no sysfs: only what has a serial port."""
    seen = {(p.vid, p.pid, p.product or "", p.serial_number or "") for p in list_ports.comports() if p.vid is not None}
    for folder in sysfs.glob("*"):
        try:
            seen.add((int(_text(folder, "idVendor"), 16), int(_text(folder, "idProduct"), 16), _text(folder, "product"),
                      _text(folder, "serial")))
        except ValueError:  # a hub's interface
            continue
    found = [_known(*one) for one in sorted(seen)]
    return [one for one in found if one.role]


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(errors="replace").strip()
    except OSError:
        return ""


def _known(vid: int, pid: int, product: str, serial: str) -> Plugged:
    role, what, names = "", "", []
    for name in boards.real():
        for one in boards.load_real(name).usb:
            if (one.vid, one.pid) == (vid, pid):
                names.append(name)
                if role != "console":  # what is only a probe on one board is another's console
                    role, what = one.role, one.what
    if (vid, pid) in _IN_CHIPS:
        role, what = "bootloader", _IN_CHIPS[vid, pid]
    return Plugged(vid, pid, product, serial, role, what, tuple(names))
