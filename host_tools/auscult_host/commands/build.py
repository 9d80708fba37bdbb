# SPDX-License-Identifier: Apache-2.0
"""`auscult build`: a fitted model into a bundle of native modules that boards load."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import boards as boards_
from .. import build as building
from .. import card, own_models, rows, train
from ..errors import AuscultError
from ..estimators import LAYOUTS, convert
from ..extra_features import Extra


def build(
    model: Annotated[Path, typer.Argument(
        help="Model file from `auscult train`; or your own: a joblib file of scikit-learn, .onnx, .keras or .h5. joblib files "
             "run code when they are loaded.")] = Path("model.joblib"),
    out: Annotated[Path | None, typer.Option(help="Folder of the bundle; by default <model>.bundle.")] = None,
    board: Annotated[list[str] | None, typer.Option(help="Build for this board (repeatable).")] = None,
    arch: Annotated[list[str] | None, typer.Option(
        help=f"Build for this architecture (repeatable): {', '.join(building.ARCHITECTURES)}. Default: all.")] = None,
    layout: Annotated[str | None, typer.Option(help="fast: trees as code. small: trees as a packed table.")] = None,
    bits: Annotated[int | None, typer.Option(help="32, 16 or 8 for each weight of a linear model or net.")] = None,
    like: Annotated[Path | None, typer.Option(
        help="For a model of your own: the pipeline of these rows (`auscult features`) or of this model.")] = None,
    classes: Annotated[str | None, typer.Option(help="For a model of your own: names of its outputs, as normal,bearing.")] = None,
    novelty: Annotated[float, typer.Option(help="With --like rows: share of windows of new groups to call novel.")] = 0.0,
    static: Annotated[bool, typer.Option("--static", help="Also write a user C module, to link into a firmware.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Compile a trained pipeline into native modules (.mpy), one for each architecture, with a manifest."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    if layout not in (None, *LAYOUTS):
        raise AuscultError(f"layout {layout!r}", " or ".join(LAYOUTS))
    archs = list(arch or []) + [boards_.load(name).arch for name in board or []] or list(building.ARCHITECTURES)
    target = out or model.with_name(model.name.split(".")[0] + ".bundle")
    names = [name.strip() for name in classes.split(",")] if classes else None
    trained = own_models.read(model, names)
    if not isinstance(trained, train.Trained):
        if like is None:
            return _alone(trained, model, target, list(dict.fromkeys(archs)), layout, bits, console, as_json)
        if (extra := rows.extra_of(like)) is not None:
            if novelty or static:
                raise AuscultError(f"--novelty or --static with the extra features of {like}", "rows without extra features",
                                   "leave these options out")
            return _with_extra(trained, extra, model, like, names, target, list(dict.fromkeys(archs)), layout, bits, as_json)
        trained = own_models.as_trained(trained, like, names, novelty)
        model = train.save(trained, model.with_name(model.name.split(".")[0] + ".pipeline.joblib"))
    elif like is not None or names:
        raise AuscultError(f"{model} was trained by `auscult train`", "a model of your own with --like or --classes",
                           "leave these options out")
    if bits is not None:
        trained = dataclasses.replace(trained, bits=bits)
    code = trained.code(layout)
    with console.status("building") as status:
        for i, name in enumerate(dict.fromkeys(archs), 1):
            status.update(f"building for {name} ({i} of {len(set(archs))})")
            building.native_module(trained.spec, name, code)
        metrics, texts = card.for_bundle(model, trained)
        building.bundle(trained.spec, target, dict.fromkeys(archs), code,
                        {"training": trained.training, "metrics": metrics}, texts)
        folder = building.static_module(trained.spec, target, code) if static else None
    manifest = json.loads((target / "manifest.json").read_text())
    result: dict[str, Any] = {"bundle": str(target), "name": trained.spec.name, "layout": layout or trained.layout,
                              "model": str(model),
                              "files": manifest["files"], "card": str(target / "card.md") if texts else None,
                              "static": str(folder) if folder else None}
    if as_json:
        print(json.dumps(result))
        return result
    _show_files(manifest["files"])
    print(f"bundle in {target}" + (f", user C module in {folder}" if folder else ""))
    if not texts:
        console.print("no model card: this model was not judged, or was trained again since; `auscult evaluate` makes one",
                      style="yellow", soft_wrap=True)
    console.print(f"[bold green]next:[/] auscult simulate {model} RECORDING.parquet --board sim_m4", soft_wrap=True)
    return result


def _alone(estimator: Any, model: Path, target: Path, archs: list[str], layout: str | None, bits: int | None, console: Console,
           as_json: bool) -> dict[str, Any]:
    """A model without a pipeline in front of it: predict() of one's own int16 features."""
    n_features = own_models.n_features(estimator)
    code = convert(estimator, n_features, layout or "fast", bits=bits or 32)
    name = re.sub(r"\W+|^(?=\d)", "_", model.name.split(".")[0])
    with console.status(f"building for {', '.join(archs)}"):
        building.model_bundle(name, code, n_features, target, archs)
    manifest = json.loads((target / "manifest.json").read_text())
    result = {"bundle": str(target), "name": name, "model": str(model), "features": n_features, "classes": code.classes,
              "description": code.description, "files": manifest["files"]}
    if as_json:
        print(json.dumps(result, default=str))
        return result
    _show_files(manifest["files"])
    print(f"{code.kind} of {n_features} int16 features alone, in {target}: predict(x[, out])")
    console.print("[bold green]next:[/] docs/models.md says how to call it; with --like rows.parquet it becomes a whole pipeline",
                  soft_wrap=True)
    return result


def _with_extra(estimator: Any, extra: Extra, model: Path, like: Path, names: list[str] | None, target: Path, archs: list[str],
                layout: str | None, bits: int | None, as_json: bool) -> dict[str, Any]:
    """A pipeline and a model that also sees features computed in Python, for boards with ulab."""
    spec, training = rows.pipeline_of(like)
    columns = spec.features + extra.names
    own_models.check_columns(estimator, columns, like)
    classes, _ = own_models.class_names(estimator, names)
    code = convert(estimator, len(columns), layout or "fast", bits=bits or 32)
    spec = spec.model_copy(update={"classes": []})
    building.extra_bundle(spec, code, extra, target, archs, {"classes": classes, "training": training})
    manifest = json.loads((target / "manifest.json").read_text())
    result = {"bundle": str(target), "name": spec.name, "model": str(model), "features": columns, "extra": extra.names,
              "classes": classes, "files": manifest["files"]}
    if as_json:
        print(json.dumps(result))
        return result
    _show_files(manifest["files"])
    print(f"bundle in {target}: {len(spec.features)} features in C, {len(extra.names)} in Python for ulab, a model of both")
    print("next: docs/ulab.md says how it comes onto a board with ulab")
    return result


def _show_files(listed: dict[str, Any]) -> None:
    table = Table("architecture", "boards", "file", "bytes", box=None, header_style="bold")
    for name, file in listed.items():
        for_boards = ", ".join(b for b in boards_.names() if boards_.load(b).arch == name) or "MicroPython on this PC"
        table.add_row(name, for_boards, file["file"], f"{file['bytes']:,}")
    Console(highlight=False).print(table)
