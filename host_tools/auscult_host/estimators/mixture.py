# SPDX-License-Identifier: Apache-2.0
"""GaussianMixture and EllipticEnvelope."""

from typing import Any

import numpy as np

from ..errors import AuscultError
from .fixedpoint import Floats, check_finite
from .gaussian import emit_densities, emit_distances
from .model_code import ModelCode, Options
from .scaling import Scaling
from .through_emlearn import emlearn_model

COVARIANCES = ("full", "tied", "diag", "spherical")


def convert_mixture(estimator: Any, scaling: Scaling, options: Options) -> ModelCode:
    """Classes are the components, probabilities their responsibilities.

    Means, Cholesky factors of the precisions, their log-determinants and the log-weights are those of emlearn's
    converted mixture (float64; it brings all covariance types to full matrices).
    """
    if estimator.covariance_type not in COVARIANCES:
        raise AuscultError(f"GaussianMixture(covariance_type={estimator.covariance_type!r})", " or ".join(COVARIANCES))
    check_finite("GaussianMixture", means_=estimator.means_, weights_=estimator.weights_,
                 precisions_cholesky_=estimator.precisions_cholesky_)
    mixture = emlearn_model(estimator)
    source, facts = emit_densities(
        np.asarray(mixture._precisions_col, dtype=float),
        np.asarray(mixture._means, dtype=float),
        np.asarray(mixture._log_weights + mixture._log_det, dtype=float),
        scaling,
    )
    n_components = len(estimator.means_)
    facts["covariance_type"] = estimator.covariance_type
    return ModelCode(source, "GaussianMixture", n_components, list(range(n_components)), facts)


def convert_envelope(estimator: Any, scaling: Scaling, options: Options) -> ModelCode:
    """Classes -1 (outside) and 1; acc[0] is the Mahalanobis distance in Q(score_bits), outside above the threshold.

    Location, precision and offset are those of emlearn's converted envelope (float64).
    """
    check_finite("EllipticEnvelope", location_=estimator.location_, precision=estimator.get_precision(),
                 offset_=estimator.offset_)
    envelope = emlearn_model(estimator, method="inline")
    distances, bits, facts = emit_distances(
        _triangular(np.asarray(envelope._precision, dtype=float))[None],
        np.asarray(envelope._means, dtype=float)[None],
        scaling,
    )
    # The root of a Q(bits) distance is in Q(bits / 2); large ones saturate.
    limit = max(0, round(-float(envelope._offset) * 2.0**bits))
    if limit >= 2**62:
        raise AuscultError("an EllipticEnvelope whose threshold no int16 row can reach", "a threshold within range")
    n_features = scaling.n_features
    source = f"""#include "model_math.h"
#define AUS_MODEL_CLASSES 2
#define AUS_MODEL_SCORE 1
#define AUS_MODEL_ACC {2 + n_features} // score, class, then the prepared features
{distances}
static int aus_model(const int16_t *x, int32_t *acc) {{
    model_inputs(x, acc + 2);
    uint64_t distance = model_distance(acc + 2, 0);
    uint32_t root = model_sqrt(distance);
    acc[0] = root > 0x3fffffff ? 0x3fffffff : (int32_t)root; // MicroPython keeps numbers below 2^30 off the heap
    acc[1] = distance <= {limit}u{"ll" if limit >= 2**32 else ""};
    return acc[1];
}}
static void aus_model_proba(const int32_t *acc, uint16_t *p) {{ // certain: an envelope has no probabilities
    p[0] = acc[1] ? 0 : 32768;
    p[1] = acc[1] ? 32768 : 0;
}}
"""
    facts |= {
        "layout": "table",
        "score_bits": bits // 2,
        "score_threshold": int(np.floor(np.sqrt(limit))),
        "probability_error": 0.0,
    }
    return ModelCode(source, "EllipticEnvelope", 2, [-1, 1], facts)


def _triangular(precision: Floats) -> Floats:
    """Upper triangular T with precision = T @ T.T, also for a precision that is only positive semi-definite."""
    values, vectors = np.linalg.eigh((precision + precision.T) / 2)
    root = vectors * np.sqrt(np.maximum(values, 0))
    # root @ root.T = precision; an orthogonal factor on the right changes nothing, and RQ makes the rest triangular.
    lower = np.asarray(np.linalg.qr(root[::-1].T, mode="r")).T
    return np.asarray(lower[::-1, ::-1])
