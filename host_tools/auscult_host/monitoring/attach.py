# SPDX-License-Identifier: Apache-2.0
"""Starting the node of a board so that it can be watched, and what a simulated board's sensor then measures."""

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import checked, pasted, slow, virtual_sensor
from ..devices import Device
from ..errors import AuscultError
from ..recordings import Recording
from ..transport import BoardError

_SENSOR = pasted.FIND + """
from auscult import config
answer = config.load(_path)['sensor']
"""
# A pair that is on trial gets its chance here, too: it was started once, and would be rolled back by the next start.
_WATCH = """
def _watch(samples, every_ms):
    import json
    from auscult import config, node
    more = {'trial': _trial} if _trial else {}
    try:
        settings = config.load(_path)
        settings['report']['to'], settings['report']['every'] = 'stdout', 'window'
    except (OSError, ValueError) as error:
        print(json.dumps({'error': str(error)}))
        return
    node.main(settings, tap=lambda made: Waves(made, samples, every_ms), **more)
"""


def watch(board: Device, samples: int, every_ms: int) -> Iterator[str]:
    """The lines of the board's node, started with runs of so many samples every_ms (0: none). A program that runs there is
    interrupted; leaving early stops the node."""
    board.console.soft_reset()  # the heap, and the bus, are as at a start
    with _package_needed(board):
        yield from lines(board, f"{pasted.FIND}{pasted.source('waves.py')}{_WATCH}_watch({samples}, {every_ms})")


def lines(board: Device, code: str) -> Iterator[str]:
    """The lines of a program as they come."""
    pending = ""
    for text in checked.stream(board.console, code):
        *whole, pending = (pending + text).replace("\r\n", "\n").split("\n")
        yield from whole
    if pending:
        yield pending


def bolt(board: Device, recording: Recording, loop: bool = False) -> None:
    """Has the sensor of a simulated board's node measure a recording."""
    if board.simulated is None:
        raise AuscultError(f"--recording for {board.name}, a real board", "a simulated one, whose sensor can play it",
                           "leave --recording out, or take --device sim_m4")
    with _package_needed(board):
        sensor = checked.ask(board.console, _SENSOR, 30)
    made = signal(recording, sensor)
    board.listen(made.words, loop=loop, **made.about)


def signal(recording: Recording, sensor: dict[str, Any]) -> virtual_sensor.Signal:
    """A recording as the sensor of a node's configuration measures it; AuscultError where it can't."""
    if sensor["chip"] in slow.chips():
        largest = float(np.abs(recording.data).max())
        return virtual_sensor.signal(recording, sensor, 2.0 ** max(0, math.ceil(math.log2(largest + 1))))
    if recording.unit != "m/s2" or set(recording.axes) != set(virtual_sensor.AXES):
        raise AuscultError(f"a recording of {', '.join(recording.axes)} in {recording.unit or 'no unit'}, for {sensor['chip']}",
                           "acceleration in m/s2 on x, y and z", "choose another with --recording")
    return virtual_sensor.signal(recording, sensor, 1.0)


@contextlib.contextmanager
def _package_needed(board: Device) -> Iterator[None]:
    """Says what to do where the board has no node."""
    try:
        yield
    except BoardError as error:
        if "ImportError" not in error.traceback and "no node configuration" not in error.traceback:
            raise
        why = error.traceback.strip().splitlines()[-1]
        raise AuscultError(f"{board.name} has no node to watch ({why})", "the package, a pipeline and its configuration there",
                           "`auscult deploy` puts them there") from error
