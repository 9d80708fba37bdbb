# SPDX-License-Identifier: Apache-2.0
"""`auscult record`: what is recorded is what the virtual chip played, sample by sample; what is lost is told."""

import base64
import binascii
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from auscult_host import playback, record, virtual_sensor
from auscult_host.commands.record import record as command
from auscult_host.errors import AuscultError
from auscult_host.recordings import Header, Recording, read, write
from auscult_host.simulator import SimBoard
from hypothesis import given, settings
from hypothesis import strategies as st

RATE = 398.3
HEADER = Header(400.0, name="take", label="worn")


def frame(first: int, words: np.ndarray, lost: bool = False, rate_mhz: int = 400000) -> str:
    body = struct.pack("<IHHI", first, len(words), lost, rate_mhz) + words.astype("<i2").tobytes()
    return ":" + base64.b64encode(body + struct.pack("<I", binascii.crc32(body))).decode()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["whole", "whole", "whole", "dropped", "damaged", "after a loss"]),
                          st.integers(0, 10**6)), min_size=1, max_size=12))
def test_frames_that_are_lost_or_damaged_are_told_and_split_the_recording(frames) -> None:
    total = sum(n for n, _, _ in frames)
    words = np.arange(3 * total, dtype=np.int16).reshape(-1, 3)
    take = record.Take()
    take.add('{"start": "LIS3DH", "rate_hz": 400, "full_scale_um": 156906400}')
    at, expected, fresh = 0, [], True
    for n, what, where in frames:
        line = frame(at, words[at:at + n], what == "after a loss")
        if what == "damaged":
            place = 1 + where % (len(line) - 5)  # the last letters may hold bits that stand for nothing
            line = line[:place] + ("A" if line[place] != "A" else "B") + line[place + 1:]
        if what != "dropped":
            take.add(line)
        if what in ("dropped", "damaged"):
            fresh = True
        else:
            if fresh or what == "after a loss":
                expected.append([])
            expected[-1].append(words[at:at + n])
            fresh = False
        at += n
    take.add(json.dumps({"end": "complete", "samples": total, "overruns": 0, "rate_mhz": 400000}))
    kept = sum(n for n, what, _ in frames if what not in ("dropped", "damaged"))
    assert take.samples == kept and take.lost_on_line == total - kept
    assert take.bad_frames == sum(what == "damaged" for _, what, _ in frames)
    assert take.lost_by_chip == sum(what == "after a loss" for _, what, _ in frames)
    found = take.recordings(HEADER)
    assert len(found) == len(expected)
    for recording, part in zip(found, expected):
        assert np.array_equal(recording.data, (np.concatenate(part) * np.float64(156.9064 / 32768)).astype(np.float32))


def test_an_error_of_the_board_is_told() -> None:
    with pytest.raises(AuscultError, match="the board stopped: no ADXL345"):
        record.Take().add('{"error": "no ADXL345 on I2C"}')
    with pytest.raises(AuscultError, match="rate_hz is 401"):
        record.sensor_settings("lis3dh", "i2c", 401, None, {})


def test_a_recording_is_for_simulated_boards(tmp_path: Path) -> None:
    with pytest.raises(AuscultError, match="a real board"):
        command(tmp_path, "worn", device="/dev/null", recording=tmp_path / "a.parquet")
    with pytest.raises(AuscultError, match="sim_m7 without a machine"):
        command(tmp_path, "worn", device="sim_m7")
    with pytest.raises(AuscultError, match="there is no port"):
        command(tmp_path / "set", "worn", device=str(tmp_path / "no_such_port"), settings=[], as_json=True)
    assert not (tmp_path / "set").exists()


def played(samples: int, rate: float = RATE) -> Recording:
    data = np.random.default_rng(0).normal(0, 3, (samples, 3)) + [0, 0, 9.8]
    return Recording(data, rate, label="worn", name="played")


def cli(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "auscult_host.cli", "record", "--out", str(folder / "set"), "--label", "worn",
                             "--machine", "m", "--session", "s", "--json", *arguments], stdout=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, text=True)


def test_recorded_is_what_the_chip_played(tmp_path: Path) -> None:
    source = played(8000)
    path = write(source, tmp_path / "played.parquet")
    run = cli(tmp_path, "--seconds", "15", "--virtual", str(path), "--chip", "lis3dh")
    said = json.loads(run.communicate(timeout=120)[0])
    assert said["samples"] == 6000 and said["lost_by_chip"] == said["lost_on_line"] == said["bad_frames"] == 0
    recording = read(tmp_path / "set" / "m_s_worn.parquet")
    words = virtual_sensor.chip_words(source, "lis3dh", 16, 1.0)[:6000]
    full_scale = playback.device.accelerometer("lis3dh").full_scale_of(16) / 1e6
    assert np.array_equal(recording.data, (words * np.float64(full_scale / 32768)).astype(np.float32))
    assert abs(recording.rate_hz / RATE - 1) < 0.001 and said["nominal_hz"] == 400
    assert (recording.label, recording.machine, recording.session) == ("worn", "m", "s")
    assert recording.sensor == "LIS3DH ±16 g, nominally 400 Hz" and recording.started


SLOW = """
import sys, time
frames = [0]
def slow(data):
    frames[0] += 1
    if frames[0] % 20 == 10:
        time.sleep_ms(200)
    sys.stdout.buffer.write(data)
recorder.main(settings, {samples}, source, slow)
"""


def test_a_line_that_is_too_slow_makes_the_chip_lose_samples_which_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    source = played(4000)
    monkeypatch.setattr(record, "_VIRTUAL", record._VIRTUAL.rpartition("recorder.main(")[0] + SLOW)
    take = record.Take()
    with record.virtual("sim_m4", source, record.sensor_settings("lis3dh", "i2c", 400, 16, {}), 2000) as lines:
        for line in lines:
            take.add(line)
    words = virtual_sensor.chip_words(source, "lis3dh", 16, 1.0)
    parts = [np.concatenate(part) for part in take.parts]
    assert take.samples >= 2000 and take.lost_by_chip > 1 and len(parts) == take.lost_by_chip + 1 and not take.lost_on_line
    at = 0
    for part in parts:  # each is a piece of what was played, later than the one before
        while not np.array_equal(words[at:at + len(part)], part):
            at += 1
            assert at <= len(words) - len(part), "not what was played"
        at += len(part)


BUSY = "import time\nn = 0\nwhile True:\n    print('busy', n)\n    n += 1\n    time.sleep_ms(20)\n"


def test_over_a_serial_port_to_a_board_without_the_package_and_ctrl_c_keeps_what_came(tmp_path: Path,
                                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    """The console of a simulated board is a terminal as that of a real one is. Its own program runs again afterwards."""
    source = played(400_000, 400.0)
    sensor = record.sensor_settings("adxl345", "i2c", 400, 16, {})
    signal = virtual_sensor.signal(source, sensor, 1.0)
    sent, heard = [], record.from_board

    def pressed(board, settings, samples, progress):
        for number, line in enumerate(heard(board, settings, samples, sent.append)):
            yield line
            if number == 5:
                raise KeyboardInterrupt  # as Ctrl-C does, also where a shell has the signal ignored

    with SimBoard("sim_m4", args={"machine": str(signal.write(tmp_path))}) as board:
        board.put_bytes(BUSY.encode(), "main.py")
        board.hard_reset()
        board._console.close()
        monkeypatch.setattr(record, "from_board", pressed)
        said = command(tmp_path / "set", "worn", "m", "s", seconds=900.0, device=board.port, rate=400.0, as_json=True)
        assert any(line.startswith("busy") for line, _ in zip(board.lines(10), range(8))), "main.py was left stopped"
        assert sent and "auscult" in board.exec("import os; print(os.listdir('lib'))")
        board._console.close()
        sent.clear()
        monkeypatch.setattr(record, "from_board", lambda *arguments: heard(*arguments[:3], sent.append))
        again = command(tmp_path / "again", "worn", "m", "s", seconds=2.0, device=board.port, rate=50.0, as_json=True)
        assert not sent and again["samples"] == 100 and not again["stopped"]
    assert said["stopped"] and said["samples"] > 0
    for folder, figures in (("set", said), ("again", again)):
        recording = read(tmp_path / folder / "m_s_worn.parquet")
        expected = signal.words[:len(recording.data)] * np.float64(
            playback.device.accelerometer("adxl345").full_scale_of(16) / 1e6 / 32768)
        assert np.array_equal(recording.data, expected.astype(np.float32)) and len(recording.data) == figures["samples"]
