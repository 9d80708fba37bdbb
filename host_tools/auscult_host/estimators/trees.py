# SPDX-License-Identifier: Apache-2.0
"""Fitted tree ensembles as exact integer trees."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .scaling import INT16_VALUES, Floats, Scaling
from .through_emlearn import emlearn_model

# Highly composite numbers: with one of them as the sum of a leaf's shares, most small fractions are exact, so ties
# between classes stay ties. (Denominators 1 to 10 divide all from 5040 on.)
COMPOSITES = (21621600, 10810800, 7207200, 3603600, 1441440, 720720, 332640, 166320, 110880, 55440, 27720, 20160,
              15120, 10080, 7560, 5040, 2520, 1260, 840, 360, 240, 120, 60)  # fmt: skip

Shares = tuple[int, ...]


@dataclass(frozen=True)
class Leaf:
    fractions: tuple[float, ...]  # of the training weight, one per class


@dataclass(frozen=True)
class Split:
    feature: int
    threshold: int  # int16: goes left where x[feature] <= threshold
    left: "Split | Leaf"
    right: "Split | Leaf"


Node = Split | Leaf


@dataclass(frozen=True)
class Forest:
    trees: list[Node]
    n_features: int
    n_classes: int

    def splits(self) -> int:
        return sum(isinstance(node, Split) for tree in self.trees for node in walk(tree))

    def leaves(self) -> list[Leaf]:
        return [node for tree in self.trees for node in walk(tree) if isinstance(node, Leaf)]


def walk(node: Node) -> Iterator[Node]:
    """All nodes of a tree, parents first, left before right."""
    todo = [node]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, Split):
            todo += [node.right, node.left]


def read_forest(estimator: Any, scaling: Scaling) -> Forest:
    """The trees of a fitted forest or tree classifier.

    Splits (features, thresholds, children) come from emlearn's flattened forest. Two of its steps are not exact
    and are done here in full precision instead: leaf proportions (8 bits there, as fitted here), and the
    comparison (`x < (int)threshold` there; scikit-learn's test is `float32(x) <= threshold`, which for int16 is
    `x <= limit` with the largest int16 that passes it). Scalers are folded into that limit, exactly.
    """
    flat, roots, _ = emlearn_model(estimator, method="inline", dtype="int16_t", leaf_bits=0).forest_
    fitted = [tree.tree_ for tree in getattr(estimator, "estimators_", [estimator])]
    grids: dict[int, Floats] = {}

    def limit(feature: int, threshold: float) -> int:
        if feature not in grids:
            values = scaling.of_int16(feature) if scaling.scalers else INT16_VALUES
            grids[feature] = values.astype(np.float32).astype(np.float64)  # trees see float32
        return int(np.searchsorted(grids[feature], threshold, side="right")) - 32769

    def build(index: int, tree: Any, node: int) -> Node:
        if tree.children_left[node] < 0:
            value = tree.value[node, 0]
            return Leaf(tuple((value / value.sum()).tolist()))
        feature, threshold, left, right = flat[index]
        bound = limit(feature, float(threshold))
        if bound < -32768:  # no int16 goes left
            return build(right, tree, tree.children_right[node])
        if bound >= 32767:  # none goes right
            return build(left, tree, tree.children_left[node])
        return Split(
            int(feature),
            bound,
            build(left, tree, tree.children_left[node]),
            build(right, tree, tree.children_right[node]),
        )

    trees = [build(root, tree, 0) for root, tree in zip(roots, fitted, strict=True)]
    return Forest(trees, scaling.n_features, int(fitted[0].n_classes[0]))


def leaf_shares(leaf: Leaf, total: int) -> Shares:
    """A leaf's fractions as integers that sum to `total`, each within 1 of its exact value (largest remainders)."""
    exact = np.array(leaf.fractions) * total
    shares = np.floor(exact + 1e-9).astype(int)
    # Of equal remainders the larger fraction is rounded up first, so that the leaf's own decision does not change.
    order = np.lexsort((-exact, np.round(shares - exact, 9)))
    for k in order[: total - int(shares.sum())]:
        shares[k] += 1
    return tuple(shares.tolist())


def share_total(n_trees: int, sum_limit: int, share_limit: int) -> int:
    """Largest highly composite sum of a leaf's shares with n_trees sums <= sum_limit; 0 if there is none."""
    return next((c for c in COMPOSITES if c * n_trees <= sum_limit and c <= share_limit), 0)


def c_proba(n_classes: int, n_trees: int, total: int) -> str:
    """aus_model_proba for sums of shares: Q15 by one multiplication, p = floor(sum * 2^15 / (n_trees * total))."""
    spare = max(0, 17 - (n_trees * total).bit_length())  # small sums leave room to make the factor fit 32 bits
    factor = -(-(2 ** (47 - spare)) // (n_trees * total))  # rounded up, so that certainty is 32768
    return f"""
#include "aus_math.h"
static void aus_model_proba(const int32_t *acc, uint16_t *p) {{
    for (int k = 0; k < {n_classes}; k++) {{
        p[k] = (uint16_t)aus_umulh((uint32_t)acc[k] << {spare}, {factor}u);
    }}
}}
"""
