# SPDX-License-Identifier: Apache-2.0
"""64-bit numbers in viper code: two words each, the low one first."""

from .addresses import words
from .fold import bounds
from .source import unsupported
from .text import ATOM, NOT, Text, within
from .tree import Binary, Cast, Choice, Compare, Const, Expr, Load, Local, Unary, integer
from .words import Words


class Wide(Words):
    def wide(self, e: Expr) -> tuple[str, str]:
        """Both words, as ints, in variables or constants."""
        if isinstance(e, Const):
            return self.word(e.value & 0xffffffff), self.word(e.value >> 32 & 0xffffffff)
        if isinstance(e, Local):
            return f"{e.name}__l", f"{e.name}__h"
        if isinstance(e, Load):
            at, offset = self.near(e.at)
            low, high = self.temporary(), self.temporary()
            self.add(f"{low} = {self.element(32, at, offset)}")
            self.add(f"{high} = {self.element(32, at, offset + 4)}")
            return low, high
        if isinstance(e, Cast):
            return self.widened(e.operand)
        if isinstance(e, Choice):
            return self.choice_wide(e)
        if isinstance(e, Unary):
            return self.unary_wide(e)
        assert isinstance(e, Binary), e
        if e.op in ("<<", ">>"):
            return self.shift(e)
        a, b = self.wide(e.left), self.wide(e.right)
        if e.op == "*":
            return self.product(a, b)
        if e.op in "+-":
            return self.sum(e.op, a, b)
        if e.op in "&|^":
            return self.atom(((f"{a[0]} {e.op} {b[0]}", 0), False)), self.atom(((f"{a[1]} {e.op} {b[1]}", 0), False))
        raise self.unsupported(e)

    def unsupported(self, e: Expr) -> Exception:
        name = self.of.name if self.of else ""
        return unsupported(f"a 64-bit {getattr(e, 'op', type(e).__name__)} in {name}")

    def word(self, value: int) -> str:
        return self.atom((self.constant(value), False))

    def widened(self, e: Expr) -> tuple[str, str]:
        """A number of any size as one of 64 bits."""
        if words(e.type) == 2:
            return self.wide(e)
        low = self.atom(self.value(e))
        if bounds(e)[0] >= 0:
            return low, "0"
        high = self.temporary()
        self.add(f"{high} = {low} >> 31")
        return low, high

    def choice_wide(self, e: Choice) -> tuple[str, str]:
        low, high = self.temporary(), self.temporary()
        self.add(f"if {self.condition(e.condition)[0]}:")
        for i, branch in enumerate((e.then, e.other)):
            self.depth += 1
            a, b = self.wide(branch)
            self.add(f"{low} = {a}")
            self.add(f"{high} = {b}")
            self.depth -= 1
            if not i:
                self.add("else:")
        return low, high

    def unary_wide(self, e: Unary) -> tuple[str, str]:
        a, b = self.wide(e.operand)
        low, high = self.temporary(), self.temporary()
        self.add(f"{low} = 0 - {a}" if e.op == "-" else f"{low} = {a} ^ -1")
        self.add(f"{high} = {b} ^ -1")
        if e.op == "-":
            self.add(f"if not {low}:")
            self.add(f" {high} = {high} + 1")
        return low, high

    def sum(self, op: str, a: tuple[str, str], b: tuple[str, str]) -> tuple[str, str]:
        low, high = self.temporary(), self.temporary()
        self.add(f"{low} = {a[0]} {op} {b[0]}")
        self.add(f"{high} = {a[1]} {op} {b[1]}" if b[1] != "0" else f"{high} = {a[1]}")
        self.add(f"if uint({low}) < uint({a[0]}):" if op == "+" else f"if uint({a[0]}) < uint({b[0]}):")
        self.add(f" {high} = {high} {op} 1")
        return low, high

    def product(self, a: tuple[str, str], b: tuple[str, str]) -> tuple[str, str]:
        """By pieces of 16 bits; what is above 64 bits does not matter."""
        al, bl = (self.in_variable(x[0]) for x in (a, b))
        low, high, m, t = (self.temporary() for _ in range(4))
        self.add(f"{m} = int(uint(({al} & 65535) * ({bl} & 65535)) >> 16) + int(uint({al}) >> 16) * ({bl} & 65535)")
        self.add(f"{t} = ({al} & 65535) * int(uint({bl}) >> 16) + ({m} & 65535)")
        self.add(f"{high} = int(uint({al}) >> 16) * int(uint({bl}) >> 16) + int(uint({m}) >> 16) + int(uint({t}) >> 16)")
        for x, y in ((a[1], b[0]), (b[1], a[0])):
            if x != "0":
                self.add(f"{high} = {high} + {x} * {y}")
        self.add(f"{low} = {al} * {bl}")
        return low, high

    def in_variable(self, text: str) -> str:
        if text.isidentifier():
            return text
        kept = self.temporary()
        self.add(f"{kept} = {text}")
        return kept

    def shift(self, e: Binary) -> tuple[str, str]:
        a = self.wide(e.left)
        left, signed = e.op == "<<", integer(e).signed
        fill = f"{a[1]} >> 31" if signed and not left else "0"
        if isinstance(e.right, Const):
            return self.shift_by(a, left, signed, fill, e.right.value)
        by = self.wide(e.right)[0] if words(e.right.type) == 2 else self.atom(self.value(e.right))
        low, high = self.temporary(), self.temporary()
        self.add(f"if {by} > 31:")
        self._moved(low, high, left, fill, f"{a[0]} << {by} - 32" if left else self._right(a[1], f"({by} - 32)", signed))
        self.add(f"elif {by}:")
        self.add(f" {low} = {a[0]} << {by}" if left else f" {low} = int(uint({a[0]}) >> {by}) | {a[1]} << 32 - {by}")
        self.add(f" {high} = {a[1]} << {by} | int(uint({a[0]}) >> 32 - {by})" if left else
                 f" {high} = {self._right(a[1], by, signed)}")
        self.add("else:")
        self.add(f" {low} = {a[0]}")
        self.add(f" {high} = {a[1]}")
        return low, high

    def shift_by(self, a: tuple[str, str], left: bool, signed: bool, fill: str, by: int) -> tuple[str, str]:
        if by == 0:
            return a
        if by >= 32:
            moved = a[0] if left else a[1]
            if by > 32:
                moved = self.atom(((f"{a[0]} << {by - 32}" if left else self._right(a[1], str(by - 32), signed), 0), False))
            rest = fill if fill == "0" else self.atom(((fill, 0), False))
            return (rest, moved) if left else (moved, rest)
        low, high = self.temporary(), self.temporary()
        if left:
            self.add(f"{low} = {a[0]} << {by}")
            self.add(f"{high} = {a[1]} << {by} | int(uint({a[0]}) >> {32 - by})")
        else:
            self.add(f"{low} = int(uint({a[0]}) >> {by}) | {a[1]} << {32 - by}")
            self.add(f"{high} = {self._right(a[1], str(by), signed)}")
        return low, high

    def _right(self, word: str, by: str, signed: bool) -> str:
        return f"{word} >> {by}" if signed else f"int(uint({word}) >> {by})"

    def _moved(self, low: str, high: str, left: bool, fill: str, moved: str) -> None:
        self.add(f" {low} = {'0' if left else moved}")
        self.add(f" {high} = {moved if left else fill}")

    def compare_wide(self, e: Compare) -> Text:
        a, b = self.wide(e.left), self.wide(e.right)
        if e.op in ("==", "!="):
            test = f"({a[0]} ^ {b[0]}) | ({a[1]} ^ {b[1]})"
            if b == ("0", "0"):
                test = f"{a[0]} | {a[1]}"
            return (f"({test})", ATOM) if e.op == "!=" else (f"not ({test})", NOT)
        kept = self.temporary()
        kind = integer(e.left)
        if e.op in (">", "<="):  # a > b: b < a
            a, b = b, a
        self.add(f"if {a[1]} == {b[1]}:")
        self.add(f" {kept} = int(uint({a[0]}) < uint({b[0]}))")
        self.add("else:")
        self.add(f" {kept} = int({a[1]} < {b[1]})" if kind.signed else f" {kept} = int(uint({a[1]}) < uint({b[1]}))")
        return (kept, ATOM) if e.op in ("<", ">") else (f"not {within((kept, ATOM), NOT)}", NOT)
