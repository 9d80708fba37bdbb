# SPDX-License-Identifier: Apache-2.0
"""What cannot be converted is refused by name."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auscult_host.errors import AuscultError
from auscult_host.estimators import convert
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, PolynomialFeatures
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

RNG = np.random.default_rng(0)
X = RNG.integers(-1000, 1000, (60, 4)).astype(float)
Y = (X[:, 0] > 0).astype(int)


def broken_bayes() -> GaussianNB:
    model = GaussianNB().fit(X, Y)
    model.theta_[0, 1] = np.nan
    return model


def hardly_any_spread() -> GaussianNB:
    model = GaussianNB(var_smoothing=0).fit(X, Y)
    model.var_[:, 2] = 1e-30
    return model


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (RandomForestRegressor(2).fit(X, Y), "RandomForestRegressor"),
        (MLPRegressor(hidden_layer_sizes=(3,), max_iter=1).fit(X, Y), "MLPRegressor"),
        (SVC().fit(X, Y), "SVC"),
        (RidgeClassifier().fit(X, np.stack([Y, 1 - Y], 1)), "several labels"),
        (KNeighborsClassifier(metric="manhattan").fit(X, Y), "manhattan"),
        (KNeighborsClassifier().fit(X + 0.5, Y), "whole numbers"),
        (KNeighborsClassifier().fit(np.tile(X, (200, 1)), np.tile(Y, 200)), "108000 bytes"),
        (make_pipeline(PCA(2), GaussianNB()).fit(X, Y), "PCA"),
        (make_pipeline(Normalizer(), GaussianNB()).fit(X, Y), "Normalizer"),
        (make_pipeline(SelectKBest(k=2), DecisionTreeClassifier()).fit(X[:, :3], Y), "fitted on 3 features"),
        (RandomForestClassifier(2), "not fitted"),
        (make_pipeline(MinMaxScaler(), GaussianNB()), "not fitted"),
        (DecisionTreeClassifier().fit(X[:, :3], Y), "fitted on 3 features"),
        (DecisionTreeClassifier().fit(X, np.stack([Y, 1 - Y], 1)), "2 outputs"),
        (DecisionTreeClassifier().fit(X, np.ones(60)), "1 class"),
        (MLPClassifier((3,), max_iter=1).fit(X, np.stack([Y, 1 - Y], 1)), "several labels"),
        (MLPClassifier((), max_iter=1).fit(X, Y), "hidden layer"),
        (make_pipeline(PolynomialFeatures(), GaussianNB()).fit(X, Y), "PolynomialFeatures"),
        (make_pipeline(MinMaxScaler(clip=True), GaussianNB()).fit(X, Y), "clip=True"),
        (broken_bayes(), "theta_"),
        (hardly_any_spread(), "fixed point"),
        ("a forest", "str"),
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_refused_by_name(model: Any, named: str) -> None:
    with pytest.raises(AuscultError) as refusal:
        convert(model, 4)
    assert named in refusal.value.found
    assert refusal.value.expected


def test_unknown_layout() -> None:
    with pytest.raises(AuscultError, match="tiny"):
        convert(DecisionTreeClassifier().fit(X, Y), 4, "tiny")


def test_near_name_is_proposed() -> None:
    with pytest.raises(AuscultError) as refusal:
        convert(RandomForestRegressor(2).fit(X, Y), 4)
    assert "RandomForestClassifier" in refusal.value.hint


def test_leaves_folder_and_numpy_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """emlearn compiles in the current folder and changes NumPy's error state; neither may be noticed."""
    monkeypatch.chdir(tmp_path)
    before = np.geterr()
    convert(GaussianMixture(2, random_state=0).fit(X), 4)
    convert(GaussianNB().fit(X, Y), 4)
    assert os.listdir(tmp_path) == []
    assert np.geterr() == before
    assert Path.cwd() == tmp_path
