# SPDX-License-Identifier: Apache-2.0
"""Values of 32 bits and less in viper code, and conditions."""

from .addresses import Addresses, Typed, unsigned_word, words
from .fold import bounds
from .layout import INT, Int, Pointer
from .source import unsupported
from .text import AND, ATOM, COMPARE, NOT, OR, SHIFT, SIGN, SUM, Text, number, operation, within
from .tree import Binary, Cast, Choice, Compare, Const, Expr, Frame, Load, Local, Logic, Step, Table, Unary, View, integer


class Words(Addresses):
    def wide(self, e: Expr) -> tuple[str, str]:
        """A number of 64 bits."""
        raise NotImplementedError

    def compare_wide(self, e: Compare) -> Text:
        raise NotImplementedError

    def any(self, e: Expr) -> Text:
        """A word, whatever its sign."""
        while isinstance(e, Cast) and isinstance(e.operand.type, Int) and integer(e).bits == e.operand.type.bits == 32:
            e = e.operand
        return self.value(e)[0]

    def value(self, e: Expr) -> Typed:
        if words(e.type) == 2:
            raise unsupported(f"64 bits where a word should be, in {self.of.name if self.of else ''}")
        if isinstance(e, Const):
            return self.constant(e.value), False
        if isinstance(e, Local):
            return (e.name, ATOM), unsigned_word(e.type)
        if isinstance(e, (Frame, Table, View, Step)):
            return self.pointer(e), False
        if isinstance(e, Load):
            return self.load(e)
        if isinstance(e, Choice):
            return self.choice(e)
        if isinstance(e, (Compare, Logic)):
            if isinstance(e, Compare) and words(e.left.type) == 1:
                return (f"int({self.condition(e, False)[0]})", ATOM), False
            return self.choice(Choice(e, Const(1), Const(0), INT))
        if isinstance(e, Cast):
            return self.cast(e)
        if isinstance(e, Unary):
            unsigned = unsigned_word(e.type)
            return (f"{e.op}{within(self.typed(self.value(e.operand), unsigned), SIGN)}", SIGN), unsigned
        return self.binary(e)

    def binary(self, e: Binary) -> Typed:
        unsigned = unsigned_word(e.type)
        if e.op in "/%":
            return self.divide(e), unsigned
        if e.op == ">>" and isinstance(e.left.type, Int) and words(e.left.type) == 1:
            by = (self.wide(e.right)[0], ATOM) if words(e.right.type) == 2 else self.any(e.right)
            return operation(">>", self.typed(self.value(e.left), unsigned), by), unsigned
        return operation(e.op, self.typed(self.value(e.left), unsigned), self.any(e.right)), unsigned

    def divide(self, e: Binary) -> Text:
        """Only what is positive on both sides divides as in C."""
        if not (bounds(e.left)[0] >= 0 and bounds(e.right)[0] >= 0):
            return self.divide_signed(e)
        a, b = self.atom(self.value(e.left)), self.atom(self.value(e.right))
        q = self.temporary()
        if bounds(e.left)[1] < 1 << 31 and bounds(e.right)[1] < 1 << 31:
            self.add(f"{q} = {a} // {b}")
        else:
            self.add(f"if {b} < 0:")
            self.add(f" {q} = int(uint({a}) >= uint({b}))")
            self.add("else:")
            self.add(f" {q} = int(uint({a}) >> 1) // {b} << 1")
            self.add(f" if uint({a} - {q} * {b}) >= uint({b}):")
            self.add(f"  {q} = {q} + 1")
        text = q if e.op == "/" else f"{a} - {q} * {b}"
        return (f"uint({text})", ATOM) if unsigned_word(e.type) else (text, ATOM if e.op == "/" else SUM)

    def divide_signed(self, e: Binary) -> Text:
        a, b, q = self.atom(self.value(e.left)), self.atom(self.value(e.right)), self.temporary()
        self.add(f"if ({a} ^ {b}) < 0:")
        self.add(f" {q} = 0 - (0 - {a}) // {b}")
        self.add("else:")
        self.add(f" {q} = {a} // {b}")
        return (q, ATOM) if e.op == "/" else (f"{a} - {q} * {b}", SUM)

    def load(self, e: Load) -> Typed:
        kind = integer(e)
        text = self.element(kind.bits, *self.place(e.at))
        if kind.bits == 32:
            return ((text, ATOM), False) if kind.signed else ((f"uint({text})", ATOM), True)
        if kind.signed:
            return (f"{text} << {32 - kind.bits} >> {32 - kind.bits}", SHIFT), False
        return (text, ATOM), False

    def choice(self, e: Choice) -> Typed:
        unsigned = unsigned_word(e.type)
        kept = self.temporary()
        self.add(f"if {self.condition(e.condition)[0]}:")
        for i, branch in enumerate((e.then, e.other)):
            self.depth += 1
            self.add(f"{kept} = {self.typed(self.value(branch), False)[0]}")
            self.depth -= 1
            if not i:
                self.add("else:")
        return ((f"uint({kept})", ATOM), True) if unsigned else ((kept, ATOM), False)

    def cast(self, e: Cast) -> Typed:
        kind, operand = integer(e), e.operand
        if isinstance(operand.type, Pointer):
            return (f"uint({self.pointer(operand)[0]})", ATOM), True
        inner = integer(operand)
        value = ((self.wide(operand)[0], ATOM), False) if inner.bits == 64 else self.value(operand)
        low, high = bounds(operand)
        if kind.bits == 32 or (low >= kind.lowest and high <= kind.highest):
            unsigned = unsigned_word(kind)
            return self.typed(value, unsigned), unsigned
        if not kind.signed:
            return operation("&", self.typed(value, False), number((1 << kind.bits) - 1)), False
        by = number(32 - kind.bits)
        return operation(">>", operation("<<", self.typed(value, False), by), by), False

    def condition(self, e: Expr, bare: bool = True) -> Text:
        """bare: a number that is not 0 will do as well."""
        if isinstance(e, Logic):
            return self.logic(e)
        if not isinstance(e, Compare):
            return self.any(e)
        if words(e.left.type) == 2:
            return self.compare_wide(e)
        zero = isinstance(e.right, Const) and e.right.value == 0
        if zero and bare and e.op in ("==", "!="):
            left = self.any(e.left)
            return (f"not {within(left, NOT)}", NOT) if e.op == "==" else left
        unsigned = unsigned_word(e.left.type) or isinstance(e.left.type, Pointer)
        if unsigned and (e.op in ("==", "!=") or all(bounds(x)[1] < 1 << 31 for x in (e.left, e.right))) and not isinstance(
                e.left.type, Pointer):
            unsigned = False
        left, right = (self.typed(self.value(x), unsigned) for x in (e.left, e.right))
        return f"{within(left, COMPARE + 1)} {e.op} {within(right, COMPARE + 1)}", COMPARE

    def logic(self, e: Logic) -> Text:
        binding = AND if e.op == "and" else OR
        left = self.condition(e.left)
        mark = len(self.lines)
        temporaries = self.temporaries
        right = self.condition(e.right)
        if len(self.lines) == mark:
            return f"{within(left, binding)} {e.op} {within(right, binding)}", binding
        del self.lines[mark:]
        self.temporaries = temporaries
        kept = self.temporary()
        self.add(f"{kept} = {int(e.op == 'or')}")
        self.add(f"if {left[0]}:" if e.op == "and" else f"if not {within(left, NOT)}:")
        self.depth += 1
        right = self.condition(e.right)
        self.add(f"if {right[0]}:" if e.op == "and" else f"if not {within(right, NOT)}:")
        self.add(f" {kept} = {int(e.op == 'and')}")
        self.depth -= 1
        return kept, ATOM
