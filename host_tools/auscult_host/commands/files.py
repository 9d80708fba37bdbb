# SPDX-License-Identifier: Apache-2.0
"""`auscult files`: what lies on a board; copied to and fro, each file whole and verified."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from .. import devices
from .. import files as local
from ..boardfiles import Entry, Files
from ..errors import AuscultError


class Action(StrEnum):
    """What to do."""

    ls, get, put, rm, df = "ls", "get", "put", "rm", "df"


def files(
    action: Annotated[Action, typer.Argument(help="ls [FOLDER], get FILE... [WHERE], put FILE... [FOLDER/ or NAME], rm FILE..., "
                                             "df: how full it is.")] = Action.ls,
    paths: Annotated[list[str] | None, typer.Argument(help="On the board lib/x.py and :/lib/x.py are the same.")] = None,
    device: Annotated[str | None, typer.Option("--device", "-d", help="Port, USB serial number, or a simulated board as sim_m4; "
                                               "by default the only board plugged in.")] = None,
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="ls: also what is in folders; rm: also folders.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also files of the deployed node, and local files that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """List and copy files of a board. A program that runs there is stopped for it and starts again afterwards."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    given = paths or []
    _check(action, given)
    with devices.connect(device) as board:
        try:
            result = _ACTIONS[action](Files(board), given, console, recursive, force)
        finally:
            board.go_on()
    if as_json:
        print(json.dumps(result))
    else:
        _show(action, result, console)
    return result


def _check(action: Action, given: list[str]) -> None:
    """Before the board is touched."""
    name, count = f"auscult files {action}", len(given)
    if action in (Action.get, Action.put, Action.rm) and not count:
        raise AuscultError(f"{name} without a path", "at least one", f"for example {name} main.py")
    most = {Action.ls: 1, Action.df: 0}.get(action, count)
    if count > most:
        raise AuscultError(f"{name} {' '.join(given)}", "a folder" if most else "no path", "leave the rest out")


def _list(board: Files, given: list[str], console: Console, recursive: bool, force: bool) -> dict[str, Any]:
    folder = board.path(given[0]) if given else ""
    depth = folder.count("/") + 1 if folder else 0
    entries = [e for e in board.entries(folder) if recursive or e.path.count("/") == depth]
    return {"folder": folder, "entries": [_row(e) for e in entries], "free": board.free, "total": board.total}


def _row(entry: Entry) -> dict[str, Any]:
    return {"path": entry.path + "/" * entry.is_folder, "size": entry.size, "role": entry.role}


def _usage(board: Files, given: list[str], console: Console, recursive: bool, force: bool) -> dict[str, Any]:
    entries = [_row(e) for e in board.entries() if "/" not in e.path]
    return {"total": board.total, "free": board.free, "used": board.total - board.free, "block": board.block,
            "entries": sorted(entries, key=lambda row: -row["size"])}


def _get(board: Files, given: list[str], console: Console, recursive: bool, force: bool) -> dict[str, Any]:
    """The last path is where they go if it is a local folder, or if there are two."""
    *sources, last = given if len(given) > 1 else [*given, "."]
    where, done = Path(last), []
    if len(sources) > 1 and not where.is_dir():
        raise AuscultError(f"{last} for {len(sources)} files", "a folder that exists", f"mkdir {last}")
    targets = {source: where / Path(board.path(source)).name if where.is_dir() else where for source in sources}
    taken = [str(target) for target in targets.values() if target.exists()]
    if taken and not force:
        raise AuscultError(f"{taken[0]} exists", "a name that is free", "give another one, or --force")
    for source, target in targets.items():
        with _progress(console, source, board.digest(source)[0]) as advance:
            data = board.get(source, advance)
        with local.atomic(target) as part:
            part.write_bytes(data)
        done.append({"path": board.path(source), "to": str(target), "size": len(data)})
    return {"files": done}


def _put(board: Files, given: list[str], console: Console, recursive: bool, force: bool) -> dict[str, Any]:
    """Where the last path is no local file, it is the board's: a folder if it ends in / or for several, else the name."""
    *sources, last = given if len(given) > 1 and not Path(given[-1]).is_file() else [*given, "/"]
    pairs: list[tuple[Path, str]] = []
    for source in sources:
        path = Path(source)
        is_name = len(sources) == 1 and not last.endswith(("/", ":")) and not path.is_dir()
        target = last.strip("/") if is_name else f"{last.strip('/:')}/{path.name}".strip("/")
        if path.is_dir():
            pairs += [(file, f"{target}/{file.relative_to(path).as_posix()}") for file in sorted(path.rglob("*"))
                      if file.is_file() and "__pycache__" not in file.parts]
        elif path.is_file():
            pairs.append((path, target))
        else:
            raise AuscultError(f"no file {source}", "files of this computer, then where they go", "check the path")
    done = []
    for file, name in pairs:
        data = file.read_bytes()
        with _progress(console, name, len(data)) as advance:
            sent = board.put(name, data, force, advance)
        done.append({"path": board.path(name), "from": str(file), "size": len(data), "sent": sent})
    return {"files": done, "free": board.free}


def _remove(board: Files, given: list[str], console: Console, recursive: bool, force: bool) -> dict[str, Any]:
    return {"removed": [name for path in given for name in board.remove(path, recursive, force)]}


_ACTIONS: dict[Action, Callable[[Files, list[str], Console, bool, bool], dict[str, Any]]] = {
    Action.ls: _list, Action.get: _get, Action.put: _put, Action.rm: _remove, Action.df: _usage}


@contextmanager
def _progress(console: Console, name: str, size: int) -> Iterator[Callable[[int], None]]:
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(name, total=size)
        yield lambda n: bar.advance(task, n)


def _show(action: Action, result: dict[str, Any], console: Console) -> None:
    out = Console(highlight=False)
    if action in (Action.ls, Action.df):
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("bytes", justify="right")
        table.add_column("file")
        table.add_column("")
        for row in result["entries"]:
            style = "green" if row["role"] == "active" else "yellow" if row["role"] else ""
            table.add_row(f"{row['size']:,}", row["path"], row["role"], style=style)
        out.print(table)
        out.print(f"{result['free']:,} of {result['total']:,} bytes are free", soft_wrap=True)
    elif action is Action.rm:
        out.print("\n".join(f"removed {path}" for path in result["removed"]), soft_wrap=True)
    else:
        for row in result["files"]:
            said = f"{row['path']} -> {row['to']}" if action is Action.get else f"{row['from']} -> {row['path']}"
            there = "" if row.get("sent", True) else ", was there already"
            out.print(f"{said}   {row['size']:,} bytes{there}", soft_wrap=True)
    if action is Action.put:
        console.print("[bold green]next:[/] auscult run, or auscult shell", soft_wrap=True)
