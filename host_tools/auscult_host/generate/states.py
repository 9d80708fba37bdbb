# SPDX-License-Identifier: Apache-2.0
"""The operating states of a fan or pump with a variable-speed drive: off, slow, fast, loaded, and the way between them.

Built from the parts of `rotating`; what changes with the speed n follows

- ISO 20816-1 and Newton: a constant unbalance pulls with n², so the vibration velocity of the shaft grows with n.
- the affinity laws of fans and pumps (flow as n, pressure as n²; ASHRAE Handbook, HVAC Systems and Equipment, "Fans"): the
  pressure of the turbulence, and with it the broad noise, grows about as n².
- the slip of an induction motor, which grows with the load (IEC 60034-1); its magnetic hum grows with the current.

A machine that stands still still feels its neighbours through the floor.
"""

import dataclasses
import math

import numpy as np

from ..recordings import STANDARD_GRAVITY, Recording
from .process import Process
from .rotating import background, make_machine, shaft
from .sensor import about, accelerometer

# speed as a share of the nominal one, load
STATES = {"off": (0.0, 0.0), "slow": (0.45, 0.6), "fast": (1.0, 0.8), "loaded": (0.96, 1.7)}
LABELS = (*STATES, "ramp")
RATE_HZ = 400.0
_STORY = ("off", "slow", "fast", "loaded", "slow", "off")  # what is played
_HOLD_S, _RAMP_S = 12.0, 3.0


def sensed(index: int, session: int, speed: np.ndarray, load: np.ndarray, rate_hz: float, seed: int, salt: int) -> np.ndarray:
    """Acceleration as sensed, float32[n, 3], of machine `index` that runs with these speeds and loads (arrays [n])."""
    built = make_machine(index, seed, rate_hz)
    day = np.random.default_rng([seed, index, 40, session])
    rng = np.random.default_rng([seed, index, 41, session, salt])
    t = np.arange(len(speed)) / rate_hz
    drift = 1 + 0.01 * day.normal() + 0.002 * np.sin(2 * math.pi * t / 7 + day.uniform(0, 6))
    hz = built.shaft_hz * speed * drift * (1 - 0.02 * (load - 0.8))
    angle = 2 * math.pi * (day.uniform() + np.cumsum(hz) / rate_hz)
    on = np.clip(20 * speed, 0, 1)  # the drive's current
    body = np.zeros((len(t), 3))
    if speed.any():
        nominal = dataclasses.replace(built, hum_mm_s=0.0, gear_teeth=0, rumble=built.rumble * 0.6)
        # shaft gives a velocity that is the same at every speed, as an acceleration at the mean one
        body += shaft(nominal, rng, angle, rate_hz) * (speed**2 / speed.mean())[:, None]
        body += background(nominal, rng, 1.0, t, angle, rate_hz) * (speed**2 * np.sqrt(load))[:, None]
        if built.gear_teeth:  # as far as the sensor's own filter lets it through
            passed = built.gear_teeth * hz < 0.45 * rate_hz
            mesh = 0.4 * load * speed**2 * passed * (1 + 0.2 * np.cos(angle)) * np.cos(built.gear_teeth * angle)
            body += mesh[:, None] * np.array([0.7, 0.6, 1.0])
        body += (0.12 * on * load * np.cos(2 * math.pi * 2 * built.mains_hz * t))[:, None] * np.array([0.8, 0.2, 1.0])
    floor = np.sin(2 * math.pi * day.uniform(8, 20) * t + day.uniform(0, 6)) * day.uniform(0.005, 0.02)
    body += floor[:, None] * np.array([0.3, 0.3, 1.0])
    body[:, 2] += STANDARD_GRAVITY
    return accelerometer(body, np.asarray(built.mount) + day.normal(0.0, 0.02, 3), rng, rate_hz)


def _ramp(count: int, start: float, end: float) -> np.ndarray:
    """From one value to another without a jerk: half a cosine."""
    return start + (end - start) * (1 - np.cos(np.linspace(0, math.pi, count))) / 2


def _run(machine: int, session: int, label: str, *, seconds: float, rate_hz: float, seed: int) -> Recording:
    samples = round(seconds * rate_hz)
    if label == "ramp":
        up, turn = _ramp(round(_RAMP_S * rate_hz), 0.05, 1.0), np.arange(samples)
        speed = np.concatenate([up, up[::-1]])[turn % (2 * len(up))]
        load = 0.8 * speed
    else:
        speed, load = (np.full(samples, value) for value in STATES[label])
        load = load * np.random.default_rng([seed, machine, 42, session]).uniform(0.9, 1.1)
    data = sensed(machine, session, speed, load, rate_hz, seed, LABELS.index(label))
    return _recording(data, rate_hz, machine, session, label, seed)


def _play(machine: int, session: int, *, rate_hz: float, seed: int) -> Recording:
    """All states one after the other, 12 s each, with ramps of 3 s between them."""
    speed: list[np.ndarray] = []
    load: list[np.ndarray] = []
    before = (0.0, 0.0)
    for state in _STORY:
        for values, last, to in ((speed, before[0], STATES[state][0]), (load, before[1], STATES[state][1])):
            values += [_ramp(round(_RAMP_S * rate_hz), last, to), np.full(round(_HOLD_S * rate_hz), to)]
        before = STATES[state]
    data = sensed(machine, session, np.concatenate(speed), np.concatenate(load), rate_hz, seed, 99)
    made = _recording(data, rate_hz, machine, session, "", seed)
    return dataclasses.replace(made, placement=f"{made.placement}; every {_HOLD_S + _RAMP_S:g} s: {', '.join(_STORY)}")


def _recording(data: np.ndarray, rate_hz: float, index: int, session: int, label: str, seed: int) -> Recording:
    return Recording(data, rate_hz, label=label, machine=f"machine_{index + 1}", session=f"machine_{index + 1}_s{session + 1}",
                     sensor=about(), placement="bearing housing: x horizontal, y axial, z vertical",
                     source=f"auscult generate, seed {seed}", licence="CC0-1.0",
                     name=f"machine_{index + 1}_s{session + 1}_{label or 'states'}")


PROCESS = Process("states", "machine", LABELS, tuple(STATES), RATE_HZ, (200.0, 10_000.0), 20.0, 5, 2, _run, _play)
