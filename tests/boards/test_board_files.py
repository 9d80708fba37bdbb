# SPDX-License-Identifier: Apache-2.0
"""Every board.toml against MicroPython's own board files: pins, buses, file system, RAM; and what a bundle takes of a board."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from auscult_host import boards, build, cli, costs, device, fit, toolchain
from auscult_host.errors import AuscultError
from auscult_host.portable import files
from auscult_host.spec import PipelineSpec

REAL = boards.real()


def _port(board: boards.RealBoard) -> Path:
    return toolchain.micropython_dir() / "ports" / board.micropython.port


def _folder(board: boards.RealBoard) -> Path:
    folder = _port(board) / "boards" / board.micropython.board
    assert folder.is_dir(), f"MicroPython has no board {board.micropython.board}"
    return folder


def _config(folder: Path, name: str) -> str:
    """A board's file and the ones that it includes, which are another board's."""
    text = (folder / name).read_text()
    for other in re.findall(r'^(?:#include "|include )boards/(\w+)/mpconfigboard\.\w+', text, re.M):
        text = _config(folder.parent / other, name) + text
    return text


def _pins(board: boards.RealBoard) -> dict[str, str]:
    """Name on the board -> name in the processor, without "P"."""
    rows = [line.split(",") for line in (_folder(board) / "pins.csv").read_text().splitlines()
            if "," in line and not line.startswith("#")]
    return {name or cpu: cpu.strip().removeprefix("P") for name, cpu, *_ in rows}


@pytest.mark.parametrize("name", REAL)
def test_description_is_complete(name: str) -> None:
    board = boards.load_real(name)
    assert board.sources
    assert all(len(source) > 20 for source in board.sources)
    assert any("MicroPython v1." in source for source in board.sources)
    assert any(way.role == "console" for way in board.usb)
    methods = [way.method for way in board.flash]
    assert len(set(methods)) == len(methods)
    if {"dfu", "uf2"} & set(methods):
        assert any(way.role == "bootloader" for way in board.usb)
    if "stlink" in methods:
        assert any(way.vid == 0x0483 and way.role in ("console", "probe") for way in board.usb)
    assert board.memory.files_kib < board.memory.flash_kib
    assert set(board.sensor_settings("spi")) == ({"bus", "id", "sck", "mosi", "miso", "cs"} if board.pins.selectable
                                                 else {"bus", "id", "cs"})
    for sensor in board.sensor:
        assert sensor.driver in ("", *device.chips())
        assert (sensor.address is not None) == (sensor.bus == "i2c")


@pytest.mark.parametrize("name", [name for name in REAL if boards.load_real(name).micropython.port == "stm32"])
def test_stm32_is_as_micropython_has_it(name: str) -> None:
    board = boards.load_real(name)
    folder, pins = _folder(board), _pins(board)
    config, make = _config(folder, "mpconfigboard.h"), _config(folder, "mpconfigboard.mk")
    for bus, wires in (("I2C", board.pins.i2c.model_dump()), ("SPI", board.pins.spi.model_dump())):
        for line, pin in wires.items():
            if line == "id":
                continue
            assert pin in pins, f"{name} has no pin {pin}"
            found = re.search(rf"MICROPY_HW_{bus}{wires['id']}_{line.upper()}\s+\(pin_(\w+)\)", config)
            if line != "cs":
                assert found, f"{name} has no {bus}({wires['id']})"
                assert found[1] == pins[str(pin)], f"{line} of {bus}({wires['id']}) is pin {found[1]}"
    linker = re.search(r"boards/(stm32\w+\.ld)", make.split("else")[-1])
    assert linker
    regions = dict(re.findall(r"^\s*(\w+) \(\w+\)\s*: ORIGIN = \w+, LENGTH = (\d+)K", (folder.parent / linker[1]).read_text(),
                              re.M))
    assert int(regions["FLASH_FS"]) == board.memory.files_kib
    assert int(regions["RAM"]) >= board.memory.ram_kib > int(regions["RAM"]) - 8
    double = re.search(r"STM32F765xx.*", (folder.parent.parent / "stm32.mk").read_text())
    chip = re.search(r"CMSIS_MCU = (\w+)", make)
    assert double
    assert chip
    assert board.arch == ("armv7emdp" if chip[1] in double[0].rstrip(")").split() else "armv7emsp")


@pytest.mark.parametrize("name", [name for name in REAL if boards.load_real(name).micropython.port == "esp32"])
def test_esp32_is_as_micropython_has_it(name: str) -> None:
    board = boards.load_real(name)
    folder = _folder(board)
    facts = json.loads((folder / "board.json").read_text())
    way = board.flash[0]
    assert way.method == "esptool"
    assert (way.chip, way.offset) == (facts["mcu"], int(facts["deploy_options"]["flash_offset"], 16))
    told = "".join(file.read_text() for file in folder.glob("sdkconfig.board"))
    table = re.search(r'"(partitions-\w+\.csv)"', told)
    rows = (folder.parent.parent / (table[1] if table else "partitions-4MiB.csv")).read_text()
    vfs = re.search(r"^vfs,\s*data, fat,\s*(\w+),\s*(\w+)", rows, re.M)
    assert vfs
    assert int(vfs[2], 16) == 1024 * board.memory.files_kib
    assert (int(vfs[1], 16) + int(vfs[2], 16)) <= 1024 * board.memory.flash_kib
    assert board.arch == ("rv32imc" if facts["mcu"] in ("esp32c3", "esp32c6") else "xtensawin")
    # these pins of an ESP32 only listen; 6 to 11 are the flash
    wires = [board.pins.i2c.model_dump(), board.pins.spi.model_dump()]
    driven = {pin for bus in wires for line, pin in bus.items() if line not in ("id", "miso")}
    assert way.chip != "esp32" or not driven & {6, 7, 8, 9, 10, 11, *range(34, 40)}


@pytest.mark.parametrize("name", [name for name in REAL if boards.load_real(name).micropython.port in ("rp2", "nrf")])
def test_others_are_as_micropython_has_them(name: str) -> None:
    board = boards.load_real(name)
    folder, pins = _folder(board), _pins(board)
    for bus in (board.pins.i2c.model_dump(), board.pins.spi.model_dump()):
        assert {pin for line, pin in bus.items() if line != "id"} <= pins.keys()
    config = (folder / "mpconfigboard.h").read_text()
    if board.micropython.port == "rp2":
        files = re.search(r"FLASH_STORAGE_BYTES\s+\((\d+) \* 1024\)", config)
        assert files
        assert int(files[1]) == board.memory.files_kib
    else:
        size = re.search(r"FS_SIZE = (\d+)k", (folder / "mpconfigboard.mk").read_text())
        assert board.memory.files_kib == (int(size[1]) if size else 64)
    for pid, vid in zip(re.findall(r"USB_PID\s+\((\w+)\)", config), re.findall(r"USB_VID\s+\((\w+)\)", config), strict=True):
        assert (int(vid, 16), int(pid, 16)) in {(way.vid, way.pid) for way in board.usb}


@pytest.mark.parametrize(("change", "found", "expected"), [
    (('method = "stlink"', 'method = "magic"'), "`flash` is", "'esptool'"),
    (('target = "', 'targed = "'), "key `flash.stlink.target` is missing", ""),
    (("pack = true", "pack = true\nspeed = 3"), "unknown key `flash.stlink.speed`", "address"),
    (('scl = "D15"', 'scl = "d 15"'), "`pins.i2c.scl` is 'd 15'", "PB8"),
    (("vid = 0x0483", "vid = 0x10483"), "`usb.vid` is 66691", "65535"),
    (("[power]", "[power]\nclock_hz = 1"), "unknown key `power.clock_hz`", "above the tables"),
    (("sources = [", "sources = []\nsauces = ["), "`sources` is []", "at least 1"),
    (("files_kib = 64", "files_kib = 64\nfile_kib = 3"), "unknown key `memory.file_kib`", "files_kib"),
])
def test_wrong_tables_are_named(tmp_path: Path, change: tuple[str, str], found: str, expected: str) -> None:
    text = (boards.load("NUCLEO_F446RE").folder / "board.toml").read_text()
    assert change[0] in text
    (tmp_path / "board.toml").write_text(text.replace(change[0], change[1], 1))
    with pytest.raises(AuscultError) as caught:
        boards.load("NUCLEO_F446RE", tmp_path)
    assert found in caught.value.found
    assert expected in caught.value.expected


def _bundle(folder: Path, archs: list[str], **changes: object) -> tuple[PipelineSpec, Path]:
    spec = PipelineSpec.model_validate({"window": 512, "hop": 512, "features": ["rms.x", "kurtosis.y"]} | changes)
    return spec, build.bundle(spec, folder / "test.bundle", archs)


def test_fit(tmp_path: Path) -> None:
    spec, bundle = _bundle(tmp_path, ["armv7emsp"])
    found = {one.board: one for one in fit.fit(bundle)}
    assert set(found) == set(boards.names())
    large = found["NUCLEO_WB55"]
    assert large.verdict == "yes"
    assert not large.why
    assert large.module_bytes == json.loads((bundle / "manifest.json").read_text())["files"]["armv7emsp"]["bytes"]
    assert large.state_bytes == costs.state_bytes(spec) + 4 * costs.out_words(spec, None)
    assert large.seconds == pytest.approx(costs.predict(spec, None, "NUCLEO_WB55").seconds)
    assert large.share == pytest.approx(large.seconds / (512 / 1600))
    small = found["NUCLEO_F446RE"]  # 64 KiB of files: the package does not fit twice
    assert small.verdict == "tight"
    assert "make firmware" in small.why[0]
    assert found["RPI_PICO"].verdict == "no"
    assert "armv6m" in found["RPI_PICO"].why[0]
    assert found["STM32F4DISC"].verdict == "tight"  # twice, but then it is full
    simulated = found["sim_m4"]
    assert simulated.verdict == "yes"
    assert simulated.instructions == large.instructions
    assert simulated.seconds is None


def test_fit_when_time_or_memory_runs_out(tmp_path: Path) -> None:
    fast: dict[str, Any] = {"window": 4096, "hop": 8, "rate_hz": 26667.0, "features": ["rms.x", "dominant.x"]}
    _, bundle = _bundle(tmp_path, ["armv7emsp"], **fast)
    one, = fit.fit(bundle, ["NUCLEO_WB55"])
    assert one.verdict == "no"
    assert one.seconds is not None
    assert any(why.startswith("time: ") for why in one.why)
    every = round(one.seconds * fast["rate_hz"] / 0.75)  # samples in which it is busy for three quarters of the time
    _, bundle = _bundle(tmp_path, ["armv7emsp"], **fast | {"hop": every})
    one, = fit.fit(bundle, ["NUCLEO_WB55"])
    assert one.share == pytest.approx(0.75, rel=0.05)
    assert one.verdict == "tight"
    wide = {"window": 4096, "hop": 4096, "axes": list("abcdefgh"), "features": ["rms.a"]}
    _, bundle = _bundle(tmp_path, ["armv7emsp"], **wide)
    one, = fit.fit(bundle, ["NUCLEO_L476RG"])
    assert one.ram_bytes > one.ram_room
    assert one.verdict == "no"


def test_fit_of_a_portable_pipeline(tmp_path: Path) -> None:
    """Its time is counted; on a core that is not simulated, on another one."""
    spec = PipelineSpec.model_validate({"window": 64, "hop": 64, "features": ["rms.x"]})
    bundle = build.bundle(spec, tmp_path / "test.bundle", [], more=files.pipeline(spec, None, {"armv7emsp", "xtensawin"}))
    both = {one.board: one for one in fit.fit(bundle, ["ESP32_GENERIC", "NUCLEO_WB55", "RPI_PICO"])}
    assert [one.file for one in both.values()] == ["pipeline-portable-xtensawin.mpy", "pipeline-portable-armv7emsp.mpy",
                                                   "pipeline-portable.mpy"]
    assert both["ESP32_GENERIC"].counted_on == both["NUCLEO_WB55"].counted_on == "sim_m4"
    assert both["ESP32_GENERIC"].instructions == both["NUCLEO_WB55"].instructions > 1000
    assert both["RPI_PICO"].counted_on == "sim_m0"
    assert both["RPI_PICO"].instructions > both["NUCLEO_WB55"].instructions  # bytecode
    assert both["ESP32_GENERIC"].verdict == "yes"
    assert "portable" in both["ESP32_GENERIC"].why[0]


def test_fit_of_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(AuscultError, match=r"no manifest\.json") as caught:
        fit.fit(tmp_path)
    assert "auscult build" in caught.value.hint


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, bundle = _bundle(tmp_path, ["armv7emsp"])

    def says(*arguments: str) -> str:
        with pytest.raises(SystemExit) as done:
            cli.main(["boards", *arguments])
        assert not done.value.code
        text = capsys.readouterr().out
        assert all(len(line.rstrip()) <= 80 for line in text.splitlines() if not line.startswith(("{", "[")))
        return text

    listed = says()
    assert all(name in listed for name in boards.names())  # none is cut short at 80 columns
    assert "LSM6DSL" in says("B_L475E_IOT01A")
    assert "UM2153" in says("B_L475E_IOT01A")
    compared = says("NUCLEO_F446RE", "RPI_PICO")
    assert "168,000,000" in compared
    assert "125,000,000" in compared
    assert "tight" in says("--fit", str(bundle))
    rows = json.loads(says("--fit", str(bundle), "--json", "NUCLEO_WB55", "RPI_PICO"))
    assert [row["verdict"] for row in rows] == ["yes", "no"]
    assert json.loads(says("NUCLEO_WB55", "--json"))["not_known"] == ["power", "sensor"]
