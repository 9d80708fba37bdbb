# SPDX-License-Identifier: Apache-2.0
"""docs/sensors.md: its examples run, its error texts are the real ones, and what it says of others' drivers is so.
Its tables are checked with the other pages (tests/unit/test_project.py)."""

import io
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auscult.sensors import CHIPS, driver
from auscult.sensors.bus import I2CBus, SPIBus
from auscult.virtual.bus import I2C, SPI, Pin
from auscult.virtual.clock import VirtualClock
from auscult.virtual.lis3dh import LIS3DH
from auscult.virtual.recording import Recording
from auscult_host.simulator import SimBoard

from device import blinka
from device.bench_chip import Bench

from . import FIRMWARE
from .listener import signal

DOCS = FIRMWARE.parent / "docs"
PAGE = (DOCS / "sensors.md").read_text()
MICROPYTHON, BUSIO, SAMPLER, SLOW_SENSOR = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

ATTACH = """
import simboard
from auscult.virtual.lis3dh import LIS3DH as Virtual
from auscult.virtual.bme280 import BME280 as VirtualBME280
from auscult.virtual.recording import Recording
chip = Virtual(Recording(simboard.host_open({words!r}, "rb")))
slot = simboard.attach_i2c(1, 0x18, chip)
chip.alarm = lambda at_us: simboard.alarm(slot, at_us)
chip.drive = lambda level: simboard.drive(7, level)
simboard.attach_i2c(1, 0x76, VirtualBME280())
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """run(code) -> what it prints on a simulated board with a LIS3DH and a BME280 on its bus."""
    words = tmp_path_factory.mktemp("page") / "words"
    words.write_bytes(signal(20000).tobytes())
    with SimBoard("sim_m4", deterministic=True) as board:
        board.put(FIRMWARE / "auscult", "/lib/auscult")
        yield lambda code: board.exec(ATTACH.format(words=str(words)) + code, timeout_s=120)


def test_the_first_example(run: Callable[[str], str]) -> None:
    got = np.array([line.split() for line in run(MICROPYTHON).splitlines()], float)
    full_scale = driver("lis3dh").full_scale_of(4) / 1e6
    assert 70 <= len(got) <= 90
    assert got == pytest.approx(signal(20000)[: len(got)] / 32768 * full_scale, rel=1e-4, abs=1e-3)


def test_interrupts_and_the_true_rate(run: Callable[[str], str]) -> None:
    samples, _, _, rate_hz, _ = run(SAMPLER).split()
    assert 3900 <= int(samples) <= 4020
    assert float(rate_hz) == pytest.approx(400, rel=1e-3)


def test_a_slow_sensor(run: Callable[[str], str]) -> None:
    said = eval(run(SLOW_SENSOR))
    assert said == pytest.approx({"temperature_c": 21.5, "pressure_pa": 101325.0, "humidity_percent": 45.0}, rel=1e-3)


def test_on_circuitpython_and_linux(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Through Blinka's own classes."""
    import board
    import busio
    import digitalio

    clock = VirtualClock()
    chip = LIS3DH(Recording(io.BytesIO(signal(2000).tobytes())), clock)
    spi, selects = blinka.spi({"sensor": chip})
    monkeypatch.setattr(busio, "SPI", lambda *pins: spi)
    monkeypatch.setattr(digitalio, "DigitalInOut", lambda pin: selects["sensor"])
    monkeypatch.setattr(board, "D5", object(), raising=False)
    with blinka.passing(clock):
        exec(compile(BUSIO, "docs/sensors.md", "exec"), {})
    n = int(capsys.readouterr().out.split()[0])
    assert 18 <= n <= 20 and chip.recording.left <= 2000 - n


def raised(call: Callable[[], Any]) -> str:
    with pytest.raises((OSError, ValueError, TypeError)) as error:
        call()
    return str(error.value)


def errors() -> dict[str, str]:
    """What really is said."""
    def wrong_address() -> None:
        bench = Bench("lis3dh", "i2c", bytes(60))
        bench.driver(I2CBus(bench.i2c, 0x19))

    def another(found: int) -> Callable[[], None]:
        def call() -> None:
            bench = Bench("lis3dh", "i2c", bytes(60))
            bench.chip.registers[bench.chip.ID] = found
            bench.driver(bench.bus)
        return call

    def mode() -> None:
        bench, spi = Bench("lis3dh", "spi", bytes(60)), SPI(1, 0, 1)
        bench.driver(SPIBus(spi, Pin(5, spi, bench.chip)))

    sensor = Bench("lis3dh", "i2c", bytes(60)).sensor()
    return {
        "wrong address": raised(wrong_address),
        "another chip": raised(another(0x5A)),
        "no pull-ups, nobody on SPI": raised(another(0xFF)),
        "SPI mode": raised(mode),
        "a bus that the chip lacks": raised(lambda: driver("iis3dwb")(I2CBus(I2C(1), 0x6A))),
        "rate, range, axes, watermark, precision": raised(lambda: sensor.configure(500)),
        "buffer": raised(lambda: sensor.read_fifo_into(bytearray(192))),
    }


@pytest.mark.parametrize("what", errors())
def test_error_texts_are_the_real_ones(what: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {what} |"))
    quoted = re.search(r'"(.*)"', row)
    assert quoted
    for part in quoted[1].split(" ..."):
        assert part in errors()[what]


def test_others_drivers_are_among_the_tests_packages() -> None:
    """What the table names is installed for the tests, and a test imports it."""
    project = tomllib.loads((FIRMWARE.parent / "pyproject.toml").read_text())["project"]
    needed = " ".join(project["optional-dependencies"]["dev"])
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_independent_*.py"))
    for chip, check in tomllib.loads((DOCS / "sensors.toml").read_text()).items():
        for package in check.get("drivers", []):
            assert f"{package}>=" in needed, (chip, package)
            name = re.sub("adafruit-circuitpython-|circuitpython-|sparkfun-", "", package).replace("-", "_")
            assert re.search(rf"^ *(import|from) .*{name}", tests, re.MULTILINE), (chip, package)
        assert chip not in CHIPS or check, f"{chip}: neither somebody else's driver nor a source"
