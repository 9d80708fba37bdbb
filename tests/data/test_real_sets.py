# SPDX-License-Identifier: Apache-2.0
"""Real recordings: a fan and pumps through import, training by session and evaluation through the compiled C.

The figures are of sessions that were held out; a random split is shown to be worth nothing beside them.
"""

from dataclasses import replace

import numpy as np
import pytest
from auscult_host import evaluate, train
from auscult_host.recordings import STANDARD_GRAVITY
from auscult_host.train import Settings


def test_fan_is_imported_in_si_units_with_its_gaps(fan):
    imported, recordings, arrays, facts = fan
    assert imported.cautions == [facts["caution"]]
    assert {r.name for r in recordings} == set(arrays) and {r.session for r in recordings} == set(arrays)
    for recording in recordings:
        counts = arrays[recording.name].reshape(-1, 3)
        assert np.array_equal(recording.data, (counts / 4096 * STANDARD_GRAVITY).astype(np.float32))
        assert (recording.rate_hz, recording.piece, recording.unit) == (200, 200, "m/s2")
        assert np.linalg.norm(recording.data.mean(axis=0)) == pytest.approx(STANDARD_GRAVITY, rel=0.02)
    labels = {r.name: r.label for r in recordings}
    assert labels["fan_0_low_1_weight"] == "weight" and labels["fan_0_off_0_weight"] == "off"
    assert labels["fan_0_low-deploy"] == labels["fan_0_low_0_weight-moving"] == "normal"


def test_fan_goes_through_training_and_the_remounting_is_not_hidden(fan):
    """What is known of this set: another mounting looks like a fault. An evaluation that says otherwise leaks."""
    recordings = [r for r in fan[1] if r.label != "off"]
    settings = Settings(window=200, hop=200)
    model = train.train(recordings, settings)
    assert model.training["group_by"] == "session"
    result = evaluate.evaluate(model, recordings, leaky=True)
    assert result["leaky_balanced_accuracy"] > 0.98
    assert result["guessing"] and result["balanced_accuracy"] < 0.7


def test_fan_within_its_mounting_the_weight_is_told(fan):
    """Learnt on the first half of each recording, judged on the second: the mounting is known, time has passed."""
    low = [r for r in fan[1] if r.name in ("fan_0_low_0_weight", "fan_0_low_1_weight")]
    halves = [[replace(r, data=r.data[part * (len(r.data) // 400) * 200:][:(len(r.data) // 400) * 200],
                       session=f"{r.name}, half {part + 1}") for r in low] for part in (0, 1)]
    model = train.train(halves[0], Settings(window=200, hop=200), group_by="session")
    result = evaluate.evaluate(model, halves[1])
    assert "as it is" in result["how"] and result["balanced_accuracy"] > 0.99


def test_pumps_are_imported_by_session(pumps):
    imported, recordings, arrays, facts = pumps
    assert imported.cautions == [facts["caution"]] and len(recordings) == 220
    assert {r.session for r in recordings} == {"F1", "F2", "F3", "F4", "H1", "H2", "H3", "H4", "H5"}
    assert {r.label for r in recordings} == {"faulty", "normal"}
    assert all(np.array_equal(r.data, arrays[r.name]) and (r.unit, r.rate_hz) == ("1", 1000) for r in recordings)


def test_pumps_are_told_by_session_and_the_leak_is_shown_for_what_it_is(pumps):
    """Windows of half a second. Yardstick: 200 trees on simple spectral features of whole files of 5 s, 0.832.

    The settings were chosen in hindsight, on these sessions: the bounds guard the chain, they are no claim."""
    recordings = pumps[1]
    model = train.train(recordings, Settings(features=("f54",), trees=20, depth=4))
    result = evaluate.evaluate(model, recordings, leaky=True)
    recall = {g["name"]: g["balanced_accuracy"] for g in result["groups"]}
    sessions = np.mean([np.mean([v for k, v in recall.items() if k[0] == state]) for state in "FH"])
    assert len(recall) == 9 and result["group_by"] == "session"
    assert sessions > 0.84 and result["balanced_accuracy"] > 0.8
    assert result["leaky_balanced_accuracy"] > 0.95 > result["balanced_accuracy"]
    low, high = result["balanced_accuracy_95"]
    assert low < 0.75 and high > 0.9  # nine sessions cannot say more, and the report must not claim it
