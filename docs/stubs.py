# SPDX-License-Identifier: Apache-2.0
"""Type stubs of the drivers and of the registry, from the classes themselves: the part of host_tools/auscult-stubs that
follows from the code. The frame's stubs are written by hand; tests/device/test_types.py checks them all."""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable
from types import ModuleType

from auscult.sensors import CHIPS, SLOW

_HEAD = "# SPDX-License-Identifier: Apache-2.0\n# Written by docs/generate.py.\n"
# The same name has the same type in every driver.
_ARGUMENTS = {
    "bus": "I2CBus | SPIBus", "clock": "Clock", "threshold_g": "float", "adc": "Any", "channel": "str", "at_zero": "float",
    "at_full": "float", "valid": "tuple[float, float] | None", "rom": "bytes | None",
    "DS18B20.bus": "Any",  # a 1-Wire bus
}
_RESULTS = {"__init__": "None", "temperature_c": "float", "wake_on_motion": "None", "moved": "bool"}
_IMPORTS = {"Any": "typing", "Clock": "auscult.port", "I2CBus": "auscult.sensors.bus", "SPIBus": "auscult.sensors.bus"}


def stubs() -> dict[str, str]:
    """{path in the stubs' folder: its content}"""
    files = sorted({file for file, _ in (*CHIPS.values(), *SLOW.values())} | {"sensirion"})
    return {"sensors/__init__.pyi": _registry(), **{f"sensors/{file}.pyi": _driver(file) for file in files}}


def _registry() -> str:
    chips = {**CHIPS, **SLOW}
    lines = ["from typing import Any, Literal, overload", ""]
    lines += [f"from auscult.sensors.{file} import {kind} as _{kind}" for file, kind in sorted(chips.values())]
    lines += ["", "CHIPS: dict[str, tuple[str, str]]", "SLOW: dict[str, tuple[str, str]]", ""]
    for name, (_, kind) in sorted(chips.items()):
        lines += ["@overload", f'def driver(name: Literal["{name}"]) -> type[_{kind}]: ...']
    lines += ["@overload", "def driver(name: str) -> type[Any]: ..."]
    return _HEAD + "\n".join(lines) + "\n"


def _driver(file: str) -> str:
    module = importlib.import_module(f"auscult.sensors.{file}")
    blocks, bases = [], set()
    constants = [f"{name}: {type(value).__name__}" for name, value in vars(module).items() if name in _assigned(module)]
    if constants:
        blocks.append("\n".join(constants))
    for name, value in vars(module).items():
        if getattr(value, "__module__", "") != module.__name__ or name.startswith("_"):
            continue
        if inspect.isclass(value):
            blocks.append(_class(value))
            bases |= {base for base in value.__bases__ if base.__module__ != module.__name__}
        else:
            blocks.append(_function("", name, value))
    text = "\n\n".join(blocks)
    sources: dict[str, set[str]] = {}
    for base in bases:
        sources.setdefault(base.__module__, set()).add(base.__name__)
    for name, source in _IMPORTS.items():
        if re.search(rf"\b{name}\b", text):
            sources.setdefault(source, set()).add(name)
    lines = [f"from {source} import {', '.join(sorted(names))}" for source, names in sorted(sources.items())]
    if "typing" in sources:  # the standard library comes first
        lines = [lines[-1], "", *lines[:-1]]
    return _HEAD + "\n".join([*lines, "", text]) + "\n"


def _assigned(module: ModuleType) -> set[str]:
    """Public constants that the module itself defines, as against those that it imports."""
    return {target.id for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.Assign)
            for target in node.targets if isinstance(target, ast.Name) and not target.id.startswith("_")}


def _class(kind: type) -> str:
    """What it has beyond its bases, whose stubs have the rest."""
    lines = []
    known = {"start", "stop", "level"}.union(*(vars(base) for base in kind.__mro__[1:]))
    for name, value in vars(kind).items():
        if _more(value, kind.__mro__[1]) if name == "__init__" else name not in known and not name.startswith("_"):
            lines.append("    " + (_function(kind.__name__, name, value) if inspect.isfunction(value)
                                   else f"{name}: {'tuple[int, ...]' if isinstance(value, tuple) else type(value).__name__}"))
    head = f"class {kind.__name__}({', '.join(base.__name__ for base in kind.__bases__)}):"
    return "\n".join([head, *lines]) if lines else head + " ..."


def _more(init: Callable[..., object], base: type) -> bool:
    """Whether it takes arguments that the base's does not."""
    names = set(inspect.signature(init).parameters) - {"args", "more", "kwargs"}
    return not names <= set(inspect.signature(base.__init__).parameters)  # type: ignore[misc]


def _function(kind: str, name: str, function: Callable[..., object]) -> str:
    """kind: the class that it belongs to; functions of their own may have types that the tables do not know."""
    arguments = []
    for one in inspect.signature(function).parameters.values():
        if one.name == "self":
            arguments.append("self")
            continue
        arguments.append(f"{one.name}: {_ARGUMENTS.get(f'{kind}.{one.name}') or _type(_ARGUMENTS, one.name, kind)}")
        if one.default is not one.empty:
            arguments[-1] += f" = {one.default!r}" if isinstance(one.default, int | None) else " = ..."
    line = f"def {name}({', '.join(arguments)}) -> {_type(_RESULTS, name, kind)}: ..."
    return textwrap.fill(line, 120, subsequent_indent=" " * 8)


def _type(table: dict[str, str], name: str, kind: str) -> str:
    if name not in table and kind:
        raise KeyError(f"docs/stubs.py does not know the type of {kind}'s {name}: add it to its tables")
    return table.get(name, "Any")
