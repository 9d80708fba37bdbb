# SPDX-License-Identifier: Apache-2.0
"""Ball bearings: geometry, fault frequencies, and the impacts of a local defect. Sources: see `rotating`."""

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .rotating import Machine


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


def impacts(machine: "Machine", rng: np.random.Generator, kind: str, angle: np.ndarray, t: np.ndarray,
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
