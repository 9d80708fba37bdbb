# SPDX-License-Identifier: Apache-2.0
"""The core under gcc's undefined-behaviour sanitizer: what is undefined may differ from target to target."""

import subprocess
import sys
from pathlib import Path

import pytest
from auscult_host import codegen, hostlib
from auscult_host import features as table
from auscult_host.spec import PipelineSpec

# Runs in a process of its own, which the sanitizer ends with a message at the first offence.
_RUN = """
import ctypes, sys
import numpy as np
import windows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
library, n = ctypes.CDLL(sys.argv[1]), int(sys.argv[2])
state = (ctypes.c_int32 * (library.host_state_bytes() // 4))()
out = np.zeros(library.host_out_words(), np.int32)
@settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(windows.window(n, 2))
def run(w):
    global last
    last = w
    w = np.ascontiguousarray(w)
    print(w.tolist(), file=open(sys.argv[3], 'w'))
    library.host_features(state, ctypes.c_void_p(w.ctypes.data), 1, ctypes.c_void_p(out.ctypes.data))
rows, ends = np.zeros((8, len(out)), np.int32), np.zeros(8, np.int32)
@settings(max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(windows.window(n, 2), min_size=3, max_size=6), st.sampled_from([0, 1, 1000, 30000, 2 ** 31, 2 ** 32 - 1]))
def stream(parts, shaft):
    w = np.ascontiguousarray(np.concatenate(parts))
    ctypes.memset(state, 0, ctypes.sizeof(state))
    library.host_set_shaft(state, ctypes.c_uint32(shaft))
    library.host_run(state, ctypes.c_void_p(w.ctypes.data), len(w), ctypes.c_void_p(rows.ctypes.data),
                     ctypes.c_void_p(ends.ctypes.data), 8)
stream() if len(sys.argv) > 4 else run()
"""
PLAIN = table.SIGNAL + [f"{b}_{i}_8" for b in ("band", "share") for i in (1, 8)]


SHORT = [k for k in table.SIGNAL if not table.KINDS[k].needs]
CROSS = [k for k in table.SIMPLE if k not in table.SIGNAL]


@pytest.mark.parametrize("window", [20, 64, 200, 512, 1024, 4096])
@pytest.mark.parametrize("kind", [0, 2])
def test_nothing_is_undefined(window: int, kind: int, tmp_path: Path) -> None:
    """kind 0: 64-bit multiplier; 2: the Cortex-M0's way to multiply, which plain C can run here as well."""
    plain = PLAIN if window >= 64 else SHORT
    kinds = [k + ".x" for k in plain] + [f"env_{k}.y" for k in plain] + ["rms.norm", *CROSS]
    check(PipelineSpec.make(window=window, hop=window, axes=["x", "y"], features=table.names(["x", "y"], kinds)), kind, tmp_path)


@pytest.mark.parametrize(("window", "front"), [
    (1024, {"kind": "log_envelope", "low_hz": 100, "high_hz": 700, "decimate": 16}),
    (512, {"kind": "log_envelope", "low_hz": 4, "high_hz": 20, "decimate": 2}), (16384, {"kind": "decimate", "decimate": 256}),
    (300, None)])
@pytest.mark.parametrize("kind", [0, 2])
def test_nothing_is_undefined_in_streams(window: int, front: dict | None, kind: int, tmp_path: Path) -> None:
    kinds = ["std", "line_odd", "side_odd", "cepstrum_peak", "std:mean5", "min:lag16", "env_line_odd:mean16"]
    check(PipelineSpec.make(window=window, hop=window // 2, axes=["x", "y"], front=front, shaft_hz=0.2, orders={"odd": 3.3},
                            features=table.names(["x", "y"], kinds)), kind, tmp_path, "stream")


def check(spec: PipelineSpec, kind: int, tmp_path: Path, *how: str) -> None:
    (tmp_path / "pipeline.c").write_text(codegen.generate(spec))
    library = tmp_path / "pipeline.so"
    subprocess.run(["gcc", *hostlib.FLAGS, "-fno-wrapv", "-fstrict-overflow", "-O1", f"-DAUS_KIND={kind}",
                    "-fsanitize=undefined", "-fno-sanitize=shift-base,alignment", "-fno-sanitize-recover=all",
                    f"-I{hostlib.native_sources()}", f'-DAUS_PIPELINE_FILE="{tmp_path}/pipeline.c"',
                    str(hostlib.native_sources() / "aus_host.c"), "-o", str(library)], check=True)
    runtime = subprocess.run(["gcc", "-print-file-name=libubsan.so"], capture_output=True, text=True).stdout.strip()
    tests = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", _RUN, str(library), str(spec.window), str(tmp_path / "last"), *how],
                          text=True, capture_output=True, env={"LD_PRELOAD": runtime, "PYTHONPATH": f"{tests}"})
    assert done.returncode == 0, done.stderr[-2000:]
