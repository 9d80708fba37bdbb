# SPDX-License-Identifier: Apache-2.0
"""Boards: their descriptions (boards/*/board.toml)."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from . import paths
from .errors import AuscultError

Arch = Literal["armv6m", "armv7m", "armv7emsp", "armv7emdp", "rv32imc"]

class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Qemu(_Strict):
    """The QEMU machine that stands for the board."""

    program: Literal["qemu-system-arm", "qemu-system-riscv32"]
    machine: str
    args: list[str] = []


class Firmware(_Strict):
    """What MicroPython's qemu port needs to know. linker_edits: text replaced in the port's linker script."""

    soc: Literal["MPS2", "NRF51", "VIRT"]
    cflags: list[str] = []
    linker_script: str
    linker_edits: dict[str, str] = {}
    gc_helper: str
    make: dict[str, str] = {}


class Power(_Strict):
    """What the board's processor draws, as MicroPython runs it; typical, at 25 °C and supply_v.

    run_ma, sleep_ma, light_ma: running at clock_hz, waiting for an interrupt (WFI), and in machine.lightsleep();
    wake_sleep_us, wake_light_us: from the event until it runs again. cycles_per_instruction: an assumption, flash wait
    states included. note: what is not in the figures; sources: document, revision and table of each.
    """

    clock_hz: int = Field(gt=0)
    supply_v: float = Field(gt=0)
    min_v: float = Field(gt=0)
    max_v: float = Field(gt=0)
    run_ma: float = Field(gt=0)
    sleep_ma: float = Field(gt=0)
    light_ma: float = Field(gt=0)
    wake_sleep_us: float = Field(ge=0)
    wake_light_us: float = Field(ge=0)
    cycles_per_instruction: float = Field(ge=1)
    note: str
    sources: list[str] = Field(min_length=1)


class Board(_Strict):
    """One board.toml. arch: the native modules it loads."""

    name: str
    description: str
    mcu: str
    arch: Arch
    power: Power | None = None

    @property
    def folder(self) -> Path:
        return paths.assets() / "boards" / self.name


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
    kind = SimulatedBoard if "qemu" in data or "firmware" in data else Board
    try:
        return kind(name=board, **data)
    except ValidationError as error:
        raise _explain(file, kind, error) from error
    except TypeError as error:  # a key `name` beside ours
        raise AuscultError(f"{file}: unknown key `name`", "no such key: the folder's name is the board's") from error


def _explain(file: Path, kind: type[Board], error: ValidationError) -> AuscultError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        tables: dict[str, type[BaseModel]] = {"qemu": Qemu, "firmware": Firmware, "power": Power}
        model = tables[str(first["loc"][0])] if len(first["loc"]) > 1 else kind
        return AuscultError(f"{file}: unknown key `{key}`", "one of " + ", ".join(model.model_fields))
    if first["type"] == "missing":
        return AuscultError(f"{file}: key `{key}` is missing", "a value for it")
    return AuscultError(f"{file}: `{key}` is {first['input']!r}", first["msg"])
