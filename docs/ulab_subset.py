# SPDX-License-Identifier: Apache-2.0
"""What NumPy and ulab share, out of the stubs that CircuitPython ships for ulab (circuitpython-stubs) and the NumPy here."""

import ast
import importlib.util
import inspect
import json
from pathlib import Path

import numpy

# Not the same: run beside NumPy (tests/parity/test_ulab.py), ulab 6.12 does not sort the indices of a slice and takes a wrong
# cross product of slices; by the stubs nonzero gives an array, and sort and roll work in place.
_OTHER = {"argsort", "cross", "nonzero", "sort", "roll", "set_printoptions", "get_printoptions", "vectorize"}
_OTHER_KEYWORDS = {("diff", "n")}  # the sign of second differences
_ONLY_NUMPY_2 = {"acos", "acosh", "asin", "asinh", "atan", "atanh", "bool"}


def stub_file() -> Path:
    found = importlib.util.find_spec("ulab-stubs")
    assert found is not None and found.submodule_search_locations, "pip install circuitpython-stubs"
    return Path(found.submodule_search_locations[0]) / "numpy" / "__init__.pyi"


def text() -> str:
    """ulab_subset.json."""
    functions: dict[str, list] = {}
    constants = []
    for node in ast.parse(stub_file().read_text()).body:
        name = node.name if isinstance(node, ast.FunctionDef) else getattr(getattr(node, "target", None), "id", "")
        if not name or name in _OTHER | _ONLY_NUMPY_2 or not hasattr(numpy, name):
            continue
        if isinstance(node, ast.FunctionDef):
            positional = len(node.args.args)
            most = max(positional, functions.get(name, [0])[0])
            functions[name] = [most, [a.arg for a in node.args.kwonlyargs if a.arg in _parameters(name)
                                      and (name, a.arg) not in _OTHER_KEYWORDS]]
        else:
            constants.append(name)
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(functions[name])}" for name in sorted(functions))
    return f'{{"constants": {json.dumps(sorted(constants))}, "functions": {{\n{rows}\n}}}}\n'


def _parameters(name: str) -> set[str]:
    try:
        return set(inspect.signature(getattr(numpy, name)).parameters)
    except ValueError:  # some in C say nothing of themselves; those take a dtype
        return {"dtype"}
