# SPDX-License-Identifier: Apache-2.0
"""Builds expressions: folds constants, and knows between which bounds a value is."""

from collections.abc import Callable

from .layout import INT, Int, Pointer, Type, unit
from .tree import Binary, Cast, Choice, Compare, Const, Expr, Load, Local, Logic, Step, Unary, View, children, integer, target

_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def quotient(a: int, b: int) -> int:
    """a / b as in C, towards 0."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "&": lambda a, b: a & b,
    "|": lambda a, b: a | b, "^": lambda a, b: a ^ b, "<<": lambda a, b: a << b, ">>": lambda a, b: a >> b,
    "/": quotient, "%": lambda a, b: a - b * quotient(a, b)}


def binary(op: str, left: Expr, right: Expr, kind: Int) -> Expr:
    if isinstance(left, Const) and isinstance(right, Const) and not (op in "/%" and right.value == 0):
        return Const(kind.wrap(_ARITHMETIC[op](left.value, right.value)), kind)
    if isinstance(right, Const):
        if (right.value == 0 and op in ("+", "-", "|", "^", "<<", ">>")) or (right.value == 1 and op in ("*", "/")):
            return left
        if right.value == 0 and op == "*":
            return Const(0, kind)
        if right.value < 0 and op in "+-" and right.value > kind.lowest:
            return binary("-" if op == "+" else "+", left, Const(-right.value, kind), kind)
        if op == ">>" and right.value == 16 and _word_of(left):
            return cast(_part(left, Int(16, kind.signed), 1), kind)
        if op in "/%" and right.value > 0 and right.value & right.value - 1 == 0 and bounds(left)[0] >= 0:
            if op == "%":
                return binary("&", left, Const(right.value - 1, kind), kind)
            return binary(">>", left, Const(right.value.bit_length() - 1), kind)
        if op in "+-" and isinstance(left, Binary) and left.op in "+-" and isinstance(left.right, Const) and kind.signed:
            total = (left.right.value if left.op == "+" else -left.right.value) + (right.value if op == "+" else -right.value)
            return binary("+", left.left, Const(total, kind), kind)
    if isinstance(left, Const) and left.value == 0 and op in ("+", "|", "^"):
        return right
    return Binary(op, left, right, kind)


def unary(op: str, operand: Expr, kind: Int) -> Expr:
    if isinstance(operand, Const):
        return Const(kind.wrap(-operand.value if op == "-" else ~operand.value), kind)
    return Unary(op, operand, kind)


def compare(op: str, left: Expr, right: Expr) -> Expr:
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(int(_COMPARE[op](left.value, right.value)))
    return Compare(op, left, right)


def truth(e: Expr) -> Expr:
    """A condition: != 0 where it is none yet."""
    if isinstance(e, (Compare, Logic)):
        return e
    return compare("!=", e, Const(0, e.type))


def negated(e: Expr) -> Expr:
    e = truth(e)
    if isinstance(e, Const):
        return Const(int(not e.value))
    if isinstance(e, Logic):
        return Logic("or" if e.op == "and" else "and", negated(e.left), negated(e.right))
    assert isinstance(e, Compare)
    return Compare(_OPPOSITE[e.op], e.left, e.right)


def cast(e: Expr, kind: Type) -> Expr:
    """C's conversion; what is no number becomes a pointer to something else."""
    if e.type == kind:
        return e
    if isinstance(kind, Pointer):
        if isinstance(e, Const):
            return Const(e.value, kind)
        return View(e, kind)
    assert isinstance(kind, Int)
    if isinstance(e, Const):
        return Const(kind.wrap(e.value), kind)
    if (isinstance(e, Load) and kind.bits == integer(e).bits) or (kind.bits == 16 and _word_of(e)):
        return _part(e, kind, 0)
    return Cast(e, kind)


def _word_of(e: Expr) -> bool:
    """Whether this is a word in memory, of either sign: its halves can be read by themselves, the low one first."""
    return isinstance(e, Load) and integer(e).bits == 32


def _part(e: Expr, kind: Int, index: int) -> Expr:
    assert isinstance(e, Load)
    return Load(step(cast(e.at, Pointer(kind)), Const(index), kind.bits // 8), kind)


def step(base: Expr, index: Expr, size: int, kind: Pointer | None = None) -> Expr:
    result = kind or base.type
    index = cast(index, INT) if integer(index).bits < 64 else index
    if isinstance(base, Step) and base.bytes == size and unit(target(base.base)) == unit(target(base)):
        return step(base.base, binary("+", base.index, index, INT), size, result)  # type: ignore[arg-type]
    if isinstance(index, Const) and index.value == 0:
        return cast(base, result)
    return Step(base, index, size, result)


def member(base: Expr, offset: int, kind: Type) -> Expr:
    """The address of a struct's member."""
    to = Pointer(kind)
    at = cast(base, to)
    size = unit(kind)
    return step(at, Const(offset // size), size, to) if offset else at


def bounds(e: Expr) -> tuple[int, int]:
    """Smallest and largest value."""
    kind = e.type
    if isinstance(e, Const):
        return e.value, e.value
    if not isinstance(kind, Int):
        return 0, (1 << 32) - 1
    low, high = kind.lowest, kind.highest
    if isinstance(e, (Compare, Logic)):
        return 0, 1
    if isinstance(e, Cast) and isinstance(e.operand.type, Int):
        inner = bounds(e.operand)
        return inner if low <= inner[0] and inner[1] <= high else (low, high)
    if isinstance(e, Choice):
        a, b = bounds(e.then), bounds(e.other)
        return min(a[0], b[0]), max(a[1], b[1])
    found = exact_bounds(e)
    if found is None or found[0] < low or found[1] > high:
        return (low, high) if found is None or not kind.signed else (max(low, found[0]), min(high, found[1]))
    return found


def exact_bounds(e: Expr) -> tuple[int, int] | None:
    """The bounds of an operation's result before it is fitted into its type; None if nothing is known."""
    if isinstance(e, Unary):
        a, b = bounds(e.operand)
        return (-b, -a) if e.op == "-" else (~b, ~a)
    if not isinstance(e, Binary):
        return None
    (a, b), (c, d) = bounds(e.left), bounds(e.right)
    if e.op == "+":
        return a + c, b + d
    if e.op == "-":
        return a - d, b - c
    if e.op == "*":
        corners = (a * c, a * d, b * c, b * d)
        return min(corners), max(corners)
    if e.op == "&" and (a >= 0 or c >= 0):
        return 0, min(x for x, least in ((b, a), (d, c)) if least >= 0)
    if e.op in "|^" and a >= 0 and c >= 0:
        return 0, (1 << max(b.bit_length(), d.bit_length())) - 1
    if e.op == ">>" and c >= 0:
        d = min(d, 64)
        return min(a >> c, a >> d), max(b >> c, b >> d)
    if e.op == "<<" and c >= 0 and d < 64:
        return min(a << c, a << d), max(b << c, b << d)
    if e.op == "/" and a >= 0 and c > 0:
        return a // d, b // c
    if e.op == "%" and a >= 0 and c > 0:
        return 0, min(b, d - 1)
    return None


def reads(e: Expr) -> tuple[set[str], bool]:
    """The variables that an expression looks at, and whether it looks into memory."""
    if isinstance(e, Local):
        return {e.name}, False
    names, memory = set(), isinstance(e, Load)
    for child in children(e):
        more, too = reads(child)
        names |= more
        memory |= too
    return names, memory
