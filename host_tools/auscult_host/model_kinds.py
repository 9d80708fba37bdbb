# SPDX-License-Identifier: Apache-2.0
"""The kinds of models that can be trained: how each is made from settings, and fitted where scikit-learn's fit will not do."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from . import dataset
from .decision import NORMAL

if TYPE_CHECKING:
    from .train import Settings

ANOMALY = "anomaly"
Rows = NDArray[np.int16]


@dataclass(frozen=True)
class Kind:
    """sklearn: name of the estimator's class. make: the unfitted estimator. fit: fits it and returns its classes (None:
    as scikit-learn does). scaled: needs features of like size. detector: learns from normal windows only. dependent:
    whether it bears features that follow from others. compares: compares features with each other, which then need one
    unit; only: uses no features but those whose names begin so."""

    sklearn: str
    make: Callable[["Settings"], Any]
    fit: Callable[[Any, Rows, NDArray[Any], NDArray[Any], "Settings"], list[str]] | None = None
    scaled: bool = False
    detector: bool = False
    dependent: bool = True
    compares: bool = False
    only: str = ""


def fit_kind(rows: Rows, labels: NDArray[Any], groups: NDArray[Any], settings: "Settings") -> tuple[Any, list[str]]:
    """The fitted estimator, with a scaler in front of it where needed, and its classes in the order of its outputs."""
    kind = MODELS[settings.model]
    estimator = kind.make(settings)
    if kind.scaled:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        estimator = make_pipeline(StandardScaler(), estimator)
    if kind.fit is not None:
        return estimator, kind.fit(estimator, rows, labels, groups, settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "not converged": the groups held out say whether it is good enough
        estimator.fit(rows, labels)
    return estimator, [str(label) for label in estimator.classes_]


def _forest(s: "Settings") -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(s.trees, max_depth=s.depth, class_weight="balanced", random_state=s.seed)


def _extra_trees(s: "Settings") -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(s.trees, max_depth=s.depth, class_weight="balanced", random_state=s.seed)


def _tree(s: "Settings") -> Any:
    from sklearn.tree import DecisionTreeClassifier

    return DecisionTreeClassifier(max_depth=s.depth, min_samples_leaf=5, class_weight="balanced", random_state=s.seed)


def _mlp(s: "Settings") -> Any:
    from sklearn.neural_network import MLPClassifier

    # L-BFGS: on these small nets as good as Adam, and fifteen times as fast
    return MLPClassifier((int(s.params.get("hidden", 16)),), solver="lbfgs", alpha=float(s.params.get("alpha", 1.0)),
                         max_iter=200, random_state=s.seed)


def _bayes(s: "Settings") -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB(var_smoothing=1e-3)


def _mixture(s: "Settings") -> Any:
    from sklearn.mixture import GaussianMixture

    return GaussianMixture(covariance_type="full")


def _elliptic(s: "Settings") -> Any:
    from sklearn.covariance import EllipticEnvelope

    return EllipticEnvelope(contamination=s.false_alarms, random_state=s.seed)


def _linear_discriminant(s: "Settings") -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=s.params.get("shrinkage", "auto"))


def _logistic(s: "Settings") -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=float(s.params.get("c", 1.0)), class_weight="balanced", max_iter=300)


def _ridge(s: "Settings") -> Any:
    from sklearn.linear_model import RidgeClassifier

    return RidgeClassifier(alpha=float(s.params.get("ridge", 10.0)), class_weight="balanced")


def _neighbours(s: "Settings") -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(int(s.params.get("neighbours", 3)))


def _median(s: "Settings") -> Any:
    from .estimators.median_distance import MedianDistance

    return MedianDistance(contamination=s.false_alarms)


def _level(s: "Settings") -> Any:
    from .estimators.median_distance import MedianDistance

    return MedianDistance(contamination=s.false_alarms, shared=True)


def _line_rule(s: "Settings") -> Any:
    from .estimators.line_rule import LineRule

    return LineRule(s.params.get("columns"))


def _detector(learn: Callable[[Any, NDArray[np.float64]], None]) -> Callable[..., list[str]]:
    """Learn what is normal from the normal windows, and a distance beyond which is abnormal.

    The threshold comes from normal groups that were not trained on, where there are several: distances of a group's
    own windows are too small, and a threshold from them would alarm all day.
    """
    def fit(estimator: Any, rows: Rows, labels: NDArray[Any], groups: NDArray[Any], settings: "Settings") -> list[str]:
        normal = labels == NORMAL
        healthy, groups = rows[normal].astype(np.float64), groups[normal]
        held_out = []
        if len(np.unique(groups)) > 1:
            for known, new, _ in dataset.leave_one_group_out(groups):
                learn(estimator, healthy[known])
                held_out.append(estimator.score_samples(healthy[new]))
        learn(estimator, healthy)
        scores = np.concatenate(held_out) if held_out else estimator.score_samples(healthy)
        inner = estimator[-1] if hasattr(estimator, "steps") else estimator
        inner.offset_ = float(np.quantile(scores, settings.false_alarms))
        return [ANOMALY, NORMAL]  # scikit-learn's -1 and 1, in this order

    return fit


def _set_envelope(estimator: Any, rows: NDArray[np.float64]) -> None:
    """Mean and covariance of all rows, shrunk as Ledoit & Wolf say (J. Multivar. Anal. 88, 2004).

    EllipticEnvelope's own robust fit would leave out what is far from the rest, which is a whole machine when there
    are a few of them; these windows are known to be normal.
    """
    from sklearn.covariance import LedoitWolf

    scaled = estimator[0].fit_transform(rows)
    fitted, envelope = LedoitWolf().fit(scaled), estimator[-1]
    envelope.location_, envelope.covariance_ = fitted.location_, fitted.covariance_
    envelope.precision_, envelope.offset_ = fitted.precision_, 0.0
    envelope.support_, envelope.n_features_in_ = np.ones(len(rows), bool), scaled.shape[1]
    envelope.dist_ = envelope.mahalanobis(scaled)


def _fit_mixture(estimator: Any, rows: Rows, labels: NDArray[Any], groups: NDArray[Any], settings: "Settings") -> list[str]:
    """One Gaussian for each class, set from the labelled windows: the mixture's responsibilities are then the
    probabilities of the classes (quadratic discriminant analysis; Hastie, Tibshirani & Friedman, 2nd ed., 4.3).
    Each covariance is shrunk half way to its diagonal: a few machines do not tell how features hang together."""
    scaled = estimator[0].fit_transform(rows.astype(np.float64))
    mixture, classes = estimator[-1], [str(label) for label in np.unique(labels)]
    parts = [scaled[np.asarray(labels) == label] for label in classes]
    covariances = []
    for part in parts:
        covariance = np.cov(part, rowvar=False).reshape(scaled.shape[1], -1)
        covariances.append(0.5 * covariance + 0.5 * np.diag(np.diag(covariance)) + 1e-3 * np.eye(scaled.shape[1]))
    mixture.n_components = len(classes)
    mixture.weights_ = np.full(len(classes), 1 / len(classes))  # no class is expected more than another
    mixture.means_ = np.array([part.mean(axis=0) for part in parts])
    mixture.covariances_ = np.array(covariances)
    mixture.precisions_cholesky_ = np.array([np.linalg.inv(np.linalg.cholesky(c)).T for c in covariances])
    mixture.precisions_ = np.array([p @ p.T for p in mixture.precisions_cholesky_])
    mixture.n_features_in_, mixture.converged_, mixture.n_iter_ = scaled.shape[1], True, 0
    mixture.lower_bound_ = float(mixture.score(scaled))
    return classes


def _fit_discriminant(estimator: Any, rows: Rows, labels: NDArray[Any], groups: NDArray[Any],
                      settings: "Settings") -> list[str]:
    """No class is expected more than another, as with the other kinds."""
    classes = np.unique(labels)
    estimator[-1].set_params(priors=np.full(len(classes), 1 / len(classes)))
    estimator.fit(rows, labels)
    return [str(label) for label in classes]


def _fit_neighbours(estimator: Any, rows: Rows, labels: NDArray[Any], groups: NDArray[Any], settings: "Settings") -> list[str]:
    """So many prototypes of each class (k-means of its windows) instead of all windows, which no board could hold."""
    from sklearn.cluster import KMeans

    scaled = estimator[0].fit_transform(rows.astype(np.float64))
    prototypes, classes = int(settings.params.get("prototypes", 16)), np.unique(labels)
    parts = [scaled[labels == label] for label in classes]
    centres = [KMeans(prototypes, n_init=1, random_state=settings.seed).fit(part).cluster_centers_ if len(part) > prototypes
               else part for part in parts]
    # as rows that the C can hold: whole numbers before scaling
    stored = np.round(estimator[0].inverse_transform(np.concatenate(centres)))
    estimator[-1].fit(estimator[0].transform(stored), np.repeat(classes, [len(part) for part in centres]))
    return [str(label) for label in classes]


MODELS: dict[str, Kind] = {
    "forest": Kind("RandomForestClassifier", _forest),
    "extra_trees": Kind("ExtraTreesClassifier", _extra_trees),
    "tree": Kind("DecisionTreeClassifier", _tree),
    "mlp": Kind("MLPClassifier", _mlp, scaled=True),
    "nb": Kind("GaussianNB", _bayes, scaled=True),
    "lda": Kind("LinearDiscriminantAnalysis", _linear_discriminant, _fit_discriminant, scaled=True),
    "logistic": Kind("LogisticRegression", _logistic, scaled=True),
    "ridge": Kind("RidgeClassifier", _ridge, scaled=True),
    "knn": Kind("KNeighborsClassifier", _neighbours, _fit_neighbours, scaled=True),
    "gmm": Kind("GaussianMixture", _mixture, _fit_mixture, scaled=True, dependent=False),
    "elliptic": Kind("EllipticEnvelope", _elliptic, _detector(_set_envelope), scaled=True, detector=True, dependent=False),
    "median": Kind("MedianDistance", _median, _detector(lambda estimator, rows: estimator.fit(rows)), detector=True),
    "level": Kind("MedianDistance", _level, _detector(lambda estimator, rows: estimator.fit(rows)), detector=True, compares=True),
    "line_rule": Kind("LineRule", _line_rule, compares=True, only="line_"),
}
