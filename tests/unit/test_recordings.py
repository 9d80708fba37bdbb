# SPDX-License-Identifier: Apache-2.0
"""Recordings keep every bit, and refuse what would be useless later."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from auscult_host import recordings
from auscult_host.errors import AuscultError
from auscult_host.files import atomic
from auscult_host.recordings import STANDARD_GRAVITY, Recording, identifier, read, to_int16, write, write_all
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def ramp(samples=64, **changes):
    data = np.arange(samples * 3, dtype=np.float32).reshape(samples, 3) / 7
    return Recording(data, 1600.0, label="normal", machine="pump 3", session="monday", **changes)


@settings(max_examples=60, deadline=None)
@given(
    data=st.integers(1, 4).flatmap(lambda axes: arrays(
        np.float32, st.tuples(st.integers(1, 50), st.just(axes)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False))),
    rate=st.floats(1e-6, 1e6), text=st.text(st.characters(codec="utf-8"), max_size=20), piece=st.integers(0, 1000),
    fault=st.none() | st.floats(0, 1e6))
def test_round_trip_keeps_every_bit(tmp_path_factory, data, rate, text, piece, fault):
    path = tmp_path_factory.mktemp("round") / "a.parquet"
    before = Recording(data, rate, tuple(f"a{i}" for i in range(data.shape[1])), unit="1", machine=text,
                       session=text, sensor=text, placement=text, source=text, licence=text, started=text,
                       piece=piece, fault_at_s=fault, rpm=rate, name="a")
    write(before, path)
    after = read(path)
    assert after.data.tobytes() == before.data.tobytes()  # also -0.0 and denormals
    del after.data, before.data
    assert vars(after) == vars(before)


def test_a_file_from_before_the_shaft_speed_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "_STORED", [key for key in recordings._STORED if key != "rpm"])
    path = write(ramp(10), tmp_path / "a.parquet")
    monkeypatch.undo()
    assert read(path).rpm == 0


@pytest.mark.parametrize("kept", [0, 3, 200, -1])
def test_truncated_file_is_refused(tmp_path, kept):
    path = write(ramp(5000), tmp_path / "a.parquet")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(AuscultError, match=r"a\.parquet cannot be read as Parquet"):
        read(path)


def test_flipped_bytes_in_the_samples_are_refused_or_harmless(tmp_path):
    path = write(ramp(5000), tmp_path / "a.parquet")
    whole = path.read_bytes()
    for at in range(4, 400, 30):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1:])
        try:
            assert np.isfinite(read(path).data).all()
        except AuscultError as error:
            assert error.hint


def stored(path):
    schema = pq.read_schema(path)
    return json.loads(schema.metadata[b"auscult"])


def rewrite(path, meta, data=None, names=("x", "y", "z"), kind=None):
    columns = (ramp().data if data is None else data).T
    table = pa.Table.from_arrays([pa.array(c, type=kind) for c in columns], names=list(names))
    pq.write_table(table.replace_schema_metadata({"auscult": json.dumps(meta)} if meta is not None else None), path)


@pytest.mark.parametrize("change, message", [
    ({"format": 2}, "format version 2; expected version 1"),
    ({"format": None}, "format version None"),
    ({"rate_hz": None}, "wrong type"),
    ({"rate_hz": -1}, "sample rate of -1.0 Hz"),
    ({"label": "outer race"}, "'outer race'.*identifier.*outer_race"),
    ({"unit": "g"}, "unit 'g'.*m/s2"),
    ({"axes": ["x", "y"]}, "columns"),
    ({"axes": "xyz"}, "list of names"),
])
def test_wrong_metadata_is_named(tmp_path, change, message):
    path = write(ramp(), tmp_path / "a.parquet")
    rewrite(path, stored(path) | change)
    with pytest.raises(AuscultError, match=message):
        read(path)


def test_missing_metadata_is_named(tmp_path):
    path = write(ramp(), tmp_path / "a.parquet")
    meta = stored(path)
    del meta["unit"], meta["machine"]
    rewrite(path, meta)
    with pytest.raises(AuscultError, match="lacks the metadata unit, machine"):
        read(path)


def test_foreign_files_are_refused(tmp_path):
    rewrite(tmp_path / "a.parquet", None)
    with pytest.raises(AuscultError, match="without auscult's metadata"):
        read(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("time,x,y,z\n0,1,2,3\n")
    with pytest.raises(AuscultError, match="cannot be read as Parquet"):
        read(tmp_path / "b.parquet")
    with pytest.raises(AuscultError, match="there is no file"):
        read(tmp_path / "c.parquet")


def test_other_column_types_and_gaps_are_refused(tmp_path):
    path = write(ramp(), tmp_path / "a.parquet")
    meta = stored(path)
    rewrite(path, meta, data=ramp().data.astype(np.float64))
    with pytest.raises(AuscultError, match="float32"):
        read(path)
    rewrite(path, meta, data=np.array([[1.0, 1, 1], [None, 1, 1]], dtype=object), kind=pa.float32())
    with pytest.raises(AuscultError, match="missing values"):
        read(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_located(tmp_path, value):
    data = np.zeros((10, 3))
    data[7, 1] = value
    with pytest.raises(AuscultError, match="1 values that are not finite, the first in sample 7 of axis 'y'"):
        Recording(data, 100.0)
    good = ramp()
    good.data[2, 0] = value  # spoilt after it was made
    with pytest.raises(AuscultError, match="sample 2 of axis 'x'"):
        write(good, tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_when_the_disk_is_full(tmp_path):
    """The kernel's own limit on file size stands in for a full disk: a write really fails half way."""
    program = f"""
import resource, signal, sys, numpy as np
sys.path[:] = {sys.path!r}
from auscult_host.recordings import Recording, write
from auscult_host.errors import AuscultError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write(Recording(np.random.default_rng(0).normal(size=(50_000, 3)), 1600), r"{tmp_path}/a.parquet")
except AuscultError as error:
    print("refused:", error)
"""
    (tmp_path / "a.parquet").write_bytes(b"the old file")
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "refused:" in run.stdout and "a.parquet" in run.stdout, run.stderr
    assert (tmp_path / "a.parquet").read_bytes() == b"the old file"
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]


def test_of_several_all_or_none_is_written(tmp_path):
    old = write(ramp(name="old"), tmp_path / "old.parquet").read_bytes()
    bad = ramp(name="bad")
    bad.data[0, 0] = np.nan
    with pytest.raises(AuscultError, match="'bad'"):
        write_all([ramp(name="old"), ramp(name="new"), bad], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["old.parquet"]
    assert (tmp_path / "old.parquet").read_bytes() == old
    with pytest.raises(AuscultError):
        write_all([ramp(name="new"), bad], tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_full_disk_is_named(tmp_path):
    with pytest.raises(AuscultError, match="no space left on the disk"), atomic(tmp_path / "a") as part:
        part.write_bytes(b"half")
        with open("/dev/full", "wb", buffering=0) as full:
            full.write(b"x")
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=100, deadline=None)
@given(arrays(np.float32, (20, 1), elements=st.floats(-400, 400, width=32)), st.floats(1, 300), st.integers(8, 16))
def test_to_int16_rounds_and_saturates(data, full_scale, bits):
    counts = to_int16(Recording(data, 1.0, ("x",)), full_scale, bits).astype(np.float64)
    step = 2 ** (16 - bits)
    assert counts.dtype == np.float64 and (counts % step == 0).all()
    exact = data.astype(np.float64) * 32768 / full_scale
    inside = (exact > -32768) & (exact < 32767 - step)
    assert (np.abs(counts - exact)[inside] <= step / 2 + 1e-6).all()
    assert (counts[exact >= 32768] == 32768 - step).all() and (counts[exact <= -32768] == -32768).all()


def test_to_int16_of_gravity():
    one_g = Recording(np.full((1, 1), STANDARD_GRAVITY), 1.0, ("z",))
    assert to_int16(one_g, 16 * STANDARD_GRAVITY)[0, 0] == 2048
    with pytest.raises(AuscultError, match="full scale"):
        to_int16(one_g, 0.0)


@given(st.text(max_size=12))
def test_identifier_makes_identifiers(text):
    assert identifier(text).isidentifier() and identifier(text).isascii()
    Recording(np.zeros((1, 1)), 1.0, ("x",), label=identifier(text))
