# SPDX-License-Identifier: Apache-2.0
"""Python that other generators from PyPI make of the same forest, on the same boards: the `bench` extra installs them.

It is compiled with mpy-cross, as its user would for a board. Rows on which its class is scikit-learn's are counted too;
what collecting the garbage of its calls takes is not counted.
"""

import subprocess
import tempfile
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace

from .. import bench_models, toolchain
from .counting import Case, CountingBoard, LeftOutError, Metrics
from .own import ROWS

ROWS_COUNTED = 100  # of the 1000: it is slow


def _m2cgen() -> str:
    import m2cgen

    # its score() gives the probabilities; to find the largest is left out of the count
    return str(m2cgen.export_to_python(bench_models.bench_forest()[0])) + "\npredict = score\n" \
        "def index(p): return p.index(max(p))\n"


def _everywhereml() -> str:
    from everywhereml.sklearn.ensemble import RandomForestClassifier

    forest = bench_models.bench_forest()[0]
    theirs = RandomForestClassifier.__new__(RandomForestClassifier)  # the same fitted trees, not a second fit
    theirs.__dict__.update(forest.__dict__, dataset=SimpleNamespace(num_outputs=len(forest.classes_)))
    return str(theirs.to_micropython()) + "\npredict = RandomForestClassifier().predict\ndef index(p): return p\n"


@lru_cache
def _module(peer: str) -> bytes:
    """The generated Python as bytecode."""
    try:
        source = {"m2cgen": _m2cgen, "everywhereml": _everywhereml}[peer]()
    except Exception as error:  # not installed, or broken by newer packages: the others can still be counted
        raise LeftOutError(f"{type(error).__name__}: {error} (pip install 'auscult[bench]')") from error
    with tempfile.TemporaryDirectory(prefix="auscult-") as folder:
        path = Path(folder, "peer.py")
        path.write_text(source)
        # not toolchain.run: a failure is the peer's
        subprocess.run([str(toolchain.mpy_cross()), str(path)], check=True)
        return path.with_suffix(".mpy").read_bytes()


def _peer(peer: str, board: CountingBoard) -> Metrics:
    module = _module(peer)
    forest, rows = bench_models.bench_forest()
    rows = rows[:ROWS_COUNTED]
    expected = forest.predict(rows).tolist()
    board.put(module, "/peer.mpy")
    board.put(rows.astype("<i2").tobytes(), "/rows")
    counted = board.calls(f"from peer import predict, index\n{ROWS}\nexpected = {expected}\n", "predict", "predict(item)",
                          more='"right_rows": sum(index(predict(i)) == e for i, e in zip(items, expected))',
                          part=20)
    board.board.soft_reset()
    return counted | {"kept_bytes": board.import_of("peer")["heap_bytes"], "file_bytes": len(module)}


CASES = [Case(f"peer.{name}", partial(_peer, name), alone=True)
         for name in ("m2cgen", "everywhereml")]
