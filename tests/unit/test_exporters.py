# SPDX-License-Identifier: Apache-2.0
"""What is exported comes back: every bit where the format can hold it, else to the resolution that it has."""

import json
import struct

import cbor2
import numpy as np
import pytest
from auscult_host import dataset
from auscult_host.errors import AuscultError
from auscult_host.exporters import FORMATS, export
from auscult_host.importers import Options, import_sources
from auscult_host.recordings import STANDARD_GRAVITY, Recording, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
any_float = st.floats(width=32, allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def there_and_back(tmp_path_factory, recordings, form):
    folder = tmp_path_factory.mktemp("export")
    for recording in recordings:
        write(recording, folder / "set" / f"{recording.name}.parquet")
    files = export(dataset.entries(folder / "set"), folder / "out", form)
    assert all(file.is_file() for file in files) and len(files) == len(recordings)
    return files, import_sources([folder / "out"], Options()).recordings


def assert_same(before, after):
    assert after.data.tobytes() == before.data.tobytes()
    a, b = dict(vars(after)), dict(vars(before))
    del a["data"], b["data"]
    assert a == b


@quick
@given(data=st.integers(1, 4).flatmap(lambda axes: arrays(np.float32, st.tuples(st.integers(1, 30), st.just(axes)),
                                                          elements=any_float)),
       form=st.sampled_from([form for form in FORMATS if form not in ("wav16", "resd")]), rate=st.floats(0.01, 1e5), text=texts,
       names=st.sampled_from([("x", "y", "z", "w"), ("acc_x", "label", "time", "nan")]), unit=st.sampled_from(["m/s2", "1"]))
def test_every_bit_and_the_metadata_come_back(tmp_path_factory, data, form, rate, text, names, unit):
    before = Recording(data, rate, names[:data.shape[1]], unit, label="worn", machine=text or "m", session=text, sensor=text,
                       placement=text, source=text, licence=text, started=text, piece=7, fault_at_s=0.25, rpm=1500, name="a")
    _, (after,) = there_and_back(tmp_path_factory, [before], form)
    assert_same(before, after)


@quick
@given(arrays(np.float32, st.tuples(st.integers(1, 30), st.just(3)), elements=st.floats(-2000, 2000, width=32)),
       st.floats(0.5, 30000), st.permutations("xyz"))
def test_resd_to_a_micro_g_and_wav16_to_its_step(tmp_path_factory, data, rate, axes):
    before = Recording(data, rate, tuple(axes), label="worn", machine="m", name="a")
    (file,), (after,) = there_and_back(tmp_path_factory, [before], "resd")
    one_ug = STANDARD_GRAVITY / 1e6
    # Half a micro-g, and the float32 that it is stored in again.
    assert (np.abs(after.data.astype(float) - before.data) <= one_ug / 2 + np.abs(before.data) * 2**-24 + 1e-12).all()
    assert (after.rate_hz, after.axes, after.label, after.machine) == (before.rate_hz, before.axes, "worn", "m")
    raw = file.read_bytes()
    assert raw[:8] == b"RESD\1\0\0\0" and struct.unpack_from("<BHH", raw, 8) == (2, 2, 0)
    ug = np.frombuffer(raw[-12 * len(data):], "<i4").reshape(-1, 3)
    assert np.array_equal(ug, np.rint(data[:, [axes.index(a) for a in "xyz"]].astype(float) / one_ug))
    _, (after,) = there_and_back(tmp_path_factory, [before], "wav16")
    full_scale = dataset.choose_full_scale([before])
    assert np.abs(after.data - before.data).max() <= full_scale / 65536 * 1.001 and after.rate_hz == before.rate_hz


def several():
    rng = np.random.default_rng(0)
    return [Recording(rng.normal(0, 5, (700, 3)), 399.7, label=label, machine=f"m{i}", session="s", name=f"r{i}")
            for i, label in enumerate(["normal", "worn", "worn", ""])]


def test_edge_impulse_files_are_as_its_format_says(tmp_path_factory):
    before = several()
    for form, read in (("edge-impulse", json.loads), ("edge-impulse-cbor", cbor2.loads)):
        files, after = there_and_back(tmp_path_factory, before, form)
        for one, again in zip(before, sorted(after, key=lambda r: r.name), strict=True):
            assert_same(one, again)
        content = read(files[1].read_bytes())
        assert content["protected"] == {"ver": "v1", "alg": "none"} and set(content) == {"protected", "signature", "payload"}
        payload = content["payload"]
        assert payload["interval_ms"] == 1000 / 399.7 and payload["sensors"][0] == {"name": "x", "units": "m/s2"}
        assert np.array_equal(np.array(payload["values"], np.float32), before[1].data)
        assert files[1].name.startswith("worn.r1.")


def test_other_tools_can_read_the_csv_and_the_wav(tmp_path_factory):
    from scipy.io import wavfile

    before = several()[:1]
    (file,), _ = there_and_back(tmp_path_factory, before, "csv")
    table = np.loadtxt(file, delimiter=",", skiprows=2)
    assert np.array_equal(table[:, 1:].astype(np.float32), before[0].data) and np.allclose(table[:, 0], np.arange(700) / 399.7)
    (file,), _ = there_and_back(tmp_path_factory, before, "wav")
    rate, values = wavfile.read(file)
    assert rate == 400 and np.array_equal(values, before[0].data)


def test_all_or_nothing(tmp_path):
    for recording in several()[:2]:
        write(recording, tmp_path / "set" / f"{recording.name}.parquet")
    write(Recording(np.ones((9, 2)), 399.7, ("x", "y"), name="z"), tmp_path / "set" / "z.parquet")
    entries = dataset.entries(tmp_path / "set")
    with pytest.raises(AuscultError, match="z has x, y in m/s2"):
        export(entries, tmp_path / "out", "resd")
    with pytest.raises(AuscultError, match="there are no recordings"):
        export([], tmp_path / "out", "csv")
    assert [p.name for p in tmp_path.iterdir()] == ["set"]
    with pytest.raises(AuscultError, match="there already"):
        export(entries, tmp_path / "set", "csv")
    with pytest.raises(AuscultError, match="the format 'mp3'"):
        export(entries, tmp_path / "out", "mp3")


def test_damaged_exports_are_refused(tmp_path_factory):
    for form in ("wav", "resd", "edge-impulse-cbor", "csv"):
        (file,), _ = there_and_back(tmp_path_factory, several()[1:2], form)
        whole = file.read_bytes()
        for size in (0, 5, 40, len(whole) // 2, len(whole) - 60):
            file.write_bytes(whole[:size])
            with pytest.raises(AuscultError, match=r"cut off|damaged|cannot|is empty|is not|holds no|no data|cells"):
                import_sources([file], Options())
