# SPDX-License-Identifier: Apache-2.0
"""C's expressions that do something: assignments, steps and calls become statements."""

from typing import Any

from pycparser import c_ast

from .expressions import Expressions, changes
from .fold import binary, cast, reads, step
from .layout import Int, Pointer, Void, common, promoted, size
from .source import unsupported
from .tree import Call, Const, Expr, Load, Local, Set, Store, integer, target


class Effects(Expressions):
    def effect(self, node: Any) -> None:
        """An expression for its side effects alone."""
        if isinstance(node, (c_ast.ID, c_ast.Constant)):
            return
        if isinstance(node, c_ast.ExprList):
            for item in node.exprs:
                self.effect(item)
        elif isinstance(node, c_ast.Cast) and self.type_of(node.to_type) == Void():
            self.effect(node.expr)
        elif isinstance(node, c_ast.FuncCall):
            self.call(node, False)
        elif isinstance(node, c_ast.Assignment):
            self._Assignment(node, False)
        else:
            self.value(node)

    def count(self, node: Any) -> Expr:
        """++ and --: done at once; the value before is what comes out less that step."""
        by = Const(1 if "+" in node.op else -1)
        at = self.address(node.expr)
        after = node.op[0] == "p"
        if isinstance(node.expr, c_ast.ID) and self.find(node.expr).direct:
            assert isinstance(at, Local)
            self.out.append(Set(at, self._more(at, by)))
            return self._more(at, Const(-by.value)) if after else at
        at = self.simple(at)
        old = self.load(at, node)
        new = self._more(old, by)
        self.store(at, new)
        return self._more(Load(at, integer(old)), Const(-by.value)) if after else Load(at, integer(old))

    def _more(self, e: Expr, by: Const) -> Expr:
        if isinstance(e.type, Pointer):
            return step(e, by, size(e.type.to))
        kind = promoted(integer(e))
        return cast(binary("+", cast(e, kind), cast(by, kind), kind), e.type)

    def store(self, at: Expr, value: Expr) -> None:
        kind = target(at)
        if not isinstance(kind, Int):
            raise unsupported("an assignment to what is no number")
        self.out.append(Store(at, cast(value, kind), kind))

    def _Assignment(self, node: Any, wanted: bool = True) -> Expr:
        if isinstance(node.lvalue, c_ast.ID) and self.find(node.lvalue).direct:
            at = self.find(node.lvalue).at
            assert isinstance(at, Local)
            value = self.value(node.rvalue)
            if node.op != "=":
                value = self._compound(node.op[:-1], at, value, node)
            self.out.append(Set(at, cast(value, at.type)))
            return at
        address = self.address(node.lvalue)
        if node.op != "=":
            address = self.simple(address)
        at_statement = len(self.out)
        value = self.value(node.rvalue)
        names, memory = reads(address)
        changed, wrote = changes(self.out[at_statement:])
        if names & changed or (memory and wrote):
            kept = self.temporary(address.type)
            self.out.insert(at_statement, Set(kept, address))
            address = kept
        if node.op != "=":
            value = self._compound(node.op[:-1], self.load(address, node), value, node)
        kind = target(address)
        value = cast(value, kind)
        if wanted:
            value = self.simple(value)
        self.store(address, value)
        return value

    def _compound(self, op: str, a: Expr, b: Expr, node: Any) -> Expr:
        if isinstance(a.type, Pointer):
            return self._pointers(op, a, b, node)
        if not isinstance(b.type, Int):
            raise unsupported("a pointer in an assignment", node)
        kind = promoted(integer(a)) if op in ("<<", ">>") else common(integer(a), b.type)
        return binary(op, cast(a, kind), b if op in ("<<", ">>") else cast(b, kind), kind)

    def _ExprList(self, node: Any) -> Expr:
        for item in node.exprs[:-1]:
            self.effect(item)
        return self.value(node.exprs[-1])

    def _FuncCall(self, node: Any) -> Expr:
        result = self.call(node, True)
        assert result is not None
        return result

    def call(self, node: Any, wanted: bool) -> Expr | None:
        """A call as a statement of its own, or what the function does in its place."""
        name = node.name.name
        function = self.unit.functions.get(name)
        if function is None:
            raise unsupported(f"the function {name}", node)
        nodes = node.args.exprs if node.args else []
        arguments: list[Expr] = []
        for argument in nodes:
            at = len(self.out)
            e = self.value(argument)
            changed, wrote = changes(self.out[at:])
            for i, earlier in enumerate(arguments):
                names, memory = reads(earlier)
                if names & changed or (memory and wrote):
                    kept = self.temporary(earlier.type)
                    self.out.insert(at, Set(kept, earlier))
                    arguments[i] = kept
            arguments.append(e)
        arguments = [cast(e, kind) for e, (_, kind) in zip(arguments, function.parameters, strict=True)]
        if self.unit.inlined(name):
            return self.inline(function, arguments)
        result = self.temporary(function.result) if wanted else None
        self.out.append(Call(result, name, arguments))
        self.calls.append(name)
        return result

    def inline(self, function: Any, arguments: list[Expr]) -> Expr | None:
        raise NotImplementedError
