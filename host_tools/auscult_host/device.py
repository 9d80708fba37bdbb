# SPDX-License-Identifier: Apache-2.0
"""The device package on this computer: drivers' facts, the decision, the node. What runs here is what ships."""

import importlib
import sys
from typing import Any

from . import paths
from .errors import AuscultError


def module(name: str) -> Any:
    """A module of the device package, as `module("sensors")` for auscult.sensors."""
    firmware = str(paths.assets() / "firmware")
    if firmware not in sys.path:
        sys.path.append(firmware)
    return importlib.import_module(f"auscult.{name}")


def chips() -> list[str]:
    """Names of the accelerometers that there is a driver for."""
    return sorted(module("sensors").CHIPS)


def accelerometer(chip: str) -> Any:
    """An accelerometer's driver class: its attributes say what the chip can do."""
    if chip not in chips():
        raise AuscultError(f"the chip {chip!r}", f"one of {', '.join(chips())}", "for example --chip adxl345")
    return module("sensors").driver(chip)
