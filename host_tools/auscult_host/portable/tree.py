# SPDX-License-Identifier: Apache-2.0
"""What C becomes before it is Python: expressions without side effects, and structured statements."""

from dataclasses import dataclass, field

from .layout import INT, Int, Pointer, Type


@dataclass(frozen=True)
class Const:
    value: int
    type: Type = INT


@dataclass(frozen=True)
class Local:
    name: str
    type: Type


@dataclass(frozen=True)
class Frame:
    """The address of an array, struct or variable that a function keeps in memory."""

    function: str
    name: str
    type: Type


@dataclass(frozen=True)
class Table:
    """The address of a constant table."""

    name: str
    type: Type


@dataclass(frozen=True)
class Load:
    at: "Expr"
    type: Type


@dataclass(frozen=True)
class Step:
    """A pointer, `index` elements of `bytes` bytes further."""

    base: "Expr"
    index: "Expr"
    bytes: int
    type: Type


@dataclass(frozen=True)
class View:
    """A pointer as one to another type."""

    base: "Expr"
    type: Type


@dataclass(frozen=True)
class Binary:
    """+ - * / % & | ^ of two values of this type, or << >> of one by any other."""

    op: str
    left: "Expr"
    right: "Expr"
    type: Type


@dataclass(frozen=True)
class Unary:
    """- ~"""

    op: str
    operand: "Expr"
    type: Type


@dataclass(frozen=True)
class Compare:
    """== != < <= > >= of two values of one type."""

    op: str
    left: "Expr"
    right: "Expr"
    type: Type = INT


@dataclass(frozen=True)
class Logic:
    """and, or"""

    op: str
    left: "Expr"
    right: "Expr"
    type: Type = INT


@dataclass(frozen=True)
class Cast:
    operand: "Expr"
    type: Type


@dataclass(frozen=True)
class Choice:
    condition: "Expr"
    then: "Expr"
    other: "Expr"
    type: Type


Expr = Const | Local | Frame | Table | Load | Step | View | Binary | Unary | Compare | Logic | Cast | Choice


@dataclass
class Set:
    target: Local
    value: Expr


@dataclass
class Store:
    at: Expr
    value: Expr
    type: Int


@dataclass
class Call:
    target: Local | None
    function: str
    arguments: list[Expr]
    outs: list[Local] = field(default_factory=list)  # variables that it gives back


@dataclass
class If:
    condition: Expr
    then: list["Stmt"]
    other: list["Stmt"] = field(default_factory=list)


@dataclass
class While:
    condition: Expr
    body: list["Stmt"]


@dataclass
class Break:
    pass


@dataclass
class Continue:
    pass


@dataclass
class Return:
    value: Expr | None


Stmt = Set | Store | Call | If | While | Break | Continue | Return


@dataclass
class Function:
    name: str
    parameters: list[Local]
    result: Type
    body: list[Stmt]
    memory: dict[str, Type]  # what it keeps in memory
    calls: list[str]  # whom it calls
    outs: list[Local] = field(default_factory=list)  # variables that it gives back besides its result


def children(e: Expr) -> tuple[Expr, ...]:
    if isinstance(e, (Const, Local, Frame, Table)):
        return ()
    if isinstance(e, Load):
        return (e.at,)
    if isinstance(e, Step):
        return e.base, e.index
    if isinstance(e, View):
        return (e.base,)
    if isinstance(e, (Binary, Compare, Logic)):
        return e.left, e.right
    if isinstance(e, (Unary, Cast)):
        return (e.operand,)
    return e.condition, e.then, e.other


def integer(e: Expr) -> Int:
    """The type of a value that is no pointer."""
    assert isinstance(e.type, Int), e
    return e.type


def target(e: Expr) -> Type:
    """What a pointer points to."""
    assert isinstance(e.type, Pointer), e
    return e.type.to
