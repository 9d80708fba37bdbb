# SPDX-License-Identifier: Apache-2.0
"""The names in a function while it is translated: its variables, and temporaries for what has to be kept."""

import keyword
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .layout import Int, Pointer, Type
from .source import unsupported
from .tree import Expr, Frame, Local, Stmt, Table

if TYPE_CHECKING:
    from .unit import Unit

# Names that mean something in the Python that is generated
_TAKEN = {"int", "uint", "bool", "ptr", "ptr8", "ptr16", "ptr32", "object", "len", "print", "i8", "u8", "i16", "u16",
          "i32", "u32", "F", "F_", "T_", "micropython"}


@dataclass
class Variable:
    """at: its value if it is `direct` (a Python variable, or what stands for a parameter), else its address."""

    at: Expr
    type: Type
    direct: bool


class Scope:
    def __init__(self, unit: "Unit", function: str) -> None:
        self.unit, self.function = unit, function
        self.out: list[Stmt] = []
        self.calls: list[str] = []
        self.memory: dict[str, Type] = {}
        self.scopes: list[dict[str, Variable]] = [{}]
        self._live: set[str] = set()
        self._kinds: dict[str, str] = {}  # a name is used again only for the same kind of value
        self._release: list[list[str]] = [[]]
        self._owned: list[list[str]] = [[]]

    def type_of(self, node: Any) -> Type:
        return self.unit.type_of(node)

    def find(self, node: Any) -> Variable:
        for scope in reversed(self.scopes):
            if node.name in scope:
                return scope[node.name]
        if node.name in self.unit.tables:
            kind = self.unit.tables[node.name].type
            return Variable(Table(node.name, Pointer(kind)), kind, False)
        raise unsupported(f"the name {node.name}", node)

    @contextmanager
    def block(self) -> Iterator[None]:
        """Names in it are its own."""
        self.scopes.append({})
        self._owned.append([])
        try:
            yield
        finally:
            self.scopes.pop()
            self._live -= set(self._owned.pop())

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Temporaries last until its end."""
        self._release.append([])
        try:
            yield
        finally:
            self._live -= set(self._release.pop())

    def declare(self, name: str, kind: Type, in_memory: bool) -> Variable:
        """A variable of the present block."""
        if in_memory:
            unique = name
            while unique in self.memory:
                unique += "_"
            self.memory[unique] = kind
            variable = Variable(Frame(self.function, unique, Pointer(kind)), kind, False)
        else:
            local = self._fresh(name + "_" if keyword.iskeyword(name) or name in _TAKEN else name, kind)
            self._owned[-1].append(local.name)
            variable = Variable(local, kind, True)
        self.scopes[-1][name] = variable
        return variable

    def keep(self) -> None:
        """What the present block has declared lasts until the end of the present statement."""
        self._release[-1] += self._owned[-1]
        self._owned[-1] = []

    def temporary(self, kind: Type) -> Local:
        local = self._fresh("_" + _letter(kind), kind)
        self._release[-1].append(local.name)
        return local

    def _fresh(self, base: str, kind: Type) -> Local:
        name, number = base, 0
        while name in self._live or self._kinds.get(name, _letter(kind)) != _letter(kind):
            number += 1
            name = f"{base}{'' if base.startswith('_') else '_'}{number}"
        self._live.add(name)
        self._kinds[name] = _letter(kind)
        return Local(name, kind)


def _letter(kind: Type) -> str:
    if isinstance(kind, Int):
        return ("w" if kind.signed else "v") if kind.bits == 64 else "u" if kind.bits == 32 and not kind.signed else "i"
    return "p"
