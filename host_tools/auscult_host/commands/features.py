# SPDX-License-Identifier: Apache-2.0
"""`auscult features`: recordings into the rows that a pipeline's model sees."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import dataset, extra_features, rows, train
from ..errors import AuscultError
from ..texts import listed


def features(
    folder: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of recordings.")],
    out: Annotated[Path, typer.Option(help="Where to write the rows (Parquet).")] = Path("rows.parquet"),
    like: Annotated[Path | None, typer.Option(help="The pipeline of this model or of these rows, to the bit.")] = None,
    window: Annotated[int, typer.Option(help="Samples per window.")] = 512,
    hop: Annotated[int | None, typer.Option(help="Samples from one window to the next; by default the window.")] = None,
    feature_list: Annotated[str, typer.Option(
        "--features", help="A set as default or f54, or a list: rms,kurtosis for every axis, rms.x for one.")] = "default",
    front: Annotated[str, typer.Option(help="What stands before the window, as 'log_envelope 0.125-0.45 /16'.")] = "",
    extra: Annotated[Path | None, typer.Option(help="File of features of your own, for NumPy and ulab (docs/ulab.md).")] = None,
    history: Annotated[str, typer.Option(help="Suffixes that every feature gets, as mean5,lag2.")] = "",
    group: Annotated[str, typer.Option(help="What is a group: machine, session, recording, auto.")] = "auto",
    full_scale: Annotated[float | None, typer.Option(help="Sensor range in the data's unit, if not the usual.")] = None,
    name: Annotated[str, typer.Option(help="Name of the pipeline.")] = "pipeline",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Write a table of int16 features, computed by the compiled pipeline, to train a model of your own on."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    if out.suffix != ".parquet":
        raise AuscultError(f"--out {out}", "a name that ends in .parquet", f"--out {out.with_suffix('.parquet')}")
    own = extra_features.load(extra) if extra else None
    with console.status("reading"):
        entries = dataset.scan(folder)
    if like is not None:
        spec = rows.pipeline_of(like)[0].model_copy(update={"classes": []})
    else:
        settings = train.Settings(window=window, hop=window if hop is None else hop, features=listed(feature_list),
                                  front=front, history=listed(history))
        scale = dataset.choose_full_scale(entries) if full_scale is None else full_scale
        spec = train.base_spec(entries, settings, name, scale)
    with console.status("computing features with the compiled pipeline"):
        made = rows.make(entries, spec, group_by=group, extra=own)
        rows.write(made, out)
    result = {"rows": str(out), "windows": len(made.values), "features": made.names, "labels": made.training["windows"],
              "group_by": made.training["group_by"], "groups": made.training["groups"], "full_scale": made.spec.full_scale}
    if as_json:
        print(json.dumps(result))
        return result
    print(f"{len(made.values)} windows of {len(made.names)} features (int16) in {out}; then label, group, "
          "recording, start")
    console.print("[bold green]next:[/] fit a model on these columns, holding out whole groups, save it with joblib, then "
                  f"auscult build my_model.joblib --like {out}", soft_wrap=True)
    return result
