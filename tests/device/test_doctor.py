# SPDX-License-Identifier: Apache-2.0
"""`auscult devices` and `auscult doctor`: on simulated boards that something is wrong with, and on USB as Linux shows it."""

import dataclasses
import json
import os
import pty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from auscult_host import __version__, devices, doctor, usb
from auscult_host.commands.devices import devices as devices_command
from auscult_host.commands.doctor import doctor as doctor_command
from auscult_host.simulator import SimBoard

from . import FIRMWARE

Findings = dict[str, dict[str, str]]
FACTS = devices.Facts("micropython", (1, 25, 0), "NUCLEO-F446RE with STM32F446xx", "armv7emsp", 6, 3, 90_000, 40_000, 65_536,
                      auscult=__version__)


@pytest.fixture(autouse=True)
def flash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(devices, "flash_file", lambda name: tmp_path / f"{name}.flash")
    monkeypatch.setattr(devices, "ports", list)
    monkeypatch.setattr(usb, "plugged", list)
    return tmp_path / "sim_m4.flash"


@pytest.fixture
def examined(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[bool, Findings]]:
    def run(device: str | None = "sim_m4") -> tuple[bool, Findings]:
        """(whether it exits with 0, its findings about the board by subject)."""
        capsys.readouterr()
        well = True
        try:
            doctor_command(device, as_json=True)
        except typer.Exit as stop:
            well = stop.exit_code == 0
        result = json.loads(capsys.readouterr().out)
        assert result["ok"] == well
        return well, {row["what"]: row for row in result["findings"] if row["where"] != "this computer"}

    return run


def prepare(files: dict[str, bytes], code: str = "") -> None:
    with devices.connect("sim_m4") as board:
        for path, content in files.items():
            board.console.exec(f"import os\nfor part in {path.split('/')[:-1]!r}:\n try: os.mkdir(part); os.chdir(part)\n"
                               f" except OSError: os.chdir(part)\nos.chdir('/')\nf = open({path!r}, 'wb')\n"
                               f"f.write({content!r})\nf.close()")
        if code:
            board.console.exec(code)


NODE = json.dumps({"pipeline": "/pipeline.mpy", "sensor": {"chip": "lis3dh", "rate_hz": 400}}).encode()


def test_a_board_with_a_node_that_is_right(examined: Callable[..., tuple[bool, Findings]]) -> None:
    well, found = examined()
    assert well and found["package"]["next"] == found["node"]["next"] == "auscult deploy"
    prepare({"lib/auscult/__init__.py": (FIRMWARE / "auscult" / "__init__.py").read_bytes(), "auscult.json": NODE,
             "pipeline.mpy": bytes([ord("M"), 6, 7 << 2 | 3, 31])})
    well, found = examined()
    assert well and {row["level"] for row in found.values()} == {"ok"}
    assert "armv7emsp" in found["pipeline"]["found"] and "lis3dh" in found["node"]["found"]


@pytest.mark.parametrize(("files", "what", "said", "step"), [
    ({"lib/auscult/__init__.py": b"__version__ = '0.0.1'"}, "package", f"auscult 0.0.1, here is {__version__}", "auscult deploy"),
    ({"lib/auscult/__init__.py": b"1 +"}, "package", "damaged", "auscult deploy"),
    ({"auscult.json": NODE[:-5]}, "node", "/auscult.json is not JSON, it may be cut short", "mend"),
    ({"auscult.json": NODE.replace(b"400", b"401")}, "node", "sensor.rate_hz is 401", "mend"),
    ({"auscult.json": NODE}, "pipeline", "/pipeline.mpy is not there", "auscult deploy"),
    ({"auscult.json": NODE, "pipeline.mpy": bytes([ord("M"), 6, 4 << 2 | 3, 31])}, "pipeline",
     "for armv6m with .mpy 6.3, the board loads armv7emsp", "auscult deploy"),
    ({"auscult.json": NODE, "pipeline.mpy": b"\0\0\0\0"}, "pipeline", "is no module", "auscult deploy"),
])
def test_what_is_wrong_is_told_with_the_next_step(files: dict[str, bytes], what: str, said: str, step: str,
                                                  examined: Callable[..., tuple[bool, Findings]]) -> None:
    prepare(files)
    well, found = examined()
    assert not well and found[what]["level"] == "wrong"
    assert said in found[what]["found"] and step in found[what]["next"]


def test_a_full_file_system_and_a_deploy_that_was_rolled_back(examined: Callable[..., tuple[bool, Findings]]) -> None:
    prepare({"auscult_slots.py": (FIRMWARE / "auscult" / "slots.py").read_bytes()},
            "import auscult_slots as s\nr = s.load()\nr.update({'app': 'app_a', 'model': 'model_a'})\ns.save(r)\n"
            "s.switch('app_b', 'model_b')\ns.back(s.load(), 'no samples came')\n"
            "import os\nos.mkdir('model_a')\n"
            f"with open('model_a/auscult.json', 'wb') as f: f.write({NODE.replace(b'/pipeline', b'pipeline')!r})\n"
            "try:\n while True:\n  with open('big', 'ab') as f: f.write(bytes(4096))\nexcept OSError: pass")
    well, found = examined()
    assert not well
    assert found["files"]["level"] == "wrong" and "auscult files" in found["files"]["next"]
    assert found["last deploy"]["level"] == "wrong" and "no samples came" in found["last deploy"]["found"]
    assert "/model_a/auscult.json" in found["node"]["found"] and found["node"]["level"] == "ok"
    assert found["pipeline"]["found"] == "/model_a/pipeline.mpy is not there"


def test_a_board_on_a_cable_goes_on_with_its_program(examined: Callable[..., tuple[bool, Findings]]) -> None:
    with SimBoard("sim_m4") as board:
        board.put_bytes(b"import time\nwhile True:\n    print('turn')\n    time.sleep_ms(20)\n", "/main.py")
        board.hard_reset()
        well, found = examined(board.port)
        assert well and "its program was interrupted" in found["answers"]["found"]
        assert "turn" in board.lines(10)


def test_no_board_and_a_silent_port(examined: Callable[..., tuple[bool, Findings]], tmp_path: Path) -> None:
    well, found = examined(None)
    assert not well and "sim_m4" in found["boards"]["next"]
    well, found = examined(str(tmp_path / "ttyACM0"))
    assert not well and "there is no port" in found["answers"]["found"]


def test_a_port_without_micropython_behind_it(examined: Callable[..., tuple[bool, Findings]], monkeypatch: pytest.MonkeyPatch
                                              ) -> None:
    master, slave = pty.openpty()
    monkeypatch.setattr(devices, "ports", lambda: [devices.Port(os.ttyname(slave), (0x303A, 0x4001))])
    try:
        well, found = examined(os.ttyname(slave))
        assert not well and "nothing answers" in found["answers"]["found"]
        assert "auscult flash ESP32_GENERIC_S3" in found["answers"]["next"]
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize(("changes", "claimed", "what", "level", "said"), [
    ({}, ["NUCLEO_F446RE"], "architecture", "ok", "armv7emsp, as NUCLEO_F446RE"),
    ({"arch": "armv6m"}, ["NUCLEO_F446RE", "NUCLEO_F411RE"], "architecture", "wrong", "USB says that it is NUCLEO_F446RE or"),
    ({"arch": ""}, [], "architecture", "note", "no native modules"),
    ({"version": (1, 22, 2)}, [], "interpreter", "wrong", "1.22.2, older than 1.23"),
    ({"mpy_version": 7, "mpy_abi": 1}, [], "interpreter", "wrong", "loads .mpy 7.1"),
    ({"implementation": "circuitpython", "arch": ""}, [], "interpreter", "note", "circuitpython 1.25.0"),
    ({"heap_free": 40_000}, [], "heap", "note", "the node alone takes 52 KiB"),
    ({"disk_total": 0}, [], "files", "wrong", "no file system"),
    ({"slots": {"app": "app_a", "model": "model_a", "trial": {"app": "app_b", "model": "model_a"}}}, [], "last deploy", "note",
     "app_b and model_a are on trial"),
])
def test_what_a_boards_answer_means(changes: dict[str, Any], claimed: list[str], what: str, level: str, said: str) -> None:
    found = {finding.what: finding for finding in doctor.judged(dataclasses.replace(FACTS, **changes), claimed)}
    assert found[what].level == level and said in found[what].found
    assert bool(found[what].next) == (level != "ok")


def test_a_bundle_without_the_boards_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, held in (("one.bundle", {"armv6m": "pipeline-armv6m.mpy"}), ("other.bundle", {"portable": "pipeline.py"})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps({"files": held}))
    found = [finding for finding in doctor.judged(FACTS, []) if finding.what == "bundle"]
    assert len(found) == 1 and "one.bundle has no module for armv7emsp" in found[0].found


@pytest.fixture
def sysfs(tmp_path: Path) -> Iterator[Path]:
    """/sys/bus/usb/devices with a hub, a mouse, an STM32 in its boot loader and a Nucleo."""
    folder = tmp_path / "devices"
    for name, vid, pid, product in (("usb1", "1d6b", "0002", "xHCI Host Controller"), ("1-1", "046d", "c077", "Mouse"),
                                    ("1-2", "0483", "df11", "STM32  BOOTLOADER"), ("1-3", "0483", "374b", "STM32 STLink")):
        (folder / name).mkdir(parents=True)
        for file, text in (("idVendor", vid), ("idProduct", pid), ("product", product), ("serial", f"serial of {name}")):
            (folder / name / file).write_text(text + "\n")
    (folder / "1-3:1.0").mkdir()
    yield folder


def test_boards_without_micropython_are_seen(sysfs: Path, monkeypatch: pytest.MonkeyPatch,
                                             examined: Callable[..., tuple[bool, Findings]]) -> None:
    monkeypatch.undo()
    seen = usb.plugged(sysfs)
    assert [(one.ids, one.role, one.serial) for one in seen] == [("0483:374b", "console", "serial of 1-3"),
                                                                 ("0483:df11", "bootloader", "serial of 1-2")]
    assert "NUCLEO_F446RE" in seen[0].boards and "PYBV11" in seen[1].boards
    monkeypatch.setattr(devices, "ports", list)
    monkeypatch.setattr(usb, "plugged", lambda: seen)
    well, found = examined(None)
    assert not well and "0483:df11 ST's boot loader" in found["a board without MicroPython"]["found"]
    assert found["a board without MicroPython"]["next"] == "auscult flash BOARD"


def test_boards_are_listed_by_their_usb_ids(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
                                            flash: Path) -> None:
    monkeypatch.setattr(devices, "ports", lambda: [devices.Port("/dev/no_such_port", (0x2E8A, 5), "e660", "Board in FS mode")])
    prepare({"kept": b"1"})
    rows = {row["device"]: row for row in devices_command(ask=True, as_json=True)}
    assert json.loads(capsys.readouterr().out) == list(rows.values())
    pico = rows["/dev/no_such_port"]
    assert pico["boards"] == ["RPI_PICO", "RPI_PICO_W"] and pico["usb"] == "2e8a:0005" and pico["serial"] == "e660"
    assert "there is no port" in pico["error"]["found"]
    assert rows["sim_m4"]["simulated"] and rows["sim_m4"]["files_kib"] and not rows["sim_m0"]["files_kib"]
    assert not {row["device"]: row for row in devices_command(forget="sim_m4", as_json=True)}["sim_m4"]["files_kib"]
    assert not flash.exists()
    devices_command()
    text = capsys.readouterr()
    assert "RPI_PICO" in text.out and "sim_rv32" in text.out and "auscult doctor" in text.err
