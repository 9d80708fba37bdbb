# SPDX-License-Identifier: Apache-2.0
"""A portable pipeline through the device package, as bytecode and as source, whole and not."""

import ast
from collections.abc import Callable
from pathlib import Path

import numpy as np
from auscult_host.hostlib import HostPipeline
from auscult_host.portable import files
from auscult_host.spec import PipelineSpec


def test_a_portable_pipeline_is_loaded_fed_and_checked(micropython: Callable[..., str], tmp_path: Path) -> None:
    spec = PipelineSpec.make(name="portable_load", window=64, hop=48, axes=["x"], features=["std.x", "q25.x"])
    made = files.pipeline(spec, archs=["armv7emsp"])
    for kind, name in (("portable", "compiled.mpy"), ("portable-py", "source.py"), ("portable-armv7emsp", "machine.mpy")):
        (tmp_path / name).write_bytes(made[kind].read_bytes())
    names = ("compiled.mpy", "source.py", "machine.mpy")
    printed = micropython("run_portable_load.py", *(tmp_path / name for name in names), tmp_path)
    found, last = printed.splitlines()
    host = HostPipeline(spec)
    n = np.arange(3000)
    data = ((n * 7919 * n) % 4001 - 2000).astype(np.int16)[:, None]
    expected = [(v.window, *map(int, v.features)) for v in host.push(data)]
    host.mark()
    expected += [(v.marked, int(v.features[0])) for v in host.push(data)]
    assert ast.literal_eval(found) == expected and last == "ok" and (True, expected[62][1]) in expected
