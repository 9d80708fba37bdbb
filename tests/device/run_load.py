# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: UP031
# For MicroPython: what load() says of files that are no pipeline for this board.
# arguments: pipeline.mpy, a scratch folder, a .mpy that is no pipeline
import sys

from auscult.pipeline import Pipeline, load

source, folder, other = sys.argv[1:4]
with open(source, "rb") as file:
    whole = file.read()


def attempt(data):
    path = folder + "/tried.mpy"
    with open(path, "wb") as file:
        file.write(data)
    try:
        load(path)
    except ValueError as error:
        return str(error)
    return "loaded"


lengths = list(range(4, len(whole) - 200, 61)) + list(range(len(whole) - 200, len(whole)))
cut = {attempt(whole[:n]).split(" at ")[0] for n in lengths}
assert cut == {folder + "/tried.mpy is cut short"}, cut
for foreign in (b"", b"M\x06", b"hello, world", b"M\x05" + whole[2:], b"\x7fELF" + bytes(100)):
    assert "is not a pipeline module" in attempt(foreign), foreign
others = {4: "armv6m", 5: "armv7m", 7: "armv7emsp", 8: "armv7emdp", 11: "rv32imc", 15: "architecture 15"}
for number, name in others.items():
    text = attempt(whole[:2] + bytes([whole[2] & 3 | number << 2]) + whole[3:])
    assert "is built for %s, this board is x64: run `auscult build" % name in text, text
try:
    load(other)
except ValueError as error:
    assert "is not an Auscult pipeline" in str(error)
else:
    raise AssertionError("a module that is no pipeline was taken")
try:
    load(folder + "/nothing.mpy")
except OSError as error:
    assert "no pipeline at" in str(error)
module = load(source).module
module.STATE_BYTES = 1 << 40
try:
    Pipeline(module)
except MemoryError as error:
    assert "needs 10995" in str(error) and "bytes are free" in str(error), error
else:
    raise AssertionError("1 TB was found")
assert attempt(whole) == "loaded"
assert attempt(whole + b"something after it") == "loaded"
print("ok")
