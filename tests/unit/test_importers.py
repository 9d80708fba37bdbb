# SPDX-License-Identifier: Apache-2.0
"""Whatever way a file is written, the same numbers come in; what cannot be known is asked for, once, clearly."""

import json
import struct

import numpy as np
import pytest
from auscult_host.errors import AuscultError
from auscult_host.importers import Options, import_sources, write_dataset
from auscult_host.importers.units import find_unit, parse_unit, split_header
from auscult_host.recordings import STANDARD_GRAVITY, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

G = STANDARD_GRAVITY
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def one(path, **options):
    imported = import_sources([path], Options(**options))
    assert len(imported.recordings) == 1
    return imported.recordings[0]


def text(tmp_path, content, name="log.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@quick
@given(
    data=arrays(np.float64, st.tuples(st.integers(3, 20), st.just(3)),
                elements=st.integers(-2000, 2000).map(lambda i: i / 100)),
    layout=st.sampled_from([(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), (" ", ".")]),
    header=st.sampled_from([None, "plain", "brackets", "suffix", "units row"]),
    rate_hz=st.sampled_from([50.0, 400.0, 1600.0]), unit=st.sampled_from(["g", "mg", "m/s2"]),
    ending=st.sampled_from(["\n", "\r\n"]), extras=st.tuples(st.booleans(), st.booleans(), st.booleans()))
def test_any_csv_layout_gives_the_same_numbers(tmp_path, data, layout, header, rate_hz, unit, ending, extras):
    (separator, point), (bom, comment, last) = layout, extras
    if separator == " " and header in ("brackets", "plain"):
        header = "suffix"
    titles = {None: None, "plain": ["time", "x", "y", "z"], "units row": ["time", "x", "y", "z"],
              "brackets": ["Time (s)", *[f"acc {a} [{unit}]" for a in "xyz"]],
              "suffix": ["t_s", *[f"acc_{a}_{unit.replace('/', '')}" for a in "xyz"]]}[header]
    lines = ["# made by a logger; version 1, serial 5"] * comment
    lines += [separator.join(titles)] if titles else []
    lines += [separator.join(["s", unit, unit, unit])] if header == "units row" else []
    lines += [separator.join([f"{i / rate_hz:.9f}", *[f"{v:.2f}" for v in row]]).replace(".", point)
              for i, row in enumerate(data)]
    content = ending.join(lines) + ending * last
    path = text(tmp_path, content.encode("utf-8-sig" if bom else "utf-8"))
    recording = one(path, unit=unit if header in (None, "plain") else None)
    factor = {"g": G, "mg": G / 1000, "m/s2": 1.0}[unit]
    assert recording.data.shape == data.shape and recording.axes == ("x", "y", "z") and recording.unit == "m/s2"
    assert np.array_equal(recording.data, (data * factor).astype(np.float32))
    assert recording.rate_hz == pytest.approx(rate_hz, rel=1e-5)


@quick
@given(st.binary(max_size=200) | st.text("0123456789.,;-+eE \t\n\"abxyzt[]", max_size=200).map(str.encode))
def test_any_bytes_give_a_recording_or_one_clear_error(tmp_path, content):
    for suffix in ("csv", "npz", "npy", "wav"):
        try:
            recording = one(text(tmp_path, content, f"log.{suffix}"), rate_hz=100.0, unit="g", scale=1.0)
        except AuscultError as error:
            assert error.found and error.expected
        else:
            assert np.isfinite(recording.data).all() and len(recording.data)


def rows(count=50, rate=100, value="0.1,0.2,9.8"):
    return "".join(f"{i / rate:.4f},{value}\n" for i in range(count))


@pytest.mark.parametrize("content, message", [
    ("t,x,y,z\n" + rows() + "0.5,0.1\n", r"log.csv, line 52: 2 cells; expected 4"),
    ("t,x,y,z\n" + rows() + "0.5,0.1,,9.8\n", r"line 52: column 'y' holds ''"),
    ("t,x,y,z\n" + rows() + "0.5,0.1,nan,9.8\n", r"line 52: column 'y' holds 'nan'; expected a finite number"),
    ("t,x,y,z\n" + rows() + "0.5,0.1,inf,9.8\n", r"line 52: column 'y' holds 'inf'"),
    ("t,x,y,z\n" + rows() + "0.5,0.1,0x1,9.8\n", r"line 52: column 'y' holds '0x1'"),
    ("t,x,y,z\n" + rows() + "0.3,0.1,0.2,9.8\n", r"line 52: time stands still or goes backwards"),
    ("t,x,y,z\n", "a header and no data"),
    ("", "is empty"),
    ("\n\n# only a comment\n", "is empty"),
    ("hello\nworld\n", "has no column of numbers"),
    (b"PK\x03\x04\0\0\0", "is not text"),
    ("x,y,z\n1,2,3\n4,5,6\n", "sample rate is not in the file"),
    ("t,x\n0,0.5\n0.1,0.5\n0.2,0.5\n", "unit is not in the file and cannot be guessed"),
    ("time,x,y,z\n0,0,0,1\n625,0,0,1\n1250,0,0,1\n", "'time' rises by 625 without saying of what"),
    ("t,x [furlong],y [furlong]\n0,1,1\n.1,1,1\n", "column 'x' has the unit 'furlong'"),
    ("time,x,y,z\nmonday,0,0,1\ntuesday,0,0,1\n", "the time 'monday'"),
    ("t,x,y,z,label\n0,0,0,1,on\n0.1,0,0,1,off\n", "2 different labels"),
])
def test_csv_errors_say_where_and_what(tmp_path, content, message):
    with pytest.raises(AuscultError, match=message) as caught:
        one(text(tmp_path, content))
    assert caught.value.hint


def test_csv_guesses_are_shown(tmp_path):
    path = text(tmp_path, "timestamp_ms,ax,ay,az,gyro_x_dps,label\n" + "".join(
        f"{1700000000000 + 10 * i},0.01,0.02,0.98,5,Pump on\n" for i in range(20)))
    imported = import_sources([path], Options())
    recording, notes = imported.recordings[0], " | ".join(imported.notes)
    assert recording.rate_hz == pytest.approx(100.0) and recording.label == "Pump_on"
    assert recording.data[0, 2] == pytest.approx(0.98 * G)
    assert "rate 100 Hz" in notes and "guessed from the length of gravity" in notes and "left out gyro_x" in notes


def test_csv_columns_rate_and_iso_time(tmp_path):
    path = text(tmp_path, "date;motor (mg);fan (mg)\n" + "".join(
        f"2024-05-01T12:00:{i / 10:06.3f};{i};{2 * i}\n" for i in range(30)))
    recording = one(path, columns=("fan",))
    assert recording.rate_hz == pytest.approx(10) and recording.axes == ("fan",)
    assert recording.data[:, 0] == pytest.approx(2 * np.arange(30) * G / 1000)
    assert one(path, columns=("3", "2"), rate_hz=12.5).rate_hz == 12.5
    with pytest.raises(AuscultError, match=r"no column 'pump'; expected some of date, motor, fan"):
        one(path, columns=("pump",))


def test_csv_gaps_in_time_are_noted(tmp_path):
    times = [i / 100 for i in range(50)] + [2 + i / 100 for i in range(50)]
    path = text(tmp_path, "t,x,y,z\n" + "".join(f"{t:.3f},0,0,1\n" for t in times))
    imported = import_sources([path], Options())
    assert imported.recordings[0].rate_hz == pytest.approx(100) and any("1 gaps" in note for note in imported.notes)


def test_npz_shapes(tmp_path):
    data = np.random.default_rng(0).normal(0, 1, (6, 50, 3)) + [0, 0, G]
    path = tmp_path / "a.npz"
    np.savez(path, windows=data, rate_hz=np.array(400))
    recording = one(path)
    assert recording.piece == 50 and recording.rate_hz == 400 and np.array_equal(
        recording.data, data.reshape(-1, 3).astype(np.float32))
    np.save(tmp_path / "b.npy", data[0, :, 0])
    assert one(tmp_path / "b.npy", rate_hz=10.0, unit="V").data.shape == (50, 1)
    np.savez(path, one=data[0], two=data[1])
    assert [r.name for r in import_sources([path], Options(rate_hz=1.0)).recordings] == ["a_one", "a_two"]
    assert np.array_equal(one(path, key="two", rate_hz=1.0).data, data[1].astype(np.float32))


@pytest.mark.parametrize("array, message", [
    (np.array([{}], dtype=object), "cannot be read as a NumPy file"),
    (np.zeros((3, 500)), r"shape \(3, 500\); expected \[samples, axes\]"),
    (np.zeros((2, 2, 2, 2)), "4 dimensions"),
    (np.array(["a", "b"]), "type <U1"),
    (np.arange(30, dtype=np.int16).reshape(10, 3), "integers of unknown scale"),
    (np.array([[0, 0, 1.0], [0, 0, np.nan]]), "not finite, the first in sample 1 of axis 'z'"),
])
def test_npz_errors(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(AuscultError, match=message):
        one(tmp_path / "a.npy", rate_hz=1.0, unit="g")


def test_truncated_npz(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, a=np.random.default_rng(0).normal(size=(500, 3)))
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(AuscultError, match="cannot be read as a NumPy file"):
            one(path, rate_hz=1.0, unit="g")
    with pytest.raises(AuscultError, match="no array 'b'; expected one of a"):
        path.write_bytes(whole)
        one(path, key="b", rate_hz=1.0, unit="g")


def wav(kind, bits, channels, rate, data, *, extensible=False, extra=b""):
    block = bits // 8 * channels
    fmt = struct.pack("<HHIIHH", 0xFFFE if extensible else kind, channels, rate, rate * block, block, bits)
    if extensible:
        fmt += struct.pack("<HHIH14s", 22, bits, 0, kind, b"\0" * 14)
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(fmt)) + fmt + extra
    body += b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


@quick
@given(values=st.lists(st.integers(-8388608, 8388607), min_size=2, max_size=40).filter(lambda v: len(v) % 2 == 0),
       form=st.sampled_from([(1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (1, 8)]), extensible=st.booleans(),
       extra=st.sampled_from([b"", b"LIST" + struct.pack("<I", 3) + b"abc\0"]))
def test_wav_formats(tmp_path, values, form, extensible, extra):
    kind, bits = form
    exact = np.array(values) / 2**23
    if kind == 3:
        data = exact.astype(f"<f{bits // 8}").tobytes()
    elif bits == 8:
        exact = np.floor(exact * 128) / 128
        data = (exact * 128 + 128).astype(np.uint8).tobytes()
    else:
        whole = np.floor(exact * 2.0 ** (bits - 1)).astype(np.int64)
        exact = whole / 2.0 ** (bits - 1)
        data = b"".join(int(v).to_bytes(bits // 8, "little", signed=True) for v in whole)
    path = text(tmp_path, wav(kind, bits, 2, 8000, data, extensible=extensible, extra=extra), "a.wav")
    recording = one(path, full_scale=50.0)
    assert recording.unit == "m/s2" and recording.rate_hz == 8000
    assert np.array_equal(recording.data, (exact.reshape(-1, 2) * 50).astype(np.float32))
    assert one(path).unit == "1"


@pytest.mark.parametrize("content, message", [
    (b"RIFX", "not a WAV file"),
    (wav(1, 16, 1, 8000, b"\0\0" * 100)[:-50], "cut off: its 'data' chunk of 200 bytes has 150"),
    (wav(1, 16, 2, 8000, b"\0\0" * 3), "6 bytes of data; expected a multiple of 4"),
    (wav(2, 4, 1, 8000, b"\0\0"), "WAV format 2 with 4 bits"),
    (wav(1, 16, 0, 8000, b"\0\0"), "0 channels"),
    (wav(1, 16, 1, 8000, b"")[:30], "cut off"),
])
def test_wav_errors(tmp_path, content, message):
    with pytest.raises(AuscultError, match=message):
        one(text(tmp_path, content, "a.wav"))


def facts_folder(tmp_path, facts, **arrays_):
    np.savez(tmp_path / "data.npz", **arrays_)
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    return tmp_path


def test_facts_give_rate_unit_scale_labels_and_caution(tmp_path):
    counts = np.arange(24, dtype=np.int16).reshape(2, 4, 3) * 100
    folder = facts_folder(tmp_path, {
        "rate_hz": 200, "unit": "g; value = int16 / 4096", "caution": "Mind the mounting.", "channels": ["X", "Y", "Z"],
        "recordings": {"fan_low_0_weight": {"folder": "a", "rpm": 1797}, "fan_low_1_weight": {}, "fan_off_0_weight": {}},
    }, fan_low_0_weight=counts, fan_low_1_weight=counts, fan_off_0_weight=counts)
    imported = import_sources([folder], Options())
    assert [(r.label, r.session, r.piece, r.rate_hz) for r in imported.recordings] == [
        (label, name, 4, 200) for label, name in (("normal", "fan_low_0_weight"), ("weight", "fan_low_1_weight"),
                                                  ("off", "fan_off_0_weight"))]
    assert [r.rpm for r in imported.recordings] == [1797, 0, 0]
    first = imported.recordings[0]
    assert np.array_equal(first.data, (counts.reshape(-1, 3) / 4096 * G).astype(np.float32))
    assert first.axes == ("x", "y", "z")
    assert imported.cautions == ["Mind the mounting."]
    own = import_sources([folder], Options(labels=("*_off_*=stopped", "running")))
    assert [r.label for r in own.recordings] == ["running", "running", "stopped"]


def test_facts_with_channels_and_another_rate(tmp_path):
    x = np.arange(100, dtype=np.int16)
    entry = {"fault": "outer", "size_mil": 7, "rate_hz": 12000,
             "channels": {"DE": {"key": "1_DE", "scale_g": 0.5}, "FE": {"key": "1_FE", "scale_g": 0.25}}}
    folder = facts_folder(tmp_path, {"unit": "g", "recordings": [
        {"id": 1, **entry}, {"id": 2, **entry}, {"id": 3, **entry, "rate_hz": 48000}]}, **{"1_DE": x, "1_FE": x[:90]})
    imported = import_sources([folder], Options())
    assert [r.name for r in imported.recordings] == ["1", "2"] and "left out 3: 48000 Hz" in " ".join(imported.notes)
    first = imported.recordings[0]
    assert first.data[3].tolist() == pytest.approx([1.5 * G, 0.75 * G]) and first.session == "7 mil"
    assert first.data.shape == (90, 2)


@pytest.mark.parametrize("facts, message", [
    ("{", "cannot be read"),
    ("[]", "holds a list"),
    ('{"unit": "g"}', "lists no recordings"),
    ('{"unit": "g", "rate_hz": 1, "recordings": {"b": {}}}', "no array 'b', which facts.json names"),
    ('{"unit": "furlong", "rate_hz": 1, "recordings": {"a": {}}}', "unit 'furlong'"),
    ('{"unit": "g", "recordings": {"a": {}}}', "rate of a is not in facts.json"),
])
def test_facts_errors(tmp_path, facts, message):
    facts_folder(tmp_path, {}, a=np.zeros((5, 3)))
    (tmp_path / "facts.json").write_text(facts)
    with pytest.raises(AuscultError, match=message):
        import_sources([tmp_path], Options())


def test_plain_folder_labels_by_sub_folder(tmp_path):
    for label in ("normal", "worn out"):
        (tmp_path / label).mkdir()
        text(tmp_path / label, "t,x,y,z\n" + rows(), "log.csv")
    imported = import_sources([tmp_path], Options())
    assert [(r.name, r.label) for r in imported.recordings] == [("normal_log", "normal"), ("worn_out_log", "worn_out")]


def test_label_must_be_an_identifier(tmp_path):
    with pytest.raises(AuscultError, match=r"the label 'outer race'.*identifier.*use for example 'outer_race'"):
        one(text(tmp_path, "t,x,y,z\n" + rows()), labels=("outer race",))


def test_sources_that_cannot_be(tmp_path):
    for path, message in ((tmp_path / "none.csv", "no file or folder"), (tmp_path, "holds no file to import"),
                          (text(tmp_path, "x", "a.xlsx"), "kind that cannot be imported")):
        with pytest.raises(AuscultError, match=message):
            import_sources([path], Options())
    with pytest.raises(AuscultError, match="two recordings would be called 'log'"):
        path = text(tmp_path, "t,x,y,z\n" + rows())
        import_sources([path, path], Options())


def test_a_different_recording_is_not_overwritten_unasked(tmp_path):
    out = tmp_path / "set"
    first = one(text(tmp_path, "t,x,y,z\n" + rows()), labels=("normal",))
    write_dataset([first], out)
    first.label = "worn"
    write_dataset([first], out)  # the same samples: only the metadata is new
    assert read(out / "log.parquet").label == "worn"
    other = one(text(tmp_path, "t,x,y,z\n" + rows(60)), labels=("normal",))
    with pytest.raises(AuscultError, match="already holds a different recording"):
        write_dataset([other], out)
    write_dataset([other], out, replace=True)
    assert len(read(out / "log.parquet").data) == 60


def test_units():
    assert parse_unit("m/s²") == parse_unit("m/s^2") == parse_unit(" M/S2 ") == parse_unit("m s^-2".replace(" ", ""))
    assert parse_unit("°F").to_si(np.array([212.0]))[0] == pytest.approx(100)
    assert parse_unit("mg").to_si(np.array([1000.0]))[0] == pytest.approx(G)
    assert find_unit("furlong") is None
    assert split_header("acc x [m/s²]") == ("acc x", "m/s²") and split_header("time_ms") == ("time", "ms")
    assert split_header("acc_x") == ("acc_x", "")
