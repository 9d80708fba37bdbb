# SPDX-License-Identifier: Apache-2.0
"""The decision of k of n on the host: the very one that ships (firmware/auscult/decision.py), set up as the node does."""

from typing import Any

from . import device
from .errors import AuscultError

NORMAL = "normal"
MAX_N = 254  # windows; the device counts them in bytes


def settings(k: int = 3, n: int = 5) -> dict[str, Any]:
    """The `decision` section of the node's configuration: k of the last n verdicts raise a state, one or none ends it.

    Raises AuscultError unless 1 <= k <= n <= 254."""
    if not 1 <= k <= n <= MAX_N:
        raise AuscultError(f"a decision by {k} of {n}", f"1 <= k <= n <= {MAX_N}", "for example --k 3 --n 5")
    return {"normal": NORMAL, "k": k, "n": n, "k_off": min(k - 1, 1)}


def decision(classes: list[str], k: int = 3, n: int = 5) -> Any:
    """The device's Decision for a pipeline's classes: `update(class index)`, then `state` (-1: undecided)."""
    chosen = settings(k, n)
    normal = classes.index(NORMAL) if NORMAL in classes else -1
    return device.module("decision").Decision(len(classes), normal, k, n, chosen["k_off"])
