# SPDX-License-Identifier: Apache-2.0
"""`auscult simulate`: play a recording to the shipped node on a simulated board."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import pictures, playback, recordings, signal_pictures, slow, train
from ..errors import AuscultError


def simulate(
    model: Annotated[Path, typer.Argument(help="Model file from `auscult train`.")],
    recording: Annotated[Path, typer.Argument(help="A recording (Parquet, three axes).")],
    board: Annotated[str, typer.Option(help="A simulated board; see `auscult boards`.")] = "sim_m4",
    chip: Annotated[str, typer.Option(help="Virtual sensor, as adxl345 or lsm6dsox: docs/sensors.md lists them.")] = "adxl345",
    bus: Annotated[str, typer.Option(help="i2c or spi.")] = "i2c",
    k: Annotated[int, typer.Option(help="Decision: k of the last n verdicts.", min=1)] = 3,
    n: Annotated[int, typer.Option(min=1, max=254)] = 5,
    layout: Annotated[str, typer.Option(help="fast or small.")] = "fast",
    module: Annotated[Path | None, typer.Option(help="Deploy this .mpy, as from a bundle, instead of building.")] = None,
    rate_error: Annotated[float, typer.Option(help="Percent by which the chip's rate is off.", min=-10, max=10)] = 0.0,
    real_time: Annotated[bool, typer.Option("--real-time", help="As slow as the recording, not as fast as possible.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Write a spectrogram with verdicts (PNG).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print verdicts and summary as one JSON object.")] = False,
) -> dict[str, Any]:
    """Play a recording into a virtual sensor on a simulated board and print the node's verdicts as they come."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    trained, source = train.load(model), recordings.read(recording)
    played = None
    with console.status("starting") as status:
        for played, line in playback.play(  # noqa: B007 - the last one is used below
                trained, source, board, chip=chip, bus=bus, k=k, n=n, layout=layout,
                rate_error_ppm=round(rate_error * 1e4), real_time=real_time, module=module,
                progress=lambda text: status.update(text)):
            if not as_json:
                print(line.get("text") or json.dumps(line))
    if played is None:
        raise AuscultError(f"{board} said nothing", "verdicts", "run the command again")
    end = played.end
    detected_s = played.detected_s(after_s=source.fault_at_s or 0.0)
    result = {"board": board, "verdicts": played.verdicts, "end": end, "raw_bytes": played.raw_bytes,
              "detected_s": detected_s}
    if picture:
        _draw(trained, source, played, picture, detected_s)
    if as_json:
        print(json.dumps(result))
    else:
        rate = f"true rate {end.get('rate_mhz', 0) / 1000:.2f} Hz" if chip not in slow.chips() else (
            f"a sample every {1 / source.rate_hz:g} s")
        print(f"{end.get('windows', 0)} windows, {end.get('dropped', 0)} of them unfit to be judged, {rate}, "
              f"{end.get('bytes', 0):,} bytes sent for {played.raw_bytes:,} of samples")
        if picture:
            print(f"picture in {picture}")
        console.print(f"[bold green]next:[/] auscult build {model}   # modules for real boards; docs/node.md: their "
                      "configuration", soft_wrap=True)
    return result


def _draw(trained: train.Trained, source: recordings.Recording, played: playback.Played, picture: Path,
          detected_s: float | None) -> None:
    """A spectrogram, or for slow quantities and cycles the signal itself."""
    trigger = trained.spec.trigger
    if trigger or source.rate_hz < 10:
        signal_pictures.signal_with_verdicts(source, played.strip(), picture, axes=[trigger.axis] if trigger else (),
                                             detected_at_s=detected_s if source.fault_at_s is not None else None)
    else:
        pictures.spectrogram_with_verdicts(source, played.strip(), picture,
                                           detected_at_s=detected_s if source.label or source.fault_at_s is not None else None)
