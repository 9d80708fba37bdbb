# SPDX-License-Identifier: Apache-2.0
"""Models that the benchmarks and their figures are about, the same on every run."""

from typing import Any

import numpy as np
import numpy.typing as npt


def bench_forest() -> tuple[Any, npt.NDArray[np.int16]]:
    """(fitted RandomForestClassifier, int16 [1000, 12] rows it was not fitted on).

    10 trees of depth 8 with 1479 splits, 12 features, 4 classes: the size that the figures of other converters
    were measured with.
    """
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    features, labels = make_classification(
        3450, 12, n_informative=8, n_redundant=0, n_classes=4, random_state=4
    )
    rows = np.clip(np.round(features * 4000), -32768, 32767).astype(np.int16)
    model = RandomForestClassifier(10, max_depth=8, random_state=2).fit(rows[:2450], labels[:2450])
    return model, rows[2450:]
