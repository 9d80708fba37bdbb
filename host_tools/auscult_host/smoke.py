# SPDX-License-Identifier: Apache-2.0
"""The smoke test that goes with a pipeline (firmware/auscult/smoke.py): what the PC's build makes of it."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import device
from .hostlib import HostPipeline
from .spec import PipelineSpec

if TYPE_CHECKING:
    from .estimators import ModelCode

SEED = 1
_AMPLITUDES = (8192, 32767)  # the loud one for a trigger that the usual one does not reach


def facts(spec: PipelineSpec, model: "ModelCode | None" = None) -> dict[str, Any]:
    """{"seed", "amplitude", "blocks", "out"}: all output words of the first window, through the C that ships; "out" is empty
    where no window comes."""
    shared = device.module("smoke")
    pipeline = HostPipeline(spec, model)
    most = math.ceil((spec.window + 8 * spec.hop) / shared.SAMPLES) + 2
    for amplitude in _AMPLITUDES:
        noise = np.array(shared.block(SEED, amplitude, len(spec.axes)), np.int16).reshape(-1, len(spec.axes))
        pipeline.reset()
        for count in range(1, most + 1):
            out = pipeline.first_words(noise)
            if out:
                return {"seed": SEED, "amplitude": amplitude, "blocks": count, "out": out}
    return {"seed": SEED, "amplitude": _AMPLITUDES[-1], "blocks": min(most, 4), "out": []}
