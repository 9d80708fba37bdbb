# SPDX-License-Identifier: Apache-2.0
"""Play a recording into a virtual sensor chip on a simulated board that runs the node, and collect its verdicts."""

import hashlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import boards, build, decision, device, faults, files, paths, recordings, slow, toolchain, virtual_sensor
from .bundles import Source
from .errors import AuscultError
from .pictures import Verdict
from .simulator import SimBoard
from .spec import Made
from .train import Trained
from .virtual_sensor import AXES

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


def node_config(made: Made, chip: str = "adxl345", bus: str = "i2c", k: int = 3, n: int = 5,
                every: str = "window", int_pin: int | None = 4) -> dict[str, Any]:
    """The node's one JSON file for a trained pipeline."""
    sensor = virtual_sensor.sensor_settings(made, chip, bus)
    if int_pin is not None and chip not in slow.chips() and device.accelerometer(chip).WATERMARK_LINE:
        sensor["int_pin"] = int_pin
    return {"name": made.spec.name[:32], "pipeline": "/pipeline.mpy", "sensor": sensor,
            "decision": decision.settings(k, n),
            "report": {"to": "stdout", "every": every}}


def stage(made: Trained | Source, arch: str, config: dict[str, Any], folder: Path, layout: str = "fast",
          module: Path | None = None) -> Path:
    """Everything a simulated board needs, as one folder to copy: what a node with this chip imports, as bytecode, the
    pipeline (of the bundle, or built, unless a module is given), the configuration."""
    from . import payload  # has node_config() from here

    for name, data in payload.package(arch, config["sensor"]["chip"], simulated=True).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    built = module.read_bytes() if module else _source(made, layout).module(arch, config["name"])[2]
    (folder / "pipeline.mpy").write_bytes(built)
    (folder / "auscult.json").write_text(json.dumps(config))
    return folder


def _source(made: Trained | Source, layout: str) -> Source:
    return made if isinstance(made, Source) else Source(made.spec, made, None, {}, layout)


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
import json
from auscult import config, node
from auscult.virtual.machine import attach
try:
    source = attach(config.load())
except (OSError, ValueError) as error:
    print(json.dumps({"error": str(error)}))
else:
    node.main(source=source)
"""


def check(made: Trained | Source, recording: recordings.Recording, board_name: str = "sim_m4", *, chip: str = "adxl345",
          bus: str = "i2c", k: int = 3, n: int = 5, every: str = "window", module: Path | None = None,
          broken: Sequence[faults.Fault] = ()) -> dict[str, Any]:
    """Raises AuscultError for what cannot be played, with the node's configuration as the result: nothing is booted."""
    virtual_sensor.check_recording(made, recording, chip)
    arch = boards.load(board_name).arch
    if module:
        build.check_architecture(module, arch, board_name)
    elif isinstance(made, Source) and made.trained is None:
        made.module(arch, board_name)
    config = node_config(made, chip, bus, k, n, every)
    faults.check(broken, recording, chip, bus)
    if recording.rpm and any(feature.order for feature in made.spec.parsed()):
        config["shaft_hz"] = recording.rpm / 60
    return config


def play(made: Trained | Source, recording: recordings.Recording, board_name: str = "sim_m4", *, chip: str = "adxl345",
         bus: str = "i2c", k: int = 3, n: int = 5, layout: str = "fast", real_time: bool = False,
         every: str = "window", module: Path | None = None, broken: Sequence[faults.Fault] = (),
         progress: Callable[[str], None] = lambda _: None,
         on_board: Callable[[SimBoard, Path], None] | None = None) -> Iterator[tuple[Played, dict[str, Any]]]:
    """Boot, deploy, play; yields (what came so far, the newest line) as the node's lines come.

    The virtual chip samples at the recording's own rate, whatever the nominal rate is. module: a .mpy file to deploy instead
    of the bundle's or of building one. Unless real_time, virtual time counts instructions and idle time is skipped: the
    result is the same, sooner. broken: what breaks meanwhile.
    on_board(board, staged folder) is called after deployment, for measurements.
    Raises AuscultError for a recording that does not suit the model or the chip, and for a node that does not play it
    to its end, with what the node said.
    """
    config = check(made, recording, board_name, chip=chip, bus=bus, k=k, n=n, every=every, module=module, broken=broken)
    signal = virtual_sensor.signal(recording, config["sensor"], made.spec.full_scale, broken)
    words = signal.words
    with tempfile.TemporaryDirectory(prefix="auscult-play-") as name:
        folder = Path(name)
        machine = signal.write(folder)
        progress(f"booting {board_name}")
        with SimBoard(board_name, deterministic=not real_time, args={"machine": str(machine)}) as board:
            progress("deploying with mpremote")
            staged = folder / "staged"
            staged.mkdir()
            deploy(board, stage(made, board.board.arch, config, staged, layout, module))
            if on_board:
                on_board(board, staged)
            progress("playing")
            spec = made.spec
            played = Played(words, spec.axes, recording.rate_hz, spec.window, spec.hop, raw_bytes=words.size * 2)
            if chip in slow.chips():
                played.columns = tuple(spec.axes)
                played.words = slow.heard(words, recording.axes, made, config["sensor"])
            trained = made.trained if isinstance(made, Source) else made
            if spec.trigger and trained:
                played.starts = trained.pipeline().run(played.heard).start.tolist()
            for text in lines(board, _NODE):
                line = parse_line(text)
                played.lines.append(line)
                if spec.trigger and not trained and "w" in line:  # no C of it here
                    played.starts.append(round(line["t"] / 1000 * recording.rate_hz) - spec.window)
                yield played, line
            if not played.end:
                raise stopped(played, board_name)


def parse_line(text: str) -> dict[str, Any]:
    """A line of the node; anything else that the board prints is kept as {"text": ...}."""
    try:
        line = json.loads(text)
    except ValueError:
        line = None
    return line if isinstance(line, dict) else {"text": text}


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


def stopped(played: Played, board: str) -> AuscultError:
    """Why there is no closing line."""
    errors = [line["error"] for line in played.lines if "error" in line]
    last = errors[-1] if errors else json.dumps(played.lines[-1]) if played.lines else "it said nothing"
    return AuscultError(f"the node on {board} {'stopped' if played.verdicts else 'did not start'}: {last}",
                        "a node that plays the recording to its end", "mend what it names, then run the command again")
