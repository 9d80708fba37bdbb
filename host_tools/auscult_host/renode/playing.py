# SPDX-License-Identifier: Apache-2.0
"""A recording played to the node on a board in Renode, from memory: as playback.play() does in QEMU."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import boards, payload, playback, slow, virtual_sensor
from ..bundles import Source
from ..errors import AuscultError
from ..faults import Fault
from ..playback import Played
from ..recordings import Recording
from ..train import Trained
from . import files
from .simulator import BOARD, RenodeBoard, firmware, program

_SLOWER = 20  # than the recording, at most


def boards_there() -> list[str]:
    """Those that have been set up for it."""
    return [BOARD]


def play(made: Trained | Source, recording: Recording, *, chip: str, bus: str, k: int, n: int, module: Path | None,
         real_time: bool, broken: Sequence[Fault], progress: Callable[[str], None]) -> Iterator[tuple[Played, dict[str, Any]]]:
    """Yields (what came so far, the newest line) as the node's lines come. The chip's words come from memory. AuscultError for
    what only QEMU's virtual chips can do, and for a node that does not play to its end."""
    for what, given in (("faults of a sensor", broken), (f"the slow sensor {chip}", chip in slow.chips()),
                        ("a module of one's own", module)):
        if given:
            raise AuscultError(f"{what} in Renode", "an accelerometer without faults, a model or a bundle",
                               "take --simulator qemu")
    program()
    firmware()
    config = playback.check(made, recording, BOARD, chip=chip, bus=bus, k=k, n=n)
    config["pipeline"] = "pipeline.mpy"
    config["sensor"] |= {"int_pin": None} | boards.load_real(BOARD).sensor_settings("spi" if bus == "spi" else "i2c")
    signal = virtual_sensor.signal(recording, config["sensor"], made.spec.full_scale)
    source = made if isinstance(made, Source) else Source(made.spec, made, None, {})
    progress(f"building for {BOARD}")
    deployed = files.deployed(payload.make(source, config, "armv7emsp", BOARD), files.common("feed.py"), first=True)
    spec, words = made.spec, signal.words
    played = Played(words, spec.axes, recording.rate_hz, spec.window, spec.hop, raw_bytes=words.size * 2)
    if spec.trigger and source.trained:
        played.starts = source.trained.pipeline().run(played.heard).start.tolist()
    progress("starting Renode")
    with RenodeBoard(deployed, words.astype("<i2").tobytes(), real_time) as board:
        progress("playing")
        for text in board.console.lines(60 + _SLOWER * recording.seconds):
            if not text.startswith("{"):  # the prompt, when the node has ended
                continue
            line = playback.parse_line(text)
            if "confirmed" in line:  # of the slots, not of the node
                continue
            played.lines.append(line)
            yield played, line
            if played.end:
                return
    raise playback.stopped(played, BOARD)
