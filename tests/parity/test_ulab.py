# SPDX-License-Identifier: Apache-2.0
"""Extra features on a simulated board whose firmware has ulab, beside NumPy; ulab's arrays into our modules without a copy.

Only where AUSCULT_ULAB names a checkout of micropython-ulab."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy
import numpy as np
import pytest
import windows
from auscult_host import build, bundles, cli, dataset, extra_features, firmware, generate, recordings, rows
from auscult_host import features as table
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec
from sklearn.tree import DecisionTreeClassifier

pytestmark = pytest.mark.skipif("AUSCULT_ULAB" not in os.environ,
                                reason="AUSCULT_ULAB does not name a checkout of micropython-ulab")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "ulab.md"

_ARRAYS = """
w = np.array([[1, 2], [3, -4], [5.5, 6], [7, 0.25]], dtype=F)
v = w[:, 0]
"""
# Each of the shared functions, and what may be done with arrays
CASES = """
np.arange(2, 8, 2) | np.arctan2(v, v) | np.argmax(v) | np.argmin(w, axis=0) | np.around(v, decimals=0) | np.ceil(v)
np.array([1, 2]) / 2 | np.array([[1, 2], [3, 4]], dtype=np.int16) | np.clip(v, 2, 6) | np.concatenate((v, v))
np.concatenate((w, w), axis=1) | np.cos(v) | np.cosh(v) | np.degrees(v) | np.diag(v) | np.diff(v) | np.diff(w, axis=0)
np.dot(v, v) | np.dot(w, w.T) | np.dot(w.transpose(), w) | np.empty(2).shape | np.equal(v, 3) | np.exp(v)
np.expm1(v) | np.eye(2) | np.flip(v) | np.flip(w, axis=0) | np.floor(v) | np.full((2, 2), 3) | np.isfinite(v) | np.isinf(v)
np.interp(np.array([1.5, 2.5]), np.array([1, 2, 3]), np.array([3, 2, 0])) | np.linspace(0, 1, num=3) | np.log(v) | np.log10(v)
np.log2(v) | np.logspace(0, 1, num=3) | np.max(w, axis=0) | np.max(w) | np.maximum(v, 4) | np.mean(w, axis=0) | np.mean(w)
np.median(v) | np.median(w, axis=0) | np.median(w) | np.min(w, axis=1) | np.minimum(v, 4) | np.not_equal(v, 3) | np.ones(3)
np.radians(v) | np.sin(v) | np.sinc(v) | np.sinh(v) | np.sqrt(v) | np.sqrt(4) | np.std(w, axis=0) | np.std(v, ddof=1) | np.std(w)
np.sum(w, axis=1) | np.sum(w) | np.sum(v > 3) | np.tan(v) | np.tanh(v) | np.trace(w[:2]) | np.where(v > 3, v, 0)
np.zeros((2, 2), dtype=np.uint8) | np.sum(np.array([30000, 30000], dtype=np.uint16)) | np.ones(2, dtype=np.int8)
v.shape | v.size | w.T | w.copy() | w.flatten() | w.reshape((2, 4)) | v[::2] | v[1:] - v[:-1] | v ** 2 | abs(v) | -v | v[v > 3]
v // 2 | v % 2 | len(w) | w[0, 1] | w[1] | float(v[0]) | sum(v) | max(v) | [x for x in v] | np.max(v) - np.min(v)
"""
EXPRESSIONS = [text.strip() for text in re.split(r"[|\n]", CASES) if text.strip()]
_SHOW = """
from ulab import numpy as np
F = np.float
{arrays}
for f in ({functions}):
    r = f()
    print(r.tolist() if hasattr(r, "tolist") else r)
"""


@pytest.fixture(scope="module")
def board() -> Iterator[SimBoard]:
    out = firmware.paths.cache() / "firmware" / "ulab-sim_m4"
    firmware.make(firmware.Wanted("sim_m4", ulab=Path(os.environ["AUSCULT_ULAB"])), out)
    with SimBoard("sim_m4", firmware=out / "firmware.elf") as running:
        yield running


def test_every_shared_function_is_tried() -> None:
    tried = set(re.findall(r"np\.(\w+)", CASES))
    assert tried == {*extra_features.subset()["functions"], *extra_features.subset()["constants"]}
    assert set(extra_features.ATTRIBUTES) <= set(re.findall(r"[vw\])]\.(\w+)", CASES))


def test_they_say_what_numpy_says(board: SimBoard) -> None:
    functions = "".join(f"lambda: {text}, " for text in EXPRESSIONS)
    said = board.exec(_SHOW.format(arrays=_ARRAYS, functions=functions), 120).splitlines()
    here: dict[str, Any] = {"np": numpy, "F": numpy.float32}
    exec(_ARRAYS, here)
    assert len(said) == len(EXPRESSIONS)
    for text, got in zip(EXPRESSIONS, said, strict=True):
        expected = np.asarray(eval(text, here), float)
        found = np.asarray(eval(got), float)
        assert found.shape == expected.shape and np.allclose(found, expected, rtol=1e-5, atol=1e-6), (text, got, expected)


def test_an_array_goes_into_a_pipeline_without_a_copy(board: SimBoard) -> None:
    spec = PipelineSpec.make(name="takes", window=128, hop=128, axes=list("xyz"),
                             features=table.names(list("xyz"), ["std", "kurtosis", "share_2_8"]))
    board.put(build.native_module(spec, "armv7emsp"), "/takes.mpy")
    board.put_bytes(windows.signals(128, 3, 4)[1].astype("<i2").tobytes(), "/window")
    said = board.exec("""
import gc, takes
from array import array
from ulab import numpy as np
data = open("/window", "rb").read()
state, out, other = bytearray(takes.STATE_BYTES), array("i", bytes(4 * takes.OUT_WORDS)), array("i", bytes(4 * takes.OUT_WORDS))
samples = np.array(np.frombuffer(data, dtype=np.int16), dtype=np.int16).reshape((128, 3))
twice = np.concatenate((samples, samples), axis=1)
gc.collect(); gc.disable()
heap = gc.mem_alloc()
heap = gc.mem_alloc()
takes.push(state, samples, 0, out)
print(gc.mem_alloc() - heap)
gc.enable()
state = bytearray(takes.STATE_BYTES)
takes.push(state, data, 0, other)
print(out == other, out[0])
try:
    takes.push(state, twice[:, ::2], 0, out)
except TypeError as error:
    print(error)
""").splitlines()
    assert said == ["0", "True 1", "object with buffer protocol required"]


@pytest.mark.parametrize("which", ["armv7emsp", "portable-armv7emsp", "portable"])
def test_a_model_of_both(board: SimBoard, tmp_path: Path, which: str) -> None:
    """A recording through the bundle, on the board: words of the C equal in every bit, of the Python within one."""
    generate.generate(tmp_path / "data", machines=2, sessions=1, seconds=3.0)
    text = re.search(r"```python\n(NAMES.*?)```", PAGE.read_text(), re.DOTALL)[1]  # type: ignore[index]
    (tmp_path / "extra_features.py").write_text(text)
    cli.app(["features", str(tmp_path / "data"), "--out", str(tmp_path / "rows.parquet"), "--window", "128", "--hop", "96",
             "--features", "std,crest", "--extra", str(tmp_path / "extra_features.py")], standalone_mode=False)
    made = rows.read(tmp_path / "rows.parquet")
    model = DecisionTreeClassifier(max_depth=5, random_state=0).fit(made.values, made.labels)
    joblib.dump(model, tmp_path / "own.joblib")
    cli.app(["build", str(tmp_path / "own.joblib"), "--like", str(tmp_path / "rows.parquet"), "--board", "sim_m4", "--portable"],
            standalone_mode=False)
    bundle, entry = tmp_path / "own.bundle", dataset.scan(tmp_path / "data")[0]
    for kind in ("pipeline", "model"):
        board.put(bundle / f"{kind}-{which}.mpy", f"/own/{kind}.mpy")
    for name in ("extra.json", "extra_features.py"):
        board.put(bundle / name, f"/own/{name}")
    assert bundles.read(bundle).extra(which)["model.mpy"] == (bundle / f"model-{which}.mpy").read_bytes()
    (tmp_path / "in").write_bytes(recordings.to_int16(entry.read(), made.spec.full_scale).astype("<i2").tobytes())
    said = board.exec(f"""
import json, simboard
from auscult import pipeline
judge = pipeline.load("/own/extra.json")
def told(judge): print(json.dumps([judge.window, judge.label, judge.proba(judge.index), list(judge.row())]))
block = bytearray(6 * 50)
with simboard.host_open({str(tmp_path / "in")!r}, "rb") as file:
    while file.readinto(block) == len(block): judge.push(block, told)
""", 120).splitlines()
    expected = made.values[made.recording == entry.name]
    assert len(said) > 20
    differences = []
    for line in said:
        number, label, probability, row = json.loads(line)
        assert row[:-3] == expected[number, :-3].tolist()
        differences.append(np.abs(np.array(row[-3:]) - expected[number, -3:]))
        assert label == model.predict([row])[0]
        assert abs(probability / 32768 - model.predict_proba([row]).max()) < 1 / 255
    assert np.max(differences) <= 1
