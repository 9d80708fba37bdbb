# SPDX-License-Identifier: Apache-2.0
"""`auscult node`: the whole node on this computer, with a sensor through Blinka."""

import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import node as shipped
from .. import recordings, train
from ..errors import AuscultError

CONFIG = Path("auscult.json")


def node(
    model: Annotated[Path, typer.Argument(help="Model file from `auscult train`.")],
    config: Annotated[Path | None, typer.Option(help="The node's configuration; by default auscult.json, if there is one.")]
    = None,
    virtual: Annotated[Path | None, typer.Option(help="Play this recording into a virtual sensor: needs no hardware.")] = None,
    real_time: Annotated[bool, typer.Option("--real-time", help="With --virtual: as slow as the recording.")] = False,
    chip: Annotated[str, typer.Option(help="Sensor, if there is no configuration.")] = "adxl345",
    bus: Annotated[str, typer.Option(help="i2c or spi, if there is no configuration.")] = "i2c",
) -> dict[str, Any]:
    """Run the node on this computer, as a Raspberry Pi: a sensor on its pins in, verdict lines out, until Ctrl-C.

    It is the code that runs on the boards, with the pipeline compiled for this computer. The bus comes from Blinka
    (pip install 'auscult\\[linux]')."""
    trained = train.load(model)
    path = config or (CONFIG if CONFIG.is_file() else None)
    if path:
        settings = shipped.load_config(path)
    elif virtual:
        settings = shipped.default_config(trained, chip, bus)
    else:
        raise AuscultError("there is no auscult.json here", "the node's configuration: which sensor is where",
                           "write one (docs/node.md), or play a recording with --virtual")
    recording = recordings.read(virtual) if virtual else None
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop is like Ctrl-C
    try:
        return shipped.run(trained, settings, recording, real_time=real_time or not virtual)
    finally:
        signal.signal(signal.SIGTERM, before)
