# SPDX-License-Identifier: Apache-2.0
"""A pipeline at orders of the shaft: a board that is told the speed says what the PC says, at another speed than the nominal."""

from dataclasses import replace

import numpy as np
import pytest
from auscult_host import playback, train
from auscult_host.errors import AuscultError
from auscult_host.hostlib import HostPipeline
from auscult_host.recordings import Recording, to_int16

RATE_HZ, NOMINAL_HZ = 1600.0, 25.0


def turning(label: str, shaft_hz: float, seed: int, seconds: float = 6.0) -> Recording:
    """Noise on gravity, modulated 3.6 times a revolution where the bearing is worn."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    loud = 1 + 0.9 * (label == "worn") * np.sin(2 * np.pi * 3.6 * shaft_hz * t + rng.uniform(0, 6))
    data = rng.normal(0, 2, (len(t), 3)) * loud[:, None] + (0, 0, 9.8)
    return Recording(data, RATE_HZ, label=label, machine=f"m{seed % 2}", session=str(seed), rpm=60 * shaft_hz,
                     name=f"{label}_{seed}")


@pytest.fixture(scope="module")
def trained() -> train.Trained:
    learn = [turning(label, NOMINAL_HZ, seed) for seed in range(4) for label in ("normal", "worn")]
    settings = train.Settings(window=2048, hop=512, features=("env_line_bpfo.x", "env_line_bpfo.y"), model="lda",
                              shaft_hz=NOMINAL_HZ, orders={"bpfo": 3.6})
    return train.train(learn, settings, group_by="session", name="orders")


def test_the_board_is_told_the_speed_of_a_recording(trained: train.Trained) -> None:
    recording = turning("worn", 1.3 * NOMINAL_HZ, 9)
    *_, (played, _) = playback.play(trained, recording, "sim_m4")
    host = trained.pipeline()
    host.set_shaft(recording.rpm / 60)
    told = [trained.spec.classes[verdict.index] for verdict in host.push(played.heard)]
    assert [verdict["v"] for verdict in played.verdicts] == told and set(told) == {"worn"}
    # without it the line is looked for where it is not
    *_, (unaware, _) = playback.play(trained, replace(recording, rpm=0.0), "sim_m4")
    assert "normal" in {verdict["v"] for verdict in unaware.verdicts}


def test_a_pipeline_without_orders_takes_no_speed() -> None:
    spec = train.base_spec([turning("normal", NOMINAL_HZ, 0)], train.Settings(features=("rms.x",)), "plain", 157.0)
    assert not any(feature.order for feature in spec.parsed())
    run = HostPipeline(spec).run(to_int16(turning("normal", NOMINAL_HZ, 0), 157.0), shaft_hz=40.0)
    assert len(run.features)
    with pytest.raises(AuscultError, match="shaft"):
        train.base_spec([turning("normal", NOMINAL_HZ, 0)], train.Settings(features=("line_shaft1.x",)), "no_speed", 157.0)
