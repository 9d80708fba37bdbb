# SPDX-License-Identifier: Apache-2.0
"""What a converted model is: one C fragment and what is known about it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Options:
    """How a model is to be stored. layout: of trees, `fast` or `small`. bits: 32, 16 or 8 of a weight or prototype.
    rows: int16 rows [n, F] to compare on what fewer bits change."""

    layout: str = "fast"
    bits: int = 32
    rows: Any = None


@dataclass(frozen=True)
class ModelCode:
    """Integer C of one fitted estimator.

    c_source defines AUS_MODEL_CLASSES, AUS_MODEL_ACC (int32 words of accumulator), `aus_model(x, acc)` that
    returns a class index for int16 features x, and `aus_model_proba(acc, p)` that turns the accumulator into
    probabilities in Q15 (32768 = 1.0). Anomaly detectors also define AUS_MODEL_SCORE and leave a score in acc[0].
    """

    c_source: str
    kind: str  # class name of the estimator, such as RandomForestClassifier
    n_classes: int
    classes: list[Any]  # label of each class index, in scikit-learn's order
    description: dict[str, Any] = field(default_factory=dict)  # layout, table sizes in bytes, error bounds


def c_array(ctype: str, name: str, values: list[int], per_line: int = 16) -> str:
    """A constant C table without pointers, so that native modules need no relocations."""
    suffix = {"int64_t": "LL", "uint32_t": "u"}.get(ctype, "")
    # The most negative value has no literal of its own in C.
    words = [f"(-{-(v + 1)}{suffix} - 1)" if v == -(2**31) else f"{v}{suffix}" for v in values]
    lines = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return f"static const {ctype} {name}[{len(values)}] = {{\n    " + ",\n    ".join(lines) + "\n};\n"
