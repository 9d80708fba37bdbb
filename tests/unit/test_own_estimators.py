# SPDX-License-Identifier: Apache-2.0
"""LineRule and MedianDistance: what they learn. That the C agrees is tests/unit/test_estimators_agree.py's."""

import numpy as np
import pytest
from auscult_host.estimators.line_rule import LineRule
from auscult_host.estimators.median_distance import MedianDistance


def lines(height: float, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Two lines over noise: column 1 stands out in `inner`, column 0 in `outer`, none in `ball`."""
    rng = np.random.default_rng(int(height * 10))
    rows = rng.normal(2, 0.5, (3 * n, 2))
    labels = np.repeat(["ball", "inner", "outer"], n)
    rows[labels == "inner", 1] += height
    rows[labels == "outer", 0] += height
    return rows, labels


def test_a_weaker_fault_than_any_in_training_is_still_told() -> None:
    rule = LineRule().fit(*lines(8))
    assert {rule.classes_[owner]: line for owner, line in rule.lines_.items()} == {"inner": 1, "outer": 0}
    assert 3 < rule.threshold_ < 5  # just over the noise, not half way to the 10 of the lines
    rows, labels = lines(4)
    assert (rule.predict(rows) == labels).mean() > 0.95


def test_two_lines_of_one_class_leave_the_clearer_one() -> None:
    rows, labels = lines(6)
    rows = np.column_stack([rows, np.where(labels == "outer", 4, 2)])
    assert LineRule().fit(rows, labels).lines_ == {1: 1, 2: 0}


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_belong_to_the_classes(classes: int) -> None:
    rows, labels = lines(6)
    keep = labels != "outer" if classes == 2 else labels != ""
    rule = LineRule().fit(rows[keep], labels[keep])
    probabilities = rule.predict_proba(rows[keep])
    assert probabilities.shape == (keep.sum(), classes) and np.allclose(probabilities.sum(axis=1), 1)
    assert (rule.classes_[probabilities.argmax(axis=1)] == rule.predict(rows[keep])).all()
    assert rule.coef_.shape == ((1, 2) if classes == 2 else (3, 2))


def test_a_shared_median_measures_all_features_against_one_level() -> None:
    """Days with a minimum of 10 and a maximum of 30: at 20 all day long is usual, 30 all day long is not."""
    days = np.random.default_rng(0).normal([10, 20, 30], 1, (300, 3))
    shared = -MedianDistance(shared=True).fit(days).score_samples([[20, 20, 20], [30, 30, 50]])
    each = -MedianDistance().fit(days).score_samples([[20, 20, 20], [30, 30, 50]])
    assert shared[0] < 0.1 < 2 < shared[1] and each[0] > 5
