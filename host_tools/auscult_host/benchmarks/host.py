# SPDX-License-Identifier: Apache-2.0
"""On the PC: features of the same windows by our C, by tsfel and by tsfresh, one core each; how long a search takes; from
installing to a verdict; deploying over good and bad cables.

Ours are all kinds of features of the signal, tsfel's are its default configuration, tsfresh's its efficient settings.
Times are wall time of one process that is bound to one core; only their ratios in the same run have a bar.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .. import bench_models, features
from ..hostlib import HostPipeline
from ..spec import PipelineSpec
from . import first_verdict, links, monitor_lines
from .counting import Case, CountingBoard, LeftOutError, Metrics

_OURS, _TSFEL, _TSFRESH = 2000, 8, 4  # windows, so that each takes about a second or more
_RATE_HZ = 1600


def measure_features() -> Metrics:
    """µs per window of 512 × 3, and ours per mille of theirs."""
    done = subprocess.run([sys.executable, "-m", __name__], capture_output=True, text=True)
    if done.returncode:
        raise LeftOutError(f"{(done.stderr.strip() or 'no reason').splitlines()[-1]} (pip install 'auscult[bench]')")
    result: Metrics = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_search() -> Metrics:
    """Seconds of `auscult train --trials 100` on the recordings of the pumps, import left out."""
    data = os.environ.get("AUSCULT_DATA")
    if not data or not (Path(data) / "pump_beanscape").is_dir():
        raise LeftOutError("the recordings of the pumps are not here (AUSCULT_DATA)")
    with tempfile.TemporaryDirectory(prefix="auscult-") as folder:
        command = [sys.executable, "-m", "auscult_host.cli"]
        subprocess.run([*command, "import", str(Path(data) / "pump_beanscape"), "--out", "pumps", "--json"], cwd=folder,
                       check=True, stdout=subprocess.DEVNULL)
        begun = time.monotonic()
        subprocess.run([*command, "train", "pumps", "--trials", "100", "--out", "pumps.joblib", "--json"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return {"seconds": round(time.monotonic() - begun)}


PC = "pc"
# Each is given whom to tell how far it is
MEASURES: dict[str, Callable[[Callable[[str], None]], Metrics]] = {
    "host.features": lambda tell: measure_features(), "host.search": lambda tell: measure_search(),
    "first_verdict": first_verdict.measure, "redeploy": lambda tell: links.measure_redeploy(),
    "faulty_link": links.measure_faulty_link, "monitor": lambda tell: monitor_lines.measure()}


def _not_a_board(board: CountingBoard) -> Metrics:
    raise LeftOutError(f"it is measured on the PC, not on {board.name}")


CASES = [Case(name, _not_a_board, (PC,)) for name in MEASURES]


def _ours(windows: NDArray[np.int16]) -> int:
    numbered = {"bands", "shares", "lines", "sides"}
    kinds = [kind for kind in features.KINDS if kind not in numbered]
    kinds += [f"{kind}_{i}_8" for kind in ("band", "share") for i in range(1, 9)]
    names = features.names(["x", "y", "z"], kinds)
    parts = [names[i:i + 255] for i in range(0, len(names), 255)]  # more than one pipeline may have
    for part in parts:
        spec = PipelineSpec.make(name="all", rate_hz=_RATE_HZ, features=part)
        HostPipeline(spec).features(windows)
    return len(names)


def _tsfel(windows: NDArray[np.int16]) -> int:
    import pandas as pd
    import tsfel

    settings = tsfel.get_features_by_domain()
    for window in windows:
        found = tsfel.time_series_features_extractor(settings, pd.DataFrame(window.astype(float), columns=list("xyz")),
                                                     fs=_RATE_HZ, verbose=0)
    return int(found.shape[1])


def _tsfresh(windows: NDArray[np.int16]) -> int:
    import pandas as pd
    from tsfresh import extract_features
    from tsfresh.feature_extraction import EfficientFCParameters

    parts = [pd.DataFrame(window.astype(float), columns=list("xyz")).assign(window=i, time=range(len(window)))
             for i, window in enumerate(windows)]
    found = extract_features(pd.concat(parts), column_id="window", column_sort="time", n_jobs=0, disable_progressbar=True,
                             default_fc_parameters=EfficientFCParameters())
    return int(found.shape[1])


def _main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    warnings.simplefilter("ignore")  # theirs, of windows that they find odd
    eight = bench_models.bench_windows()
    result: Metrics = {}
    for name, extract, count in (("ours", _ours, _OURS), ("tsfel", _tsfel, _TSFEL), ("tsfresh", _tsfresh, _TSFRESH)):
        windows = np.resize(eight, (count, *eight.shape[1:]))
        extract(windows[:2])  # imports and compilations are no part of it
        begun = time.perf_counter()
        result[f"{name}_features"] = extract(windows)
        result[f"{name}_us"] = round((time.perf_counter() - begun) / count * 1e6)
    for peer in ("tsfel", "tsfresh"):
        result[f"per_mille_of_{peer}"] = -(-1000 * result["ours_us"] // result[f"{peer}_us"])
    print(json.dumps(result))


if __name__ == "__main__":
    _main()
