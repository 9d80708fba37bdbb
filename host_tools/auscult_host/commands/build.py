# SPDX-License-Identifier: Apache-2.0
"""`auscult build`: a fitted model into a bundle of native modules that boards load."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import boards as boards_
from .. import build as building
from .. import card, train
from ..errors import AuscultError
from ..estimators import LAYOUTS


def build(
    model: Annotated[Path, typer.Argument(help="Model file from `auscult train`.")] = Path("model.joblib"),
    out: Annotated[Path | None, typer.Option(help="Folder of the bundle; by default <model>.bundle.")] = None,
    board: Annotated[list[str] | None, typer.Option(help="Build for this board (repeatable).")] = None,
    arch: Annotated[list[str] | None, typer.Option(
        help=f"Build for this architecture (repeatable): {', '.join(building.ARCHITECTURES)}. Default: all.")] = None,
    layout: Annotated[str, typer.Option(help="fast: trees as code. small: trees as a packed table.")] = "fast",
    static: Annotated[bool, typer.Option("--static", help="Also write a user C module, to link into a firmware.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Compile a trained pipeline into native modules (.mpy), one for each architecture, with a manifest."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    if layout not in LAYOUTS:
        raise AuscultError(f"layout {layout!r}", " or ".join(LAYOUTS))
    archs = list(arch or []) + [boards_.load(name).arch for name in board or []] or list(building.ARCHITECTURES)
    trained = train.load(model)
    code = trained.code(layout)
    target = out or model.with_name(model.name.split(".")[0] + ".bundle")
    with console.status("building") as status:
        for i, name in enumerate(dict.fromkeys(archs), 1):
            status.update(f"building for {name} ({i} of {len(set(archs))})")
            building.native_module(trained.spec, name, code)
        metrics, texts = card.for_bundle(model, trained)
        building.bundle(trained.spec, target, dict.fromkeys(archs), code,
                        {"training": trained.training, "metrics": metrics}, texts)
        folder = building.static_module(trained.spec, target, code) if static else None
    manifest = json.loads((target / "manifest.json").read_text())
    result: dict[str, Any] = {"bundle": str(target), "name": trained.spec.name, "layout": layout,
                              "files": manifest["files"], "card": str(target / "card.md") if texts else None,
                              "static": str(folder) if folder else None}
    if as_json:
        print(json.dumps(result))
        return result
    table = Table("architecture", "boards", "file", "bytes", box=None, header_style="bold")
    for name, file in manifest["files"].items():
        for_boards = ", ".join(b for b in boards_.names() if boards_.load(b).arch == name) or "MicroPython on this PC"
        table.add_row(name, for_boards, file["file"], f"{file['bytes']:,}")
    Console(highlight=False).print(table)
    print(f"bundle in {target}" + (f", user C module in {folder}" if folder else ""))
    if not texts:
        console.print("no model card: this model was not judged, or was trained again since; `auscult evaluate` makes one",
                      style="yellow", soft_wrap=True)
    console.print(f"[bold green]next:[/] auscult simulate {model} RECORDING.parquet --board sim_m4", soft_wrap=True)
    return result
