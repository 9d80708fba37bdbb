# SPDX-License-Identifier: Apache-2.0
"""Our own pipelines and models on the boards."""

from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import bench_models, build, features, firmware, paths, playback
from ..errors import AuscultError
from ..estimators import ModelCode, convert
from ..spec import PipelineSpec
from .counting import Case, CountingBoard, Metrics

_WINDOWS = """
import {name} as module
from array import array
push, state, out = module.push, bytearray(module.STATE_BYTES), array('i', [0] * module.OUT_WORDS)
with open('/windows', 'rb') as file: data = file.read()
items = [memoryview(data)[i:i + {size}] for i in range(0, len(data), {size})]
"""
ROWS = """
from array import array
with open('/rows', 'rb') as file: data = file.read()
items = [array('h', data[i:i + 24]) for i in range(0, len(data), 24)]
"""


def pipeline(board: CountingBoard, spec: PipelineSpec, model: ModelCode | None, windows: NDArray[np.int16]) -> Metrics:
    """push() of whole windows int16 [n, window, axes]."""
    module = build.native_module(spec, board.arch, model)
    board.put(module, f"/{spec.name}.mpy")
    board.put(windows.astype("<i2").tobytes(), "/windows")
    counted = board.calls(_WINDOWS.format(name=spec.name, size=windows[0].size * 2), "push", "push(state, item, 0, out)",
                          "state out", '"state_bytes": module.STATE_BYTES')
    return counted | {"file_bytes": module.stat().st_size}


def predict(board: CountingBoard, module: Path, rows: NDArray[np.int16], expected: NDArray[np.int_]) -> Metrics:
    """predict() of a model's module, averaged over int16 rows [n, 12]. A wrong class is an error, not a figure."""
    board.put(module, "/model.mpy")
    board.put(rows.astype("<i2").tobytes(), "/rows")
    counted = board.calls("from model import predict\n" + ROWS, "predict", "predict(item)",
                          more='"sum": sum((i + 1) * predict(item) for i, item in enumerate(items))')
    if counted.pop("sum") != int((expected * np.arange(1, len(expected) + 1)).sum()):
        raise AuscultError(f"{board.name}: classes of {module.name} are not the estimator's", "the same in every row")
    return counted | {"file_bytes": module.stat().st_size}


def _f54(board: CountingBoard) -> Metrics:
    spec = PipelineSpec.make(name="f54", features=features.names(["x", "y", "z"], features.F54_KINDS))
    return pipeline(board, spec, None, bench_models.bench_windows())


def _activity(board: CountingBoard) -> Metrics:
    spec, forest, windows = bench_models.activity()
    return pipeline(board, spec, convert(forest, len(spec.features)), windows)


def _window(board: CountingBoard) -> Metrics:
    trained, windows = bench_models.machine()
    return pipeline(board, trained.spec, trained.code(), windows)


@lru_cache
def _bundle() -> Path:
    """`window`'s pipeline, under a name that no module of MicroPython has."""
    trained, _ = bench_models.machine()
    return build.bundle(trained.spec.model_copy(update={"name": "listens"}), paths.cache() / "firmware" / "listens.bundle", [],
                        trained.code())


def _static_firmware(name: str) -> Path:
    out = paths.cache() / "firmware" / f"listens-{name}"
    firmware.make(firmware.Wanted(name, _bundle()), out)
    return out / "firmware.elf"


def _window_static(board: CountingBoard) -> Metrics:
    """The same as `window`, out of the firmware."""
    _, windows = bench_models.machine()
    board.put(windows.astype("<i2").tobytes(), "/windows")
    return board.calls(_WINDOWS.format(name="listens", size=windows[0].size * 2), "push", "push(state, item, 0, out)",
                       "state out", '"state_bytes": module.STATE_BYTES')


def _load_window(board: CountingBoard) -> Metrics:
    trained, _ = bench_models.machine()
    module = build.native_module(trained.spec, board.arch, trained.code())
    board.put(module, "/machine.mpy")
    return board.import_of("machine") | {"file_bytes": module.stat().st_size}


def _load_static(board: CountingBoard) -> Metrics:
    return board.import_of("listens")


def _feature(kind: str, board: CountingBoard) -> Metrics:
    """One kind of feature of one axis, or one feature of three axes."""
    axes = ["x"] if kind not in features.SIMPLE or kind in features.SIGNAL else ["x", "y", "z"]
    spec = PipelineSpec.make(name="feature", axes=axes, features=features.names(axes, [kind])[:1])
    return pipeline(board, spec, None, np.ascontiguousarray(bench_models.bench_windows()[:, :, :len(axes)]))


@lru_cache
def _code(kind: str, layout: str) -> tuple[ModelCode, NDArray[np.int16], NDArray[np.int_]]:
    """(the model as C, rows, class index of each row by scikit-learn)"""
    estimator, rows = bench_models.bench_model(kind)
    code = convert(estimator, 12, layout)
    index = {label: i for i, label in enumerate(code.classes)}
    # floats: some estimators square an int16 array in int16
    return code, rows, np.array([index[label] for label in estimator.predict(rows.astype(float)).tolist()])


def _model(kind: str, layout: str, board: CountingBoard) -> Metrics:
    code, rows, expected = _code(kind, layout)
    return predict(board, build.model_module("model", code, 12, board.arch), rows, expected)


def _load(layout: str, board: CountingBoard) -> Metrics:
    module = build.model_module("model", _code("forest", layout)[0], 12, board.arch)
    board.put(module, "/model.mpy")
    return board.import_of("model") | {"file_bytes": module.stat().st_size}


def _load_pipeline(checked: bool, board: CountingBoard) -> Metrics:
    """A whole pipeline, by `import`; or checked, by auscult.pipeline.load() as the node does it: the file is looked
    through, imported, its description read and the buffers made."""
    trained, _ = bench_models.machine()
    module = build.native_module(trained.spec, board.arch, trained.code("small"))
    board.put(module, "/machine.mpy")
    if not checked:
        return board.import_of("machine") | {"file_bytes": module.stat().st_size}
    for file in sorted(playback.bytecode(board.arch).rglob("*.mpy")):
        relative = file.relative_to(playback.bytecode(board.arch))
        if len(relative.parts) == 1:
            board.put(file, f"/auscult/{relative}")
    counted = board.import_of("auscult.pipeline", "loaded = auscult.pipeline.load('/machine.mpy')")
    return counted | {"file_bytes": module.stat().st_size}


_KINDS = features.SIMPLE + ["band_1_8", "share_1_8", "env_rms"]
_MODELS = [("forest_fast", "forest", "fast"), ("forest_small", "forest", "small"),
           *((kind, kind, "fast") for kind in ("extra_trees", "tree", "mlp", "gmm", "elliptic", "nb"))]
CASES = [
    Case("f54", _f54, in_table=True),
    Case("forest", partial(_model, "forest", "fast"), in_table=True),
    Case("forest_small", partial(_model, "forest", "small"), in_table=True),
    Case("activity", _activity, in_table=True),
    Case("load", partial(_load, "small"), in_table=True, alone=True),
    Case("load_fast", partial(_load, "fast"), alone=True),
    Case("load_pipeline", partial(_load_pipeline, False), alone=True),
    Case("load_node", partial(_load_pipeline, True), alone=True),
    Case("window", _window),
    Case("load_window", _load_window, alone=True),
    Case("window_static", _window_static, alone=True, firmware=_static_firmware),
    Case("load_static", _load_static, alone=True, firmware=_static_firmware),
    *(Case(f"feature.{kind}", partial(_feature, kind)) for kind in _KINDS),
    *(Case(f"model.{name}", partial(_model, kind, layout)) for name, kind, layout in _MODELS),
]
