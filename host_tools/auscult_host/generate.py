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
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from .errors import AuscultError
from .recordings import STANDARD_GRAVITY, Recording, write_all

FAULTS = ("normal", "unbalance", "misalignment", "inner_race", "outer_race", "ball", "bearing")
DEFAULT_FAULTS = ("normal", "unbalance", "misalignment", "bearing")
_BEARING_FAULTS = ("inner_race", "outer_race", "ball")  # "bearing" is one of these, drawn for each machine
DEFAULT_RATE_HZ = 1600.0  # the ADXL345 at 1600 Hz: half a window of 512 samples is 160 ms


@dataclasses.dataclass(frozen=True)
class Bearing:
    """Geometry of a ball bearing: number of balls, ball and pitch diameter in mm, contact angle in rad."""

    balls: int
    ball_mm: float
    pitch_mm: float
    contact_rad: float = 0.0

    def orders(self) -> dict[str, float]:
        """Fault frequencies per shaft revolution, with a fixed outer ring (Harris, ch. 2):

        FTF = (1 - g) / 2, BPFO = n (1 - g) / 2, BPFI = n (1 + g) / 2, BSF = (1 - g²) D / 2d
        with g = d/D cos(contact angle).
        """
        ratio = self.ball_mm / self.pitch_mm * math.cos(self.contact_rad)
        return {
            "ftf": (1 - ratio) / 2,
            "bpfo": self.balls * (1 - ratio) / 2,
            "bpfi": self.balls * (1 + ratio) / 2,
            "bsf": (1 - ratio * ratio) * self.pitch_mm / (2 * self.ball_mm),
        }


# Deep groove ball bearings of common motors; the first is the one of the CWRU test stand.
BEARINGS = {
    "6205": Bearing(9, 7.94, 39.04),
    "6206": Bearing(9, 9.53, 46.4),
    "6208": Bearing(9, 11.91, 60.0),
    "6310": Bearing(8, 19.05, 80.0),
}


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
    noise_ug: float = 300.0,
    step_g: float = 1 / 256,
    developing: bool = False,
    fault_at_s: float | None = None,
    growth_s: float | None = None,
    speed: float = 1.0,
) -> Recording:
    """One run of a machine.

    fault: one of FAULTS; severity: 0 (none) to 1 (clear) and beyond; session: another day, with another load, speed
    and slightly different mounting; noise_ug: noise density of the sensor in µg/√Hz (about 300 for an ADXL345);
    step_g: the sensor's resolution, by default the ADXL345's in full resolution (data sheet, table 1: 3.9 mg);
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

    body = _shaft(machine, rng, angle, rate_hz)
    body += _background(machine, rng, load, t, angle, rate_hz)
    if kind == "unbalance":
        body += _unbalance(rng, angle, rate_hz, grade)
    elif kind == "misalignment":
        body += _misalignment(rng, angle, rate_hz, grade)
    elif kind in _BEARING_FAULTS:
        body += _bearing_impacts(machine, rng, kind, angle, t, rate_hz, load * grade)

    body[:, 2] += STANDARD_GRAVITY
    remount = np.random.default_rng([machine.seed, _number(machine), 4, session]).normal(0.0, 0.02, 3)
    sensed = body @ _rotation(np.asarray(machine.mount) + remount).T
    sensed += rng.normal(0.0, noise_ug * 1e-6 * STANDARD_GRAVITY * math.sqrt(rate_hz / 2), sensed.shape)
    step = step_g * STANDARD_GRAVITY
    sensed = np.rint(sensed / step) * step
    return Recording(
        sensed.astype(np.float32), rate_hz, label=fault, machine=machine.name,
        session=f"{machine.name}_s{session + 1}",
        sensor=f"simulated, {noise_ug:g} ug/sqrt(Hz), steps of {1000 * step_g:.3g} mg",
        placement="bearing housing: x horizontal, y axial, z vertical",
        source=f"auscult generate, seed {machine.seed}", licence="CC0-1.0",
        fault_at_s=fault_at_s if developing and fault != "normal" else None,
        name=f"{machine.name}_s{session + 1}_{fault}",
    )


def generate(
    out: Path,
    *,
    machines: int = 4,
    sessions: int = 2,
    seconds: float = 20.0,
    faults: Sequence[str] = DEFAULT_FAULTS,
    rate_hz: float = DEFAULT_RATE_HZ,
    seed: int = 1,
) -> list[Path]:
    """Write a dataset: every machine with every fault in every session, one recording each.

    The severity of each recording is drawn from 0.5 to 1.2. Raises AuscultError when the folder already holds other
    recordings, which would silently become part of the dataset.
    """
    for name, number in (("machines", machines), ("sessions", sessions)):
        if number < 1:
            raise AuscultError(f"{number} {name}", "at least 1", f"give for example --{name} 4")
    if not faults:
        raise AuscultError("no faults", f"at least one of {', '.join(FAULTS)}", "give for example --faults normal")
    for fault in faults:
        _check(fault, seconds, rate_hz, 1.0)
    plan = [(m, s, fault) for m in range(machines) for s in range(sessions) for fault in dict.fromkeys(faults)]
    names = {f"machine_{m + 1}_s{s + 1}_{fault}.parquet" for m, s, fault in plan}
    strangers = sorted(p.name for p in Path(out).glob("*.parquet") if p.name not in names and p.name[0] != ".")
    if strangers:
        raise AuscultError(f"{out} already holds other recordings ({strangers[0]}, {len(strangers)} in all)",
                           "an empty or a new folder", "choose another folder, or delete the old recordings")

    def runs() -> Iterator[Recording]:
        for m, s, fault in plan:
            severity = float(np.random.default_rng([seed, m, 5, s, FAULTS.index(fault)]).uniform(0.5, 1.2))
            yield machine_run(make_machine(m, seed, rate_hz), fault, seconds=seconds, rate_hz=rate_hz,
                              severity=severity, session=s)

    return write_all(runs(), Path(out))


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


def _shaft(machine: Machine, rng: np.random.Generator, angle: np.ndarray, rate_hz: float) -> np.ndarray:
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


def _background(machine: Machine, rng: np.random.Generator, load: float, t: np.ndarray, angle: np.ndarray,
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


def _bearing_impacts(machine: Machine, rng: np.random.Generator, kind: str, angle: np.ndarray, t: np.ndarray,
                     rate_hz: float, strength: np.ndarray) -> np.ndarray:
    """Impacts of a local defect, each a decaying resonance.

    One impact each 1/BPFO, 1/BPFI or 1/(2 BSF) of a revolution (a defect on a ball strikes both races), the steps
    varying by 1.5 % because of slip (Randall & Antoni, sec. 2). A defect on the inner race turns through the load
    zone with the shaft, one on a ball with the cage; both are modulated by the load distribution
    (McFadden & Smith; Harris, ch. 7): q(θ) = q0 (1 - (1 - cos θ) / 2ε)^1.5.
    """
    orders = BEARINGS[machine.bearing].orders()
    per_turn = {"inner_race": orders["bpfi"], "outer_race": orders["bpfo"], "ball": 2 * orders["bsf"]}[kind]
    step = 2 * math.pi / per_turn
    count = int((angle[-1] - angle[0]) / step * 1.1) + 8
    at_angle = angle[0] + np.cumsum(step * (1 + rng.normal(0, 0.015, count)))
    at_angle = at_angle[at_angle < angle[-1]]
    at = np.interp(at_angle, angle, t)
    height = 1 + rng.normal(0, 0.1, len(at))
    if kind == "inner_race":
        height *= _load_zone(at_angle)
    elif kind == "ball":
        height *= _load_zone(orders["ftf"] * at_angle)
    height *= machine.impact * np.interp(at, t, strength)
    body = np.zeros((len(t), 3))
    for hz, share in zip(machine.resonance_hz, (1.0, 0.6), strict=True):
        ringing = _ring(at, height * share, hz, machine.damping, rate_hz, len(t))
        body += ringing[:, None] * np.array([0.9, 0.35, 1.0])
    return body


def _load_zone(theta: np.ndarray, spread: float = 0.4) -> np.ndarray:
    """Share of the load at an angle from the load's direction; 0 outside of the load zone."""
    return np.asarray(np.clip(1 - (1 - np.cos(theta)) / (2 * spread), 0, None) ** 1.5)


def _ring(at_s: np.ndarray, height: np.ndarray, hz: float, damping: float, rate_hz: float, samples: int) -> np.ndarray:
    """Sum of decaying sines height · exp(-ζωt) sin(ω√(1-ζ²) t), each beginning at its own moment between samples.

    Each comes with the contact's own short pulse, of the opposite area: a housing that is struck is not pushed away,
    so the mean of the acceleration stays as it was.
    """
    omega = 2 * math.pi * hz
    length = min(samples, int(7 / (damping * omega) * rate_hz) + 1)  # e^-7: a thousandth is left
    first = np.ceil(at_s * rate_hz).astype(np.int64)
    index = first[:, None] + np.arange(length)
    since = index / rate_hz - at_s[:, None]
    wave = height[:, None] * np.exp(-damping * omega * since) * np.sin(omega * math.sqrt(1 - damping**2) * since)
    inside = index < samples
    ringing = np.bincount(index[inside], weights=wave[inside], minlength=samples)
    pulse = -height / omega * rate_hz * math.sqrt(1 - damping**2)
    late = first - at_s * rate_hz  # share of the pulse that falls on the sample before
    pulses = np.bincount(first, weights=pulse * (1 - late), minlength=samples + 1)
    pulses += np.bincount(np.maximum(first - 1, 0), weights=pulse * late, minlength=samples + 1)
    return np.asarray(ringing + pulses[:samples])


def _resonate(noise: np.ndarray, hz: float, damping: float, rate_hz: float) -> np.ndarray:
    """Noise through a single mode of vibration, in the frequency domain: |H| = 1 / |1 - r² + 2jζr|, r = f / f0."""
    ratio = np.fft.rfftfreq(len(noise), 1 / rate_hz) / hz
    response = ratio**2 / (1 - ratio**2 + 2j * damping * ratio)  # acceleration for a force: no response at rest
    return np.asarray(np.fft.irfft(np.fft.rfft(noise) * response, len(noise)))


def _rotation(angles: np.ndarray) -> np.ndarray:
    """Rotation matrix about x, then y, then z, angles in rad."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)
