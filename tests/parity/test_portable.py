# SPDX-License-Identifier: Apache-2.0
"""The core translated to Python says the same bits as C: on CPython, on MicroPython's unix port and on every board, as bytecode
and as machine code of the viper emitter."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import windows
from auscult_host import bench_models, toolchain
from auscult_host import features as table
from auscult_host.estimators import ModelCode, convert, fit_guard
from auscult_host.generate import press
from auscult_host.hostlib import HostPipeline, choose_shifts
from auscult_host.portable import files
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec
from sklearn.ensemble import RandomForestClassifier

from parity import c_cases, test_bits
from parity.model_cases import CASES as MODELS
from parity.model_cases import NARROW
from parity.model_on_host import run_model

ROWS = 40
MODEL_NAMES = ["bench_forest_fast", "forest_10_names_small", "forest_20_features_small", "extra_trees_fast",
               "tree_one_leaf_small", "mlp_tanh", "mlp_logistic", "mixture_full", "envelope", "bayes_10_names", "lda_4_names",
               "logistic_2", "knn_3", "knn_distance_4", "median", "line_rule", "chosen_forest",
               "pca_mlp", "lda_8", "mlp_16", "knn_8"]
BOARD_MODELS = ["extra_trees_fast", "forest_10_names_small", "mlp_tanh", "mixture_full", "knn_distance_4", "mlp_unscaled_8"]


@lru_cache
def bit_case(name: str) -> tuple[PipelineSpec, np.ndarray]:
    """(pipeline, windows: drawn ones, and corners)"""
    length, axes, kinds = test_bits.CASES[name]
    spec = PipelineSpec.make(name="portable_" + name, window=length, hop=length, axes=list(axes),
                             features=table.names(list(axes), kinds))
    n = np.arange(length)
    corners = [np.zeros(length), np.full(length, 32767), np.full(length, -32768), 65535 * (n % 2) - 32768,
               np.where(n == 0, 32767, 0), np.where(n == length // 2, 1, 0), np.where(n == 3, -1, 30000), n % 2]
    more = np.stack([np.stack([windows.to_int16(c)] * len(axes), axis=1) for c in corners])
    return spec, np.concatenate([windows.signals(length, len(axes), 4), more])


def on_cpython(file: Path) -> ModuleType:
    module = ModuleType(file.stem)
    exec(compile(file.read_text(), str(file), "exec"), module.__dict__)
    return module


class Here:
    """A portable module, fed on this Python."""

    def __init__(self, file: Path) -> None:
        self.module: Any = on_cpython(file)
        self.state, self.out = bytearray(self.module.STATE_BYTES), array("i", bytes(4 * self.module.OUT_WORDS))

    def push(self, blocks: Sequence[np.ndarray]) -> np.ndarray:
        rows = []
        for block in blocks:
            data, at = array("h", block.tobytes()), 0
            while at < len(block):
                at = self.module.push(self.state, data, at, self.out)
                if self.out[0]:
                    rows.append(list(self.out))
        return np.array(rows)


@pytest.mark.parametrize("case", test_bits.CASES)
def test_features_here(case: str) -> None:
    spec, blocks = bit_case(case)
    got = Here(files.pipeline(spec, archs=[])["portable-py"]).push(list(blocks))
    expected = HostPipeline(spec).features(blocks)
    assert not [spec.features[i] for i in np.flatnonzero((got[:, 3:] != expected).any(axis=0))]


def stream(case: str) -> tuple[PipelineSpec, np.ndarray]:
    spec = PipelineSpec.make(name="portable_" + case, rate_hz=12000, shaft_hz=29.95, orders={"bpfo": 3.585, "bpfi": 5.415},
                             **test_bits.STREAMS[case])
    samples = windows.signals(777, len(spec.axes), 18).reshape(-1, 777, len(spec.axes))
    samples[5], samples[6, 300:] = 32767, 0
    return spec, samples


@pytest.mark.parametrize("case", test_bits.STREAMS)
def test_streams_here(case: str) -> None:
    """Fronts, orders, history: with a gap and a new speed of the shaft on the way."""
    spec, samples = stream(case)
    here, host = Here(files.pipeline(spec, archs=[])["portable-py"]), HostPipeline(spec)
    got, expected = [], []
    for part in (samples[:10], samples[10:]):
        got += here.push(list(part)).tolist()
        for block in part:
            expected += [[1 + 2 * v.marked, -1, v.window, *v.features] for v in host.push(block)]
        host.mark()
        here.module.mark(here.state)
        if any(f.order for f in spec.parsed()):
            host.set_shaft(17.3)
            here.module.set_shaft(here.state, 17300)
    assert got == expected and any(row[0] == 3 for row in expected) and len(expected) > 8


def test_a_trained_pipeline_with_its_guard_here() -> None:
    trained, known = bench_models.machine()
    rng = np.random.default_rng(3)
    rows = HostPipeline(trained.spec).quantised(known)
    near = np.clip(np.repeat(rows, 20, axis=0) * (1 + 0.02 * rng.normal(size=(20 * len(rows), rows.shape[1]))), -32768, 32767)
    guard = fit_guard(near.astype(np.int16), np.arange(len(near)) % 4, 0.02)
    code = dataclasses.replace(trained, guard=guard).code()
    unlike = rng.integers(-32768, 32768, (2, *known[0].shape)).astype(np.int16)
    words = np.concatenate([*known, *unlike])
    expected = HostPipeline(trained.spec, code).run(words)
    got = Here(files.pipeline(trained.spec, code, [])["portable-py"]).push([words])
    assert got[:, 0].tolist() == expected.flags.tolist() and {1, 5} == set(got[:, 0].tolist())
    assert got[:, 1].tolist() == expected.index.tolist()
    assert (got[:, 3:3 + expected.out.shape[1]] == expected.out).all()


def test_trigger_and_model_here() -> None:
    full_scale = 156.9064
    data, _ = press.strokes(2, 0, ["normal", "no_part", "double_part", "worn_tool"], 1600.0, 1)
    words = np.clip(np.rint(data / full_scale * 32768), -32768, 32767).astype(np.int16)
    spec = PipelineSpec.make(name="portable_trigger", window=320, hop=1280, full_scale=full_scale,
                             features=["std.z", "max.z", "since_max.z", "mean.x"],
                             trigger={"axis": "z", "level": 2.5, "pre": 32})
    features = HostPipeline(spec).run(words).features
    spec = spec.model_copy(update={"shifts": choose_shifts(features), "classes": ["a", "b"]})
    rows = features >> np.array(spec.shifts)
    forest = RandomForestClassifier(4, random_state=0).fit(rows, [0, 1, 0, 1])
    code = convert(forest, 4)
    expected = HostPipeline(spec, code).run(words)
    got = Here(files.pipeline(spec, code, [])["portable-py"]).push([words[i:i + 37] for i in range(0, len(words), 37)])
    assert len(got) == 4 and (got[:, 5:] == expected.features).all()
    assert got[:, 1].tolist() == expected.index.tolist() and (got[:, 3:5] == expected.out).all()


@lru_cache
def model_case(name: str) -> tuple[ModelCode, np.ndarray, dict[str, Path]]:
    case = next(case for case in MODELS + NARROW if case.name == name)
    estimator, rows = case.fit()
    rows = np.concatenate([rows[:ROWS - 10], rows[-10:]])
    code = convert(estimator, rows.shape[1], case.layout, bits=case.bits)
    return code, rows, files.model("portable_" + name, code, rows.shape[1])


def expected_of(code: ModelCode, rows: np.ndarray, folder: Path) -> np.ndarray:
    folder = Path(tempfile.mkdtemp(dir=folder))  # a library of the same path would not be loaded again
    classes, p, acc = run_model(code, rows, folder)
    out = acc[:, :1] if "AUS_MODEL_SCORE" in code.c_source else np.round(p * 32768).astype(np.int32)
    return np.concatenate([classes[:, None], out], axis=1)


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_models_here(name: str, tmp_path: Path) -> None:
    code, rows, made = model_case(name)
    module: Any = on_cpython(made["portable-py"])
    got = []
    for row in rows:
        out = array("i", bytes(4 * module.OUT_WORDS))
        x = array("h", row.astype(np.int16).tobytes())
        got.append([module.predict(x, out), *out])
        assert module.predict(x) == got[-1][0]
    assert (np.array(got) == expected_of(code, rows, tmp_path)).all()


_PIPELINE = """
import array, gc, sys
sys.modules.pop('portable_case', None)
import portable_case as p
gc.collect()
state, out, b = bytearray(p.STATE_BYTES), array.array('i', bytes(4 * p.OUT_WORDS)), bytearray({size})
f, o = open_file({source!r}, 'rb'), open_file({target!r}, 'wb')
for _ in range({n}):
    f.readinto(b)
    at = 0
    while at * {frame} < {size}:
        at = p.push(state, b, at, out)
        if out[0]: o.write(out)
f.close(); o.close()
del p, sys.modules['portable_case']
"""
_MODEL = """
import array, gc, sys
sys.modules.pop('portable_case', None)
import portable_case as p
x, out, c = array.array('h', bytes(2 * p.FEATURES)), array.array('i', bytes(4 * p.OUT_WORDS)), array.array('i', [0])
f, o = open_file({source!r}, 'rb'), open_file({target!r}, 'wb')
for _ in range({n}):
    f.readinto(x)
    c[0] = p.predict(x, out)
    o.write(c); o.write(out)
f.close(); o.close()
del p, sys.modules['portable_case']
"""
Run = Callable[[Path, str], None]


def push_there(run: Run, module: Path, spec: PipelineSpec, blocks: np.ndarray, folder: Path) -> np.ndarray:
    source, target = folder / "in", folder / "out"
    target.unlink(missing_ok=True)
    source.write_bytes(np.ascontiguousarray(blocks, "<i2").tobytes())
    run(module, _PIPELINE.format(size=blocks[0].size * 2, source=str(source), target=str(target), n=len(blocks),
                                 frame=2 * len(spec.axes)))
    words = 3 + len(spec.features) + len(spec.classes)
    return np.frombuffer(target.read_bytes(), "<i4").reshape(-1, words)


def predict_there(run: Run, module: Path, rows: np.ndarray, folder: Path) -> np.ndarray:
    source, target = folder / "in", folder / "out"
    target.unlink(missing_ok=True)
    source.write_bytes(rows.astype("<i2").tobytes())
    run(module, _MODEL.format(source=str(source), target=str(target), n=len(rows)))
    return np.frombuffer(target.read_bytes(), "<i4").reshape(len(rows), -1)


@pytest.fixture
def unix(tmp_path: Path) -> Run:
    def run(module: Path, code: str) -> None:
        (tmp_path / "portable_case.mpy").write_bytes(module.read_bytes())
        done = subprocess.run([str(toolchain.unix_micropython()), "-X", "heapsize=2m", "-c", "open_file = open\n" + code],
                              text=True, capture_output=True, env={**os.environ, "MICROPYPATH": str(tmp_path)})
        assert done.returncode == 0, done.stdout + done.stderr
    return run


def there(board: SimBoard) -> Run:
    def run(module: Path, code: str) -> None:
        board.soft_reset()
        board.put(module, "/portable_case.mpy")
        board.exec("import simboard\nopen_file = simboard.host_open\n" + code, timeout_s=300)
    return run


@pytest.mark.parametrize("case", ["every_128x2", "cross_100x3", "slow_20x2"])
def test_features_on_unix(case: str, unix: Run, tmp_path: Path) -> None:
    spec, blocks = bit_case(case)
    blocks = blocks[:8]
    got = push_there(unix, files.pipeline(spec, archs=[])["portable"], spec, blocks, tmp_path)
    assert (got[:, 3:] == HostPipeline(spec).features(blocks)).all()


@pytest.mark.parametrize("name", BOARD_MODELS)
def test_models_on_unix(name: str, unix: Run, tmp_path: Path) -> None:
    code, rows, made = model_case(name)
    assert (predict_there(unix, made["portable"], rows, tmp_path) == expected_of(code, rows, tmp_path)).all()


def test_pipelines_on_boards(board: SimBoard, tmp_path: Path) -> None:
    """Machine code."""
    run, kind = there(board), f"portable-{board.board.arch}"
    for case in test_bits.CASES:
        spec, blocks = bit_case(case)
        got = push_there(run, files.pipeline(spec, archs=[board.board.arch])[kind], spec, blocks, tmp_path)
        wrong = [spec.features[i] for i in np.flatnonzero((got[:, 3:] != HostPipeline(spec).features(blocks)).any(axis=0))]
        assert not wrong, case
    for case in test_bits.STREAMS:
        spec, samples = stream(case)
        got = push_there(run, files.pipeline(spec, archs=[board.board.arch])[kind], spec, samples, tmp_path)
        host = HostPipeline(spec)
        assert got.tolist() == [[1, -1, v.window, *v.features] for block in samples for v in host.push(block)], case


def test_models_on_boards(board: SimBoard, tmp_path: Path) -> None:
    run = there(board)
    for name in BOARD_MODELS:
        code, rows, made = model_case(name)
        module = made[f"portable-{board.board.arch}"]
        assert (predict_there(run, module, rows, tmp_path) == expected_of(code, rows, tmp_path)).all(), name


def test_bytecode_on_boards(board: SimBoard, tmp_path: Path) -> None:
    spec, blocks = bit_case("f54_512x3")
    got = push_there(there(board), files.pipeline(spec, archs=[])["portable"], spec, blocks[:3], tmp_path)
    assert (got[:, 3:] == HostPipeline(spec).features(blocks[:3])).all()


def test_what_the_module_refuses(unix: Run) -> None:
    """As the native module does: a foreign state, too small buffers, half a sample, a start outside of the block."""
    spec = bit_case("slow_20x2")[0]
    here = Here(files.pipeline(spec, archs=[])["portable-py"])
    module, state, out = here.module, here.state, here.out
    block = array("h", bytes(2 * 2 * 30))
    assert module.push(state, block, 0, out) == 20 and out[0] == 1
    for arguments, what in (((bytearray(8), block, 0, out), "state"), ((state, block, 31, out), "start"),
                            ((state, block, -1, out), "start"), ((state, block[:3], 0, out), "block"),
                            ((state, block, 0, array("i", [0])), "out")):
        with pytest.raises(ValueError, match=what):
            module.push(*arguments)
    state[0:4] = b"\xff\xff\xff\x7f"  # more points than a window has
    with pytest.raises(ValueError, match="not this pipeline's"):
        module.push(state, block, 0, out)
    assert json.loads(module.info())["window"] == 20
    assert sys.byteorder == "little"


def c_rows() -> np.ndarray:
    rng = np.random.default_rng(5)
    rows = rng.integers(-32768, 32768, (60, c_cases.INPUTS))
    rows[:20] = rng.choice([-32768, -32767, -1, 0, 1, 2, 77, 32767], (20, c_cases.INPUTS))
    return rows.astype(np.int16)


def test_all_of_c_here(tmp_path: Path) -> None:
    rows = c_rows()
    module: Any = on_cpython(files.model("all_of_c", c_cases.CODE, c_cases.INPUTS, [])["portable-py"])
    expected = expected_of(c_cases.CODE, rows, tmp_path)
    assert (expected[:, 0] == c_cases.WORDS).all(), expected[0, 0]
    for row, wanted in zip(rows, expected, strict=True):
        out = array("i", bytes(4 * module.OUT_WORDS))
        assert [module.predict(array("h", row.tobytes()), out), *out] == wanted.tolist()


def test_all_of_c_on_boards(board: SimBoard, tmp_path: Path) -> None:
    rows = c_rows()
    made = files.model("all_of_c", c_cases.CODE, c_cases.INPUTS, [board.board.arch])
    for kind, module in made.items():
        if kind != "portable-py":
            got = predict_there(there(board), module, rows, tmp_path)
            wrong = np.argwhere(got != expected_of(c_cases.CODE, rows, tmp_path))
            assert not len(wrong), (kind, wrong[:5].tolist())
