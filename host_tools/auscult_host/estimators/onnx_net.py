# SPDX-License-Identifier: Apache-2.0
"""Dense nets in ONNX files."""

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AuscultError
from .dense import DenseNet, Stack

ACTIVATIONS = {"Relu": "relu", "Sigmoid": "logistic", "Tanh": "tanh", "Softmax": "softmax", "LogSoftmax": "softmax"}
NOTHING = ("Identity", "Dropout", "Cast", "Flatten")


def read_onnx(path: Path, classes: Any = None) -> DenseNet:
    """The net of an ONNX file; AuscultError for a file that is none, or a net with other operators."""
    try:
        import onnx
    except ImportError as error:
        raise AuscultError("the package onnx is not installed", "it, to read ONNX files",
                           "pip install 'auscult[nets]'") from error
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception as error:  # a damaged file can raise anything
        raise AuscultError(f"{path} cannot be read as ONNX ({type(error).__name__})", "a whole .onnx file",
                           "export it again") from error
    known = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            known[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    inputs = [value.name for value in graph.input if value.name not in known]
    stack = Stack("ONNX")
    if len(inputs) != 1:
        raise stack.refuse(f"{len(inputs)} inputs")
    value, outputs = inputs[0], {output.name for output in graph.output}
    while True:
        following = [node for node in graph.node if value in node.input]
        if not following or (stack.ended and (len(following) > 1 or value in outputs or not _goes_on(following[0]))):
            return stack.finish(classes)
        if len(following) > 1:
            raise stack.refuse(f"branches after {value}")
        _step(stack, following[0], value, known)
        value = following[0].output[0]


def _goes_on(node: Any) -> bool:
    return node.op_type in ("Gemm", "MatMul", *ACTIVATIONS, *NOTHING)


def _step(stack: Stack, node: Any, value: str, known: dict[str, Any]) -> None:
    op, said = node.op_type, {a.name: a for a in node.attribute}
    if op in NOTHING:
        return
    if op in ACTIVATIONS:
        stack.activation(ACTIVATIONS[op])
        return
    supported = ("Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "BatchNormalization")
    if op not in supported:
        hint = " (made from scikit-learn: build the estimator's joblib file)" if node.domain == "ai.onnx.ml" else ""
        raise stack.refuse(f"the operator {op}{hint}")
    missing = [name for name in node.input if name != value and name not in known]
    if missing or list(node.input).count(value) > 1:
        raise stack.refuse(f"{op} of two values that are computed")
    constants = [known[name].astype(float) for name in node.input if name != value]
    first = node.input[0] == value
    if op == "Gemm":
        alpha, beta = (said[key].f if key in said else 1.0 for key in ("alpha", "beta"))
        if not first or ("transA" in said and said["transA"].i):
            raise stack.refuse("a Gemm with the matrix first")
        matrix = constants[0].T if "transB" in said and said["transB"].i else constants[0]
        stack.dense(alpha * matrix, beta * constants[1] if len(constants) > 1 else 0.0)
    elif op == "MatMul":
        if not first:
            raise stack.refuse("a MatMul with the matrix first")
        stack.dense(constants[0])
    elif op == "BatchNormalization":
        gamma, beta, mean, variance = constants
        epsilon = said["epsilon"].f if "epsilon" in said else 1e-5
        factor = gamma / np.sqrt(variance + epsilon)
        stack.scale(factor, beta - mean * factor)
    elif op == "Add":
        stack.scale(1.0, constants[0])
    elif op == "Sub":
        stack.scale(1.0 if first else -1.0, -constants[0] if first else constants[0])
    elif op == "Mul" or first:
        stack.scale(constants[0] if op == "Mul" else 1 / constants[0])
    else:
        raise stack.refuse("a division by what is computed")
