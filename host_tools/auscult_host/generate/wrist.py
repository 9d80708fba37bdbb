# SPDX-License-Identifier: Apache-2.0
"""The wrist of a person who rests, walks, runs, climbs stairs or handles things: what a worn accelerometer feels.

Axes of the wrist: x along the forearm to the hand, y across, z out of the back of the hand. Sources:

- Zijlstra & Hof, Assessment of spatio-temporal gait parameters from trunk accelerations, Gait & Posture 18 (2003) 1-10: the
  trunk moves up and down once a step, like an inverted pendulum.
- Cavanagh & Lafortune, Ground reaction forces in distance running, J. Biomech. 13 (1980) 397-406: peaks of two to three
  times the body's weight, and a phase of flight.
- Pontzer et al., Control and function of arm swing in human walking and running, J. Exp. Biol. 212 (2009) 523-534: the arm
  swings once a stride (two steps), driven by the trunk.
- Riener, Rabuffetti & Frigo, Stair ascent and descent at different inclinations, Gait & Posture 15 (2002) 32-44: slower steps
  than on the level, and higher vertical forces.

Every person has an own cadence, strength of swing, posture and way of wearing the sensor.
"""

import math

import numpy as np

from ..recordings import STANDARD_GRAVITY, Recording
from .process import Process
from .sensor import about, accelerometer

LABELS = ("idle", "walking", "running", "stairs", "handling")
RATE_HZ = 50.0
_STORY_S = 20.0
# steps a second, amplitude of the trunk up and down in g, swing of the arm in rad, bend of the elbow in rad
_GAITS = {"walking": (1.85, 0.28, 0.42, 0.25), "running": (2.75, 1.15, 0.55, 1.45), "stairs": (1.5, 0.36, 0.2, 0.35)}


def activity(person: int, session: int, label: str, seconds: float, rate_hz: float, seed: int, salt: int = 0) -> np.ndarray:
    """float32[n, 3] in m/s²."""
    built = np.random.default_rng([seed, person, 80])
    cadence, vigour, swing, posture = built.normal(1, 0.06), built.normal(1, 0.15), built.normal(1, 0.25), built.normal(0, 0.2, 2)
    worn = built.normal(0, [0.25, 0.12, 0.15])  # turned about the forearm most easily
    day = np.random.default_rng([seed, person, 81, session])
    worn = worn + day.normal(0, [0.12, 0.05, 0.06])
    rng = np.random.default_rng([seed, person, 82, session, LABELS.index(label), salt])
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    if label in _GAITS:
        body = _gait(rng, t, *_GAITS[label], cadence * day.normal(1, 0.02), vigour, max(0.3, swing), posture[0])
    elif label == "idle":
        roll = posture[1] + math.pi / 2 * rng.uniform(0, 1)
        body = _down(posture[0] + _wander(rng, t, 0.03, 20), roll + _wander(rng, t, 0.03, 20))
        body += rng.normal(0, 0.02, body.shape)
    else:
        body = _down(0.9 + posture[0] + _wander(rng, t, 0.55, 1.1), posture[1] + _wander(rng, t, 0.6, 1.3))
        reach = np.stack([_wander(rng, t, 1.6 * vigour, 0.25) for _ in range(3)], axis=1)
        body += reach * (_wander(rng, t, 1.0, 2.0) > -0.4)[:, None]  # now and then the hand pauses
    return accelerometer(body, worn, rng, rate_hz)


def _gait(rng: np.random.Generator, t: np.ndarray, steps_hz: float, bounce_g: float, swing_rad: float, elbow_rad: float,
          cadence: float, vigour: float, swing: float, posture: float) -> np.ndarray:
    phase = 2 * math.pi * np.cumsum(steps_hz * cadence * (1 + _wander(rng, t, 0.03, 3))) * (t[1] - t[0]) + rng.uniform(0, 6)
    strength = vigour * (1 + _wander(rng, t, 0.1, 2))
    # up and down once a step; the harmonics make it steep at the heel's strike, weaker to the wrist
    vertical = sum(share * np.cos(k * phase + rng.uniform(-0.4, 0.4)) for k, share in ((1, 1.0), (2, 0.45), (3, 0.2)))
    angle = swing_rad * swing * np.cos(phase / 2 + rng.uniform(0, 6))  # of the arm, once a stride
    body = _down(elbow_rad + posture + angle, _wander(rng, t, 0.06, 3))
    along = _down(elbow_rad + posture + angle, np.zeros(len(t))) / STANDARD_GRAVITY
    body += along * (bounce_g * STANDARD_GRAVITY * strength * vertical)[:, None]
    # the hand on its way round the shoulder, 0.6 m: angular acceleration across, centripetal along the arm
    omega = np.gradient(angle, t)
    body[:, 1] += 0.6 * np.gradient(omega, t)
    body[:, 0] -= 0.6 * omega**2
    return body + rng.normal(0, 0.25 * bounce_g * STANDARD_GRAVITY * 0.3, body.shape)


def _down(pitch: np.ndarray | float, roll: np.ndarray) -> np.ndarray:
    """What rest feels like, m/s²: gravity's reaction in the wrist's axes. pitch 0: the arm hangs, x points down."""
    pitch = np.broadcast_to(pitch, roll.shape)
    return -STANDARD_GRAVITY * np.stack([np.cos(pitch), np.sin(pitch) * np.sin(roll), -np.sin(pitch) * np.cos(roll)], axis=1)


def _wander(rng: np.random.Generator, t: np.ndarray, spread: float, seconds: float) -> np.ndarray:
    """Smooth random motion with this standard deviation, which changes within about so many seconds: filtered noise."""
    step = t[1] - t[0]
    noise = np.fft.rfft(rng.normal(0, 1, len(t)))
    smooth = np.fft.irfft(noise * np.exp(-0.5 * (np.fft.rfftfreq(len(t), step) * seconds * 2) ** 2), len(t))
    return np.asarray(spread * smooth / max(float(smooth.std()), 1e-9))


def _run(machine: int, session: int, label: str, *, seconds: float, rate_hz: float, seed: int) -> Recording:
    return _recording(activity(machine, session, label, seconds, rate_hz, seed), rate_hz, machine, session, label, seed)


def _play(machine: int, session: int, *, rate_hz: float, seed: int) -> Recording:
    """Each activity for 20 s, one after the other."""
    parts = [activity(machine, session, label, _STORY_S, rate_hz, seed, 1) for label in LABELS]
    return _recording(np.concatenate(parts), rate_hz, machine, session, "", seed)


def _recording(data: np.ndarray, rate_hz: float, person: int, session: int, label: str, seed: int) -> Recording:
    return Recording(data, rate_hz, label=label, machine=f"person_{person + 1}", session=f"person_{person + 1}_s{session + 1}",
                     sensor=about(), placement="wrist: x along the forearm, z out of the back of the hand",
                     source=f"auscult generate, seed {seed}", licence="CC0-1.0",
                     name=f"person_{person + 1}_s{session + 1}_{label or 'activities'}")


PROCESS = Process("wrist", "person", LABELS, LABELS, RATE_HZ, (20.0, 400.0), 40.0, 6, 1, _run, _play)
