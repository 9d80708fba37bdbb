# SPDX-License-Identifier: Apache-2.0
"""Times as people write them: `10 s`, `250ms`, `1.5 h`."""

SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
TIME = r"\d+(?:\.\d+)?\s*(?:ms|s|min|h|d)?"  # for regular expressions, without a group


def seconds(text: str) -> float:
    """What a match of TIME says; a number alone is in seconds."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    return float(number) * SECONDS[text[len(number):].strip() or "s"]


def shown(value: float) -> str:
    """In the unit that a person would take."""
    if value < 120:
        return f"{value:.4g} s"
    return f"{value / 60:.4g} min" if value < 7200 else f"{value / 3600:.4g} h"
