# SPDX-License-Identifier: Apache-2.0
"""What the Renode suites are made of, without Renode: the images as MicroPython reads them, the programs on the board on
another simulator, and the robot files by a dry run. That Renode runs them is shown by `make renode` only."""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stand_in_renode
from auscult_host import boards, cli, paths, toolchain
from auscult_host.errors import AuscultError
from auscult_host.renode import fat_image, simulator
from auscult_host.simulator import SimBoard

ROOT = Path(__file__).resolve().parents[2]
SUITES = ROOT / "tests" / "renode"
COMMON = paths.assets() / "boards" / "renode_common"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What prepare.py makes."""
    spec = importlib.util.spec_from_file_location("prepare_renode", SUITES / "prepare.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    out = tmp_path_factory.mktemp("suites")
    module.main(out)
    return out


_LIST = """
import json, os, vfs
class Ram:
    def __init__(self, data): self.data = bytearray(data)
    def readblocks(self, n, buf, at=0): buf[:] = self.data[512 * n + at:512 * n + at + len(buf)]
    def writeblocks(self, n, buf, at=0): self.data[512 * n + at:512 * n + at + len(buf)] = buf
    def ioctl(self, op, arg): return {4: len(self.data) // 512, 5: 512}.get(op, 0)
import sys, hashlib, binascii
vfs.mount(vfs.VfsFat(Ram(open(sys.argv[1], "rb").read())), "/image")
found = {}
def walk(folder):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + "/" + name
        if kind == 0x4000:
            walk(path)
        else:
            with open(path, "rb") as f:
                found[path[7:]] = binascii.hexlify(hashlib.sha256(f.read()).digest()).decode()
walk("/image")
if sys.argv[2] == "write":
    with open("/image/added.txt", "w") as f: f.write("more")
    found["added.txt"] = open("/image/added.txt").read()
print(json.dumps(found))
"""


def _read(image: Path, tmp_path: Path, write: str = "read") -> dict[str, str]:
    """{path: SHA-256} as MicroPython's own FAT driver sees an image."""
    (tmp_path / "list.py").write_text(_LIST)
    done = subprocess.run([str(toolchain.unix_micropython()), str(tmp_path / "list.py"), str(image), write],
                          capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def test_image_as_micropython_reads_it(tmp_path: Path) -> None:
    contents = {"main.py": b"print(1)\n", "a/very_long_name_of_a_module.mpy": bytes(range(256)) * 5, "a/b/c.bin": b"x" * 512,
                "empty.txt": b"", "a/UPPER.py": b"2", "thirteen.char": b"13"}
    image = tmp_path / "x.img"
    image.write_bytes(fat_image.make(contents, 112))
    assert image.stat().st_size == 112 * 1024
    expected = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    assert _read(image, tmp_path) == expected
    assert _read(image, tmp_path, "write") == expected | {"added.txt": "more"}
    assert fat_image.make(contents, 112) == image.read_bytes()
    with pytest.raises(AuscultError, match="do not fit into the 64 KiB"):
        fat_image.make({"big": bytes(65000)}, 64)
    with pytest.raises(AuscultError, match="too many names"):
        fat_image.make({f"a long name {i}": b"" for i in range(40)}, 64)


def test_images_hold_what_a_board_needs(made: Path, tmp_path: Path) -> None:
    found = {image.stem: set(_read(image, tmp_path)) for image in made.glob("*.img")}
    assert set(found) == {"empty", "package", "verdict", "lis2dw12", "rollback", "used"}
    for name in ("verdict", "lis2dw12"):
        assert found[name] >= {"main.py", "auscult_slots.py", "slots.1", "app_a/auscult/node.mpy", "model_a/pipeline.mpy",
                               "model_a/auscult.json", "model_a/smoke.json", "app_a/auscult/sensors/lis2dw12.mpy"}
    assert not found["package"] & {"main.py", "model_a/pipeline.mpy"}
    assert found["rollback"] >= {"model_b/pipeline.mpy", "model_b/smoke.json"}


@pytest.fixture(scope="module")
def board() -> Iterator[SimBoard]:
    with SimBoard("sim_m4", deterministic=True) as sim:
        yield sim


def _boot(board: SimBoard, made: Path, image: str, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a board that boots with the files of an image."""
    stand_in_renode.boot(board, made / f"{image}.img", made / "recording.i16", tmp_path / image)
    for line in board.lines(60):
        if line.startswith("{"):
            yield json.loads(line)


def test_trials_are_confirmed_or_rolled_back(board: SimBoard, made: Path, tmp_path: Path) -> None:
    expected = json.loads((made / "expected.json").read_text())
    for image, key, says in (("verdict", "confirmed", "model_a"), ("rollback", "rolled_back", "smoke test differs"),
                             ("used", "rolled_back", "reset before it was healthy")):
        board.exec("import os\nfor name in ('slots.0', 'slots.1'):\n    try: os.remove('/' + name)\n    except OSError: pass")
        said = []
        for line in _boot(board, made, image, tmp_path):
            said.append(line)
            if "w" in line:
                break
        assert [line[key] for line in said if key in line and says in line[key]], said
        assert said[-1]["v"] == expected["verdicts"][0]
        assert len([line for line in said if "w" in line]) == 1


def test_scripts_include_what_is_there() -> None:
    for name in ("STM32F4DISC", "NUCLEO_F746ZG"):
        folder = boards.load(name).folder
        clock = boards.load_real(name).clock_hz or 0
        platform = (folder / "board.repl").read_text()
        assert f"PerformanceInMips: {clock // 1_000_000}" in platform
        assert f"frequency: {clock}" in platform
        for script in folder.glob("*.resc"):
            text = script.read_text()
            for included in re.findall(r"\$ORIGIN/(\S+)", text):
                assert (folder / included).is_file(), f"{script} includes {included}"
            assert set(re.findall(r"\$(\w+)", text)) <= {"ORIGIN", "firmware", "port", "pty", "reset"}
    named = "".join(file.read_text() for file in SUITES.glob("*.ro*"))
    for file in re.findall(r"\$\{(?:COMMON|CURDIR)\}/([\w.]+\.\w+)", named):
        assert (COMMON / file).is_file() or (SUITES / file).is_file(), file


# Renode's keywords that the suites use, with their arguments as in 1.16.1: a dry run checks calls against them.
_KEYWORDS = """
*** Keywords ***
Execute Command
    [Arguments]    ${command}    ${machine}=x
    RETURN    x
Create Terminal Tester
    [Arguments]    ${uart}    ${timeout}=1    ${machine}=x    ${endLineOption}=x    ${defaultPauseEmulation}=x
    ...    ${defaultWaitForEcho}=x
    No Operation
Write Char Delay
    [Arguments]    ${delay}
    No Operation
Wait For Line On Uart
    [Arguments]    ${content}    ${timeout}=1    ${testerId}=x    ${treatAsRegex}=x
    RETURN    x
Wait For Prompt On Uart
    [Arguments]    ${prompt}    ${testerId}=x    ${timeout}=1    ${treatAsRegex}=x
    RETURN    x
Write To Uart
    [Arguments]    ${content}
    No Operation
Write Line To Uart
    [Arguments]    ${content}=x
    No Operation
Send Key To Uart
    [Arguments]    ${c}
    No Operation
Clear Terminal Tester Report
    No Operation
Start Emulation
    No Operation
"""


def test_dry_run(tmp_path: Path) -> None:
    """Every keyword that is called is there and takes these arguments."""
    for file in (*SUITES.glob("*.robot"), *SUITES.glob("*.resource")):
        shutil.copy(file, tmp_path)
    resource = tmp_path / "board.resource"
    (tmp_path / "renode.resource").write_text(_KEYWORDS)
    resource.write_text(resource.read_text().replace("Library          Process\n",
                                                     "Library          Process\nResource    ${CURDIR}/renode.resource\n"))
    done = subprocess.run([sys.executable, "-m", "robot", "--dryrun", "--output", "NONE", "--log", "NONE", "--report", "NONE",
                           str(tmp_path)], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
    assert "10 tests, 10 passed" in done.stdout


def _renode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Puts a program in Renode's place, and an empty file in the firmware's."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "renode").write_text("#!/bin/sh\n" + program)
    (tmp_path / "renode").chmod(0o755)
    (tmp_path / "firmware.elf").write_bytes(b"")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("AUSCULT_RENODE_FIRMWARE", str(tmp_path / "firmware.elf"))


def test_renode_that_is_missing_or_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUSCULT_RENODE_FIRMWARE", raising=False)
    monkeypatch.setenv("AUSCULT_CACHE", str(tmp_path / "nothing"))
    with pytest.raises(AuscultError, match="no firmware for STM32F4DISC") as none:
        simulator.firmware()
    assert "docs/renode.md" in none.value.hint
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AuscultError, match="Renode is not installed") as missing:
        simulator.RenodeBoard({})
    assert "--simulator qemu" in missing.value.hint
    monkeypatch.undo()
    _renode(tmp_path / "bin", monkeypatch, "echo There was an error; exit 1\n")
    with pytest.raises(AuscultError, match="Renode ended: There was an error"):
        simulator.RenodeBoard({"main.py": b"pass\n"})


def test_script_for_the_monitor(tmp_path: Path) -> None:
    text = simulator.script(tmp_path, Path("/f.elf"), 100)
    said = text.splitlines()
    assert said[0] == "$firmware=@/f.elf"
    assert said[-1] == "start"
    for file in re.findall(r"@(/\S+\.(?:resc|py))", text):
        assert Path(file).is_file(), file
    assert "    sysbus WriteDoubleWord 0x7000002c 100" in said
    assert "emulation SetGlobalAdvanceImmediately true" in said
    assert "SetGlobal" not in simulator.script(tmp_path, Path("/f.elf"), 100, real_time=True)
    # the same commands, by which the suites make the same board
    suite = (SUITES / "board.resource").read_text() + (SUITES / "sensor.resc").read_text()
    for command in ("machine PyDevFromFile", "sysbus LoadBinary", "emulation SetGlobalAdvanceImmediately true", "macro reset"):
        assert command in text
        assert command in suite


def test_one_scenario_for_two_simulators(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                         capsys: pytest.CaptureFixture[str]) -> None:
    """The same file plays the same words, and the nodes say the same; another simulator is in Renode's place."""
    _renode(tmp_path / "bin", monkeypatch, f'exec "{sys.executable}" "{Path(stand_in_renode.__file__)}" "$@"\n')
    said = {}
    for name in ("qemu", "renode"):
        with pytest.raises(SystemExit) as done:
            cli.main(["simulate", str(made / "fault.toml"), "--simulator", name, "--json"])
        run, = json.loads(capsys.readouterr().out)["runs"]
        assert not done.value.code, run
        said[name] = [(line["w"], line["v"], line["s"]) for line in run["verdicts"]]
        assert (run["end"]["overruns"], run["end"]["dropped"]) == (0, 0)
        assert run["board"] == {"qemu": "sim_m4", "renode": "STM32F4DISC"}[name]
    assert said["qemu"] == said["renode"]
    assert [verdict for _, verdict, _ in said["qemu"]] == json.loads((made / "expected.json").read_text())["verdicts"]
