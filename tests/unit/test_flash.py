# SPDX-License-Identifier: Apache-2.0
"""`auscult flash` as far as it goes without hardware: the real tools up to their own "no device", a folder as a UF2 drive."""

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from auscult_host import boards, cli, devices, flashing, usb
from auscult_host.flashing import intelhex, tools, uf2
from firmware_images import image

Flash = Callable[..., dict[str, Any]]


@pytest.fixture
def flash(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Flash:
    """flash(*arguments) -> the command's JSON; an error is under "error"."""
    monkeypatch.setattr(flashing, "_UP_S", 0.0)
    monkeypatch.setattr(devices, "ports", list)
    monkeypatch.setattr(usb, "plugged", list)

    def run(*arguments: object, yes: bool = True) -> dict[str, Any]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main(["flash", *map(str, arguments), *(["--yes"] if yes else []), "--json"])
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert bool(stop.value.code) == ("error" in result)
        return result

    return run


@pytest.fixture
def images(tmp_path: Path) -> Callable[[str, str, str], Path]:
    def make(board: str, method: str, suffix: str) -> Path:
        file = tmp_path / f"{board}{suffix}"
        file.write_bytes(image(board, method))
        return file

    return make


def drive(folder: Path, board_id: str = "RPI-RP2") -> Path:
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: {board_id}\r\n")
    return folder


@contextmanager
def boot_loader(folder: Path, size: int) -> Iterator[list[bytes]]:
    """Restarts, as the drive's vanishing, once it was given so many bytes."""
    got: list[bytes] = []

    def wait() -> None:
        while not done.is_set():
            for file in folder.glob("*.uf2"):
                if file.stat().st_size == size:
                    got.append(file.read_bytes())
                    shutil.rmtree(folder)
                    return
            time.sleep(0.01)

    done = threading.Event()
    thread = threading.Thread(target=wait)
    thread.start()
    yield got
    done.set()
    thread.join()


def test_a_uf2_drive_gets_the_image(flash: Flash, images: Callable[..., Path], tmp_path: Path) -> None:
    file, folder = images("RPI_PICO", "uf2", ".uf2"), drive(tmp_path / "RPI-RP2")
    with boot_loader(folder, file.stat().st_size) as got:
        result = flash("RPI_PICO", "--file", file, "--device", folder)
    assert got == [file.read_bytes()]
    assert result["verified"] == "the boot loader took all blocks and restarted" and result["trust"] == "given"
    assert "auscult devices --ask" in result["result"] and result["version"] is None


def test_a_drive_that_does_not_take_it(flash: Flash, images: Callable[..., Path], tmp_path: Path,
                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uf2, "RESTART_S", 0.2)
    folder = drive(tmp_path / "RPI-RP2")
    error = flash("RPI_PICO", "--file", images("RPI_PICO", "uf2", ".uf2"), "--device", folder)["error"]
    assert "is still there" in error["found"]


def test_which_drive(flash: Flash, images: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = images("RPI_PICO", "uf2", ".uf2")
    seen: list[Path] = []
    monkeypatch.setattr(uf2, "mounted", lambda: seen)
    error = flash("RPI_PICO", "--file", file)["error"]
    assert "no drive RPI-RP2" in error["found"] and "BOOTSEL" in error["hint"]
    seen.append(drive(tmp_path / "other", "nRF52840-SeeedXiaoSense-v1"))
    assert "is nRF52840-SeeedXiaoSense" in flash("RPI_PICO", "--file", file)["error"]["found"]
    seen += [drive(tmp_path / "one"), drive(tmp_path / "two")]
    error = flash("RPI_PICO", "--file", file)["error"]
    assert "several drives" in error["found"] and f"--device {tmp_path / 'one'}" in error["hint"]
    error = flash("RPI_PICO", "--file", file, "--device", tmp_path / "one", "--erase")["error"]
    assert "flash_nuke.uf2" in error["hint"]
    assert not [path for folder in seen for path in folder.glob("*.uf2")]


def test_nothing_is_written_without_consent(flash: Flash, images: Callable[..., Path], tmp_path: Path) -> None:
    folder = drive(tmp_path / "RPI-RP2")
    error = flash("RPI_PICO", "--file", images("RPI_PICO", "uf2", ".uf2"), "--device", folder, yes=False)["error"]
    assert "your files on the board stay" in error["found"] and "--yes" in error["hint"]
    assert [file.name for file in folder.iterdir()] == ["INFO_UF2.TXT"]


def test_esptool_without_a_board(flash: Flash, images: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    file = images("ESP32_GENERIC_C3", "esptool", ".bin")
    error = flash("ESP32_GENERIC_C3", "--file", file)["error"]
    assert "no port with the USB ids of ESP32_GENERIC_C3" in error["found"] and "BOOT" in error["hint"]
    error = flash("ESP32_GENERIC_C3", "--file", file, "-d", "/dev/ttyNONE")["error"]
    assert "esptool failed" in error["found"] and "could not open port /dev/ttyNONE" in error["found"]
    assert "Usage" not in error["found"] and "auscult doctor" in error["hint"]
    one, two = (devices.Port(f"/dev/ttyNONE{i}", (0x303A, 0x1001), str(i), "USB JTAG") for i in (1, 2))
    monkeypatch.setattr(devices, "ports", lambda: [one, two])
    error = flash("ESP32_GENERIC_C3", "--file", file)["error"]
    assert "several ports: /dev/ttyNONE1 (USB JTAG), /dev/ttyNONE2" in error["found"]
    monkeypatch.setattr(devices, "ports", lambda: [one])
    assert "/dev/ttyNONE1" in flash("ESP32_GENERIC_C3", "--file", file)["error"]["found"]


@pytest.mark.skipif(not shutil.which("dfu-util"), reason="dfu-util is not installed")
def test_dfu_util_without_a_board(flash: Flash, images: Callable[..., Path]) -> None:
    file = images("PYBV11", "dfu", ".dfu")
    error = flash("PYBV11", "--file", file)["error"]
    assert "no board in ST's boot loader" in error["found"] and "BOOT0" in error["hint"]
    board = boards.load_real("PYBV11")
    for erase in (False, True):
        for command in flashing.METHODS["dfu"].commands(file, board, board.flash[0], "3258", erase):
            said = tools.run(command, "dfu-util", allowed="No DFU capable USB device available")
            assert "No DFU capable USB device available" in said and "unrecognized" not in said


def test_pyocd_without_a_probe(flash: Flash, images: Callable[..., Path]) -> None:
    file = images("NUCLEO_F446RE", "stlink", ".hex")
    error = flash("NUCLEO_F446RE", "--file", file)["error"]
    assert "no debug probe" in error["found"] and "ST-LINK connector" in error["hint"]
    board = boards.load_real("NUCLEO_F446RE")
    for command in flashing.METHODS["stlink"].commands(file, board, board.flash[0], "0670FF", False):
        said = tools.run(command, "pyocd", allowed="No connected debug probe|No target device")
        assert "usage:" not in said, said


def test_which_debug_probe(flash: Flash, images: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    probes = [{"unique_id": "0670FF", "target": "stm32f446retx"}, {"unique_id": "0671AA", "target": "stm32f411retx"}]
    monkeypatch.setattr(tools, "run", lambda *_, **__: json.dumps({"boards": probes}))
    board = boards.load_real("NUCLEO_F446RE")
    find = flashing.METHODS["stlink"].find
    assert find(board, board.flash[0], None) == "0670FF"
    assert find(board, board.flash[0], "0671AA") == "0671AA"
    monkeypatch.setattr(devices, "ports", lambda: [devices.Port("/dev/ttyACM7", (0x0483, 0x374B), "0671AA")])
    assert find(board, board.flash[0], "/dev/ttyACM7") == "0671AA"
    probes[1]["target"] = "stm32f446retx"
    error = flash("NUCLEO_F446RE", "--file", images("NUCLEO_F446RE", "stlink", ".hex"))["error"]
    assert "debug probes: 0670FF, 0671AA" in error["found"] and "--device 0670FF" in error["hint"]


def test_which_board_in_the_boot_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    line = 'Found DFU: [0483:df11] ver=2200, devnum=5, cfg=1, intf=0, path="1-1", alt={}, name="@Internal", serial="{}"\n'
    listed = [line.format(0, "3258") + line.format(1, "3258")]
    monkeypatch.setattr("auscult_host.toolchain.require", lambda program: program)
    monkeypatch.setattr(tools, "run", lambda *_, **__: listed[0])
    board, find = boards.load_real("PYBV11"), flashing.METHODS["dfu"].find
    assert find(board, board.flash[0], None) == "3258"
    listed[0] += line.format(0, "4711")
    with pytest.raises(Exception, match=r"3258, 4711.*--device 3258"):
        find(board, board.flash[0], None)
    assert find(board, board.flash[0], "4711") == "4711"
    listed[0] = "dfu-util: Cannot open DFU device 0483:df11 found on devnum 5 (LIBUSB_ERROR_ACCESS)\n"
    with pytest.raises(Exception, match=r"no permission.*udev"):
        find(board, board.flash[0], None)


class Dfu:
    """Stands for dfu-util with a board: keeps what is written, gives it back."""

    def __init__(self, damage: bool) -> None:
        self.flash: dict[str, bytes] = {}
        self.damage = damage
        self.asked: list[str] = []

    def __call__(self, command: list[str], *_: object, **__: object) -> str:
        self.asked.append(" ".join(command))
        if "-D" in command:
            self.flash = {f"{address:#x}:{len(data)}": data for address, data in
                          flashing.dfu.parts(Path(command[command.index("-D") + 1]))}
        if "-U" in command:
            data = self.flash[command[command.index("-s") + 1].removesuffix(":leave")]
            Path(command[-1]).write_bytes(bytes([data[0] ^ self.damage]) + data[1:])
        return ""


@pytest.mark.parametrize("damage", [False, True])
def test_what_was_written_is_read_back(damage: bool, images: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    board = boards.load_real("PYBV11")
    dfu = Dfu(damage)
    monkeypatch.setattr("auscult_host.toolchain.require", lambda program: program)
    monkeypatch.setattr(tools, "run", dfu)
    arguments = (images("PYBV11", "dfu", ".dfu"), board, board.flash[0], "3258", False, lambda text: None)
    if damage:
        with pytest.raises(Exception, match="0x8000000 is not as the image"):
            flashing.METHODS["dfu"].write(*arguments)
    else:
        assert flashing.METHODS["dfu"].write(*arguments) == "read back and compared"
        assert len(dfu.asked) == 3 and ":leave" in dfu.asked[2] and ":leave" not in dfu.asked[1]


class Pyocd:
    """Stands for pyOCD with a board; savemem as in pyocd/commands/commands.py: ADDR LEN FILENAME."""

    def __init__(self, damage: bool) -> None:
        self.parts: list[tuple[int, bytes]] = []
        self.damage = damage

    def __call__(self, command: list[str], *_: object, **__: object) -> str:
        if "load" in command:
            self.parts = intelhex.parts(Path(command[-1]))
        for word in command:
            if word.startswith("savemem "):
                _, address, size, name = word.split()
                data = next(data for begin, data in self.parts if begin == int(address, 0))[:int(size)]
                Path(name).write_bytes(data[:-1] + bytes([data[-1] ^ self.damage]))
        return ""


@pytest.mark.parametrize("damage", [False, True])
def test_what_a_probe_wrote_is_read_back(damage: bool, images: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    board = boards.load_real("NUCLEO_F446RE")
    monkeypatch.setattr(tools, "run", Pyocd(damage))
    arguments = (images("NUCLEO_F446RE", "stlink", ".hex"), board, board.flash[0], "0670FF", False, lambda text: None)
    if damage:
        with pytest.raises(Exception, match="0x8000000 is not as the image"):
            flashing.METHODS["stlink"].write(*arguments)
    else:
        assert flashing.METHODS["stlink"].write(*arguments) == "read back and compared"


def test_tools_that_are_missing(flash: Flash, images: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert flash("NUCLEO_F446RE", "--file", images("NUCLEO_F446RE", "stlink", ".hex"))["error"]["hint"] == \
        "pip install 'auscult[flash]'"
    error = flash("ESP32_GENERIC", "--file", images("ESP32_GENERIC", "esptool", ".bin"), "-d", "/dev/ttyNONE")["error"]
    assert error["hint"] == "pip install 'auscult[flash]'"
    monkeypatch.setattr(shutil, "which", lambda program: None)
    assert "dfu-util is not installed" in flash("PYBV11", "--file", images("PYBV11", "dfu", ".dfu"))["error"]["found"]
    file = images("ARDUINO_NANO_33_BLE_SENSE", "bossac", ".bin")
    assert "bossac is not installed" in flash("ARDUINO_NANO_33_BLE_SENSE", "--file", file, "-d", "/dev/ttyNONE")["error"]["found"]


def test_a_dry_run_shows_the_commands(flash: Flash, images: Callable[..., Path]) -> None:
    shown = flash("ESP32_GENERIC", "--file", images("ESP32_GENERIC", "esptool", ".bin"), "--erase", "--dry-run")
    erase, write, verify = shown["commands"]
    assert "erase-flash" in erase and "--chip esp32" in erase
    assert "write-flash 0x1000 " in write and "verify-flash 0x1000 " in verify
    assert shown["result"] == "nothing was written" and shown["image_is_for"].endswith("ESP32_GENERIC with ESP32")
    shown = flash("NUCLEO_H743ZI2", "--file", images("NUCLEO_H743ZI2", "dfu", ".dfu"), "--method", "dfu", "--dry-run")
    assert shown["commands"][0].split()[0].endswith("dfu-util")
    shown = flash("NUCLEO_H743ZI2", "--file", images("NUCLEO_H743ZI2", "stlink", ".hex"), "--dry-run")
    assert f"{sys.executable} -m pyocd load" in shown["commands"][0] and "--erase sector" in shown["commands"][0]
    error = flash("RPI_PICO", "--method", "dfu")["error"]
    assert "RPI_PICO is not flashed by dfu" in error["found"] and error["expected"] == "one of uf2"


def test_firmware_older_than_the_native_modules_is_refused(flash: Flash, images: Callable[..., Path], tmp_path: Path) -> None:
    file, folder = images("RPI_PICO", "uf2", ".uf2"), drive(tmp_path / "RPI-RP2")
    file.write_bytes(file.read_bytes().replace(b"v1.25.0 on 2025-04-15", b"v1.22.2 on 2024-02-22"))
    error = flash("RPI_PICO", "--file", file, "-d", folder)["error"]
    assert "has MicroPython v1.22" in error["found"] and "1.23 or newer" in error["expected"]
    assert [file.name for file in folder.iterdir()] == ["INFO_UF2.TXT"]


def test_which_board(flash: Flash, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no board that is known is plugged in" in flash()["error"]["found"]
    assert "there is no board 'PICO'" in flash("PICO")["error"]["found"]
    nucleo = usb.Plugged(0x0483, 0x374B, "STLink", "066E", "console", "ST-LINK", ("NUCLEO_F411RE", "NUCLEO_F446RE"))
    monkeypatch.setattr(usb, "plugged", lambda: [nucleo])
    error = flash()["error"]
    assert "cannot be told by USB" in error["found"] and error["expected"] == "its name: NUCLEO_F411RE, NUCLEO_F446RE"
    assert "auscult flash NUCLEO_F411RE" in error["hint"]
    monkeypatch.setattr(usb, "plugged", lambda: [nucleo._replace(boards=("PYBV11",), role="bootloader")])
    assert flashing.which_board(None).name == "PYBV11"


def test_a_board_in_its_boot_loader_is_flashed_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    board = boards.load_real("NUCLEO_H743ZI2")
    monkeypatch.setattr(usb, "plugged", list)
    assert flashing.way_of(board, None, None).method == "stlink"
    loader = usb.Plugged(0x0483, 0xDF11, "BOOTLOADER", "3258", "bootloader", "", ("NUCLEO_H743ZI2",))
    monkeypatch.setattr(usb, "plugged", lambda: [loader])
    assert flashing.way_of(board, None, None).method == "dfu"
    probe = loader._replace(pid=0x374E, role="console")
    monkeypatch.setattr(usb, "plugged", lambda: [loader, probe])
    assert flashing.way_of(board, None, None).method == "stlink"


def test_a_simulated_board_is_fresh_afterwards(flash: Flash, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "flash_file", lambda name: tmp_path / f"{name}.flash")
    with devices.connect("sim_m4") as device:
        device.console.exec("open('main.py', 'w').close()")
    error = flash("sim_m4", yes=False)["error"]
    assert "Erase the files of sim_m4?" in error["found"]
    assert flash("sim_m4", "--dry-run")["result"] == "nothing was changed"
    with devices.connect("sim_m4") as device:
        assert device.facts().files == ("main.py",)
    result = flash("-d", "sim_m4")
    assert result["version"] == [1, 25, 0] and result["device"] == "sim_m4"
    with devices.connect("sim_m4") as device:
        assert device.facts().files == ()
    assert "--file for sim_m4" in flash("sim_m4", "--file", tmp_path)["error"]["found"]
