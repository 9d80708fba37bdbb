# SPDX-License-Identifier: Apache-2.0
"""What the sets share: verdicts of the compiled pipeline about recordings, and the size of a model."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import search, toolchain, train
from ..estimators import ModelCode
from ..hostlib import native_sources
from ..recordings import Recording, to_int16
from ..searchspace import SearchSpace
from ..train import Fitted, Settings
from . import Progress


class Verdicts(NamedTuple):
    """About windows: the class said, the true one, the recording and the first sample of each; out: the pipeline's scores
    or probabilities; novel: unlike those of training."""

    said: NDArray[np.str_]
    truth: NDArray[np.str_]
    recording: NDArray[np.int64]
    start: NDArray[np.int64]
    out: NDArray[np.int32]
    novel: NDArray[np.bool_]

    @property
    def right(self) -> NDArray[np.bool_]:
        return np.asarray(self.said == self.truth)


def verdicts(fitted: Fitted, recordings: Sequence[Recording]) -> Verdicts:
    """What the compiled pipeline says when it hears recordings sample by sample, afresh after each gap."""
    pipeline, classes = fitted.pipeline(), np.array(fitted.spec.classes)
    parts = []
    for number, recording in enumerate(recordings):
        samples = to_int16(recording, fitted.spec.full_scale)
        piece = recording.piece or len(samples)
        for begin in range(0, len(samples), piece):
            run = pipeline.run(samples[begin:begin + piece], shaft_hz=recording.rpm / 60)
            said = classes[run.index]
            parts.append((said, np.full(len(said), recording.label), np.full(len(said), number), run.start + begin, run.out,
                          run.flags & 4 > 0))
    return Verdicts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def searched(recordings: Sequence[Recording], space: SearchSpace, base: Settings, work: Path, jobs: int,
             say: Progress) -> search.Searched:
    """A search as `auscult train` does it, grouped by session."""
    def progress(what: str, done: int, total: int, best: float | None) -> None:
        say(what + (f" {done}/{total}" if total else "") + (f", best so far {best:.3f}" if best is not None else ""))

    options = search.Options(trials=space.trials, jobs=jobs, group_by="session", name="accuracy")
    return search.Search(recordings, space, base, options, work / "search", progress).run()


def model_bytes(code: ModelCode) -> int:
    """Code and tables of a model compiled for a Cortex-M4."""
    use = "\nint use(const int16_t *x, int32_t *a, uint16_t *p) { int k = aus_model(x, a);"
    use += " return k; }\n" if "AUS_MODEL_SCORE" in code.c_source else " aus_model_proba(a, p); return k; }\n"
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / "model.c", Path(folder) / "model.o"
        source.write_text("#include <stdint.h>\n#include <string.h>\n" + code.c_source + use)
        toolchain.run([toolchain.require("arm-none-eabi-gcc"), "-mcpu=cortex-m4", "-mthumb", "-Os", "-c", "-w",
                       f"-I{native_sources()}", str(source), "-o", str(built)], "compiling a model")
        sizes = subprocess.run([toolchain.require("arm-none-eabi-size"), str(built)], check=True, capture_output=True, text=True)
    return int(sizes.stdout.splitlines()[1].split()[0])


def session_means(found: Verdicts, sessions: Sequence[str]) -> dict[str, float]:
    """Share of right verdicts about each session; sessions: of each recording."""
    whose = np.array(sessions)[found.recording]
    return {str(name): float(found.right[whose == name].mean()) for name in np.unique(whose)}


def largest_model(recordings: Sequence[Recording], found: search.Searched, group_by: str = "session") -> int:
    """Bytes of the largest of the models that were chosen for the folds, each as large as fitted on everything."""
    numbers = {fold["number"] for fold in found.honest["folds"]}
    chosen = [search.settings_of(row) for row in found.rows if row["number"] in numbers]
    return max(model_bytes(train.train(recordings, settings, group_by=group_by).code()) for settings in chosen)
