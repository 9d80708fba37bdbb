# SPDX-License-Identifier: Apache-2.0
"""The compiled pipeline: loads its native module (or takes one built into the firmware) and feeds it samples.

    pipeline = load("/pipeline.mpy")
    if pipeline.push(block): print(pipeline.label, pipeline.proba(pipeline.index))
"""

import json
import sys
from array import array

try:
    from gc import collect, mem_free
except ImportError:  # CPython: memory is no concern there
    collect = mem_free = None

# Native architectures by their number in a .mpy file's third byte (MicroPython's py/persistentcode.h). A board that
# is armv7em for the compiler runs armv7m modules: same calling convention, no FPU.
_ARCH = ("bytecode", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7m", "armv7emsp", "armv7emdp", "xtensa",
         "xtensawin", "rv32imc")


def _arch(feature_byte):
    number = feature_byte >> 2 & 0x0F
    return _ARCH[number] if number < len(_ARCH) else "architecture %d" % number


class _Mpy:
    """Walks a .mpy file without loading it, because MicroPython's loader does not notice where a file breaks off.

    The format is MicroPython's py/persistentcode.c, version 6."""

    def __init__(self, stream, path):
        self._stream, self._path = stream, path
        self._size = stream.seek(0, 2)
        self._at = stream.seek(0)

    def _byte(self):
        one = self._stream.read(1)
        if not one:
            raise ValueError("%s is cut short at %d bytes: copy it again" % (self._path, self._size))
        self._at += 1
        return one[0]

    def _uint(self):
        value = 0
        while True:
            byte = self._byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value

    def _skip(self, n):
        self._at += n
        if self._at > self._size:
            raise ValueError("%s is cut short at %d bytes: copy it again" % (self._path, self._size))
        self._stream.seek(self._at)

    def check(self):
        """Raises ValueError unless this board can load the file."""
        header = self._stream.read(4)
        self._at = 4
        if len(header) < 4 or header[0] != 0x4D or header[1] != 6:
            raise ValueError("%s is not a pipeline module (.mpy version 6): it begins with %r" % (self._path, header))
        own = getattr(sys.implementation, "_mpy", 0)
        built, board = _arch(header[2]), _arch(own >> 8)
        if built != "bytecode" and built != board:
            if board == "bytecode":
                raise ValueError("%s is built for %s, this board cannot load native modules: use a firmware with the "
                                 "pipeline built in" % (self._path, built))
            raise ValueError("%s is built for %s, this board is %s: run `auscult build --board ...` for this board"
                             % (self._path, built, board))
        names, objects = self._uint(), self._uint()
        for _ in range(names):
            n = self._uint()
            if not n & 1:  # odd: a name that every firmware knows
                self._skip((n >> 1) + 1)
        for _ in range(objects):
            self._object()
        self._code()

    def _object(self):
        kind = self._byte()
        if kind >= 5:  # below: None, False, True, Ellipsis, the function table
            n = self._uint()
            if kind == 10:
                for _ in range(n):
                    self._object()
            else:
                self._skip(n + (kind <= 6))  # text and bytes end in a zero

    def _code(self):
        head = self._uint()
        kind, children = head & 3, head & 4  # kind: 0 bytecode, 1 native, 2 viper and C, 3 assembler
        self._skip(head >> 3)
        flags = 0
        if kind == 1:
            self._uint()
        elif kind:
            flags = self._uint()
            if kind == 3:
                self._uint()
                self._uint()
        if kind == 2:
            constants = self._uint() if flags & 0x20 else 0
            if flags & 0x40:
                self._uint()
            self._skip(constants)
        if children:
            for _ in range(self._uint()):
                self._code()
        if kind == 2 and flags & 0x10:  # relocations, up to 0xFF
            while True:
                op = self._byte()
                if op == 0xFF:
                    return
                if op & 1:
                    self._uint()
                op >>= 1
                if op <= 5 and op & 1:
                    self._uint()


def _import(path):
    """The module in a checked .mpy file."""
    folder, _, name = path.rpartition("/")
    name = name[:-4]
    try:
        with open(path, "rb") as stream:
            _Mpy(stream, path).check()
    except OSError as error:
        raise OSError("no pipeline at %s: copy one there with `auscult build` and mpremote (%s)" % (path, error))
    sys.modules.pop(name, None)  # another pipeline of this name, before an update
    sys.path.insert(0, "/" if path.startswith("/") and not folder else folder)
    try:
        return __import__(name)
    except MemoryError:
        raise MemoryError("%s does not fit into memory%s: use a smaller model or layout small" % (path, _free()))
    finally:
        sys.path.pop(0)


def _free():
    if mem_free is None:
        return ""
    collect()
    return ", %d bytes are free" % mem_free()


def load(path_or_module):
    """A Pipeline from a .mpy file's path, or from a module that has been imported or built into the firmware.

    Raises ValueError if the file is not a whole pipeline for this board, MemoryError if it does not fit."""
    module = path_or_module
    if isinstance(module, str):
        if not module.endswith(".mpy"):  # a module in the firmware
            module = __import__(module)
        else:
            module = _import(module)
    if not hasattr(module, "STATE_BYTES"):
        raise ValueError("%s is not an Auscult pipeline: make one with `auscult build`" % path_or_module)
    return Pipeline(module)


class Pipeline:
    """A stream processor with its buffers. After push() found a complete window:

    `label`: the class's name, `index`: its number (-1 without a model), `window`: number of the window, from 0,
    `marked`: samples are missing in it, `proba(i)`: probability of class i in Q15 (32768 is 1),
    `score`: an anomaly detector's score, `feature(i)`: feature i in its fixed-point format."""

    def __init__(self, module):
        info = json.loads(module.info())
        self.info = info
        self.name, self.axes, self.classes = info["name"], info["axes"], info["classes"]
        self.hop = info["hop"]
        self._module, self._push = module, module.push
        need = module.STATE_BYTES + 4 * module.OUT_WORDS
        try:
            self._state = bytearray(module.STATE_BYTES)
            self._out = array("i", bytes(4 * module.OUT_WORDS))
        except MemoryError:
            raise MemoryError("pipeline %s needs %d bytes of buffers%s: use a shorter window or fewer axes"
                              % (self.name, need, _free()))
        self._sample_bytes = 2 * len(self.axes)
        self._features_at = module.OUT_WORDS - info["features"]
        self.has_score = self._features_at == 4 and len(self.classes) > 1
        self.index, self.window, self.marked = -1, -1, False

    def push(self, block, on_verdict=None):
        """Feeds a whole block (int16, axes interleaved, little endian, any number of samples). Calls on_verdict(self)
        for each window that it completes; returns self if there was one, else None. Allocates nothing."""
        push, state, out = self._push, self._state, self._out
        n = len(block) // self._sample_bytes
        at, found = 0, None
        while at < n:
            at = push(state, block, at, out)
            if out[0]:
                self.index, self.window, self.marked = out[1], out[2], out[0] == 3
                found = self
                if on_verdict is not None:
                    on_verdict(self)
        return found

    def mark(self):
        """Says that samples are missing at the present place: the windows that reach over it will be marked."""
        self._module.mark(self._state)

    def reset(self):
        """Forgets all samples."""
        for i in range(len(self._state)):
            self._state[i] = 0
        self.index, self.window, self.marked = -1, -1, False

    @property
    def label(self):
        return self.classes[self.index] if self.index >= 0 else None

    @property
    def score(self):
        return self._out[3]

    def proba(self, i):
        return self._out[3 + i]

    def feature(self, i):
        return self._out[self._features_at + i]
