# SPDX-License-Identifier: Apache-2.0
"""C's expressions as expressions without side effects: what has any goes before them, as statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pycparser import c_ast

from .fold import binary, cast, compare, member, negated, reads, step, truth, unary
from .layout import INT, UINT, Array, Int, Pointer, Struct, Type, common, promoted, size
from .scope import Scope
from .source import unsupported
from .tree import Call, Choice, Const, Expr, Frame, If, Load, Local, Logic, Set, Step, Stmt, Store, Table, View, integer, target

_COMPARES = ("==", "!=", "<", "<=", ">", ">=")


class Expressions(Scope):
    """What a function's statements are made of; `out` takes the statements."""

    def value(self, node: Any) -> Expr:
        """A value; arrays become pointers to their first element."""
        handler = getattr(self, "_" + type(node).__name__, None)
        if handler is None:
            raise unsupported(f"{type(node).__name__} in an expression", node)
        result: Expr = handler(node)
        return result

    def number(self, node: Any) -> Expr:
        e = self.value(node)
        if not isinstance(e.type, Int):
            raise unsupported("a pointer where a number should be", node)
        return e

    def condition(self, node: Any) -> Expr:
        return truth(self.value(node))

    def effect(self, node: Any) -> None:
        """An expression for its side effects alone."""
        raise NotImplementedError

    @contextmanager
    def aside(self) -> Iterator[list[Stmt]]:
        """Statements meanwhile go to a list of their own."""
        before, self.out = self.out, []
        try:
            yield self.out
        finally:
            self.out = before

    def pair(self, left: Any, right: Any) -> tuple[Expr, Expr]:
        """Two values, the first of which what the second does can't change any more."""
        a = self.value(left)
        at = len(self.out)
        b = self.value(right)
        names, memory = reads(a)
        changed, wrote = changes(self.out[at:])
        if names & changed or (memory and wrote):
            kept = self.temporary(a.type)
            self.out.insert(at, Set(kept, a))
            a = kept
        return a, b

    def simple(self, e: Expr) -> Expr:
        """The same value in a variable, unless it is one or costs nothing."""
        if isinstance(e, (Const, Local, Frame, Table)):
            return e
        if isinstance(e, View):
            return cast(self.simple(e.base), e.type)
        if isinstance(e, Step) and isinstance(e.index, Const) and isinstance(e.base, (Local, Frame, Table)):
            return e
        kept = self.temporary(e.type)
        self.out.append(Set(kept, e))
        return kept

    def address(self, node: Any) -> Expr | Local:
        """Where an lvalue is: an address, or the variable itself if it is not kept in memory."""
        if isinstance(node, c_ast.ID):
            return self.find(node).at
        if isinstance(node, c_ast.ArrayRef):
            base, index = self.pair(node.name, node.subscript)
            return step(base, index, size(target(base)))
        if isinstance(node, c_ast.UnaryOp) and node.op == "*":
            return self.value(node.expr)
        if isinstance(node, c_ast.StructRef):
            base = self.value(node.name) if node.type == "->" else self.address(node.name)
            kind = target(base)
            if not isinstance(kind, Struct):
                raise unsupported("a member of what is no struct", node)
            for name, of, offset in kind.fields:
                if name == node.field.name:
                    return member(base, offset, of)
        raise unsupported(f"the address of a {type(node).__name__}", node)

    def load(self, at: Expr, node: Any) -> Expr:
        kind = target(at)
        if isinstance(kind, Array):
            return cast(at, Pointer(kind.of))
        if not isinstance(kind, Int):
            raise unsupported("a value that is no number", node)
        constant = self.unit.constant(at)
        return Const(constant, kind) if constant is not None else Load(at, kind)

    def _ID(self, node: Any) -> Expr:
        found = self.find(node)
        if found.direct:
            return found.at
        return self.load(found.at, node)

    def _ArrayRef(self, node: Any) -> Expr:
        return self.load(self.address(node), node)

    _StructRef = _ArrayRef

    def _Constant(self, node: Any) -> Expr:
        if "int" not in node.type:
            raise unsupported(f"a {node.type} constant", node)
        text = node.value.lower()
        digits = text.rstrip("ul")
        suffix = text[len(digits):]
        value = int(digits, 0)
        kinds = [Int(bits, signed) for bits in (32, 64) for signed in (True, False)
                 if (signed or "u" in suffix or digits.startswith("0x")) and not (signed and "u" in suffix)
                 and not (bits == 32 and "ll" in suffix)]
        return Const(value, next(kind for kind in kinds if value <= kind.highest))

    def _Cast(self, node: Any) -> Expr:
        e, kind = self.value(node.expr), self.type_of(node.to_type)
        if (isinstance(kind, Int) and isinstance(e.type, (Int, Pointer))) or (isinstance(kind, Pointer) and (
                isinstance(e.type, Pointer) or isinstance(e, Const))):
            return cast(e, kind)
        raise unsupported(f"a cast to {kind}", node)

    def _TernaryOp(self, node: Any) -> Expr:
        condition = self.condition(node.cond)
        if isinstance(condition, Const):
            return self.value(node.iftrue if condition.value else node.iffalse)
        with self.aside() as first:
            a = self.value(node.iftrue)
        with self.aside() as second:
            b = self.value(node.iffalse)
        if isinstance(a.type, Int) and isinstance(b.type, Int):
            kind: Type = common(a.type, b.type)
        else:
            kind = a.type if isinstance(a.type, Pointer) else b.type
        a, b = cast(a, kind), cast(b, kind)
        if not first and not second:
            return Choice(condition, a, b, kind)
        result = self.temporary(kind)
        self.out.append(If(condition, [*first, Set(result, a)], [*second, Set(result, b)]))
        return result

    def _BinaryOp(self, node: Any) -> Expr:
        op = node.op
        if op in ("&&", "||"):
            return self._logic(node)
        a, b = self.pair(node.left, node.right)
        if isinstance(a.type, Pointer) or isinstance(b.type, Pointer):
            return self._pointers(op, a, b, node)
        if op in ("<<", ">>"):
            kind = promoted(integer(a))
            return binary(op, cast(a, kind), b, kind)
        kind = common(integer(a), integer(b))
        a, b = cast(a, kind), cast(b, kind)
        return compare(op, a, b) if op in _COMPARES else binary(op, a, b, kind)

    def _pointers(self, op: str, a: Expr, b: Expr, node: Any) -> Expr:
        if op in ("+", "-") and isinstance(b.type, Int):
            return step(a, b if op == "+" else unary("-", cast(b, promoted(b.type)), promoted(b.type)), size(target(a)))
        if op == "+" and isinstance(a.type, Int):
            return step(b, a, size(target(b)))
        if op == "-" and isinstance(a.type, Pointer) and isinstance(b.type, Pointer):
            return binary("/", binary("-", cast(cast(a, UINT), INT), cast(cast(b, UINT), INT), INT), Const(size(target(a))), INT)
        if op in _COMPARES:
            return compare(op, cast(a, b.type) if isinstance(b.type, Pointer) else a,
                           b if isinstance(b.type, Pointer) else cast(b, a.type))
        raise unsupported(f"{op} of pointers", node)

    def _logic(self, node: Any) -> Expr:
        word = "and" if node.op == "&&" else "or"
        left = self.condition(node.left)
        if isinstance(left, Const):
            return self.condition(node.right) if bool(left.value) == (word == "and") else left
        with self.aside() as before:
            right = self.condition(node.right)
        if not before:
            if isinstance(right, Const) and bool(right.value) == (word == "and"):
                return left
            return Logic(word, left, right)
        result = self.temporary(INT)
        self.out.append(Set(result, Const(int(word == "or"))))
        self.out.append(If(left if word == "and" else negated(left), [*before, Set(result, right)]))
        return result

    def _UnaryOp(self, node: Any) -> Expr:
        op = node.op
        if op == "*":
            return self.load(self.value(node.expr), node)
        if op == "&":
            return self.address(node.expr)
        if op in ("++", "--", "p++", "p--"):
            return self.count(node)
        if op == "sizeof":
            kind = self.type_of(node.expr) if isinstance(node.expr, c_ast.Typename) else target(self.address(node.expr))
            return Const(size(kind), UINT)
        if op == "!":
            return negated(self.value(node.expr))
        e = self.number(node.expr)
        kind = promoted(integer(e))
        if op in ("-", "~"):
            return unary(op, cast(e, kind), kind)
        if op == "+":
            return cast(e, kind)
        raise unsupported(f"the operator {op}", node)

    def count(self, node: Any) -> Expr:
        """++ and --"""
        raise NotImplementedError


def changes(statements: list[Stmt]) -> tuple[set[str], bool]:
    """The variables that statements set, and whether they may write to memory."""
    names: set[str] = set()
    wrote = False
    for s in statements:
        if isinstance(s, Set):
            names.add(s.target.name)
        elif isinstance(s, (Store, Call)):
            wrote = True
            if isinstance(s, Call) and s.target:
                names.add(s.target.name)
        elif isinstance(s, If) or hasattr(s, "body"):
            for block in ([s.then, s.other] if isinstance(s, If) else [s.body]):
                more, too = changes(block)
                names |= more
                wrote |= too
    return names, wrote
