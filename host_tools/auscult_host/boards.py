# SPDX-License-Identifier: Apache-2.0
"""Boards: their descriptions (boards/*/board.toml)."""

import tomllib
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationError

from . import paths
from .board_tables import Arch, Firmware, FlashWay, Memory, Micropython, Pins, Qemu, Sensor, Strict, Usb
from .board_tables import Power as Power
from .errors import AuscultError


class Board(Strict):
    """What every board.toml says. arch: the native modules it loads; clock_hz: None where instructions are counted, not
    cycles; cycles_per_instruction: an assumption, flash wait states included."""

    name: str
    description: str
    mcu: str
    arch: Arch
    clock_hz: int | None = Field(None, gt=0)
    cycles_per_instruction: float = Field(2, ge=1)
    power: Power | None = None

    @property
    def folder(self) -> Path:
        return paths.assets() / "boards" / self.name


class RealBoard(Board):
    """A board that can be bought. clock_hz: as MicroPython sets it; flash: ways to put a firmware on it, the usual
    one first; sources: of everything but [power]."""

    core: str
    clock_hz: int = Field(gt=0)
    micropython: Micropython
    memory: Memory
    usb: list[Usb] = Field(min_length=1)
    flash: list[FlashWay] = Field(min_length=1)
    pins: Pins
    sensor: list[Sensor] = Field([])
    sources: list[str] = Field(min_length=1)

    def sensor_settings(self, bus: Literal["i2c", "spi"]) -> dict[str, Any]:
        """The keys of a node's `sensor` section that say where the chip is connected."""
        wires: dict[str, Any] = (self.pins.i2c if bus == "i2c" else self.pins.spi).model_dump()
        return {"bus": bus} | {key: pin for key, pin in wires.items() if self.pins.selectable or key in ("id", "cs")}


class SimulatedBoard(Board):
    """A board that QEMU stands for. heap_kib, disk_kib: Python's heap and the file system."""

    heap_kib: int = Field(gt=0)
    disk_kib: int = Field(gt=0)
    console: str
    i2c: list[int]
    spi: list[int]
    uart: list[int]
    pins: int = Field(gt=0)
    qemu: Qemu
    firmware: Firmware


def names() -> list[str]:
    """All boards there are, sorted."""
    return sorted(file.parent.name for file in (paths.assets() / "boards").glob("*/board.toml"))


def simulated() -> list[str]:
    """Those that QEMU stands for: they can be built, booted and measured here."""
    return [name for name in names() if isinstance(load(name), SimulatedBoard)]


def real() -> list[str]:
    """Those that can be bought."""
    return [name for name in names() if isinstance(load(name), RealBoard)]


def load_real(board: str) -> RealBoard:
    """Read and check a real board's description; AuscultError for a simulated one."""
    found = load(board)
    if not isinstance(found, RealBoard):
        raise AuscultError(f"{board} is simulated", "one of " + ", ".join(real()), "run `auscult boards`")
    return found


def load_simulated(board: str) -> SimulatedBoard:
    """Read and check a simulated board's description; AuscultError for a real one."""
    found = load(board)
    if not isinstance(found, SimulatedBoard):
        raise AuscultError(f"{board} is a real board, it can't be booted here", "one of " + ", ".join(simulated()),
                           "`auscult build --board " + board + "` makes modules for it")
    return found


def load(board: str, folder: Path | None = None) -> Board:
    """Read and check a board's description; `folder` names one outside of the package's own boards."""
    file = (folder or paths.assets() / "boards" / board) / "board.toml"
    if not file.is_file():
        raise AuscultError(f"there is no board {board!r}", "one of " + ", ".join(names()), "run `auscult boards`")
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuscultError(f"{file}: {error}", "a TOML file") from error
    kind = SimulatedBoard if "qemu" in data or "firmware" in data else RealBoard
    power = data.get("power")
    if kind is RealBoard and isinstance(power, dict):
        given = [key for key in _OF_THE_BOARD if key in power]
        if given:
            raise AuscultError(f"{file}: unknown key `power.{given[0]}`", f"`{given[0]}` above the tables")
        data["power"] = power | {key: data.get(key, RealBoard.model_fields[key].default) for key in _OF_THE_BOARD}
    try:
        return kind(name=board, **data)
    except ValidationError as error:
        raise _explain(file, kind, error) from error
    except TypeError as error:  # a key `name` beside ours
        raise AuscultError(f"{file}: unknown key `name`", "no such key: the folder's name is the board's") from error


_OF_THE_BOARD = ("clock_hz", "cycles_per_instruction")


def _explain(file: Path, kind: type[Board], error: ValidationError) -> AuscultError:
    first = error.errors()[0]
    where = [part for part in first["loc"] if not isinstance(part, int)]
    key = ".".join(str(part) for part in where)
    if first["type"] == "extra_forbidden":
        return AuscultError(f"{file}: unknown key `{key}`", "one of " + ", ".join(_known(kind, where[:-1])))
    if first["type"] == "missing":
        return AuscultError(f"{file}: key `{key}` is missing", "a value for it")
    return AuscultError(f"{file}: `{key}` is {first['input']!r}", first["msg"])


def _known(kind: type[BaseModel], tables: list[Any]) -> list[str]:
    """Keys of a table. Of the ways to flash, pydantic names the one that it took by its method."""
    models = [kind]
    for part in tables:
        inner = [found for model in models if part in model.model_fields
                 for found in _models(model.model_fields[part].annotation)]
        models = inner or [model for model in models if part in get_args(model.model_fields["method"].annotation)]
    return list(models[0].model_fields)


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The tables in a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models(part)]
