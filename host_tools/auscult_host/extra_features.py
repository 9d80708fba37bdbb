# SPDX-License-Identifier: Apache-2.0
"""Features of one's own in a file that NumPy on the PC and ulab on a board run alike: checked, and computed over recordings."""

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import device, features
from .dataset import Table
from .errors import AuscultError
from .recordings import Entry, to_int16
from .spec import PipelineSpec

FILE = "extra_features.py"
# Of arrays, beside arithmetic, comparisons, indices and slices; as in ulab's own sources (code/ulab.c)
ATTRIBUTES = ("shape", "size", "T", "copy", "flatten", "reshape", "transpose")
BUILTINS = ("abs", "all", "any", "bool", "enumerate", "float", "int", "len", "list", "max", "min", "range", "round", "sorted",
            "sum", "tuple", "zip")
_ALLOWED = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.For, ast.If, ast.IfExp,
    ast.Expr, ast.Call, ast.keyword, ast.Attribute, ast.Subscript, ast.Slice, ast.Name, ast.Constant, ast.List, ast.Tuple,
    ast.ListComp, ast.GeneratorExp, ast.comprehension, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.operator,
    ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context, ast.While, ast.Break, ast.Continue, ast.Pass,
)


@dataclass(frozen=True)
class Extra:
    """names: of the features, in their order; text: the file."""

    names: list[str]
    text: str
    path: str

    def of(self, windows: Iterable[NDArray[np.int16]]) -> NDArray[np.int16]:
        """int16 [n, names] of windows [points, axes], through the very code that runs on the board."""
        computed = device.module("extra").Features(np, self.text, self.path)
        rows = []
        for window in windows:
            row = [0] * len(self.names)
            try:
                computed.into(row, 0, bytearray(window.astype("<i2").tobytes()), window.shape[1])
            except Exception as error:  # whatever the user's code raises
                trace, line = error.__traceback__, 0
                while trace:
                    line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == self.path else line
                    trace = trace.tb_next
                raise AuscultError(f"{self.path}{f', line {line}' if line else ''}: {error}",
                                   f"{len(self.names)} numbers from features(np, window)", "mend it and run again") from error
            rows.append(row)
        return np.array(rows, np.int16).reshape(-1, len(self.names))


def load(path: Path) -> Extra:
    """Reads and checks the file; AuscultError names the line of what does not belong to the subset."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except OSError as error:
        raise AuscultError(f"there is no file {path}", f"a file like {FILE}", "docs/ulab.md shows one") from error
    except (SyntaxError, ValueError) as error:
        raise AuscultError(f"{path}: {error}", "a Python file") from error
    _Checker(path, tree).check()
    return Extra(_names(path, tree), text, str(path))


def parse(text: str) -> Extra:
    """One that was checked before."""
    return Extra(_names(Path(FILE), ast.parse(text)), text, FILE)


def columns(extra: Extra, entries: list[Entry], table: Table, spec: PipelineSpec) -> NDArray[np.int16]:
    """One row for each window of the table."""
    def windows() -> Iterable[NDArray[np.int16]]:
        for number, entry in enumerate(entries):
            starts = table.start[table.recording == number]
            if len(starts):
                words = to_int16(entry.read(), spec.full_scale)
                yield from (words[start:start + spec.window] for start in starts)

    return extra.of(windows())


@cache
def subset() -> dict[str, Any]:
    """{"functions": {name: [most positional arguments, keywords]}, "constants": [...]} that NumPy and ulab share."""
    table: dict[str, Any] = json.loads((resources.files(__package__) / "ulab_subset.json").read_text(encoding="utf-8"))
    return table


def _names(path: Path, tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["NAMES"]:
            try:
                names = ast.literal_eval(node.value)
            except ValueError:
                names = None
            if not isinstance(names, list) or not names or not all(isinstance(n, str) and n.isidentifier() for n in names):
                raise AuscultError(f"{path}, line {node.lineno}: NAMES", 'a list of names, as NAMES = ["tilt", "swing"]')
            twice = [name for name in names if names.count(name) > 1 or name.split(".")[0] in features.KINDS]
            if twice:
                raise AuscultError(f"{path}, line {node.lineno}: the name {twice[0]}", "each once, and no kind of the pipeline's")
            return names
    raise AuscultError(f"{path} has no NAMES", 'NAMES = ["tilt", "swing"] and features(np, window)', "docs/ulab.md shows one")


class _Checker:
    """Walks the file; everything that is not known to be alike in NumPy and ulab is an error with its line."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        self.path, self.tree = path, tree
        self.known = {name for node in ast.walk(tree) for name in _bound(node)} | set(BUILTINS)

    def check(self) -> None:
        main = next((node for node in self.tree.body if isinstance(node, ast.FunctionDef) and node.name == "features"), None)
        if main is None or [argument.arg for argument in main.args.args] != ["np", "window"]:
            raise AuscultError(f"{self.path} has no features(np, window)", "def features(np, window): ... return [numbers]",
                               "docs/ulab.md shows one")
        for node in ast.walk(self.tree):
            if not isinstance(node, _ALLOWED) or isinstance(getattr(node, "op", None), ast.MatMult):
                self._refuse(node, f"`{_shown(node)}`", "what NumPy, ulab and MicroPython share: functions, loops, arithmetic")
            if isinstance(node, ast.Constant) and isinstance(node.value, complex | bytes):
                self._refuse(node, f"`{_shown(node)}`", "numbers and text")
            if isinstance(node, ast.Attribute):
                self._attribute(node)
            elif isinstance(node, ast.Name) and node.id not in self.known:
                self._refuse(node, f"the name {node.id}", "a name of this file, or of " + ", ".join(BUILTINS))
            elif isinstance(node, ast.Call) and _of_numpy(node.func):
                self._call(node)

    def _attribute(self, node: ast.Attribute) -> None:
        if _of_numpy(node):
            if node.attr not in subset()["functions"] and node.attr not in subset()["constants"]:
                self._refuse(node, f"np.{node.attr}", "one of " + ", ".join([*subset()["functions"], *subset()["constants"]]))
        elif isinstance(node.value, ast.Attribute) and _of_numpy(node.value):
            self._attribute(node.value)
            self._refuse(node, f"np.{node.value.attr}.{node.attr}", "functions of np")
        elif node.attr not in ATTRIBUTES:
            other = f"np.{node.attr}(x)" if node.attr in subset()["functions"] else "one of " + ", ".join(ATTRIBUTES)
            self._refuse(node, f".{node.attr} of an array", other)

    def _call(self, node: ast.Call) -> None:
        assert isinstance(node.func, ast.Attribute)
        if node.func.attr not in subset()["functions"]:
            return self._refuse(node, f"np.{node.func.attr} called", "as a dtype: dtype=np." + node.func.attr)
        most, keywords = subset()["functions"][node.func.attr]
        if len(node.args) > most:
            self._refuse(node, f"np.{node.func.attr} with {len(node.args)} arguments without a name", f"at most {most}")
        for keyword in node.keywords:
            if keyword.arg not in keywords:
                self._refuse(node, f"np.{node.func.attr}(..., {keyword.arg}=)", "one of " + ", ".join(keywords) if keywords
                             else "no arguments with a name")

    def _refuse(self, node: ast.AST, found: str, expected: str) -> None:
        raise AuscultError(f"{self.path}, line {getattr(node, 'lineno', 0)}: {found}", expected,
                           "docs/ulab.md lists what NumPy and ulab share")


def _of_numpy(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np"


def _bound(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    if isinstance(node, ast.arg):
        return [node.arg]
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def _shown(node: ast.AST) -> str:
    kinds = {ast.Import: "import", ast.ImportFrom: "import", ast.ClassDef: "class", ast.Lambda: "lambda"}
    return kinds.get(type(node)) or (ast.unparse(node).splitlines() or [type(node).__name__])[0][:40]
