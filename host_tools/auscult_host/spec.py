# SPDX-License-Identifier: Apache-2.0
"""What a pipeline is: everything that decides its bits, in one validated record."""

import keyword
import re

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from . import features as table
from .errors import AuscultError

MIN_WINDOW, MAX_WINDOW = 64, 4096


def check_identifier(name: str, what: str) -> str:
    """A name that becomes a file, a module and a C symbol."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or keyword.iskeyword(name):
        raise AuscultError(f"{what} {name!r} is not an identifier", "letters, digits and _ only, not starting with a digit",
                           f"try {re.sub(r'[^A-Za-z0-9_]+', '_', name).strip('_') or 'pipeline'!r}")
    return name


class PipelineSpec(BaseModel):
    """Windowing, axes, features and classes of one pipeline.

    window and hop in samples; rate_hz the sensor's nominal rate; full_scale the acceleration in m/s^2 of 32768 LSB;
    shifts: the model's input i is feature i >> shifts[i], saturated to int16.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = "pipeline"
    window: int = Field(512, ge=MIN_WINDOW, le=MAX_WINDOW)
    hop: int = Field(512, ge=1, le=1 << 20)
    axes: list[str] = Field(["x", "y", "z"], min_length=1, max_length=8)
    rate_hz: float = Field(1600.0, gt=0)
    full_scale: float = Field(16 * 9.80665, gt=0)
    features: list[str] = Field(min_length=1, max_length=255)
    shifts: list[int] = []
    classes: list[str] = []
    rate_tolerance: float = Field(0.05, gt=0, lt=1)

    @field_validator("name")
    @classmethod
    def _identifier(cls, name: str) -> str:
        return check_identifier(name, "pipeline name")

    @model_validator(mode="after")
    def _consistent(self) -> "PipelineSpec":
        if len(set(self.axes)) != len(self.axes):
            raise AuscultError(f"axes {self.axes}", "each axis once")
        if len(set(self.features)) != len(self.features):
            twice = sorted({f for f in self.features if self.features.count(f) > 1})
            raise AuscultError(f"features named twice: {', '.join(twice)}", "each feature once")
        parsed = self.parsed()
        counts = {f.bands for f in parsed if f.bands}
        if len(counts) > 1:
            raise AuscultError(f"bands of {sorted(counts)} in one pipeline", "one number of bands")
        if counts and max(counts) * 4 > self.nfft // 2:
            raise AuscultError(f"{max(counts)} bands of a window of {self.window} samples",
                               f"at most {self.nfft // 8} bands (4 bins each)")
        if self.shifts and len(self.shifts) != len(self.features):
            raise AuscultError(f"{len(self.shifts)} shifts for {len(self.features)} features", "one for each")
        return self

    def parsed(self) -> list[table.Feature]:
        return [table.parse(name, self.axes) for name in self.features]

    @property
    def nfft(self) -> int:
        """FFT length: the next power of two."""
        return 1 << (self.window - 1).bit_length()

    @classmethod
    def make(cls, **values: object) -> "PipelineSpec":
        """As the constructor, with an AuscultError that names the field instead of pydantic's report."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "pipeline"
            raise AuscultError(f"{where} = {first.get('input')!r}", first["msg"]) from error
