# SPDX-License-Identifier: Apache-2.0
"""The trigger of a pipeline that judges cycles: what begins a window."""

from pydantic import BaseModel, ConfigDict, Field


class Trigger(BaseModel):
    """A window begins `pre` samples before the first one that is further than `level` (in the recordings' unit) from the
    mean of the `pre` samples before it. The next can begin `hop` samples later: the pipeline's hop is the hold-off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    axis: str = "x"
    level: float = Field(gt=0)
    pre: int = Field(32, ge=4, le=2048)
