# SPDX-License-Identifier: Apache-2.0
"""`auscult monitor` on a simulated board: every window is seen, its waveforms are the sensor's, the board runs on."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from auscult_host import devices, virtual_sensor
from auscult_host.commands.monitor import monitor
from auscult_host.errors import AuscultError
from auscult_host.monitoring import attach, live, screen
from auscult_host.monitoring.reading import Reader
from auscult_host.monitoring.state import State
from auscult_host.recordings import read
from auscult_host.simulator import SimBoard
from auscult_host.transport import Console

from device import monitored

_G = 9.80665


@pytest.fixture(scope="module")
def flash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return monitored.flash(tmp_path_factory.mktemp("monitored"))


@pytest.fixture(scope="module")
def board(flash: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SimBoard, Path]]:
    """A board whose sensor measures what machine.json in the folder says; its console stands for a real one's."""
    folder = tmp_path_factory.mktemp("machine")
    source = read(monitored.recording(folder))
    made = virtual_sensor.signal(source, monitored.CONFIG["sensor"], 1.0, loop=True)
    machine = made.write(folder)
    with SimBoard("sim_m4", flash=flash, args={"machine": str(machine)}) as board:
        board.soft_reset()
        yield board, folder


def said(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_by_name_every_window_of_a_recording_is_seen(flash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    """The board in real time, 100 verdicts a second. Of what its chip has lost, the node says so."""
    own = tmp_path / "own.flash"
    own.write_bytes(flash.read_bytes())
    monkeypatch.setattr(devices, "flash_file", lambda name: own)
    log = tmp_path / "log.jsonl"
    result = monitor(device="sim_m4", recording=monitored.recording(tmp_path, 9600), log=log, as_json=True)
    lines = said(capsys)
    end = next(line for line in lines if "end" in line)
    assert end["end"] == "recording ended" and end["windows"] >= 500
    assert result["verdicts"] == end["windows"] == len([line for line in lines if "w" in line])
    assert result["lost"] == result["damaged"] == result["errors"] == 0
    assert sum(result["flaws"].values()) == end["dropped"] and set(result["flaws"]) <= {"missing"}
    assert result["verdicts"] == sum(result["counts"].values()) + end["dropped"]
    assert lines[-1]["summary"] == result
    monitor(device="sim_m4", lines=5, as_json=True)  # it stays bolted to that machine
    assert len([line for line in said(capsys) if "w" in line]) == 5
    assert [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")] == lines[:-1]


def test_waveforms_are_what_the_sensor_measures(board: tuple[SimBoard, Path]) -> None:
    simulated, folder = board
    words = np.fromfile(folder / "recording.i16", "<i2").reshape(-1, 3)
    twice = np.concatenate([words, words])  # it is played in a loop
    state, found = State(), []
    with (devices.connect(simulated.port) as device,
          Reader(attach.watch(device, 128, 100), state, device.console.interrupt) as reader):
        while len(found) < 5 and not reader.wait(0.05):
            with state.lock:
                found = list(state.recent_waves)
    assert reader.error is None and len(found) >= 5
    places = {twice[i:i + 8].tobytes(): i for i in range(len(words))}
    for wave in found:
        heard = np.round(wave.values * (32768 * _G / (monitored.FULL_SCALE_UM / 1e6))).astype("<i2")
        at = places[heard[:8].tobytes()]
        assert np.array_equal(heard, twice[at:at + 128])
    assert state.end["end"] == "stopped by Ctrl-C", "the node was not asked to stop"


def test_the_board_runs_on_afterwards_and_passive_interrupts_nothing(board: tuple[SimBoard, Path],
                                                                     capsys: pytest.CaptureFixture[str]) -> None:
    simulated, _ = board
    monitor(device=simulated.port, lines=20, as_json=True)
    lines = said(capsys)
    assert lines[0]["node"] == "pump_3" and len([line for line in lines if "w" in line]) == 20
    monitor(device=simulated.port, passive=True, lines=50, as_json=True)
    first = said(capsys)
    monitor(device=simulated.port, passive=True, lines=50, as_json=True)
    then = said(capsys)
    assert not [line for line in first + then if "node" in line or "wave" in line or "end" in line]
    windows = [line["w"] for line in first + then if "w" in line]
    assert windows == sorted(set(windows)) and len(windows) == 100, "main.py's node was restarted"


def test_in_words_for_a_pipe(board: tuple[SimBoard, Path], capsys: pytest.CaptureFixture[str]) -> None:
    monitor(device=board[0].port, lines=120, wave=False)
    *lines, closing = capsys.readouterr().out.splitlines()
    verdicts = [line for line in lines if re.fullmatch(r" *[\d.]+ s  window +\d+  (normal|rattle|\? missing) .*", line)]
    assert len(verdicts) == 120 and any("p 1.00" in line for line in verdicts)
    assert closing.startswith("120 verdicts: ")


def test_in_a_terminal_state_counts_waveform_and_spectrum(board: tuple[SimBoard, Path]) -> None:
    near, far = os.openpty()
    run = subprocess.Popen([sys.executable, "-m", "auscult_host.cli", "monitor", "--device", board[0].port, "--lines", "250"],
                           stdout=far, stderr=subprocess.DEVNULL,
                           env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "130", "LINES": "44",
                                "TERM": "xterm-256color"})
    os.close(far)
    shown = b""
    try:
        while piece := os.read(near, 65536):
            shown += piece
    except OSError:  # the program has closed its end
        pass
    assert run.wait(60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "R A T T L E" in text and "N O R M A L" in text
    assert re.search(r"[xyz] -?\S+ ± \S+ g rms, peak \S+ g", text) and re.search(r"\S+ g at [\d,]+ Hz", text)
    assert any(c in text for c in "▗▖▝▘▄▀█") and "250 verdicts: " in text
    assert "\x1b[?1049l" in shown.decode(), "the terminal is not given back"


def test_without_a_node_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "flash_file", lambda name: tmp_path / "empty.flash")
    with pytest.raises(AuscultError, match="sim_m4 has no node to watch") as raised:
        monitor(device="sim_m4", seconds=20, as_json=True)
    assert "auscult deploy" in raised.value.hint
    with pytest.raises(AuscultError, match="a recording needs the node"):
        monitor(device="sim_m4", passive=True, recording=tmp_path / "a.parquet")


def test_a_sensor_that_fails_is_an_error_not_silence(flash: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    """Bolted to nothing: there is no chip on the bus."""
    own = tmp_path / "own.flash"
    own.write_bytes(flash.read_bytes())
    monkeypatch.setattr(devices, "flash_file", lambda name: own)
    with pytest.raises(AuscultError, match="the node gave no verdict: no ADXL345 at 0x53"):
        monitor(device="sim_m4", seconds=4, plain=True)
    assert "error: no ADXL345" in capsys.readouterr().out


def burst(master: int, lines: list[str]) -> None:
    data = ("\n".join(lines) + "\n").encode()
    while data:
        data = data[os.write(master, data[:4096]):]


def test_a_burst_of_ten_thousand_lines_is_read_whatever_the_drawing_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow terminal: each picture takes 50 ms. Drawing never holds up reading, nor happens for each line."""
    master, slave = os.openpty()
    drawn, draw = [], screen.draw

    def slowly(*arguments):
        drawn.append(time.monotonic())
        time.sleep(0.05)
        return draw(*arguments)

    monkeypatch.setattr(screen, "draw", slowly)
    lines = [f'{{"t":{10 * i},"w":{i},"v":"{"normal" if i % 3 else "worn"}","p":0.93,"s":"normal"}}' for i in range(10_000)]
    lines[5000] = lines[5000][:30]  # cut
    console, state = Console(os.ttyname(slave)), State()
    source = console.lines()
    first = threading.Event()

    def opened() -> Iterator[str]:
        for line in source:
            first.set()
            yield line

    with Reader(opened(), state, console.close, most=9_999) as reader:
        while not first.is_set():  # what is sent before the port is open is lost
            burst(master, [""])
            time.sleep(0.01)
        begun = time.monotonic()
        feeder = threading.Thread(target=burst, args=(master, lines), daemon=True)
        feeder.start()
        live.follow(reader, 120, "pty")
        passed = time.monotonic() - begun
    os.close(master)
    os.close(slave)
    summary = state.summary()
    assert summary["verdicts"] == 9_999 and summary["damaged"] == 1
    assert summary["counts"] == {"normal": 6665, "worn": 3334}
    assert len(drawn) <= live.PICTURES_PER_S * passed + 1


def test_a_cable_that_is_pulled_is_an_error_after_what_came(capsys: pytest.CaptureFixture[str]) -> None:
    master, slave = os.openpty()
    name = os.ttyname(slave)

    def board() -> None:
        for i in range(100):
            os.write(master, b'{"t":%d,"w":%d,"v":"worn","p":0.93,"s":"worn"}\n' % (10 * i, i))
            time.sleep(0.01)
        os.close(slave)
        os.close(master)

    threading.Thread(target=board, daemon=True).start()
    with pytest.raises(AuscultError, match="stopped answering"):
        monitor(device=name, passive=True, as_json=True)
    *_, last = said(capsys)
    assert 0 < last["summary"]["verdicts"] <= 100 and last["summary"]["state"] == "worn"
