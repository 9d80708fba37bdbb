# SPDX-License-Identifier: Apache-2.0
"""Recording from a board over its console: frames in, checked and counted; uninterrupted recordings out."""

import base64
import binascii
import dataclasses
import datetime
import json
import struct
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import checked, device, pasted, payload, playback, virtual_sensor
from .boardfiles import Files
from .devices import Device
from .errors import AuscultError
from .recordings import STANDARD_GRAVITY, Header, Recording
from .simulator import SimBoard

_HEAD = struct.Struct("<IHHI")
_AXES = ("x", "y", "z")
_LEAST_BASELINE_S = 1.0  # before, the nominal rate is nearer to the truth than the measured one


@dataclass
class Take:
    """What has come so far. parts: uninterrupted int16 [n, 3], each a list of frames; a loss begins a new one."""

    parts: list[list[NDArray[np.int16]]] = field(default_factory=list)
    chip: str = ""
    nominal_hz: float = 0.0
    full_scale: float = 0.0  # m/s² of the word 32768
    rate_mhz: int = 0
    samples: int = 0  # that have come
    lost_by_chip: int = 0  # times: how many samples, the chip does not say
    lost_on_line: int = 0  # samples
    bad_frames: int = 0
    end: str = ""
    _next: int = 0

    def add(self, line: str) -> bool:
        """A line of the board; whether samples came with it. Raises AuscultError when the board gave up."""
        if line.startswith(":"):
            return self._frame(line[1:])
        try:
            said = json.loads(line)
        except ValueError:
            return False
        if not isinstance(said, dict):
            return False
        if "error" in said:
            raise AuscultError(f"the board stopped: {said['error']}", "samples of the sensor",
                               "check wiring, --chip, --bus and --set, then record again")
        if "start" in said:
            self.chip, self.nominal_hz = str(said["start"]), float(said["rate_hz"])
            self.full_scale = said["full_scale_um"] / 1e6
        if "end" in said:
            self.end = str(said["end"])
            self.rate_mhz = int(said["rate_mhz"]) or self.rate_mhz
            self.lost_on_line += max(0, int(said["samples"]) - self._next)
        return False

    def _frame(self, text: str) -> bool:
        try:
            frame = base64.b64decode(text, validate=True)
            first, count, lost, rate_mhz = _HEAD.unpack_from(frame)
        except (ValueError, struct.error):
            self.bad_frames += 1
            return False
        if len(frame) != _HEAD.size + 6 * count + 4 or binascii.crc32(frame[:-4]) != int.from_bytes(frame[-4:], "little"):
            self.bad_frames += 1
            return False
        if first < self._next or not count:  # of another run
            self.bad_frames += 1
            return False
        missing = first - self._next
        self.lost_on_line += missing
        self.lost_by_chip += bool(lost)
        if missing or lost or not self.parts:
            self.parts.append([])
        self.parts[-1].append(np.frombuffer(frame, "<i2", 3 * count, _HEAD.size).reshape(-1, 3))
        self._next, self.rate_mhz = first + count, rate_mhz or self.rate_mhz
        self.samples += count
        return True

    @property
    def rate_hz(self) -> float:
        """The true rate by the board's clock, once that can be told; else the nominal one."""
        measured = self.rate_mhz > 0 and self.samples >= _LEAST_BASELINE_S * self.nominal_hz
        return self.rate_mhz / 1000 if measured else self.nominal_hz

    def newest(self, seconds: float) -> NDArray[Any]:
        """The last samples in m/s²: for the level display."""
        wanted, frames = int(seconds * self.nominal_hz), []
        for frame in reversed(self.parts[-1] if self.parts else []):
            frames.append(frame)
            wanted -= len(frame)
            if wanted <= 0:
                break
        words = np.concatenate(frames[::-1]) if frames else np.zeros((1, 3))
        return words * (self.full_scale / 32768)

    def recordings(self, header: Header, most: int | None = None) -> list[Recording]:
        """What came, at most so many samples: one recording, or one for each part between losses."""
        found, left = [], self.samples if most is None else most
        for part in self.parts:
            words = np.concatenate(part)[:left]
            left -= len(words)
            if len(words):
                found.append(words)
        said = vars(header) | {"rate_hz": self.rate_hz, "axes": _AXES, "unit": "m/s2"}
        names = [header.name] if len(found) == 1 else [f"{header.name}_{i + 1}" for i in range(len(found))]
        return [Recording(words * np.float64(self.full_scale / 32768), **said | {"name": name})
                for words, name in zip(found, names, strict=True)]


def sensor_settings(chip: str, bus: str, rate_hz: float | None, range_g: float | None, extra: dict[str, Any],
                    near_hz: float = 1600.0) -> dict[str, Any]:
    """The node configuration's `sensor` section; what is not said: the rate nearest to near_hz, ±16 g or the widest."""
    driver = device.accelerometer(chip)
    rate = rate_hz or min(driver.RATES_HZ, key=lambda r: abs(np.log(r / near_hz)))
    wide = range_g or (16 if 16 in driver.RANGES_G else driver.RANGES_G[-1])
    settings: dict[str, Any] = {"chip": chip, "bus": bus, "id": 1, "rate_hz": rate, "range_g": wide}
    for key in ("rate_hz", "range_g"):  # MicroPython's JSON has no 400 that is a float
        settings[key] = int(settings[key]) if float(settings[key]).is_integer() else settings[key]
    if bus == "spi":
        settings["cs"] = 5
    settings |= extra
    config = device.module("config")
    try:
        config.check({"sensor": settings})
    except config.ConfigError as error:
        raise AuscultError(str(error), "a setting that the chip has", "see docs/node.md for the keys of `sensor`") from error
    return settings


def about(settings: dict[str, Any]) -> str:
    """The sensor, for a recording's metadata."""
    driver = device.accelerometer(settings["chip"])
    return f"{driver.NAME} ±{settings['range_g']} g, nominally {settings['rate_hz']} Hz"


# On a simulated board the sensor measures what the board is bolted to.
_RECORD = """
def _attach(settings):
    try:
        import simboard
    except ImportError:
        return None
    from auscult import config
    from auscult.virtual import machine
    return machine.attach(config.check({'sensor': settings}))
"""
# Whether the package and the driver can be imported; whether this is a simulated board, which needs its virtual chip, too
_HAS = """
try:
    import simboard
    simulated = True
except ImportError:
    simulated = False
try:
    from auscult import node
    from auscult.sensors import driver
    driver(CHIP)
    if simulated:
        from auscult.virtual import machine, setup
        setup.chip_class(CHIP)
    answer = [True, simulated]
except ImportError:
    answer = [False, simulated]
"""
_LIB = "import sys\nsys.path.insert(0, 'lib')\n"


def from_board(board: Device, settings: dict[str, Any], samples: int, progress: Callable[[str], None] = lambda _: None
               ) -> Generator[str, None, None]:
    """The lines of a board; what it lacks for that is sent to its folder lib. A program that runs there is interrupted;
    leaving early stops the recording."""
    way = _way(board, settings["chip"], progress)
    board.console.soft_reset()
    pending = ""
    for text in checked.stream(board.console, f"{way}{pasted.source('recorder.py')}{_RECORD}"
                                              f"_s = {settings!r}\nmain(_s, {samples}, _attach(_s))"):
        *lines, pending = (pending + text).replace("\r\n", "\n").split("\n")
        yield from lines


def _way(board: Device, chip: str, progress: Callable[[str], None]) -> str:
    """What makes the package with this driver importable: that of the slots, one that is there otherwise, or one in lib,
    where its files are put."""
    for way in (pasted.FIND, "", _LIB):
        board.console.soft_reset()
        has, simulated = checked.ask(board.console, f"{way}CHIP = {chip!r}\n{_HAS}", 30)
        if has:
            return way
    files = Files(board)
    for name, data in payload.package(board.facts().arch, chip, simulated, ("node",)).items():
        progress(f"sending {name}")
        files.put(f"lib/{name}", data)
    return _LIB


_VIRTUAL = """
import json, simboard
from auscult import config, recorder
from auscult.virtual.setup import attach
settings = {settings!r}
source = attach(config.check({{"sensor": settings}}), simboard.arg('recording'), None, int(simboard.arg('rate_ppm')))
recorder.main(settings, {samples}, source)
"""


@contextmanager
def virtual(board_name: str, recording: Recording, settings: dict[str, Any], samples: int,
            progress: Callable[[str], None] = lambda _: None, rate_error_ppm: int = 0) -> Iterator[Iterator[str]]:
    """The lines of a simulated board whose virtual chip plays a recording."""
    if recording.unit != "m/s2" or set(recording.axes) != set(_AXES):
        raise AuscultError(f"a recording of {', '.join(recording.axes)} in {recording.unit}", "acceleration on x, y and z",
                           "choose another for --virtual")
    words = virtual_sensor.chip_words(recording, settings["chip"], settings["range_g"], 1.0)
    rate_ppm = round((recording.rate_hz / settings["rate_hz"] - 1) * 1e6) + rate_error_ppm
    with tempfile.TemporaryDirectory(prefix="auscult-record-") as name:
        folder = Path(name)
        (folder / "recording.i16").write_bytes(words.astype("<i2").tobytes())
        progress(f"booting {board_name}")
        with SimBoard(board_name, deterministic=True,
                      args={"recording": str(folder / "recording.i16"), "rate_ppm": str(rate_ppm)}) as board:
            progress("deploying with mpremote")
            staged = folder / "staged"
            staged.mkdir()
            (staged / "auscult").symlink_to(playback.bytecode(board.board.arch))
            playback.deploy(board, staged)
            progress("recording")
            yield playback.lines(board, _VIRTUAL.format(settings=settings, samples=samples))


def header(name: str, settings: dict[str, Any], source: str, **said: Any) -> Header:
    """What is known before the first sample."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    made = Header(float(settings["rate_hz"]), _AXES, name=name, sensor=about(settings), source=source, started=now)
    return dataclasses.replace(made, **said)


def level(take: Take, seconds: float = 0.5) -> dict[str, Any]:
    """RMS around the mean and peak of each axis over the newest samples, as shares of full scale, for the display."""
    newest = take.newest(seconds)
    spread = newest - newest.mean(axis=0)
    full = take.full_scale or 16 * STANDARD_GRAVITY
    return {axis: (float(np.sqrt((spread[:, i] ** 2).mean())) / full, float(np.abs(newest[:, i]).max()) / full)
            for i, axis in enumerate(_AXES)}
