# SPDX-License-Identifier: Apache-2.0
"""Features of one's own beside a pipeline's, and a model of both: for firmwares with ulab, NumPy's little sister.

extra.json names the files beside it, and what the model's row is made of:
    {"pipeline": "pipeline.mpy", "model": "model.mpy", "features": "extra_features.py", "shifts": [3, ..], "classes": [..]}
extra_features.py has NAMES and features(np, window) -> numbers, window: the samples as float [points, axes].
"""

import json
from array import array

from auscult import pipeline as pipelines
from auscult import port


def numpy():
    """ulab.numpy, on a PC NumPy; ValueError where there is none."""
    if not port.MICROPYTHON and not port.CIRCUITPYTHON:
        import numpy

        return numpy
    try:
        from ulab import numpy
    except ImportError:
        raise ValueError("this firmware has no ulab, which extra features need: build one with "
                         "`auscult firmware BOARD --ulab CHECKOUT`, or take a board whose CircuitPython has it")
    return numpy


class Features:
    """What an extra_features.py computes of one window of int16 samples."""

    def __init__(self, np, text, path):
        namespace = {}
        exec(compile(text, path, "exec"), namespace)
        self.names, self._features, self._np, self._path = namespace["NAMES"], namespace["features"], np, path
        self._float = np.float32 if hasattr(np, "float32") else np.float

    def into(self, row, at, samples, axes):
        """Writes them into an array('h') from `at` on; samples: bytearray of int16, axes interleaved."""
        np = self._np
        words = np.frombuffer(samples, dtype=np.int16) if hasattr(np, "frombuffer") else array("h", samples)
        values = self._features(np, np.array(words, dtype=self._float).reshape((len(samples) // (2 * axes), axes)))
        if len(values) != len(self.names):
            raise ValueError("%s: features() gives %d values, NAMES has %d" % (self._path, len(values), len(self.names)))
        for value in values:
            row[at] = word(value)
            at += 1


def word(value):
    """A number as the model's int16: rounded, halves to even, and kept within; what is no number is 0."""
    if value != value:
        return 0
    return 32767 if value >= 32767 else -32768 if value <= -32768 else int(round(float(value)))


def load(path):
    """The pipeline that an extra.json describes."""
    np = numpy()
    try:
        with open(path) as file:
            facts = json.load(file)
        folder = path.rpartition("/")[0]
        files = [pipelines.located(facts[key], folder) for key in ("pipeline", "model", "features")]
        with open(files[2]) as file:
            text = file.read()
    except (OSError, ValueError, KeyError) as error:
        raise ValueError("extra features of %s: %r; copy them again" % (path, error))
    pipeline = pipelines.load(files[0])
    return ExtraPipeline(pipeline.module, pipelines.module_of(files[1]), Features(np, text, files[2]), facts)


class ExtraPipeline(pipelines.Pipeline):
    """A pipeline without a model, the last samples, and the model that sees both. It allocates for each window."""

    def __init__(self, module, model, features, facts):
        super().__init__(module)
        self.classes, self._shifts, self._features = facts["classes"], facts["shifts"], features
        self._predict, inputs = model.predict, len(self._shifts) + len(features.names)
        if inputs != model.FEATURES or len(self._shifts) != self.info["features"]:
            raise ValueError("a model of %d features, but the pipeline gives %d and %d are extra"
                             % (model.FEATURES, self.info["features"], len(features.names)))
        self._row, self._said = array("h", bytes(2 * inputs)), array("i", bytes(4 * model.OUT_WORDS))
        self.has_score = model.OUT_WORDS == 1 and len(self.classes) > 1
        self._samples = bytearray(2 * len(self.axes) * self.info["window"])

    def push(self, block, on_verdict=None):
        """As Pipeline.push."""
        if not isinstance(block, (bytes, bytearray, memoryview)):
            block = bytes(block)
        block = memoryview(block)
        at, found, size = 0, None, 2 * len(self.axes)
        while len(block):
            begin = at
            at = self._push(self._state, block, begin, self._out)
            self._keep(block[begin * size : at * size])
            if not self._out[0]:
                break
            self._judge()
            found = self
            if on_verdict is not None:
                on_verdict(self)
        return found

    def _keep(self, new):
        samples, n = memoryview(self._samples), len(new)
        if n >= len(samples):
            samples[:] = new[n - len(samples) :]
        elif n:
            samples[:-n] = samples[n:]
            samples[-n:] = new

    def _judge(self):
        out, row = self._out, self._row
        for i, shift in enumerate(self._shifts):
            row[i] = min(max(self.feature(i) >> shift, -32768), 32767)
        self._features.into(row, len(self._shifts), self._samples, len(self.axes))
        self.window, self.marked, self.novel = out[2], bool(out[0] & 2), bool(out[0] & 4)
        self.index = self._predict(row, self._said)

    def row(self):
        """What the model saw of the last window."""
        return self._row

    @property
    def score(self):
        return self._said[0]

    def proba(self, i):
        return self._said[i]
