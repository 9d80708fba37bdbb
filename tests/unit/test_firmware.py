# SPDX-License-Identifier: Apache-2.0
"""`auscult firmware`: what it would run, what it refuses and what it names as missing. Nothing is compiled here, but where
AUSCULT_UPSTREAM names a checkout of MicroPython with its submodules."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from auscult_host import build, cli, firmware, toolchain
from auscult_host import micropython_ports as ports
from auscult_host.spec import PipelineSpec


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = PipelineSpec.make(name="press", window=64, hop=64, axes=["x"], features=["std.x", "kurtosis.x"], shifts=[0, 0])
    return build.bundle(spec, tmp_path_factory.mktemp("bundle") / "press.bundle", ["x64"])


def tree(folder: Path, port: str = "stm32", board: str = "NUCLEO_F446RE", version: tuple[int, int, int] = (1, 25, 0),
         makefile: str = "", settings: str = "") -> Path:
    """A checkout as far as it is looked at before the build; its Makefile does what is asked."""
    (folder / "py").mkdir(parents=True)
    (folder / "py" / "mpconfig.h").write_text("".join(
        f"#define MICROPY_VERSION_{part} {n}\n" for part, n in zip(("MAJOR", "MINOR", "MICRO"), version, strict=True)))
    place = folder / "ports" / port / "boards" / board
    place.mkdir(parents=True)
    (place / "mpconfigboard.h").write_text("#define MICROPY_HW_ENABLE_USB (1)\n")
    (place / "mpconfigboard.mk").write_text(settings)
    (place.parent.parent / "Makefile").write_text(makefile)
    for submodule in ("stm32lib/CMSIS", "micropython-lib/README.md"):
        (folder / "lib" / submodule).mkdir(parents=True)
    return folder


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, str]:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["firmware", *map(str, arguments), "--json"])
    assert exit_.value.code == 1
    error: dict[str, str] = json.loads(capsys.readouterr().out)["error"]
    return error


def dry_run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["firmware", *map(str, arguments), "--dry-run", "--json"])
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert exit_.value.code == (1 if result["missing"] else 0)
    return result


def test_a_dry_run_names_the_commands_of_each_port(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUSCULT_CACHE", str(tmp_path / "cache"))
    said = dry_run(capsys, "NUCLEO_F446RE", "--bundle", bundle)
    assert said["pipeline"] == "press" and said["port"] == "stm32" and not (tmp_path / "cache" / "upstream-1.25.0").exists()
    clone, submodules, make = said["commands"]
    assert clone.startswith("git clone") and "v1.25.0" in clone and submodules.endswith("BOARD=NUCLEO_F446RE submodules")
    assert make.count("/ports/stm32 ") == 1 and "usermods FROZEN" in make and str(tmp_path / "cache") in make
    # CMake's ports take one file, and boards go by MicroPython's name
    assert "usermods/micropython.cmake " in dry_run(capsys, "RPI_PICO", "--bundle", bundle)["commands"][-1]
    atom = dry_run(capsys, "M5STACK_ATOM", "--bundle", bundle)
    assert "ports/esp32 BOARD=M5STACK_ATOM" in atom["commands"][-1] and atom["frozen"].count("auscult/node.py") == 1
    if not shutil.which("idf.py"):
        assert [lack["found"] for lack in atom["missing"]] == ["idf.py is not installed"]
        assert "ESP-IDF" in atom["missing"][0]["hint"]


def test_ulab_is_linked_in_beside_the_pipeline(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ulab" / "code").mkdir(parents=True)
    for name in ("micropython.mk", "micropython.cmake", "ulab.h"):
        (tmp_path / "ulab" / "code" / name).touch()
    said = dry_run(capsys, "RPI_PICO", "--bundle", bundle, "--ulab", tmp_path / "ulab")
    pipeline, ulab = said["modules"]
    assert said["ulab"] and ulab == str(tmp_path / "ulab" / "code") and pipeline.endswith("press_static")
    checkout = tree(tmp_path / "mp", "rp2", "RPI_PICO")
    ports.write_inputs(ports.find("RPI_PICO", checkout), tmp_path / "work", [Path(pipeline), Path(ulab)], [], {})
    listed = (tmp_path / "work" / "usermods" / "micropython.cmake").read_text().splitlines()
    assert listed == [f"include({pipeline}/micropython.cmake)", f"include({ulab}/micropython.cmake)"]
    assert (tmp_path / "work" / "usermods" / "code" / "ulab.h").is_file()  # what the stm32 port takes


def test_only_the_drivers_that_are_named_are_frozen(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = dry_run(capsys, "NUCLEO_F446RE", "--bundle", bundle, "--chip", "lis3dh")["frozen"]
    assert "auscult/sensors/lis3dh.py" in files and "auscult/sensors/unpack_viper.py" in files
    assert not [file for file in files if "adxl" in file or "virtual" in file]
    whole = dry_run(capsys, "NUCLEO_F446RE")["frozen"]
    assert {"auscult/sensors/adxl345.py", "auscult/slots.py", "auscult/receiver.py"} <= set(whole)
    assert "auscult/sensors/circuitpython.py" not in whole and not [file for file in whole if "virtual" in file]
    assert "lis3dh" in refused(capsys, "NUCLEO_F446RE", "--chip", "lis3hd")["expected"]


def test_macros_are_set_in_a_copy_of_the_boards_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkout, folder = tree(tmp_path / "mp"), tmp_path / "work"
    folder.mkdir()
    target, macros = ports.find("NUCLEO_F446RE", checkout), {"MICROPY_HW_ENABLE_USB": "0"}
    ports.write_inputs(target, folder, [], ["auscult/port.py"], macros)
    text = (folder / "NUCLEO_F446RE" / "mpconfigboard.h").read_text()
    assert text.endswith("#undef MICROPY_HW_ENABLE_USB\n#define MICROPY_HW_ENABLE_USB 0\n")
    assert "#undef" not in (target.folder / "mpconfigboard.h").read_text()
    command = ports.command(target, folder, macros)
    assert f"BOARD_DIR={folder / 'NUCLEO_F446RE'}" in command and "BOARD=NUCLEO_F446RE" in command
    assert "NAME=VALUE" in refused(capsys, "NUCLEO_F446RE", "--define", "USB")["expected"]


@pytest.mark.parametrize(("settings", "manifest"), [
    ("", "ports/stm32/boards/manifest.py"),
    ("FROZEN_MANIFEST ?= boards/PYBV10/manifest.py\n", "ports/stm32/boards/PYBV10/manifest.py"),
    ("FROZEN_MANIFEST ?= $(BOARD_DIR)/manifest.py\n", "ports/stm32/boards/NUCLEO_F446RE/manifest.py"),
])
def test_what_the_board_freezes_stays_frozen(tmp_path: Path, settings: str, manifest: str) -> None:
    checkout = tree(tmp_path / "mp", settings=settings)
    ports.write_inputs(ports.find("NUCLEO_F446RE", checkout), tmp_path / "work", [], ["auscult/port.py"], {})
    text = (tmp_path / "work" / "manifest.py").read_text()
    assert text.startswith(f"include('{checkout / manifest}')\n") and "module('auscult/port.py'" in text


def test_other_drivers_are_frozen_anew(tmp_path: Path) -> None:
    """MicroPython's makemanifest.py would keep what is newer than all files that are listed now."""
    target, made = ports.find("NUCLEO_F446RE", tree(tmp_path / "mp")), tmp_path / "work" / "objects" / "frozen_content.c"
    ports.write_inputs(target, tmp_path / "work", [], ["auscult/port.py"], {})
    made.parent.mkdir()
    made.touch()
    ports.write_inputs(target, tmp_path / "work", [], ["auscult/port.py"], {})
    assert made.exists()
    ports.write_inputs(target, tmp_path / "work", [], ["auscult/port.py", "auscult/node.py"], {})
    assert not made.exists()


def test_what_is_no_checkout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a checkout of MicroPython" in refused(capsys, "NUCLEO_F446RE", "--micropython", tmp_path)["found"]
    old = tree(tmp_path / "old", version=(1, 22, 2))
    error = refused(capsys, "NUCLEO_F446RE", "--micropython", old)
    assert "1.22.2" in error["found"] and "1.23" in error["expected"]
    assert "NUCLEO_F446RE" in refused(capsys, "NUCLEO_F447RE", "--micropython", tree(tmp_path / "mp"))["expected"]
    assert "nrf" in refused(capsys, "ARDUINO_NANO_33_BLE_SENSE")["found"]
    assert "is not a checkout of micropython-ulab" in refused(capsys, "NUCLEO_F446RE", "--ulab", tmp_path)["found"]


def test_missing_submodules_are_named_with_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """MicroPython's own tree, as Debian packs it: without stm32lib and micropython-lib."""
    error = refused(capsys, "NUCLEO_F446RE", "--micropython", toolchain.micropython_dir())
    assert "lacks lib/stm32lib, lib/micropython-lib" in error["found"]
    assert error["hint"].startswith("run make -C ") and error["hint"].endswith("BOARD=NUCLEO_F446RE submodules")
    wireless = tree(tmp_path / "mp", settings="MICROPY_BLUETOOTH_NIMBLE = 1\nMICROPY_PY_LWIP = 0\n")
    assert refused(capsys, "NUCLEO_F446RE", "--micropython", wireless)["found"].endswith("lacks lib/mynewt-nimble")


def test_a_missing_compiler_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = refused(capsys, "NUCLEO_F446RE", "--micropython", tree(tmp_path / "mp"))
    assert error["found"] == "make is not installed"


def test_what_is_no_bundle_is_refused(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is not a bundle" in refused(capsys, "sim_m4", "--bundle", tmp_path)["found"]
    broken = shutil.copytree(bundle, tmp_path / "broken")
    (broken / "pipeline.c").unlink()
    assert "has no pipeline.c" in refused(capsys, "sim_m4", "--bundle", broken)["found"]
    manifest = json.loads((bundle / "manifest.json").read_text())
    shutil.copy(bundle / "pipeline.c", broken)
    (broken / "manifest.json").write_text(json.dumps(manifest | {"auscult": "0.0.9"}))
    assert "was built by Auscult 0.0.9" in refused(capsys, "sim_m4", "--bundle", broken)["found"]
    (broken / "manifest.json").write_text("[]")
    assert "is not a bundle" in refused(capsys, "sim_m4", "--bundle", broken)["found"]
    (broken / "pipeline.c").rename(broken / "model.c")
    assert "is a model alone" in refused(capsys, "sim_m4", "--bundle", broken)["found"]
    assert "is not a bundle" in refused(capsys, "sim_m4", "--bundle", tmp_path / "none")["found"]


def test_a_pipeline_must_not_have_the_name_of_a_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = PipelineSpec.make(name="machine", window=64, hop=64, axes=["x"], features=["std.x"], shifts=[0])
    clash = build.bundle(spec, tmp_path / "machine.bundle", ["x64"])
    assert "the pipeline is called machine" in refused(capsys, "sim_m4", "--bundle", clash)["found"]


def test_only_a_firmwares_folder_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    assert "is not a firmware's folder" in refused(capsys, "NUCLEO_F446RE", "--out", tmp_path / "mine")["found"]
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


@pytest.mark.parametrize(("says", "found"), [
    ("region \\`FLASH_TEXT' overflowed by 12345 bytes", "12,345 bytes too big for FLASH_TEXT"),
    ("app partition is too small for binary micropython.bin size 0x1f0010 (overflow 0x10)", "16 bytes too big"),
    ("main.c:1: error: unknown type name", "error: unknown type name"),
    ("new_delete.cpp:11:10: fatal error: cstdlib: No such file or directory", "the compiler has no C++ library"),
    ("fatal error: ../../lib/lwip/src/include/lwip/init.h: No such file or directory", "lacks lib/lwip"),
])
def test_a_failed_build_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                 says: str, found: str) -> None:
    cross = toolchain.mpy_cross()
    monkeypatch.setenv("AUSCULT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(toolchain, "mpy_cross", lambda: cross)
    checkout = tree(tmp_path / "mp", makefile=f'all:\n\t@echo "{says}"; exit 1\n')
    assert found in refused(capsys, "NUCLEO_F446RE", "--micropython", checkout, "--out", tmp_path / "out")["found"]
    assert not (tmp_path / "out").exists()


def test_a_real_board(bundle: Path, tmp_path: Path) -> None:
    """Takes minutes, and a checkout with submodules: where there is one."""
    checkout = os.environ.get("AUSCULT_UPSTREAM")
    if not checkout:
        pytest.skip("AUSCULT_UPSTREAM does not name a checkout of MicroPython with the submodules of its stm32 port")
    made = firmware.make(firmware.Wanted("NUCLEO_F446RE", bundle, Path(checkout), chips=["lis3dh"]), tmp_path / "out")
    assert made["images"]["firmware.hex"]["bytes"] and made["flash_bytes"] < 512 * 1024 - 64 * 1024
    symbols = (tmp_path / "out" / "firmware.elf").read_bytes()
    assert b"aus_press_module" in symbols and b"auscult/sensors/lis3dh.py" in symbols and b"lsm6dso.py" not in symbols
