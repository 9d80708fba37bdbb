# SPDX-License-Identifier: Apache-2.0
"""Dense nets in Keras files, read without Keras: nothing in the file is run."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AuscultError
from .dense import DenseNet, Stack

ACTIVATIONS = {"linear": "identity", "relu": "relu", "sigmoid": "logistic", "tanh": "tanh", "softmax": "softmax"}
NOTHING = ("InputLayer", "Dropout", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization", "Flatten")
Weights = Callable[[str, str], list[Any]]  # of a layer: its name, its key among layers of its class


def read_keras(path: Path, classes: Any = None) -> DenseNet:
    """The net of a .keras or .h5 file; AuscultError for a file that is none, or a net with other layers."""
    try:
        import h5py
    except ImportError as error:
        raise AuscultError("the package h5py is not installed", "it, to read Keras files",
                           "pip install 'auscult[nets]'") from error
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                model = json.loads(archive.read("config.json"))
                with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
                    return _read(model, _of_archive(file), classes)
        with h5py.File(path, "r") as file:
            return _read(json.loads(file.attrs["model_config"]), _of_h5(file), classes)
    except AuscultError:
        raise
    except Exception as error:  # a damaged file can raise anything
        raise AuscultError(f"{path} cannot be read as a Keras model ({type(error).__name__}: {error})",
                           "a whole file from model.save('net.keras')", "save it again") from error


def _of_archive(file: Any) -> Weights:
    groups = {key: group["vars"] for key, group in file["layers"].items() if "vars" in group}
    named = {group.attrs["name"]: group for group in groups.values() if "name" in group.attrs}

    def weights(name: str, key: str) -> list[Any]:
        group = named[name] if name in named else groups[key]
        return [np.asarray(group[str(i)], dtype=float) for i in range(len(group))]

    return weights


def _of_h5(file: Any) -> Weights:
    def weights(name: str, key: str) -> list[Any]:
        group = file["model_weights"][name]
        names = (n.decode() if isinstance(n, bytes) else n for n in group.attrs["weight_names"])
        return [np.asarray(group[n], dtype=float) for n in names]

    return weights


def _read(model: dict[str, Any], weights: Weights, classes: Any) -> DenseNet:
    stack, kind = Stack("Keras"), model["class_name"]
    if kind not in ("Sequential", "Functional", "Model"):
        raise stack.refuse(f"the class {kind}")
    layers: list[dict[str, Any]] = model["config"]["layers"]
    counts: dict[str, int] = {}
    if kind != "Sequential":
        _check_chain(stack, layers)
    for layer in layers:
        of_class, config = layer["class_name"], layer["config"]
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", of_class).lower()
        count = counts[snake] = counts.get(snake, -1) + 1
        _step(stack, of_class, config, partial(weights, config["name"], snake + (f"_{count}" if count else "")))
    return stack.finish(classes)


def _check_chain(stack: Stack, layers: list[dict[str, Any]]) -> None:
    for before, layer in pairwise(layers):
        sources = set(re.findall(r'"keras_history": \["([^"]+)"', json.dumps(layer["inbound_nodes"])))
        if not sources:  # files of Keras 2: [[["name", 0, 0, {}]]]
            sources = set(re.findall(r'\["([^"]+)", \d+, \d+', json.dumps(layer["inbound_nodes"])))
        if sources != {before["config"]["name"]}:
            raise stack.refuse(f"a layer {layer['config']['name']} that does not follow {before['config']['name']} alone")


def _step(stack: Stack, kind: str, config: dict[str, Any], weights: Callable[[], list[Any]]) -> None:
    if kind in NOTHING:
        return
    if kind == "Dense":
        stack.dense(*weights())
        stack.activation(_activation(stack, config["activation"]))
    elif kind == "Activation":
        stack.activation(_activation(stack, config["activation"]))
    elif kind == "Softmax":
        stack.activation("softmax")
    elif kind == "ReLU":
        if config.get("max_value") is not None or config.get("negative_slope") or config.get("threshold"):
            raise stack.refuse("a ReLU with a slope, a limit or a threshold")
        stack.activation("relu")
    elif kind == "Rescaling":
        stack.scale(config["scale"], config["offset"])
    elif kind == "Normalization":
        mean, variance = (weights()[:2] if config.get("mean") is None else (config["mean"], config["variance"]))
        deviation = np.maximum(np.sqrt(np.asarray(variance, dtype=float)), 1e-7)
        if config.get("invert"):
            raise stack.refuse("an inverted Normalization")
        stack.scale(1 / deviation, -np.asarray(mean, dtype=float) / deviation)
    elif kind == "BatchNormalization":
        found = weights()
        gamma = found.pop(0) if config["scale"] else 1.0
        beta = found.pop(0) if config["center"] else 0.0
        factor = gamma / np.sqrt(found[1] + config["epsilon"])
        stack.scale(factor, beta - found[0] * factor)
    else:
        raise stack.refuse(f"the layer {kind}")


def _activation(stack: Stack, found: Any) -> str:
    name = found.get("config", {}).get("name", "") if isinstance(found, dict) else found
    if name not in ACTIVATIONS:
        raise stack.refuse(f"the activation {name or found}")
    return ACTIVATIONS[name]
