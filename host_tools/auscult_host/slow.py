# SPDX-License-Identifier: Apache-2.0
"""Recordings of slow quantities for the node: temperature, humidity, pressure, a door's switch."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import device, recordings
from .errors import AuscultError
from .spec import Made
from .train import check_fit

DOOR_PIN = 6  # of simulated boards


def chips() -> list[str]:
    """Slow sensors that a node can have."""
    return list(device.module("config").SLOW_CHIPS)


def sensor_settings(made: Made, chip: str, bus: str) -> dict[str, Any]:
    """The node configuration's `sensor` section that suits a pipeline of slow quantities. AuscultError if the chip has not
    what the pipeline needs."""
    driver = device.module("sensors").driver(chip)
    if not (driver.ADDRESSES if bus == "i2c" else driver.SPI_HZ):
        raise AuscultError(f"{driver.NAME} on {bus}, which it does not have", "i2c" if bus == "spi" else "spi",
                           f"--bus {'i2c' if bus == 'spi' else 'spi'}")
    measured = {axis for axis, (channel, _) in device.module("slow_sampler").AXES.items() if channel in driver.CHANNELS}
    missing = [axis for axis in made.spec.axes if axis not in measured | {"door"}]
    if missing:
        raise AuscultError(f"a model of the axis {missing[0]}", f"what {driver.NAME} measures: {', '.join(sorted(measured))}, "
                           "and door", "choose another chip, or train on recordings with these axes")
    settings: dict[str, Any] = {"chip": chip, "bus": bus, "id": 1, "period_s": round(1 / made.spec.rate_hz, 3)}
    settings |= {"cs": 5} if bus == "spi" else {"address": driver.ADDRESSES[0]}
    if "door" in made.spec.axes:
        settings["door_pin"] = DOOR_PIN
    return settings


def check_recording(made: Made, recording: recordings.Recording) -> None:
    """Raises AuscultError for a recording that does not suit the model."""
    missing = [axis for axis in made.spec.axes if axis not in recording.axes]
    if missing:
        raise AuscultError(f"a recording with the axes {', '.join(recording.axes)}", f"also {missing[0]}, as the model was "
                           "trained on", "choose one with these axes")
    check_fit(made, recording)


def heard(words: NDArray[np.int16], axes: tuple[str, ...], made: Made, sensor: dict[str, Any]) -> NDArray[np.int16]:
    """What the pipeline is given when `words` [n, axes] are fed to the virtual chip: the shipped sampler and driver take
    them from it on this computer. int16 [n, axes of the pipeline]."""
    clock = device.module("virtual.clock").VirtualClock()
    line, period_ms = SimpleNamespace(level=0), int(1000 * sensor["period_s"])
    feeds, spec = device.module("virtual.feed"), made.spec
    feed = feeds.Feed(io.BytesIO(words.astype("<i2").tobytes()), axes, spec.full_scale, period_ms,
                      lambda level: setattr(line, "level", level))
    chip = feeds.chip_class(sensor["chip"])(clock, **feed.quantities())
    clock.sleep_ms(1000)
    buses, wires = device.module("sensors.bus"), device.module("virtual.bus")
    if sensor["bus"] == "i2c":
        wire = wires.I2C()
        wire.devices[sensor["address"]] = chip
        bus = buses.I2CBus(wire, sensor["address"])
    else:
        wire = wires.SPI()
        bus = buses.SPIBus(wire, wires.Pin(sensor["cs"], wire, chip))
    rows: list[list[int]] = []
    pipeline = SimpleNamespace(axes=spec.axes, info=spec.model_dump(), mark=lambda: None,
                               push=lambda block, _: rows.append(list(block)))
    sampler = device.module("slow_sampler").SlowSampler(
        device.module("sensors").driver(sensor["chip"])(bus, clock), pipeline, period_ms, clock,
        SimpleNamespace(value=lambda: line.level))
    sampler.start()
    while not feed.ended:
        sampler.step()
        clock.sleep_ms(sampler.nap_ms())
    return np.array(rows, np.int16).reshape(-1, len(spec.axes))
