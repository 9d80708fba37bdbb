# SPDX-License-Identifier: Apache-2.0
"""Frames between PC and board: what arrives whole is taken, whatever came before it; nothing else is."""

from collections.abc import Callable

import pytest
from auscult.frames import Decoder, encode
from hypothesis import given
from hypothesis import strategies as st

REACTED = {1, 2, 3, 4, 5, 10, 13, 17, 19}
MESSAGES = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=256)), min_size=1, max_size=6)
NOISE = st.binary(max_size=400)


@given(MESSAGES, st.lists(NOISE, min_size=6, max_size=6))
def test_frames_come_through_noise(messages: list[tuple[int, int, bytes]], noise: list[bytes]) -> None:
    """Console text between frames costs none of them, unless it looks like a frame itself."""
    data = b"".join(before.replace(b"~", b"-") + bytes(encode(*message))
                    for before, message in zip(noise, messages, strict=False))
    assert Decoder().feed(data) == messages


@given(MESSAGES)
def test_no_byte_that_consoles_react_to(messages: list[tuple[int, int, bytes]]) -> None:
    assert not REACTED & {byte for message in messages for byte in encode(*message)}


@given(MESSAGES, st.data())
def test_damaged_frames_are_no_frames(messages: list[tuple[int, int, bytes]], data: st.DataObject) -> None:
    """A byte changed, lost or repeated anywhere: what is taken was sent, in its order, and the last frame still comes."""
    stream = bytearray(b"".join(bytes(encode(*message)) for message in messages))
    at = data.draw(st.integers(0, len(stream) - 1))
    kind = data.draw(st.sampled_from(["change", "lose", "repeat"]))
    if kind == "change":
        stream[at] ^= data.draw(st.integers(1, 255))
    elif kind == "lose":
        del stream[at]
    else:
        stream.insert(at, stream[at])
    sentinel = (72, 1, b"still here")
    decoder = Decoder()
    found = decoder.feed(stream) + decoder.feed(encode(*sentinel) + encode(*sentinel))
    assert found[-1] == sentinel
    rest = iter([*messages, sentinel, sentinel])
    assert all(any(frame == sent for sent in rest) for frame in found)
    assert len(found) >= len(messages) - 1


@given(st.lists(st.binary(max_size=700), max_size=5))
def test_garbage_of_any_length_leaves_the_decoder_as_it_was(garbage: list[bytes]) -> None:
    decoder = Decoder()
    for data in garbage:
        decoder.feed(data)
    decoder.feed(b"~")
    assert decoder.feed(encode(1, 2, b"x" * 256)) == [(1, 2, b"x" * 256)]


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=256)), min_size=40, max_size=80), NOISE)
def test_micropython_encodes_and_decodes_alike(
        micropython: Callable[..., str], tmp_path_factory: pytest.TempPathFactory,
        messages: list[tuple[int, int, bytes]], noise: bytes) -> None:
    """The same file on MicroPython's unix port: it echoes what it decodes, and its frames are byte for byte ours."""
    folder = tmp_path_factory.mktemp("frames")
    stream = noise.replace(b"~", b"-") + b"".join(bytes(encode(*message)) for message in messages)
    (folder / "in").write_bytes(stream)
    micropython("run_frames.py", folder / "in", folder / "out")
    assert (folder / "out").read_bytes() == b"".join(bytes(encode(*message)) for message in messages)
