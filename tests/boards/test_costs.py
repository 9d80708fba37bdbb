# SPDX-License-Identifier: Apache-2.0
"""What costs.py predicts, against what is built and counted: pipelines as people make them, none of them in the calibration."""

from collections.abc import Iterator

import numpy as np
import pytest
from auscult_host import costs, features
from auscult_host.benchmarks.calibrate import count, signal
from auscult_host.benchmarks.counting import CountingBoard
from auscult_host.boards import simulated
from auscult_host.errors import AuscultError
from auscult_host.estimators import ModelCode, convert
from auscult_host.hostlib import HostPipeline, choose_shifts, quantise
from auscult_host.simulator import SimBoard
from auscult_host.spec import Front, PipelineSpec
from hypothesis import given, settings
from hypothesis import strategies as st

BOARDS = ["sim_m4", "sim_m3", "sim_m0", "sim_rv32"]
AXES = ["x", "y", "z"]


def fitted(spec: PipelineSpec, estimator: object, **how: object) -> tuple[PipelineSpec, ModelCode]:
    """The pipeline with an estimator fitted on its features of made-up sounds of three classes."""
    pipeline, rows = HostPipeline(spec), []
    for label in range(3):
        samples = signal(spec.window + 60 * spec.hop, len(spec.axes)).astype(float) * (0.3 + 0.2 * label)
        samples += np.random.default_rng(label).normal(0, 300 * (1 + label), samples.shape)
        rows.append(pipeline.run(np.clip(samples, -32768, 32767).astype(np.int16)).features)
    raw = np.concatenate(rows)
    shifts = choose_shifts(raw)
    labels = np.repeat(np.arange(3), [len(part) for part in rows])
    estimator.fit(quantise(raw, shifts).astype(float), labels)
    return spec.model_copy(update={"shifts": shifts, "classes": ["a", "b", "c"]}), convert(estimator, len(spec.features), **how)


def made(kind: str) -> tuple[PipelineSpec, ModelCode | None]:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.naive_bayes import GaussianNB
    from sklearn.tree import DecisionTreeClassifier

    if kind == "vibration":
        return fitted(PipelineSpec.make(name="p", window=512, hop=256, features=features.names(AXES)),
                      RandomForestClassifier(10, max_depth=8, random_state=0), layout="small")
    if kind == "short":
        names = ["std_log2.x", "share_3_8.x", "env_kurtosis.x", "crest.y", "share_1_8.y", "env_crest.y", "skewness.z", "shape.z",
                 "zero_crossings.z", "share_8_8.z", "env_prominence.z"]
        return fitted(PipelineSpec.make(name="p", window=100, hop=50, features=names), LinearDiscriminantAnalysis())
    if kind == "tree":
        names = features.names(AXES, ["std", "crest", "zero_crossings"])
        return fitted(PipelineSpec.make(name="p", window=256, hop=128, features=names), DecisionTreeClassifier(max_depth=8))
    if kind == "bearing":
        front = Front(kind="log_envelope", low_hz=300, high_hz=700, decimate=16)
        return PipelineSpec.make(name="p", window=4096, hop=1024, axes=["x"], front=front, shaft_hz=5.0,
                                 orders={"bpfo": 3.58, "bpfi": 5.42}, features=["line_bpfo.x", "line_bpfi.x"]), None
    if kind == "activity":
        names = features.names(AXES, features.SETS["activity"])
        spec = PipelineSpec.make(name="p", window=128, hop=64, rate_hz=32, features=names)
        return fitted(spec, LinearDiscriminantAnalysis(), bits=16)
    if kind == "slow":
        return PipelineSpec.make(name="p", window=96, hop=1, rate_hz=1 / 300, axes=["temperature"],
                                 features=features.names(["temperature"], features.SETS["slow"])), None
    names = ["rms.x", "peak_to_peak.x", "kurtosis.y", "crest.z", "band_1_4.x", "band_4_4.x", "env_rms.x"]
    return fitted(PipelineSpec.make(name="p", window=300, hop=300, features=names), GaussianNB())


@pytest.fixture(scope="module", params=BOARDS)
def board(request: pytest.FixtureRequest) -> Iterator[CountingBoard]:
    with SimBoard(request.param, deterministic=True) as sim:
        yield CountingBoard(sim)


@pytest.mark.parametrize("kind", ["vibration", "bearing", "activity", "slow", "plain", "short", "tree"])
def test_predictions_are_within_a_tenth(board: CountingBoard, kind: str) -> None:
    spec, model = made(kind)
    predicted = costs.predict(spec, model, board.name)
    board.clean()
    metrics = count(board, spec, model)
    assert predicted.instructions == pytest.approx(metrics["instructions"], rel=0.1)
    assert predicted.flash_bytes == pytest.approx(metrics["file_bytes"], rel=0.1)
    ram = metrics["file_bytes"] + metrics["state_bytes"] + 4 * costs.out_words(spec, model)
    assert predicted.ram_bytes == pytest.approx(ram, rel=0.1)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_the_state_is_as_large_as_predicted(data: st.DataObject) -> None:
    axes = data.draw(st.integers(1, 3))
    points = data.draw(st.sampled_from([16, 33, 64, 100, 128, 257, 512]))
    fronts = [None, Front(kind="decimate", decimate=4)]
    front = data.draw(st.sampled_from([*fronts, Front(kind="log_envelope", low_hz=200, high_hz=700, decimate=8)]))
    names = data.draw(st.lists(st.sampled_from(["mean.x", "std.x:mean4", "std.x:lag2", "env_rms.x", "max.norm", "min.x:lag7"]),
                               min_size=1, unique=True))
    if points >= 512:
        names += data.draw(st.sampled_from([[], ["line_shaft1.x"], ["side_shaft2.x:mean3"]]))
    step = front.decimate if front else 1
    spec = PipelineSpec.make(name="p", window=points * step, hop=points * step, axes=AXES[:axes], front=front, shaft_hz=20.0,
                             features=names)
    library = HostPipeline(spec).library
    assert costs.state_bytes(spec) == library.host_state_bytes()
    assert costs.out_words(spec, None) == library.host_out_words()


def test_a_board_with_a_clock_gets_time_and_energy() -> None:
    spec, model = made("bearing")
    cost = costs.predict(spec, model, "NUCLEO_F446RE")
    assert cost.counted_on == "sim_m4" and cost.instructions == costs.predict(spec, model, "sim_m4").instructions
    two_cycles_each = 2 * cost.instructions / 168e6  # as its board.toml assumes
    assert cost.seconds == pytest.approx(two_cycles_each, rel=1e-4)
    assert cost.energy_uj == pytest.approx(cost.seconds * 43e-3 * 3.3 * 1e6)
    assert costs.predict(spec, model, "sim_m4").seconds is None


@pytest.mark.parametrize("name", simulated())
def test_every_simulated_board_is_calibrated_for_every_kind(name: str) -> None:
    table = costs.tables()[name]
    assert set(table["alone"]) == set(features.KINDS)
    assert table["off"]["instructions"]["median"] < 0.05 and table["off"]["bytes"]["median"] < 0.05


def test_an_unknown_board_is_refused() -> None:
    with pytest.raises(AuscultError, match="there is no board 'sim_m99'"):
        costs.predict(PipelineSpec.make(name="p", features=["mean.x"]), None, "sim_m99")
