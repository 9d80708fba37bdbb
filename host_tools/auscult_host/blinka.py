# SPDX-License-Identifier: Apache-2.0
"""Blinka, the Python of CircuitPython's busio and digitalio on Linux, with virtual chips where it would reach hardware.

Its "agnostic board" is meant for tests: busio and digitalio are the real ones, only what lies beneath is a mock. The
classes here take that mock's place, with its interface, so drivers cannot tell them from a Raspberry Pi's.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .errors import AuscultError

_ENODEV = 19


def virtual_modules() -> tuple[Any, Any, Any]:
    """board, busio and digitalio for virtual chips. Blinka looks for its board once in a process: not after hardware."""
    os.environ["BLINKA_OS_AGNOSTIC"] = "1"
    modules = import_blinka()
    if not modules[1].detector.board.OS_AGNOSTIC_BOARD:
        raise AuscultError("Blinka has already looked for hardware", "virtual chips from the start", "start Python anew")
    return modules


def import_blinka() -> tuple[Any, Any, Any]:
    """board, busio and digitalio. board raises NotImplementedError where Blinka does not know the computer. Its remarks go
    to stderr: stdout is for verdicts."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            import board
            import busio
            import digitalio
            import microcontroller  # noqa: F401 - it has remarks, too
    except ImportError as error:
        raise AuscultError(f"Blinka cannot be imported ({error})", "adafruit-blinka", "pip install 'auscult[linux]'") from None
    return board, busio, digitalio


def i2c(chips: Mapping[int, Any]) -> Any:
    """A busio.I2C with virtual chips at their addresses; may be changed later."""
    board, busio, _ = virtual_modules()
    bus = busio.I2C(board.SCL, board.SDA)
    bus._i2c = LowI2C(chips)
    return bus


def spi(chips: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A busio.SPI and a digitalio.DigitalInOut as chip select for each virtual chip, by its name."""
    board, busio, digitalio = virtual_modules()
    bus = busio.SPI(board.SCK, board.MOSI, board.MISO)
    bus._spi = low = LowSPI()
    selects = {}
    for name, chip in chips.items():
        selects[name] = digitalio.DigitalInOut(board.CS)
        selects[name]._pin = LowPin(name, low, chip)
    return bus, selects


def line() -> tuple[Any, Callable[[int], None]]:
    """A digitalio.DigitalInOut to read, and the function that sets its level: a virtual chip's `drive`."""
    board, _, digitalio = virtual_modules()
    pin = digitalio.DigitalInOut(board.Dx_INPUT_FALSE)
    pin._pin = low = LowLine()
    return pin, low.drive


class LowI2C:
    """In place of adafruit_blinka.microcontroller.<...>.i2c.I2C."""

    def __init__(self, chips: Mapping[int, Any]) -> None:
        self.chips = chips

    def _chip(self, address: int) -> Any:
        if address not in self.chips:
            raise OSError(_ENODEV, "No such device")
        return self.chips[address]

    def scan(self) -> list[int]:
        return sorted(address for address, chip in self.chips.items() if chip.present)

    def writeto(self, address: int, buffer: Any, *, stop: bool = True) -> None:
        self._chip(address).write(buffer)

    def readfrom_into(self, address: int, buffer: Any, *, stop: bool = True) -> None:
        self._chip(address).readinto(buffer)

    def writeto_then_readfrom(self, address: int, buffer_out: Any, buffer_in: Any, *, out_start: int = 0,
                              out_end: int | None = None, in_start: int = 0, in_end: int | None = None,
                              stop: bool = False) -> None:
        self.writeto(address, memoryview(buffer_out)[out_start:out_end])
        self.readfrom_into(address, memoryview(buffer_in)[in_start:in_end])


class LowSPI:
    """In place of adafruit_blinka.microcontroller.<...>.spi.SPI. A chip that does not know the mode is heard a bit late;
    nobody at all reads as ones."""

    MSB = 0

    def __init__(self) -> None:
        self.selected: Any = None
        self.frequency, self.mode = 100000, 0

    def init(self, baudrate: int = 1000000, polarity: int = 0, phase: int = 0, bits: int = 8, firstbit: int = MSB) -> None:
        self.frequency, self.mode = baudrate, polarity << 1 | phase

    def write(self, buf: Any, start: int = 0, end: int | None = None) -> None:
        self._transfer(memoryview(buf)[start:end])

    def readinto(self, buf: Any, start: int = 0, end: int | None = None, write_value: int = 0) -> None:
        into = memoryview(buf)[start:end]
        into[:] = self._transfer(bytes([write_value]) * len(into))

    def write_readinto(self, buffer_out: Any, buffer_in: Any, out_start: int = 0, out_end: int | None = None,
                       in_start: int = 0, in_end: int | None = None) -> None:
        memoryview(buffer_in)[in_start:in_end] = self._transfer(memoryview(buffer_out)[out_start:out_end])

    def _transfer(self, out: Any) -> bytes:
        if self.selected is None:
            return b"\xff" * len(out)
        answer = bytearray(len(out))
        self.selected.transfer(bytearray(out), answer)
        if self.mode not in getattr(self.selected, "SPI_MODES", (0, 3)):
            answer = bytearray(byte >> 1 for byte in answer)
        return bytes(answer)


class LowPin:
    """In place of adafruit_blinka.microcontroller.<...>.pin.Pin: a chip select."""

    def __init__(self, name: str, spi: LowSPI, chip: Any) -> None:
        self.id, self._spi, self._chip = name, spi, chip
        self._level = 1

    def init(self, mode: int = 0, pull: int | None = None) -> None:
        pass

    def value(self, level: int | None = None) -> int | None:
        if level is None:
            return self._level
        if level != self._level:
            self._level = level
            self._spi.selected = None if level else self._chip
            (self._chip.deselect if level else self._chip.select)()
        return None


class LowLine:
    """In place of adafruit_blinka.microcontroller.<...>.pin.Pin: an input."""

    def __init__(self) -> None:
        self._level = 0

    def drive(self, level: int) -> None:
        self._level = level

    def init(self, mode: int = 0, pull: int | None = None) -> None:
        pass

    def value(self, level: int | None = None) -> int:
        return self._level
