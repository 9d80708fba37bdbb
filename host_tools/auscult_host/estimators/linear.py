# SPDX-License-Identifier: Apache-2.0
"""Linear classifiers: a net of one layer."""

from typing import Any

import numpy as np

from ..errors import AuscultError
from .fixedpoint import check_finite
from .model_code import ModelCode, Options
from .net import Layers, emit_net
from .scaling import Scaling

# These have probabilities, and they are the logistic or softmax of the decision function.
WITH_PROBABILITIES = ("LogisticRegression", "LogisticRegressionCV", "LinearDiscriminantAnalysis", "LineRule")
CLASS_ONLY = ("RidgeClassifier", "RidgeClassifierCV", "LinearSVC", "SGDClassifier", "Perceptron")


def convert_linear(estimator: Any, scaling: Scaling, options: Options) -> ModelCode:
    """coef_ and intercept_ are scikit-learn's: emlearn takes no linear models.

    What the kinds of CLASS_ONLY give as probability is the logistic or softmax of their decision function; scikit-learn
    has none, or another one, so only the class is promised.
    """
    kind = type(estimator).__name__
    classes = np.asarray(estimator.classes_)
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=float)).T
    bias = np.zeros(weights.shape[1]) + np.asarray(estimator.intercept_, dtype=float)
    if weights.shape[1] != (1 if len(classes) == 2 else len(classes)):
        raise AuscultError(f"a {kind} with several labels per row", "one label per row", "fit one model per label")
    if kind in WITH_PROBABILITIES and len(classes) > 2 and (
        getattr(estimator, "multi_class", None) == "ovr" or getattr(estimator, "solver", None) == "liblinear"
    ):
        raise AuscultError(f"a {kind} of one model per class", "one model of all classes (softmax)", "fit it with solver='lbfgs'")
    check_finite(kind, coef_=weights, intercept_=bias)
    source, facts = emit_net(Layers([weights], [bias], []), scaling, len(classes), options)
    if kind in CLASS_ONLY:
        facts.pop("probability_error", None)
    return ModelCode(source, kind, len(classes), classes.tolist(), facts)
