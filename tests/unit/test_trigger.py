# SPDX-License-Identifier: Apache-2.0
"""Cycles are cut where the trigger says, however the samples come, and the same on the PC as in the stream."""

import numpy as np
import pytest
from auscult_host.errors import AuscultError
from auscult_host.generate import press
from auscult_host.hostlib import HostPipeline
from auscult_host.spec import PipelineSpec
from hypothesis import given, settings
from hypothesis import strategies as st

FULL_SCALE = 156.9064
N, HOP, PRE, LEVEL = 40, 64, 8, 100
SPEC = PipelineSpec.make(name="gate", window=N, hop=HOP, axes=["a", "b"], full_scale=32768.0,
                         features=["mean.a", "mean.b", "max.b"],
                         trigger={"axis": "b", "level": LEVEL, "pre": PRE})
PIPELINE = HostPipeline(SPEC)


def expected(samples):
    """First samples of the windows, as the definition says them."""
    b, starts, fresh = samples[:, 1].astype(np.int64), [], 0
    t = fresh + PRE
    while t < len(b):
        if abs(b[t] * PRE - b[t - PRE:t].sum()) > LEVEL * PRE:
            if t - PRE + N > len(b):
                break
            starts.append(t - PRE)
            fresh = t - PRE + HOP
            t = fresh + PRE
        else:
            t += 1
    return starts


@st.composite
def signals(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n = draw(st.integers(1, 900))
    samples = rng.normal(0, draw(st.sampled_from([5, 30, 60])), (n, 2)) + draw(st.integers(-20000, 20000))
    for at in draw(st.lists(st.integers(0, n - 1), max_size=6)):
        samples[at:at + draw(st.integers(1, 60)), 1] += draw(st.integers(-30000, 30000))
    return np.clip(samples, -32768, 32767).astype(np.int16)


@settings(max_examples=150, deadline=None)
@given(signals(), st.lists(st.integers(1, 200), min_size=1, max_size=8))
def test_windows_are_where_the_definition_says_however_the_samples_are_cut(samples, cuts):
    run = PIPELINE.run(samples)
    assert run.start.tolist() == expected(samples)
    for start, features in zip(run.start, run.features, strict=True):
        window = samples[start:start + N].astype(int)
        assert features[2] == window[:, 1].max()
        assert abs(features[0] / 512 - window[:, 0].mean()) < 0.01
    PIPELINE.reset()
    found, at = [], 0
    while at < len(samples):
        size = cuts[at % len(cuts)]
        found += [verdict.features.tolist() for verdict in PIPELINE.push(samples[at:at + size])]
        at += size
    assert found == run.features.tolist()


def test_a_gap_marks_the_cycle_in_which_it_was_and_no_other():
    samples = np.zeros((400, 2), np.int16)
    samples[100:110, 1] = samples[300:310, 1] = 5000
    PIPELINE.reset()
    PIPELINE.push(samples[:115])
    PIPELINE.mark()
    verdicts = PIPELINE.push(samples[115:])
    assert [verdict.marked for verdict in verdicts] == [True, False]
    PIPELINE.reset()
    PIPELINE.push(samples[:60])
    PIPELINE.mark()  # long before the cycle begins
    assert [verdict.marked for verdict in PIPELINE.push(samples[60:])] == [False, False]


def test_every_stroke_of_a_press_gives_one_window_that_begins_with_it():
    kinds = ["normal", "no_part", "double_part", "worn_tool"] * 5
    for machine in range(3):
        data, at_s = press.strokes(machine, 0, kinds, 1600.0, 1)
        words = np.clip(np.rint(data / FULL_SCALE * 32768), -32768, 32767).astype(np.int16)
        spec = PipelineSpec.make(name="press", window=320, hop=1280, full_scale=FULL_SCALE, features=["std.z"],
                                 trigger={"axis": "z", "level": 2.5, "pre": 32})
        begins = (HostPipeline(spec).run(words).start + 32) / 1600.0
        assert len(begins) == len(kinds)
        assert np.abs(begins - at_s).max() < 0.003


@pytest.mark.parametrize("changed, says", [
    ({"hop": 20}, "hop not below the window"), ({"trigger": {"axis": "c", "level": 1}}, "trigger.axis 'c'"),
    ({"trigger": {"axis": "b", "level": 1e6}}, "trigger.level"), ({"trigger": {"axis": "b", "level": 1, "pre": 40}}, "hop")])
def test_a_trigger_that_cannot_be_is_refused(changed, says):
    given = {**SPEC.model_dump(), **changed}
    with pytest.raises(AuscultError, match=says):
        PipelineSpec.make(**given)
