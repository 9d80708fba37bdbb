# SPDX-License-Identifier: Apache-2.0
"""A model's C on this computer: compiled strictly and with the undefined-behaviour sanitizer, called by ctypes."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
from auscult_host import paths
from auscult_host.estimators import ModelCode

FLAGS = ["-std=c99", "-pedantic", "-O0", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]
SANITIZER = ["-fsanitize=undefined", "-fno-sanitize-recover=all"]

_DRIVER = """
const int n_classes = AUS_MODEL_CLASSES, n_acc = AUS_MODEL_ACC;
void run(const int16_t *x, int n, int features, int32_t *acc, int32_t *classes, uint16_t *p) {
    for (int i = 0; i < n; i++, x += features, acc += AUS_MODEL_ACC, p += AUS_MODEL_CLASSES) {
        classes[i] = aus_model(x, acc);
        aus_model_proba(acc, p);
    }
}
"""


def compile_c(source: str, folder: Path, flags: list[str], output: str = "model.so") -> Path:
    """The compiled file of some C that may include firmware/native's headers."""
    (folder / "model.c").write_text("#include <stdint.h>\n" + source)
    target = folder / output
    command = ["gcc", *FLAGS, *flags, f"-I{paths.assets() / 'firmware' / 'native'}", "-o", str(target)]
    subprocess.run([*command, str(folder / "model.c")], check=True)
    return target


def pointer(values: np.ndarray) -> ctypes.c_void_p:
    return values.ctypes.data_as(ctypes.c_void_p)


def run_model(code: ModelCode, rows: np.ndarray, folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(class index [n], probabilities [n, K] as fractions, accumulators [n, words]) of int16 rows [n, features]."""
    library = ctypes.CDLL(str(compile_c(code.c_source + _DRIVER, folder, [*SANITIZER, "-shared", "-fPIC"])))
    n_classes, n_acc = (ctypes.c_int.in_dll(library, name).value for name in ("n_classes", "n_acc"))
    rows = np.ascontiguousarray(rows, np.int16)
    acc = np.zeros((len(rows), n_acc), np.int32)
    classes = np.zeros(len(rows), np.int32)
    p = np.zeros((len(rows), n_classes), np.uint16)
    library.run(pointer(rows), len(rows), rows.shape[1], pointer(acc), pointer(classes), pointer(p))
    return classes, p / 32768, acc
