# SPDX-License-Identifier: Apache-2.0
"""A cold room for 2 to 8 °C: air temperature and humidity by a thermometer near the door, and the door's switch.

Two thermal masses, the air (with racks) and the goods, exchange heat with each other and through the walls with the hall;
the compressor takes heat out between two temperatures (hysteresis); four times a day it pauses and the evaporator is heated to
defrost; an open door lets warm moist air in. Sources:

- ASHRAE Handbook, Refrigeration, "Refrigerated-Facility Loads": transmission, infiltration by door openings, internal loads.
- Gosney & Olama, Heat and enthalpy gains through cold room doorways, Proc. Inst. Refrig. 72 (1975) 31-41: an open doorway
  exchanges most of a small room's air within minutes.
- WHO Technical Report Series 961 (2011), Annex 9: storage at 2 to 8 °C.

Faults: the door left open; the compressor failing (a twentieth to a quarter of its power is left). Defrosting and people who come
and go are normal.
"""

import math

import numpy as np

from ..recordings import Recording
from .process import Process

LABELS = ("normal", "door_open", "compressor")
RATE_HZ = 1 / 30
AXES = ("temperature", "humidity", "door")  # °C, % relative humidity, 100 open or 0 closed
UNIT = "mixed"
_STEP_S = 10.0
_ON_C, _OFF_C = 5.2, 3.4
_DEFROST_EVERY_S, _DEFROST_S = 6 * 3600.0, 18 * 60.0


def day(machine: int, session: int, label: str, *, seconds: float, rate_hz: float, seed: int,
        fault_at_s: float | None = None, salt: int = 0) -> np.ndarray:
    """float32[n, 3] of AXES; the fault begins at fault_at_s."""
    built = np.random.default_rng([seed, machine, 60])
    # in degrees per second: for each degree of difference, or as it is
    walls, goods, back = built.uniform(2.2e-5, 4e-5), built.uniform(2.5e-4, 4e-4), built.uniform(1.2e-5, 2.2e-5)
    power, doorway = built.uniform(1.4e-3, 2.0e-3), built.uniform(8e-4, 1.3e-3)
    lag_s, dry = built.uniform(60, 150), built.uniform(62, 70)
    rng = np.random.default_rng([seed, machine, 61, session, LABELS.index(label), salt])
    hall_c, clock = rng.uniform(16, 26), rng.uniform(0, 86400)
    left = rng.uniform(0.05, 0.25) if label == "compressor" else 1.0  # of its power
    fault_at = math.inf if fault_at_s is None or label == "normal" else fault_at_s
    steps = math.ceil(seconds / _STEP_S) + 1
    opened = _door(rng, steps, clock, fault_at if label == "door_open" else math.inf)
    air = sensed = rng.uniform(_OFF_C, _ON_C)
    load, moist, on = 4.3, dry, bool(rng.integers(2))
    defrost_at = rng.uniform(0, _DEFROST_EVERY_S)
    states = np.empty((steps, 2))
    for i in range(steps):
        now = i * _STEP_S
        defrosting = (now - defrost_at) % _DEFROST_EVERY_S < _DEFROST_S
        on = not defrosting and (sensed > _ON_C or (on and sensed > _OFF_C))
        hall = hall_c + 2.5 * math.sin(2 * math.pi * (now + clock - 9 * 3600) / 86400)
        change = walls * (hall - air) + goods * (load - air) + (doorway * (hall - air) if opened[i] else 0.0)
        change -= power * (left if now >= fault_at else 1.0) if on else 0.0
        change += 1.1e-3 if defrosting else 0.0  # the heater, and no fan over a cold evaporator
        load += back * (air - load) * _STEP_S
        air += change * _STEP_S
        sensed += (air - sensed) * _STEP_S / lag_s
        # moisture comes by the door and with defrosting; the running evaporator takes it out
        target, per_s = (88.0, 2.5e-3) if opened[i] else (92.0, 8e-4) if defrosting else (dry, 1.2e-3) if on else (dry + 12, 2e-4)
        moist += (target - moist) * per_s * _STEP_S
        states[i] = sensed, moist
    at = np.arange(round(seconds * rate_hz)) / rate_hz
    grid = np.arange(steps) * _STEP_S
    data = np.stack([np.interp(at, grid, states[:, 0]), np.interp(at, grid, states[:, 1]),
                     100.0 * opened[np.minimum((at / _STEP_S).astype(int), steps - 1)]], axis=1)
    data[:, 0] += rng.normal(0, 0.02, len(at))
    data[:, 1] = np.clip(data[:, 1] + rng.normal(0, 0.15, len(at)), 0, 100)
    return np.asarray(data, np.float32)


def _door(rng: np.random.Generator, steps: int, clock: float, stays_open_at: float) -> np.ndarray:
    """bool[steps]: people come about twice an hour by day and seldom at night, and stay for 20 s to 4 minutes."""
    opened = np.zeros(steps, bool)
    i = 0
    while i < steps:
        hour = (clock + i * _STEP_S) / 3600 % 24
        per_hour = 2.2 if 6 <= hour < 20 else 0.25
        i += max(1, round(rng.exponential(3600 / per_hour) / _STEP_S))
        stay = round(min(240.0, max(20.0, rng.lognormal(4.0, 0.7))) / _STEP_S)
        opened[i:i + stay] = True
        i += stay
    if math.isfinite(stays_open_at):
        opened[round(stays_open_at / _STEP_S):] = True
    return opened


def _run(machine: int, session: int, label: str, *, seconds: float, rate_hz: float, seed: int) -> Recording:
    fault_at_s = None
    if label != "normal":
        fault_at_s = seconds * float(np.random.default_rng([seed, machine, 62, session]).uniform(0.3, 0.5))
    data = day(machine, session, label, seconds=seconds, rate_hz=rate_hz, seed=seed, fault_at_s=fault_at_s)
    return _recording(data, rate_hz, machine, session, label, seed, fault_at_s)


def _play(machine: int, session: int, *, rate_hz: float, seed: int) -> Recording:
    """A day; the compressor begins to fail after 14 hours."""
    data = day(machine, session, "compressor", seconds=24 * 3600.0, rate_hz=rate_hz, seed=seed, fault_at_s=14 * 3600.0,
               salt=1)
    return _recording(data, rate_hz, machine, session, "compressor", seed, 14 * 3600.0)


def _recording(data: np.ndarray, rate_hz: float, machine: int, session: int, label: str, seed: int,
               fault_at_s: float | None) -> Recording:
    return Recording(data, rate_hz, axes=AXES, unit=UNIT, label=label, machine=f"store_{machine + 1}",
                     session=f"store_{machine + 1}_s{session + 1}", sensor="simulated SHT4x and door switch",
                     placement="under the ceiling, 1 m from the door", source=f"auscult generate, seed {seed}",
                     licence="CC0-1.0", fault_at_s=fault_at_s, name=f"store_{machine + 1}_s{session + 1}_{label}")


PROCESS = Process("cold_store", "store", LABELS, LABELS, RATE_HZ, (1 / 120, 1.0), 16 * 3600.0, 4, 2, _run, _play)
