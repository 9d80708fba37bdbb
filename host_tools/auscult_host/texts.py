# SPDX-License-Identifier: Apache-2.0
"""Texts as they are given on the command line."""


def listed(text: str | None) -> tuple[str, ...]:
    """'x, y' -> ('x', 'y')"""
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
