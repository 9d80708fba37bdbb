# SPDX-License-Identifier: Apache-2.0
"""Windows and splits: no window across a gap, no group in both parts."""

import numpy as np
import pytest
from auscult_host import dataset
from auscult_host.errors import AuscultError
from auscult_host.features import names
from auscult_host.hostlib import HostPipeline
from auscult_host.recordings import Recording, to_int16, write
from auscult_host.spec import PipelineSpec
from hypothesis import given, settings
from hypothesis import strategies as st


def counting(samples=100, name="a", first=0, **changes):
    """Each sample's value is its own number."""
    data = np.arange(first, first + samples, dtype=np.float32)[:, None] * [1, -1]
    return Recording(data, 100.0, ("x", "y"), unit="1", label=changes.pop("label", "normal"), name=name, **changes)


@given(samples=st.integers(20, 200), window=st.integers(2, 20), hop=st.integers(1, 30),
       piece=st.sampled_from([0, 20, 33]))
def test_windows_are_uninterrupted_and_complete(samples, window, hop, piece):
    recording = counting(samples, piece=piece)
    cut = dataset.windows([recording], window, hop, full_scale=32768.0, group_by="recording")
    assert cut.data.shape == (len(cut.labels), window, 2) and cut.data.dtype == np.int16
    assert cut.data.flags.c_contiguous
    assert (np.diff(cut.data[:, :, 0].astype(int), axis=1) == 1).all()
    assert (cut.data[:, :, 1] == -cut.data[:, :, 0]).all()
    assert (cut.data[:, 0, 0] == cut.start).all()
    if piece:
        assert (cut.start // piece == (cut.start + window - 1) // piece).all()
        begins = [p + i for p in range(0, samples, piece) for i in range(0, piece - window + 1, hop)]
    else:
        begins = list(range(0, samples - window + 1, hop))
    assert cut.start.tolist() == [b for b in begins if b + window <= samples]


def test_windows_equal_the_quantised_stream():
    rng = np.random.default_rng(0)
    recording = Recording(rng.normal(0, 5, (300, 3)), 100.0, name="a")
    cut = dataset.windows([recording], 50, 25, group_by="recording")
    stream = to_int16(recording, cut.full_scale)
    assert all((window == stream[s:s + 50]).all() for window, s in zip(cut.data, cut.start))


@given(samples=st.integers(130, 400), hop=st.sampled_from([16, 50, 64, 90]), piece=st.sampled_from([0, 70, 133]))
@settings(max_examples=25, deadline=None)
def test_table_is_what_the_windows_give(samples, hop, piece):
    pipeline = HostPipeline(PipelineSpec.make(window=64, hop=hop, axes=["x", "y"], full_scale=40.0,
                                              features=names(["x", "y"], ["rms", "env_kurtosis", "dominant"])))
    rng = np.random.default_rng(samples)
    recordings = [Recording(rng.normal(0, 9, (samples + extra, 2)), 100.0, ("x", "y"), label="worn", machine=machine,
                            fault_at_s=fault, piece=piece, name=machine)
                  for extra, machine, fault in ((0, "a", None), (30, "b", 1.0))]
    table = dataset.table(iter(recordings), pipeline)
    cut = dataset.windows(recordings, 64, hop, full_scale=40.0)
    assert (table.raw == pipeline.features(cut.data)).all()
    for part in ("labels", "groups", "recording", "start"):
        assert (getattr(table, part) == getattr(cut, part)).all(), part
    assert (table.group_by, table.names) == ("machine", ["a", "b"])


def test_table_refuses_what_does_not_fit():
    pipeline = HostPipeline(PipelineSpec.make(window=64, hop=64, axes=["x", "y"], features=["rms.x"]))
    for recordings, says in (([Recording(np.zeros((90, 3)), 100.0, name="a")], "a has the axes x, y, z"), ([], "no recordings"),
                             ([counting(name="b", samples=63)], "'b' has only 63 samples")):
        with pytest.raises(AuscultError, match=says):
            dataset.table(recordings, pipeline)


def test_labels_follow_the_beginning_of_a_fault():
    recording = counting(100, label="bearing", fault_at_s=0.5)
    cut = dataset.windows([recording], 10, 10, group_by="recording")
    assert cut.labels.tolist() == ["normal"] * 5 + ["bearing"] * 5


def test_window_longer_than_a_recording_or_a_piece_is_refused():
    with pytest.raises(AuscultError, match="'short' has only 100 samples, the window is 128"):
        dataset.windows([counting(name="short")], 128, 64)
    with pytest.raises(AuscultError, match="'a' has uninterrupted pieces of 20 samples, the window is 32"):
        dataset.windows([counting(piece=20)], 32, 16)
    with pytest.raises(AuscultError, match="hop"):
        dataset.windows([counting()], 16, 0)
    cut = dataset.windows([counting(name="short"), counting(200, name="long")], 128, 64)
    assert cut.recording.tolist() == [1, 1] and cut.groups.tolist() == ["long", "long"]


def test_load_refuses_what_does_not_fit_together(tmp_path):
    write(counting(), tmp_path / "a.parquet")
    write(Recording(np.zeros((10, 3)), 100.0), tmp_path / "b.parquet")
    with pytest.raises(AuscultError, match="b has the axes x, y, z, a has x, y"):
        dataset.scan(tmp_path)
    write(Recording(np.zeros((10, 2)), 200.0, ("x", "y"), unit="1"), tmp_path / "b.parquet")
    with pytest.raises(AuscultError, match="200 Hz, a at 100 Hz"):
        dataset.load(tmp_path)
    write(Recording(np.zeros((10, 2)), 101.0, ("x", "y"), unit="1"), tmp_path / "b.parquet")
    (tmp_path / ".c.part.parquet").write_bytes(b"left by a crash")
    assert [r.name for r in dataset.load(tmp_path)] == ["a", "b"]
    with pytest.raises(AuscultError, match="no folder"):
        dataset.load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AuscultError, match="holds no recordings"):
        dataset.load(tmp_path / "empty")


def test_scan_knows_all_but_the_samples(tmp_path):
    rng = np.random.default_rng(0)
    for name in "ba":
        data = rng.normal(0, 20, (700_000 if name == "a" else 50, 3))
        write(Recording(data, 400.0, label="worn", machine="m1", session=name, sensor="LIS3DH", piece=50,
                        fault_at_s=0.5), tmp_path / f"{name}.parquet")
    entries, recordings = dataset.scan(tmp_path), dataset.load(tmp_path)
    assert [entry.name for entry in entries] == ["a", "b"]
    for entry, recording in zip(entries, recordings, strict=True):
        said = {key: value for key, value in vars(recording).items() if key != "data"}
        assert vars(entry) == said | {"path": tmp_path / f"{entry.name}.parquet", "samples": len(recording.data)}
        assert entry.seconds == recording.seconds and entry.peak() == recording.peak() == np.abs(recording.data).max()
        assert np.array_equal(np.concatenate(list(entry.blocks(1000))), recording.data)
        assert max(map(len, entry.blocks(1000))) <= 1000
    assert dataset.fingerprint(entries) == dataset.fingerprint(recordings)
    assert dataset.choose_full_scale(entries) == dataset.choose_full_scale(recordings)
    assert dataset.choose_group(entries) == "session"
    assert [entry.name for entry in dataset.scan(tmp_path / "b.parquet")] == ["b"]


def test_scan_finds_damage_in_the_footer_and_reading_the_rest(tmp_path):
    path = write(counting(5000), tmp_path / "a.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(AuscultError, match="cannot be read as Parquet"):
        dataset.scan(tmp_path)
    path.write_bytes(b"PAR1" + bytes(2000) + whole[2004:])
    entry, = dataset.scan(tmp_path)
    with pytest.raises(AuscultError, match="cannot be read as Parquet"):
        list(entry.blocks())


def test_group_is_the_coarsest_there_is():
    named = [counting(name=n, machine=m, session=s) for n, m, s in (("a", "m1", "s1"), ("b", "m1", "s2"))]
    assert dataset.choose_group(named) == "session"
    assert dataset.choose_group(named + [counting(name="c", machine="m2", session="s3")]) == "machine"
    assert dataset.choose_group([counting(name="a"), counting(name="b")]) == "recording"
    with pytest.raises(AuscultError, match="'a' has no machine"):
        dataset.windows([counting()], 10, 10, group_by="machine")


def test_no_group_in_both_parts():
    groups = np.repeat(["a", "b", "c", "d"], 10)
    labels = np.tile(["normal", "bad"], 20)
    for splits, parts in ((dataset.leave_one_group_out(groups), 4), (dataset.group_k_fold(groups, labels, 2), 2)):
        tested, count = [], 0
        for train, test, _ in splits:
            count += 1
            assert not set(groups[train]) & set(groups[test]) and len(train) + len(test) == 40
            tested += test.tolist()
        assert count == parts and sorted(tested) == list(range(40))
    with pytest.raises(AuscultError, match="only one group"):
        next(dataset.leave_one_group_out(np.array(["a", "a"])))
    with pytest.raises(AuscultError, match="9 folds of 4 groups"):
        next(dataset.group_k_fold(groups, labels, 9))


def test_the_random_split_says_that_it_leaks():
    assert all(name.startswith("leaky") for _, _, name in dataset.leaky_k_fold(np.tile(["a", "b"], 20)))


def test_full_scale_is_a_sensor_range():
    def of(peak, unit="m/s2"):
        return dataset.choose_full_scale([Recording(np.array([[peak]]), 1.0, ("x",), unit=unit)])

    assert of(9.9) == pytest.approx(2 * 9.80665) and of(-100.0) == pytest.approx(16 * 9.80665)
    assert of(3.0, "1") == 4.0 and of(3.3, "1") == 8.0
    assert of(0.0, "1") > 0


def test_fingerprint_changes_with_one_sample():
    a, b = counting(), counting()
    assert dataset.fingerprint([a]) == dataset.fingerprint([b])
    b.data[50, 1] += 1
    assert dataset.fingerprint([a]) != dataset.fingerprint([b])
