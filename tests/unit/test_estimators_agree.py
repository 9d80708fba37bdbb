# SPDX-License-Identifier: Apache-2.0
"""Converted models decide like scikit-learn, in every row."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from auscult_host.estimators import convert
from auscult_host.estimators.scaling import Scaling, take_apart
from auscult_host.estimators.trees import Split, read_forest, walk
from parity.model_cases import CASES, N_ROWS, ModelCase
from parity.model_on_host import compile_c, run_model

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_class_and_probabilities(case: ModelCase, tmp_path: Path) -> None:
    model, rows = case.fit()
    assert rows.shape[0] == N_ROWS and rows.dtype == np.int16
    code = convert(model, rows.shape[1], case.layout)
    found, probabilities, acc = run_model(code, rows, tmp_path)
    expected = model.predict(rows.astype(float))
    assert (np.array(code.classes)[found] == expected).all()
    assert len(set(expected)) > 1 or "one_leaf" in case.name
    if code.kind == "EllipticEnvelope":
        true_distance = np.sqrt(-model.score_samples(rows.astype(float)))
        score = acc[:, 0] / 2.0 ** code.description["score_bits"]
        assert np.allclose(score, true_distance, rtol=1e-4)
        assert ((acc[:, 0] > code.description["score_threshold"]) == (found == 0)).all()
    else:
        error = np.abs(probabilities - model.predict_proba(rows.astype(float))).max()
        assert error < 1 / 255
        assert error < code.description["probability_error"] + 2**-12


@pytest.mark.parametrize("layout", ["fast", "small"])
def test_exact_at_every_threshold(layout: str, tmp_path: Path) -> None:
    """Rows that stand on a threshold, one step below and one above it."""
    case = next(case for case in CASES if case.name == "forest_scaled_fast")
    model, rows = case.fit()
    scalers, inner = take_apart(model)
    forest = read_forest(inner, Scaling(scalers, rows.shape[1]))
    splits = [node for tree in forest.trees for node in walk(tree) if isinstance(node, Split)]
    edges = np.repeat(rows[np.arange(len(splits)) % N_ROWS], 3, axis=0)
    for i, split in enumerate(splits):
        edges[3 * i : 3 * i + 3, split.feature] = np.clip([split.threshold + d for d in (-1, 0, 1)], -32768, 32767)
    found, _, _ = run_model(convert(model, rows.shape[1], layout), edges, tmp_path)
    assert (found == model.predict(edges.astype(float))).all()


@pytest.mark.parametrize("name", ["bench_forest_fast", "bench_forest_small", "mlp_tanh", "mixture_full", "envelope"])
def test_nothing_to_relocate_and_no_state(name: str, tmp_path: Path) -> None:
    """Native modules cannot have pointers in tables, initialised data or bss."""
    case = next(case for case in CASES if case.name == name)
    model, rows = case.fit()
    source = convert(model, rows.shape[1], case.layout).c_source
    source += "int use(const int16_t *x, int32_t *a, uint16_t *p) { aus_model_proba(a, p); return aus_model(x, a); }"
    built = compile_c(source, tmp_path, ["-c", "-O2", "-fpic", "-fno-common", "-fno-jump-tables"], "model.o")
    sections = subprocess.run(["size", "-A", str(built)], check=True, capture_output=True, text=True).stdout
    sizes = {line.split()[0]: int(line.split()[1]) for line in sections.splitlines() if line.startswith(".")}
    assert sizes[".text"] > 100
    assert not {name: size for name, size in sizes.items() if name.startswith((".data", ".bss")) and size}
    missing = subprocess.run(["nm", "-u", str(built)], check=True, capture_output=True, text=True).stdout.split()
    assert not set(missing) - {"U", "memset", "memcpy", "memmove", "_GLOBAL_OFFSET_TABLE_"}
    for word in ("float", "double", "malloc"):
        assert word not in source


def test_small_forest_fits() -> None:
    """The packed table of the forest that the figures are about."""
    model, rows = next(case for case in CASES if case.name == "bench_forest_small").fit()
    facts = convert(model, rows.shape[1], "small").description
    assert facts["splits"] == 1479 and facts["words_per_split"] == 1
    assert facts["table_bytes"] <= 7900
