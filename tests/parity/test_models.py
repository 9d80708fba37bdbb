# SPDX-License-Identifier: Apache-2.0
"""Every kind of model says what scikit-learn says, in all rows, on every target, as a native module."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from auscult_host import build, toolchain
from auscult_host.estimators import convert
from auscult_host.simulator import SimBoard

from parity.model_cases import CASES, N_ROWS, NARROW
from parity.model_on_host import run_model

NAMES = ["bench_forest_fast", "bench_forest_small", "extra_trees_fast", "tree_fast", "mlp_relu", "mlp_tanh",
         "mixture_full", "envelope", "bayes_10_names", "lda_4_names", "logistic_2", "knn_scaled_4", "knn_distance_4",
         "median", "line_rule", "chosen_forest", "lda_8", "mlp_16", "mlp_unscaled_8", "knn_8"]
# Runs on every interpreter; `open_file` reads and writes files of the PC.
_RUN = """
import array, gc, sys
sys.modules.pop({name!r}, None)
import {name} as m
x, y = array.array('h', bytes(2 * m.FEATURES)), array.array('i', bytes(4 * m.OUT_WORDS))
f, o = open_file({rows!r}, 'rb'), open_file({got!r}, 'wb')
c = array.array('i', [0, 0])
for _ in range({n}):
    f.readinto(x)
    c[0], c[1] = m.predict(x), m.predict(x, y)
    o.write(c)
    o.write(y)
f.close(); o.close()
del m, sys.modules[{name!r}]
gc.collect()
"""


def check(name: str, arch: str, folder: Path, run: Callable[[Path, str], None]) -> None:
    case = next(case for case in CASES + NARROW if case.name == name)
    estimator, rows = case.fit()
    code = convert(estimator, rows.shape[1], case.layout, bits=case.bits)
    module = build.model_module("m_" + name, code, rows.shape[1], arch)
    (folder / "rows").write_bytes(rows.astype("<i2").tobytes())
    (folder / "got").unlink(missing_ok=True)
    run(module, _RUN.format(name="m_" + name, rows=str(folder / "rows"), got=str(folder / "got"), n=N_ROWS))
    got = np.frombuffer((folder / "got").read_bytes(), "<i4").reshape(N_ROWS, -1)
    if case.bits < 32:  # not what scikit-learn says, but the same everywhere
        classes, p, _ = run_model(code, rows, folder)
        assert (got[:, :2] == classes[:, None]).all() and (got[:, 2:] == p * 32768).all()
        return
    expected = estimator.predict(rows.astype(float))
    labels = np.array(code.classes)
    assert (labels[got[:, 0]] == expected).all()
    assert (got[:, 0] == got[:, 1]).all()
    if hasattr(estimator, "predict_proba"):
        assert np.abs(got[:, 2:] / 32768 - estimator.predict_proba(rows.astype(float))).max() <= 1 / 255


@pytest.mark.parametrize("name", NAMES)
def test_on_boards(name: str, board: SimBoard, tmp_path: Path) -> None:
    def run(module: Path, code: str) -> None:
        board.put(module, f"/m_{name}.mpy")
        board.exec("import simboard\nopen_file = simboard.host_open\n" + code, timeout_s=300)
        board.exec(f"import os\nos.remove('/m_{name}.mpy')")

    check(name, board.board.arch, tmp_path, run)


@pytest.mark.parametrize("name", NAMES)
def test_on_this_pc(name: str, tmp_path: Path) -> None:
    """x64 native modules, on MicroPython's unix port."""
    def run(module: Path, code: str) -> None:
        (tmp_path / f"m_{name}.mpy").write_bytes(module.read_bytes())
        done = subprocess.run([str(toolchain.unix_micropython()), "-c", "open_file = open\n" + code], text=True,
                              capture_output=True, env={**os.environ, "MICROPYPATH": str(tmp_path)})
        assert done.returncode == 0, done.stdout + done.stderr

    check(name, "x64", tmp_path, run)
