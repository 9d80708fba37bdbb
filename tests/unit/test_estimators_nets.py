# SPDX-License-Identifier: Apache-2.0
"""ONNX and Keras nets: read without running them, and as exact in C as any other net."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auscult_host.errors import AuscultError
from auscult_host.estimators import convert
from auscult_host.estimators.keras_net import read_keras
from auscult_host.estimators.onnx_net import read_onnx
from parity.model_on_host import run_model

onnx = pytest.importorskip("onnx")
RNG = np.random.default_rng(0)
ROWS = np.round(RNG.normal(0, 3000, (1000, 6))).astype(np.int16)


def agrees(net: Any, expected: np.ndarray, folder: Path, rows: np.ndarray = ROWS) -> None:
    """expected: probabilities [n, K] by the library that made the net."""
    assert np.abs(net.predict_proba(rows) - expected).max() < 1e-3  # theirs are float32
    found, p, _ = run_model(convert(net, rows.shape[1]), rows, folder)
    sure = np.abs(np.diff(np.sort(expected, axis=1)[:, -2:], axis=1)[:, 0]) > 1e-3
    assert (found == expected.argmax(axis=1))[sure].all() and sure.mean() > 0.8
    assert (found == net.predict_proba(rows).argmax(axis=1)).all() and len(set(found)) > 1
    assert np.abs(p - expected).max() < 1 / 255


def matrix(*shape: int) -> np.ndarray:
    return RNG.normal(0, 1 / np.sqrt(shape[0]), shape).astype(np.float32)


def save(nodes: list[Any], constants: dict[str, np.ndarray], folder: Path, out: int = 3) -> Path:
    make = onnx.helper
    graph = make.make_graph(
        nodes, "net", [make.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None, 6])],
        [make.make_tensor_value_info(nodes[-1].output[0], onnx.TensorProto.FLOAT, [None, out])],
        [onnx.numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)])
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / "net.onnx"))
    return folder / "net.onnx"


def by_onnx(path: Path, rows: np.ndarray = ROWS) -> np.ndarray:
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(str(path)).run(None, {"x": rows.astype(np.float32)})[0]


def test_onnx_as_torch_exports(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    nodes = [
        node("Sub", ["x", "mean"], ["c"]), node("Div", ["c", "dev"], ["s"]),
        node("Gemm", ["s", "w0", "b0"], ["h"], transB=1), node("Relu", ["h"], ["r"]),
        node("BatchNormalization", ["r", "gamma", "beta", "bm", "bv"], ["n"], epsilon=1e-3),
        node("MatMul", ["n", "w1"], ["m"]), node("Add", ["b1", "m"], ["a"]), node("Tanh", ["a"], ["t"]),
        node("Gemm", ["t", "w2", "b2"], ["z"], alpha=0.5, beta=2.0), node("Softmax", ["z"], ["p"], axis=1),
    ]
    path = save(nodes, {
        "mean": np.full(6, 10), "dev": np.full(6, 3000), "w0": matrix(16, 6), "b0": matrix(16), "gamma": 1 + matrix(16) / 3,
        "beta": matrix(16), "bm": matrix(16), "bv": 1 + matrix(16) ** 2, "w1": matrix(16, 8), "b1": matrix(8),
        "w2": 8 * matrix(8, 3), "b2": matrix(3)}, tmp_path)
    agrees(read_onnx(path), by_onnx(path), tmp_path)


def test_onnx_with_one_sigmoid(tmp_path: Path) -> None:
    node = onnx.helper.make_node
    path = save([node("Mul", ["x", "s"], ["y"]), node("Gemm", ["y", "w", "b"], ["h"]), node("Sigmoid", ["h"], ["g"]),
                 node("MatMul", ["g", "v"], ["z"]), node("Sigmoid", ["z"], ["p"])],
                {"s": np.array([1 / 3000]), "w": 2 * matrix(6, 5), "b": matrix(5), "v": 3 * matrix(5, 1)}, tmp_path, 1)
    net, p = read_onnx(path, ["good", "bad"]), by_onnx(path)
    agrees(net, np.hstack([1 - p, p]), tmp_path)
    assert set(net.predict(ROWS)) == {"good", "bad"} and convert(net, 6).classes == ["good", "bad"]
    with pytest.raises(AuscultError, match="2 different names"):
        read_onnx(path, ["good", "bad", "ugly"])


def broken(kind: str, folder: Path) -> Path:
    node, constants = onnx.helper.make_node, {"w": matrix(6, 3)}
    nodes = {
        "Elu": [node("Elu", ["x"], ["e"]), node("MatMul", ["e", "w"], ["p"])],
        "branches": [node("MatMul", ["x", "w"], ["h"]), node("Relu", ["h"], ["r"]), node("Add", ["h", "r"], ["p"])],
        "relu as the last step": [node("MatMul", ["x", "w"], ["h"]), node("Relu", ["h"], ["p"])],
        "several labels": [node("MatMul", ["x", "w"], ["h"]), node("Sigmoid", ["h"], ["p"])],
        "regression": [node("MatMul", ["x", "v"], ["p"])],
    }[kind]
    return save(nodes, {"v": matrix(6, 1)} if kind == "regression" else constants, folder, 1 if kind == "regression" else 3)


@pytest.mark.parametrize("what", ["Elu", "branches", "relu as the last step", "several labels", "regression"])
def test_onnx_that_is_refused(what: str, tmp_path: Path) -> None:
    with pytest.raises(AuscultError, match=what) as refusal:
        read_onnx(broken(what, tmp_path))
    assert "dense layers" in refusal.value.expected


def test_damaged_files(tmp_path: Path) -> None:
    for name, read in (("a.onnx", read_onnx), ("a.keras", read_keras), ("a.h5", read_keras)):
        (tmp_path / name).write_bytes(b"\x89HDF no such thing")
        with pytest.raises(AuscultError, match="cannot be read"):
            read(tmp_path / name)


KERAS = Path(__file__).parent / "nets"  # written by write_keras.py


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", ["chain", "graph"])
def test_keras(name: str, suffix: str, tmp_path: Path) -> None:
    with np.load(KERAS / "said.npz") as said:
        p, rows = said[name].astype(float), said["rows"]
    agrees(read_keras(KERAS / (name + suffix)), np.hstack([1 - p, p]) if p.shape[1] == 1 else p, tmp_path, rows)


@pytest.mark.parametrize(("name", "what"), [("strange.keras", "gelu"), ("skip.keras", "follow"), ("skip.h5", "follow")])
def test_keras_that_is_refused(name: str, what: str) -> None:
    with pytest.raises(AuscultError, match=what):
        read_keras(KERAS / name)
