# SPDX-License-Identifier: Apache-2.0
"""GaussianNB."""

from typing import Any

import numpy as np

from .fixedpoint import check_finite
from .gaussian import emit_densities
from .model_code import ModelCode, Options
from .scaling import Scaling
from .through_emlearn import emlearn_model


def convert_bayes(estimator: Any, scaling: Scaling, options: Options) -> ModelCode:
    """Naive Bayes as Gaussians with diagonal covariance.

    Means and deviations are those of emlearn's converted model before its Q16.16 code, which is too coarse for them
    and knows no class priors; the priors are the estimator's.
    """
    check_finite("GaussianNB", theta_=estimator.theta_, var_=estimator.var_, class_prior_=estimator.class_prior_)
    summaries = np.asarray(emlearn_model(estimator).model, dtype=float)  # [K, F, (mean, std, log2 std)]
    means, deviations = summaries[:, :, 0], summaries[:, :, 1]
    with np.errstate(divide="ignore"):
        log_priors = np.maximum(np.log(estimator.class_prior_), -1e4)  # a class that is never expected
    n_classes, n_features = means.shape
    factors = np.zeros((n_classes, n_features, n_features))
    factors[:, np.arange(n_features), np.arange(n_features)] = 1 / deviations
    source, facts = emit_densities(factors, means, log_priors - np.log(deviations).sum(axis=1), scaling)
    return ModelCode(source, "GaussianNB", n_classes, estimator.classes_.tolist(), facts)
