# SPDX-License-Identifier: Apache-2.0
"""A whole pipeline.c: its types, tables and functions."""

from dataclasses import dataclass, field
from typing import Any

from pycparser import c_ast

from . import source
from .fold import cast
from .layout import INTEGERS, Array, Int, Pointer, Struct, Type, Void, size, struct
from .scope import Variable
from .source import unsupported
from .statements import Body
from .tree import Const, Expr, Function, Step, Table, View, target


@dataclass
class TableData:
    type: Type
    data: bytes


@dataclass
class Header:
    """A function before it is translated. assigned: parameters that it changes; addressed: names whose address it takes."""

    node: Any
    parameters: list[tuple[str, Type]]
    result: Type
    assigned: set[str]
    addressed: set[str]


@dataclass
class Unit:
    entries: list[str]
    typedefs: dict[str, Type] = field(default_factory=dict)
    structs: dict[str, Struct] = field(default_factory=dict)
    tables: dict[str, TableData] = field(default_factory=dict)
    functions: dict[str, Header] = field(default_factory=dict)
    translated: dict[str, Function] = field(default_factory=dict)
    globals: dict[str, Variable] = field(default_factory=dict)
    _inlined: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, code: str, entries: list[str]) -> "Unit":
        """Translated from C: these functions and those that they call."""
        unit = cls(entries, dict(INTEGERS))
        for node in source.parse(code).ext:
            if isinstance(node, c_ast.Typedef):
                if node.name not in INTEGERS:
                    unit.typedefs[node.name] = unit.type_of(node.type)
            elif isinstance(node, c_ast.FuncDef):
                unit._header(node)
            elif isinstance(node, c_ast.Decl) and isinstance(node.type, c_ast.Struct):
                unit.type_of(node.type)
            elif isinstance(node, c_ast.Decl) and not isinstance(node.type, c_ast.FuncDecl):
                if "const" not in node.quals and "const" not in str(node.type):
                    raise unsupported(f"{node.name}, which is not constant", node)
                unit.add_table(node.name, node)
        for entry in entries:
            unit._translate(entry, ())
        return unit

    def _header(self, node: Any) -> None:
        parameters: list[tuple[str, Type]] = []
        for parameter in node.decl.type.args.params if node.decl.type.args else []:
            kind = self.type_of(parameter.type)
            if not isinstance(kind, Void):
                parameters.append((parameter.name, Pointer(kind.of) if isinstance(kind, Array) else kind))
        assigned: set[str] = set()
        addressed: set[str] = set()
        _changed(node.body, assigned, addressed)
        self.functions[node.decl.name] = Header(node, parameters, self.type_of(node.decl.type.type), assigned, addressed)

    def inlined(self, name: str) -> bool:
        """Whether a function is put where it is called: marked so and without loops."""
        if name not in self._inlined:
            node = self.functions[name].node
            self._inlined[name] = "inline" in node.decl.funcspec and not _loops(node.body)
        return self._inlined[name]

    def _translate(self, name: str, callers: tuple[str, ...]) -> None:
        if name in callers:
            raise unsupported(f"{name} calls itself", self.functions[name].node)
        if name not in self.translated:
            self.translated[name] = Body(self, name).translate(self.functions[name])
        for called in dict.fromkeys(self.translated[name].calls):
            self._translate(called, (*callers, name))

    def type_of(self, node: Any) -> Type:
        if isinstance(node, (c_ast.TypeDecl, c_ast.Typename)):
            return self.type_of(node.type)
        if isinstance(node, c_ast.PtrDecl):
            return Pointer(self.type_of(node.type))
        if isinstance(node, c_ast.ArrayDecl):
            return Array(self.type_of(node.type), self._number(node.dim) if node.dim is not None else 0)
        if isinstance(node, c_ast.Struct):
            if node.decls:
                found = struct(node.name or "", [(d.name, self.type_of(d.type)) for d in node.decls])
                self.structs[node.name or ""] = found
                return found
            return self.structs[node.name]
        if isinstance(node, c_ast.IdentifierType):
            name = " ".join(node.names)
            if name == "void":
                return Void()
            if name in self.typedefs:
                return self.typedefs[name]
        raise unsupported(f"the type {' '.join(getattr(node, 'names', [type(node).__name__]))}", node)

    def declared(self, node: Any) -> Type:
        """The type of a declaration; an array without a size has that of its list."""
        kind = self.type_of(node.type)
        if isinstance(kind, Array) and kind.count == 0:
            return Array(kind.of, len(node.init.exprs))
        return kind

    def _number(self, node: Any) -> int:
        e = Body(self, "").value(node)
        if not isinstance(e, Const):
            raise unsupported("a number that is not known", node)
        return e.value

    def add_table(self, name: str, node: Any) -> str:
        kind = self.declared(node)
        if name not in self.tables:
            if node.init is None:
                raise unsupported(f"{name} without values", node)
            self.tables[name] = TableData(kind, self._bytes(node.init, kind))
        return name

    def _bytes(self, node: Any, kind: Type) -> bytes:
        if isinstance(kind, Array) and isinstance(node, c_ast.InitList):
            data = b"".join(self._bytes(item, kind.of) for item in node.exprs)
            if len(data) > size(kind):
                raise unsupported("more values than there is room for", node)
            return data + bytes(size(kind) - len(data))
        if isinstance(kind, Int):
            e = cast(Body(self, "").value(node), kind)
            if isinstance(e, Const):
                return (e.value & (1 << kind.bits) - 1).to_bytes(kind.bits // 8, "little")
        raise unsupported("a table of anything but numbers", node)

    def constant(self, at: Expr) -> int | None:
        """The number at an address that is known, in a table."""
        kind, offset = target(at), 0
        if not isinstance(kind, Int):
            return None
        while not isinstance(at, Table):
            if isinstance(at, Step) and isinstance(at.index, Const):
                offset, at = offset + at.index.value * at.bytes, at.base
            elif isinstance(at, View):
                at = at.base
            else:
                return None
        data = self.tables[at.name].data
        return int.from_bytes(data[offset:offset + kind.bits // 8], "little", signed=kind.signed)

    def room(self) -> tuple[dict[tuple[str, str], int], int]:
        """Where each function keeps what it has in memory, after what its callers keep there, and how much that is:
        no function is active twice, so nothing else is needed."""
        starts: dict[str, int] = {}

        def visit(name: str, start: int) -> None:
            function = self.translated[name]
            if starts.get(name, -1) >= start:
                return
            starts[name] = start
            end = start + sum(size(kind) + 3 & ~3 for kind in function.memory.values())
            for called in dict.fromkeys(function.calls):
                visit(called, end)
        for entry in self.entries:
            visit(entry, 0)
        places, most = {}, 0
        for name, at in starts.items():
            for variable, kind in self.translated[name].memory.items():
                places[name, variable] = at
                at += size(kind) + 3 & ~3
            most = max(most, at)
        return places, most


def _loops(node: Any) -> bool:
    if isinstance(node, (c_ast.For, c_ast.While)):
        return True
    if isinstance(node, c_ast.DoWhile) and not (isinstance(node.cond, c_ast.Constant) and node.cond.value == "0"):
        return True
    return any(_loops(child) for _, child in node.children())


def _changed(node: Any, assigned: set[str], addressed: set[str]) -> None:
    if isinstance(node, c_ast.Assignment) and isinstance(node.lvalue, c_ast.ID):
        assigned.add(node.lvalue.name)
    if isinstance(node, c_ast.UnaryOp) and isinstance(node.expr, c_ast.ID):
        if node.op in ("++", "--", "p++", "p--"):
            assigned.add(node.expr.name)
        elif node.op == "&":
            addressed.add(node.expr.name)
    for _, child in node.children():
        _changed(child, assigned, addressed)
