# SPDX-License-Identifier: Apache-2.0
"""The strokes of a blanking press, good and bad, as an accelerometer on its tool holder hears them.

A stroke: the punch meets the sheet (a short blow), the sheet yields while the force rises, breaks, and the frame, until then
bent by the force, snaps back and rings; then the stripper pushes the sheet off. Axes: z along the stroke. What makes the
defects differ follows

- Lange, Handbook of Metal Forming (1985), ch. 24: the blanking force is sheared length · thickness · strength, so two sheets
  take twice the force and break later; with no sheet there is neither blow nor break, only the ram's own motion.
- Hambli, Blanking tool wear modeling using the finite element method, Int. J. Mach. Tools Manuf. 41 (2001) 1815-1829: a
  worn edge cuts later and tears rather than breaks: the force falls off more slowly, so the frame snaps back softly, with
  more friction on the way.
"""

import math

import numpy as np

from ..recordings import STANDARD_GRAVITY, Recording
from .process import Process
from .sensor import about, accelerometer

LABELS = ("normal", "no_part", "double_part", "worn_tool")
RATE_HZ = 1600.0
STROKE_S = 2.0  # from one stroke to the next, on average
# blow and snap-back in m/s², when the break comes (s after the blow), how sudden it is (s), friction in m/s²
_KINDS = {"normal": (25.0, 70.0, 0.040, 0.0008, 1.5), "no_part": (9.0, 0.0, 0.040, 0.0008, 0.6),
          "double_part": (32.0, 120.0, 0.062, 0.0010, 2.0), "worn_tool": (25.0, 34.0, 0.049, 0.0030, 4.0)}


def strokes(machine: int, session: int, kinds: list[str], rate_hz: float, seed: int,
            salt: int = 0) -> tuple[np.ndarray, list[float]]:
    """float32[n, 3] of one stroke of each kind in turn, and the moments (s) at which the punches meet the sheet."""
    built = np.random.default_rng([seed, machine, 50])
    modes_hz, damping = built.uniform([180, 390], [260, 560]), built.uniform(0.04, 0.07)
    gain, mount = built.uniform(0.85, 1.15), built.normal(0.0, 0.08, 3)
    day = np.random.default_rng([seed, machine, 51, session])
    mount, thickness = mount + day.normal(0.0, 0.02, 3), day.uniform(0.95, 1.05)
    rng = np.random.default_rng([seed, machine, 52, session, salt])
    starts = 0.6 + np.cumsum(rng.uniform(0.9, 1.1, len(kinds)) * STROKE_S) - STROKE_S
    t = np.arange(round((starts[-1] + STROKE_S) * rate_hz)) / rate_hz
    body = np.zeros((len(t), 3))
    body += rng.normal(0, 0.08, body.shape)  # flywheel, pump
    body[:, 2] += 0.15 * np.sin(2 * math.pi * 24.5 * t + rng.uniform(0, 6))
    for start, kind in zip(starts, kinds, strict=True):
        blow, snap, late, sudden, friction = _KINDS[kind]
        late, scatter = late * thickness, rng.normal(1.0, 0.06, 4)
        _ring(body, rate_hz, start, blow * gain * scatter[0], modes_hz, damping * 1.6, 0.0006)
        if snap:
            _ring(body, rate_hz, start + late * scatter[1], -snap * gain * thickness * scatter[2], modes_hz, damping, sudden)
        part = slice(round(start * rate_hz), round((start + late * scatter[1] + 0.02) * rate_hz))
        cutting = friction * scatter[3] * np.clip((t[part] - start) / (late * scatter[1]), 0, 1)
        body[part] += cutting[:, None] * rng.normal(0, 1, body[part].shape) * np.array([0.6, 0.6, 1.0])
        _ring(body, rate_hz, start + 0.21, 6.0 * gain * scatter[0], modes_hz, damping * 2, 0.002)  # the stripper
    body[:, 2] += STANDARD_GRAVITY
    return accelerometer(body, mount, rng, rate_hz), starts.tolist()


def _ring(body: np.ndarray, rate_hz: float, at_s: float, height: float, modes_hz: np.ndarray, damping: float,
          sudden_s: float) -> None:
    """Adds decaying oscillations of the frame's modes after a force that changes within sudden_s: the slower, the less a
    mode is excited, as the spectrum of a ramp says, |sin(πfT) / (πfT)|."""
    first = math.ceil(at_s * rate_hz)
    part = body[first:first + round(0.2 * rate_hz)]
    since = (first + np.arange(len(part))) / rate_hz - at_s
    for hz, share in zip(modes_hz, (1.0, 0.7), strict=True):
        omega = 2 * math.pi * float(hz)
        swing = height * share * abs(np.sinc(float(hz) * sudden_s)) * np.exp(-damping * omega * since) * np.sin(omega * since)
        part += swing[:, None] * np.array([0.35, 0.25, 1.0])


def _run(machine: int, session: int, label: str, *, seconds: float, rate_hz: float, seed: int) -> Recording:
    count = max(1, round(seconds / STROKE_S))
    data, _ = strokes(machine, session, [label] * count, rate_hz, seed, LABELS.index(label))
    return _recording(data, rate_hz, machine, session, label, seed)


def _play(machine: int, session: int, *, rate_hz: float, seed: int) -> Recording:
    """Six good strokes, then two each without a part, with two parts and with a worn tool, and two good ones in between."""
    kinds = ["normal"] * 6
    for bad in LABELS[1:]:
        kinds += [bad] * 2 + ["normal"] * 2
    data, _ = strokes(machine, session, kinds, rate_hz, seed, 99)
    return _recording(data, rate_hz, machine, session, "", seed)


def _recording(data: np.ndarray, rate_hz: float, machine: int, session: int, label: str, seed: int) -> Recording:
    return Recording(data, rate_hz, label=label, machine=f"press_{machine + 1}", session=f"press_{machine + 1}_s{session + 1}",
                     sensor=about(), placement="tool holder: z along the stroke", source=f"auscult generate, seed {seed}",
                     licence="CC0-1.0", name=f"press_{machine + 1}_s{session + 1}_{label or 'strokes'}")


PROCESS = Process("press", "press", LABELS, LABELS, RATE_HZ, (800.0, 20_000.0), 40.0, 4, 2, _run, _play)
