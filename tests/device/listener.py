# SPDX-License-Identifier: Apache-2.0
"""For the device tests: a recording, and a real compiled pipeline that tells a quiet machine from a rattling one."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from auscult_host import build, estimators, hostlib
from auscult_host.spec import PipelineSpec
from sklearn.covariance import EllipticEnvelope
from sklearn.tree import DecisionTreeClassifier

WINDOW, HOP, RATE_HZ = 64, 32, 1600
FULL_SCALE_UM = 156906400  # ±16 g


def signal(samples: int, seed: int = 1) -> np.ndarray:
    """int16 [samples, 3], lower four bits 0 as chips give them: quiet and rattling by turns."""
    rng = np.random.default_rng(seed)
    loud = np.repeat(rng.random(samples // 200 + 1) < 0.5, 200)[:samples, None]
    words = rng.normal(0, np.where(loud, 6000, 300), (samples, 3)) + (0, 0, 2000)
    return (np.clip(np.round(words), -32768, 32767).astype(np.int16) // 16 * 16).astype("<i2")


@dataclass
class Listener:
    spec: PipelineSpec
    model: estimators.ModelCode

    def module(self, arch: str) -> Path:
        return build.native_module(self.spec, arch, self.model)

    def host(self) -> hostlib.HostPipeline:
        return hostlib.HostPipeline(self.spec, self.model)

    def expected(self, words: np.ndarray) -> list[int]:
        """Class index of every window, by the host's library."""
        return [verdict.index for verdict in self.host().push(words)]


def elliptic() -> EllipticEnvelope:
    """To be fitted on the quiet windows: the rattling ones are far outside."""
    return EllipticEnvelope(support_fraction=1.0, random_state=0)


def make_listener(anomaly: EllipticEnvelope | None = None, guarded: bool = False) -> Listener:
    """A classifier; or, with an estimator to fit, an anomaly detector. guarded: to the classifier's guard what rattles is
    novel."""
    features = ["rms.x", "kurtosis.y", "peak_to_peak.z"]
    spec = PipelineSpec.make(name="listener", window=WINDOW, hop=HOP, rate_hz=RATE_HZ, features=features,
                             rate_tolerance=0.2)  # the LIS3DH samples at 1344 Hz
    words = signal(20000)
    count = (len(words) - WINDOW) // HOP + 1
    windows = np.stack([words[i * HOP : i * HOP + WINDOW] for i in range(count)])
    shifts = hostlib.choose_shifts(hostlib.HostPipeline(spec).features(windows))
    spec = PipelineSpec.make(**{**spec.model_dump(), "shifts": shifts, "classes": ["normal", "rattle"]})
    x = hostlib.HostPipeline(spec).quantised(windows)
    loud = windows.astype(float).std(axis=(1, 2)) > 3000
    if anomaly is not None:
        quiet = x[windows.astype(float).std(axis=(1, 2)) < 1000].astype(float)
        return Listener(spec, estimators.convert(anomaly.fit(quiet), len(features)))
    tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(x, loud.astype(int))
    guard = estimators.fit_guard(x[~loud], np.arange((~loud).sum()) // 50, 0.01) if guarded else None
    return Listener(spec, estimators.convert(tree, len(features), guard=guard))


def lines(output: str) -> list[dict]:
    """The JSON lines of a node's output."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]
