# SPDX-License-Identifier: Apache-2.0
"""Little images for boards, laid out as the formats' documents say."""

import binascii
import hashlib
import struct

from auscult_host import boards

BANNER = "MicroPython v1.25.0 on 2025-04-15\0\0; {} with {}\0"


def uf2(payload: bytes, family: int, address: int = 0x1000_0000) -> bytes:
    pieces = [payload[at:at + 256] for at in range(0, len(payload), 256)]
    return b"".join(struct.pack("<8I476sI", 0x0A324655, 0x9E5D5157, 0x2000, address + 256 * number, len(piece), number,
                                len(pieces), family, piece, 0x0AB16F30) for number, piece in enumerate(pieces))


def esp_part(chip: int, text: bytes) -> bytes:
    """A program of two segments with checksum and hash, as Espressif's elf2image lays them out."""
    segments = [text + bytes(-len(text) % 4), bytes(range(64))]
    data = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, len(segments), 2, 0x20, 0x4008_0000, 0xEE, bytes(3), chip, 0, 0, 0, bytes(4), 1)
    checksum = 0xEF
    for segment in segments:
        data += struct.pack("<II", 0x3F40_0000, len(segment)) + segment
        for byte in segment:
            checksum ^= byte
    data += bytes(15 - len(data) % 16) + bytes([checksum])
    return data + hashlib.sha256(data).digest()


def esp(chip: int, offset: int, text: bytes) -> bytes:
    """Boot loader, partition table and program, merged."""
    image = esp_part(chip, b"boot loader").ljust(0x8000 - offset, b"\xff")
    image += struct.pack("<HBBII16sI", 0x50AA, 1, 2, 0x9000, 0x6000, b"nvs", 0)
    image += struct.pack("<HBBII16sI", 0x50AA, 0, 0, 0x10000, 0x1F0000, b"factory", 0)
    return image.ljust(0x10000 - offset, b"\xff") + esp_part(chip, text)


def program(text: bytes, begin: int = 0x0800_0000) -> bytes:
    """A vector table and something after it."""
    return struct.pack("<II", 0x2002_0000, begin + 0x101) + bytes(248) + text


def dfuse(*parts: tuple[int, bytes], pid: int = 0xDF11) -> bytes:
    elements = b"".join(struct.pack("<II", address, len(data)) + data for address, data in parts)
    target = struct.pack("<6sBI255sII", b"Target", 0, 0, b"", len(elements), len(parts)) + elements
    data = struct.pack("<5sBIB", b"DfuSe", 1, 11 + len(target), 1) + target
    data += struct.pack("<HHHH3sB", 0, pid, 0x0483, 0x011A, b"UFD", 16)
    return data + struct.pack("<I", binascii.crc32(data) ^ 0xFFFFFFFF)


def hexfile(*parts: tuple[int, bytes]) -> bytes:
    def line(kind: int, address: int, data: bytes) -> str:
        raw = bytes([len(data)]) + address.to_bytes(2) + bytes([kind]) + data
        return ":" + (raw + bytes([-sum(raw) & 0xFF])).hex().upper()

    lines = []
    for start, data in parts:
        for at in range(0, len(data), 16):
            if at == 0 or (start + at) % 0x10000 == 0:
                lines.append(line(4, 0, ((start + at) >> 16).to_bytes(2)))
            lines.append(line(0, (start + at) & 0xFFFF, data[at:at + 16]))
    return "\r\n".join([*lines, line(1, 0, b""), ""]).encode()


def text(name: str) -> bytes:
    return BANNER.format(name, boards.load_real(name).mcu.replace("-", "").upper()[:9]).encode()


def image(name: str, method: str) -> bytes:
    """A little image that is right for the board."""
    board = boards.load_real(name)
    way = next(way for way in board.flash if way.method == method)
    said = text(name)
    if way.method == "uf2":
        return uf2(bytes(600) + said, way.family)
    if way.method == "esptool":
        return esp({"esp32": 0, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13}[way.chip], way.offset, said)
    if way.method == "dfu":
        return dfuse((0x0800_0000, program(b"")), (0x0802_0000, said))
    if way.method == "stlink":
        return hexfile((0x0800_0000, program(b"")), (0x0800_FFF0, said))
    return program(said, way.offset)
