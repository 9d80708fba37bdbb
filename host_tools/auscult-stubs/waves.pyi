# SPDX-License-Identifier: Apache-2.0
from typing import Any

from auscult.node import Node
from auscult.port import Clock

class Waves:
    """Stands in for the pipeline at the node's sampler, passes all on and sends runs of samples."""

    axes: list[str]
    info: dict[str, Any]
    def __init__(self, node: Node, samples: int = 512, every_ms: int = 500, clock: Clock = ...) -> None: ...
    def mark(self) -> None: ...
    def push(self, block: memoryview, on_verdict: Any = None) -> None: ...
