# SPDX-License-Identifier: Apache-2.0
"""The integer core against float64, for windows of many lengths; and the stream processor around it."""

import numpy as np
import pytest
import reference
import reference_activity
import windows
from auscult_host import features as table
from auscult_host import hostlib
from auscult_host.errors import AuscultError
from auscult_host.spec import PipelineSpec
from hypothesis import given, settings
from hypothesis import strategies as st

PLAIN = table.SIGNAL + [f"{b}_{i}_8" for b in ("band", "share") for i in (1, 4, 8)]
EVERY = PLAIN + ["env_" + k for k in PLAIN]
QUANTILES = ("q5", "q25", "median", "q75", "q95", "iqr")

# Largest error allowed over the signals of tests/windows.py: absolute in the table's unit, or relative to the value,
# whichever is larger. Measured errors are 1.2 to 3 times smaller (`python tests/unit/test_features.py` prints them).
ERROR = {
    "mean": (0.002, 0), "std": (0.01, 4e-4), "min": (0, 0), "max": (0, 0), "rms": (0.01, 4e-4), "peak_to_peak": (0, 0),
    "crest": (5e-4, 4e-4), "skewness": (2e-3, 3.5e-3), "kurtosis": (4e-3, 4e-3), "dominant": (0, 0), "peak": (0, 0),
    "std_log2": (0.003, 0), "mean_abs_dev": (0.01, 3e-4), "shape": (5e-4, 3e-4), "impulse": (5e-4, 3e-4),
    "zero_crossings": (1e-4, 0), "mean_abs_diff": (0.005, 1e-4), "mobility": (5e-4, 1.5e-3), "complexity": (1e-3, 2e-3),
    "power_log2": (0.003, 0), "centroid": (0.02, 1e-4), "spread": (0.03, 1e-3), "entropy": (0.006, 0),
    "flatness": (0.006, 0), "rolloff": (0, 0), "peak2": (0, 0), "peak3": (0, 0), "prominence": (0.005, 0),
    "cepstrum_peak": (0.004, 0), "lines": (0.01, 0), "sides": (0.01, 0), "bands": (0.025, 0), "shares": (1.2e-3, 0),
    "slope": (0.003, 0), **{f"quarter_{i}": (0.004, 0) for i in range(1, 5)}, "quarter_range": (0.003, 0),
    "quarter_std_min": (0.01, 5e-5), "autocorr": (1e-3, 0), "autocorr_lag": (0, 0), "still": (4e-5, 0),
    "last": (0, 0), "change": (0, 0), "max_step": (0, 0), "diff_log2": (0.003, 0), "dwell": (4e-5, 0),
    **dict.fromkeys(QUANTILES, (0.03, 0)), "since_max": (4e-5, 0), "since_min": (4e-5, 0),
    **{f"octave_{i}": (0.008, 0) for i in range(1, 7)},
}


def make(window: int, kinds: list[str], axes: str = "x", hop: int | None = None) -> hostlib.HostPipeline:
    return hostlib.HostPipeline(PipelineSpec.make(
        name="t", window=window, hop=hop or window, rate_hz=window / reference.WINDOW_S, axes=list(axes),
        features=table.names(list(axes), kinds)))


def possible(window: int, kinds: list[str]) -> list[str]:
    """Those that so short a window can have."""
    return [k for k in kinds if window >= 64 or not table.parse(k + ".x", ["x"]).kind.needs]


def errors(window: int, count: int = 40) -> list[tuple[table.Feature, np.ndarray, np.ndarray, np.ndarray]]:
    """(feature, got, float64 reference, peak-to-peak) over the signals."""
    pipeline = make(window, possible(window, EVERY))
    data = windows.signals(window, 1, count)
    got = pipeline.features(data)
    out = []
    for i, feature in enumerate(pipeline.spec.parsed()):
        expected = np.array([reference.value(feature, w[:, 0], pipeline.spec.nfft) for w in data])
        spans = np.array([np.ptp(reference.envelope(w[:, 0].astype(float)) if feature.envelope else w[:, 0].astype(float))
                          for w in data])
        out.append((feature, got[:, i] / 2.0 ** feature.kind.q, expected, spans))
    return out


@pytest.mark.parametrize("window", [16, 21, 64, 100, 128, 200, 256, 512, 1000, 1024, 2048, 4096])
def test_every_feature_is_near_float64(window: int) -> None:
    for feature, got, expected, spans in errors(window):
        name = feature.kind.name
        if name in QUANTILES and window >= 64:  # a bin is at most 1/64 of the range, but a quantile may lie in a gap
            gap = {"iqr": 8, "q5": 16, "q95": 16}.get(name, 4) * spans / 64
            assert (np.abs(got - expected) <= gap + 1).all(), (window, feature.name)
            continue
        if name == "cepstrum_at":  # of two that are equally high either is right
            assert np.mean(got == expected) > 0.9, (window, feature.name)
            continue
        absolute, relative = ERROR[name]
        if feature.envelope:  # the envelope is scaled down to int16: up to 4 LSB are lost, the average half of that
            absolute += {"min": 4, "max": 4, "peak": 4, "peak_to_peak": 4, "mean": 2, "rms": 2, "std": 1,
                         "mean_abs_dev": 1, "mean_abs_diff": 1, "skewness": 0.01, "kurtosis": 0.05,
                         "zero_crossings": 3 / window, "slope": 4, "last": 4, "change": 4, "max_step": 4, "dwell": 0.1,
                         "still": 1, "since_max": 1, "since_min": 1,
                         **{kind: 1 for kind in ERROR if kind.startswith("quarter")}}.get(name, 0.002)
            relative += 0.004
        if name in ("skewness", "kurtosis"):
            relative += 0.5 / window  # a spike in a short window leaves few bits for the rest
        error = np.abs(got - expected)
        limit = np.maximum(absolute, relative * np.abs(expected))
        worst = int((error - limit).argmax())
        assert (error <= limit).all(), (window, feature.name, got[worst], expected[worst])


def test_median_error_of_quantiles_is_small() -> None:
    for feature, got, expected, spans in errors(512):
        if feature.kind.name in QUANTILES and not feature.envelope:
            assert np.median(np.abs(got - expected) / spans) < 0.002, feature.name


@pytest.mark.parametrize("window", [64, 200, 512, 1024])
def test_silence_gives_zeros(window: int) -> None:
    pipeline = make(window, EVERY)
    got = pipeline.features(np.zeros((1, window, 1), np.int16))[0]
    for feature, value in zip(pipeline.spec.parsed(), got):
        floor = round(512 * np.log2(64 * window * pipeline.spec.nfft))
        known = {"dominant": 1, "still": 32768, "diff_log2": 0, **{f"octave_{i}": floor for i in range(1, 7)}}
        assert value == known.get(feature.kind.name, -8192 if feature.kind.level < 0 else 0), feature.name


@pytest.mark.parametrize(("window", "axes"), [(16, 3), (21, 2), (100, 8), (128, 3), (1000, 2), (4096, 3)])
def test_features_of_several_axes_are_near_float64(window: int, axes: int) -> None:
    names = [f"a{i}" for i in range(axes)]
    kinds = [k for k in table.SIMPLE if table.KINDS[k].family != "signal"]
    pipeline = hostlib.HostPipeline(PipelineSpec.make(window=window, hop=window, axes=names, features=table.names(names, kinds)))
    data = windows.signals(window, axes, 40)
    data[0], data[1], data[2], data[3] = 0, 32767, -32768, np.where(np.arange(window) % 2, 32767, -32768)[:, None]
    data[4, :, 1] = data[4, :, 0]
    got = pipeline.features(data)
    for i, feature in enumerate(pipeline.spec.parsed()):
        on = [names.index(axis) for axis in feature.on]
        expected = np.array([reference_activity.cross(feature.kind.name, w.astype(float), on[0], on[-1]) for w in data])
        error = np.abs(got[:, i] / 2.0 ** feature.kind.q - expected)
        scale = np.linalg.norm(data.std(axis=1), axis=1)  # what is along must not leak into what is across
        limit = {"LSB": 0.1 + 1e-4 * np.maximum(scale, expected), "1": 2e-4}[feature.kind.unit]
        if feature.kind.name == "tilt_path":
            limit = 1e-3
        assert (error <= limit).all(), (window, feature.name, error.max(), expected[error.argmax()])


def test_a_turn_of_the_wrist() -> None:
    """Gravity goes from z to -x in the middle of a window, with some swinging across it."""
    pipeline = make(128, ["gravity", "gravity_first", "gravity_last", "tilt_change", "tilt_path", "vertical_rms",
                          "horizontal_rms", "slope", "quarter_range", "autocorr_lag", "correlation", "still"], "xyz")
    t = np.arange(128)
    angle = np.clip((t - 40) / 48, 0, 1) * np.pi / 2
    w = 10000 * np.stack([-np.sin(angle), 0.05 * np.sin(2 * np.pi * t / 16), np.cos(angle)], axis=1)
    got = dict(zip(pipeline.spec.features, pipeline.features(windows.to_int16(w)[None])[0] / 2.0 ** np.array(
        [f.kind.q for f in pipeline.spec.parsed()])))
    assert [round(got[f"gravity_{part}.{axis}"], 2) for part in ("first", "last") for axis in "xyz"] == [0, 0, 1, -1, 0, 0]
    assert got["gravity.x"] == pytest.approx(-got["gravity.z"], abs=0.02)
    assert got["tilt_change.all"] == pytest.approx(2 ** 0.5, abs=0.01)
    assert got["tilt_path.all"] == pytest.approx(np.pi / 2, rel=0.05)  # chords of a quarter of a circle
    assert got["horizontal_rms.all"] > 2 * got["vertical_rms.all"]
    assert got["slope.x"] < -10000 and got["slope.z"] < -10000 and abs(got["slope.y"]) < 200
    assert got["quarter_range.x"] == pytest.approx(10000, abs=1) and got["autocorr_lag.y"] == 16
    assert got["correlation.x_z"] > 0.8 and abs(got["correlation.x_y"]) < 0.1
    assert got["still.x"] == pytest.approx((128 - 48) / 127, abs=0.1)


@pytest.mark.parametrize("name", table.SETS)
def test_named_sets_fit_into_a_pipeline(name: str) -> None:
    """With three axes and short windows; those for slow signals move on by a single sample."""
    window, hop = (16, 1) if name == "slow" else (64, 32)
    spec = PipelineSpec.make(window=window, hop=hop, rate_hz=32, features=table.names(list("xyz"), table.SETS[name]))
    assert len(spec.features) <= 190
    if not spec.streaming:
        assert len(hostlib.HostPipeline(spec).push(windows.signals(80, 3, 1)[0])) == (80 - window) // hop + 1


@pytest.mark.parametrize("window", [128, 200, 512, 2048])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_extremes_never_overflow(window: int, data: st.DataObject) -> None:
    """Whatever comes in, bounded features stay within their bounds and exact ones are exact."""
    pipeline = make(window, PLAIN)
    x = data.draw(windows.channel(window))
    got = dict(zip((f.kind.name if not f.band else f.name for f in pipeline.spec.parsed()),
                   pipeline.features(x[None, :, None])[0]))
    assert got["min"] == x.min() and got["max"] == x.max() and got["peak_to_peak"] == int(x.max()) - int(x.min())
    assert abs(got["mean"] / 512 - x.mean(dtype=float)) <= 1 / 512
    assert 0 <= got["std"] <= 256 * 32768 and 0 <= got["rms"] <= 256 * 32769
    assert all(0 <= v <= 32768 for k, v in got.items() if k.startswith("share_"))
    assert 1 <= got["dominant"] <= pipeline.spec.nfft // 2
    assert got["q5"] <= got["q25"] <= got["median"] <= got["q75"] <= got["q95"]
    assert got["last"] == x[-1] and got["max_step"] == np.abs(np.diff(x.astype(int))).max()
    assert abs(got["slope"] / 256 - reference_activity.slope(x)) < 0.01
    assert all(0 <= got[k] <= 32768 for k in ("autocorr", "still", "dwell", "since_max", "since_min"))
    if x.min() != x.max():
        std = x.std(dtype=float)
        assert abs(got["std"] / 256 - std) <= max(0.01 + std * 3e-3, 0.005)
        kurtosis = ((x - x.mean(dtype=float)) ** 4).mean() / std ** 4
        assert abs(got["kurtosis"] / 4096 - kurtosis) <= 0.03 * kurtosis + 0.01


@pytest.mark.parametrize("kind", [*PLAIN, "env_rms", "env_std_log2", "env_share_4_8"])
def test_each_feature_alone_is_as_in_company(kind: str) -> None:
    """Whatever set is chosen compiles without a warning and changes no bit; nothing else is computed."""
    data = windows.signals(200, 1, 10)
    company = make(200, EVERY).features(data)[:, EVERY.index(kind)]
    assert (make(200, [kind]).features(data)[:, 0] == company).all()


def test_as_many_features_as_there_can_be() -> None:
    """8 axes and 32 bands: places beyond 255 in the output of a channel."""
    kinds = [f"band_{i}_32" for i in (1, 32)] + ["mean", "rms", "kurtosis"]
    pipeline = make(512, kinds, "abcdefgh")
    data = windows.signals(512, 8, 3)
    got = pipeline.features(data)
    for i, axis in enumerate("abcdefgh"):
        alone = make(512, kinds, axis).features(np.ascontiguousarray(data[:, :, i:i + 1]))
        assert (got[:, i * len(kinds):(i + 1) * len(kinds)] == alone).all()


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_cut_into_blocks_gives_the_same_verdicts(data: st.DataObject) -> None:
    hop = data.draw(st.sampled_from([1, 37, 64, 100, 128, 200]))
    axes = data.draw(st.sampled_from(["x", "xy", "xyz"]))
    pipeline = make(64 if hop == 1 else 128, ["mean", "std", "dominant", "env_rms"], axes, hop)
    samples = windows.signals(700, len(axes), 1, seed=data.draw(st.integers(0, 9)))[0]
    whole = pipeline.push(samples)
    pipeline.reset()
    cuts = sorted(data.draw(st.lists(st.integers(0, 700), max_size=12)))
    pieces = [v for block in np.split(samples, cuts) for v in pipeline.push(block)]
    assert [v.window for v in pieces] == list(range(len(whole)))
    assert all((a.features == b.features).all() for a, b in zip(whole, pieces))
    starts = np.arange(len(whole)) * hop
    direct = pipeline.features(np.stack([samples[s:s + pipeline.spec.window] for s in starts]))
    assert all((v.features == d).all() for v, d in zip(whole, direct))
    assert len(whole) == (700 - pipeline.spec.window) // hop + 1


@given(gap=st.integers(0, 600), hop=st.sampled_from([50, 128, 150]))
@settings(max_examples=60, deadline=None)
def test_windows_over_a_gap_are_marked(gap: int, hop: int) -> None:
    pipeline = make(128, ["mean"], "x", hop)
    samples = windows.signals(700, 1, 1)[0]
    verdicts = pipeline.push(samples[:gap])
    pipeline.mark()
    verdicts += pipeline.push(samples[gap:])
    for verdict in verdicts:
        start = verdict.window * hop
        assert verdict.marked == (start < gap < start + 128), (verdict.window, gap)


def test_the_norm_is_a_channel_like_others() -> None:
    """Down to 16 points, and scaled down where it does not fit."""
    for window, axes in ((16, "xyz"), (200, "xy"), (64, "abcdef")):
        kinds = [kind for kind in table.SIGNAL if window >= 64 or not table.KINDS[kind].needs]
        plain = make(window, [f"{kind}.norm" for kind in kinds] + ["rms"], axes)
        data = windows.signals(window, len(axes), 10)
        data[-1, window // 2] = 30000
        got = plain.features(data)
        squares = (data.astype(np.int64) ** 2 >> (2 if len(axes) > 3 else 0)).sum(axis=2)
        norm = np.sqrt(squares).astype(np.int64) << (len(axes) > 3)
        alone = make(window, kinds, "x")
        for i, n in enumerate(norm):
            shift = int(n.max() >= 32768) + int(n.max() >= 65536)
            expected = alone.features((n >> shift).astype(np.int16)[None, :, None])[0].astype(np.int64)
            level = np.array([table.KINDS[kind].level for kind in kinds])
            expected = np.where(level == 1, expected << shift, expected - np.minimum(level, 0) * 512 * shift)
            assert (got[i, len(axes):] == expected).all(), (window, i)
        assert (got[:, :len(axes)] == make(window, ["rms"], axes).features(data)).all()
        assert norm.max() >= 32768


@pytest.mark.parametrize(("name", "means"), [
    ("rms.x", ("rms", "raw", ("x",), "", "", 0)), ("env_rms.b_c", ("rms", "env", ("b_c",), "", "", 0)),
    ("std.norm:mean16", ("std", "norm", ("x", "y", "b_c"), "", "mean", 16)),
    ("band_2_8.y:lag1", ("bands", "raw", ("y",), "", "lag", 1)),
    ("env_line_bpfo.x:mean5", ("lines", "env", ("x",), "bpfo", "mean", 5)),
    ("side_shaft12.b_c", ("sides", "raw", ("b_c",), "shaft12", "", 0)),
])
def test_names(name: str, means: tuple) -> None:
    f = table.parse(name, ["x", "y", "b_c"], {"bpfo": 3.6})
    assert (f.kind.name, f.channel, f.on, f.order, f.history, f.span) == means
    assert f.base.name == name.partition(":")[0]


def test_names_of_all_axes() -> None:
    assert table.names(["x", "y"], ["rms", "std:lag2", "mean.norm"]) == ["rms.x", "std.x:lag2", "rms.y", "std.y:lag2",
                                                                        "mean.norm"]


@pytest.mark.parametrize(("fields", "names"), [
    ({"features": ["rms.x:mean17"]}, "1 to 16"), ({"features": ["rms.x:lag0"]}, "1 to 16"),
    ({"features": ["line_bpfo.x"]}, "no order 'bpfo'"), ({"features": ["line_shaft1.x"]}, "without a shaft speed"),
    ({"features": ["line_shaft99.x"], "shaft_hz": 30}, "looks at up to 3564 Hz"), ({"features": ["env_rms.norm"]}, "axis 'norm'"),
    ({"features": ["dominant.x"], "window": 32}, "at least 64"), ({"features": ["rms.x"], "axes": ["x", "norm"]}, "called norm"),
    ({"features": ["rms.x"], "orders": {"BPFO": 3.0}}, "BPFO"), ({"features": ["rms.x"], "orders": {"ftf": 0.0}}, "ftf"),
    ({"features": ["rms.x"], "front": {"kind": "decimate", "decimate": 12}}, "decimate 12"),
    ({"features": ["rms.x"], "front": {"kind": "decimate", "decimate": 64}}, "8 points"),
    ({"features": ["rms.x"], "hop": 40, "front": {"kind": "decimate"}}, "multiples of 16"),
    ({"features": ["rms.x"], "front": {"kind": "log_envelope", "low_hz": 300, "high_hz": 800}}, "300 to 800"),
    ({"features": ["rms.x"], "front": {"kind": "decimate", "low_hz": 9}}, "no low_hz"),
    ({"features": ["rms.q"]}, "axis 'q'"), ({"features": ["loudness.x"]}, "no such kind"),
    ({"features": ["rms"]}, "'rms'"), ({"features": ["band_9_8.x"]}, "band_9_8"), ({"features": ["band_1_7.x"]}, "band_1_7"),
    ({"features": ["rms.x", "rms.x"]}, "named twice"), ({"features": ["band_1_8.x", "band_1_4.x"]}, "bands of"),
    ({"features": ["band_1_32.x"], "window": 64}, "32 bands"), ({"features": ["rms.x"], "name": "my pipe"}, "'my pipe'"),
    ({"features": ["rms.x"], "window": 9}, "window"), ({"features": ["rms.x"], "window": 8192}, "window"),
    ({"features": []}, "features"), ({"features": ["rms.x"], "hop": 0}, "hop"), ({"features": ["rms.x"], "colour": 1}, "colour"),
])
def test_a_wrong_pipeline_is_named(fields: dict, names: str) -> None:
    with pytest.raises(AuscultError, match=names):
        PipelineSpec.make(**fields)


if __name__ == "__main__":
    for n in (128, 512, 4096):
        for feature, got, expected, _ in errors(n):
            error = np.abs(got - expected)
            print(f"{n:5} {feature.name:22} median {np.median(error):.2g}  largest {error.max():.3g}"
                  f" at {expected[error.argmax()]:.5g}")
