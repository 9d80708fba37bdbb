# SPDX-License-Identifier: Apache-2.0
"""LineRule and MedianDistance: what they learn. That the C agrees is tests/unit/test_estimators_agree.py's."""

import numpy as np
import pytest
from auscult_host import train
from auscult_host.errors import AuscultError
from auscult_host.estimators.line_rule import LineRule
from auscult_host.estimators.median_distance import MedianDistance
from auscult_host.spec import PipelineSpec


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


def test_physics_says_whose_line_it_is_where_the_training_does_not() -> None:
    """An outer race's fault of a size that shows no line, and a ball that happens to show a little of that line."""
    rows, labels = lines(6)
    rows[labels == "outer", 0] = rows[labels == "ball", 0] - 0.5
    weak = lines(6)
    assert (LineRule({"inner": 1, "outer": 0}).fit(rows, labels).predict(weak[0]) == weak[1]).mean() > 0.95
    assert (LineRule().fit(rows, labels).predict(weak[0]) == weak[1]).mean() < 0.7


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


def fitted(model: str, features: list[str]) -> train.Fitted:
    base = PipelineSpec(window=64, hop=64, axes=["x"], features=features)
    rng = np.random.default_rng(0)
    raw = rng.integers(1000, 1100, (60, len(features))) * [1 << f.kind.q for f in base.parsed()]
    labels = np.repeat(["normal", "worn"], 30)
    raw[30:, 0] += 600 << base.parsed()[0].kind.q
    return train.fit(base, raw.astype(np.int32), labels, np.arange(60) % 3, train.Settings(model=model))


def test_features_that_are_compared_keep_one_unit() -> None:
    """A median has four more fractional bits than a maximum, which must not make it sixteen times as large."""
    spec = fitted("level", ["max.x", "median.x", "mean.x"]).spec
    q = [feature.kind.q - shift for feature, shift in zip(spec.parsed(), spec.shifts, strict=True)]
    assert len(set(q)) == 1


def test_features_of_several_units_cannot_be_compared() -> None:
    with pytest.raises(AuscultError, match="one unit"):
        fitted("level", ["max.x", "crest.x"])


def test_a_line_rule_needs_lines() -> None:
    with pytest.raises(AuscultError, match="line_"):
        fitted("line_rule", ["max.x"])
