# SPDX-License-Identifier: Apache-2.0
"""Models that Auscult has not trained: scikit-learn estimators, ONNX and Keras nets, for the rows of a pipeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import rows
from .decision import NORMAL
from .errors import AuscultError
from .estimators import Guard, fit_guard
from .estimators.keras_net import read_keras
from .estimators.onnx_net import read_onnx
from .estimators.scaling import take_apart
from .train import ANOMALY, OWN, Settings, Trained, load

FILES = "a model from `auscult train`, a .joblib or .pkl file of scikit-learn, .onnx, .keras or .h5"


def read(path: Path, classes: Sequence[str] | None = None) -> Any:
    """Trained for a file from `auscult train`, else the fitted estimator or net in the file.

    joblib and pickle files can run any code when they are loaded: load only what you trust. ONNX and Keras files cannot.
    """
    if not path.is_file():
        raise AuscultError(f"there is no file {path}", FILES, "make one with `auscult train`")
    if path.suffix in (".onnx", ".keras", ".h5"):
        return (read_onnx if path.suffix == ".onnx" else read_keras)(path, classes)
    import joblib

    try:
        stored = joblib.load(path)
    except Exception as error:  # a damaged pickle can raise anything
        raise AuscultError(f"{path} cannot be read as a model ({type(error).__name__}: {error})", FILES,
                           "save it again; it needs the packages that it was made with") from error
    if isinstance(stored, dict) and "format" in stored:
        return load(path)
    if not hasattr(stored, "predict"):
        raise AuscultError(f"{path} holds a {type(stored).__name__}, not a model", FILES, "save the fitted estimator itself")
    return stored


def n_features(estimator: Any) -> int:
    """How many features go in."""
    steps, inner = take_apart(estimator)
    found = getattr((*steps, inner)[0], "n_features_in_", None)
    if found is None:
        raise AuscultError(f"a {type(inner).__name__} that is not fitted", "a fitted estimator", "call fit() before saving it")
    return int(found)


def as_trained(estimator: Any, like: Path, classes: Sequence[str] | None = None, novelty: float = 0.0) -> Trained:
    """An estimator with the pipeline of a table of rows or of another model in front of it.

    novelty: share of the windows of a new group that may be called novel, learnt from the rows (0: none is).
    """
    spec, training = rows.pipeline_of(like)
    check_columns(estimator, spec.features, like)
    found, detector = class_names(estimator, classes)
    settings = Settings(window=spec.window, hop=spec.hop, features=tuple(spec.features), model=OWN,
                        params={"detector": detector})
    spec = spec.model_copy(update={"classes": found})
    return Trained(spec, estimator, _guard(like, novelty), settings=settings, training=training)


def check_columns(estimator: Any, columns: Sequence[str], like: Path) -> None:
    """Raises AuscultError unless the estimator was fitted to these columns of `like`."""
    if n_features(estimator) != len(columns):
        raise AuscultError(f"a model of {n_features(estimator)} features", f"{len(columns)}, as the pipeline of {like} has",
                           "train it on all columns that `auscult features` wrote, in their order")
    names = getattr(take_apart(estimator)[0][0] if take_apart(estimator)[0] else estimator, "feature_names_in_", None)
    if names is not None and list(names) != list(columns):
        wrong = next(i for i, (a, b) in enumerate(zip(names, columns, strict=True)) if a != b)
        raise AuscultError(f"a model whose feature {wrong} is {names[wrong]!r}", f"{columns[wrong]!r}, as in {like}",
                           "train it on the columns in the order of the table")


def _guard(like: Path, novelty: float) -> Guard | None:
    if not novelty:
        return None
    if like.suffix != ".parquet":
        raise AuscultError(f"--novelty {novelty:g} with --like {like}", "a table of the rows that it was trained on",
                           "make it with `auscult features`")
    learnt = rows.read(like)
    return fit_guard(learnt.values, learnt.groups, novelty, learnt.labels)


def class_names(estimator: Any, classes: Sequence[str] | None) -> tuple[list[str], bool]:
    """(labels in the order of the model's outputs, whether it is an anomaly detector)."""
    inner = take_apart(estimator)[1]
    found = getattr(inner, "classes_", None)
    if isinstance(found, np.ndarray):
        labels = [str(label) for label in found]
    elif hasattr(inner, "means_"):
        labels = [str(i) for i in range(len(inner.means_))]
    else:
        labels = [ANOMALY, NORMAL]  # scikit-learn's -1 and 1, in this order
    detector = labels == [ANOMALY, NORMAL]
    if classes is not None:
        if len(set(classes)) != len(labels) or len(classes) != len(labels):
            raise AuscultError(f"the classes {', '.join(classes)}", f"{len(labels)} different names, for {', '.join(labels)}",
                               "name each once, in this order")
        labels = list(classes)
    return labels, detector
