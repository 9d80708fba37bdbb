# SPDX-License-Identifier: Apache-2.0
"""Converted models decide like scikit-learn, in every row."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from auscult_host.estimators import convert, fit_guard
from auscult_host.estimators.scaling import Scaling, take_apart
from auscult_host.estimators.trees import Split, read_forest, walk
from parity.model_cases import CASES, N_ROWS, NARROW, ModelCase
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
    elif code.kind == "MedianDistance":
        score = acc[:, 0] / 2.0 ** code.description["score_bits"]
        assert np.allclose(score, np.minimum(-model.score_samples(rows.astype(float)), 2**14), rtol=1e-6, atol=2**-15)
    elif hasattr(model, "predict_proba"):
        error = np.abs(probabilities - model.predict_proba(rows.astype(float))).max()
        assert error < 1 / 255
        assert error < code.description["probability_error"] + 2**-12


@pytest.mark.parametrize("case", NARROW, ids=lambda case: case.name)
def test_fewer_bits_say_what_they_cost(case: ModelCase, tmp_path: Path) -> None:
    """Smaller tables; the class agreement of the description is that of the C."""
    model, rows = case.fit()
    wide, narrow = (convert(model, rows.shape[1], bits=bits, rows=rows) for bits in (32, case.bits))
    # kNN's rows are int16 anyway
    assert narrow.description["table_bytes"] < wide.description["table_bytes"] or case.name == "knn_16"
    found, _, _ = run_model(narrow, rows, tmp_path)
    agreement = float(np.mean(np.array(narrow.classes)[found] == model.predict(rows.astype(float))))
    assert agreement == pytest.approx(narrow.description.get("class_agreement", 1), abs=0.002)
    assert agreement >= (0.995 if case.bits == 16 else 0.9)


def size_of_tables(source: str, folder: Path) -> int:
    """Bytes of the constant tables whose names start with model_."""
    driver = "int use(const int16_t *x, int32_t *a, uint16_t *p) { aus_model_proba(a, p); return aus_model(x, a); }\n"
    if "AUS_GUARD" in source:
        driver += "int use_guard(const int16_t *x) { return aus_novel(x); }\n"
    built = compile_c(source + driver, folder, ["-c", "-O1", "-fno-toplevel-reorder"], "model.o")
    symbols = subprocess.run(["nm", "-S", "--defined-only", str(built)], check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in symbols.splitlines()]
    return sum(int(line[1], 16) for line in lines if len(line) == 4 and line[2] in "rR" and line[3].startswith("model_"))


@pytest.mark.parametrize("case", CASES + NARROW, ids=lambda case: case.name)
def test_size_is_said(case: ModelCase, tmp_path: Path) -> None:
    model, rows = case.fit()
    guard = fit_guard(rows, np.arange(len(rows)) // 100, 0.01) if case.name in ("lda_2", "knn_8") else None
    code = convert(model, rows.shape[1], case.layout, bits=case.bits, guard=guard)
    assert size_of_tables(code.c_source, tmp_path) == code.description["table_bytes"]


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
