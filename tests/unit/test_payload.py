# SPDX-License-Identifier: Apache-2.0
"""What `auscult deploy` puts on a board: files, configuration by the board's description, and refusals before it is asked."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from auscult_host import __version__, boards, build, bundles, deploy, devices, payload
from auscult_host.commands import deploy as command
from auscult_host.errors import AuscultError
from auscult_host.spec import PipelineSpec

SPEC = PipelineSpec.make(name="small", window=64, hop=64, rate_hz=1600, features=["rms.x"])
ABOUT = {"implementation": "micropython", "version": [1, 25, 0], "mpy": 6 | 3 << 8 | 7 << 10, "machine": "x", "free": 1 << 20,
         "block": 512, "lacks": [], "main": ""}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build.bundle(SPEC, tmp_path_factory.mktemp("bundles") / "small.bundle", ["armv7emsp", "armv7m"])


def test_only_what_the_node_imports_goes_onto_the_board(bundle: Path) -> None:
    source = bundles.read(bundle)
    made = payload.make(source, payload.configuration(source, boards.load("NUCLEO_F446RE")), "armv7emsp", "NUCLEO_F446RE")
    assert {"auscult/node.mpy", "auscult/receiver.mpy", "auscult/frames.mpy", "auscult/smoke.mpy", "auscult/sensors/adxl345.mpy",
            "auscult/quality_viper.mpy"} <= made.app.keys()
    assert not [name for name in made.app if "virtual" in name or "lis3dh" in name or "circuitpython" in name]
    assert made.model.keys() == {"pipeline.mpy", "auscult.json", "smoke.json"} and made.pipeline == "armv7emsp"
    on_simulator = payload.make(source, payload.configuration(source, boards.load("sim_m4")), "armv7emsp", "sim_m4", True)
    assert {"auscult/virtual/machine.mpy", "auscult/virtual/adxl345.mpy"} <= on_simulator.app.keys()


def test_what_is_needed_at_times_goes_where_it_is() -> None:
    fast, slow = payload.package("armv7m", "lis3dh", simulated=False), payload.package("armv7m", "tmp117", simulated=False)
    assert "auscult/slow_sampler.mpy" in slow and "auscult/slow_sampler.mpy" not in fast
    assert "auscult/extra.mpy" in payload.package("armv7m", "lis3dh", False, extra=True) and "auscult/extra.mpy" not in fast


def test_a_core_by_the_name_that_it_calls_itself(bundle: Path) -> None:
    """A Cortex-M3 says armv7em, and runs armv7m."""
    source = bundles.read(bundle)
    arch = devices.architecture(6)
    assert payload.make(source, payload.configuration(source, None), arch, "x").pipeline == "armv7m"


@pytest.mark.parametrize(("board", "chip", "sensor"), [
    ("NUCLEO_F446RE", None, {"chip": "adxl345", "bus": "i2c", "id": 1}),  # its pins cannot be chosen
    ("M5STACK_ATOM", "adxl345", {"chip": "adxl345", "bus": "i2c", "id": 1, "scl": 32, "sda": 26}),
    ("sim_m4", "lis2dw12", {"chip": "lis2dw12", "bus": "i2c", "id": 1, "int_pin": 4}),
])
def test_the_sensor_is_where_the_board_has_it(bundle: Path, board: str, chip: str | None, sensor: dict[str, Any]) -> None:
    found = payload.configuration(bundles.read(bundle), boards.load(board), chip=chip)
    assert {key: found["sensor"].get(key) for key in sensor} == sensor
    payload.checked(found)


def test_the_sensor_on_the_board_is_the_usual_one(bundle: Path) -> None:
    """ATOM Matrix: its MPU6886, on pins of its own."""
    spec = SPEC.model_copy(update={"rate_hz": 1000.0})
    source = bundles.Source(spec, None, bundle, {})
    sensor = payload.configuration(source, boards.load("M5STACK_ATOM"))["sensor"]
    assert {key: sensor[key] for key in ("chip", "id", "scl", "sda", "address", "rate_hz")} == {
        "chip": "mpu6886", "id": 0, "scl": 21, "sda": 25, "address": 0x68, "rate_hz": 1000}


def test_settings_go_where_they_belong(bundle: Path) -> None:
    found = payload.configuration(bundles.read(bundle), None, name="press", settings={
        "scl": 5, "sensor.sda": 4, "report.every": "change", "watchdog_s": 8, "decision.k": 4})
    assert (found["sensor"]["scl"], found["sensor"]["sda"], found["report"]["every"], found["watchdog_s"], found["decision"]["k"],
            found["name"]) == (5, 4, "change", 8, 4, "press")
    for key in ("sensor.sclk", "nonsense", "reports.every", "sensor"):
        with pytest.raises(AuscultError, match=f"--set {key}"):
            payload.configuration(bundles.read(bundle), None, settings={key: 1})


def test_a_configuration_that_the_node_would_refuse(bundle: Path) -> None:
    source = bundles.read(bundle)
    config = payload.configuration(source, None, settings={"rate_hz": 1601})
    with pytest.raises(AuscultError, match=r"sensor\.rate_hz is 1601, allowed with adxl345"):
        payload.make(source, config, "armv7emsp", "x")


@pytest.mark.parametrize(("damage", "error"), [
    (lambda folder: (folder / "manifest.json").unlink(), "is not a bundle"),
    (lambda folder: (folder / "manifest.json").write_text("{"), "is not a bundle"),
    (lambda folder: (folder / "manifest.json").write_text('{"files": []}'), "is not a bundle"),
    (lambda folder: (folder / "pipeline-armv7emsp.mpy").write_bytes(b"x"), "is not the file that its manifest names"),
    (lambda folder: (folder / "pipeline-armv7emsp.mpy").unlink(), "cannot be read"),
])
def test_a_bundle_that_is_none(bundle: Path, tmp_path: Path, damage: Any, error: str) -> None:
    folder = tmp_path / "small.bundle"
    folder.mkdir()
    for file in bundle.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    damage(folder)
    with pytest.raises(AuscultError, match=error):
        source = bundles.read(folder)
        payload.make(source, payload.configuration(source, None), "armv7emsp", "x")


def test_a_bundle_for_other_boards(bundle: Path, tmp_path: Path) -> None:
    source = bundles.read(bundle)
    manifest = json.loads((bundle / "manifest.json").read_text())
    source.manifest["files"] = {"armv7m": manifest["files"]["armv7m"]}
    with pytest.raises(AuscultError, match="the bundle has pipelines for armv7m; expected one for rv32imc, which is what b runs"):
        payload.make(source, payload.configuration(source, None), "rv32imc", "b")


@pytest.mark.parametrize(("changed", "error"), [
    ({"implementation": "circuitpython"}, "a board with circuitpython"),
    ({"version": [1, 22, 2], "mpy": 6 | 2 << 8}, r"runs MicroPython 1\.22\.2, whose modules are of version 6\.2;"),
    ({"mpy": 5}, r"version 5\.0"),
    ({"lacks": ["hashlib"]}, "lacks hashlib"),
    ({"main": "00" * 32}, r"a main\.py of its own"),
    ({"free": 20000}, r"has 20,000 bytes free, [\d,]+ are needed"),
])
def test_boards_that_cannot_take_it(bundle: Path, changed: dict[str, Any], error: str) -> None:
    """Told before anything is written, by what a bare board says of itself."""
    source = bundles.read(bundle)
    project = payload.make(source, payload.configuration(source, None), "armv7emsp", "x")
    deploy.check(ABOUT, project, force=False)
    with pytest.raises(AuscultError, match=error):
        deploy.check(ABOUT | changed, project, force=False)


def test_boards_are_known_by_what_they_call_themselves() -> None:
    for machine, built, name in (("NUCLEO-F446RE with STM32F446xx", "", "NUCLEO_F446RE"),
                                 ("PYBv1.1 with STM32F405RG", "", "PYBV11"),
                                 ("Generic ESP32 module with ESP32", "ESP32_GENERIC-SPIRAM", "ESP32_GENERIC"),
                                 ("something else", "", None)):
        device = devices.Device("x", "/dev/none", None)  # type: ignore[arg-type]
        found = command._board(device, {"machine": machine, "build": built}, None)
        assert (found.name if found else None) == name


def test_an_older_package_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    command._ask_about_older(__version__, False)
    command._ask_about_older("", False)
    command._ask_about_older("99.0", True)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(AuscultError, match=r"has version 99\.0 of the package"):
        command._ask_about_older("99.0", False)
