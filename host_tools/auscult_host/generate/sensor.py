# SPDX-License-Identifier: Apache-2.0
"""What an accelerometer makes of an acceleration: turned by its mounting, noisy, in steps."""

import math

import numpy as np

from ..recordings import STANDARD_GRAVITY

NOISE_UG = 300.0  # µg/√Hz: about that of an ADXL345
STEP_G = 1 / 256  # the ADXL345's in full resolution (data sheet, table 1: 3.9 mg)


def accelerometer(body: np.ndarray, angles: np.ndarray, rng: np.random.Generator, rate_hz: float,
                  noise_ug: float = NOISE_UG, step_g: float = STEP_G) -> np.ndarray:
    """float32[n, 3] in m/s² from the acceleration of the body [n, 3], gravity included; angles: of the mounting in rad."""
    sensed = body @ rotation(angles).T
    sensed += rng.normal(0.0, noise_ug * 1e-6 * STANDARD_GRAVITY * math.sqrt(rate_hz / 2), sensed.shape)
    step = step_g * STANDARD_GRAVITY
    return np.asarray(np.rint(sensed / step) * step, np.float32)


def about(noise_ug: float = NOISE_UG, step_g: float = STEP_G) -> str:
    return f"simulated, {noise_ug:g} ug/sqrt(Hz), steps of {1000 * step_g:.3g} mg"


def rotation(angles: np.ndarray) -> np.ndarray:
    """Rotation matrix about x, then y, then z, angles in rad."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)
