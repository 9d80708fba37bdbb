# SPDX-License-Identifier: Apache-2.0
"""board.toml, the build and the `boards` command: what is accepted, and what is said otherwise."""

import json
import os
import shutil
from pathlib import Path

import pytest
from auscult_host import boards, cli, micropython, paths, toolchain
from auscult_host.errors import AuscultError
from auscult_host.simulator import SimBoard


def test_all_five_are_there() -> None:
    assert {name: boards.load(name).arch for name in boards.names() if name.startswith("sim_")} == {
        "sim_m0": "armv6m", "sim_m3": "armv7m", "sim_m4": "armv7emsp", "sim_m7": "armv7emdp", "sim_rv32": "rv32imc"}


@pytest.mark.parametrize(("change", "found", "expected"), [
    (("pins = 32", "pins = 32\npinz = 3"), "unknown key `pinz`", "pins"),
    (("[qemu]", "[qemu]\nspeed = 3"), "unknown key `qemu.speed`", "machine"),
    (("heap_kib = 256", ""), "key `heap_kib` is missing", ""),
    (('"armv7emsp"', '"armv8"'), "`arch` is 'armv8'", "armv7m"),
    (("heap_kib = 256", "heap_kib = -1"), "`heap_kib` is -1", "greater"),
    (("heap_kib = 256", "heap_kib ="), "board.toml", "TOML"),
    (("heap_kib = 256", 'heap_kib = 256\nname = "x"'), "unknown key `name`", ""),
])
def test_wrong_descriptions(tmp_path: Path, change: tuple[str, str], found: str, expected: str) -> None:
    text = (paths.assets() / "boards" / "sim_m4" / "board.toml").read_text()
    assert change[0] in text
    (tmp_path / "board.toml").write_text(text.replace(*change))
    with pytest.raises(AuscultError) as caught:
        boards.load("sim_m4", tmp_path)
    assert found in caught.value.found
    assert expected in caught.value.expected


def test_real_boards_are_described_but_not_booted() -> None:
    assert "NUCLEO_L476RG" in boards.names()
    assert boards.load("NUCLEO_L476RG").arch == "armv7emsp"
    assert all(name.startswith("sim_") for name in boards.simulated())
    with pytest.raises(AuscultError, match="NUCLEO_L476RG is a real board") as caught:
        SimBoard("NUCLEO_L476RG")
    assert "sim_m4" in caught.value.expected
    with pytest.raises(AuscultError, match="real board"):
        micropython.build_firmware("NUCLEO_L476RG", Path("nowhere"), Path("nowhere"))


@pytest.mark.parametrize(("change", "found", "expected"), [
    (("run_ma = 10.2", "run_ma = -1"), "`power.run_ma` is -1", "greater"),
    (("run_ma = 10.2", "run_ma = 10.2\nrun_mA = 1"), "unknown key `power.run_mA`", "run_ma"),
    (("run_ma = 10.2", ""), "key `power.run_ma` is missing", ""),
    (("arch =", "qpu = 1\narch ="), "unknown key `qpu`", "arch"),
])
def test_wrong_descriptions_of_real_boards(tmp_path: Path, change: tuple[str, str], found: str, expected: str) -> None:
    text = (paths.assets() / "boards" / "NUCLEO_L476RG" / "board.toml").read_text()
    assert change[0] in text
    (tmp_path / "board.toml").write_text(text.replace(*change))
    with pytest.raises(AuscultError) as caught:
        boards.load("NUCLEO_L476RG", tmp_path)
    assert found in caught.value.found
    assert expected in caught.value.expected


def test_unknown_board() -> None:
    with pytest.raises(AuscultError) as caught:
        SimBoard("sim_m5")
    assert "sim_m5" in caught.value.found
    assert "sim_m4" in caught.value.expected


def test_missing_programs_name_their_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without compiler or emulator on PATH."""
    firmware, source = toolchain.firmware("sim_rv32"), toolchain.micropython_dir()
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "make").symlink_to(shutil.which("make") or "")
    monkeypatch.setenv("PATH", str(bin_folder))
    with pytest.raises(AuscultError) as compiler:
        micropython.build_firmware("sim_rv32", source, tmp_path / "out")
    assert "gcc-riscv64-unknown-elf" in compiler.value.hint
    assert not (tmp_path / "out").exists()
    with pytest.raises(AuscultError) as emulator:
        SimBoard("sim_rv32", firmware=firmware)
    assert "qemu-system-misc" in emulator.value.hint


def test_path_with_a_space(tmp_path: Path) -> None:
    """Refused before any make, with the way out; nothing is left there."""
    source, out = toolchain.micropython_dir(), tmp_path / "my builds"
    for build in (lambda: micropython.build_firmware("sim_m3", source, out), lambda: micropython.build_mpy_cross(source, out),
                  lambda: micropython.build_unix(source, out)):
        with pytest.raises(AuscultError, match="my builds has a space in it") as caught:
            build()
        assert "AUSCULT_CACHE" in caught.value.hint
    assert not out.exists()


@pytest.mark.parametrize("name", ["a$b", "a#b", "a:b", "a%b", "it's", "tab\t", "wide\u3000space"])
def test_path_that_make_would_take_apart(name: str) -> None:
    with pytest.raises(AuscultError, match="make"):
        toolchain.check_path(Path("/home") / name)


@pytest.mark.parametrize("name", ["plain", "Grüße", "a-b_c+d.e,f=g@h~1"])
def test_path_for_make(name: str) -> None:
    toolchain.check_path(Path("/home") / name)


def test_failing_step_says_what_to_do() -> None:
    with pytest.raises(AuscultError, match="no such thing") as caught:
        toolchain.run(["sh", "-c", "echo no such thing; exit 3"], "a step")
    assert "a step failed (exit code 3)" in caught.value.found
    assert "run" in caught.value.hint


def _upstream(folder: Path) -> str:
    """A repository that has a tag v1.25.0; returns the tagged commit."""
    def git(*arguments: str) -> str:
        return toolchain.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], "git", folder)
    folder.mkdir()
    git("init", "-q")
    (folder / "README").write_text("upstream\n")
    git("add", ".")
    git("commit", "-q", "-m", "all: Bump version.")
    git("tag", "-a", "-m", "release", "v1.25.0")
    return git("rev-parse", "HEAD").strip()


@pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt-get")
def test_upstream_when_debian_has_it_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror out of reach is no end: git upstream is asked, and believed only if the commit is the known one."""
    commit = _upstream(tmp_path / "upstream")
    monkeypatch.setenv("AUSCULT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AUSCULT_MICROPYTHON", raising=False)
    monkeypatch.setattr(toolchain, "_debian_mirror", lambda: ((tmp_path / "no mirror").as_uri(), "/dev/null"))
    monkeypatch.setattr(toolchain, "UPSTREAM", (tmp_path / "upstream").as_uri())
    with pytest.raises(AuscultError, match=f"has commit {commit} as v1.25.0") as moved:
        toolchain.micropython_dir()
    assert moved.value.expected == "f498a16c7db6d4b2de200b3e0856528dfe0613c3"
    assert "Debian" in moved.value.found
    monkeypatch.setattr(toolchain, "_UPSTREAM_COMMIT", commit)
    assert (toolchain.micropython_dir() / "README").read_text() == "upstream\n"
    shutil.rmtree(tmp_path / "cache" / "micropython-1.25.0")
    monkeypatch.setattr(toolchain, "UPSTREAM", (tmp_path / "gone").as_uri())
    with pytest.raises(AuscultError, match="upstream failed") as gone:
        toolchain.micropython_dir()
    assert "network" in gone.value.hint
    assert not list((tmp_path / "cache").glob("*micropython-1.25.0/*"))


def test_bad_arguments() -> None:
    with pytest.raises(AuscultError, match="argument"):
        SimBoard("sim_m3", args={"a b": "c"})
    with pytest.raises(AuscultError, match="2000"):
        SimBoard("sim_m3", args={"long": "x" * 3000})


def test_firmware_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(AuscultError, match="no firmware at"):
        SimBoard("sim_m3", firmware=tmp_path / "absent.elf")


def test_build_with_a_user_c_module(tmp_path: Path) -> None:
    """A module of the caller's is linked in; the second build does nothing; a failing one leaves nothing behind."""
    source = toolchain.micropython_dir()
    before = _files(source)
    module = tmp_path / "extra"
    module.mkdir()
    (module / "micropython.mk").write_text("SRC_USERMOD_C += $(USERMOD_DIR)/extra.c\n")
    (module / "extra.c").write_text("""
#include "py/runtime.h"
static const mp_rom_map_elem_t table[] = { { MP_ROM_QSTR(MP_QSTR_answer), MP_ROM_INT(42) } };
static MP_DEFINE_CONST_DICT(globals, table);
const mp_obj_module_t extra_module = { .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&globals };
MP_REGISTER_MODULE(MP_QSTR_extra, extra_module);
""")
    out = tmp_path / "out"
    elf = micropython.build_firmware("sim_m3", source, out, user_c_modules=[module])
    with SimBoard("sim_m3", firmware=elf) as board:
        assert board.exec("import extra; print(extra.answer)") == "42\n"
    stamp = elf.stat().st_mtime_ns
    assert micropython.build_firmware("sim_m3", source, out, user_c_modules=[module]).stat().st_mtime_ns == stamp
    (module / "extra.c").write_text("this is no C\n")
    with pytest.raises(AuscultError, match="building the firmware of sim_m3"):
        micropython.build_firmware("sim_m3", source, out, user_c_modules=[module])
    assert sorted(file.name for file in out.iterdir()) == ["firmware.elf", "inputs.sha256", "lock"]
    assert elf.stat().st_mtime_ns == stamp  # the good one stays
    assert _files(source) == before, "the build left files in MicroPython's tree"
    with pytest.raises(AuscultError, match="not a user C module"):
        micropython.build_firmware("sim_m3", source, out, user_c_modules=[tmp_path])


def _files(folder: Path) -> set[str]:
    return {os.path.join(where, name) for where, _, names in os.walk(folder) for name in names
            if not name.endswith(".pyc")}


def test_command_lists_boards(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main(["boards", "--json"])
    assert not done.value.code
    listed = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in listed if row["name"].startswith("sim_")] == [
        "sim_m0", "sim_m3", "sim_m4", "sim_m7", "sim_rv32"]
    assert {row["name"] for row in listed if not row["simulated"]} >= {"NUCLEO_L476RG", "NUCLEO_F446RE"}
    with pytest.raises(SystemExit):
        cli.main(["boards"])
    assert "tried on hardware" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["boards", "sim_m4"])
    assert "armv7emsp" in capsys.readouterr().out
