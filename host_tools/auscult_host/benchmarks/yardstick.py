# SPDX-License-Identifier: Apache-2.0
"""Straightforward float C of the set F54 (bench/yardstick in the checkout) as a native module, on the same boards."""

import hashlib
import os
import shutil
import sys
import tempfile
from math import cos, pi, sin
from pathlib import Path

import numpy as np

from .. import bench_models, build, features, hostlib, paths, toolchain
from ..errors import AuscultError
from ..spec import PipelineSpec
from .counting import Case, CountingBoard, LeftOutError, Metrics

# Float helpers of the compiler's library where there is no FPU. armv6m is left out: its helpers hold absolute
# addresses, which a native module cannot.
_MAKEFILE = """\
MPY_DIR = {micropython}
ARCH = {arch}
MOD = yardstick
SRC = f54.c
CFLAGS_EXTRA += -Os -fno-math-errno
include $(MPY_DIR)/py/dynruntime.mk
MPY_LD_FLAGS += -l$(realpath $(shell $(CROSS)gcc $(CFLAGS_ARCH) --print-libgcc-file-name))
"""
_SETUP = """
from yardstick import features, SCRATCH
from array import array
scratch, out = bytearray(SCRATCH), array('f', [0] * 54)
with open('/windows', 'rb') as file: data = file.read()
items = [memoryview(data)[i:i + 3072] for i in range(0, len(data), 3072)]
"""


def source() -> Path:
    """The yardstick's folder; only a checkout has it."""
    return paths.assets() / "bench" / "yardstick"


def _tables() -> str:
    def table(name: str, values: list[float]) -> str:
        return f"static const float {name}[{len(values)}] = {{{', '.join(f'{v:.10f}f' for v in values)}}};\n"

    return (table("cosine", [cos(2 * pi * i / 512) for i in range(512)])
            + table("hann", [sin(pi * i / 512) ** 2 for i in range(257)]))


def module(arch: str) -> Path:
    """The native module for one architecture; cached by its sources."""
    if not source().is_dir():
        raise LeftOutError("the yardstick's source is only in a checkout")
    text = (source() / "f54.c").read_text()
    toolchain.require(build.ARCHITECTURES[arch])
    key = hashlib.sha256((text + _tables() + _MAKEFILE).encode()).hexdigest()[:20]
    target = paths.cache() / "native" / f"yardstick-{arch}-{key}.mpy"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix="yardstick-", dir=target.parent))
        try:
            (work / "f54.c").write_text(text)
            (work / "tables.h").write_text(_tables())
            (work / "Makefile").write_text(_MAKEFILE.format(micropython=toolchain.micropython_dir(), arch=arch))
            toolchain.run(["make", "-s", f"PYTHON={sys.executable}"], f"building the yardstick for {arch}", work,
                          {**os.environ, "LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"})
            (work / "yardstick.mpy").replace(target)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return target


def _check(board: CountingBoard, values: list[float]) -> None:
    """The yardstick's features of the last window are ours: it computes the same."""
    spec = PipelineSpec.make(name="f54", features=features.names(["x", "y", "z"], features.F54_KINDS))
    ours = hostlib.HostPipeline(spec).features(bench_models.bench_windows()[-1:])[0] / np.array(
        [2.0 ** feature.kind.q for feature in spec.parsed()])
    theirs = np.array(values)
    for i, feature in enumerate(spec.parsed()):
        if feature.kind.name == "bands":
            theirs[i] = np.log2(theirs[i])
    wrong = np.abs(ours - theirs) > 0.02 * np.maximum(1, np.abs(ours))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise AuscultError(f"{board.name}: the yardstick's {spec.features[i]} is {theirs[i]:.5g}", f"{ours[i]:.5g}, as ours")


def _yardstick(board: CountingBoard) -> Metrics:
    native = module(board.arch)
    board.put(native, "/yardstick.mpy")
    board.put(bench_models.bench_windows().astype("<i2").tobytes(), "/windows")
    counted = board.calls(_SETUP, "features", "features(item, scratch, out)", "scratch out")
    _check(board, [float(value) for value in board.board.exec("print(*out)").split()])
    return counted | {"file_bytes": native.stat().st_size}


CASES = [Case("yardstick.f54", _yardstick, boards=("sim_m4", "sim_m7", "sim_m3", "sim_rv32"))]
