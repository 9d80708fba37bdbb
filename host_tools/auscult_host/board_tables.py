# SPDX-License-Identifier: Apache-2.0
"""The tables of a board.toml, and which keys are in each."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Arch = Literal["armv6m", "armv7m", "armv7emsp", "armv7emdp", "xtensawin", "rv32imc"]


def _pin(value: int | str) -> int | str:
    if not re.fullmatch(r"[A-Z][A-Z0-9_]*|\d{1,3}", str(value)):
        raise ValueError('a pin as machine.Pin takes it, for example 5 or "PB8"')
    return value


Pin = Annotated[int | str, AfterValidator(_pin)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Qemu(Strict):
    """The QEMU machine that stands for the board."""

    program: Literal["qemu-system-arm", "qemu-system-riscv32"]
    machine: str
    args: list[str] = []


class Firmware(Strict):
    """What MicroPython's qemu port needs to know. linker_edits: text replaced in the port's linker script."""

    soc: Literal["MPS2", "NRF51", "VIRT"]
    cflags: list[str] = []
    linker_script: str
    linker_edits: dict[str, str] = {}
    gc_helper: str
    make: dict[str, str] = {}


class Power(Strict):
    """What the board's processor draws, as MicroPython runs it; typical, at 25 °C and supply_v.

    run_ma, sleep_ma, light_ma: running at clock_hz, waiting for an interrupt (WFI), and in machine.lightsleep();
    wake_sleep_us, wake_light_us: from the event until it runs again. clock_hz and cycles_per_instruction are the board's.
    note: what is not in the figures; sources: document, revision and table of each.
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


class Micropython(Strict):
    """What MicroPython calls the board, and the port that it belongs to. variant: of the download, where there are several."""

    board: str
    port: Literal["stm32", "esp32", "rp2", "nrf"]
    variant: str = ""


class Memory(Strict):
    """flash_kib: the chip's or the module's; ram_kib: what MicroPython's linker script gives to its data, heap and stack;
    heap_kib: Python's heap, where it is known (at least that much); files_kib: the file system."""

    flash_kib: int = Field(gt=0)
    ram_kib: int = Field(gt=0)
    heap_kib: int | None = Field(None, gt=0)
    files_kib: int = Field(gt=0)


class Usb(Strict):
    """What the board shows itself as. role: MicroPython's console; a boot loader that takes a firmware; a debug probe alone."""

    vid: int = Field(ge=0, le=0xFFFF)
    pid: int = Field(ge=0, le=0xFFFF)
    role: Literal["console", "bootloader", "probe"]
    what: str


class Esptool(Strict):
    """Espressif's boot loader in ROM. offset: where the image begins in the flash."""

    method: Literal["esptool"]
    chip: Literal["esp32", "esp32s3", "esp32c3", "esp32c6"]
    offset: int = Field(ge=0)
    enter: str = ""


class Dfu(Strict):
    """ST's USB boot loader in ROM. enter: how a user starts it."""

    method: Literal["dfu"]
    alt: int = 0
    enter: str


class Stlink(Strict):
    """The debug probe on the board. target: what pyOCD calls the processor; pack: whether it needs a CMSIS pack for it."""

    method: Literal["stlink"]
    target: str
    pack: bool
    address: int = 0x0800_0000


class Uf2(Strict):
    """A drive that takes a file. volume: its label; board_id: Board-ID in its INFO_UF2.TXT begins so; family: of the blocks."""

    method: Literal["uf2"]
    volume: str
    board_id: str
    family: int = Field(gt=0)
    enter: str


class Bossac(Strict):
    """Arduino's boot loader, with Arduino's fork of bossac."""

    method: Literal["bossac"]
    offset: int = Field(ge=0)
    enter: str


FlashWay = Annotated[Esptool | Dfu | Stlink | Uf2 | Bossac, Field(discriminator="method")]


class I2cPins(Strict):
    """A bus that is led out. id: for machine.I2C."""

    id: int = Field(ge=0)
    scl: Pin
    sda: Pin


class SpiPins(Strict):
    """A bus that is led out. id: for machine.SPI."""

    id: int = Field(ge=0)
    sck: Pin
    mosi: Pin
    miso: Pin
    cs: Pin


class Pins(Strict):
    """Where an accelerometer is connected. selectable: whether machine.I2C and SPI take pins, else the id decides."""

    selectable: bool
    i2c: I2cPins
    spi: SpiPins
    note: str = ""


class Sensor(Strict):
    """A sensor on the board. driver: in our package, "" for none. address: on I2C. power: a pin that must be high."""

    chip: str
    what: str = "accelerometer"
    driver: str = ""
    bus: Literal["i2c", "spi"]
    id: int = Field(ge=0)
    address: int | None = Field(None, ge=8, le=0x77)
    scl: Pin | None = None
    sda: Pin | None = None
    cs: Pin | None = None
    int_pin: Pin | None = None
    power: Pin | None = None
    note: str = ""
