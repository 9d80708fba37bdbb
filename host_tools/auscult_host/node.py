# SPDX-License-Identifier: Apache-2.0
"""The shipped node on this computer: the device package as it is, the pipeline as this PC's library, buses from Blinka."""

import ctypes
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from . import blinka, device, playback, recordings, slow, virtual_sensor
from .errors import AuscultError
from .hostlib import HostPipeline
from .train import Trained


class Module:
    """A HostPipeline with the interface of the native modules (firmware/native/aus_module.c), as pipeline.Pipeline takes
    it."""

    def __init__(self, pipeline: HostPipeline) -> None:
        self._lib, self._axes = pipeline.library, len(pipeline.spec.axes)
        self.STATE_BYTES: int = self._lib.host_state_bytes()
        self.OUT_WORDS: int = self._lib.host_out_words()
        found = re.search(r'^#define AUS_INFO (".*")$', pipeline.source, re.MULTILINE)
        assert found
        if "#define AUS_SHAFT_MHZ" in pipeline.source:
            self.set_shaft = self._set_shaft  # as a native module: there or not
        self._info: str = json.loads(found[1])

    def info(self) -> str:
        return self._info

    def push(self, state: Any, block: Any, start: int, out: Any) -> int:
        samples, rest = divmod(memoryview(block).nbytes, 2 * self._axes)
        if rest:
            raise ValueError("block: whole samples, int16")
        return int(self._lib.host_push(_address(state), _address(block), samples, start, _address(out)))

    def mark(self, state: Any) -> None:
        self._lib.host_mark(_address(state))

    def _set_shaft(self, state: Any, millihertz: int) -> None:
        self._lib.host_set_shaft(_address(state), ctypes.c_uint32(millihertz))


def _address(buffer: Any) -> ctypes.c_void_p:
    return ctypes.c_void_p(np.frombuffer(buffer, np.uint8).ctypes.data)


def load_config(path: Path) -> dict[str, Any]:
    """The checked configuration of a node: the file that a board has as /auscult.json."""
    try:
        config: dict[str, Any] = device.module("config").load(str(path))
    except ValueError as error:
        raise AuscultError(str(error), "a node's configuration", "see docs/node.md") from None
    return config


def default_config(trained: Trained, chip: str, bus: str) -> dict[str, Any]:
    """What suits a pipeline, checked."""
    config: dict[str, Any] = device.module("config").check(playback.node_config(trained, chip, bus, int_pin=None))
    return config


class Playback:
    """A recording that plays into the virtual chip of a configuration, behind Blinka's busio.

    chip: `ended` when all has been read; bus: an I2CBus or SPIBus; words: int16 samples [n, 3] that the chip gives."""

    def __init__(self, trained: Trained, recording: recordings.Recording, sensor: dict[str, Any], clock: Any) -> None:
        if sensor["chip"] in slow.chips():
            raise AuscultError(f"a recording for the slow sensor {sensor['chip']}", "an accelerometer's recording",
                               "`auscult simulate` plays recordings of slow sensors")
        virtual_sensor.check_recording(trained, recording)
        driver = device.accelerometer(sensor["chip"])
        self.words = virtual_sensor.chip_words(recording, sensor["chip"], sensor["range_g"], trained.spec.full_scale)
        rate_ppm = round((recording.rate_hz / sensor["rate_hz"] - 1) * 1e6)
        stream = device.module("virtual.recording").Recording(io.BytesIO(self.words.astype("<i2").tobytes()))
        self.chip = device.module("virtual.setup").chip_class(sensor["chip"])(stream, clock, rate_ppm)
        buses = device.module("sensors.bus")
        if sensor["bus"] == "i2c":
            self.bus = buses.I2CBus(blinka.i2c({sensor["address"]: self.chip}), sensor["address"])
        else:
            spi, selects = blinka.spi({"sensor": self.chip})
            self.bus = buses.SPIBus(spi, selects["sensor"], driver.SPI_HZ, driver.SPI_MODES[-1])
        self.interrupt = None
        if sensor["int_pin"] is not None:
            clock.watch(self.chip)
            pin, self.chip.drive = blinka.line()
            self.interrupt = device.module("busio_parts").Line(pin)


def run(trained: Trained, config: dict[str, Any], recording: recordings.Recording | None = None, real_time: bool = True,
        stream: Any = None) -> dict[str, Any]:
    """Runs the node until the recording has ended or Ctrl-C; returns the closing line's figures.

    recording: plays it into a virtual chip; real_time: as slow as it is, or as fast as possible. stream: has write();
    None: stdout."""
    pipeline = device.module("pipeline").load(Module(trained.pipeline()))
    nodes, clock = device.module("node"), device.module("port")
    if recording is not None and not real_time:
        clock = device.module("virtual.clock").VirtualClock()
    node = None
    try:
        if recording is None:
            _look_for_hardware()
            node = nodes.Node(config, pipeline, stream=stream)
        else:
            if real_time:  # nobody wakes the virtual chip to raise its line
                config["sensor"]["int_pin"] = None
            played = Playback(trained, recording, config["sensor"], clock)
            node = nodes.Node(config, pipeline, played.bus, stream, played.interrupt, clock, played.chip)
        return _turn(node, clock, recording is not None)
    except KeyboardInterrupt:
        figures: dict[str, Any] = node.summary("stopped by Ctrl-C") if node and node.sampler else {}
        return figures
    except ValueError as error:  # ConfigError and what drivers cannot do
        raise AuscultError(str(error), "a configuration for this computer",
                           "mend it; `auscult node MODEL --virtual RECORDING` needs no hardware") from None
    finally:
        if node:
            node.stop()


def _turn(node: Any, clock: Any, is_virtual: bool) -> dict[str, Any]:
    """A node tries a silent sensor again for ever: it may be plugged in again. A virtual one will not."""
    turns = node.turns()
    while True:
        try:
            clock.sleep_ms(next(turns))
        except StopIteration as end:
            figures: dict[str, Any] = end.value
            return figures
        if is_virtual and node.errors > 2:
            raise AuscultError("the virtual sensor fails, as said above", "samples", "report this")


def _look_for_hardware() -> None:
    """AuscultError where Blinka does not know the computer."""
    try:
        blinka.import_blinka()
    except (NotImplementedError, RuntimeError) as error:
        text = " ".join(str(error).split())[:200]
        raise AuscultError(f"Blinka does not know this computer: {text}", "one that it supports, as a Raspberry Pi",
                           "`auscult node MODEL --virtual RECORDING` needs no hardware") from None
