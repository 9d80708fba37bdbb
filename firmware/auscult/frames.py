# SPDX-License-Identifier: Apache-2.0
"""Frames: messages over a line that loses, changes and repeats bytes, and carries a console's text besides.

    ~ kind sequence payload CRC-32 ~      each one byte but the payload and the checksum (little endian)

Bytes that consoles, terminals and flow control react to never occur: they are sent as "}" and themselves ^ 0x20. All bytes
are ^ 0xA8 before, which makes those the rarest ones of .mpy files. What stands between frames is passed over, and a frame
that is not whole is no frame. Both sides use this file.
"""

from binascii import crc32

try:
    from micropython import const
except ImportError:

    def const(value):
        return value


CHUNK = const(256)  # bytes of a file in a frame
_MARK, _ESCAPE, _FLIP, _MASK = const(0x7E), const(0x7D), const(0x20), const(0xA8)
_REACTED = const(0xA243E)  # a bit for each: Ctrl-A to Ctrl-E, line feed, carriage return, XON, XOFF
_BEYOND = const(12)  # what a frame has beside the chunk: offset and the like, kind, sequence, checksum


def encode(kind, sequence, payload=b""):
    """The bytes of a frame. kind, sequence: 0 to 255."""
    body = bytes((kind, sequence)) + payload
    crc = crc32(body)
    frame = bytearray(b"~")
    for part in (body, bytes((crc & 255, crc >> 8 & 255, crc >> 16 & 255, crc >> 24 & 255))):
        for byte in part:
            byte ^= _MASK
            if byte < 32 and _REACTED >> byte & 1 or byte == _MARK or byte == _ESCAPE:
                frame.append(_ESCAPE)
                byte ^= _FLIP
            frame.append(byte)
    frame.append(_MARK)
    return frame


class Decoder:
    """Finds frames in what arrives, byte by byte. longest: payload that is taken; bad: frames that came damaged."""

    def __init__(self, longest=CHUNK):
        self._body = bytearray(longest + _BEYOND)
        self._n, self._escaped = -1, False  # -1: outside of a frame
        self.bad = 0

    def put(self, byte):
        """The frame that this byte completes as (kind, sequence, payload), else None."""
        n = self._n
        if byte == _MARK:
            self._n, self._escaped = 0, False
            return self._whole(n) if n > 0 else None
        if n < 0:
            return None
        if byte == _ESCAPE:
            self._escaped = True
            return None
        if self._escaped:
            byte ^= _FLIP
            self._escaped = False
        elif byte < 32 and _REACTED >> byte & 1:  # never within a frame: text, or a damaged byte
            return self._drop()
        if n == len(self._body):
            return self._drop()
        self._body[n] = byte ^ _MASK
        self._n = n + 1
        return None

    def feed(self, data):
        """All frames that these bytes complete."""
        frames = []
        for byte in data:
            frame = self.put(byte)
            if frame is not None:
                frames.append(frame)
        return frames

    def _drop(self):
        self._n = -1
        self.bad += 1

    def _whole(self, n):
        body, end = self._body, n - 4
        if end >= 2:
            sent = body[end] | body[end + 1] << 8 | body[end + 2] << 16 | body[end + 3] << 24
            if crc32(memoryview(body)[:end]) == sent:
                return body[0], body[1], bytes(memoryview(body)[2:end])
        self.bad += 1
        return None
