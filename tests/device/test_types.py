# SPDX-License-Identifier: Apache-2.0
"""Type stubs of the device package (host_tools/auscult-stubs): they say what the code has, and editors find mistakes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from . import FIRMWARE
from .test_stubs import stubs as board_stubs  # noqa: F401

STUBS = FIRMWARE.parent / "host_tools" / "auscult-stubs"
# Parts of the node that nobody calls from outside, virtual chips, machine code.
WITHOUT = r"auscult\.(busio_parts|decision|extra|frames|pipeline|receiver|report|slots|smoke|virtual.*|.*_viper)"
# Of an Accelerometer the stub has what only its drivers define, so that code for any chip can be checked.
DRIVERS_DEFINE = r"auscult\.sensors\.accelerometer\.Accelerometer\.(start|stop|level|_configure|_excite)"
# Protocols are of the stubs alone.
STUBS_ALONE = r"auscult\.(port\.Clock|sampler\.Pipeline|sensors\.bus\.(Machine|Busio).*|sensors\.bus\.DigitalInOut)"

RIGHT = """
from math import sqrt
from auscult.sensors import CHIPS, driver
from auscult.sensors.accelerometer import Accelerometer
from auscult.sensors.bus import I2CBus, SensorError, SPIBus
from {module} import {kinds}

def rms(sensor: Accelerometer) -> float:
    block = sensor.block()
    n = sensor.read_fifo_into(block)
    return sqrt(sum(word * word for word in block.first[n].cast("h"))) * sensor.scale

def main(i2c: {i2c}, spi: {spi}, cs: {cs}) -> None:
    sensor = driver("lis3dh")(I2CBus(i2c, 0x18))
    try:
        sensor.configure(400, range_g=4, watermark=20, axes="xz")
        sensor.start()
    except SensorError as error:
        print(error)
    print(rms(sensor), sensor.overruns + 1, sensor.temperature_c() / 2)
    weather = driver("bme280")(SPIBus(spi, cs))
    print(weather.measure()["pressure_pa"] / 100)
    for name in CHIPS:
        print(driver(name).RATES_HZ)
"""
# code -> what mypy must say of it
WRONG = {
    "driver('lis3dh')(0x18)": "incompatible type",
    "driver('lis3dh')(bus).configure('fast')": "incompatible type",
    "driver('lis3dh')(bus).read_fifo_into(bytearray(192))": "incompatible type",
    "driver('adxl345')(bus).temperature_c()": 'no attribute "temperature_c"',
    "driver('tmp117')(bus).read_fifo_into": 'no attribute "read_fifo_into"',
    "driver('sht4x')(bus).read_into(bytearray(8))": "incompatible type",
    "bus.read('WHO_AM_I')": "incompatible type",
    "I2CBus(3, 0x18)": "incompatible type",
}


def stub_path(folder: Path) -> Path:
    """The stubs where mypy finds them without being installed."""
    shutil.copytree(STUBS, folder / "auscult", ignore=shutil.ignore_patterns("py.typed"))
    return folder


def mypy(tool: str, *arguments: str, path: list[Path], python: Path | None = None) -> str:
    done = subprocess.run([sys.executable, "-m", tool, *arguments], capture_output=True, text=True, check=False,
                          env={**os.environ, "MYPYPATH": ":".join(map(str, path)), "PYTHONPATH": str(python or "")})
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def stubtest(folder: Path) -> str:
    (folder / "allowed").write_text(f"{WITHOUT}\n{DRIVERS_DEFINE}\n{STUBS_ALONE}\n")
    return mypy("mypy.stubtest", "--concise", "--allowlist", str(folder / "allowed"), "auscult", path=[folder], python=FIRMWARE)


def check(folder: Path, code: str, *path: Path) -> list[str]:
    (folder / "user.py").write_text(code)
    said = mypy("mypy", "--strict", "--no-error-summary", "--no-site-packages", "--config-file=",
                "--cache-dir", str(folder / "cache"), str(folder / "user.py"), path=[folder, *path])
    return [line for line in said.splitlines() if "user.py" in line]


def test_the_stubs_say_what_the_code_has(tmp_path: Path) -> None:
    assert stubtest(stub_path(tmp_path)) == ""


def test_what_differs_is_found(tmp_path: Path) -> None:
    stub_path(tmp_path)
    stub = tmp_path / "auscult" / "sensors" / "lis3dh.pyi"
    stub.write_text(stub.read_text().replace("threshold_g", "limit_g").replace("moved", "has_moved"))
    said = stubtest(tmp_path)
    for what in ("LIS3DH.wake_on_motion", "LIS3DH.has_moved", "LIS3DH.moved"):
        assert f"auscult.sensors.lis3dh.{what} " in said


@pytest.mark.parametrize("port", ["stm32", "circuitpython"])
def test_a_users_code_is_right_on_either_python(board_stubs: Path, tmp_path: Path, port: str) -> None:  # noqa: F811
    stub_path(tmp_path)
    if port == "circuitpython":
        for stub in (board_stubs / port).glob("*-stubs"):
            shutil.copytree(stub, tmp_path / stub.name.removesuffix("-stubs"))
        code = RIGHT.format(module="busio", kinds="I2C, SPI\nfrom digitalio import DigitalInOut", i2c="I2C", spi="SPI",
                            cs="DigitalInOut")
    else:
        # MicroPython's stubs bring a standard library of their own, for which no code here is meant.
        for name in ("machine.pyi",):
            shutil.copy(board_stubs / port / name, tmp_path)
        code = RIGHT.format(module="machine", kinds="I2C, SPI, Pin", i2c="I2C", spi="SPI", cs="Pin")
    assert check(tmp_path, code) == []


def test_a_users_mistakes_are_found(tmp_path: Path) -> None:
    stub_path(tmp_path)
    head = ("from auscult.sensors import driver\nfrom auscult.sensors.bus import I2CBus, MachineI2C\n"
            "def main(bus: I2CBus) -> None:\n")
    said = check(tmp_path, head + "".join(f"    {code}\n" for code in WRONG))
    assert len(said) == len(WRONG)
    for line, (code, what) in zip(said, WRONG.items(), strict=True):
        assert what in line, (code, line)
