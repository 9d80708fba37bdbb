# SPDX-License-Identifier: Apache-2.0
"""The generated machine shows what the physics says, at the frequencies that the formulas give."""

import numpy as np
import pytest
from auscult_host.errors import AuscultError
from auscult_host.generate import BEARINGS, FAULTS, Bearing, generate, machine_run, make_machine
from auscult_host.recordings import STANDARD_GRAVITY, read, to_int16

RATE = 1600.0


def amplitude_near(signal, hz, rate, spread=0.03):
    """Largest spectral amplitude within ± spread of a frequency."""
    spectrum = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(len(signal)))) * 4 / len(signal)
    f = np.fft.rfftfreq(len(signal), 1 / rate)
    return spectrum[(f > hz * (1 - spread)) & (f < hz * (1 + spread))].max()


def envelope_line(machine, fault, order):
    """How far the line of an order in the squared envelope around a resonance stands above its surroundings' median."""
    signal, rate, around = machine_run(machine, fault).data[:, 2], RATE, (0.8, 1.2)
    hz = order * machine.shaft_hz
    spectrum = np.fft.fft(signal - signal.mean())
    f = np.fft.fftfreq(len(signal), 1 / rate)
    spectrum[np.abs(f - machine.resonance_hz[0]) > 150] = 0  # one-sided: an analytic signal
    power = np.abs(np.fft.ifft(2 * spectrum)) ** 2
    lines = np.abs(np.fft.rfft((power - power.mean()) * np.hanning(len(power))))
    g = np.fft.rfftfreq(len(power), 1 / rate)
    near = lines[(g > hz * 0.98) & (g < hz * 1.02)].max()
    return near / np.median(lines[(g > hz * around[0]) & (g < hz * around[1])])


def test_bearing_orders_are_the_published_ones():
    """6205-2RS of the CWRU test stand, as its data centre states them."""
    orders = BEARINGS["6205"].orders()
    assert orders["bpfi"] == pytest.approx(5.4152, abs=0.002)
    assert orders["bpfo"] == pytest.approx(3.5848, abs=0.002)
    assert orders["ftf"] == pytest.approx(0.3983, abs=0.001)
    assert orders["bsf"] == pytest.approx(2.3568, abs=0.002)


def test_outer_and_inner_orders_sum_to_the_number_of_balls():
    orders = Bearing(11, 7.0, 50.0, 0.3).orders()
    assert orders["bpfo"] + orders["bpfi"] == pytest.approx(11)


@pytest.mark.parametrize(
    "fault, name, times", [("outer_race", "bpfo", 1), ("inner_race", "bpfi", 1), ("ball", "bsf", 2)])
def test_bearing_faults_ring_at_their_order(fault, name, times):
    faulty, healthy = [], []
    for index in range(6):
        machine = make_machine(index)
        order = times * BEARINGS[machine.bearing].orders()[name]
        faulty.append(envelope_line(machine, fault, order))
        healthy.append(envelope_line(machine, "normal", order))
    assert max(healthy) < 5
    assert np.median(faulty) > 10 and min(faulty) > 5, faulty


def test_inner_race_is_modulated_by_the_shaft_and_outer_is_not():
    machine = make_machine(0)
    assert envelope_line(machine, "inner_race", 1.0) > 3 * envelope_line(machine, "outer_race", 1.0)


def test_unbalance_grows_with_the_square_of_the_speed():
    machine = make_machine(1)
    hz = machine.shaft_hz
    slow, fast = (machine_run(machine, "unbalance", severity=4.0, speed=s).data[:, 0] for s in (1.0, 1.3))
    assert amplitude_near(fast, 1.3 * hz, RATE) / amplitude_near(slow, hz, RATE) == pytest.approx(1.69, rel=0.15)


def test_misalignment_is_twice_per_revolution_and_axial():
    machine = make_machine(2)
    bent, healthy = (machine_run(machine, kind).data for kind in ("misalignment", "normal"))
    twice = [amplitude_near(bent[:, axis], 2 * machine.shaft_hz, RATE) for axis in range(3)]
    assert int(np.argmax(twice)) == 1
    assert twice[1] > 5 * amplitude_near(healthy[:, 1], 2 * machine.shaft_hz, RATE)
    assert twice[1] > 1.5 * amplitude_near(bent[:, 1], machine.shaft_hz, RATE)


@pytest.mark.parametrize("fault", FAULTS)
def test_gravity_stays_one_g(fault):
    """Also impacts must not push the housing away: no fault shows in the mean."""
    for index in range(3):
        data = machine_run(make_machine(index), fault, seconds=10).data
        assert np.linalg.norm(data.mean(axis=0)) == pytest.approx(STANDARD_GRAVITY, rel=0.005)


def test_same_seed_same_bits_other_seed_other_bits():
    first, again = (machine_run(make_machine(0, seed=3), "ball", seconds=2) for _ in range(2))
    other = machine_run(make_machine(0, seed=4), "ball", seconds=2)
    assert first.data.tobytes() == again.data.tobytes() != other.data.tobytes()
    assert machine_run(make_machine(0, seed=3), "ball", seconds=2, session=1).data.tobytes() != first.data.tobytes()


def test_a_developing_fault_is_silent_and_then_grows():
    machine = make_machine(0)
    run = machine_run(machine, "bearing", seconds=40, developing=True, fault_at_s=15, growth_s=20)
    assert run.fault_at_s == 15 and run.label_at(14.9) == "normal" and run.label_at(15) == "bearing"
    rms = [run.data[int(a * RATE):int(b * RATE), 2].std() for a, b in ((0, 7), (7, 15), (25, 28), (36, 40))]
    assert rms[1] == pytest.approx(rms[0], rel=0.05)
    assert rms[3] > 1.5 * rms[1] and rms[2] < rms[3]
    assert machine_run(machine, "normal", seconds=10, developing=True).fault_at_s is None


@pytest.mark.parametrize("rate_hz", [200.0, 1344.0, 12000.0, 48000.0])
def test_any_rate_keeps_the_resonance_below_half_the_rate(rate_hz):
    machine = make_machine(0, rate_hz=rate_hz)
    assert max(machine.resonance_hz) < rate_hz / 2
    assert np.isfinite(machine_run(machine, "inner_race", seconds=1, rate_hz=rate_hz).data).all()


def test_dataset_is_complete_and_refuses_to_mix(tmp_path):
    paths = generate(tmp_path, machines=2, sessions=2, seconds=1, faults=["normal", "ball"])
    assert len(paths) == 8 == len(list(tmp_path.iterdir()))
    first = read(tmp_path / "machine_2_s1_ball.parquet")
    assert (first.machine, first.session, first.label, first.rate_hz) == ("machine_2", "machine_2_s1", "ball", 1600)
    generate(tmp_path, machines=2, sessions=2, seconds=1, faults=["normal", "ball"])  # again is fine
    with pytest.raises(AuscultError, match="already holds other recordings"):
        generate(tmp_path, machines=1, sessions=1, seconds=1, faults=["normal"])


@pytest.mark.parametrize("changes, message", [
    ({"faults": ["loose belt"]}, "the fault 'loose belt'; expected one of normal"),
    ({"faults": []}, "no faults"),
    ({"seconds": float("nan")}, "nan seconds"),
    ({"rate_hz": 10.0}, "sample rate of 10 Hz"),
    ({"machines": 0}, "0 machines"),
])
def test_bad_requests_write_nothing(tmp_path, changes, message):
    with pytest.raises(AuscultError, match=message):
        generate(tmp_path / "new", **changes)
    assert not (tmp_path / "new").exists()


def test_developing_outside_of_the_run_is_refused():
    with pytest.raises(AuscultError, match="within the run of 10 s"):
        machine_run(make_machine(0), "ball", seconds=10, developing=True, fault_at_s=11)


def test_samples_are_steps_of_the_sensor():
    """The virtual ADXL345 gives exactly these numbers again, so that PC and board see the same."""
    run = machine_run(make_machine(0), "ball", seconds=2)
    words = to_int16(run, 4 * STANDARD_GRAVITY)
    assert (words % 32 == 0).all() and (words == to_int16(run, 4 * STANDARD_GRAVITY, bits=11)).all()
