# SPDX-License-Identifier: Apache-2.0
"""Guard: tells windows that are unlike those a model was trained on."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AuscultError
from .model_code import c_array

Words = npt.NDArray[np.int64]
ONE_BITS = 4  # fraction bits of a deviation
MOST_DEVIATIONS = 2047  # of a single feature, in 1/16: 2047² times 1024 features fits 32 bits
BLOCKS = 5  # parts of a single group that stand in for groups


@dataclass(frozen=True)
class Guard:
    """Distance of a row from the nearest of some centres: sum over features of ((x - centre) / deviation)², in integers,
    so that Python and C agree in every bit.

    mean: int16 centres [K, F]; weight: [F], the inverse deviation as mantissa (128 to 255) + 256 * shift; limit: rows
    with a larger distance are novel.
    """

    mean: Words
    weight: Words
    limit: int

    def distance(self, rows: Any) -> Words:
        """int64 [n] of int16 rows [n, F], in 1/256 of a squared deviation."""
        mantissa, shift = self.weight & 255, self.weight >> 8
        rows = np.asarray(rows).astype(np.int64)
        nearest = np.full(len(rows), 2**32 - 1, np.int64)
        for centre in self.mean:
            deviations = np.minimum(np.abs(rows - centre) * mantissa >> shift, MOST_DEVIATIONS)
            nearest = np.minimum(nearest, (deviations**2).sum(axis=1))
        return nearest

    def novel(self, rows: Any) -> npt.NDArray[np.bool_]:
        """Whether each of the int16 rows [n, F] is unlike those of training."""
        return np.asarray(self.distance(rows) > self.limit)

    def emit(self, n_features: int) -> tuple[str, dict[str, Any]]:
        """(C that follows a model's, facts)."""
        n_centres, own = self.mean.shape
        if own != n_features:
            raise AuscultError(f"a guard of {own} features", f"{n_features}, as the model has", "fit it on the model's rows")
        source = (
            f"#define AUS_GUARD {n_centres}\n#define MODEL_GUARD_FEATURES {n_features}\n"
            f"#define MODEL_GUARD_LIMIT {self.limit}u\n#define MODEL_GUARD_MOST {MOST_DEVIATIONS}\n"
            + c_array("int16_t", "model_guard_centres", self.mean.ravel().tolist())
            + c_array("uint8_t", "model_guard_mantissas", (self.weight & 255).tolist())
            + c_array("uint8_t", "model_guard_shifts", (self.weight >> 8).tolist())
            + '#include "model_guard.h"\n'
        )
        return source, {"centres": n_centres, "table_bytes": 2 * (n_centres + 1) * n_features}


def fit_guard(rows: Any, groups: Any, share: float, labels: Any = None) -> Guard:
    """A guard with one centre for each label, from int16 rows [n, F].

    About `share` of the windows of a new group with known labels will be novel: the limit is that quantile of the
    distances of groups that were held out in turn. Labels that only one group has are left out there. A single
    group is cut into five pieces in the order of its rows; machines differ more than pieces do, so then more will be novel.
    """
    rows, groups = np.asarray(rows).astype(float), np.asarray(groups)
    labels = np.zeros(len(rows), int) if labels is None else np.asarray(labels)
    if len(rows) < 2 or not len(rows) == len(groups) == len(labels):
        raise AuscultError(f"a guard of {len(rows)} rows, {len(groups)} groups and {len(labels)} labels",
                           "one of each for every row")
    if not 0 < share < 1:
        raise AuscultError(f"a share of {share} novel windows", "more than 0, less than 1", "for example 0.01")
    found = list(_held_out(rows, groups, labels))
    if not found:
        found = list(_held_out(rows, np.arange(len(rows)) * BLOCKS // len(rows), labels))
    mean, weight = _learn(rows, labels)
    distances = np.concatenate(found) if found else Guard(mean, weight, 0).distance(rows)
    return Guard(mean, weight, int(np.ceil(np.quantile(distances, 1 - share))))


def _held_out(rows: Any, groups: Any, labels: Any) -> Iterator[Words]:
    """Distances of each group from the other groups' centres."""
    for group in np.unique(groups):
        new = groups == group
        known = ~new
        new &= np.isin(labels, labels[known])
        if new.any() and known.sum() > 1:
            yield Guard(*_learn(rows[known], labels[known]), 0).distance(rows[new])


def _learn(rows: Any, labels: Any) -> tuple[Words, Words]:
    """Centres of the labels, and the weights of the deviations around them, one for all labels."""
    mean = np.array([np.round(rows[labels == label].mean(axis=0)) for label in np.unique(labels)])
    where = np.unique(labels, return_inverse=True)[1]
    # One step of the quantised feature is added, so that what never varied in training may vary by a little.
    deviation = np.sqrt(((rows - mean[where]) ** 2).mean(axis=0) + 1)
    factor = 2.0**ONE_BITS / deviation
    shift = 8 - np.frexp(factor)[1]  # brings the factor to 128 .. 255
    mantissa = np.minimum(np.round(factor * np.exp2(shift)), 255)
    return mean.astype(np.int64), mantissa.astype(np.int64) + 256 * shift.astype(np.int64)
