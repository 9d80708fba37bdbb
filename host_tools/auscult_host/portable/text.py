# SPDX-License-Identifier: Apache-2.0
"""Lines of Python, and how strongly its operators bind."""

OR, AND, NOT, COMPARE, BIT_OR, BIT_XOR, BIT_AND, SHIFT, SUM, PRODUCT, SIGN, ATOM = range(1, 13)
BINDING = {"|": BIT_OR, "^": BIT_XOR, "&": BIT_AND, "<<": SHIFT, ">>": SHIFT, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT,
           "//": PRODUCT, "%": PRODUCT}

Text = tuple[str, int]  # an expression, and how strongly its outermost operator binds


def within(text: Text, binding: int) -> str:
    """As an operand of something that binds so strongly."""
    return text[0] if text[1] >= binding else f"({text[0]})"


def operation(op: str, left: Text, right: Text) -> Text:
    binding = BINDING[op]
    return f"{within(left, binding)} {op} {within(right, binding + 1)}", binding


def number(value: int) -> Text:
    return str(value), ATOM if value >= 0 else SIGN


class Lines:
    """Source that grows, one space for each level."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def add(self, line: str) -> None:
        self.lines.append(" " * self.depth + line)
