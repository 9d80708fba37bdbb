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
from .. import card, costs, own_models, rows, train
from ..errors import AuscultError
from ..estimators import LAYOUTS, ModelCode, convert
from ..extra_features import Extra
from ..portable import files as portable_files
from ..portable import rates
from ..spec import PipelineSpec


def build(
    model: Annotated[Path, typer.Argument(
        help="Model file from `auscult train`; or your own: a joblib file of scikit-learn, .onnx, .keras or .h5. joblib files "
             "run code when they are loaded.")] = Path("model.joblib"),
    out: Annotated[Path | None, typer.Option(help="Folder of the bundle; by default <model>.bundle.")] = None,
    board: Annotated[list[str] | None, typer.Option(help="Build for this board (repeatable).")] = None,
    arch: Annotated[list[str] | None, typer.Option(
        help=f"Build for this architecture (repeatable): {', '.join(building.ARCHITECTURES)}. Default: all that have their "
             "compiler here, and portable.")] = None,
    portable: Annotated[bool, typer.Option("--portable", help="Also build the portable pipeline: for CircuitPython, and where no "
                                           "native module can be had.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Build a portable pipeline that is too slow for a board.")] = False,
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
    plan = _plan(board or [], arch or [], portable)
    target = out or model.with_name(model.name.split(".")[0] + ".bundle")
    names = [name.strip() for name in classes.split(",")] if classes else None
    trained = own_models.read(model, names)
    if not isinstance(trained, train.Trained):
        if like is None:
            return _alone(trained, model, target, plan, layout, bits, console, as_json)
        if (extra := rows.extra_of(like)) is not None:
            if novelty or static:
                raise AuscultError(f"--novelty or --static with the extra features of {like}", "rows without extra features",
                                   "leave these options out")
            return _with_extra(trained, extra, model, like, names, target, plan, layout, bits, as_json)
        trained = own_models.as_trained(trained, like, names, novelty)
        model = train.save(trained, model.with_name(model.name.split(".")[0] + ".pipeline.joblib"))
    elif like is not None or names:
        raise AuscultError(f"{model} was trained by `auscult train`", "a model of your own with --like or --classes",
                           "leave these options out")
    if bits is not None:
        trained = dataclasses.replace(trained, bits=bits)
    code = trained.code(layout)
    with console.status("building") as status:
        for i, name in enumerate(plan.native, 1):
            status.update(f"building for {name} ({i} of {len(plan.native)})")
            building.native_module(trained.spec, name, code)
        made, found = {}, []
        if plan.machine is not None:
            status.update("translating to Python")
            made = portable_files.pipeline(trained.spec, code, plan.machine)
            status.update("counting the portable pipeline's instructions")
            found = _rates(trained.spec, code, plan, force)
        metrics, texts = card.for_bundle(model, trained)
        facts: dict[str, object] = {"training": trained.training, "metrics": metrics,
                                    "portable": [rate.as_dict() for rate in found]}
        building.bundle(trained.spec, target, plan.native, code, facts, texts, made)
        folder = building.static_module(trained.spec, target, code) if static else None
    manifest = json.loads((target / "manifest.json").read_text())
    result: dict[str, Any] = {"bundle": str(target), "name": trained.spec.name, "layout": layout or trained.layout,
                              "model": str(model),
                              "files": manifest["files"], "card": str(target / "card.md") if texts else None,
                              "static": str(folder) if folder else None, "portable": manifest["portable"]}
    if as_json:
        print(json.dumps(result))
        return result
    _show_files(manifest["files"])
    _show_portable(plan, found, trained.spec.rate_hz, console)
    print(f"bundle in {target}" + (f", user C module in {folder}" if folder else ""))
    if not texts:
        console.print("no model card: this model was not judged, or was trained again since; `auscult evaluate` makes one",
                      style="yellow", soft_wrap=True)
    console.print(f"[bold green]next:[/] auscult simulate {model} RECORDING.parquet --board sim_m4", soft_wrap=True)
    return result


@dataclasses.dataclass
class _Plan:
    """native: architectures to build for; machine: those of portable machine code, None without a portable pipeline; boards:
    those that have to run it; without: architectures that have no compiler here."""

    native: list[str]
    machine: list[str] | None
    boards: list[str]
    without: list[str]


def _plan(boards: list[str], archs: list[str], portable: bool) -> _Plan:
    """Native modules where there is a compiler, or where one is asked for by --arch: its lack is an error then."""
    of_boards = list(dict.fromkeys(boards_.load(name).arch for name in boards))
    wanted = of_boards if boards or archs else list(building.ARCHITECTURES)
    without = [name for name in wanted if not building.has_compiler(name) and name not in archs]
    native = list(dict.fromkeys([*archs, *(name for name in wanted if name not in without)]))
    if not boards and not archs:
        return _Plan(native, list(portable_files.ARCHITECTURES), [], without)
    machine = list(dict.fromkeys([*without, *(native if portable else [])])) if portable or without else None
    return _Plan(native, machine, [name for name in boards if portable or boards_.load(name).arch in without], without)


def _rates(spec: PipelineSpec, code: ModelCode | None, plan: _Plan, force: bool) -> list[rates.Rate]:
    """What each board that has to run the portable pipeline takes for it, as machine code and as bytecode."""
    found = []
    for name in plan.boards:
        best = rates.rate(spec, code, name)
        if best is None:
            continue
        arch = boards_.load(name).arch
        if arch in plan.without and not force:
            faster = best.instructions / costs.instructions(spec, code, best.counted.core)
            rates.check(spec, best, building.ARCHITECTURES[arch], faster)
        found.append(best)
        slower = rates.rate(spec, code, name, bytecode=True)
        if slower is not None and best.counted.kind != "portable":
            found.append(slower)
    return found


def _show_portable(plan: _Plan, found: list[rates.Rate], rate_hz: float, console: Console) -> None:
    for arch in plan.without:
        console.print(f"no native module for {arch}: {building.ARCHITECTURES[arch]} is not on PATH; its boards run the portable "
                      "pipeline, which is slower", style="yellow", soft_wrap=True)
    for rate in found:
        how = "bytecode, as on CircuitPython" if rate.counted.kind == "portable" else "machine code"
        print(f"portable on {rate.board} ({how}): {rate.instructions:,} instructions a window, counted on {rate.counted.core}; "
              f"{rate.share:.0%} of the time at {rate_hz:g} Hz; realistic up to {rates.rounded(rate.highest_hz)} Hz")
    if plan.machine is not None and not plan.boards:
        console.print("`--board NAME` tells which rates are realistic with the portable pipeline", soft_wrap=True)


def _alone(estimator: Any, model: Path, target: Path, plan: _Plan, layout: str | None, bits: int | None, console: Console,
           as_json: bool) -> dict[str, Any]:
    """A model without a pipeline in front of it: predict() of one's own int16 features."""
    n_features = own_models.n_features(estimator)
    code = convert(estimator, n_features, layout or "fast", bits=bits or 32)
    name = re.sub(r"\W+|^(?=\d)", "_", model.name.split(".")[0])
    with console.status(f"building for {', '.join([*plan.native, *(['portable'] if plan.machine else [])])}"):
        made = portable_files.model(name, code, n_features, plan.machine) if plan.machine is not None else {}
        building.model_bundle(name, code, n_features, target, plan.native, made)
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


def _with_extra(estimator: Any, extra: Extra, model: Path, like: Path, names: list[str] | None, target: Path, plan: _Plan,
                layout: str | None, bits: int | None, as_json: bool) -> dict[str, Any]:
    """A pipeline and a model that also sees features computed in Python, for boards with ulab."""
    spec, training = rows.pipeline_of(like)
    columns = spec.features + extra.names
    own_models.check_columns(estimator, columns, like)
    classes, _ = own_models.class_names(estimator, names)
    code = convert(estimator, len(columns), layout or "fast", bits=bits or 32)
    spec = spec.model_copy(update={"classes": []})
    building.extra_bundle(spec, code, extra, target, plan.native, {"classes": classes, "training": training}, plan.machine)
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
    of = {"x64": "MicroPython on this PC", "portable": "all others with MicroPython", "portable-py": "CircuitPython"}
    for name, file in listed.items():
        arch = name.removeprefix("portable-")
        for_boards = of.get(name) or ", ".join(b for b in boards_.names() if boards_.load(b).arch == arch)
        table.add_row(name, for_boards, file["file"], f"{file['bytes']:,}")
    Console(highlight=False).print(table)
