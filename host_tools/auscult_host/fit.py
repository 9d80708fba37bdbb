# SPDX-License-Identifier: Apache-2.0
"""Which boards can run a bundle, and with what margin: RAM, file system, and time of a window."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from . import boards, costs, payload
from .errors import AuscultError
from .estimators import ModelCode
from .portable.rates import ELSEWHERE, count
from .spec import PipelineSpec
from .work import core

Verdict = Literal["yes", "tight", "no"]

_CHIP = "adxl345"  # the drivers differ by less than a kilobyte
_LOADED = 1.15  # heap that a node takes, in bytes of the package: 51,728 of 45,175 counted on sim_m4
_BLOCK = 512  # of MicroPython's FAT; a file takes whole ones
_TIGHT = 0.6  # the rest of the RAM: the firmware's own data, stack, gaps in the heap
_FULL = 0.9  # the rest of the files: folders, the record of slots, what is written beside
_BUSY = 0.5  # share of the time; sampling and reporting are not in it


@dataclass
class Fit:
    """What a bundle takes of one board. file: of the bundle; ram_bytes: package, module, its state and outputs; files_bytes:
    package and model, each twice, so that an update can't leave half of one; instructions of a window: predicted, or of a
    portable pipeline counted; share: of the time between two windows."""

    board: str
    verdict: Verdict = "yes"
    why: list[str] = field(default_factory=list)
    file: str = ""
    module_bytes: int = 0
    state_bytes: int = 0
    package_bytes: int = 0
    ram_bytes: int = 0
    ram_room: int = 0
    files_bytes: int = 0
    files_room: int = 0
    instructions: int | None = None
    counted_on: str = ""
    cycles_per_instruction: float | None = None
    seconds: float | None = None
    share: float | None = None

    def _judge(self, verdict: Verdict, why: str) -> None:
        order: list[Verdict] = ["yes", "tight", "no"]
        self.verdict = max(self.verdict, verdict, key=order.index)
        self.why.append(why)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_bundle(folder: Path) -> dict[str, Any]:
    """The manifest of a pipeline's bundle."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AuscultError(f"{folder} has no manifest.json that can be read", "a bundle, as `auscult build` writes it",
                           "run `auscult build` first") from error
    if not isinstance(manifest, dict) or not {"files", "features", "window"} <= manifest.keys():
        raise AuscultError(f"{folder} holds no pipeline", "a bundle of a pipeline, as `auscult build` writes it",
                           "a model alone has no windows to reckon with")
    return manifest


def fit(folder: Path, chosen: list[str] | None = None, progress: Callable[[str], None] = lambda _: None) -> list[Fit]:
    """For each board (of `chosen`, else all): whether it runs the bundle in `folder`."""
    manifest = read_bundle(folder)
    spec = PipelineSpec.model_validate({key: manifest[key] for key in PipelineSpec.model_fields if key in manifest})
    about = manifest.get("model")
    model = ModelCode("", about["kind"], about["classes"], spec.classes, about) if about else None
    return [_fit(folder, manifest["files"], spec, model, boards.load(name), progress) for name in chosen or boards.names()]


def _fit(folder: Path, files: dict[str, Any], spec: PipelineSpec, model: ModelCode | None, board: boards.Board,
         progress: Callable[[str], None]) -> Fit:
    found = Fit(board.name)
    kind = next((kind for kind in (board.arch, f"portable-{board.arch}", "portable") if kind in files), None)
    if kind is None:
        found._judge("no", f"the bundle has no module for {board.arch}, nor a portable one: build it with --board NAME")
        return found
    found.file, found.module_bytes = files[kind]["file"], files[kind]["bytes"]
    found.package_bytes = sum(package().values())
    found.state_bytes = costs.state_bytes(spec) + 4 * costs.out_words(spec, model)
    _memory(found, board)
    if kind == board.arch:
        _predict(found, spec, model, board)
    else:
        _count(found, folder, files, spec, board, progress)
    _time(found, spec, board)
    return found


def _memory(found: Fit, board: boards.Board) -> None:
    ram, room = ((board.memory.ram_kib, board.memory.files_kib) if isinstance(board, boards.RealBoard)
                 else (board.heap_kib, board.disk_kib) if isinstance(board, boards.SimulatedBoard) else (0, 0))
    found.ram_room, found.files_room = 1024 * ram, 1024 * room
    found.ram_bytes = round(_LOADED * found.package_bytes) + found.module_bytes + found.state_bytes
    share = found.ram_bytes / found.ram_room
    if share > _TIGHT:
        found._judge("no" if share > 1 else "tight", f"RAM: needs {kib(found.ram_bytes)} of {ram} KiB")
    once = sum(_whole_blocks(size) for size in package().values())
    models = 2 * (_whole_blocks(found.module_bytes) + 3 * _BLOCK)
    found.files_bytes = 2 * once + models
    if found.files_bytes > _FULL * found.files_room:
        alone = models <= _FULL * found.files_room
        found._judge("tight" if alone else "no", f"files: needs {kib(found.files_bytes)} of {room} KiB"
                     + ("; less with the package in the firmware: make firmware" if alone else ""))


def _predict(found: Fit, spec: PipelineSpec, model: ModelCode | None, board: boards.Board) -> None:
    try:
        found.counted_on = core(board.name)
        found.instructions = costs.instructions(spec, model, found.counted_on)
    except AuscultError as error:
        found._judge("tight", f"its time is not predicted: {error.found}")


def _count(found: Fit, folder: Path, files: dict[str, Any], spec: PipelineSpec, board: boards.Board,
           progress: Callable[[str], None]) -> None:
    """Of a portable pipeline, as the build counted it for this board, or by running it on a simulated core; once, then it is
    known."""
    own = f"portable-{board.arch}" if found.file.count("-") > 1 else "portable"
    for rate in read_bundle(folder).get("portable") or []:
        if (rate["board"], rate["counted"]["kind"]) == (board.name, own):
            found.counted_on, found.instructions = rate["counted"]["core"], rate["instructions"]
            return
    try:
        found.counted_on = core(board.name)
    except AuscultError:
        found.counted_on = ELSEWHERE
    kind = f"portable-{boards.load(found.counted_on).arch}" if found.file.count("-") > 1 else "portable"
    if kind not in files:
        found._judge("tight", f"portable, and its time is not known: the bundle has none for {found.counted_on} to count with")
        return
    progress(f"counting the portable pipeline on {found.counted_on}")
    counted = count(spec, kind, folder / Path(files[kind]["file"]).name, found.counted_on)
    found.instructions = round(counted.of_window(spec))
    found._judge("yes", f"the portable pipeline, counted on {found.counted_on}; a native one is faster")


def _time(found: Fit, spec: PipelineSpec, board: boards.Board) -> None:
    if board.clock_hz is None or found.instructions is None:
        return
    found.cycles_per_instruction = board.cycles_per_instruction
    found.seconds = found.instructions * board.cycles_per_instruction / board.clock_hz
    found.share = found.seconds / (spec.hop / spec.rate_hz)
    if found.share > _BUSY:
        found._judge("no" if found.share > 1 else "tight",
                     f"time: {1000 * found.seconds:.3g} ms for each {1000 * spec.hop / spec.rate_hz:.3g} ms")


@cache
def package() -> dict[str, int]:
    """Bytes of each file of the device package that a node with one driver needs, as they are deployed."""
    return {name: len(data) for name, data in payload.package("armv7emsp", _CHIP, simulated=False).items()}


def _whole_blocks(size: int) -> int:
    return _BLOCK * math.ceil(size / _BLOCK)


def kib(size: int) -> str:
    return f"{size / 1024:.3g} KiB"
