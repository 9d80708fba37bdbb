# SPDX-License-Identifier: Apache-2.0
"""The generated processes show what their physics says, and differ from machine to machine."""

from pathlib import Path

import numpy as np
import pytest
from auscult_host import generate
from auscult_host.errors import AuscultError
from auscult_host.generate import cold_store, press, room, states, wrist
from auscult_host.recordings import STANDARD_GRAVITY, read

NAMES = list(generate.PROCESSES)
FEW = {"rotating": 3.0, "states": 4.0, "press": 6.0, "cold_store": 7200.0, "room": 86400.0, "wrist": 6.0}  # seconds


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_and_another_machine_or_day_something_else(name: str) -> None:
    made = generate.process(name)

    def data(machine: int = 0, session: int = 0, seed: int = 1) -> np.ndarray:
        return made.run(machine, session, made.usual[0], seconds=FEW[name], rate_hz=made.rate_hz, seed=seed).data

    first = data()
    assert (data() == first).all()
    for other in (data(machine=1), data(session=1), data(seed=2)):
        short = min(len(other), len(first))
        assert not np.allclose(other[:short], first[:short], atol=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_holds_every_label_of_every_machine_and_what_is_played_is_not_in_it(name: str, tmp_path: Path) -> None:
    made = generate.process(name)
    paths = generate.generate(tmp_path / "data", kind=name, machines=2, sessions=1, seconds=FEW[name])
    runs = [read(path) for path in paths]
    assert {(run.machine, run.label) for run in runs} == {(f"{made.one}_{m}", label) for m in (1, 2) for label in made.usual}
    assert all(run.rate_hz == pytest.approx(made.rate_hz) for run in runs)
    played = read(generate.write_play(tmp_path / "play.parquet", name, machines=2))
    assert played.machine == f"{made.one}_3"
    again = read(generate.write_play(tmp_path / "own.parquet", name, machines=1, sessions=4))
    assert (again.machine, again.session) == (f"{made.one}_1", f"{made.one}_1_s5")


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    for options, message in (({"kind": "steam"}, "the process 'steam'"),
                             ({"kind": "room", "faults": ["fire"]}, "the fault 'fire'"),
                             ({"kind": "press", "rate_hz": 50.0}, "50 Hz"), ({"kind": "wrist", "seconds": 0.1}, "0.1 seconds"),
                             ({"machines": 0}, "0 machines")):
        with pytest.raises(AuscultError, match=message):
            generate.generate(tmp_path / "none", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "none").exists()


def line(signal: np.ndarray, hz: float, rate_hz: float) -> float:
    """How far a line stands above its surroundings."""
    power = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(len(signal)))) ** 2
    f = np.fft.rfftfreq(len(signal), 1 / rate_hz)
    near, around = abs(f - hz) < 0.03 * hz, abs(f - hz) < 0.2 * hz
    return float(power[near].max() / np.median(power[around]))


def test_states_differ_as_the_speed_says() -> None:
    def run(label: str) -> np.ndarray:
        return states.PROCESS.run(0, 0, label, seconds=20, rate_hz=states.RATE_HZ, seed=1).data

    shaft_hz = generate.make_machine(0, 1, states.RATE_HZ).shaft_hz
    fast, slow, off, loaded = (run(label) for label in ("fast", "slow", "off", "loaded"))
    assert line(fast[:, 0], shaft_hz, 400) > 100 and line(slow[:, 0], 0.45 * shaft_hz, 400) > 100
    assert line(off[:, 0], shaft_hz, 400) < 30
    levels = [float(data.std(axis=0).max()) for data in (off, slow, fast, loaded)]
    assert levels == sorted(levels) and levels[2] > 2 * levels[1]


def test_strokes_ring_as_hard_as_their_kind_says() -> None:
    data, at_s = press.strokes(0, 0, ["normal", "no_part", "double_part", "worn_tool"], 1600.0, 1)
    z = data[:, 2] - STANDARD_GRAVITY
    peak = [float(abs(z[round(t * 1600):round((t + 0.15) * 1600)]).max()) for t in at_s]
    normal, none, double, worn = peak
    assert none < 0.4 * normal < 0.7 * double and worn < 0.85 * normal
    quiet = [float(z[round((t - 0.3) * 1600):round((t - 0.05) * 1600)].std()) for t in at_s]
    assert max(quiet) < 0.4


def test_a_cold_store_stays_cold_until_something_fails() -> None:
    def day(label: str) -> np.ndarray:
        return cold_store.day(1, 0, label, seconds=57600.0, rate_hz=1 / 30, seed=1, fault_at_s=28800.0)

    half = 960
    normal, door, compressor = (day(label) for label in cold_store.LABELS)
    assert normal[:, 0].min() > 2.5 and np.quantile(normal[:, 0], 0.98) < 9
    assert door[half + 120:, 2].min() == 100 and door[-1, 0] > 10 and normal[:, 2].mean() < 10
    assert compressor[half + 240:, 0].min() > cold_store._OFF_C + 0.3  # it runs, and cannot cool any more
    assert set(np.unique(normal[:, 2])) <= {0.0, 100.0}


def test_water_vapour_is_that_of_the_tables() -> None:
    """Saturated air holds 17.3 g/m³ at 20 °C and 4.85 g/m³ at 0 °C (any table of humid air)."""
    assert room.saturation_g_m3(20.0) == pytest.approx(17.3, abs=0.1)
    assert room.saturation_g_m3(0.0) == pytest.approx(4.85, abs=0.05)


def test_a_room_follows_its_faults() -> None:
    def days(label: str) -> np.ndarray:
        return room.days(0, 0, label, seconds=3 * 86400.0, rate_hz=1 / 300, seed=1, fault_at_s=1.5 * 86400.0)

    last = slice(-144, None)
    normal, valve, window, leak = (days(label) for label in room.LABELS)
    assert normal[:, 0].min() > 15 and normal[:, 0].max() < 27 and normal[:, 1].min() > 15 and normal[:, 1].max() < 75
    assert valve[last, 0].mean() > normal[last, 0].mean() + 3
    assert window[last, 0].mean() < normal[last, 0].mean() - 1
    assert leak[last, 1].mean() > normal[last, 1].mean() + 15


def test_wrists_move_as_their_activity_says() -> None:
    def run(label: str, person: int = 0) -> np.ndarray:
        return wrist.activity(person, 0, label, 40.0, 50.0, 1)

    spread = {label: float(np.linalg.norm(run(label).std(axis=0))) for label in wrist.LABELS}
    assert spread["idle"] < 0.7 < spread["stairs"] < spread["walking"] < spread["running"]
    assert np.linalg.norm(run("idle"), axis=1).mean() == pytest.approx(STANDARD_GRAVITY, abs=0.2)
    steps = [line(np.linalg.norm(run("running", person), axis=1), 2.75, 50.0) for person in range(4)]
    assert max(steps) > 10
