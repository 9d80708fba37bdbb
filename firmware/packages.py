# SPDX-License-Identifier: Apache-2.0
"""The packages for `mip`, MicroPython's package installer, from what the files really import. `make docs` writes them.

    package.json    node and all drivers      sensors.json    all drivers and the sampler
    <chip>.json     one driver                virtual.json    virtual chips: for simulated boards and tests

They lie beside the files that they name, because mip takes a relative address as it is: not every server knows "..".
"""

import ast
import json
import re
from pathlib import Path

FIRMWARE = Path(__file__).resolve().parent


def _imported(file):
    """Files of the package that a file imports, wherever in it: also those that it can do without, as machine code."""
    for node in ast.walk(ast.parse((FIRMWARE / file).read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] + [node.module + "." + alias.name for alias in node.names]
        else:
            continue
        for name in names:
            path = name.replace(".", "/")
            for found in (path + ".py", path + "/__init__.py"):
                if (FIRMWARE / found).is_file():
                    yield found


def closure(*files):
    """These files, all that they import, and the __init__.py of the folders that these are in; sorted."""
    found, waiting = set(), list(files)
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file)
            waiting += [(folder / "__init__.py").as_posix() for folder in Path(file).parents if folder != Path(".")]
    return sorted(found)


def packages():
    """{name of the JSON file: its content}"""
    registry = ast.parse((FIRMWARE / "auscult/sensors/__init__.py").read_text())
    chips = {}
    for node in registry.body:
        if isinstance(node, ast.Assign) and node.targets[0].id in ("CHIPS", "SLOW"):
            chips.update(ast.literal_eval(node.value))
    files = [file.relative_to(FIRMWARE).as_posix() for file in (FIRMWARE / "auscult").rglob("*.py")]
    drivers = ["auscult/sensors/%s.py" % file for file, _ in chips.values()]
    virtual = [file for file in files if file.startswith("auscult/virtual/")]
    lists = {name: closure("auscult/sensors/%s.py" % file) for name, (file, _) in chips.items()}
    lists["package"] = sorted(set(files) - set(virtual))
    lists["sensors"] = closure("auscult/sampler.py", *drivers)
    lists["virtual"] = closure(*virtual)
    version = re.search(r'__version__ = "(.*)"', (FIRMWARE / "auscult/__init__.py").read_text())[1]
    return {name + ".json": _text(version, files) for name, files in lists.items()}


def _text(version, files):
    urls = ",\n".join(["    " + json.dumps([file, file]) for file in files])
    return '{\n  "version": "%s",\n  "deps": [],\n  "urls": [\n%s\n  ]\n}\n' % (version, urls)
