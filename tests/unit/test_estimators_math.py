# SPDX-License-Identifier: Apache-2.0
"""firmware/native/model_math.h against float64."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from parity.model_on_host import SANITIZER, compile_c, pointer

_DRIVER = """
#include "model_math.h"
void many_exp(const uint32_t *x, int n, int32_t *y) { for (int i = 0; i < n; i++) y[i] = model_exp(x[i]); }
void many_logistic(const int32_t *x, int n, int32_t *y) { for (int i = 0; i < n; i++) y[i] = model_logistic(x[i]); }
void many_tanh(const int32_t *x, int n, int32_t *y) { for (int i = 0; i < n; i++) y[i] = model_tanh(x[i]); }
void many_sqrt(const uint64_t *x, int n, uint32_t *y) { for (int i = 0; i < n; i++) y[i] = model_sqrt(x[i]); }
int argmax(const int64_t *z, int n, int q, int32_t *acc) { return model_argmax(z, n, q, acc); }
void softmax(const int32_t *acc, int n, uint16_t *p) { model_softmax(acc, n, p); }
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = Path(tmp_path_factory.mktemp("math"))
    return ctypes.CDLL(str(compile_c(_DRIVER, folder, [*SANITIZER, "-shared", "-fPIC"])))


def many(function: Callable[..., None], x: np.ndarray, result: type = np.int32) -> np.ndarray:
    y = np.zeros(len(x), result)
    function(pointer(x), len(x), pointer(y))
    return y


def test_exp(library: ctypes.CDLL) -> None:
    t = np.concatenate([np.arange(2**16), np.linspace(0, 2**32 - 1, 200_000)]).astype(np.uint32)
    error = many(library.many_exp, t) / 2**30 - np.exp(-(t / 2**24))
    assert np.abs(error).max() < 1e-7


@pytest.mark.parametrize("name", ["logistic", "tanh"])
def test_sigmoids(library: ctypes.CDLL, name: str) -> None:
    z = np.concatenate([np.arange(-(2**15), 2**15), np.linspace(1 - 2**31, 2**31 - 1, 200_001)]).astype(np.int32)
    true = {"logistic": lambda v: (1 + np.tanh(v / 2)) / 2, "tanh": np.tanh}[name](z / 2**24)
    assert np.abs(many(getattr(library, f"many_{name}"), z) / 2**30 - true).max() < 1e-7


def test_sqrt_is_the_floor(library: ctypes.CDLL) -> None:
    roots = np.concatenate([np.arange(1, 1000), np.linspace(1, 2**32 - 1, 50_000)]).astype(np.uint64)
    for square, root in ((roots**2, roots), (roots**2 - np.uint64(1), roots - np.uint64(1))):
        assert (many(library.many_sqrt, square, np.uint32) == root).all()
    assert many(library.many_sqrt, np.array([0, 2**64 - 1], np.uint64), np.uint32).tolist() == [0, 2**32 - 1]


@pytest.mark.parametrize("q", [0, 10, 24, 41, 60])
def test_argmax_and_softmax(library: ctypes.CDLL, q: int) -> None:
    rng = np.random.default_rng(q)
    for _ in range(300):
        z = (rng.normal(0, 10.0 ** rng.uniform(-2, 1.5), 6) * 2.0 ** min(q, 55)).astype(np.int64)
        z[3] = z[1]  # a tie now and then
        if rng.random() < 0.1:
            z[0] = -(2**62)
        acc, p = np.zeros(6, np.int32), np.zeros(6, np.uint16)
        assert library.argmax(pointer(z), 6, q, pointer(acc)) == int(np.argmax(z))
        library.softmax(pointer(acc), 6, pointer(p))
        odds = np.exp((z - z.max()) / 2.0**q)
        assert np.abs(p / 32768 - odds / odds.sum()).max() < 1e-4
