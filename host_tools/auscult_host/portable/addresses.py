# SPDX-License-Identifier: Apache-2.0
"""Memory in viper code: where things are, and how they are read and written there."""

from dataclasses import dataclass, field

from .layout import Int, Type
from .text import ATOM, SUM, Lines, Text, number, operation, within
from .tree import Binary, Const, Expr, Frame, Function, Step, Table, View

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


class Addresses(Lines):
    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory
        self.temporaries = 0
        self.used: set[str] = set()
        self.of: Function | None = None

    def value(self, e: Expr) -> Typed:
        """A number of 32 bits or less, or an address."""
        raise NotImplementedError

    def temporary(self) -> str:
        self.temporaries += 1
        return f"_a{self.temporaries}"

    def atom(self, value: Typed) -> str:
        """In a variable, as an int; or a constant."""
        text, was_unsigned = value
        if (text[1] == ATOM and text[0].lstrip("-").isdigit()) or (text[0].isidentifier() and not was_unsigned):
            return text[0]
        kept = self.temporary()
        self.add(f"{kept} = {self.typed(value, False)[0]}")
        return kept

    def typed(self, value: Typed, unsigned: bool) -> Text:
        text, was = value
        return text if was == unsigned else (f"{'uint' if unsigned else 'int'}({text[0]})", ATOM)

    def constant(self, value: int) -> Text:
        if value >= 1 << 31:
            value -= 1 << 32
        if -(1 << 30) <= value < 1 << 30:
            return number(value)
        self.used.add("T_")
        at = self.memory.pool.setdefault(value, self.memory.pool_at + 4 * len(self.memory.pool))
        return self.element(32, ("T_", ATOM), at), ATOM

    def place(self, e: Expr) -> tuple[Text | None, int]:
        """An address as a variable part (None: the state) and bytes."""
        if isinstance(e, Frame):
            return None, 4 * self.memory.rooms[e.function, e.name]
        if isinstance(e, Table):
            self.used.add("T_")
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
                self.used.add("F_")
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
            self.used.add("F_")
            at = "F_", ATOM
        if 0 <= offset < 32 * size and offset % size == 0 and not (stored and bits < 32):
            return f"ptr{bits}({at[0]})[{offset // size}]"
        return f"ptr{bits}({sum_(at, offset)})[0]"

    def pointer(self, e: Expr) -> Text:
        at, offset = self.place(e)
        if at is None:
            self.used.add("F_")
            at = "F_", ATOM
        return (sum_(at, offset), SUM) if offset else at


def words(kind: Type) -> int:
    return 2 if isinstance(kind, Int) and kind.bits == 64 else 1


def unsigned_word(kind: Type) -> bool:
    return isinstance(kind, Int) and kind.bits >= 32 and not kind.signed


def sum_(at: Text, offset: int) -> str:
    return at[0] if not offset else f"{within(at, SUM)} {'+' if offset > 0 else '-'} {abs(offset)}"
