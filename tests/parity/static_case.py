# SPDX-License-Identifier: Apache-2.0
"""A small pipeline linked into a simulated board's firmware, as `auscult firmware` makes it of a bundle, and what it says."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import windows
from auscult_host import boards, build, firmware
from auscult_host import features as table
from auscult_host.estimators import convert
from auscult_host.hostlib import HostPipeline, choose_shifts
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec
from sklearn.ensemble import RandomForestClassifier

_RUN = """
import array, gc, simboard
gc.collect(); heap = gc.mem_alloc()
import {name} as p
gc.collect(); print(gc.mem_alloc() - heap)
st, out = bytearray(p.STATE_BYTES), array.array('i', bytes(4 * p.OUT_WORDS))
f, o, b = simboard.host_open({source!r}, 'rb'), simboard.host_open({target!r}, 'wb'), bytearray({size})
for _ in range({n}):
    f.readinto(b); p.push(st, b, 0, out); o.write(out)
f.close(); o.close()
"""


class Linked(NamedTuple):
    """A pipeline, and the firmware that it is linked into."""

    spec: PipelineSpec
    model: RandomForestClassifier
    code: Any
    data: np.ndarray
    bundle: Path
    firmware: Path


def link(board: str, folder: Path) -> Linked:
    """The firmware is kept in the build folder, by what goes into it."""
    spec = PipelineSpec.make(name="linked", window=128, hop=128, axes=list("xyz"),
                             features=table.names(list("xyz"), ["std", "kurtosis", "share_2_8"]))
    data = windows.signals(128, 3, 1000)
    raw = HostPipeline(spec).features(data)
    spec = spec.model_copy(update={"shifts": choose_shifts(raw), "classes": ["a", "b"]})
    model = RandomForestClassifier(8, max_depth=5, random_state=0)
    model.fit(raw >> np.array(spec.shifts), raw[:, 0] > np.median(raw[:, 0]))
    code = convert(model, len(spec.features))
    bundle = build.bundle(spec, folder / "linked.bundle", [boards.load(board).arch], code)
    made = firmware.make(firmware.Wanted(board, bundle), folder / "out")
    assert made["pipeline"] == "linked" and made["images"].keys() == {"firmware.elf"}
    return Linked(spec, model, code, data, bundle, folder / "out" / "firmware.elf")


def run(board: SimBoard, linked: Linked, name: str, folder: Path) -> tuple[int, np.ndarray]:
    """Bytes of heap that importing the module keeps, and all words that it says to the data."""
    (folder / "in").write_bytes(linked.data.astype("<i2").tobytes())
    kept = int(board.exec(_RUN.format(name=name, source=str(folder / "in"), target=str(folder / "words"), n=len(linked.data),
                                      size=linked.data[0].size * 2)))
    return kept, np.frombuffer((folder / "words").read_bytes(), "<i4").reshape(len(linked.data), -1)


def expected(linked: Linked) -> np.ndarray:
    """Class, probabilities in Q15 and features of each window, through the library on the PC."""
    verdicts = [v for w in linked.data for v in HostPipeline(linked.spec, linked.code).push(w)]
    return np.array([[v.index, *(round(p * 32768) for p in v.proba), *v.features] for v in verdicts])
