# SPDX-License-Identifier: Apache-2.0
# For MicroPython: the same recording cut into blocks at random; prints one line of classes per cutting. Then once more
# as array('h'), and blocks that are no whole number of samples.
# arguments: pipeline.mpy, recording, number of cuttings, seed
import random
import sys
from array import array

from auscult.pipeline import load

pipeline = load(sys.argv[1])
with open(sys.argv[2], "rb") as file:
    words = file.read()
random.seed(int(sys.argv[4]))
classes = []


def verdict(p):
    assert p.window == len(classes) and not p.marked and p.label == p.classes[p.index]
    assert sum([p.proba(i) for i in range(len(p.classes))]) == 32768
    classes.append(str(p.index))


for turn in range(int(sys.argv[3])):
    longest = (1, len(words), 7, 33, 64, 500)[turn % 6]
    classes.clear()
    pipeline.reset()
    at = 0
    while at < len(words):
        to = at + 6 * random.randint(0 if longest > 1 else 1, longest)
        before = len(classes)
        found = pipeline.push(words[at:to], verdict)
        assert (found is pipeline) == (len(classes) > before)
        at = min(to, len(words))
    print("".join(classes))

classes.clear()
pipeline.reset()
items = array("h", words)
for at in range(0, len(items), 300):
    pipeline.push(items[at : at + 300], verdict)
print("".join(classes))
assert pipeline.push(b"") is None and pipeline.push(array("h")) is None
for wrong in (bytes(5), bytes(8), array("h", [1])):
    try:
        pipeline.push(wrong)
    except ValueError as error:
        assert "whole samples" in str(error), error
    else:
        raise AssertionError("a wrong block was taken")
