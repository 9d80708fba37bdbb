# SPDX-License-Identifier: Apache-2.0
"""What goes onto a board: the part of the package that its node needs, a pipeline for its architecture, a configuration."""

import functools
import importlib.util
import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import boards, device, paths, playback, slow
from .bundles import Source
from .errors import AuscultError

_PARSING = threading.Lock()  # Python 3.11 cannot parse in two threads at once (gh-106905), and boards are served in parallel
# Never imported by MicroPython, or not from the package's folder
_ELSEWHERE = {"auscult/busio_parts.py", "auscult/sensors/circuitpython.py", "auscult/slots.py"}
# Imported only when there is a slow sensor, or a bundle with extra features
_AT_TIMES = {"auscult/slow_sampler.py": "slow", "auscult/extra.py": "extra"}


@dataclass
class Payload:
    """app: {name: bytes} of the package; model: of pipeline, configuration and smoke test; arch: of the board; pipeline: which
    file was chosen, as "armv7emsp" or "portable"."""

    name: str
    app: dict[str, bytes]
    model: dict[str, bytes]
    arch: str
    pipeline: str


def configuration(source: Source, board: boards.Board | None, *, chip: str | None = None, bus: str | None = None, k: int = 3,
                  n: int = 5, name: str = "", settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """The node's configuration: the sensor on the board or one at its usual pins, and `settings` ({"sensor.scl": 5, ...}).

    board: None where it is not known: then the pins have to be among the settings."""
    own = board.sensor if isinstance(board, boards.RealBoard) else []
    on_board = next((sensor for sensor in own if sensor.driver and chip in (None, sensor.driver)), None)
    chip = chip or (on_board.driver if on_board else "adxl345")
    usual = on_board.bus if on_board and on_board.driver == chip else "i2c"
    config = playback.node_config(source, chip, bus or usual, k, n,
                                  int_pin=4 if isinstance(board, boards.SimulatedBoard) else None)
    config["pipeline"] = "pipeline.mpy"
    if name:
        config["name"] = name[:32]
    sensor = config["sensor"]
    if on_board is not None and on_board.driver == chip and bus in (None, on_board.bus):
        wires = on_board.model_dump(include={"id", "address", "scl", "sda", "cs", "int_pin"})
        sensor |= {key: value for key, value in wires.items() if value is not None}
    elif isinstance(board, boards.RealBoard):
        sensor |= board.sensor_settings(sensor["bus"])
    for key, value in (settings or {}).items():
        _set(config, key, value)
    return config


def _set(config: dict[str, Any], key: str, value: Any) -> None:
    table = device.module("config").TABLE
    section, _, last = key.rpartition(".")
    if not section and key not in [row[1] for row in table if not row[0]]:
        section = "sensor"  # its keys are the ones that boards differ in
    if (section, last) not in [(row[0], row[1]) for row in table]:
        raise AuscultError(f"--set {key}", "a key of the node's configuration, as sensor.scl or report.every",
                           "docs/node.md lists them")
    (config.setdefault(section, {}) if section else config)[last] = value


def checked(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with all its defaults, if the node takes it."""
    module = device.module("config")
    try:
        full: dict[str, Any] = module.check(config)
    except module.ConfigError as error:
        raise AuscultError(f"the node's configuration: {error}", "what docs/node.md allows") from error
    return full


def make(source: Source, config: dict[str, Any], arch: str, board: str, simulated: bool = False,
         built_in: bool = False) -> Payload:
    """Everything for a board that says of itself that it is of this architecture. built_in: package and pipeline are in its
    firmware (`auscult firmware`), so that only configuration and smoke test are left."""
    model: dict[str, bytes] = {}
    if built_in:
        if "extra" in source.manifest:
            raise AuscultError("--built-in for a bundle with extra features", "a bundle without them",
                               "deploy it without --built-in: its files go onto the board")
        which, config = "built in", config | {"pipeline": source.spec.name}
    else:
        which, file, module = source.module(arch, board)
        model = {file: module, **source.extra(which)}
        if config.get("pipeline", ".mpy").endswith((".mpy", ".py")):
            config = config | {"pipeline": "extra.json" if "extra.json" in model else file}
    full = checked(config)
    model["auscult.json"] = _text(config)
    test = source.smoke()
    if test is None:
        raise AuscultError("the bundle has no smoke test: an older version of Auscult built it", "one from this version",
                           "build it again: auscult build")
    model["smoke.json"] = _text(test)
    app = {} if built_in else package(arch, full["sensor"]["chip"], simulated, extra="extra.json" in model)
    return Payload(full["name"], app, model, arch, which)


def package(arch: str, chip: str, simulated: bool, programs: tuple[str, ...] = ("node", "receiver"),
            extra: bool = False) -> dict[str, bytes]:
    """{name: bytes} of what a node with this chip imports, compiled; with the virtual chip on a simulated board. extra: with
    what a bundle with extra features needs."""
    compiled = playback.bytecode(arch or "armv6m")  # without native code the files of the viper emitter stay away
    sensors = device.module("sensors")
    slow_chip = chip in slow.chips()
    file = (sensors.SLOW if slow_chip else sensors.CHIPS)[chip][0]
    wanted = [*(f"auscult/{name}.py" for name in programs), f"auscult/sensors/{file}.py"]
    if simulated:
        wanted += ["auscult/virtual/machine.py", f"auscult/virtual/{file}.py",
                   f"auscult/virtual/{'feed' if slow_chip else 'setup'}.py"]
    with _PARSING:
        names = set(packages().closure(*[name for name in wanted if (paths.assets() / "firmware" / name).is_file()])) - _ELSEWHERE
    names -= {name for name, needed in _AT_TIMES.items() if not {"slow": slow_chip, "extra": extra}[needed]}
    names = {name for name in names if arch or not name.endswith("_viper.py")}
    return {re.sub(r"py$", "mpy", name): (compiled / Path(name).relative_to("auscult").with_suffix(".mpy")).read_bytes()
            for name in sorted(names)}


def main_py() -> bytes:
    """firmware/main.py, which starts what was deployed."""
    return (paths.assets() / "firmware" / "main.py").read_bytes()


@functools.cache
def packages() -> Any:
    """firmware/packages.py: which file imports which."""
    spec = importlib.util.spec_from_file_location("auscult_packages", paths.assets() / "firmware" / "packages.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _text(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode()
