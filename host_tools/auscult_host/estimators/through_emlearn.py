# SPDX-License-Identifier: Apache-2.0
"""The one place where emlearn is called."""

import os
import tempfile
from typing import Any

import numpy as np

from ..errors import AuscultError


def emlearn_model(estimator: Any, **options: Any) -> Any:
    """emlearn's converted model of a fitted estimator.

    emlearn compiles a host evaluator into ./tmp for most kinds, so it runs in a temporary folder; importing it
    makes NumPy raise on every underflow, so the error state is put back afterwards.
    """
    numpy_errors = np.geterr()
    before = os.getcwd()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            os.chdir(scratch)
            try:
                import emlearn

                with np.errstate(all="ignore"):
                    return emlearn.convert(estimator, **options)
            finally:
                os.chdir(before)
    except AuscultError:
        raise
    except Exception as error:
        raise AuscultError(
            f"emlearn could not convert this {type(estimator).__name__}: {error}",
            "an estimator that emlearn supports",
            "check its parameters, and that a C compiler for this computer (gcc) is installed",
        ) from error
    finally:
        np.seterr(**numpy_errors)
