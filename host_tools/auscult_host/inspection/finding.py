# SPDX-License-Identifier: Apache-2.0
"""One thing that is wrong, with what is needed to draw it and the command that mends it."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclasses.dataclass
class Finding:
    """kind: one word or two; path: the recording; text: what was found, in one sentence; mend: the command that mends it;
    grave: a model trained on it would be wrong; axis, from_s, to_s: where (None: all of it); other: a second recording that
    belongs to it; curve: (title, x label, x, y, marks on x) where a plain stretch of the signal would not show it."""

    kind: str
    path: Path
    text: str
    mend: str
    grave: bool = False
    axis: str | None = None
    from_s: float | None = None
    to_s: float | None = None
    other: Path | None = None
    curve: "Curve | None" = None
    picture: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {"kind": self.kind, "grave": self.grave, "recording": self.path.stem, "axis": self.axis, "from_s": self.from_s,
                "to_s": self.to_s, "found": self.text, "other": self.other.stem if self.other else None, "mend": self.mend,
                "picture": str(self.picture) if self.picture else None}


@dataclasses.dataclass
class Curve:
    """y over x, or a heat map where y has two dimensions; marks: (place on x, text)."""

    title: str
    x_label: str
    y_label: str
    x: NDArray[Any] | list[str]
    y: NDArray[Any]
    marks: list[tuple[float, str]] = dataclasses.field(default_factory=list)
    rows: list[str] = dataclasses.field(default_factory=list)


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(start, end) of each stretch of True, end excluded."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
