# SPDX-License-Identifier: Apache-2.0
"""The guard: about as many windows of a new machine are novel as asked for, a new state is, and C agrees in every bit."""

import numpy as np
import pytest
from auscult_host.errors import AuscultError
from auscult_host.estimators import Guard, convert, fit_guard
from auscult_host.hostlib import HostPipeline, quantise
from auscult_host.spec import PipelineSpec
from sklearn.linear_model import LogisticRegression


def machines(n: int, seed: int, per: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(int16 rows of 6 features, machine of each, state of each): two states, an offset for each machine."""
    rng = np.random.default_rng(seed)
    spread = np.array([1, 10, 100, 1000, 3000, 20])
    groups, states = np.repeat(np.arange(n), per), np.tile(np.arange(2), n * per // 2)
    rows = rng.normal(0, 1, (n * per, 6)) + rng.normal(0, 0.7, (n, 6))[groups] + 4.0 * states[:, None]
    return np.clip(np.round(rows * spread), -32768, 32767).astype(np.int16), groups, states


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_share_of_new_machines(share: float) -> None:
    rows, groups, states = machines(30, 1)
    guard = fit_guard(rows, groups, share, states)
    found = guard.novel(machines(60, 2)[0]).mean()
    assert share / 2 < found < share * 2
    third = machines(20, 3)[0].astype(int) - np.array([0, 0, 0, 12000, 0, 0])  # a state that was never seen
    assert guard.novel(np.clip(third, -32768, 32767)).mean() > 0.95


def test_a_state_of_one_machine_only_does_not_open_the_guard() -> None:
    rows, groups, states = machines(10, 4)
    only = (states == 0) | (groups == 3)
    one = fit_guard(rows[only], groups[only], 0.05, states[only])
    assert one.limit < 2 * fit_guard(rows, groups, 0.05, states).limit
    single = fit_guard(rows[groups == 3], groups[groups == 3], 0.05, states[groups == 3])
    assert 0.01 < single.novel(rows[groups == 3]).mean() < 0.15


def test_constant_features_may_vary_a_little() -> None:
    rows = np.full((100, 3), 7, np.int16)
    guard = fit_guard(rows, np.arange(100) // 20, 0.01)
    assert guard.novel([[7, 7, 7], [9, 7, 7], [2000, 7, 7]]).tolist() == [False, True, True]
    assert Guard(guard.mean, guard.weight, 256 * 5).novel([[9, 7, 7], [11, 7, 7]]).tolist() == [False, True]


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_wrong_share(share: float) -> None:
    with pytest.raises(AuscultError, match="share"):
        fit_guard(np.zeros((5, 2)), np.arange(5), share)


def test_guard_of_other_features_is_refused() -> None:
    rows, groups, states = machines(4, 1)
    model = LogisticRegression(max_iter=500).fit(rows[:, :5], states)
    with pytest.raises(AuscultError, match="6 features"):
        convert(model, 5, guard=fit_guard(rows, groups, 0.1))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_pipeline_flags_what_python_calls_novel() -> None:
    rng = np.random.default_rng(0)
    spec = PipelineSpec.make(name="guarded", window=64, hop=32, axes=["x"], features=["rms.x", "kurtosis.x", "peak_to_peak.x"],
                             shifts=[4, 8, 4], classes=["a", "b"])
    level = np.repeat(rng.choice([300, 3000, 20000], 100), 64)[:, None]
    words = np.clip(rng.normal(0, 1, (6400, 1)) * level, -32768, 32767).astype(np.int16)
    plain = [v.features for v in HostPipeline(spec).push(words)]
    rows = quantise(np.array(plain), spec.shifts)
    known = rows[:, 0] < np.quantile(rows[:, 0], 0.6)
    guard = fit_guard(rows[known], np.arange(known.sum()) // 10, 0.05)
    model = LogisticRegression().fit(rows[known].astype(float), rows[known][:, 0] > np.median(rows[known][:, 0]))
    pipeline = HostPipeline(spec, convert(model, 3, guard=guard))
    pipeline.push(words[:40])
    pipeline.mark()
    verdicts = pipeline.push(words[40:])
    assert [v.novel for v in verdicts] == guard.novel(rows).tolist()
    assert [v.marked for v in verdicts] == [True, True] + [False] * (len(verdicts) - 2)
    assert {True, False} == {v.novel for v in verdicts}
    without = HostPipeline(spec, convert(model, 3)).push(words)
    assert [v.index for v in verdicts] == [v.index for v in without] and not any(v.novel for v in without)
