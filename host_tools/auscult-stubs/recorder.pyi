# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import Any

from auscult.sampler import Sampler

class Frames:
    """Where the sampler's blocks go, in place of a pipeline."""

    axes: tuple[str, ...]
    samples: int
    sampler: Sampler | None
    def __init__(self, write: Callable[[bytes], object]) -> None: ...
    def mark(self) -> None: ...
    def push(self, block: memoryview, on_verdict: Any = None) -> None: ...

def main(settings: dict[str, Any], samples: int, source: Any = None, write: Callable[[bytes], object] | None = None) -> None: ...
