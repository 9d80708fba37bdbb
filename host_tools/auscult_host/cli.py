# SPDX-License-Identifier: Apache-2.0
"""The `auscult` command: a table of commands, each a function in its own file, and one way to show errors."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import typer
import typer.core

from .errors import AuscultError

# name -> (module in commands/, function). Imported only when asked for, so that `auscult --help` stays quick.
COMMANDS = {
    "new": ("new", "new"),
    "record": ("record", "record"),
    "import": ("import_", "import_"),
    "export": ("export", "export_"),
    "inspect": ("inspect", "inspect"),
    "edit": ("edit", "edit"),
    "generate": ("generate", "generate"),
    "features": ("features", "features"),
    "train": ("train", "train"),
    "evaluate": ("evaluate", "evaluate"),
    "build": ("build", "build"),
    "firmware": ("firmware", "firmware"),
    "simulate": ("simulate", "simulate"),
    "deploy": ("deploy", "deploy_"),
    "node": ("node", "node"),
    "monitor": ("monitor", "monitor"),
    "run": ("run", "run"),
    "shell": ("shell", "shell"),
    "files": ("files", "files"),
    "boards": ("boards", "boards"),
    "devices": ("devices", "devices"),
    "doctor": ("doctor", "doctor"),
    "flash": ("flash", "flash"),
    "power": ("power", "power"),
    "bench": ("bench", "bench"),
    "demo": ("demo", "demo"),
    "setup": ("setup", "setup"),
}


class LazyGroup(typer.core.TyperGroup):
    """Loads a command's module when it is called or when help is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, name: str) -> Any:
        if name not in COMMANDS:
            return None
        module_name, function = COMMANDS[name]
        module = importlib.import_module(f".commands.{module_name}", __package__)
        sub = typer.Typer(add_completion=False)
        sub.command(name=name)(getattr(module, function))
        return typer.main.get_command(sub)


app = typer.Typer(
    cls=LazyGroup,
    name="auscult",
    help="Turn recordings of a machine into a compiled pipeline that listens and decides on a board.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.callback()
def _root(context: typer.Context) -> None:
    """Turn recordings of a machine into a compiled pipeline that listens and decides on a board."""
    context.default_map = project_defaults(context.invoked_subcommand)


def project_defaults(command: str | None) -> dict[str, Any]:
    """What the auscult.toml of this folder says, as the commands' defaults."""
    if command == "new" or not Path("auscult.toml").is_file():
        return {}
    from . import project, templates

    return project.defaults(templates.load(project.FILE))


def show_error(error: AuscultError, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": error.as_dict()}))
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    console.print(f"[bold red]error:[/] {_escape(error.found)}", soft_wrap=True)
    if error.expected:
        console.print(f"[bold]expected:[/] {_escape(error.expected)}", soft_wrap=True)
    if error.hint:
        console.print(f"[bold green]next:[/] {_escape(error.hint)}", soft_wrap=True)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def main(argv: list[str] | None = None) -> Any:
    arguments = sys.argv[1:] if argv is None else argv
    try:
        return app(arguments, standalone_mode=True)
    except AuscultError as error:
        show_error(error, "--json" in arguments)
    except OSError as error:
        if error.errno is None:
            raise
        where = f" ({error.filename})" if error.filename else ""
        show_error(AuscultError(f"{error.strerror}{where}", hint="check the path, its permissions and free space"),
                   "--json" in arguments)
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    sys.exit(1)


if __name__ == "__main__":
    main()
