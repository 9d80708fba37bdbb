# SPDX-License-Identifier: Apache-2.0
"""What a pipeline takes without a native module: machine code of the viper emitter, and bytecode."""

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import bench_models, build, features
from ..estimators import ModelCode, convert
from ..portable import files
from ..spec import PipelineSpec
from .counting import Case, CountingBoard, Metrics

# Bytecode allocates: what the garbage collector takes is in the figure, as it is in a node's time.
_PUSH = """
import json, simboard, {name} as module
from array import array
state, out = bytearray(module.STATE_BYTES), array('i', bytes(4 * module.OUT_WORDS))
with open('/windows', 'rb') as file: data = file.read()
items = [memoryview(data)[i:i + {size}] for i in range(0, len(data), {size})]
def call(item): module.push(state, item, 0, out)
"""
_PREDICT = """
import json, simboard, {name} as module
from array import array
out = array('i', bytes(4 * module.OUT_WORDS))
with open('/windows', 'rb') as file: data = file.read()
items = [array('h', data[i:i + {size}]) for i in range(0, len(data), {size})]
def call(item): module.predict(item, out)
"""
_COUNT = """
call(items[0])
before = simboard.instructions()
for item in items: call(item)
print(json.dumps({'instructions': (simboard.instructions() - before) // len(items)}))
"""
_FEW = 3


@lru_cache
def _subject(what: str) -> tuple[PipelineSpec | None, ModelCode | None, NDArray[np.int16]]:
    """(pipeline or None, model or None, windows or rows)"""
    if what == "f54":
        spec = PipelineSpec.make(name="f54", features=features.names(["x", "y", "z"], features.F54_KINDS))
        return spec, None, bench_models.bench_windows()[:_FEW]
    if what == "activity":
        spec, forest, windows = bench_models.activity()
        return spec, convert(forest, len(spec.features)), windows[:_FEW]
    estimator, rows = bench_models.bench_forest()
    return None, convert(estimator, rows.shape[1], "small"), rows[:10 * _FEW]


def _count(board: CountingBoard, name: str, module: Path, code: str, data: NDArray[np.int16]) -> Metrics:
    board.put(module, f"/{name}.mpy")
    board.put(data.astype("<i2").tobytes(), "/windows")
    return board.run(code.format(name=name, size=data[0].size * 2) + _COUNT) | {"file_bytes": module.stat().st_size}


def _portable(what: str, machine: bool, board: CountingBoard) -> Metrics:
    spec, model, data = _subject(what)
    if spec is not None:
        made, native, code = files.pipeline(spec, model, [board.arch]), build.native_module(spec, board.arch, model), _PUSH
    else:
        assert model is not None
        made, code = files.model(what, model, data.shape[1], [board.arch]), _PREDICT
        native = build.model_module(what, model, data.shape[1], board.arch)
    kind = f"portable-{board.arch}" if machine else "portable"
    counted = _count(board, "portable_module", made[kind], code, data)
    by_native = _count(board, "native_module", native, code, data)["instructions"]
    return counted | {"per_mille_of_native": 1000 * counted["instructions"] // by_native}


def _case(what: str, machine: bool) -> Case:
    measure: Callable[[CountingBoard], Metrics] = partial(_portable, what, machine)
    return Case(f"portable.{what}" + ("" if machine else "_bytecode"), measure, alone=True, within=0.0 if machine else 0.05)


CASES = [_case(what, machine) for machine in (True, False) for what in ("f54", "forest_small", "activity")]
