# SPDX-License-Identifier: Apache-2.0
"""DenseNet: a net that another library has trained, as an estimator."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AuscultError
from .fixedpoint import check_finite
from .model_code import ModelCode, Options
from .net import Layers, emit_net
from .scaling import Scaling

Floats = npt.NDArray[np.float64]


class DenseNet:
    """predict() and predict_proba() in float64, as scikit-learn's. source: where it came from, such as ONNX."""

    def __init__(self, layers: Layers, source: str, classes: Any = None) -> None:
        self.layers, self.source = layers, source
        self.n_features_in_ = layers.weights[0].shape[0]
        n_classes = max(2, layers.weights[-1].shape[1])
        self.classes_ = np.arange(n_classes)
        if classes is not None:
            self.name_classes(classes)

    def name_classes(self, classes: Any) -> None:
        """Labels in the order of the outputs; a net with one output has class 1 as its second."""
        if len(set(classes)) != len(self.classes_) or len(classes) != len(self.classes_):
            raise AuscultError(f"the classes {', '.join(map(str, classes))}", f"{len(self.classes_)} different names, in the "
                               "order of the net's outputs", "pass them with --classes")
        self.classes_ = np.array(classes)

    def predict_proba(self, X: Any) -> Floats:
        z = self.layers.log_odds(np.asarray(X, dtype=float))
        if z.shape[1] == 1:
            z = np.hstack([np.zeros_like(z), z])
        odds = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> Any:
        return self.classes_[self.layers.classes(np.asarray(X, dtype=float))]


class Stack:
    """Puts a net together layer by layer: maps that follow each other become one."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._map: tuple[Floats, Floats] | None = None
        self._scale: list[tuple[Floats, Floats]] = []  # before the first matrix: the width is not known yet
        self._weights: list[Floats] = []
        self._biases: list[Floats] = []
        self._activations: list[str] = []
        self._end = "identity"

    def dense(self, weights: Any, bias: Any = 0.0) -> None:
        """x @ weights + bias"""
        weights = np.asarray(weights, dtype=float)
        if weights.ndim != 2:
            raise self.refuse(f"a matrix of shape {weights.shape}")
        self._not_after_the_end()
        bias = np.zeros(weights.shape[1]) + np.asarray(bias, dtype=float).reshape(-1)
        if self._map is None:
            self._map = (np.eye(len(weights)), np.zeros(len(weights)))
            for scale, shift in self._scale:
                self.scale(scale, shift)
            self._scale = []
        if self._map[0].shape[1] != len(weights):
            raise self.refuse(f"a matrix of {len(weights)} rows after {self._map[0].shape[1]} values")
        self._map = (self._map[0] @ weights, self._map[1] @ weights + bias)

    def scale(self, scale: Any, shift: Any = 0.0) -> None:
        """x * scale + shift, element by element"""
        self._not_after_the_end()
        scale, shift = np.asarray(scale, dtype=float).reshape(-1), np.asarray(shift, dtype=float).reshape(-1)
        if self._map is None:
            self._scale.append((scale, shift))
            return
        self._map = (self._map[0] * scale, self._map[1] * scale + shift)

    def activation(self, name: str) -> None:
        """relu, tanh, logistic, softmax or identity"""
        if name == "identity":
            return
        self._not_after_the_end()
        if self._map is None:
            raise self.refuse(f"{name} in front of the first dense layer")
        if name == "softmax":
            self._end = name
            return
        self._weights.append(self._map[0])
        self._biases.append(self._map[1])
        self._activations.append(name)
        n = self._map[0].shape[1]
        self._map = (np.eye(n), np.zeros(n))

    @property
    def ended(self) -> bool:
        """Whether what is here gives classes already: nothing but their choice may follow."""
        return self._end == "softmax" or self._activations[-1:] == ["logistic"]

    def finish(self, classes: Any = None) -> DenseNet:
        if self._map is None:
            raise self.refuse("a net without a dense layer")
        weights, biases, activations = self._weights, self._biases, self._activations
        n_outputs, untouched = self._map[0].shape[1], _is_identity(self._map)
        if self._end == "identity" and untouched and activations:
            last = activations.pop()
            if last != "logistic":
                raise self.refuse(f"{last} as the last step")
            if n_outputs > 1:
                raise self.refuse(f"{n_outputs} outputs with a sigmoid each, which is several labels per row")
        else:
            weights.append(self._map[0])
            biases.append(self._map[1])
            if n_outputs == 1:
                raise self.refuse("one output without a sigmoid, which is a regression")
        return DenseNet(Layers(weights, biases, activations), self.source, classes)

    def refuse(self, what: str) -> AuscultError:
        return AuscultError(
            f"this {self.source} net has {what}",
            "dense layers with relu, tanh, sigmoid or no activation in one chain, scaling and batch normalisation, and a "
            "softmax, the logits or one sigmoid at the end",
            "export a net of these layers, or train an MLPClassifier",
        )

    def _not_after_the_end(self) -> None:
        if self._end == "softmax":
            raise self.refuse("layers after the softmax")


def _is_identity(pair: tuple[Floats, Floats]) -> bool:
    return np.array_equal(pair[0], np.eye(len(pair[0]))) and not pair[1].any()


def convert_dense(estimator: Any, scaling: Scaling, options: Options) -> ModelCode:
    """The net as any other; its weights are float32 as a rule."""
    layers: Layers = estimator.layers
    for i, (w, b) in enumerate(zip(layers.weights, layers.biases, strict=True)):
        check_finite(f"{estimator.source} net", **{f"matrix {i}": w, f"bias {i}": b})
    n_classes = len(estimator.classes_)
    source, facts = emit_net(layers, scaling, n_classes, options)
    return ModelCode(source, "DenseNet", n_classes, estimator.classes_.tolist(), facts | {"source": estimator.source})
