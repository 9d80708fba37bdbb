# SPDX-License-Identifier: Apache-2.0
"""MicroPython viper code of a translated pipeline. Pointers are addresses; words wrap by themselves. Functions get their
arguments and leave their results in memory behind the state, so that nothing has to become an object."""

from .addresses import Memory, unsigned_word, words
from .layout import Int
from .text import NOT, within
from .tree import Break, Call, Cast, Const, Continue, Expr, Function, If, Local, Return, Set, Stmt, Store, While, integer
from .wide import Wide


class Viper(Wide):
    def __init__(self, memory: Memory, functions: dict[str, Function]) -> None:
        super().__init__(memory)
        self.results = {name: f.result for name, f in functions.items()}

    def function(self, f: Function) -> None:
        self.of, self.used = f, set()
        self.add("@micropython.viper")
        self.add(f"def {f.name}(F: ptr32):")
        start = len(self.lines)
        slot = self.memory.slots[f.name]
        self.depth += 1
        for p in f.parameters:
            self.take(p, slot)
            slot += words(p.type)
        self.depth -= 1
        self.block(f.body)
        if f.outs and not (f.body and isinstance(f.body[-1], Return)):
            self.depth += 1
            self.give(f)
            self.depth -= 1
        self.lines[start:start] = [line for name, line in (("F_", " F_ = int(F)"), ("T_", f" T_ = F[{self.memory.tables_at}]"))
                                   if name in self.used]

    def block(self, body: list[Stmt]) -> None:
        self.depth += 1
        for s in body:
            self.temporaries = 0
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
            assert self.of is not None
            if s.value is not None:
                self.keep(s.value, self._result_slot(self.of))
            self.give(self.of)
            self.add("return")
        else:
            self.add({Break: "break", Continue: "continue"}[type(s)])

    def _result_slot(self, f: Function) -> int:
        return self.memory.slots[f.name] + sum(words(p.type) for p in f.parameters)

    def give(self, f: Function) -> None:
        slot = self._result_slot(f) + words(f.result)
        for v in f.outs:
            self.keep(v, slot)
            slot += words(v.type)

    def take(self, v: Local, slot: int) -> None:
        if words(v.type) == 2:
            self.add(f"{v.name}__l = F[{slot}]")
            self.add(f"{v.name}__h = F[{slot + 1}]")
        else:
            self.add(f"{v.name} = uint(F[{slot}])" if unsigned_word(v.type) else f"{v.name} = F[{slot}]")

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
        if s.target is not None:
            self.take(s.target, slot)
        slot += words(self.results[s.function])
        for v in s.outs:
            self.take(v, slot)
            slot += words(v.type)

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
            self.temporaries = 0
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
            self.add(f"{name} = {self.typed(self.value(s.value), unsigned_word(s.target.type))[0]}")

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
