# SPDX-License-Identifier: Apache-2.0
"""MLPClassifier."""

from typing import Any

import numpy as np

from ..errors import AuscultError
from .fixedpoint import check_finite
from .model_code import ModelCode, Options
from .net import ACTIVATIONS, Layers, emit_net
from .scaling import Scaling
from .through_emlearn import emlearn_model


def convert_mlp(estimator: Any, scaling: Scaling, options: Options) -> ModelCode:
    """Weights, biases and activations are those of emlearn's converted network (float64 there). Its own fixed point,
    Q8.23 for everything and piecewise activations, is not exact enough, so scales are chosen here per row.
    """
    kind = type(estimator).__name__
    if estimator.activation not in ACTIVATIONS:
        raise AuscultError(f"{kind}(activation={estimator.activation!r})", " or ".join(ACTIVATIONS))
    n_outputs, n_classes = estimator.n_outputs_, len(estimator.classes_)
    if estimator.out_activation_ != ("logistic" if n_outputs == 1 else "softmax"):
        raise AuscultError(f"a {kind} with several labels per row", "one label per row", "fit one model per label")
    for layer, (w, b) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        check_finite(kind, **{f"coefs_[{layer}]": w, f"intercepts_[{layer}]": b})
    net = emlearn_model(estimator)
    layers = Layers([np.asarray(w, dtype=float) for w in net.weights], [np.asarray(b, dtype=float) for b in net.biases],
                    list(net.activations[:-1]))
    source, facts = emit_net(layers, scaling, n_classes, options)
    return ModelCode(source, kind, n_classes, estimator.classes_.tolist(), facts | {"activation": estimator.activation})
