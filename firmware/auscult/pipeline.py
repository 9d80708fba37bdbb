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
try:
    from binascii import crc32
except ImportError:  # some boards' CircuitPython: there only the end of a file is looked at
    crc32 = None

# Native architectures by their number in a .mpy file's third byte (MicroPython's py/persistentcode.h). A board that
# is armv7em for the compiler runs armv7m modules: same calling convention, no FPU.
_ARCH = ("bytecode", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7m", "armv7emsp", "armv7emdp", "xtensa",
         "xtensawin", "rv32imc")


def _arch(feature_byte):
    number = feature_byte >> 2 & 0x0F
    return _ARCH[number] if number < len(_ARCH) else "architecture %d" % number


class _Mpy:
    """Looks through a .mpy file without loading it, because MicroPython's loader does not notice where a file breaks
    off. Code and constants are passed over, and few functions called: this is a small part of what loading costs.

    The format is MicroPython's py/persistentcode.c, version 6; a native module has the parts that its
    tools/mpy_ld.py writes: names, code, constants, relocations."""

    def __init__(self, stream, path):
        self._stream, self._path = stream, path
        self._begin = self._at = self._size = 0
        self._data = stream.read(256)  # header and names take less

    def check(self):
        """Raises ValueError unless this board can load the file."""
        if self._path.endswith(".py"):
            return self._portable()
        self._header()
        if self._data[2] >> 2 & 0x0F == 0 or self._ends():
            return self._portable()
        try:
            self._sections()
        except IndexError:
            size = self._stream.seek(0, 2)
            raise ValueError("%s is cut short at %d bytes: copy it again" % (self._path, size))

    def _header(self):
        header = self._data[:4]
        if len(header) < 4 or header[0] != 0x4D or header[1] != 6:
            raise ValueError("%s is not a pipeline module (.mpy version 6): it begins with %r" % (self._path, header))
        own = getattr(sys.implementation, "_mpy", 0)
        built, board = _arch(header[2]), _arch(own >> 8)
        if built not in ("bytecode", board):
            if board == "bytecode":
                raise ValueError("%s is built for %s, this board cannot load native modules: use a firmware with the "
                                 "pipeline built in" % (self._path, built))
            raise ValueError("%s is built for %s, this board is %s: run `auscult build --board ...` for this board"
                             % (self._path, built, board))
        self._at = 4

    def _ends(self):
        """The CRC that a portable pipeline carries behind all that is loaded; None if it carries none."""
        self._size = self._stream.seek(0, 2)
        self._stream.seek(max(0, self._size - 17))
        end = self._stream.read()
        return end[8:16] if end[:8] == b"#Auscult" else None

    def _portable(self):
        """Python in a file, or compiled: it is whole if its CRC is right."""
        crc = self._ends()
        self._stream.seek(0)
        left = max(0, self._size - 17)
        found = 0
        while left and crc and crc32:
            data = self._stream.read(min(left, 256))
            left -= len(data)
            found = crc32(data, found)
        if not crc or crc32 and ("%08x" % found).encode() != crc:
            raise ValueError("%s is not an Auscult pipeline, or not a whole one: make one with `auscult build` and copy it "
                             "again" % self._path)

    def _sections(self):
        names, objects = self._uint(), self._uint()
        for _ in range(names):
            n = self._uint()
            if not n & 1:  # odd: a name that every firmware knows
                self._at += (n >> 1) + 1
        code = self._uint()
        if objects or code & 7 != 2:  # 2: machine code without children
            raise self._foreign()
        self._skip(code >> 3, 12)
        flags = self._uint()
        constants = self._uint() if flags & 0x20 else 0
        if flags & 0x40:
            self._uint()  # how much is to be zeroed
        self._skip(constants, -1)  # relocations are the last
        if flags & 0x10:
            self._relocations()

    def _skip(self, n, read):
        """Goes on n bytes later, with so many bytes in view (-1: all)."""
        self._begin += self._at + n
        self._at = 0
        self._stream.seek(self._begin)
        self._data = self._stream.read(read)

    def _uint(self):
        data, at, value = self._data, self._at, 0
        while data[at] > 0x7F:
            value = (value | data[at] & 0x7F) << 7
            at += 1
        self._at = at + 1
        return value | data[at]

    def _relocations(self):
        data, at = self._data, 0
        op = data[0]
        while op != 0xFF:
            at += 1
            if op & 1:  # a place follows
                while data[at] > 0x7F:
                    at += 1
                at += 1
            if op & 2 and op < 12:  # and how often
                while data[at] > 0x7F:
                    at += 1
                at += 1
            op = data[at]

    def _foreign(self):
        return ValueError("%s is not an Auscult pipeline: make one with `auscult build`" % self._path)


def module_of(path):
    """The module in a checked .mpy or .py file."""
    folder, _, name = path.rpartition("/")
    name = name[:name.rfind(".")]
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


def located(name, folder):
    """The path of a pipeline that a configuration in `folder` names: "pipeline.mpy" lies beside it."""
    return name if name.startswith("/") or "." not in name else folder + "/" + name


def _free():
    if mem_free is None:
        return ""
    collect()
    return ", %d bytes are free" % mem_free()


def load(path_or_module):
    """A Pipeline from the path of a .mpy file (or of a portable one, also .py), from a module that has been imported or built
    into the firmware, or from the .json file of one with extra features.

    Raises ValueError if the file is not a whole pipeline for this board, MemoryError if it does not fit."""
    module = path_or_module
    if isinstance(module, str):
        if module.endswith(".json"):
            from auscult import extra

            return extra.load(module)
        if not module.endswith((".mpy", ".py")):  # a module in the firmware
            try:
                module = __import__(module)
            except ImportError:
                raise ValueError("no pipeline %s in this firmware; the path of a file ends in .mpy or .py" % module)
        else:
            module = module_of(module)
    if not hasattr(module, "STATE_BYTES"):
        raise ValueError("%s is not an Auscult pipeline: make one with `auscult build`" % path_or_module)
    return Pipeline(module)


class Pipeline:
    """A stream processor with its buffers. After push() found a complete window:

    `label`: the class's name, `index`: its number (-1 without a model), `window`: number of the window, from 0,
    `marked`: samples are missing in it, `novel`: it is unlike all that the model was trained on,
    `proba(i)`: probability of class i in Q15 (32768 is 1),
    `score`: an anomaly detector's score, `feature(i)`: feature i in its fixed-point format."""

    def __init__(self, module):
        info = json.loads(module.info())
        self.info = info
        self.name, self.axes, self.classes = info["name"], info["axes"], info["classes"]
        self.hop = info["hop"]
        self.module, self._push = module, module.push
        need = module.STATE_BYTES + 4 * module.OUT_WORDS
        try:
            self._state = bytearray(module.STATE_BYTES)
            self._out = array("i", bytes(4 * module.OUT_WORDS))
        except MemoryError:
            raise MemoryError("pipeline %s needs %d bytes of buffers%s: use a shorter window or fewer axes"
                              % (self.name, need, _free()))
        self._features_at = module.OUT_WORDS - info["features"]
        self._shaft_mhz = 0
        self.has_score = self._features_at == 4 and len(self.classes) > 1
        self.index, self.window, self.marked, self.novel = -1, -1, False, False

    def push(self, block, on_verdict=None):
        """Feeds a whole block: int16, axes interleaved, little endian, as array('h') or as bytes; any number of
        samples. Calls on_verdict(self) for each window that it completes; returns self if there was one, else None.
        ValueError if it is no whole number of samples. Allocates nothing."""
        push, state, out = self._push, self._state, self._out
        at, found = 0, None
        while len(block):
            at = push(state, block, at, out)
            if not out[0]:  # no window any more: all is taken
                break
            flags = out[0]
            self.index, self.window = out[1], out[2]
            self.marked, self.novel = bool(flags & 2), bool(flags & 4)
            found = self
            if on_verdict is not None:
                on_verdict(self)
        return found

    def mark(self):
        """Says that samples are missing at the present place: the windows that reach over it will be marked."""
        self.module.mark(self._state)

    def set_shaft(self, hz):
        """The speed of the shaft from now on, for features at its orders; 0: the nominal one. ValueError if the pipeline
        has none of these."""
        if not hasattr(self.module, "set_shaft"):
            raise ValueError("pipeline %s looks at no orders of a shaft" % self.name)
        if not 0 <= hz <= 1000000:
            raise ValueError("shaft at %s Hz: 0 to 1000000" % hz)
        self._shaft_mhz = round(hz * 1000)
        self.module.set_shaft(self._state, self._shaft_mhz)

    def reset(self):
        """Forgets all samples; the speed of the shaft stays."""
        for i in range(len(self._state)):
            self._state[i] = 0
        if self._shaft_mhz:
            self.module.set_shaft(self._state, self._shaft_mhz)
        self.index, self.window, self.marked, self.novel = -1, -1, False, False

    @property
    def label(self):
        return self.classes[self.index] if self.index >= 0 else None

    @property
    def score(self):
        return self._out[3]

    def proba(self, i):
        return self._out[3 + i]

    def words(self):
        """All that the pipeline said of the last window, as it came: for comparing bit by bit."""
        return list(self._out)

    def feature(self, i):
        return self._out[self._features_at + i]
