# SPDX-License-Identifier: Apache-2.0
"""C's types as far as the core uses them, and where their parts stand in memory."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Int:
    bits: int
    signed: bool

    @property
    def lowest(self) -> int:
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def highest(self) -> int:
        return (1 << self.bits - int(self.signed)) - 1

    def wrap(self, value: int) -> int:
        """What is left of a number in this type."""
        value &= (1 << self.bits) - 1
        return value - (1 << self.bits) if self.signed and value >> self.bits - 1 else value


@dataclass(frozen=True)
class Void:
    pass


@dataclass(frozen=True)
class Pointer:
    to: "Type"


@dataclass(frozen=True)
class Array:
    of: "Type"
    count: int


@dataclass(frozen=True)
class Struct:
    name: str
    fields: tuple[tuple[str, "Type", int], ...]  # name, type, offset in bytes
    size: int


Type = Int | Void | Pointer | Array | Struct

INT = Int(32, True)
UINT = Int(32, False)
INTEGERS = {
    "char": Int(8, True), "int8_t": Int(8, True), "uint8_t": Int(8, False), "int16_t": Int(16, True),
    "uint16_t": Int(16, False), "int32_t": INT, "uint32_t": UINT, "int64_t": Int(64, True), "uint64_t": Int(64, False),
    "int": INT, "unsigned": UINT, "unsigned int": UINT, "uintptr_t": UINT, "size_t": UINT,
}


def size(kind: Type) -> int:
    """In bytes; 64-bit words need no alignment of their own, as they are read by halves."""
    if isinstance(kind, Int):
        return kind.bits // 8
    if isinstance(kind, Array):
        return kind.count * size(kind.of)
    if isinstance(kind, Struct):
        return kind.size
    if isinstance(kind, Pointer):
        raise TypeError("pointers are not kept in memory")
    return 1


def unit(kind: Type) -> int:
    """Bytes of the smallest step that a pointer to this makes: plain Python counts in these."""
    if isinstance(kind, Array):
        return unit(kind.of)
    if isinstance(kind, Struct):
        return 4
    return min(4, size(kind))


def struct(name: str, members: list[tuple[str, Type]]) -> Struct:
    fields, at = [], 0
    for member, kind in members:
        at += -at % unit(kind)
        fields.append((member, kind, at))
        at += size(kind)
    return Struct(name, tuple(fields), at + -at % 4)


def promoted(kind: Int) -> Int:
    return INT if kind.bits < 32 else kind


def common(left: Int, right: Int) -> Int:
    """C's usual arithmetic conversions."""
    left, right = promoted(left), promoted(right)
    if left.bits != right.bits:
        return left if left.bits > right.bits else right
    return left if not left.signed else right
