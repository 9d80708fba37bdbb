# SPDX-License-Identifier: Apache-2.0
"""`auscult inspect` and `auscult edit`: each fault is planted, found, shown, and gone after its command has run."""

import dataclasses
import json
import shlex

import numpy as np
import pytest
from auscult_host import edit, inspection
from auscult_host.cli import main
from auscult_host.errors import AuscultError
from auscult_host.inspection import pictures
from auscult_host.inspection.rate import folded
from auscult_host.recordings import Recording, read, write
from hypothesis import given
from hypothesis import strategies as st

RATE_HZ = 800.0


def sound(seed, seconds=6.0, tone_hz=31.0, level=2.0, rate_hz=RATE_HZ):
    """Noise and a tone on gravity, m/s², float32 [n, 3]."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    x = rng.normal(0, level, (len(t), 3)) + level * np.sin(2 * np.pi * tone_hz * t + 1)[:, None]
    return x + (0.5, -1.0, 9.7)


def recording(seed=0, label="normal", machine="", session="monday", **more):
    data = more.pop("data", None)
    return Recording(sound(seed) if data is None else data, RATE_HZ, label=label, machine=machine, session=session, **more)


def healthy(folder, machines=("a", "b"), labels=("normal", "worn"), each=2):
    """A dataset without any fault: labels differ in their tone."""
    seed = 0
    for machine in machines:
        for label in labels:
            for i in range(each):
                seed += 1
                tone_hz = 31.0 if label == "normal" else 143.0
                write(recording(seed, label, machine, f"day_{i}", data=sound(seed, tone_hz=tone_hz)),
                      folder / f"{machine}_{label}_{i}.parquet")
    return folder


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return healthy(tmp_path_factory.mktemp("clean"))


def kinds(found):
    return [finding.kind for finding in found]


def only(found, kind):
    assert kinds(found) == [kind], [finding.text for finding in found]
    return found[0]


def with_one(clean, tmp_path, spoilt, name="a_normal_0"):
    """The clean dataset with one recording replaced."""
    for path in clean.glob("*.parquet"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    write(spoilt, tmp_path / f"{name}.parquet")
    return tmp_path


def mend(finding):
    """Runs what the finding recommends."""
    command = shlex.split(finding.mend.rpartition("; ")[2].removeprefix("until then leave it out: ").removeprefix("then "))
    assert command[0] == "auscult"
    with pytest.raises(SystemExit) as ended:
        main(command[1:])
    assert ended.value.code == 0


def test_nothing_is_wrong_with_a_clean_dataset(clean):
    assert kinds(inspection.inspect(clean)) == []


def spoil_clipping(data):
    return np.clip(data, -3.2, 3.2 + 9)


def spoil_stuck(data):
    data = data.copy()
    data[1000:1600, 1] = 0.25
    return data


def spoil_gap(data):
    t = np.arange(len(data)) / RATE_HZ
    smooth = 3 * np.sin(2 * np.pi * 7 * t)[:, None] * (1, 0.7, 0.5) + (0, 0, 9.7)
    smooth = smooth + np.random.default_rng(1).normal(0, 0.01, data.shape)
    return np.concatenate((smooth[:2000], smooth[2037:]))


@pytest.mark.parametrize("spoil, kind, at_s", [
    (spoil_clipping, "clipping", None), (spoil_stuck, "stuck axis", 1.25), (spoil_gap, "gap", 2.5)])
def test_faults_of_samples_are_found_shown_and_mended(clean, tmp_path, spoil, kind, at_s):
    original = read(clean / "a_normal_0.parquet")
    folder = with_one(clean, tmp_path, dataclasses.replace(original, data=spoil(original.data)))
    found = inspection.inspect(folder, judge_labels=False)
    assert set(kinds(found)) == {kind}
    finding = found[0]
    assert finding.path.stem == "a_normal_0"
    if at_s is not None:
        assert finding.from_s == pytest.approx(at_s, abs=0.02)
    page = pictures.draw(found, tmp_path / "shown")
    assert finding.picture.stat().st_size > 5000 and finding.picture.name in page.read_text()
    mend(finding)
    assert kind not in kinds(inspection.inspect(folder, judge_labels=False))


def test_an_axis_that_never_moves_is_left_out(clean, tmp_path):
    original = read(clean / "a_normal_0.parquet")
    data = original.data.copy()
    data[:, 2] = 9.7
    folder = with_one(clean, tmp_path, dataclasses.replace(original, data=data))
    finding = only(inspection.inspect(folder, judge_labels=False), "stuck axis")
    mend(finding)
    assert read(finding.path).axes == ("x", "y")


def test_a_door_may_stay_shut(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(3):
        data = np.column_stack((4 + rng.normal(0, 0.2, 600).cumsum() * 0.05, np.zeros(600)))
        data[300:330, 1] = i > 0
        write(Recording(data, 1 / 60, ("temperature", "door"), "degC", "normal", f"store_{i}"), tmp_path / f"r{i}.parquet")
    assert kinds(inspection.inspect(tmp_path)) == []


@pytest.mark.parametrize("factor, unit", [(1 / 9.80665, "g"), (1000 / 9.80665, "mg")])
def test_numbers_in_another_unit(clean, tmp_path, factor, unit):
    original = read(clean / "a_normal_0.parquet")
    calm = (original.data - original.data.mean(axis=0)) * 0.1 + (0, 0, 9.8)
    folder = with_one(clean, tmp_path, dataclasses.replace(original, data=calm * factor))
    finding = next(f for f in inspection.inspect(folder, judge_labels=False) if f.kind == "unit")
    assert f"--unit {unit}" in finding.mend
    mend(finding)
    assert np.linalg.norm(read(finding.path).data.mean(axis=0)) == pytest.approx(9.8, rel=0.02)


def hum(data, rate_hz, lines):
    t = np.arange(len(data)) / rate_hz
    return data + sum(1.5 * np.sin(2 * np.pi * f * t) for f in lines)[:, None]


def test_a_wrong_rate_shows_in_the_mains_hum(clean, tmp_path):
    original = read(clean / "a_normal_0.parquet")  # sampled at 1000 Hz, it is said to be 800
    folder = with_one(clean, tmp_path, dataclasses.replace(original, data=hum(original.data, 1000, (50, 100, 150, 200))))
    finding = next(f for f in inspection.inspect(folder, judge_labels=False) if f.kind == "rate")
    assert "--rate-hz 1000" in finding.mend and finding.grave
    mend(finding)
    assert read(finding.path).rate_hz == 1000


def test_hum_at_its_place_is_no_finding_and_folded_hum_is(clean, tmp_path):
    original = read(clean / "a_normal_0.parquet")
    folder = with_one(clean, tmp_path, dataclasses.replace(original, data=hum(original.data, RATE_HZ, (50, 100, 150))))
    assert kinds(inspection.inspect(folder, judge_labels=False)) == []
    slow = Recording(hum(sound(1, 40, 7.0, 0.2, 80.0), 80, (50, 100)), 80.0, label="normal", session="a")
    write(slow, tmp_path / "slow" / "one.parquet")
    finding = next(f for f in inspection.inspect(tmp_path / "slow", judge_labels=False) if f.kind == "mains hum")
    assert "50 Hz is seen at 30.00 Hz" in finding.text


@given(st.floats(0.1, 1e5), st.floats(1, 1e5))
def test_a_folded_frequency_lies_in_the_band(frequency_hz, rate_hz):
    seen = folded(frequency_hz, rate_hz)
    assert 0 <= seen <= rate_hz / 2 * (1 + 1e-9)
    t = np.arange(8) / rate_hz
    true, folds = np.cos(2 * np.pi * frequency_hz * t), np.cos(2 * np.pi * seen * t)
    assert np.allclose(true, folds, atol=1e-6 * max(1, frequency_hz / rate_hz))


def test_duplicates_and_the_leak_they_are(clean, tmp_path):
    original = read(clean / "a_normal_0.parquet")
    folder = with_one(clean, tmp_path, dataclasses.replace(original, machine="b"), "b_copy")
    found = inspection.inspect(folder, judge_labels=False)
    assert sorted(kinds(found)) == ["duplicate", "leak"]
    mend(next(f for f in found if f.kind == "duplicate"))
    assert kinds(inspection.inspect(folder, judge_labels=False)) == []
    assert len(list((folder / "dropped").iterdir())) == 1


def test_a_shared_stretch_is_found_wherever_it_stands(clean, tmp_path):
    original, other = read(clean / "a_normal_0.parquet"), read(clean / "b_worn_1.parquet")
    data = np.concatenate((other.data[:1111], original.data[1777:4000], other.data[1111:2000]))
    folder = with_one(clean, tmp_path, dataclasses.replace(other, data=data), "b_worn_1")
    finding = next(f for f in inspection.inspect(folder, judge_labels=False) if f.kind == "duplicate")
    assert {finding.path.stem, finding.other.stem} == {"a_normal_0", "b_worn_1"}
    mend(finding)
    assert "duplicate" not in kinds(inspection.inspect(folder, judge_labels=False))


def test_a_wrong_label(clean, tmp_path):
    original = read(clean / "a_normal_0.parquet")
    folder = with_one(clean, tmp_path, dataclasses.replace(original, label="worn"))
    finding = only(inspection.inspect(folder), "label")
    assert finding.path.stem == "a_normal_0" and "--label normal" in finding.mend
    page = pictures.draw([finding], tmp_path / "shown")
    assert page.is_file() and finding.picture.stat().st_size > 5000
    mend(finding)
    assert kinds(inspection.inspect(folder)) == []


def test_a_label_with_a_typo(clean, tmp_path):
    original = read(clean / "a_normal_0.parquet")
    folder = with_one(clean, tmp_path, dataclasses.replace(original, label="normall"))
    finding = only(inspection.inspect(folder, judge_labels=False), "label typo")
    mend(finding)
    assert read(finding.path).label == "normal"


def test_a_rare_state_with_a_like_name_is_no_typo(tmp_path):
    folder = healthy(tmp_path, labels=("normal",), each=3)
    write(recording(90, label="abnormal", machine="a"), folder / "odd.parquet")
    assert "label typo" not in kinds(inspection.inspect(folder, judge_labels=False))


def test_one_session_on_both_sides(tmp_path):
    for i, label in enumerate(("normal", "normal", "worn", "worn")):
        write(recording(i, label, "", ""), tmp_path / f"r{i}.parquet")
    finding = only(inspection.inspect(tmp_path, judge_labels=False), "leak")
    assert finding.grave and "same session" in finding.text


def test_a_session_in_both_datasets(clean, tmp_path):
    write(recording(99, "worn", "a", "day_0"), tmp_path / "test" / "again.parquet")
    write(recording(98, "worn", "c", "day_0"), tmp_path / "test" / "new.parquet")
    finding = only(inspection.inspect(clean, against=tmp_path / "test", judge_labels=False), "leak")
    assert finding.path.stem == "again"


def test_labels_that_only_one_machine_has(tmp_path):
    folder = healthy(tmp_path, ("a",), ("normal",))
    healthy(tmp_path, ("b",), ("worn",))
    finding = only(inspection.inspect(folder, judge_labels=False), "confounded")
    assert finding.grave and pictures.draw([finding], tmp_path / "shown").is_file()


def test_a_broken_file_is_a_finding_and_not_the_end(clean, tmp_path):
    folder = with_one(clean, tmp_path, recording(0, "normal", "a", "day_0"))
    whole = (folder / "b_worn_0.parquet").read_bytes()
    (folder / "b_worn_0.parquet").write_bytes(whole[:len(whole) // 2])
    finding = next(f for f in inspection.inspect(folder, judge_labels=False) if f.kind == "unreadable")
    assert finding.path.stem == "b_worn_0"


def test_the_command_prints_findings_as_json(clean, tmp_path, capsys):
    folder = with_one(clean, tmp_path, recording(0, "normall", "a", "day_0"))
    with pytest.raises(SystemExit) as ended:
        main(["inspect", str(folder), "--json", "--no-labels", "--fail"])
    assert ended.value.code == 1
    found = json.loads(capsys.readouterr().out)
    assert [row["kind"] for row in found] == ["label typo"] and found[0]["picture"].endswith(".png")


# --- edit


def test_a_mistake_changes_nothing(clean, tmp_path):
    folder = with_one(clean, tmp_path, recording(0))
    before = {path: path.read_bytes() for path in folder.glob("*.parquet")}
    with pytest.raises(AuscultError, match="no axis 'w'"):
        edit.edit([folder], edit.Changes(keep_axes=("x", "w")))
    with pytest.raises(AuscultError, match="nothing to change"):
        edit.edit([folder], edit.Changes())
    with pytest.raises(AuscultError, match="would be left"):
        edit.edit([folder], edit.Changes(cuts=((0.0, 100.0),)))
    first = min(before)
    with pytest.raises(AuscultError, match="there is no file"):
        edit.edit([first, folder / "missing.parquet"], edit.Changes(drop=True))
    (folder / f"{first.stem}_part2.parquet").write_bytes(before[first])
    with pytest.raises(AuscultError, match="exists already"):
        edit.edit([first], edit.Changes(splits=(1.0,)))
    (folder / f"{first.stem}_part2.parquet").unlink()
    with pytest.raises(AuscultError, match="the moments 'nan'"):
        edit.seconds("nan")
    assert {path: path.read_bytes() for path in folder.glob("*.parquet")} == before


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 3)), max_size=3), st.lists(st.floats(0, 6), max_size=3))
def test_cuts_and_splits_keep_every_other_sample_once(tmp_path_factory, cuts, splits):
    folder = tmp_path_factory.mktemp("cut")
    data = np.arange(600 * 3, dtype=float).reshape(600, 3)
    write(Recording(data, 100.0, label="worn", fault_at_s=3.0), folder / "one.parquet")
    stretches = tuple((start, start + length) for start, length in cuts)
    kept = [i for i in range(600) if not any(round(a * 100) <= i < round(b * 100) for a, b in stretches)]
    if not cuts and not splits:
        return
    if not kept:
        with pytest.raises(AuscultError):
            edit.edit([folder / "one.parquet"], edit.Changes(cuts=stretches, splits=tuple(splits)))
        return
    edit.edit([folder / "one.parquet"], edit.Changes(cuts=stretches, splits=tuple(splits)))
    parts = sorted((read(path) for path in folder.glob("*.parquet")), key=lambda part: part.data[0, 0])
    assert np.array_equal(np.concatenate([part.data for part in parts]), data[kept])
    for part in parts:  # the fault begins where it began
        for i in range(0, len(part.data), 37):
            assert part.label_at(i / 100) == ("worn" if part.data[i, 0] >= 300 * 3 else "normal")
