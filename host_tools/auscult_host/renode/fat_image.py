# SPDX-License-Identifier: Apache-2.0
"""A FAT12 image of some files: the file system in flash that a simulated STM32 boots from. The same files give the same bytes."""

import math
import struct
from collections.abc import Mapping

from ..errors import AuscultError

_SECTOR = 512  # bytes; also a cluster
_ROOT_ENTRIES = 64
_ENTRY = 32
_DATE, _TIME = 0x5821, 0  # 1 January 2024
_FOLDER, _FILE, _LONG = 0x10, 0x20, 0x0F
_LAST = 0xFFF  # of a chain of clusters

Tree = dict[str, "Tree | bytes"]


def make(contents: Mapping[str, bytes], kib: int) -> bytes:
    """The image of kib KiB; contents: {"folder/file": bytes}. AuscultError if it is too small for them."""
    tree: Tree = {}
    for path, data in sorted(contents.items()):
        *folders, name = path.strip("/").split("/")
        where = tree
        for folder in folders:
            inner = where.setdefault(folder, {})
            assert isinstance(inner, dict), f"{path}: {folder} is a file"
            where = inner
        where[name] = data
    return _Image(kib).build(tree)


def _short(number: int) -> bytes:
    """An unambiguous name of 8 + 3 characters; the readable one stands in the long entries before it."""
    return b"F%07d   " % number


def _checksum(short: bytes) -> int:
    total = 0
    for byte in short:
        total = ((total >> 1) | (total << 7)) + byte & 0xFF
    return total


def _long(name: str, short: bytes) -> list[bytes]:
    """Entries that hold a name of any length, last part first."""
    text = name + "\0" if len(name) % 13 else name
    text += "\uffff" * (-len(text) % 13)
    parts = [text[i : i + 13].encode("utf-16-le") for i in range(0, len(text), 13)]
    check = _checksum(short)
    entries = [struct.pack("<B10sBBB12sH4s", number | (0x40 if number == len(parts) else 0), part[:10], _LONG, 0, check,
                           part[10:22], 0, part[22:]) for number, part in enumerate(parts, 1)]
    return entries[::-1]


class _Image:
    def __init__(self, kib: int) -> None:
        self._kib, self._sectors = kib, kib * 1024 // _SECTOR
        self._fat_sectors = math.ceil((self._sectors * 3 // 2 + 3) / _SECTOR)
        self._data_start = 1 + self._fat_sectors + _ROOT_ENTRIES * _ENTRY // _SECTOR
        self._chain = [0xFF8, _LAST]
        self._data: list[bytes] = []
        self._named = 0

    def _store(self, content: bytes) -> int:
        """Puts bytes into a chain of clusters; returns the first one's number, 0 for nothing."""
        first = len(self._chain)
        blocks = [content[i : i + _SECTOR] for i in range(0, len(content), _SECTOR)]
        for number in range(len(blocks)):
            self._chain.append(_LAST if number == len(blocks) - 1 else len(self._chain) + 1)
        self._data += [block.ljust(_SECTOR, b"\0") for block in blocks]
        if self._data_start + len(self._data) > self._sectors:
            raise AuscultError(f"the files do not fit into the {self._kib} KiB of the board's file system",
                               "fewer or smaller files", "a smaller model")
        return first if blocks else 0

    def _folder(self, tree: Tree) -> bytes:
        """Its entries; what is in it is stored. FatFs does without "." and ".."."""
        entries: list[bytes] = []
        for name, content in tree.items():
            self._named += 1
            short = _short(self._named)
            if isinstance(content, dict):
                inner = self._folder(content)
                kind, cluster, size = _FOLDER, self._store(inner.ljust(max(_SECTOR, len(inner)), b"\0")), 0
            else:
                kind, cluster, size = _FILE, self._store(content), len(content)
            entries += _long(name, short)
            entries.append(struct.pack("<11sBBBHHHHHHHI", short, kind, 0, 0, _TIME, _DATE, _DATE, 0, _TIME, _DATE, cluster, size))
        return b"".join(entries)

    def build(self, tree: Tree) -> bytes:
        root = self._folder(tree)
        if len(root) > _ROOT_ENTRIES * _ENTRY:
            raise AuscultError("too many names in the root of the image", f"at most {_ROOT_ENTRIES} entries", "use folders")
        boot = struct.pack("<3s8sHBHBHHBHHHIIBBBI11s8s", b"\xeb\xfe\x90", b"MSDOS5.0", _SECTOR, 1, 1, 1, _ROOT_ENTRIES,
                           self._sectors, 0xF8, self._fat_sectors, 63, 255, 0, 0, 0x80, 0, 0x29, 0x20240101, b"AUSCULT    ",
                           b"FAT12   ").ljust(510, b"\0") + b"\x55\xaa"
        image = boot + self._fat() + root.ljust(_ROOT_ENTRIES * _ENTRY, b"\0") + b"".join(self._data)
        return image.ljust(self._sectors * _SECTOR, b"\0")

    def _fat(self) -> bytes:
        """The chain, 12 bits each."""
        table = bytearray(self._fat_sectors * _SECTOR)
        for number, value in enumerate(self._chain):
            at = number * 3 // 2
            pair = table[at] | table[at + 1] << 8
            table[at : at + 2] = struct.pack("<H", (pair & 0x000F | value << 4) if number & 1 else (pair & 0xF000 | value))
        return bytes(table)
