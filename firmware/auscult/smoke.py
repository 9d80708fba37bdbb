# SPDX-License-Identifier: Apache-2.0
"""The smoke test of a pipeline: noise that every computer makes alike goes in, and its first window has to come out bit
for bit as on the PC that built it.

    smoke.json  {"seed": 1, "amplitude": 8192, "blocks": 2, "out": [1, 0, 0, ...]}     "out": all words; [] without a window
"""

import json
from array import array

from auscult import pipeline as pipelines
from auscult.pipeline import located

SAMPLES = 256  # of the block that is repeated


def block(seed, amplitude, axes):
    """SAMPLES samples of noise, as int16: from -amplitude to amplitude."""
    words, x = array("h"), seed
    for _ in range(SAMPLES * axes):
        x = (75 * x + 74) % 65537  # stays a small integer everywhere
        words.append(((x & 65535) - 32768) * amplitude >> 15)
    return words


def outcome(pipeline, facts):
    """All output words of the first window, [] if none comes within the blocks."""
    found = []

    def first(pipeline):
        if not found:
            found.extend(pipeline.words())

    noise = block(facts["seed"], facts["amplitude"], len(pipeline.axes))
    pipeline.reset()
    for _ in range(facts["blocks"]):
        pipeline.push(noise, first)
        if found:
            break
    pipeline.reset()
    return found


def check(pipeline, folder):
    """ValueError unless a pipeline computes what smoke.json in its folder says."""
    with open(folder + "/smoke.json") as file:
        facts = json.load(file)
    found = outcome(pipeline, facts)
    if found != facts["out"]:
        wrong = [i for i in range(min(len(found), len(facts["out"]))) if found[i] != facts["out"][i]]
        raise ValueError("the smoke test differs on this board: %s" % (
            "word %d of %d is %d, not %d" % (wrong[0], len(found), found[wrong[0]], facts["out"][wrong[0]]) if wrong
            else "%d words, not %d" % (len(found), len(facts["out"]))))


def run(folder):
    """Loads the pipeline of a folder and checks it; {"ok": whether, "why": text}."""
    try:
        with open(folder + "/auscult.json") as file:
            name = json.load(file)["pipeline"]
        check(pipelines.load(located(name, folder)), folder)
    except Exception as error:
        return {"ok": False, "why": "%s: %s" % (type(error).__name__, error)}
    return {"ok": True, "why": ""}
