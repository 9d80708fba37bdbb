# SPDX-License-Identifier: Apache-2.0
"""Bad input to the commands that talk to a board: one clear message, exit code 1, and the board's files as they were."""

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from auscult_host import bench_models, boardlink, build, cli, devices
from auscult_host.simulator import SimBoard

FIRST = devices.Port("/dev/ttyACM0", (0xF055, 0x9800), "3258", "Pyboard")
SECOND = devices.Port("/dev/ttyUSB0", (0x10C4, 0xEA60), "0001", "CP2102")
_FILES = """
import binascii, hashlib, json, os
def look(folder):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + '/' + name
        if kind == 0x4000:
            yield path, ''
            yield from look(path)
        else:
            digest = hashlib.sha256()
            with open(path, 'rb') as file:
                while data := file.read(512):
                    digest.update(data)
            yield path, binascii.hexlify(digest.digest()).decode()
print(json.dumps(list(look(''))))
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For sim_m4."""
    trained, _ = bench_models.machine()
    return build.bundle(trained.spec, tmp_path_factory.mktemp("bundle") / "good", ["armv7emsp"], trained.code())


@pytest.fixture(scope="module")
def running() -> Iterator[SimBoard]:
    """A board that is reached over its port, as a real one is, and runs a program of somebody else's."""
    with SimBoard("sim_m4") as board:
        board.put_bytes(b"1,2,3\n", "/data/log.csv")
        board.put_bytes(b"import time\nwhile True:\n    print('counting')\n    time.sleep_ms(50)\n", "/main.py")
        yield board


@pytest.fixture
def board(running: SimBoard) -> Iterator[SimBoard]:
    """Its main.py runs; whatever a test does, its files stay as they are."""
    before = running.exec(_FILES)
    running.hard_reset()
    assert any("counting" in line for line in running.lines(10))
    yield running
    assert running.exec(_FILES) == before


@pytest.fixture
def calls(bundle: Path, tmp_path: Path) -> dict[str, list[str]]:
    """Each command, as it would do no harm."""
    (tmp_path / "script.py").write_text("print(1)\n")
    return {"deploy": [str(bundle)], "monitor": ["--seconds", "1"], "run": [str(tmp_path / "script.py")], "files": ["ls"],
            "record": ["--out", str(tmp_path / "recordings"), "--label", "normal", "--seconds", "1"]}


COMMANDS = ["deploy", "monitor", "run", "files", "record"]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that fails as it should: one error that says what to do next, on stderr, and exit code 1."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    said = capsys.readouterr()
    assert ended.value.code == 1, said
    assert said.err.count("error:") == 1 and "next:" in said.err and "Traceback" not in said.err + said.out, said
    return said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_no_board(command: str, calls: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch,
                  capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(devices, "ports", lambda: [])
    assert "no board is plugged in" in refused(capsys, command, *calls[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_two_boards_and_no_choice(command: str, calls: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch,
                                  capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(devices, "ports", lambda: [FIRST, SECOND])
    said = refused(capsys, command, *calls[command])
    assert "/dev/ttyACM0" in said and "/dev/ttyUSB0" in said and "--device" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_board_that_there_is_not(command: str, calls: dict[str, list[str]], tmp_path: Path,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    assert "no board 'sim_m5'" in refused(capsys, command, *calls[command], "--device", "sim_m5")
    assert "there is no port" in refused(capsys, command, *calls[command], "--device", str(tmp_path / "ttyACM3"))


@contextlib.contextmanager
def held(port: str, folder: Path) -> Iterator[None]:
    script = folder / "terminal.py"
    script.write_text("import serial, sys\nport = serial.Serial(sys.argv[1], exclusive=True)\n"
                      "print('held', flush=True)\ninput()\n")
    with subprocess.Popen([sys.executable, str(script), port], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin and other.stdout and other.stdout.readline() == b"held\n"
        yield
        other.stdin.write(b"\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_port_that_another_program_holds(command: str, board: SimBoard, calls: dict[str, list[str]], tmp_path: Path,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    with held(board.port, tmp_path):
        assert "terminal.py (process" in refused(capsys, command, *calls[command], "--device", board.port)


def test_a_board_that_runs_something_else_is_asked_and_goes_on(board: SimBoard, bundle: Path,
                                                               capsys: pytest.CaptureFixture[str]) -> None:
    """Its main.py is not replaced; it was interrupted for the question and starts again."""
    said = refused(capsys, "deploy", str(bundle), "--device", board.port)
    assert "a main.py of its own" in said and "--force" in said
    assert any("counting" in line for line in board.lines(10))


def other_board(bundle: Path) -> None:
    (bundle / "pipeline-armv7emsp.mpy").rename(bundle / "pipeline-rv32imc.mpy")
    _change(bundle, lambda manifest: manifest.update(files={"rv32imc": manifest["files"]["armv7emsp"] | {
        "file": "pipeline-rv32imc.mpy"}}))


def no_manifest(bundle: Path) -> None:
    (bundle / "manifest.json").unlink()


def cut_manifest(bundle: Path) -> None:
    file = bundle / "manifest.json"
    file.write_bytes(file.read_bytes()[:300])


def list_manifest(bundle: Path) -> None:
    (bundle / "manifest.json").write_text("[1, 2]")


def no_files(bundle: Path) -> None:
    _change(bundle, lambda manifest: manifest.pop("files"))


def names_of_files(bundle: Path) -> None:
    _change(bundle, lambda manifest: manifest.update(files={"armv7emsp": "pipeline-armv7emsp.mpy"}))


def odd_smoke(bundle: Path) -> None:
    _change(bundle, lambda manifest: manifest.pop("smoke"))


def cut_pipeline(bundle: Path) -> None:
    file = bundle / "pipeline-armv7emsp.mpy"
    file.write_bytes(file.read_bytes()[:-10])


def no_pipeline(bundle: Path) -> None:
    (bundle / "pipeline-armv7emsp.mpy").unlink()


def _change(bundle: Path, edit: Callable[[dict[str, object]], object]) -> None:
    file = bundle / "manifest.json"
    manifest = json.loads(file.read_text())
    edit(manifest)
    file.write_text(json.dumps(manifest))


@pytest.mark.parametrize(("spoil", "message"), [
    (other_board, "rv32imc"), (no_manifest, "is not a bundle"), (cut_manifest, "is not a bundle"),
    (list_manifest, "is not a bundle"), (no_files, "is not a bundle"), (names_of_files, "is not a bundle"),
    (odd_smoke, "no smoke test"), (cut_pipeline, "SHA-256"), (no_pipeline, "cannot be read")])
def test_a_bundle_that_is_none_for_this_board(spoil: Callable[[Path], None], message: str, board: SimBoard, bundle: Path,
                                              tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = Path(shutil.copytree(bundle, tmp_path / "wrong"))
    spoil(wrong)
    assert message in refused(capsys, "deploy", str(wrong), "--device", board.port, "--force")


@pytest.mark.parametrize(("content", "message"), [(None, "there is no file"), (b"no model at all", "model.joblib")])
def test_a_model_file_that_is_none(content: bytes | None, message: str, board: SimBoard, tmp_path: Path,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    if content is not None:
        (tmp_path / "model.joblib").write_bytes(content)
    assert message in refused(capsys, "deploy", str(tmp_path / "model.joblib"), "--device", board.port, "--force")


def test_firmware_older_than_the_abi(board: SimBoard, bundle: Path, monkeypatch: pytest.MonkeyPatch,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    """The board itself says so; there is no such firmware here."""
    older = boardlink._ABOUT.replace("getattr(i, '_mpy', 0)", "getattr(i, '_mpy', 0) & ~0x300 | 0x100")
    assert older != boardlink._ABOUT
    monkeypatch.setattr(boardlink, "_ABOUT", older)
    said = refused(capsys, "deploy", str(bundle), "--device", board.port, "--force")
    assert "version 6.1" in said and "auscult flash" in said


def test_a_configuration_that_the_node_would_not_take(board: SimBoard, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["--set", "scl"], ["--set", "no_such_key=1"], ["--chip", "lis9"], ["--bus", "can"], ["--k", "9"]):
        refused(capsys, "deploy", str(bundle), "--device", board.port, "--force", *wrong)


@pytest.fixture
def full(board: SimBoard) -> Iterator[SimBoard]:
    """Four blocks are free."""
    board.exec("""
import os
with open('/filler', 'wb') as file:
    block = bytes(os.statvfs('/')[0])
    while os.statvfs('/')[3] > 4:
        file.write(block)
""")
    yield board
    board.exec("import os\nos.remove('/filler')")


def test_a_full_file_system(full: SimBoard, bundle: Path, calls: dict[str, list[str]], tmp_path: Path,
                            capsys: pytest.CaptureFixture[str]) -> None:
    before = full.exec(_FILES)
    said = refused(capsys, "deploy", str(bundle), "--device", full.port, "--force")
    assert "bytes free" in said
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(100_000))
    assert "free" in refused(capsys, "files", "put", str(big), "--device", full.port)
    assert full.exec(_FILES) == before
