# SPDX-License-Identifier: Apache-2.0
"""Plain Python of a translated pipeline. Memory is one buffer with a view for each kind of number; a pointer is an index
into the view of what it points to. Numbers are kept within their C types wherever they could leave them."""

from .fold import bounds, exact_bounds
from .layout import Int, Pointer, unit
from .text import AND, ATOM, BINDING, COMPARE, NOT, OR, SIGN, SUM, Lines, Text, number, operation, within
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
    target,
)

_LOW = ("+", "-", "*", "&", "|", "^")  # the low bits of these depend on low bits alone


class Plain(Lines):
    """places: of a function's memory, and of tables, in bytes."""

    def __init__(self, places: dict[tuple[str, str], int]) -> None:
        super().__init__()
        self._places = places
        self._views: set[str] = set()

    def function(self, f: Function) -> None:
        start = len(self.lines)
        self.add(f"def {f.name}({', '.join(p.name for p in f.parameters)}):")
        self._views = set()
        self.block(f.body)
        self.lines[start + 1:start + 1] = [f" {view} = _{view}" for view in sorted(self._views)]

    def block(self, body: list[Stmt]) -> None:
        self.depth += 1
        for s in body:
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
            call = f"{s.function}({', '.join(self.value(a)[0] for a in s.arguments)})"
            self.add(f"{s.target.name} = {call}" if s.target else call)
        elif isinstance(s, If):
            self.chain("if", s)
        elif isinstance(s, While):
            self.add("while True:" if isinstance(s.condition, Const) else f"while {self.condition(s.condition)[0]}:")
            self.block(s.body)
        elif isinstance(s, Return):
            self.add("return" if s.value is None else f"return {self.value(s.value)[0]}")
        else:
            self.add({Break: "break", Continue: "continue"}[type(s)])

    def chain(self, word: str, s: If) -> None:
        self.add(f"{word} {self.condition(s.condition)[0]}:")
        self.block(s.then)
        if len(s.other) == 1 and isinstance(s.other[0], If):
            self.chain("elif", s.other[0])
        elif s.other:
            self.add("else:")
            self.block(s.other)

    def set(self, s: Set) -> None:
        name, e = s.target.name, s.value
        if isinstance(e, Binary) and isinstance(e.left, Local) and e.left.name == name:
            grown = self.value(e)[0]
            shorter = f"{name} {e.op} "
            if grown.startswith(shorter) and BINDING[e.op] == self.value(e)[1]:
                return self.add(f"{name} {e.op}= {grown[len(shorter):]}")
        kind = e.type
        if isinstance(kind, Int) and kind.bits == 32 and isinstance(e, (Binary, Unary, Cast)) and (
                not self._exact(e) if not kind.signed else isinstance(e, Cast) and self.value(e) != self.raw(e)):
            return self.cut(name, e, kind)
        return self.add(f"{name} = {self.value(e)[0]}")

    def cut(self, name: str, e: Expr, kind: Int) -> None:
        """Only what needs it is cut: for MicroPython numbers from 30 bits on are objects, and so is all that they meet."""
        self.add(f"{name} = {self.raw(e)[0]}")
        if kind.signed:
            self.add(f"if not -1073741824 <= {name} <= 1073741823:")
            self.add(f" {name} = ({name} & 0xffffffff ^ 0x80000000) - 0x80000000")
        else:
            self.add(f"if {name} >> 30:")
            self.add(f" {name} &= 0xffffffff")

    def store(self, s: Store) -> None:
        e, kind = s.value, s.type
        at, offset = self.place(s.at)
        if kind.bits == 64:
            self.add(f"_q = {self.value(e)[0]}")
            for i in range(2):
                self.add(f"{self.view(Int(32, False))}[{_sum(at, offset + i)}] = "
                         f"{'_q' if i == 0 else '_q >> 32'} & 0xffffffff")
            return None
        if isinstance(e, Cast) and isinstance(e.operand.type, Int):
            low, high = bounds(e.operand)
            if low >= kind.lowest and high <= kind.highest:
                e = e.operand
            else:  # its low bits are wanted, whatever the sign is then
                text = within(self.raw(e.operand), 8)
                return self.add(f"{self.view(Int(kind.bits, False))}[{_sum(at, offset)}] = {text} & {(1 << kind.bits) - 1:#x}")
        return self.add(f"{self.view(kind)}[{_sum(at, offset)}] = {self.value(e)[0]}")

    def view(self, kind: Int) -> str:
        name = f"{'i' if kind.signed else 'u'}{kind.bits}"
        self._views.add(name)
        return name

    def condition(self, e: Expr) -> Text:
        if isinstance(e, Compare) and isinstance(e.right, Const) and e.right.value == 0 and e.op in ("==", "!="):
            left = self.value(e.left)
            return (f"not {within(left, NOT)}", NOT) if e.op == "==" else left
        if isinstance(e, Logic):
            binding = AND if e.op == "and" else OR
            return f"{within(self.condition(e.left), binding)} {e.op} {within(self.condition(e.right), binding)}", binding
        return self.value(e)

    def place(self, e: Expr) -> tuple[Text | None, int]:
        """A pointer as a variable part and a constant, in units of what it points to."""
        size = unit(target(e))
        if isinstance(e, Const):
            return None, e.value
        if isinstance(e, Frame):
            return None, self._places[e.function, e.name] // size
        if isinstance(e, Table):
            return None, self._places["", e.name] // size
        if isinstance(e, View):
            at, offset = self.place(e.base)
            before = unit(target(e.base))
            if before >= size:
                times = before // size
                return at if at is None or times == 1 else operation("*", at, number(times)), offset * times
            shift = (size // before).bit_length() - 1
            if at is None or offset % (size // before) == 0:
                return at and operation(">>", at, number(shift)), offset >> shift
            return operation(">>", (_sum(at, offset), SUM), number(shift)), 0
        if isinstance(e, Step):
            at, offset = self.place(e.base)
            if unit(target(e.base)) != size:
                return self.place(Step(View(e.base, e.type), e.index, e.bytes, e.type))
            index, times = e.index, e.bytes // size
            if isinstance(index, Binary) and index.op in "+-" and isinstance(index.right, Const):
                offset += times * (index.right.value if index.op == "+" else -index.right.value)
                index = index.left
            if isinstance(index, Const):
                return at, offset + times * index.value
            moved = self.value(index) if times == 1 else operation("*", self.value(index), number(times))
            return (moved if at is None else operation("+", at, moved)), offset
        return self.other(e), 0

    def pointer(self, e: Expr) -> Text:
        at, offset = self.place(e)
        text = _sum(at, offset)
        return text, ATOM if at is None else at[1] if not offset else SUM

    def value(self, e: Expr) -> Text:
        """An expression whose value is that of C."""
        return self.pointer(e) if isinstance(e.type, Pointer) else self.other(e)

    def other(self, e: Expr) -> Text:
        if isinstance(e, Const):
            return number(e.value)
        if isinstance(e, Local):
            return e.name, ATOM
        if isinstance(e, Load):
            return self.load(e)
        if isinstance(e, Choice):
            return (f"{within(self.value(e.then), OR)} if {within(self.condition(e.condition), OR)} "
                    f"else {within(self.value(e.other), OR)}", 0)
        if isinstance(e, Logic):
            return self.condition(e)
        if isinstance(e, Compare):
            if isinstance(e.right, Const) and e.right.value == 0 and e.op in ("<", ">=") and self._was_unsigned(e.left):
                assert isinstance(e.left, Cast)
                return f"{within(self.value(e.left.operand), COMPARE + 1)} {'>' if e.op == '<' else '<='} 0x7fffffff", COMPARE
            return f"{within(self.value(e.left), COMPARE + 1)} {e.op} {within(self.value(e.right), COMPARE + 1)}", COMPARE
        if isinstance(e, Cast):
            return self.cast(e)
        assert isinstance(e, (Binary, Unary))
        kind = integer(e)
        if not kind.signed and not self._fits(e):
            return operation("&", self.raw(e), (f"{kind.highest:#x}", ATOM))
        if isinstance(e, Unary):
            return f"{e.op}{within(self.value(e.operand), SIGN)}", SIGN
        if e.op == ">>" and isinstance(e.right, Const) and not kind.signed and not self._exact(e.left):
            kept = (1 << max(0, kind.bits - e.right.value)) - 1  # shifted first, numbers stay small
            return operation("&", operation(">>", self.raw(e.left), number(e.right.value)), (f"{kept:#x}", ATOM))
        if e.op == "&":
            if bounds(e.right)[0] >= 0:
                return operation("&", self.raw(e.left), self.value(e.right))
            if bounds(e.left)[0] >= 0:
                return operation("&", self.value(e.left), self.raw(e.right))
        if e.op in "/%":
            if bounds(e.left)[0] >= 0 and bounds(e.right)[0] >= 0:
                return operation("//" if e.op == "/" else "%", self.value(e.left), self.value(e.right))
            return f"_{'quotient' if e.op == '/' else 'rest'}({self.value(e.left)[0]}, {self.value(e.right)[0]})", ATOM
        return operation(e.op, self.value(e.left), self.value(e.right))

    def _was_unsigned(self, e: Expr) -> bool:
        return isinstance(e, Cast) and e.type == Int(32, True) and e.operand.type == Int(32, False)

    def _fits(self, e: Binary | Unary) -> bool:
        found, kind = exact_bounds(e), integer(e)
        if isinstance(e, Binary) and e.op in ("/", "%", ">>"):
            return True
        return found is not None and found[0] >= kind.lowest and found[1] <= kind.highest

    def _exact(self, e: Expr) -> bool:
        """Whether nothing is to be cut off an unsigned number."""
        if isinstance(e, Cast) and isinstance(e.operand.type, Int):
            low, high = bounds(e.operand)
            return low >= 0 and high <= integer(e).highest
        return not isinstance(e, (Binary, Unary)) or self._fits(e)

    def load(self, e: Load) -> Text:
        at, offset = self.place(e.at)
        kind = integer(e)
        if kind.bits < 64:
            return f"{self.view(kind)}[{_sum(at, offset)}]", ATOM
        low, high = self.view(Int(32, False)), self.view(Int(32, kind.signed))
        return f"{low}[{_sum(at, offset)}] | {high}[{_sum(at, offset + 1)}] << 32", BINDING["|"]

    def cast(self, e: Cast) -> Text:
        kind, operand = integer(e), e.operand
        if isinstance(operand.type, Pointer):
            return operation("*", self.pointer(operand), number(unit(target(operand))))
        inner = integer(operand)
        low, high = bounds(operand)
        if low >= kind.lowest and high <= kind.highest:
            return self.value(operand)
        mask, sign = f"{(1 << kind.bits) - 1:#x}", f"{1 << kind.bits - 1:#x}"
        text = self.raw(operand) if kind.bits <= inner.bits else self.value(operand)
        cut = text if not inner.signed and inner.bits == kind.bits and text == self.value(operand) else operation(
            "&", text, (mask, ATOM))
        return (f"({within(cut, BINDING['^'])} ^ {sign}) - {sign}", SUM) if kind.signed else cut

    def raw(self, e: Expr) -> Text:
        """An expression that has at least the low bits of C's value, as many as its type has."""
        if isinstance(e, Binary):
            if e.op in _LOW:
                return operation(e.op, self.raw(e.left), self.raw(e.right))
            if e.op == "<<":
                return operation("<<", self.raw(e.left), self.value(e.right))
        if isinstance(e, Unary):
            return f"{e.op}{within(self.raw(e.operand), SIGN)}", SIGN
        if isinstance(e, Cast) and isinstance(e.operand.type, Int):
            return self.raw(e.operand) if integer(e).bits <= e.operand.type.bits else self.value(e.operand)
        return self.value(e)


def _sum(at: Text | None, offset: int) -> str:
    if at is None:
        return str(offset)
    if not offset:
        return at[0]
    return f"{within(at, SUM)} {'+' if offset > 0 else '-'} {abs(offset)}"
