# SPDX-License-Identifier: Apache-2.0
"""Counting a node's work on a simulated core, as `auscult power --measure` does."""

import numpy as np
import pytest
from auscult_host import power, train, work
from auscult_host.device import module
from auscult_host.errors import AuscultError
from auscult_host.recordings import Recording


@pytest.fixture(scope="module")
def trained() -> train.Trained:
    rng = np.random.default_rng(1)
    runs = [Recording(rng.normal(0, level, (6000, 3)).astype(np.float32), 1600.0, ["x", "y", "z"], "m/s2", label=label,
                      machine=f"m{i}") for i in range(3) for label, level in (("normal", 1), ("loose", 8))]
    return train.train(runs, train.Settings(window=256, hop=128, features=("std_log2", "crest"), trees=3), name="small")


def config(**sensor: object) -> dict:
    return module("config").check({"sensor": {"chip": "lis3dh", "rate_hz": 1344, "bus": "spi", "cs": 9, **sensor},
                                   "decision": {"normal": "normal"}, "power": {"sleep": "light", "on_s": 1, "off_s": 9}})


def test_a_longer_fifo_load_costs_less_for_each_sample(trained: train.Trained) -> None:
    """Every sample passes through driver, sampler and pipeline, so it costs more than the pipeline alone; what a turn
    costs is shared by its samples."""
    few, many = (work.measured(trained, config(watermark=n), "NUCLEO_L476RG") for n in (4, 24))
    assert few.per_window == many.per_window == 0
    assert 300 < many.per_sample < few.per_sample < 50_000
    assert "sim_m4" in many.source
    estimate = power.estimate(config(watermark=24), power.board_power("NUCLEO_L476RG"), power.sensor("lis3dh"), many,
                              trained.spec.hop, power.parse_battery("2xAA"))
    assert 0 < estimate.busy["sampling"] < 1


def test_a_node_that_does_not_start_is_told(trained: train.Trained) -> None:
    broken = config() | {"decision": config()["decision"] | {"per_class": {"no such": {"k": 2}}}}
    with pytest.raises(AuscultError, match="no such"):
        work.measured(trained, broken, "NUCLEO_L476RG")
