# SPDX-License-Identifier: Apache-2.0
"""A project: a folder with an auscult.toml, whose settings are the defaults of all commands that are called in it."""

import os
import re
from pathlib import Path
from typing import Any

from . import boards, files, templates
from .errors import AuscultError
from .recordings import identifier

FILE = "auscult.toml"
SCENARIO = "scenario.toml"
PICTURE = "verdicts.png"

_DATA = """
# Where this project keeps what. A recording to play is made by `auscult generate`; any of your own will do.
[data]
folder = "data"
model = "{name}.joblib"
play = "play.parquet"
group = "auto"                  # what is held out together when judging: machine, session, recording

# What the board has to spare; flash = "8k", ram = "4k", instructions = "200k" and, on a
# real board, time = "5ms" and energy = "50uJ" set limits for the search.
[budget]
board = "sim_m4"                # `auscult boards` shows all
"""

_README = """# {name}

{description}. Made from the template `{template}`, whose card says what it needs and how good it
is: models/{template}/README.md of Auscult.

    auscult generate              # or your own: auscult import FILE --label ... --machine ... --session ...
    auscult train                 # a model, judged on machines that it has not met
    auscult build                 # native modules for boards
    auscult simulate              # the node on a simulated board hears play.parquet
    auscult deploy                # onto the board that is plugged in; or --device sim_m4

All settings are in `auscult.toml`; options of the commands override them. `auscult evaluate` judges anew.
"""


def create(folder: Path, template: str) -> Path:
    """Make a project from a template. Raises AuscultError unless the folder is new or empty."""
    start = templates.load(template)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AuscultError(f"{folder} is there already", "a new or an empty folder", "choose another name")
    name = identifier(folder.resolve().name)
    source = (templates.folder() / template / "template.toml").read_text(encoding="utf-8")
    settings = re.sub(r'^name = .*$', lambda _: f'name = "{name}"', source, count=1, flags=re.M)
    settings = settings.replace("# SPDX-License-Identifier: Apache-2.0",
                                f"# The settings of this project, from the template {template}.")
    scenario = (templates.folder() / template / SCENARIO).read_text(encoding="utf-8")
    scenario = scenario.replace("# SPDX-License-Identifier: Apache-2.0\n", "").replace('"model.', f'"{name}.')
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in (
            (FILE, settings + _DATA.format(name=name)), (SCENARIO, scenario),
            ("README.md", _README.format(name=name, template=template, description=start.description)),
            (".gitignore", f"/data/\n/play.parquet\n/{name}.joblib\n/{name}.bundle/\n/*.png\n/*.html\n")):
        with files.atomic(folder / file) as part:
            part.write_text(text, encoding="utf-8")
    templates.load(folder / FILE)
    return folder


def find() -> Path | None:
    """The auscult.toml of the folder in which the command was called."""
    path = Path(FILE)
    return path if path.is_file() else None


def defaults(project: templates.Template) -> dict[str, dict[str, Any]]:
    """For each command the options that a project sets, by the names of the command's parameters."""
    data, made, sensor = project.data, project.generate, project.sensor
    decision = {"k": project.decision.k, "n": project.decision.n}
    board = project.budget.board
    chosen: dict[str, dict[str, Any]] = {
        "import": {"out": data.folder},
        "generate": {"out": data.folder, "process": made.process, "machines": made.machines, "sessions": made.sessions,
                     "seconds": made.seconds, "faults": ",".join(made.labels) if made.labels else None,
                     "rate_hz": project.rate_hz, "seed": made.seed, "play": data.play},
        "inspect": {"folder": data.folder},
        "train": {"folder": data.folder, "out": data.model, "template": FILE, "group": data.group,
                  "full_scale": sensor.full_scale, "name": project.name, "budget": _budget(project.budget)},
        "evaluate": {"model": data.model, "folder": data.folder, "group": data.group, **decision},
        "build": {"model": data.model, "board": [board]},
        "simulate": {"model": data.model, "recording": [data.play], "chip": sensor.chip, "bus": sensor.bus, "picture": PICTURE,
                     "board": [board] if board in boards.simulated() else None, **decision},
        "node": {"model": data.model},
        "deploy": {"model": data.model, "chip": sensor.chip, "bus": sensor.bus, "name": project.name, **decision},
    }
    return {command: {key: value for key, value in options.items() if value is not None}
            for command, options in chosen.items()}


def _budget(budget: templates.Budget) -> str | None:
    """As `auscult train --budget` takes it; None without a limit."""
    limits = {key: value for key, value in budget.model_dump().items() if value is not None}
    return ",".join(f"{key}={value}" for key, value in limits.items()) if len(limits) > 1 else None


def relative(path: Path) -> str:
    """As one would type it here."""
    return os.path.relpath(path)
