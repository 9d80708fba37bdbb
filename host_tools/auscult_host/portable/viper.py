# SPDX-License-Identifier: Apache-2.0
"""MicroPython viper code of a translated pipeline. Pointers are addresses; words wrap by themselves. Functions get their
arguments and leave their results in memory behind the state, so that nothing has to become an object."""

from dataclasses import dataclass, field

from .fold import bounds
from .layout import INT, Int, Pointer, Type
from .source import unsupported
from .text import AND, ATOM, COMPARE, NOT, OR, SHIFT, SIGN, SUM, Lines, Text, number, operation, within
from .tree import (
    Binary,
    Break,
    Call,
    Cast,
    Choice,
    Compare,
    Const,
    Continue,
    Expr,
    Frame,
    Function,
    If,
    Load,
    Local,
    Logic,
    Return,
    Set,
    Step,
    Stmt,
    Store,
    Table,
    Unary,
    View,
    While,
    integer,
)

Typed = tuple[Text, bool]  # and whether it is a `uint`


@dataclass
class Memory:
    """Words from the state's beginning: of what functions keep, of their arguments, and of the tables' address; bytes from the
    tables' beginning. Numbers too large for the code go to the end of the tables."""

    rooms: dict[tuple[str, str], int]
    slots: dict[str, int]  # of a function: its arguments, then its result
    tables_at: int
    tables: dict[str, int]
    pool_at: int
    pool: dict[int, int] = field(default_factory=dict)


def words(kind: Type) -> int:
    return 2 if isinstance(kind, Int) and kind.bits == 64 else 1


class Viper(Lines):
    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory
        self._temporaries = 0
        self._used: set[str] = set()
        self._function: Function | None = None

    # ---- functions and statements

    def function(self, f: Function) -> None:
        self._function, self._used = f, set()
        self.add("@micropython.viper")
        self.add(f"def {f.name}(F: ptr32):")
        start = len(self.lines)
        slot = self.memory.slots[f.name]
        for p in f.parameters:
            self.depth += 1
            if words(p.type) == 2:
                self.add(f"{p.name}__l = F[{slot}]")
                self.add(f"{p.name}__h = F[{slot + 1}]")
            else:
                self.add(f"{p.name} = uint(F[{slot}])" if _unsigned(p.type) else f"{p.name} = F[{slot}]")
            self.depth -= 1
            slot += words(p.type)
        self.block(f.body)
        self.lines[start:start] = [line for name, line in (("F_", " F_ = int(F)"), ("T_", f" T_ = F[{self.memory.tables_at}]"))
                                   if name in self._used]

    def block(self, body: list[Stmt]) -> None:
        self.depth += 1
        for s in body:
            self._temporaries = 0
            self.statement(s)
        if not body:
            self.add("pass")
        self.depth -= 1

    def statement(self, s: Stmt) -> None:
        if isinstance(s, Set):
            self.set(s)
        elif isinstance(s, Store):
            self.store(s)
        elif isinstance(s, Call):
            self.call(s)
        elif isinstance(s, If):
            self.branch(s)
        elif isinstance(s, While):
            self.loop(s)
        elif isinstance(s, Return):
            if s.value is not None:
                assert self._function is not None
                self.keep(s.value, self._result_slot(self._function))
            self.add("return")
        else:
            self.add({Break: "break", Continue: "continue"}[type(s)])

    def _result_slot(self, f: Function) -> int:
        return self.memory.slots[f.name] + sum(words(p.type) for p in f.parameters)

    def keep(self, e: Expr, slot: int) -> None:
        if words(e.type) == 2:
            low, high = self.wide(e)
            self.add(f"F[{slot}] = {low}")
            self.add(f"F[{slot + 1}] = {high}")
        else:
            self.add(f"F[{slot}] = {self.any(e)[0]}")

    def call(self, s: Call) -> None:
        slot = self.memory.slots[s.function]
        for a in s.arguments:
            self.keep(a, slot)
            slot += words(a.type)
        self.add(f"{s.function}(_state)")
        if s.target is None:
            return
        if words(s.target.type) == 2:
            self.add(f"{s.target.name}__l = F[{slot}]")
            self.add(f"{s.target.name}__h = F[{slot + 1}]")
        else:
            self.add(f"{s.target.name} = {f'uint(F[{slot}])' if _unsigned(s.target.type) else f'F[{slot}]'}")

    def branch(self, s: If) -> None:
        self.add(f"if {self.condition(s.condition)[0]}:")
        self.block(s.then)
        if s.other:
            self.add("else:")
            self.block(s.other)

    def loop(self, s: While) -> None:
        mark = len(self.lines)
        test = None if isinstance(s.condition, Const) else self.condition(s.condition)
        if len(self.lines) == mark:
            self.add("while True:" if test is None else f"while {test[0]}:")
        else:  # what the test needs comes first in every turn
            del self.lines[mark:]
            self._temporaries = 0
            self.add("while True:")
            self.depth += 1
            test = self.condition(s.condition)
            self.add(f"if not {within(test, NOT)}:")
            self.add(" break")
            self.depth -= 1
        self.block(s.body)

    def set(self, s: Set) -> None:
        name = s.target.name
        if words(s.target.type) == 2:
            low, high = self.wide(s.value)
            if high == f"{name}__l":
                kept = self.temporary()
                self.add(f"{kept} = {high}")
                high = kept
            self.add(f"{name}__l = {low}")
            self.add(f"{name}__h = {high}")
        else:
            self.add(f"{name} = {self.typed(self.value(s.value), _unsigned(s.target.type))[0]}")

    def store(self, s: Store) -> None:
        if s.type.bits == 64:
            low, high = self.wide(s.value)
            at, offset = self.near(s.at)
            self.add(f"{self.element(32, at, offset)} = {low}")
            self.add(f"{self.element(32, at, offset + 4)} = {high}")
            return
        e = s.value
        bits = s.type.bits
        while isinstance(e, Cast) and isinstance(e.operand.type, Int) and bits <= min(integer(e).bits, e.operand.type.bits):
            e = e.operand  # memory takes the low bits
        value = self.wide(e)[0] if words(e.type) == 2 else self.any(e)[0]
        self.add(f"{self.element(s.type.bits, *self.place(s.at), stored=True)} = {value}")

    def temporary(self) -> str:
        self._temporaries += 1
        return f"_a{self._temporaries}"

    def atom(self, value: Typed) -> str:
        """In a variable, as an int; or a constant."""
        text, was_unsigned = value
        if (text[1] == ATOM and text[0].lstrip("-").isdigit()) or (text[0].isidentifier() and not was_unsigned):
            return text[0]
        kept = self.temporary()
        self.add(f"{kept} = {self.typed(value, False)[0]}")
        return kept

    # ---- addresses

    def place(self, e: Expr) -> tuple[Text | None, int]:
        """An address as a variable part (None: the state) and bytes."""
        if isinstance(e, Frame):
            return None, 4 * self.memory.rooms[e.function, e.name]
        if isinstance(e, Table):
            self._used.add("T_")
            return ("T_", ATOM), self.memory.tables[e.name]
        if isinstance(e, View):
            return self.place(e.base)
        if isinstance(e, Step):
            at, offset = self.place(e.base)
            index = e.index
            if isinstance(index, Binary) and index.op in "+-" and isinstance(index.right, Const):
                offset += e.bytes * (index.right.value if index.op == "+" else -index.right.value)
                index = index.left
            if isinstance(index, Const):
                return at, offset + e.bytes * index.value
            moved = self.times(self.typed(self.value(index), False), e.bytes)
            if at is None:
                self._used.add("F_")
                at = "F_", ATOM
            return operation("+", at, moved), offset
        return self.value(e)[0], 0

    def times(self, text: Text, by: int) -> Text:
        if by & by - 1:
            return operation("*", text, number(by))
        return operation("<<", text, number(by.bit_length() - 1)) if by > 1 else text

    def near(self, e: Expr) -> tuple[Text | None, int]:
        """The same with a variable part that may be written twice."""
        at, offset = self.place(e)
        if at is not None and not at[0].isidentifier():
            at = self.atom((at, False)), ATOM
        return at, offset

    def element(self, bits: int, at: Text | None, offset: int, stored: bool = False) -> str:
        """What is there. No constant index where it is stored to 8 or 16 bits: MicroPython 1.25 gets that wrong on Xtensa."""
        size = bits // 8
        if at is None and bits == 32:
            return f"F[{offset // 4}]"
        if at is None:
            self._used.add("F_")
            at = "F_", ATOM
        if 0 <= offset < 32 * size and offset % size == 0 and not (stored and bits < 32):
            return f"ptr{bits}({at[0]})[{offset // size}]"
        return f"ptr{bits}({sum_(at, offset)})[0]"

    def pointer(self, e: Expr) -> Text:
        at, offset = self.place(e)
        if at is None:
            self._used.add("F_")
            at = "F_", ATOM
        return (sum_(at, offset), SUM) if offset else at

    # ---- values of 32 bits and less

    def typed(self, value: Typed, unsigned: bool) -> Text:
        text, was = value
        return text if was == unsigned else (f"{'uint' if unsigned else 'int'}({text[0]})", ATOM)

    def any(self, e: Expr) -> Text:
        """A word, whatever its sign."""
        while isinstance(e, Cast) and isinstance(e.operand.type, Int) and integer(e).bits == e.operand.type.bits == 32:
            e = e.operand
        return self.value(e)[0]

    def constant(self, value: int) -> Text:
        if value >= 1 << 31:
            value -= 1 << 32
        if -(1 << 30) <= value < 1 << 30:
            return number(value)
        self._used.add("T_")
        at = self.memory.pool.setdefault(value, self.memory.pool_at + 4 * len(self.memory.pool))
        return self.element(32, ("T_", ATOM), at), ATOM

    def value(self, e: Expr) -> Typed:
        if words(e.type) == 2:
            raise unsupported(f"64 bits where a word should be, in {self._function.name if self._function else ''}")
        if isinstance(e, Const):
            return self.constant(e.value), False
        if isinstance(e, Local):
            return (e.name, ATOM), _unsigned(e.type)
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
            unsigned = _unsigned(e.type)
            return (f"{e.op}{within(self.typed(self.value(e.operand), unsigned), SIGN)}", SIGN), unsigned
        return self.binary(e)

    def binary(self, e: Binary) -> Typed:
        unsigned = _unsigned(e.type)
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
        return (f"uint({text})", ATOM) if _unsigned(e.type) else (text, ATOM if e.op == "/" else SUM)

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
        unsigned = _unsigned(e.type)
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
            unsigned = _unsigned(kind)
            return self.typed(value, unsigned), unsigned
        if not kind.signed:
            return operation("&", self.typed(value, False), number((1 << kind.bits) - 1)), False
        by = number(32 - kind.bits)
        return operation(">>", operation("<<", self.typed(value, False), by), by), False

    # ---- conditions

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
        unsigned = _unsigned(e.left.type) or isinstance(e.left.type, Pointer)
        if unsigned and (e.op in ("==", "!=") or all(bounds(x)[1] < 1 << 31 for x in (e.left, e.right))) and not isinstance(
                e.left.type, Pointer):
            unsigned = False
        left, right = (self.typed(self.value(x), unsigned) for x in (e.left, e.right))
        return f"{within(left, COMPARE + 1)} {e.op} {within(right, COMPARE + 1)}", COMPARE

    def logic(self, e: Logic) -> Text:
        binding = AND if e.op == "and" else OR
        left = self.condition(e.left)
        mark = len(self.lines)
        temporaries = self._temporaries
        right = self.condition(e.right)
        if len(self.lines) == mark:
            return f"{within(left, binding)} {e.op} {within(right, binding)}", binding
        del self.lines[mark:]
        self._temporaries = temporaries
        kept = self.temporary()
        self.add(f"{kept} = {int(e.op == 'or')}")
        self.add(f"if {left[0]}:" if e.op == "and" else f"if not {within(left, NOT)}:")
        self.depth += 1
        right = self.condition(e.right)
        self.add(f"if {right[0]}:" if e.op == "and" else f"if not {within(right, NOT)}:")
        self.add(f" {kept} = {int(e.op == 'and')}")
        self.depth -= 1
        return kept, ATOM

    def compare_wide(self, e: Compare) -> Text:
        raise NotImplementedError

    def wide(self, e: Expr) -> tuple[str, str]:
        raise NotImplementedError


def _unsigned(kind: Type) -> bool:
    return isinstance(kind, Int) and kind.bits >= 32 and not kind.signed


def sum_(at: Text, offset: int) -> str:
    return at[0] if not offset else f"{within(at, SUM)} {'+' if offset > 0 else '-'} {abs(offset)}"
