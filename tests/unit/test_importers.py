# SPDX-License-Identifier: Apache-2.0
"""Whatever way a file is written, the same numbers come in; what cannot be known is asked for, once, clearly."""

import json
import struct
from pathlib import Path

import cbor2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from auscult_host.dataset import likely_typos
from auscult_host.errors import AuscultError
from auscult_host.importers import Notes, Options, import_sources, stream_sources, write_dataset
from auscult_host.importers.paths import match
from auscult_host.importers.units import find_unit, parse_unit, split_header
from auscult_host.recordings import STANDARD_GRAVITY, read, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import io

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
    for suffix in ("csv", "npz", "npy", "wav", "mat", "parquet", "json", "cbor", "resd"):
        try:
            found = import_sources([text(tmp_path, content, f"log.{suffix}")], Options(rate_hz=100.0, unit="g", scale=1.0))
        except AuscultError as error:
            assert error.found and error.expected
        else:
            assert all(np.isfinite(recording.data).all() and len(recording.data) for recording in found.recordings)


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


def motion(subject, label, count=40, rate=50, start=0.0):
    return [(subject, label, start + i / rate, 0.1 + i / 1000, 0.2, 0.97) for i in range(count)]


def tell(recordings):
    return [(r.machine, r.label, len(r.data)) for r in recordings]


EXPECTED = [("1", "walking", 40), ("1", "sit_down", 40), ("2", "walking", 40)]


def csv_of(rows, titles, columns):
    return "\n".join([titles, *(",".join(f"{row[c]}" for c in columns) for row in rows)]) + "\n"


@pytest.mark.parametrize("titles", ["subject,activity,time,accX [g],accY [g],accZ [g]", "user_id,class,t_s,x,y,z",
                                    "Participant,Label,Timestamp,acc_x,acc_y,acc_z"])
def test_one_big_csv_with_subject_and_label_columns(tmp_path, titles):
    rows = motion(1, "walking") + motion(1, "sit down", start=3) + motion(2, "walking")
    imported = import_sources([text(tmp_path, csv_of(rows, titles, range(6)), "all.csv")], Options())
    assert tell(imported.recordings) == EXPECTED
    assert [r.name for r in imported.recordings] == ["all_1_walking", "all_1_sit_down", "all_2_walking"]
    assert all(r.rate_hz == pytest.approx(50) and r.axes == ("x", "y", "z") for r in imported.recordings)
    assert imported.recordings[1].data[:, 0] == pytest.approx((0.1 + np.arange(40) / 1000) * G, rel=1e-6)
    notes = " | ".join(imported.notes)
    assert "is the machine" in notes and "is the label" in notes and "label 'sit down' -> sit_down" in notes
    assert "rate 50 Hz" in notes


def test_one_file_a_subject_by_pattern_by_word_and_by_folder(tmp_path):
    for subject in (1, 2):
        rows = motion(subject, "walking") + motion(subject, "sit down") * (subject == 1)
        for name in (f"pattern/s{subject}_lab.csv", f"word/subject_{subject}.csv"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            text(tmp_path, csv_of(rows, "label,time,x,y,z", range(1, 6)), name)
    found = import_sources([tmp_path / "pattern"], Options(path_pattern="s{machine}_{session}.csv")).recordings
    assert tell(found) == EXPECTED and {r.session for r in found} == {"lab"}
    found = import_sources([tmp_path / "word"], Options()).recordings
    assert [r.machine for r in found] == ["subject_1", "subject_1", "subject_2"]


def test_folders_by_label_and_the_same_file_names_in_them(tmp_path):
    for label in ("walking", "sit down"):
        (tmp_path / label).mkdir()
        for subject in "ab":
            text(tmp_path / label, csv_of(motion(1, ""), "time,x,y,z", range(2, 6)), f"{subject}.csv")
    found = import_sources([tmp_path], Options()).recordings
    assert [(r.label, r.session) for r in found] == [("sit_down", "a"), ("sit_down", "b"), ("walking", "a"), ("walking", "b")]
    found = import_sources([tmp_path], Options(path_pattern="{label}/{machine}.csv")).recordings
    assert [(r.label, r.machine, r.session) for r in found] == [
        ("sit_down", "a", ""), ("sit_down", "b", ""), ("walking", "a", ""), ("walking", "b", "")]


def test_path_patterns():
    path = Path("/data/pump_1/worn_monday.csv")
    assert match("{machine}/{label}_{session}.csv", path) == {"machine": "pump_1", "label": "worn", "session": "monday"}
    assert match("{label}_*", path) == {"label": "worn"}
    for pattern, message in (("{label}-{session}", "does not fit"), ("{colour}_*", "in the pattern"),
                             ("{label}{session}", "in two ways")):
        with pytest.raises(AuscultError, match=message):
            match(pattern, path)


def test_columns_by_number_renamed_labels_trials_and_gaps(tmp_path):
    rows = motion(7, 1) + motion(7, 1, start=5.0) + motion(8, 2)
    path = text(tmp_path, csv_of(rows, "who,what,time,x,y,z", range(6)), "m.csv")
    found = import_sources([path], Options(machine_column="1", label_column="what", renamed={"1": "still"},
                                           split_gaps_s=2.0)).recordings
    assert tell(found) == [("7", "still", 40), ("7", "still", 40), ("8", "_2", 40)]
    path = text(tmp_path, csv_of([(*row, trial) for trial in (1, 2) for row in motion(3, "a")], "subject,label,t,x,y,z,trial",
                                 range(7)), "t.csv")
    assert [r.session for r in import_sources([path], Options()).recordings] == ["3 1", "3 2"]


def test_rows_of_several_subjects_mixed_are_refused(tmp_path):
    rows = [row for pair in zip(motion(1, "a"), motion(2, "a")) for row in pair]
    with pytest.raises(AuscultError, match=r"changes every 1 rows.*sort the file"):
        one(text(tmp_path, csv_of(rows, "subject,label,time,x,y,z", range(6))))


def test_times_of_a_coarse_clock(tmp_path):
    stamps = [f"2024-05-01T12:00:{i // 20:02d}Z" for i in range(400)]  # whole seconds, 20 rows each
    path = text(tmp_path, "time,x,y,z\n" + "".join(f"{stamp},0,0,1\n" for stamp in stamps))
    recording = one(path)
    assert recording.rate_hz == pytest.approx(20, rel=0.06) and recording.started.startswith("2024-05-01T12:00:00")


def test_many_chunks_give_the_same_as_one(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    rows = [row for s in (1, 2, 3) for label in ("a", "b") for row in motion(s, label, int(rng.integers(20, 400)))]
    content = csv_of(rows, "subject,label,time,x,y,z", range(6)).replace("\n2,a,0.0,", "\n# a comment\n\n2,a,0.0,", 1)
    path = text(tmp_path, content)
    whole = import_sources([path], Options()).recordings
    monkeypatch.setattr("auscult_host.importers.csv_file._CHUNK", 300)
    parts = import_sources([path], Options()).recordings
    assert tell(whole) == tell(parts) and len(whole) == 6
    assert all(np.array_equal(a.data, b.data) for a, b in zip(whole, parts))
    text(tmp_path, content.replace("\n3,b,", "\n3,b,,", 1))
    with pytest.raises(AuscultError, match=rf"line {content[:content.index(chr(10) + '3,b,')].count(chr(10)) + 2}: 7 cells"):
        import_sources([path], Options())


def test_other_sensors_beside_the_accelerometer_are_left_out(tmp_path):
    path = text(tmp_path, "time,acc_x,acc_y,acc_z,gyro_x,gyro_y,gyro_z,battery\n" + "".join(
        f"{i / 50},0,0,1,9,9,9,80\n" for i in range(9)))
    imported = import_sources([path], Options())
    assert imported.recordings[0].axes == ("x", "y", "z") and "left out gyro_x, gyro_y" in " ".join(imported.notes)
    other = text(tmp_path, "subject,age,wrist_x,wrist_y,wrist_z,norm,label\n" + "1,33,0,0,1,1,a\n" * 9, "wrist.csv")
    assert one(other, rate_hz=32.0).axes == ("x", "y", "z") and one(other, rate_hz=32.0).data.shape == (9, 3)
    imported = import_sources([path], Options(unit="m/s2"))
    assert "by the length of gravity its numbers are in g" in " ".join(imported.cautions)


def test_labels_that_look_like_slips():
    assert likely_typos({"normal": 9, "nromal": 1, "abnormal": 3, "fault_1": 2, "fault_2": 2, "walk": 3, "walking": 4}) == [
        ("nromal", "normal")]


def test_mixed_rates_are_refused_and_nothing_is_left(tmp_path):
    (tmp_path / "in").mkdir()
    text(tmp_path / "in", "t,x,y,z\n" + rows(rate=100), "a.csv")
    text(tmp_path / "in", "t,x,y,z\n" + rows(rate=200), "b.csv")
    with pytest.raises(AuscultError, match=r"b was sampled at 200 Hz, a at 100 Hz.*--rate-hz"):
        write_dataset(stream_sources([tmp_path / "in"], Options(), Notes()), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    write_dataset(stream_sources([tmp_path / "in"], Options(rate_hz=100.0), Notes()), tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.parquet", "b.parquet"]
    with pytest.raises(AuscultError, match="c was sampled at 50 Hz, a at 100 Hz"):
        write_dataset([one(text(tmp_path, "t,x,y,z\n" + rows(rate=50), "c.csv"))], tmp_path / "out")
    write_dataset(stream_sources([tmp_path / "in"], Options(rate_hz=50.0), Notes()), tmp_path / "out")  # the others are replaced
    with pytest.raises(AuscultError, match="nothing to import"):
        write_dataset([], tmp_path / "out")
    again = import_sources([tmp_path / "in"], Options(rate_hz=100.0)).recordings
    again[1].data[3] = np.nan
    with pytest.raises(AuscultError, match="not finite"):
        write_dataset(again, tmp_path / "out", replace=True)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.parquet", "b.parquet"]


def table(path, columns):
    pq.write_table(pa.table(columns), path, row_group_size=50)
    return path


def test_foreign_parquet(tmp_path):
    n = 120
    times = np.datetime64("2024-05-01T12:00:00") + (np.arange(n) * 20_000).astype("timedelta64[us]")
    z = np.linspace(0.9, 1.1, n)
    path = table(tmp_path / "a.parquet", {"timestamp": times, "subject": np.repeat([1, 2], n // 2), "accX [g]": np.zeros(n),
                                          "accY [g]": np.zeros(n), "accZ [g]": z, "activity": ["walk up"] * n})
    found = import_sources([path], Options()).recordings
    assert tell(found) == [("1", "walk_up", 60), ("2", "walk_up", 60)] and found[0].rate_hz == pytest.approx(50)
    assert np.array_equal(found[1].data[:, 2], (z[60:] * G).astype(np.float32))
    own = write(found[0], tmp_path / "own.parquet")
    assert np.array_equal(one(own).data, found[0].data) and one(own).machine == "1"
    bad = table(tmp_path / "b.parquet", {"t": np.arange(99) / 50, "x": [0.1] * 70 + [None] + [0.1] * 28})
    with pytest.raises(AuscultError, match="row 71: column 'x' holds no finite number"):
        one(bad, unit="g")
    whole = path.read_bytes()
    for size in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(AuscultError, match="cannot be read as Parquet"):
            one(path)


def test_matlab_files(tmp_path):
    rng = np.random.default_rng(0)
    de, fe = rng.normal(0, 0.3, 500), rng.normal(0, 0.3, 500)
    for form in ("4", "5"):
        io.savemat(tmp_path / "105.mat", {"X105_DE_time": de[:, None], "X105_FE_time": fe[:, None], "X105RPM": 1797.0},
                   format=form)
        recording = one(tmp_path / "105.mat", rate_hz=12000.0, unit="g")
        assert recording.axes == ("DE", "FE") and recording.rpm == 1797
        assert np.array_equal(recording.data, (np.stack([de, fe], 1) * G).astype(np.float32))
        only = one(tmp_path / "105.mat", rate_hz=12000.0, unit="g", columns=("DE",))
        assert np.array_equal(only.data[:, 0], recording.data[:, 0])
    with pytest.raises(AuscultError, match="rate is not in the file"):
        one(tmp_path / "105.mat", unit="g")
    io.savemat(tmp_path / "b.mat", {"bearing": {"sr": 97656.0, "gs": de, "load": 270.0, "rate": 25.0}}, do_compression=True)
    recording = one(tmp_path / "b.mat", unit="g")
    assert recording.rate_hz == 97656 and recording.axes == ("gs",)
    io.savemat(tmp_path / "c.mat", {"acc": np.stack([de, fe, de]), "t": np.arange(500) / 400})
    recording = one(tmp_path / "c.mat", unit="g")
    assert recording.data.shape == (500, 3) and recording.rate_hz == pytest.approx(400) and recording.axes == ("x", "y", "z")
    whole = (tmp_path / "b.mat").read_bytes()
    for size in (0, 50, 130, len(whole) // 2, len(whole) - 1):
        (tmp_path / "b.mat").write_bytes(whole[:size])
        with pytest.raises(AuscultError, match=r"cannot be read as a MATLAB file|holds no"):
            one(tmp_path / "b.mat", unit="g", rate_hz=1.0)


def test_matlab_7_3(tmp_path):
    h5py = pytest.importorskip("h5py")
    data = np.random.default_rng(0).normal(0, 1, (300, 3))
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["acc"] = data.T  # as MATLAB stores a 300 × 3 matrix
        file["fs"] = np.array([[400.0]])
        file["name"] = np.array([[104], [105]], np.uint16)
        file["name"].attrs["MATLAB_class"] = np.bytes_("char")
    whole = path.read_bytes()
    head = b"MATLAB 7.3 MAT-file".ljust(124) + bytes([0x00, 0x02]) + b"IM"
    path.write_bytes(head + whole[len(head):])
    recording = one(path, unit="m/s2")
    assert recording.rate_hz == 400 and np.array_equal(recording.data, data.astype(np.float32))
    path.write_bytes((head + whole[len(head):])[:1500])
    with pytest.raises(AuscultError, match=r"cannot be read as a MATLAB"):
        one(path, unit="m/s2")


def sample(values, **changes):
    return {"protected": {"ver": "v1", "alg": "none"}, "signature": "0" * 64, "payload": {
        "device_name": "ac:87", "device_type": "PHONE", "interval_ms": 16,
        "sensors": [{"name": "accX", "units": "m/s2"}, {"name": "accY", "units": "m/s2"}, {"name": "temp", "units": "degC"}],
        "values": values} | changes}


def test_edge_impulse_samples(tmp_path):
    values = [[0.1, -9.8, 20], [0.2, -9.7, 21]]
    text(tmp_path, json.dumps(sample(values)), "idle.x1.json")
    text(tmp_path, cbor2.dumps(sample(values)), "worn out.x2.cbor")
    for name, label in (("idle.x1.json", "idle"), ("worn out.x2.cbor", "worn_out")):
        recording = one(tmp_path / name)
        assert recording.label == label and recording.rate_hz == 62.5 and recording.axes == ("x", "y")
        assert np.array_equal(recording.data, np.array(values)[:, :2].astype(np.float32))
    for changes, message in (({"interval_ms": 0}, "interval of 0 ms"), ({"sensors": []}, "names no sensors"),
                             ({"values": [[1, 2, 3], [1, 2]]}, r"values\[1\] is \[1, 2\]"), ({"values": []}, "no values"),
                             ({"values": [[1, 2, "x"]]}, r"values\[0\]"), ({"values": [[1, 2, float("nan")]] * 2}, None)):
        path = text(tmp_path, json.dumps(sample(**({"values": values} | changes))), "bad.json")
        if message:
            with pytest.raises(AuscultError, match=message):
                one(path)
    for whole in (json.dumps(sample(values)).encode(), cbor2.dumps(sample(values))):
        path = tmp_path / ("cut.json" if whole[:1] == b"{" else "cut.cbor")
        for size in range(0, len(whole), 7):
            path.write_bytes(whole[:size])
            with pytest.raises(AuscultError, match=r"cannot be read as|not in Edge Impulse's"):
                one(path)


def test_edge_impulse_export_folder(tmp_path):
    files = []
    for part, label in (("training", "idle"), ("testing", "wave")):
        (tmp_path / part).mkdir()
        text(tmp_path / part, json.dumps(sample([[0.1, 9.8, 1]] * 9)), f"{label}.json.abc.json")
        files.append({"path": f"{part}/{label}.json.abc.json", "category": part, "label": {"type": "label", "label": label},
                      "metadata": {"machine": f"m_{label}"}})
    plain = import_sources([tmp_path], Options()).recordings
    assert sorted(r.label for r in plain) == ["idle", "wave"]
    (tmp_path / "info.labels").write_text(json.dumps({"version": 1, "files": files}))
    assert [(r.label, r.machine) for r in import_sources([tmp_path], Options()).recordings] == [
        ("idle", "m_idle"), ("wave", "m_wave")]
    files[0]["label"] = {"type": "multi-label", "labels": [{"label": "a", "startIndex": 0, "endIndex": 3},
                                                           {"label": "b", "startIndex": 4, "endIndex": 8}]}
    (tmp_path / "info.labels").write_text(json.dumps({"version": 1, "files": files}))
    assert [(r.label, len(r.data)) for r in import_sources([tmp_path], Options()).recordings] == [("a", 4), ("b", 5), ("wave", 9)]
    files[0]["path"] = "../outside.json"
    (tmp_path / "info.labels").write_text(json.dumps({"version": 1, "files": files}))
    with pytest.raises(AuscultError, match="there is no file"):
        import_sources([tmp_path], Options())
