# SPDX-License-Identifier: Apache-2.0
"""C's functions as structured statements; small inline functions are put where they are called."""

from typing import Any

from pycparser import c_ast

from .effects import Effects
from .fold import cast, compare, negated, step
from .layout import INT, Array, Int, Pointer, Struct, Type, Void, size
from .scope import Variable
from .source import unsupported
from .tree import Break, Const, Continue, Expr, Frame, Function, If, Local, Logic, Return, Set, Step, Stmt, Table, View, While


class Body(Effects):
    def __init__(self, unit: Any, function: str) -> None:
        super().__init__(unit, function)
        self._continue: list[Any] = []  # what `continue` does first in the present loops
        self._result: Type = Void()

    def translate(self, header: Any) -> Function:
        """A whole function."""
        self._result = header.result
        parameters = []
        with self.block():
            for name, kind in header.parameters:
                local = self.declare(name, kind, False).at
                assert isinstance(local, Local)
                parameters.append(local)
                if name in header.addressed:
                    raise unsupported(f"the address of the parameter {name}", header.node)
            self._header = header
            self.statement_list(header.node.body.block_items or [])
        return Function(self.function, parameters, header.result, self.out, self.memory, self.calls)

    def statement_list(self, nodes: list[Any]) -> None:
        for node in nodes:
            with self.statement():
                self.run(node)

    def run(self, node: Any) -> None:
        handler = getattr(self, "_run_" + type(node).__name__, None)
        if handler is not None:
            handler(node)
        elif isinstance(node, (c_ast.Label, c_ast.Goto, c_ast.Case, c_ast.Default, c_ast.Pragma)):
            raise unsupported(type(node).__name__, node)
        else:
            self.effect(node)

    def inner(self, node: Any) -> list[Stmt]:
        """A statement in a block of its own."""
        with self.aside() as found, self.block():
            if node is not None:
                self.statement_list([node])
        return found

    def _run_Compound(self, node: Any) -> None:
        with self.block():
            self.statement_list(node.block_items or [])

    def _run_EmptyStatement(self, node: Any) -> None:
        pass

    def _run_Typedef(self, node: Any) -> None:
        self.unit.typedefs[node.name] = self.type_of(node.type)

    def _run_DeclList(self, node: Any) -> None:
        for declaration in node.decls:
            self._run_Decl(declaration)

    def _run_Decl(self, node: Any) -> None:
        kind = self.unit.declared(node)
        if "static" in node.storage:
            table = self.unit.add_table(f"{self.function}_{node.name}", node)
            self.scopes[-1][node.name] = Variable(Table(table, Pointer(kind)), kind, False)
            return
        in_memory = isinstance(kind, (Array, Struct)) or node.name in self._header.addressed
        value = None if node.init is None or isinstance(node.init, c_ast.InitList) else cast(self.value(node.init), kind)
        variable = self.declare(node.name, kind, in_memory)
        if not in_memory:
            assert isinstance(variable.at, Local)
            if value is not None:
                self.out.append(Set(variable.at, value))
        elif value is not None:
            self.store(variable.at, value)
        elif node.init is not None:
            if not isinstance(kind, Array) or not isinstance(kind.of, Int):
                raise unsupported("a list for what is no array of numbers", node)
            items = [self.value(item) for item in node.init.exprs] + [Const(0)] * (kind.count - len(node.init.exprs))
            base = cast(variable.at, Pointer(kind.of))
            for i, item in enumerate(items):
                self.store(step(base, Const(i), size(kind.of)), item)

    def _run_If(self, node: Any) -> None:
        condition = self.condition(node.cond)
        if isinstance(condition, Const):
            self.out += self.inner(node.iftrue if condition.value else node.iffalse)
            return
        then, other = self.inner(node.iftrue), self.inner(node.iffalse)
        if not then and other:
            condition, then, other = negated(condition), other, []
        if then:
            self.out.append(If(condition, then, other))

    def _run_While(self, node: Any) -> None:
        self._loop(node.cond, node.stmt, None)

    def _run_For(self, node: Any) -> None:
        with self.block():
            if node.init is not None:
                self.run(node.init)
            self._loop(node.cond, node.stmt, node.next)

    def _run_DoWhile(self, node: Any) -> None:
        with self.aside() as before:
            condition = self.condition(node.cond)
        if isinstance(condition, Const) and not condition.value and not before and not _leaves(node.stmt):
            self._run_Compound(node.stmt if isinstance(node.stmt, c_ast.Compound) else c_ast.Compound([node.stmt]))
            return

        def leave() -> None:
            test = self.condition(node.cond)
            if not isinstance(test, Const):
                self.out.append(If(negated(test), [Break()]))
            elif not test.value:
                self.out.append(Break())
        self._continue.append(leave)
        body = self.inner(node.stmt)
        with self.aside() as test, self.statement():
            leave()
        self._continue.pop()
        self.out.append(While(Const(1), body + test))

    def _loop(self, condition: Any, body: Any, after: Any) -> None:
        def advance() -> None:
            if after is not None:
                self.effect(after)
        with self.aside() as before, self.statement():
            test = self.condition(condition) if condition is not None else Const(1)
        self._continue.append(advance)
        inside = self.inner(body)
        with self.aside() as last, self.statement():
            advance()
        self._continue.pop()
        if before:
            inside = [*before, If(negated(test), [Break()]), *inside]
            test = Const(1)
        if not (isinstance(test, Const) and not test.value):
            self.out.append(While(test, inside + last))

    def _run_Continue(self, node: Any) -> None:
        if not self._continue:
            raise unsupported("continue outside of a loop", node)
        self._continue[-1]()
        self.out.append(Continue())

    def _run_Break(self, node: Any) -> None:
        if not self._continue:
            raise unsupported("break outside of a loop", node)
        self.out.append(Break())

    def _run_Return(self, node: Any) -> None:
        value = None
        if node.expr is not None:
            value = self.value(node.expr)
            value = None if isinstance(self._result, Void) else cast(value, self._result)
        self.out.append(Return(value))

    def _run_Switch(self, node: Any) -> None:
        """Cases that each end with break; as a chain of if."""
        value = self.simple(cast(self.number(node.cond), INT))
        rest: list[tuple[Expr | None, list[Stmt]]] = []
        tests: list[Expr] = []
        for case in node.stmt.block_items or []:
            if not isinstance(case, (c_ast.Case, c_ast.Default)):
                raise unsupported("a switch with more than cases", case)
            if isinstance(case, c_ast.Case):
                tests.append(compare("==", value, cast(self.number(case.expr), INT)))
            if not case.stmts:
                continue
            if not isinstance(case.stmts[-1], c_ast.Break) or any(_leaves(s) for s in case.stmts[:-1]):
                raise unsupported("a case that does not end with its only break", case)
            with self.aside() as body, self.block():
                self.statement_list(case.stmts[:-1])
            test: Expr | None = None
            if isinstance(case, c_ast.Case):
                test = tests[0]
                for more in tests[1:]:
                    test = Logic("or", test, more)
            rest.append((test, body))
            tests = []
        chain: list[Stmt] = []
        for test, body in reversed(rest):
            chain = body if test is None else [If(test, body, chain)] if body or chain else []
        self.out += chain

    def inline(self, function: Any, arguments: list[Expr]) -> Expr | None:
        before = self._result, self._continue, self.scopes, self._header
        self._result, self._continue, self._header = function.result, [], function
        with self.aside() as body:
            self.scopes = [self.unit.globals, {}]
            self._owned.append([])
            for (name, kind), e in zip(function.parameters, arguments, strict=True):
                if name in function.addressed:
                    raise unsupported(f"the address of the parameter {name}", function.node)
                if name not in function.assigned and _stable(e):
                    self.scopes[-1][name] = Variable(e, kind, True)
                else:
                    at = self.declare(name, kind, False).at
                    assert isinstance(at, Local)
                    self.out.append(Set(at, e))
            for item in function.node.body.block_items or []:  # one statement together with the caller's
                self.run(item)
            self.keep()
            self._owned.pop()
        self._result, self._continue, self.scopes, self._header = before
        if isinstance(function.result, Void):
            self.out += _joined(body, None)
            return None
        if isinstance(body[-1], Return) and not _returns(body[:-1]):
            self.out += body[:-1]
            return body[-1].value
        result = self.temporary(function.result)
        self.out += _joined(body, result)
        return result


def _stable(e: Expr) -> bool:
    if isinstance(e, View):
        return _stable(e.base)
    if isinstance(e, Step):
        return isinstance(e.index, Const) and _stable(e.base)
    return isinstance(e, (Const, Local, Frame, Table))


def _leaves(node: Any) -> bool:
    """Whether a break or continue in it belongs to a loop around it."""
    if isinstance(node, (c_ast.Break, c_ast.Continue)):
        return True
    if isinstance(node, (c_ast.For, c_ast.While, c_ast.DoWhile, c_ast.Switch)):
        return False
    return any(_leaves(child) for _, child in node.children())


def _returns(body: list[Stmt]) -> bool:
    return any(isinstance(s, Return) or (isinstance(s, If) and (_returns(s.then) or _returns(s.other)))
               or (isinstance(s, While) and _returns(s.body)) for s in body)


def _always(body: list[Stmt]) -> bool:
    return bool(body) and (isinstance(body[-1], Return) or (isinstance(body[-1], If) and _always(body[-1].then)
                           and _always(body[-1].other)))


def _joined(body: list[Stmt], result: Local | None) -> list[Stmt]:
    """The same without return: what follows one goes into the other branch."""
    for i, s in enumerate(body):
        if isinstance(s, Return):
            return body[:i] + ([Set(result, s.value)] if result and s.value is not None else [])
        if isinstance(s, If) and (_returns(s.then) or _returns(s.other)):
            if _always(s.then):
                then, other = s.then, s.other + body[i + 1:]
            elif _always(s.other):
                then, other = s.then + body[i + 1:], s.other
            else:
                raise unsupported("an inline function that returns from within")
            return [*body[:i], If(s.condition, _joined(then, result), _joined(other, result))]
        if isinstance(s, While) and _returns(s.body):
            raise unsupported("an inline function that returns from a loop")
    return body
