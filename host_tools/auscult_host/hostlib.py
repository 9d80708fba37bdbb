# SPDX-License-Identifier: Apache-2.0
"""The compiled pipeline on the PC: what is trained and evaluated is the C that ships."""

import ctypes
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import codegen, paths, toolchain
from .errors import AuscultError
from .spec import PipelineSpec

if TYPE_CHECKING:
    from .estimators import ModelCode

FLAGS = ["-O2", "-std=gnu99", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-strict-overflow", "-Wall", "-Wextra", "-Werror",
         "-Wno-unused-function"]


def native_sources() -> Path:
    """Folder of the C core."""
    return paths.assets() / "firmware" / "native"


def sources_digest() -> str:
    """Changes when any file of the C core does."""
    digest = hashlib.sha256()
    for file in sorted(native_sources().glob("*.[ch]")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


@dataclass
class Verdict:
    """What the pipeline says of one window. score: an anomaly detector's, else None;
    novel: it is unlike those of training."""

    window: int
    index: int
    marked: bool
    proba: NDArray[np.float64]
    features: NDArray[np.int32]
    score: int | None = None
    novel: bool = False


@dataclass
class Run:
    """A whole recording through a pipeline, by windows: features int32[m, F]; start int64[m], the first sample of each;
    index int32[m], the class or -1; out int32[m, K], probabilities in Q15 or the score; flags uint8[m]: bit 0 complete,
    bit 1 samples missing, bit 2 novel."""

    features: NDArray[np.int32]
    start: NDArray[np.int64]
    index: NDArray[np.int32]
    out: NDArray[np.int32]
    flags: NDArray[np.uint8]


class HostPipeline:
    """A pipeline built as a shared library and called through ctypes. Builds are cached by their content."""

    def __init__(self, spec: PipelineSpec, model: "ModelCode | None" = None) -> None:
        self.spec, self.model = spec, model
        self.source = codegen.generate(spec, model)
        self._state = (ctypes.c_int32 * (self.library.host_state_bytes() // 4))()
        self._out = np.zeros(self.library.host_out_words(), np.int32)

    @cached_property
    def library(self) -> Any:
        """The shared library, for ctypes."""
        key = hashlib.sha256((self.source + sources_digest() + " ".join(FLAGS)).encode()).hexdigest()[:20]
        library = paths.cache() / "host" / f"{self.spec.name}-{key}.so"
        if not library.is_file():
            compiler = toolchain.require("gcc")
            library.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix="host-", dir=library.parent) as folder:
                work = Path(folder)
                (work / "pipeline.c").write_text(self.source)
                toolchain.run([compiler, *FLAGS, f"-I{native_sources()}", f'-DAUS_PIPELINE_FILE="{work}/pipeline.c"',
                               str(native_sources() / "aus_host.c"), "-o", str(work / "pipeline.so")],
                              "compiling the pipeline for this PC")
                (work / "pipeline.so").replace(library)
        return ctypes.CDLL(str(library))

    def features(self, windows: NDArray[np.int16]) -> NDArray[np.int32]:
        """int16 windows [n, window, axes] to int32 features [n, F], fixed point as in the table of features."""
        if self.spec.streaming:
            raise AuscultError(f"pipeline {self.spec.name} remembers what was before a window", "whole recordings",
                               "use run(samples)")
        shape = (self.spec.window, len(self.spec.axes))
        if windows.ndim != 3 or windows.shape[1:] != shape or windows.dtype != np.int16:
            raise AuscultError(f"windows of shape {windows.shape}, {windows.dtype}", f"[n, {shape[0]}, {shape[1]}] int16",
                               "cut them with dataset.windows")
        windows = np.ascontiguousarray(windows)
        out = np.zeros((len(windows), len(self.spec.features)), np.int32)
        self.library.host_features(self._state, _pointer(windows), len(windows), _pointer(out))
        self.reset()
        return out

    def quantised(self, windows: NDArray[np.int16]) -> NDArray[np.int16]:
        """int16 windows [n, window, axes] to what the model sees: int16 [n, F]."""
        return quantise(self.features(windows), self.spec.shifts)

    def predict_q(self, rows: NDArray[np.int16]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Quantised features [n, F] to classes [n] and probabilities in Q15 [n, K] (or the score [n, 1])."""
        if self.model is None:
            raise AuscultError(f"pipeline {self.spec.name} has no model", "a pipeline built with one",
                               "pass the model's code to HostPipeline, or use Trained.pipeline()")
        rows, width = np.ascontiguousarray(rows, np.int16), len(self.spec.features)
        if rows.ndim != 2 or rows.shape[1] != width:
            raise AuscultError(f"rows of shape {rows.shape}", f"[n, {width}]: the pipeline's {width} features, quantised",
                               "make them with quantised(windows)")
        outputs = self.library.host_out_words() - 3 - width
        classes, out = np.zeros(len(rows), np.int32), np.zeros((len(rows), outputs), np.int32)
        self.library.host_classify(_pointer(rows), len(rows), _pointer(classes), _pointer(out))
        return classes, out

    def reset(self) -> None:
        """Forget all samples."""
        ctypes.memset(self._state, 0, ctypes.sizeof(self._state))

    def mark(self) -> None:
        """Samples are missing here: windows that reach over this place are marked."""
        self.library.host_mark(self._state)

    def set_shaft(self, hz: float) -> None:
        """The speed of the shaft from now on; 0: the nominal one. Lasts until reset()."""
        self.library.host_set_shaft(self._state, ctypes.c_uint32(round(hz * 1000)))

    def run(self, samples: NDArray[np.int16], *, shaft_hz: float = 0.0) -> Run:
        """Everything the pipeline says of int16 samples [n, axes] from a fresh start; shaft_hz 0: the nominal speed."""
        self._check(samples)
        samples = np.ascontiguousarray(samples)
        windows = max(0, (len(samples) - self.spec.window) // self.spec.hop + 1)
        rows, ends = np.empty((windows, len(self._out)), np.int32), np.empty(windows, np.int32)
        self.reset()
        self.set_shaft(shaft_hz)
        found = self.library.host_run(self._state, _pointer(samples), len(samples), _pointer(rows), _pointer(ends),
                                      windows)
        self.reset()
        starts = np.arange(windows, dtype=np.int64) * self.spec.hop
        if self.spec.trigger:
            rows, starts = rows[:found], ends[:found].astype(np.int64) - self.spec.window
        assert found == len(starts), (found, windows)
        first = rows.shape[1] - len(self.spec.features)
        return Run(rows[:, first:], starts, rows[:, 1], rows[:, 3:first],
                   rows[:, 0].astype(np.uint8))

    def _check(self, block: NDArray[np.int16]) -> None:
        if block.ndim != 2 or block.shape[1] != len(self.spec.axes) or block.dtype != np.int16:
            raise AuscultError(f"block of shape {block.shape}, {block.dtype}", f"[n, {len(self.spec.axes)}] int16",
                               "make it with recordings.to_int16")

    def first_words(self, block: NDArray[np.int16]) -> list[int]:
        """Feed int16 samples [n, axes]; all output words of the first window that they complete, [] without one."""
        self._check(block)
        at = 0
        while at < len(block):
            at = self.library.host_push(self._state, _pointer(block), len(block), at, _pointer(self._out))
            if self._out[0]:
                return [int(word) for word in self._out]
        return []

    def push(self, block: NDArray[np.int16]) -> list[Verdict]:
        """Feed int16 samples [n, axes]; a verdict for each window they complete."""
        self._check(block)
        block = np.ascontiguousarray(block)
        at, verdicts, out = 0, [], self._out
        while at < len(block):
            at = self.library.host_push(self._state, _pointer(block), len(block), at, _pointer(out))
            if out[0]:
                extra = out[3:len(out) - len(self.spec.features)]
                scored = self.model is not None and "AUS_MODEL_SCORE" in self.model.c_source
                verdicts.append(Verdict(int(out[2]), int(out[1]), bool(out[0] & 2),
                                        np.zeros(0) if scored else extra / 32768.0,
                                        out[len(out) - len(self.spec.features):].copy(),
                                        int(extra[0]) if scored else None, bool(out[0] & 4)))
        return verdicts


def quantise(features: NDArray[np.int32], shifts: Sequence[int]) -> NDArray[np.int16]:
    """int32 features [n, F] >> shifts [F], saturated to int16: the model's input, as in C."""
    rows: NDArray[np.int16] = np.clip(features >> np.array(shifts, np.int32), -32768, 32767).astype(np.int16)
    return rows


def choose_shifts(features: NDArray[np.int32]) -> list[int]:
    """The shift of each feature that keeps the training range [n, F], and as much again, within int16."""
    top = np.maximum(np.abs(features.astype(np.int64)).max(axis=0), 1)
    return [max(0, int(t).bit_length() - 14) for t in top]


def _pointer(array: NDArray[Any]) -> Any:
    return ctypes.c_void_p(array.ctypes.data)
