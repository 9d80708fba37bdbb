# SPDX-License-Identifier: Apache-2.0
"""Cuts long functions into pieces: a branch of armv6m reaches 2 kB, and MicroPython's emitter knows no other way.

A piece is a function of its own. It gets the variables that it mentions, gives back those that it sets, and tells with its
result whether the function around it has to return (1), break (2) or continue (3)."""

from copy import deepcopy

from .fold import compare
from .layout import INT, Int, Type, Void
from .tree import (
    Binary,
    Break,
    Call,
    Choice,
    Compare,
    Const,
    Continue,
    Expr,
    Function,
    If,
    Local,
    Return,
    Set,
    Stmt,
    Store,
    While,
    children,
)

_LIMIT = 1900  # of a block, by size(), which is rather too much; a branch reaches over 2046 bytes
_SIGNALS: dict[type[Stmt], int] = {Return: 1, Break: 2, Continue: 3}


def reads(e: Expr | None) -> set[Local]:
    """The variables that an expression looks at."""
    if e is None:
        return set()
    return {e} if isinstance(e, Local) else set().union(*(reads(child) for child in children(e)))


def live(body: list[Stmt], after: set[Local], broken: set[Local], continued: set[Local]) -> set[Local]:
    """The variables whose value before some statements matters. after, broken, continued: those whose value matters where
    they go on, at their end or by a break or continue of the loop around them."""
    for s in reversed(body):
        if isinstance(s, Set):
            after = after - {s.target} | reads(s.value)
        elif isinstance(s, Store):
            after = after | reads(s.at) | reads(s.value)
        elif isinstance(s, Call):
            after = after - {*s.outs, *([s.target] if s.target else [])} | set().union(*(reads(e) for e in s.arguments))
        elif isinstance(s, If):
            after = (reads(s.condition) | live(s.then, after, broken, continued) | live(s.other, after, broken, continued))
        elif isinstance(s, While):
            after = head(s, after)
        elif isinstance(s, Return):
            after = reads(s.value)
        else:
            after = broken if isinstance(s, Break) else continued
    return after


def head(s: While, after: set[Local]) -> set[Local]:
    """The same of a loop: what matters at the beginning of each turn."""
    before: set[Local] = set()
    now = reads(s.condition) | after
    while now != before:
        before = now
        now = before | live(s.body, before, after, before)
    return now


def assigned(body: list[Stmt]) -> set[Local]:
    found: set[Local] = set()
    for s in body:
        if isinstance(s, Set):
            found.add(s.target)
        elif isinstance(s, Call):
            found |= {*s.outs, *([s.target] if s.target else [])}
        elif isinstance(s, If):
            found |= assigned(s.then) | assigned(s.other)
        elif isinstance(s, While):
            found |= assigned(s.body)
    return found


def _weight(e: Expr) -> int:
    """About the bytes that an expression takes on armv6m."""
    own = 6
    if isinstance(e.type, Int) and e.type.bits == 64:
        own = 100 if isinstance(e, Binary) and e.op == "*" else 40
    elif isinstance(e, (Const, Local)):
        own = 3
    elif isinstance(e, (Compare, Choice)):
        own = 60 if _wide(e) else 18
    return own + sum(_weight(child) for child in children(e))


def _wide(e: Expr) -> bool:
    return any(isinstance(child.type, Int) and child.type.bits == 64 for child in children(e))


def size(body: list[Stmt]) -> int:
    """About the bytes that statements take on armv6m."""
    total = 0
    for s in body:
        if isinstance(s, Set):
            total += 4 + _weight(s.value)
        elif isinstance(s, Store):
            total += 8 + _weight(s.at) + _weight(s.value)
        elif isinstance(s, Call):
            total += 40 + sum(10 + _weight(e) for e in [*s.arguments, *s.outs])
        elif isinstance(s, If):
            total += 8 + _weight(s.condition) + size(s.then) + size(s.other)
        elif isinstance(s, While):
            total += 12 + 2 * _weight(s.condition) + size(s.body)
        else:
            total += 16
    return total


def shortened(functions: dict[str, Function]) -> dict[str, Function]:
    """Functions and their pieces, each shorter than a branch reaches."""
    outliner = _Outliner()
    found = {name: outliner.function(deepcopy(f)) for name, f in functions.items()}
    return found | {piece.name: piece for piece in outliner.pieces}


class _Outliner:
    def __init__(self) -> None:
        self.pieces: list[Function] = []

    def function(self, f: Function) -> Function:
        self._of = f
        body = self._block(f.body, set(), set(), set(), _returns(f.body[:-1]))
        unset = live(body, set(), set(), set()) - set(f.parameters)  # only where it does not matter
        first = [Set(v, Const(0, v.type)) for v in sorted(unset, key=lambda v: v.name)]
        return Function(f.name, f.parameters, f.result, [*first, *body], f.memory, f.calls)

    def _block(self, body: list[Stmt], after: set[Local], broken: set[Local], continued: set[Local],
               crossed: bool = True) -> list[Stmt]:
        """crossed: by a branch from its one end to the other."""
        for i, s in enumerate(body):
            then = live(body[i + 1:], after, broken, continued)
            if isinstance(s, If):
                s.then, s.other = (self._block(part, then, broken, continued) for part in (s.then, s.other))
            elif isinstance(s, While):
                again = head(s, then)
                s.body = self._block(s.body, again, then, again)
        while crossed and size(body) > _LIMIT:
            shorter: list[Stmt] = []
            first = 0
            for i in range(1, len(body) + 1):
                if i == len(body) or size(body[first:i + 1]) > _LIMIT:
                    shorter += self._piece(body[first:i], live(body[i:], after, broken, continued), broken, continued)
                    first = i
            if size(shorter) >= size(body):
                break
            body = shorter
        return body

    def _piece(self, group: list[Stmt], after: set[Local], broken: set[Local], continued: set[Local]) -> list[Stmt]:
        result = Local("_result", self._of.result)
        signals: set[int] = set()
        body = self._told(group, result, signals, True)
        matters = after | (broken if 2 in signals else set()) | (continued if 3 in signals else set())
        changed = assigned(group)
        outs = sorted(matters & changed, key=lambda v: v.name)
        if 1 in signals and not isinstance(result.type, Void) and result not in outs:
            outs.append(result)
        given = sorted(live(body, set(outs), set(), set()) | (set(outs) if signals else set()), key=lambda v: v.name)
        kind: Type = INT if signals else Void()
        if signals:
            body = [*body, Return(Const(0))]
        name = f"{self._of.name}_{len(self.pieces)}"
        self.pieces.append(Function(name, list(given), kind, body, {}, [], outs))
        told = Local("_told", INT)
        leaves: list[Stmt] = []
        for signal in sorted(signals):
            leave: Stmt = Break() if signal == 2 else Continue()
            if signal == 1:
                leave = Return(None if isinstance(result.type, Void) else result)
            leaves.append(If(compare("==", told, Const(signal)), [leave]))
        return [Call(told if signals else None, name, list(given), outs), *leaves]

    def _told(self, body: list[Stmt], result: Local, signals: set[int], outermost: bool) -> list[Stmt]:
        """With results that tell what the function around it has to do."""
        found: list[Stmt] = []
        for s in body:
            if isinstance(s, Return) or (outermost and isinstance(s, (Break, Continue))):
                signals.add(_SIGNALS[type(s)])
                if isinstance(s, Return) and s.value is not None and s.value != result:
                    found.append(Set(result, s.value))
                found.append(Return(Const(_SIGNALS[type(s)])))
            elif isinstance(s, If):
                found.append(If(s.condition, self._told(s.then, result, signals, outermost),
                                self._told(s.other, result, signals, outermost)))
            elif isinstance(s, While):
                found.append(While(s.condition, self._told(s.body, result, signals, False)))
            else:
                found.append(s)
        return found


def _returns(body: list[Stmt]) -> bool:
    return any(isinstance(s, Return) or (isinstance(s, If) and (_returns(s.then) or _returns(s.other)))
               or (isinstance(s, While) and _returns(s.body)) for s in body)
