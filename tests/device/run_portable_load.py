# SPDX-License-Identifier: Apache-2.0
# For MicroPython: a portable pipeline through auscult.pipeline: fed, cut short, changed.
# arguments: its bytecode, its source, machine code for another architecture, a scratch folder
import sys
from array import array

from auscult.pipeline import load

compiled, source, foreign, folder = sys.argv[1:5]
data = array("h", [(i * 7919 * i) % 4001 - 2000 for i in range(3000)])


def verdicts(path):
    pipeline, found = load(path), []
    pipeline.push(data, lambda p: found.append((p.window, p.feature(0), p.feature(1))))
    pipeline.mark()
    pipeline.push(data, lambda p: found.append((p.marked, p.feature(0))))
    return found


def attempt(content, name):
    path = folder + "/" + name
    with open(path, "wb") as file:
        file.write(content)
    try:
        load(path)
    except ValueError as error:
        return str(error)
    return "loaded"


print(verdicts(compiled))
assert verdicts(source) == verdicts(compiled)
for path in (compiled, source):
    with open(path, "rb") as file:
        whole = file.read()
    name = "tried" + path[path.rfind("."):]
    assert attempt(whole, name) == "loaded"
    for content in (whole[:-1], whole[:len(whole) // 2], whole[:200] + b"x" + whole[201:], whole[17:]):
        text = attempt(content, name)
        assert "is not" in text and ("whole one" in text or "not a pipeline module" in text), text
with open(foreign, "rb") as file:
    assert "is built for armv7emsp, this board is x64" in attempt(file.read(), "foreign.mpy")
print("ok")
