# SPDX-License-Identifier: Apache-2.0
"""docs/boards.md: the boards there are, from boards/*/board.toml; part of generate.py."""

from auscult_host import boards

_HEAD = """# Boards

`auscult boards` lists them, `auscult boards NUCLEO_F446RE RPI_PICO` compares, `auscult boards NUCLEO_F446RE` shows all that is
known of one, each fact with its source. `auscult boards --fit press.bundle` says which of them can run what `auscult build` made,
and with what margin:

- **RAM**: the package (loaded bytecode), the pipeline's module, its state and outputs, of what MicroPython's linker script leaves
  to data, heap and stack; `tight` above 60 %.
- **files**: package and model each twice, because an update is written beside what runs. Where only the models fit, the package
  belongs into the firmware (`make firmware`).
- **time**: of one window, from the instructions that [costs.json](search.md) predicts for the simulated core with the same
  instruction set, at the board's clock and with the cycles per instruction that its file assumes. `tight` above half of the time
  between two windows; sampling and reporting are not in it. A portable pipeline is run on that core and
  counted, once; for `xtensawin`, which is not simulated, on `sim_m4`.

These are predictions from documents. **Nothing has been tried on hardware yet.**

"""

_TAIL = """
RAM in KiB: what is left to data, heap and stack (ESP32: the chip's). Files in KiB: MicroPython's file system in its usual layout.

## On-board sensors

{sensors}

## Where an accelerometer goes

The pins of the bus that a node's configuration names by its `id`. On STM32 the id decides the pins; elsewhere the configuration
may name others (`scl`, `sda`, `sck`, `mosi`, `miso`). Chip select (`cs`) can be any pin.

{pins}

## A board of your own

A folder in `boards/` with one `board.toml`; copy the one that is nearest. What the keys mean stands in
`host_tools/auscult_host/board_tables.py`; a key that is unknown, missing or wrong is an error that names it.

- The folder's name is MicroPython's name of the board; `[micropython]` repeats it with its port. For a board that MicroPython
  does not know, take the `..._GENERIC` one of its chip, or write MicroPython's board definition first.
- `arch`: which native modules it loads; `auscult devices` asks a board that is plugged in.
- `[memory]` is read from MicroPython's linker script or partition table. A figure without a source is left out, not guessed;
  optional keys are `heap_kib`, `[[sensor]]` and `[power]`.
- `sources` says for each fact where it is from; `[power]` has sources of its own, with the table's number.
- `tests/boards/test_board_files.py` compares pins, buses, file system, RAM and architecture with MicroPython's own board files.
"""


def _table(columns: str, rows: list[list[str]]) -> str:
    """columns: as in "a | b"."""
    lines = [f"| {columns} |", "|---" * (columns.count("|") + 1) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def page() -> str:
    real = [boards.load_real(name) for name in boards.real()]
    simulated = [boards.load_simulated(name) for name in boards.simulated()]
    listed = _table("board | processor | core | native modules | MHz | flash | RAM | files | flashed by | `auscult power`", [
        [f"`{one.name}`", one.mcu, one.core.split(",")[0], f"`{one.arch}`", f"{(one.clock_hz or 0) / 1e6:g}",
         f"{one.memory.flash_kib:,}", str(one.memory.ram_kib), f"{one.memory.files_kib:,}",
         ", ".join(way.method for way in one.flash), "yes" if one.power else "–"] for one in real])
    also = _table("simulated | core | native modules | heap, KiB | files, KiB | in QEMU", [
        [f"`{one.name}`", one.mcu, f"`{one.arch}`", str(one.heap_kib), str(one.disk_kib),
         f"{one.qemu.program} {one.qemu.machine}"] for one in simulated])
    sensors = _table("board | sensor | what | bus | our driver", [
        [f"`{one.name}`", sensor.chip, sensor.what,
         f"{sensor.bus.upper()}({sensor.id})" + (f", {sensor.address:#x}" if sensor.address else f", CS {sensor.cs}"),
         f"`{sensor.driver}`" if sensor.driver else "none yet"] for one in real for sensor in one.sensor])
    pins = _table("board | I2C | SPI | ", [
        [f"`{one.name}`", f"({one.pins.i2c.id}) SCL {one.pins.i2c.scl}, SDA {one.pins.i2c.sda}",
         f"({one.pins.spi.id}) SCK {one.pins.spi.sck}, MOSI {one.pins.spi.mosi}, MISO {one.pins.spi.miso}, CS {one.pins.spi.cs}",
         one.pins.note] for one in real])
    return _HEAD + listed + "\n\n" + also + "\n" + _TAIL.format(sensors=sensors, pins=pins)
