# SPDX-License-Identifier: Apache-2.0
"""`auscult node`: the shipped node on CPython, with the host's pipeline and buses from Blinka."""

import io
import json
import os
import signal
import subprocess
import sys
from array import array
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from auscult import busio_parts, port
from auscult import config as configuration
from auscult import node as shipped
from auscult import pipeline as pipelines
from auscult.sensors import driver
from auscult.virtual.recording import Recording as VirtualRecording
from auscult.virtual.setup import chip_class
from auscult_host import blinka as blinka_hardware
from auscult_host import cli, node, recordings, train

from device import blinka
from device.listener import lines

RATE_HZ = 1600


def make(label: str, name: str, seconds: float = 4.0, seed: int = 0) -> recordings.Recording:
    rng = np.random.default_rng(seed)
    data = rng.normal(0, {"normal": 1, "rattle": 25}[label], (int(seconds * RATE_HZ), 3)) + (0, 0, 9.8)
    return recordings.Recording(data, RATE_HZ, label=label, machine=name, session=name, name=name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.joblib, and rattle.parquet: quiet at first, then it rattles."""
    folder = tmp_path_factory.mktemp("node")
    examples = [make(label, f"{label}{i}", seed=i) for i in range(3) for label in ("normal", "rattle")]
    trained = train.train(examples, train.Settings(window=128, hop=64, trees=3, depth=3), full_scale=16 * 9.80665)
    train.save(trained, folder / "model.joblib")
    played = make("normal", "played", seed=9)
    played.data = np.vstack([played.data, make("rattle", "played", seed=10).data])
    recordings.write(played, folder / "rattle.parquet")
    return folder


@pytest.fixture
def auscult(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """auscult(*arguments) -> (its JSON lines, stderr), in the folder."""
    monkeypatch.chdir(folder)

    def call(*arguments: str) -> tuple[list[dict], str]:
        try:
            cli.main(["node", *arguments])
        except SystemExit as end:
            assert end.code in (0, 1, None)
        out, err = capfd.readouterr()
        return lines(out), err

    return call


@pytest.mark.parametrize(("chip", "bus"), [("adxl345", "i2c"), ("adxl345", "spi"), ("lis3dh", "i2c")])
def test_verdicts_are_those_of_the_pipeline(auscult: Any, folder: Path, chip: str, bus: str) -> None:
    said, _ = auscult("model.joblib", "--virtual", "rattle.parquet", "--chip", chip, "--bus", bus)
    trained = train.load(folder / "model.joblib")
    settings = node.default_config(trained, chip, bus)
    words = node.Playback(trained, recordings.read(folder / "rattle.parquet"), settings["sensor"], port).words
    expected = trained.pipeline().push(words)
    verdicts = [line for line in said if "w" in line]
    assert [line["v"] for line in verdicts] == [trained.spec.classes[verdict.index] for verdict in expected]
    assert {line["v"] for line in verdicts} == {"normal", "rattle"}
    end = said[-1]
    assert end["end"] == "recording ended" and end["windows"] == len(expected) and end["samples"] == len(words)
    assert end["overruns"] == end["dropped"] == end["errors"] == 0
    assert end["rate_mhz"] == pytest.approx(1000 * RATE_HZ, rel=0.001)


def test_the_configuration_file_is_used(auscult: Any, folder: Path) -> None:
    """Chip, bus, decision and report from the file of a board; with a line from INT1 it gives the same verdicts."""
    config = {"sensor": {"chip": "lis3dh", "bus": "spi", "cs": "D5", "rate_hz": 1344, "int_pin": 4},
              "decision": {"k": 4, "n": 4}, "report": {"every": "change"}}
    (folder / "other.json").write_text(json.dumps(config))
    said, _ = auscult("model.joblib", "--config", "other.json", "--virtual", "rattle.parquet")
    states = [line["s"] for line in said if "w" in line]
    assert states[-1] == "rattle" and len(states) < 10
    assert said[-1]["overruns"] == 0 and said[-1]["samples"] == 8 * RATE_HZ
    (folder / "auscult.json").write_text(json.dumps({**config, "report": {"to": "uart"}}))
    try:
        said, err = auscult("model.joblib", "--virtual", "rattle.parquet")
        assert not said and "report.uart is 1, that is for boards with MicroPython only" in err
    finally:
        (folder / "auscult.json").unlink()


def heed_ctrl_c() -> None:
    """Programs that a shell starts in the background, as CI may, are told to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_with_the_summary(folder: Path) -> None:
    """And so does SIGTERM, by which a service is stopped."""
    (folder / "line.json").write_text(json.dumps({"sensor": {"chip": "adxl345", "int_pin": 4}}))
    for sent in (signal.SIGINT, signal.SIGTERM):
        command = [sys.executable, "-m", "auscult_host.cli", "node", "model.joblib", "--virtual", "rattle.parquet", "--real-time",
                   "--config", "line.json"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parent.parent)},
                              preexec_fn=heed_ctrl_c) as process:
            assert process.stdout and '"w":0' in process.stdout.readline()
            process.send_signal(sent)
            out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        end = lines(out)[-1]
        assert end["end"] == "stopped by Ctrl-C" and end["windows"] >= 1


@pytest.mark.parametrize(("arguments", "found"), [
    (["none.joblib"], "there is no file none.joblib"),
    (["model.joblib"], "there is no auscult.json here"),
    (["model.joblib", "--config", "none.json"], "no node configuration at none.json"),
    (["model.joblib", "--config", "bad.json"], "unknown key sensor.chop"),
    (["model.joblib", "--virtual", "none.parquet"], "none.parquet"),
    (["model.joblib", "--virtual", "rattle.parquet", "--chip", "bno055"], "the chip 'bno055'"),
    (["model.joblib", "--virtual", "rattle.parquet", "--bus", "can"], "the bus 'can'"),
    (["model.joblib", "--virtual", "rattle.parquet", "--chip", "iis3dwb"], "IIS3DWB on i2c, which it does not have"),
])
def test_errors_are_one_clear_line(auscult: Any, folder: Path, arguments: list[str], found: str) -> None:
    (folder / "bad.json").write_text('{"sensor": {"chop": "adxl345"}}')
    said, err = auscult(*arguments)
    assert not said and found in err and "Traceback" not in err


def test_without_blinka_it_says_what_to_install(auscult: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "busio", None)
    _, err = auscult("model.joblib", "--virtual", "rattle.parquet")
    assert "pip install 'auscult[linux]'" in err


def test_a_computer_without_pins_is_named(folder: Path) -> None:
    """This one, when Blinka looks for hardware."""
    (folder / "here.json").write_text(json.dumps({"sensor": {"chip": "adxl345"}}))
    env = {name: value for name, value in os.environ.items() if name != "BLINKA_OS_AGNOSTIC"}
    done = subprocess.run([sys.executable, "-m", "auscult_host.cli", "node", "model.joblib", "--config", "here.json"], cwd=folder,
                          env={**env, "PYTHONPATH": str(Path(cli.__file__).parent.parent)}, capture_output=True, text=True)
    assert done.returncode == 1 and not done.stdout and "Traceback" not in done.stderr
    assert "there is no I2C on this board" in done.stderr or "Blinka does not know this computer" in done.stderr


def test_the_host_module_refuses_broken_samples(folder: Path) -> None:
    pipeline = pipelines.load(node.Module(train.load(folder / "model.joblib").pipeline()))
    with pytest.raises(ValueError, match="whole samples"):
        pipeline.push(bytes(7))
    assert pipeline.push(array("h", [0] * 3 * 127)) is None
    assert pipeline.push(bytes(6)) is pipeline and pipeline.window == 0 and not pipeline.marked
    pipeline.mark()
    pipeline.push(bytes(6 * 64))
    assert pipeline.marked


class TestParts:
    """The peripherals that a configuration names, on a board as Blinka and CircuitPython describe it."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
        """What was asked of busio and digitalio on a Raspberry Pi; behind them is a virtual ADXL345."""
        chip = chip_class("adxl345")(VirtualRecording(io.BytesIO(bytes(600))))
        spi, selects = blinka.spi({"sensor": chip})
        made = {"I2C": blinka.i2c({0x53: chip}), "SPI": spi, "DigitalInOut": selects["sensor"]}
        asked: list[tuple] = []

        def kind(name: str) -> Any:
            return lambda *args, **more: asked.append((name, *args, *more.items())) or made[name]

        i2c_ports = ((1, "scl", "sda"), (0, "d1", "d0"))
        spi_ports = (((0, 0), "sck", "mosi", "miso"), (1, "sck1", "mosi1", "miso1"))
        for name, module in {
            "board": SimpleNamespace(D4="d4", D5="d5", SCL="scl", SDA="sda", SCK="sck", MOSI="mosi", MISO="miso", I2C=len),
            "busio": SimpleNamespace(I2C=kind("I2C"), SPI=kind("SPI")),
            "digitalio": SimpleNamespace(DigitalInOut=kind("DigitalInOut")),
            "microcontroller": SimpleNamespace(pin=SimpleNamespace(i2cPorts=i2c_ports, spiPorts=spi_ports)),
        }.items():
            monkeypatch.setitem(sys.modules, name, module)
        return asked

    def bus(self, **sensor: Any) -> Any:
        return shipped.make_bus(configuration.check({"sensor": {"chip": "adxl345", **sensor}})["sensor"])

    @pytest.mark.parametrize(("sensor", "expected"), [
        ({}, ("I2C", "scl", "sda")),
        ({"id": 0}, ("I2C", "d1", "d0")),
        ({"scl": "D5", "sda": 4}, ("I2C", "d5", "d4")),
        ({"bus": "spi", "id": 0, "cs": "D5"}, ("SPI", "sck", "mosi", "miso")),
        ({"bus": "spi", "id": 1, "cs": 5}, ("SPI", "sck1", "mosi1", "miso1")),
    ])
    def test_named_and_numbered_ones(self, asked: list[tuple], sensor: dict, expected: tuple) -> None:
        driver("adxl345")(self.bus(**sensor)).check()
        assert asked[0] == expected
        if "cs" in sensor:
            assert asked[1] == ("DigitalInOut", "d5")

    def test_on_circuitpython_the_clock_is_set(self, asked: list[tuple], monkeypatch: pytest.MonkeyPatch) -> None:
        """And the board's marked pins are taken, whatever number the bus has."""
        monkeypatch.setattr(port, "CIRCUITPYTHON", True)
        monkeypatch.setitem(sys.modules, "microcontroller", SimpleNamespace(pin=SimpleNamespace()))
        self.bus(id=7)
        assert asked == [("I2C", "scl", "sda", ("frequency", 400000))]

    @pytest.mark.parametrize(("sensor", "error"), [
        ({"id": 3}, "sensor.id is 3: there is no such I2C on this board; it has 1, 0"),
        ({"scl": "D5"}, 'sensor.scl is "D5": name all of scl, sda, or none'),
        ({"scl": "D5", "sda": "D6"}, 'sensor.sda is "D6": there is no such pin on this board; '
                                     "it has D4, D5, MISO, MOSI, SCK, SCL, SDA"),
        ({"bus": "spi", "id": 0, "cs": 9}, "sensor.cs is 9: there is no such pin on this board"),
    ])
    def test_what_is_not_there_is_named(self, asked: list[tuple], sensor: dict, error: str) -> None:
        with pytest.raises(configuration.ConfigError) as found:
            self.bus(**sensor)
        assert error in str(found.value)

    @pytest.mark.parametrize("error", [RuntimeError("I2C Bus #1 not found, check if enabled in config!\nmore"),
                                       PermissionError(13, "Permission denied"), ValueError("no hardware")])
    def test_what_cannot_be_opened_is_named(self, asked: list[tuple], monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        def fail(*args: Any) -> None:
            raise error

        monkeypatch.setattr(sys.modules["busio"], "I2C", fail)
        with pytest.raises(configuration.ConfigError, match=r"sensor\.id is 1: ") as found:
            self.bus()
        assert str(error).split("\n")[0] in str(found.value) and "\n" not in str(found.value)

    def test_the_line_from_int1(self) -> None:
        pin, drive = blinka_hardware.line()
        line = busio_parts.Line(pin)
        assert line.value() == 0
        drive(1)
        assert line.value() == 1
