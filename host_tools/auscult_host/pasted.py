# SPDX-License-Identifier: Apache-2.0
"""Device code that a board is handed when it is needed, instead of having it in its flash."""

import ast

from . import paths

# On the board: the package that counts on the path; _path: the configuration that counts, _trial: of a pair on trial. Of the
# slots that `auscult deploy` made, else what lies in the root.
FIND = """
def _find():
    for name in ('auscult_slots', 'auscult_slots_new', 'auscult.slots'):
        try:
            slots = __import__(name, None, None, ('load',))
            break
        except ImportError:
            pass
    else:
        return '/auscult.json', None
    record = slots.load()
    trial = record['trial']
    return slots.activate(trial or record), trial and slots.Trial(record)
_path, _trial = _find()
"""


def source(file: str) -> str:
    """A file of the device package, as "waves.py", without comments and docstrings: a third of it is enough to send."""
    tree = ast.parse((paths.assets() / "firmware" / "auscult" / file).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree) + "\n"
