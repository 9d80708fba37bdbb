# SPDX-License-Identifier: Apache-2.0
"""What `mip` installs, a driver alone or all, and what a manifest freezes: nothing is missing, nothing is too much."""

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from auscult.sensors import CHIPS, SLOW
from auscult_host import toolchain
from auscult_host.simulator import SimBoard

from . import FIRMWARE
from .listener import signal

FILES = {file.relative_to(FIRMWARE).as_posix() for file in (FIRMWARE / "auscult").rglob("*.py")}
ONE_CHIP = {name: [name] for name in [*CHIPS, *SLOW]}
PACKAGES = {**ONE_CHIP, "sensors": sorted(ONE_CHIP), "package": [*sorted(ONE_CHIP), "node"]}


def files_of(package: str) -> list[str]:
    """Files that a package puts on the board, each from where it lies here."""
    urls = json.loads((FIRMWARE / f"{package}.json").read_text())["urls"]
    assert all(to == url for to, url in urls)
    return [url for _, url in urls]


def test_there_is_a_package_for_each_chip_and_one_for_all() -> None:
    """That the files are up to date is checked with the pages (tests/unit/test_project.py)."""
    assert {file.stem for file in FIRMWARE.glob("*.json")} == {*PACKAGES, "virtual"}
    assert {*files_of("package"), *files_of("virtual")} == FILES
    assert not [file for file in files_of("package") if "virtual" in file]


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_no_driver_needs_more_than_its_package(package: str, tmp_path: Path) -> None:
    """MicroPython's unix port, with these files and no others: they are imported, and every driver looks for its chip."""
    program = toolchain.unix_micropython()
    for file in files_of(package):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FIRMWARE / file, tmp_path / file)
    frozen = toolchain.micropython_dir() / "extmod"  # asyncio, which every board has
    done = subprocess.run([str(program), str(Path(__file__).parent / "run_package.py"), *PACKAGES[package]],
                          env={**os.environ, "MICROPYPATH": f"{tmp_path}:{frozen}"}, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == PACKAGES[package]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Address of the firmware folder on a web server of this PC."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(FIRMWARE))) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


def install(board: SimBoard, package: str) -> None:
    done = subprocess.run([sys.executable, "-m", "mpremote", "connect", board.port, "mip", "install", package],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mpremote_mip_installs_one_driver(server: str, tmp_path: Path) -> None:
    """From the web, and the virtual chips from the checkout; then samples arrive on the simulated board."""
    words = signal(200)
    (tmp_path / "words").write_bytes(words.tobytes())
    with SimBoard("sim_m4", deterministic=True) as board:
        install(board, f"{server}/lis3dh.json")
        listed = board.exec(
            "import os\n"
            "def walk(path):\n"
            "    for name, kind, *_ in os.ilistdir(path):\n"
            "        walk(path + '/' + name) if kind == 0x4000 else print((path + '/' + name)[5:])\n"
            "walk('/lib')")
        assert sorted(listed.split()) == files_of("lis3dh")
        find = ("from machine import I2C\nfrom auscult.sensors import driver\nfrom auscult.sensors.bus import I2CBus\n"
                "bus = I2CBus(I2C(1), 0x18)\n")
        said = board.exec(find + "try: driver('lis3dh')(bus)\nexcept OSError as error: print(error)")
        assert said.startswith("no LIS3DH at 0x18 on I2C(1): check wiring, power and address pins")
        said = board.exec("try: driver('kx134')\nexcept ImportError as error: print(error)")
        assert said.startswith("the driver of kx134 is not installed: copy auscult/sensors/kx134.py")
        install(board, str(FIRMWARE / "virtual.json"))
        said = board.exec(
            "import simboard, time\nfrom auscult.virtual.lis3dh import LIS3DH as Chip\n"
            "from auscult.virtual.recording import Recording\n"
            f"chip = Chip(Recording(simboard.host_open({str(tmp_path / 'words')!r}, 'rb')))\n"
            "simboard.attach_i2c(1, 0x18, chip)\n" + find +
            "sensor = driver('lis3dh')(bus)\nsensor.configure(400)\nsensor.start()\nblock = sensor.block()\n"
            "time.sleep_ms(50)\nn = sensor.read_fifo_into(block)\nprint(n, block.data[: 6 * n].hex())")
        n, data = said.split()
        assert 18 <= int(n) <= 20 and bytes.fromhex(data) == words.tobytes()[: 6 * int(n)]


def test_the_manifest_freezes_every_file() -> None:
    tool = toolchain.micropython_dir() / "tools" / "manifestfile.py"
    command = [sys.executable, str(tool), "--freeze", str(FIRMWARE / "manifest.py")]
    listed = toolchain.run(command, "reading the manifest")
    assert all(file in listed for file in FILES)
