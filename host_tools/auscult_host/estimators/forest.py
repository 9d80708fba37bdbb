# SPDX-License-Identifier: Apache-2.0
"""RandomForestClassifier, ExtraTreesClassifier and DecisionTreeClassifier."""

from typing import Any

from ..errors import AuscultError
from .forest_fast import emit_fast
from .forest_small import emit_small
from .model_code import ModelCode, Options
from .scaling import Scaling
from .trees import read_forest


def convert_forest(estimator: Any, scaling: Scaling, options: Options) -> ModelCode:
    """Trees as integer C: soft voting like scikit-learn's predict_proba, ties to the first class."""
    if getattr(estimator, "n_outputs_", 1) != 1:
        raise AuscultError(f"{type(estimator).__name__} with {estimator.n_outputs_} outputs", "one output",
                           "fit one model per output")
    forest = read_forest(estimator, scaling)
    source, facts = emit_small(forest) if options.layout == "small" else emit_fast(forest)
    facts |= {
        "layout": options.layout,
        "trees": len(forest.trees),
        "splits": forest.splits(),
        "leaves": len(forest.leaves()),
        "depth": max(int(tree.tree_.max_depth) for tree in getattr(estimator, "estimators_", [estimator])),
        "path": _path(estimator),
        # A share is off by less than 1 in share_total; the Q15 result by half a step.
        "probability_error": 1 / facts["share_total"] + 2**-16,
    }
    return ModelCode(source, type(estimator).__name__, forest.n_classes, estimator.classes_.tolist(), facts)


def _path(estimator: Any) -> float:
    """Splits that one row meets in all trees together, averaged over what each tree was fitted on."""
    trees = [tree.tree_ for tree in getattr(estimator, "estimators_", [estimator])]
    return sum(float(tree.n_node_samples[tree.children_left >= 0].sum() / tree.n_node_samples[0]) for tree in trees)
