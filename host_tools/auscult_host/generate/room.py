# SPDX-License-Identifier: Apache-2.0
"""Temperature and humidity of a heated room over days: an office, or a greenhouse, which the sun heats more.

One thermal mass with heat through the shell, from the sun, from people and from a radiator with a thermostat that is set back
at night; the moisture of the air comes with outdoor air and from people or plants. Sources:

- EN ISO 52016-1 (2017), the hourly method: a room's heat balance from transmission, ventilation, solar and internal gains.
- Alduchov & Eskridge, Improved Magnus form approximation of saturation vapor pressure, J. Appl. Meteorol. 35 (1996) 601-609.
- VDI 2078: a person at a desk gives off about 70 W and 50 g of water an hour.

Anomalies: the radiator's valve stuck open; a window left open; a leak that wets the floor.
"""

import math

import numpy as np

from ..recordings import Recording
from .process import Process

LABELS = ("normal", "valve_stuck", "window_open", "leak")
RATE_HZ = 1 / 300
AXES = ("temperature", "humidity")  # °C, % relative humidity
UNIT = "mixed"
_STEP_S = 60.0


def saturation_g_m3(celsius: float) -> float:
    """Water vapour that saturated air holds, g/m³ (Alduchov & Eskridge, eq. 21, and the gas law)."""
    return 610.94 * math.exp(17.625 * celsius / (celsius + 243.04)) / (0.4615 * (celsius + 273.15))


def days(machine: int, session: int, label: str, *, seconds: float, rate_hz: float, seed: int,
         fault_at_s: float | None = None, salt: int = 0) -> np.ndarray:
    """float32[n, 2] of AXES; the anomaly begins at fault_at_s."""
    built = np.random.default_rng([seed, machine, 70])
    shell, sun = built.uniform(0.8e-5, 1.4e-5), built.uniform(0.5e-4, 1.6e-4)  # 1/s; °C/s at noon
    people, radiator = built.uniform(2e-5, 5e-5), built.uniform(3.5e-4, 5e-4)  # °C/s
    day_c, night_c = built.uniform(20.5, 22), built.uniform(17, 18.5)
    fresh, water = built.uniform(6e-5, 1.2e-4), built.uniform(0.8e-4, 1.8e-4)  # changes of air per s; g/m³s by day
    rng = np.random.default_rng([seed, machine, 71, session, LABELS.index(label), salt])
    outdoor_c, weather, clouds = rng.uniform(4, 14), 0.0, rng.uniform(0.2, 0.8)
    fault_at = math.inf if fault_at_s is None or label == "normal" else fault_at_s
    clock = rng.uniform(0, 86400)
    inside, vapour, valve = 20.0, 8.0, 0.3
    steps = math.ceil(seconds / _STEP_S) + 1
    settle = round(86400 / _STEP_S)  # a day before anything is recorded: the beginning does not show
    states = np.empty((steps, 2))
    for i in range(-settle, steps):
        now = i * _STEP_S
        hour = (clock + now) / 3600 % 24
        weather += -weather * _STEP_S / 40000 + rng.normal(0, 0.06)
        clouds = min(1.0, max(0.0, clouds + rng.normal(0, 0.03)))
        outside = outdoor_c + weather + 4 * math.sin(2 * math.pi * (hour - 9) / 24)
        here = 8 <= hour < 18
        wanted = day_c if 6 <= hour < 19 else night_c
        valve += (min(1.0, max(0.0, 0.6 * (wanted - inside) + 0.25)) - valve) * _STEP_S / 900
        broken = now >= fault_at
        if label == "valve_stuck" and broken:
            valve = 1.0
        exchange = fresh * (1.8 if here else 1.0) + (8e-4 if label == "window_open" and broken else 0.0)
        gain = sun * (1 - 0.8 * clouds) * max(0.0, math.sin(math.pi * (hour - 7) / 11)) if 7 < hour < 18 else 0.0
        # fresh air cools the air, which the walls warm again: a twentieth of the exchange counts for the room as a whole
        inside += ((shell + 0.05 * exchange) * (outside - inside) + radiator * valve + gain + people * here) * _STEP_S
        source = water * (1.0 if here else 0.15) + (9e-4 if label == "leak" and broken else 0.0)
        vapour += (exchange * (0.75 * saturation_g_m3(outside) - vapour) + source) * _STEP_S
        vapour = min(vapour, 0.97 * saturation_g_m3(inside))
        if i >= 0:
            states[i] = inside, 100 * vapour / saturation_g_m3(inside)
    at, grid = np.arange(round(seconds * rate_hz)) / rate_hz, np.arange(steps) * _STEP_S
    data = np.stack([np.interp(at, grid, states[:, 0]), np.interp(at, grid, states[:, 1])], axis=1)
    data += rng.normal(0, [0.03, 0.2], data.shape)
    return np.asarray(np.clip(data, [-40, 0], [85, 100]), np.float32)


def _run(machine: int, session: int, label: str, *, seconds: float, rate_hz: float, seed: int) -> Recording:
    fault_at_s = None
    if label != "normal":
        fault_at_s = seconds * float(np.random.default_rng([seed, machine, 72, session]).uniform(0.5, 0.6))
    data = days(machine, session, label, seconds=seconds, rate_hz=rate_hz, seed=seed, fault_at_s=fault_at_s)
    return _recording(data, rate_hz, machine, session, label, seed, fault_at_s)


def _play(machine: int, session: int, *, rate_hz: float, seed: int) -> Recording:
    """Three days; a leak begins after two."""
    data = days(machine, session, "leak", seconds=3 * 86400.0, rate_hz=rate_hz, seed=seed, fault_at_s=2 * 86400.0, salt=1)
    return _recording(data, rate_hz, machine, session, "leak", seed, 2 * 86400.0)


def _recording(data: np.ndarray, rate_hz: float, machine: int, session: int, label: str, seed: int,
               fault_at_s: float | None) -> Recording:
    return Recording(data, rate_hz, axes=AXES, unit=UNIT, label=label, machine=f"room_{machine + 1}",
                     session=f"room_{machine + 1}_s{session + 1}", sensor="simulated SHT4x",
                     placement="inner wall, 1.5 m above the floor", source=f"auscult generate, seed {seed}",
                     licence="CC0-1.0", fault_at_s=fault_at_s, name=f"room_{machine + 1}_s{session + 1}_{label}")


PROCESS = Process("room", "room", LABELS, LABELS, RATE_HZ, (1 / 900, 1 / 30), 3 * 86400.0, 4, 2, _run, _play)
