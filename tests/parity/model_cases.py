# SPDX-License-Identifier: Apache-2.0
"""Fitted models of every supported kind with int16 rows to compare on: the same list for the PC and for boards."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from auscult_host.bench_models import bench_forest
from auscult_host.estimators.line_rule import LineRule
from auscult_host.estimators.median_distance import MedianDistance
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

N_ROWS = 1000
Fit = Callable[[], tuple[Any, np.ndarray]]


@dataclass(frozen=True)
class ModelCase:
    """fit() gives (fitted estimator or Pipeline, int16 rows [1000, n_features])."""

    name: str
    fit: Fit
    layout: str = "fast"
    bits: int = 32


@lru_cache
def data(n_classes: int, n_features: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(int16 training rows, labels, int16 [1000, F] rows: near the training rows, anywhere, and at the limits)."""
    features, labels = make_classification(
        1200, n_features, n_informative=8, n_redundant=0, n_classes=n_classes, random_state=n_classes
    )
    rng = np.random.default_rng(n_classes)
    spread = 10.0 ** rng.uniform(2, 3.8, n_features)  # features of very different size, as real ones are
    train = np.clip(np.round(features * spread), -32768, 32767)
    near = train[rng.integers(0, len(train), N_ROWS)] + rng.normal(0, 0.2, (N_ROWS, n_features)) * train.std(axis=0)
    near[-100:] = rng.integers(-32768, 32768, (100, n_features))
    near[-2:] = [[-32768], [32767]]
    return train.astype(np.int16), labels, np.clip(np.round(near), -32768, 32767).astype(np.int16)


def _on(estimator: Any, n_classes: int, n_features: int = 12, names: bool = False) -> Fit:
    def fit() -> tuple[Any, np.ndarray]:
        train, labels, rows = data(n_classes, n_features)
        target = np.array([f"state {label}" for label in range(n_classes)])[labels] if names else labels
        # Floats on purpose: scikit-learn squares an int16 array in int16, and wraps, in some of these estimators.
        return estimator.fit(train.astype(float), target), rows

    return fit


def _forest(**options: Any) -> RandomForestClassifier:
    return RandomForestClassifier(random_state=0, **({"n_estimators": 10, "max_depth": 8} | options))


def _mlp(activation: str, hidden: tuple[int, ...] = (16, 8)) -> Any:
    return make_pipeline(
        StandardScaler(), MLPClassifier(hidden, activation=activation, max_iter=30, random_state=0)
    )


CASES = [
    ModelCase("bench_forest_fast", bench_forest),
    ModelCase("bench_forest_small", bench_forest, "small"),
    ModelCase("forest_2_fast", _on(_forest(), 2)),
    ModelCase("forest_2_small", _on(_forest(), 2), "small"),
    ModelCase("forest_10_names_fast", _on(_forest(), 10, names=True)),
    ModelCase("forest_10_names_small", _on(_forest(), 10, names=True), "small"),
    ModelCase("forest_large_leaves_small", _on(_forest(min_samples_leaf=9), 4), "small"),
    ModelCase("forest_20_features_small", _on(_forest(), 3, 20), "small"),
    ModelCase("forest_40_trees_fast", _on(_forest(n_estimators=40, max_depth=5), 4)),
    ModelCase("forest_40_trees_small", _on(_forest(n_estimators=40, max_depth=5), 4), "small"),
    ModelCase("forest_scaled_fast", _on(make_pipeline(StandardScaler(), MinMaxScaler(), _forest()), 4)),
    ModelCase("forest_scaled_small", _on(make_pipeline(MinMaxScaler(clip=True), _forest()), 4), "small"),
    ModelCase("forest_balanced_fast", _on(_forest(class_weight="balanced"), 3)),
    ModelCase("extra_trees_fast", _on(ExtraTreesClassifier(20, max_depth=7, random_state=0), 5)),
    ModelCase("extra_trees_small", _on(ExtraTreesClassifier(20, max_depth=7, random_state=0), 5), "small"),
    ModelCase("tree_fast", _on(DecisionTreeClassifier(random_state=0, max_depth=6), 4)),
    ModelCase("tree_small", _on(DecisionTreeClassifier(random_state=0), 4), "small"),
    ModelCase("tree_one_leaf_fast", _on(DecisionTreeClassifier(min_samples_leaf=700), 3)),
    ModelCase("tree_one_leaf_small", _on(DecisionTreeClassifier(min_samples_leaf=700), 3), "small"),
    *(ModelCase(f"mlp_{name}", _on(_mlp(name), 4)) for name in ("relu", "tanh", "logistic", "identity")),
    ModelCase("mlp_2", _on(_mlp("relu"), 2)),
    ModelCase("mlp_10_names", _on(_mlp("tanh", (20,)), 10, names=True)),
    ModelCase("mlp_unscaled", _on(MLPClassifier((16,), max_iter=40, random_state=0), 3)),
    *(
        ModelCase(f"mixture_{shape}", _on(GaussianMixture(3, covariance_type=shape, random_state=0), 3))
        for shape in ("full", "tied", "diag", "spherical")
    ),
    ModelCase("mixture_scaled", _on(make_pipeline(MinMaxScaler(), GaussianMixture(5, random_state=0)), 5)),
    ModelCase("envelope", _on(EllipticEnvelope(random_state=0), 2)),
    ModelCase("envelope_scaled", _on(make_pipeline(StandardScaler(), EllipticEnvelope(random_state=0)), 4)),
    ModelCase("bayes_2", _on(GaussianNB(), 2)),
    ModelCase("bayes_10_names", _on(make_pipeline(StandardScaler(), GaussianNB()), 10, names=True)),
    ModelCase("lda_2", _on(LinearDiscriminantAnalysis(), 2)),
    ModelCase("lda_4_names", _on(make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()), 4, names=True)),
    ModelCase("logistic_2", _on(make_pipeline(RobustScaler(), LogisticRegression()), 2)),
    ModelCase("logistic_5", _on(make_pipeline(MaxAbsScaler(), LogisticRegression(C=10)), 5)),
    ModelCase("ridge_4", _on(RidgeClassifier(), 4)),
    ModelCase("svc_2", _on(make_pipeline(StandardScaler(), LinearSVC()), 2)),
    ModelCase("sgd_3", _on(make_pipeline(StandardScaler(), SGDClassifier(random_state=0)), 3)),
    ModelCase("knn_3", _on(KNeighborsClassifier(3), 3)),
    ModelCase("knn_scaled_4", _on(make_pipeline(StandardScaler(), KNeighborsClassifier(5, algorithm="brute")), 4)),
    ModelCase("knn_distance_4", _on(make_pipeline(RobustScaler(), KNeighborsClassifier(7, weights="distance")), 4)),
    ModelCase("line_rule", _on(LineRule(), 4, names=True)),
    ModelCase("line_rule_2", _on(LineRule(), 2)),
    ModelCase("median", _on(MedianDistance(0.1), 2)),
    ModelCase("median_shared", _on(MedianDistance(0.1, shared=True), 2)),
    ModelCase("median_scaled", _on(make_pipeline(StandardScaler(), MedianDistance(0.0)), 3)),
    ModelCase("chosen_forest", _on(make_pipeline(StandardScaler(), SelectKBest(k=5), MinMaxScaler(), _forest()), 3)),
    ModelCase("chosen_logistic", _on(make_pipeline(VarianceThreshold(1e5), StandardScaler(), LogisticRegression()), 3)),
    ModelCase("pca_mlp", _on(make_pipeline(StandardScaler(), PCA(6, whiten=True), MLPClassifier((8,), max_iter=30)), 4)),
    ModelCase("lda_logistic", _on(make_pipeline(LinearDiscriminantAnalysis(), LogisticRegression()), 4)),
]
NARROW = [
    ModelCase(f"{name}_{bits}", fit, bits=bits)
    for bits in (16, 8)
    for name, fit in (
        ("lda", _on(make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()), 4)),
        ("mlp", _on(_mlp("tanh"), 4)),
        ("mlp_unscaled", _on(MLPClassifier((16,), max_iter=40, random_state=0), 3)),
        ("knn", _on(make_pipeline(StandardScaler(), KNeighborsClassifier(5)), 4)),
    )
]
