# SPDX-License-Identifier: Apache-2.0
"""Labels that look wrong: confident learning (Northcutt, Jiang & Chuang, JAIR 70, 2021) by way of cleanlab."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .. import dataset, features
from ..errors import AuscultError
from ..hostlib import HostPipeline
from ..recordings import Recording, to_int16
from ..spec import PipelineSpec
from .finding import Curve, Finding

_MOST = 200  # windows of a recording: enough to know it, and the same memory for an hour as for a minute
_FOLDS = 5


class Judge:
    """Collects windows' features as recordings come by; then asks models that have not seen a recording what it is."""

    def __init__(self) -> None:
        self._paths: list[Path] = []
        self._rows: list[np.ndarray] = []
        self._labels: list[str] = []
        self._starts: list[np.ndarray] = []
        self._pipeline: HostPipeline | None = None

    def add(self, path: Path, recording: Recording) -> None:
        if not recording.label:
            return
        if self._pipeline is None:
            piece = recording.piece or len(recording.data)
            window = int(min(512, 1 << max(6, int(np.log2(max(64, min(2 * recording.rate_hz, piece)))))))
            kinds = [*features.DEFAULT_KINDS, "mean"]
            self._pipeline = HostPipeline(PipelineSpec.make(
                name="inspect", window=window, hop=window, axes=list(recording.axes), rate_hz=recording.rate_hz,
                full_scale=dataset.choose_full_scale([recording]), features=features.names(list(recording.axes), kinds)))
        spec = self._pipeline.spec
        if list(recording.axes) != spec.axes or len(recording.data) < spec.window:
            return
        at = np.arange(0, len(recording.data) - spec.window + 1, spec.window)
        at = at[np.linspace(0, len(at) - 1, min(len(at), _MOST)).astype(int)]
        words = to_int16(recording, spec.full_scale)
        self._rows.append(self._pipeline.features(np.stack([words[i:i + spec.window] for i in at])))
        self._paths.append(path)
        self._labels.append(recording.label)
        self._starts.append(at / recording.rate_hz)

    def findings(self, progress: Callable[[str], None]) -> list[Finding]:
        """Recordings most of whose windows look like another label to models trained on the other recordings."""
        counts = {label: self._labels.count(label) for label in self._labels}
        if len(counts) < 2 or min(counts.values()) < 3:
            return []  # nothing to compare with
        progress("judging labels")
        try:
            from cleanlab.filter import find_label_issues
        except ImportError as error:
            raise AuscultError("cleanlab is not installed, which finds wrong labels", "the extra `inspect`",
                               "pip install 'auscult[inspect]', or leave it out with --no-labels") from error
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        rows = np.concatenate(self._rows).astype(np.float64)
        number = np.repeat(np.arange(len(self._rows)), [len(part) for part in self._rows])
        names = sorted(counts)
        truth = np.array([names.index(label) for label in self._labels])[number]
        folds = StratifiedGroupKFold(min(_FOLDS, *counts.values()), shuffle=True, random_state=0)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300, class_weight="balanced"))
        shares = cross_val_predict(model, rows, truth, groups=number, cv=folds, method="predict_proba")
        issues = find_label_issues(truth, shares, filter_by="confident_learning", n_jobs=1)
        found = []
        for i, path in enumerate(self._paths):
            mine = number == i
            if issues[mine].mean() <= 0.5:
                continue
            likely = names[int(shares[mine].mean(axis=0).argmax())]
            if likely == self._labels[i]:
                continue
            curve = Curve(f"what models trained without {path.stem} take it for", "s", "probability", self._starts[i],
                          shares[mine].T, rows=names)
            found.append(Finding("label", path, f"labelled {self._labels[i]}, but {issues[mine].mean():.0%} of its windows look "
                                 f"like {likely}", f"listen to it; then auscult edit {path} --label {likely}", curve=curve))
        return found
