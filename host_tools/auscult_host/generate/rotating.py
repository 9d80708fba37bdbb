# SPDX-License-Identifier: Apache-2.0
"""A rotating machine from physics: what an accelerometer on its bearing housing would record.

Axes of the machine: x horizontal radial, y axial, z vertical; the sensor is mounted turned against them. Signals are
in m/s². Sources:

- Harris & Kotzalas, Essential Concepts of Bearing Technology (2006), ch. 2: rolling bearing kinematics; ch. 7: the
  load distribution over the rolling elements.
- Randall & Antoni, Rolling element bearing diagnostics: a tutorial, Mech. Syst. Signal Process. 25 (2011) 485-520:
  series of impacts with random slip, amplitude modulation, decaying resonance.
- McFadden & Smith, Model for the vibration produced by a single point defect in a rolling element bearing,
  J. Sound Vib. 96 (1984) 69-82: modulation by the load zone.
- ISO 20816-3 (vibration severity in mm/s RMS) and ISO 13373-3 (what unbalance and misalignment look like).

A resonance has to lie below half the sample rate to be seen at all. Housings ring at 2 to 5 kHz; at the low rates of
MEMS chips a lower structural mode takes that part, so resonances are drawn from 2 to 5 kHz but never above 0.42 of
the rate.
"""

import dataclasses
import math

import numpy as np

from ..errors import AuscultError
from ..recordings import STANDARD_GRAVITY, Recording
from .bearings import BEARINGS, impacts
from .process import Process
from .sensor import NOISE_UG, STEP_G, about, accelerometer

FAULTS = ("normal", "unbalance", "misalignment", "inner_race", "outer_race", "ball", "bearing")
DEFAULT_FAULTS = ("normal", "unbalance", "misalignment", "bearing")
_BEARING_FAULTS = ("inner_race", "outer_race", "ball")  # "bearing" is one of these, drawn for each machine
DEFAULT_RATE_HZ = 1600.0  # the ADXL345 at 1600 Hz: half a window of 512 samples is 160 ms


@dataclasses.dataclass(frozen=True)
class Machine:
    """What differs from machine to machine. Velocities are vibration velocities in mm/s RMS on the housing."""

    name: str
    shaft_hz: float
    bearing: str
    base_mm_s: float  # once per revolution when healthy; ISO 20816-3: zone A/B ends near 1.4 to 2.8
    harmonics: tuple[float, ...]  # 2x, 3x, ... relative to 1x
    hum_mm_s: float  # twice the mains frequency: magnetic pull of the motor
    mains_hz: float
    gear_teeth: int  # 0: no gear
    rumble: float  # RMS of the broad noise through the resonance, m/s² (flow, rolling)
    impact: float  # m/s² of a bearing impact's first swing at severity 1
    resonance_hz: tuple[float, float]
    damping: float  # of critical
    mount: tuple[float, float, float]  # rotation of the sensor about x, y, z in rad
    seed: int


def make_machine(index: int, seed: int = 1, rate_hz: float = DEFAULT_RATE_HZ) -> Machine:
    """Machine number `index` of the family `seed`; the same numbers give the same machine."""
    rng = np.random.default_rng([seed, index, 1])
    low, high = min(2000.0, 0.25 * rate_hz), min(5000.0, 0.42 * rate_hz)
    resonances = np.sort(rng.uniform(low, high, 2))
    return Machine(
        name=f"machine_{index + 1}",
        shaft_hz=float(rng.uniform(22.0, 29.5)),
        bearing=list(BEARINGS)[(index + seed) % len(BEARINGS)],
        base_mm_s=float(rng.uniform(0.6, 1.4)),
        harmonics=tuple(float(a) for a in rng.uniform(0.1, 0.35, 4) / (1 + np.arange(4))),
        hum_mm_s=float(rng.uniform(0.05, 0.25)),
        mains_hz=50.0,
        gear_teeth=int(rng.choice([0, 0, 11, 13])),
        rumble=float(rng.uniform(0.3, 0.6)),
        impact=float(rng.uniform(3.0, 6.0)),
        resonance_hz=(float(resonances[0]), float(resonances[1])),
        damping=float(rng.uniform(0.03, 0.07)),
        mount=tuple(float(a) for a in rng.normal(0.0, 0.15, 3)),  # type: ignore[arg-type]
        seed=seed,
    )


def machine_run(
    machine: Machine,
    fault: str = "normal",
    *,
    seconds: float = 20.0,
    rate_hz: float = DEFAULT_RATE_HZ,
    severity: float = 1.0,
    session: int = 0,
    noise_ug: float = NOISE_UG,
    step_g: float = STEP_G,
    developing: bool = False,
    fault_at_s: float | None = None,
    growth_s: float | None = None,
    speed: float = 1.0,
) -> Recording:
    """One run of a machine.

    fault: one of FAULTS; severity: 0 (none) to 1 (clear) and beyond; session: another day, with another load, speed
    and slightly different mounting; noise_ug: noise density of the sensor in µg/√Hz;
    step_g: the sensor's resolution;
    speed: factor on the machine's shaft speed.
    developing: the machine is healthy until fault_at_s (default: 40 % of the run), then the fault grows over
    growth_s (default: 30 % of the run) from a fiftieth to `severity`, by the same factor each second, as spalls do.
    Deterministic: the same arguments give the same samples.
    """
    _check(fault, seconds, rate_hz, severity)
    if fault == "bearing":
        kind = _BEARING_FAULTS[int(np.random.default_rng([machine.seed, _number(machine), 2]).integers(3))]
    else:
        kind = fault
    rng = np.random.default_rng([machine.seed, _number(machine), 3, session, FAULTS.index(kind)])
    samples = round(seconds * rate_hz)
    t = np.arange(samples) / rate_hz
    load, angle = _operation(machine, rng, session, samples, rate_hz, speed)
    grade = _severity(t, seconds, severity, developing, fault_at_s, growth_s)
    if developing and fault_at_s is None:
        fault_at_s = 0.4 * seconds

    body = shaft(machine, rng, angle, rate_hz)
    body += background(machine, rng, load, t, angle, rate_hz)
    if kind == "unbalance":
        body += _unbalance(rng, angle, rate_hz, grade)
    elif kind == "misalignment":
        body += _misalignment(rng, angle, rate_hz, grade)
    elif kind in _BEARING_FAULTS:
        body += impacts(machine, rng, kind, angle, t, rate_hz, load * grade)

    body[:, 2] += STANDARD_GRAVITY
    remount = np.random.default_rng([machine.seed, _number(machine), 4, session]).normal(0.0, 0.02, 3)
    data = accelerometer(body, np.asarray(machine.mount) + remount, rng, rate_hz, noise_ug, step_g)
    return Recording(
        data, rate_hz, label=fault, machine=machine.name,
        session=f"{machine.name}_s{session + 1}",
        sensor=about(noise_ug, step_g),
        placement="bearing housing: x horizontal, y axial, z vertical",
        source=f"auscult generate, seed {machine.seed}", licence="CC0-1.0",
        fault_at_s=fault_at_s if developing and fault != "normal" else None,
        name=f"{machine.name}_s{session + 1}_{fault}",
    )


def _check(fault: str, seconds: float, rate_hz: float, severity: float) -> None:
    if fault not in FAULTS:
        raise AuscultError(f"the fault {fault!r}", f"one of {', '.join(FAULTS)}",
                           "list faults separated by commas, without spaces")
    if not (math.isfinite(rate_hz) and 200 <= rate_hz <= 100_000):
        raise AuscultError(f"a sample rate of {rate_hz:g} Hz", "200 to 100000 Hz", "for an ADXL345 give 1600")
    if not (math.isfinite(seconds) and 0.1 <= seconds <= 3600):
        raise AuscultError(f"{seconds:g} seconds", "0.1 to 3600", "give for example --seconds 20")
    if not (math.isfinite(severity) and severity >= 0):
        raise AuscultError(f"a severity of {severity:g}", "0 (none) or more", "give for example 1")


def _number(machine: Machine) -> int:
    return int(machine.name.rsplit("_", 1)[1])


def _operation(machine: Machine, rng: np.random.Generator, session: int, samples: int, rate_hz: float,
               speed: float) -> tuple[float, np.ndarray]:
    """Load factor of the session and shaft angle in rad: another speed each day that also drifts a little."""
    day = np.random.default_rng([machine.seed, _number(machine), 6, session])
    load = float(day.uniform(0.75, 1.25))
    shaft_hz = machine.shaft_hz * speed * (1 - 0.015 * (load - 1) + day.normal(0, 0.01))  # slip grows with load
    points = max(2, round(samples / rate_hz) + 2)  # one a second
    drift = np.cumsum(rng.normal(0, 0.001, points))
    hz = shaft_hz * (1 + np.interp(np.arange(samples) / rate_hz, np.arange(points), drift - drift.mean()))
    return load, rng.uniform(0, 2 * math.pi) + 2 * math.pi * np.cumsum(hz) / rate_hz


def _severity(t: np.ndarray, seconds: float, severity: float, developing: bool, fault_at_s: float | None,
              growth_s: float | None) -> np.ndarray:
    if not developing:
        return np.full(len(t), severity)
    start = 0.4 * seconds if fault_at_s is None else fault_at_s
    growth = 0.3 * seconds if growth_s is None else growth_s
    if not (0 <= start < seconds and growth > 0):
        raise AuscultError(f"a fault at {start:g} s that grows over {growth:g} s", f"within the run of {seconds:g} s",
                           "begin it earlier or make the run longer")
    progress = np.clip((t - start) / growth, 0, 1)
    return np.where(t < start, 0.0, severity * 50.0 ** (progress - 1))


def _to_acceleration(mm_s: float, hz: float) -> float:
    """Peak acceleration in m/s² of a sine with this RMS velocity: a = √2 · 2π f · v."""
    return math.sqrt(2) * 2 * math.pi * hz * mm_s * 1e-3


def _mean_hz(angle: np.ndarray, rate_hz: float) -> float:
    return float((angle[-1] - angle[0]) / (2 * math.pi * (len(angle) - 1)) * rate_hz)


def shaft(machine: Machine, rng: np.random.Generator, angle: np.ndarray, rate_hz: float) -> np.ndarray:
    """Shaft harmonics of the healthy machine: residual unbalance and the small distortions that give 2x, 3x, ..."""
    hz = _mean_hz(angle, rate_hz)
    body = np.zeros((len(angle), 3))
    for order, share in enumerate((1.0, *machine.harmonics), start=1):
        if order * hz > 0.45 * rate_hz:
            break
        # The same velocity means more acceleration at higher orders, so the shares are of acceleration.
        amplitude = _to_acceleration(machine.base_mm_s, hz) * share
        for axis, weight in enumerate((1.0, 0.3, 0.7)):
            body[:, axis] += amplitude * weight * np.cos(order * angle + rng.uniform(0, 2 * math.pi))
    return body


def _unbalance(rng: np.random.Generator, angle: np.ndarray, rate_hz: float, grade: np.ndarray) -> np.ndarray:
    """Once per revolution, radial, x and z a quarter turn apart; the force grows with speed² (m e ω²; ISO 13373-3).

    Severity 1 is 7 mm/s RMS at 25 Hz: zone D of ISO 20816-3 for medium machines.
    """
    hz = _mean_hz(angle, rate_hz)
    amplitude = _to_acceleration(7.0, 25.0) * (hz / 25.0) ** 2
    phase = rng.uniform(0, 2 * math.pi)
    waves = [np.cos(angle + phase), 0.1 * np.cos(angle + phase), 0.8 * np.sin(angle + phase)]
    return np.asarray(amplitude * grade[:, None] * np.stack(waves, axis=1))


def _misalignment(rng: np.random.Generator, angle: np.ndarray, rate_hz: float, grade: np.ndarray) -> np.ndarray:
    """Twice per revolution, strongly axial, with some 1x and 3x (ISO 13373-3); severity 1 is 5 mm/s RMS axial."""
    hz = _mean_hz(angle, rate_hz)
    body = np.zeros((len(angle), 3))
    for order, share in ((1, 0.35), (2, 1.0), (3, 0.3)):
        amplitude = _to_acceleration(5.0, order * hz) * share
        for axis, weight in enumerate((0.5, 1.0, 0.4)):
            body[:, axis] += amplitude * weight * np.cos(order * angle + rng.uniform(0, 2 * math.pi))
    return np.asarray(body * grade[:, None])


def background(machine: Machine, rng: np.random.Generator, load: float, t: np.ndarray, angle: np.ndarray,
                rate_hz: float) -> np.ndarray:
    """Broad noise through the housing's resonances, the motor's hum at twice the mains, and a gear mesh if any."""
    body = np.zeros((len(t), 3))
    for axis in range(3):
        noise = rng.normal(0, 1, len(t))
        ringing = sum(_resonate(noise, hz, machine.damping * 3, rate_hz) for hz in machine.resonance_hz)
        coloured = ringing / max(float(np.std(ringing)), 1e-12) + 0.5 * rng.normal(0, 1, len(t))
        body[:, axis] += machine.rumble * math.sqrt(load) * coloured * (1.0, 0.8, 0.9)[axis]
    hum_hz = 2 * machine.mains_hz
    if hum_hz < 0.45 * rate_hz:
        hum = _to_acceleration(machine.hum_mm_s, hum_hz) * np.cos(2 * math.pi * hum_hz * t)
        body += hum[:, None] * np.array([0.8, 0.2, 1.0])
    mesh_hz = machine.gear_teeth * _mean_hz(angle, rate_hz)
    if 0 < mesh_hz < 0.45 * rate_hz:
        mesh = (1 + 0.2 * np.cos(angle)) * np.cos(machine.gear_teeth * angle + rng.uniform(0, 2 * math.pi))
        body += (0.4 * load * mesh)[:, None] * np.array([0.7, 0.6, 1.0])
    return body


def _resonate(noise: np.ndarray, hz: float, damping: float, rate_hz: float) -> np.ndarray:
    """Noise through a single mode of vibration, in the frequency domain: |H| = 1 / |1 - r² + 2jζr|, r = f / f0."""
    ratio = np.fft.rfftfreq(len(noise), 1 / rate_hz) / hz
    response = ratio**2 / (1 - ratio**2 + 2j * damping * ratio)  # acceleration for a force: no response at rest
    return np.asarray(np.fft.irfft(np.fft.rfft(noise) * response, len(noise)))


def _run(machine: int, session: int, label: str, *, seconds: float, rate_hz: float, seed: int) -> Recording:
    """One recording of a dataset: the severity of each is drawn from 0.5 to 1.2."""
    severity = float(np.random.default_rng([seed, machine, 5, session, FAULTS.index(label)]).uniform(0.5, 1.2))
    return machine_run(make_machine(machine, seed, rate_hz), label, seconds=seconds, rate_hz=rate_hz, severity=severity,
                       session=session)


def _play(machine: int, session: int, *, rate_hz: float, seed: int) -> Recording:
    """A bearing fault that grows."""
    return machine_run(make_machine(machine, seed, rate_hz), "bearing", seconds=40.0, rate_hz=rate_hz, developing=True,
                       fault_at_s=15.0, growth_s=10.0, session=session)


PROCESS = Process("rotating", "machine", FAULTS, DEFAULT_FAULTS, DEFAULT_RATE_HZ, (200.0, 100_000.0), 20.0, 4, 2, _run, _play)
