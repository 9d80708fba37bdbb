# SPDX-License-Identifier: Apache-2.0
"""Which sample rates a portable pipeline keeps up with on a board: its instructions are counted on a simulated core."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import boards, files, paths, work
from ..errors import AuscultError
from ..simulator import SimBoard
from ..spec import PipelineSpec
from . import files as portable_files

if TYPE_CHECKING:
    from ..estimators import ModelCode

MOST = 0.7  # share of the time; the rest is for sampling and reporting
ELSEWHERE = "sim_m4"  # for cores that are not simulated, as Xtensa
_COUNT = """
import json, simboard
from array import array
import portable_counted as p
state, out = bytearray(p.STATE_BYTES), array('i', bytes(4 * p.OUT_WORDS))
seed, blocks = 1, []
for _ in range(8):
    block = array('h', bytes({size}))
    for i in range(len(block)):
        seed = (seed * 1103515245 + 12345) & 0x3fffffff
        block[i] = (seed >> 14) - 32768
    blocks.append(block)
quiet = taken = 0
for k in range({most}):
    before = simboard.instructions()
    at = p.push(state, blocks[k & 7], 0, out)
    cost = simboard.instructions() - before
    if out[0]:
        break
    quiet, taken = quiet + cost, taken + at
each = quiet / taken
print(json.dumps({{'sample': each, 'window': cost - each * at, 'state_bytes': p.STATE_BYTES}}))
"""


@dataclass(frozen=True)
class Counted:
    """Instructions for each sample and besides for each window, on a simulated core; they are not cycles."""

    kind: str
    core: str
    sample: float
    window: float
    state_bytes: int

    def of_window(self, spec: PipelineSpec) -> float:
        """From one window to the next."""
        return self.sample * spec.hop + self.window


@dataclass(frozen=True)
class Rate:
    """share: of a board's time at the pipeline's rate; highest_hz: the rate at which it would be MOST. Both by the board's
    clock and cycles per instruction, which is an assumption."""

    board: str
    counted: Counted
    instructions: int
    share: float
    highest_hz: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def count(spec: PipelineSpec, kind: str, module: Path, core: str) -> Counted:
    """Run a portable module on a simulated core; what was counted is kept."""
    key = hashlib.sha256(module.read_bytes() + f"{core}\0{_COUNT}\0{spec.hop}".encode()).hexdigest()[:20]
    kept = paths.cache() / "native" / f"{spec.name}-{kind}-counts-{key}.json"
    if not kept.is_file():
        block = max(1, min(32, spec.window // 4))
        with SimBoard(core, deterministic=True) as board:
            board.put(module, "/portable_counted.mpy")
            text = board.exec(_COUNT.format(size=2 * len(spec.axes) * block, most=4 * (spec.window + spec.hop) // block + 8),
                              timeout_s=600)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with files.atomic(kept) as part:
            part.write_text(text.strip().splitlines()[-1], encoding="utf-8")
    return Counted(kind, core, **json.loads(kept.read_text(encoding="utf-8")))


def rate(spec: PipelineSpec, model: "ModelCode | None", board: str, bytecode: bool = False) -> Rate | None:
    """Of the fastest portable module for a board, or of bytecode; None for a simulated board, which has no clock."""
    about = boards.load(board)
    if about.clock_hz is None:
        return None
    try:
        core = work.core(board)
    except AuscultError:
        core = ELSEWHERE
    of_core = boards.load(core).arch
    made = portable_files.pipeline(spec, model, {about.arch, of_core})
    machine = f"portable-{about.arch}" in made and not bytecode
    kind = f"portable-{about.arch}" if machine else "portable"
    counted = count(spec, kind, made[f"portable-{of_core}" if machine else kind], core)
    each = counted.of_window(spec)
    windows = MOST * about.clock_hz / about.cycles_per_instruction / each  # a second
    return Rate(board, counted, round(each), MOST * spec.rate_hz / spec.hop / windows, windows * spec.hop)


def check(spec: PipelineSpec, found: Rate, compiler: str, faster: float | None) -> None:
    """Raises AuscultError if a board can't keep up. compiler: what would build a native module; faster: how many times that
    would be faster, if known."""
    if found.share <= MOST:
        return
    gain = f", a native module is about {faster:.0f} times faster" if faster else ""
    raise AuscultError(
        f"portable, {spec.name} would take {found.share:.0%} of the time of {found.board} at {spec.rate_hz:g} Hz "
        f"({found.instructions:,} instructions a window, counted on {found.counted.core})",
        f"at most {MOST:.0%}, which is up to {rounded(found.highest_hz)} Hz",
        f"install {compiler} and build again{gain}; or train with fewer features or a lower rate; --force builds it anyway")


def rounded(hz: float) -> str:
    """With two digits that mean something, downwards."""
    step = 10.0 ** (math.floor(math.log10(hz)) - 1)
    return f"{math.floor(hz / step) * step:,g}"
