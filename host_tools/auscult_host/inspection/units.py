# SPDX-License-Identifier: Apache-2.0
"""Values that fit another unit than the one that is written beside them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..recordings import STANDARD_GRAVITY, Recording
from .finding import Finding

if TYPE_CHECKING:
    from .groups import Facts

# what a sensor at rest shows (m/s²) if its numbers are in another unit than was said, and what to say instead
_GRAVITY = (("g", 1.0, "the numbers are g"), ("mg", 1000.0, "the numbers are mg"),
            ("m/s2", STANDARD_GRAVITY ** 2, "the numbers were multiplied by 9.80665 twice"))
_WITHIN = 0.08
_ODD_LEVEL = 6.0  # in robust standard deviations of the logarithm, and at least eight times as large or as small


def wrong_unit(path: Path, recording: Recording) -> list[Finding]:
    """Gravity that is not 9.8 m/s², and temperatures that can only be Fahrenheit or kelvin."""
    mean = recording.data.astype(np.float64).mean(axis=0)
    if recording.unit == "m/s2" and len(recording.axes) == 3:
        level, swing = float(np.linalg.norm(mean)), float(np.linalg.norm(recording.data.std(axis=0)))
        for unit, gravity, why in _GRAVITY:
            if abs(level / gravity - 1) < _WITHIN and swing < 3 * gravity and (unit != "g" or swing < 0.5):
                how = f"--unit {unit}" if unit != "m/s2" else f"--scale {1 / STANDARD_GRAVITY:.6f}"
                return [Finding("unit", path, f"the mean acceleration is {level:.4g} m/s², where a sensor at rest shows 9.81: "
                                f"{why}", f"auscult edit {path} {how}", grave=True)]
    if recording.unit == "degC":
        level = float(recording.data[:, 0].mean())
        for unit, low, high, name in (("degF", 50.0, 130.0, "Fahrenheit"), ("K", 230.0, 350.0, "kelvin")):
            if low < level < high and float(recording.data[:, 0].max()) < 1.6 * high and (unit == "K" or level > 58):
                return [Finding("unit", path, f"the mean temperature is {level:.1f} °C; it may be {name}",
                                f"auscult edit {path} --unit {unit}", axis=recording.axes[0])]
    return []


def odd_level(facts: "list[Facts]") -> list[Finding]:
    """Recordings that are many times louder or quieter than all others of their label: another range, unit or gain."""
    found = []
    for label in sorted({fact.label for fact in facts}):
        same = [fact for fact in facts if fact.label == label and fact.swing > 0]
        if len(same) < 5:
            continue
        logs = np.log([fact.swing for fact in same])
        centre = float(np.median(logs))
        spread = max(1.4826 * float(np.median(np.abs(logs - centre))), 0.1)
        for fact, value in zip(same, logs.tolist(), strict=True):
            if abs(value - centre) > _ODD_LEVEL * spread and abs(value - centre) > np.log(8):
                times = float(np.exp(abs(value - centre)))
                found.append(Finding(
                    "unit", fact.path, f"it is {times:.3g} times {'louder' if value > centre else 'quieter'} than the other "
                    f"recordings of {label or 'no label'}: another unit, range or gain?",
                    f"auscult edit {fact.path} --scale {times if value < centre else 1 / times:.4g}, or --drop"))
    return found
