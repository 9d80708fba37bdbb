# SPDX-License-Identifier: Apache-2.0
"""`auscult record`: samples of a board's sensor into a dataset, with a live level display."""

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from .. import boards, devices
from .. import record as recorder
from ..errors import AuscultError
from ..importers import write_dataset
from ..recordings import read

_BAR = 40
_SIMULATED = "sim_m4"


def record(
    out: Annotated[Path, typer.Option(help="Dataset folder to write into.")],
    label: Annotated[str, typer.Option(help="State of the machine.")],
    machine: Annotated[str, typer.Option(help="Which machine.")] = "",
    session: Annotated[str, typer.Option(help="Which session: one mounting, one day.")] = "",
    placement: Annotated[str, typer.Option(help="Where on the machine.")] = "",
    name: Annotated[str, typer.Option(help="File name; by default of machine, session and label.")] = "",
    seconds: Annotated[float, typer.Option(help="How long.", min=0.1)] = 20.0,
    device: Annotated[str | None, typer.Option("--device", "-d", "--port", "--board", help="Port, USB serial number, or a "
                                               "simulated board as sim_m4; by default the only board plugged in.")] = None,
    recording: Annotated[Path | None, typer.Option("--recording", "--virtual", help="Recording that the sensor of a simulated "
                                                   "board measures.")] = None,
    chip: Annotated[str, typer.Option(help="Sensor, as adxl345 or lis3dh: docs/sensors.md lists them.")] = "adxl345",
    bus: Annotated[str, typer.Option(help="i2c or spi.")] = "i2c",
    rate: Annotated[float | None, typer.Option(help="Nominal rate in Hz, one that the chip has.")] = None,
    range_g: Annotated[float | None, typer.Option(help="Range in g.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Other keys of the node's `sensor` section, as "
                                                       "id=0, scl=5, int_pin=4; repeat.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite another recording of the same name.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Record a machine with a sensor on a board. Ctrl-C ends it early and keeps what has come.

    A board without the package is sent what it needs for that. Nothing has been recorded on real hardware yet: boards go the
    same way as the simulated ones."""
    if recording is not None and (device or _SIMULATED) not in boards.simulated():
        raise AuscultError(f"--recording for {device}, a real board", "a simulated one, whose sensor can play it",
                           "leave --recording out, or take --device sim_m4")
    if recording is None and device in boards.simulated():
        raise AuscultError(f"{device} without a machine to measure", "a recording for its sensor",
                           "--recording recording.parquet")
    console = Console(stderr=True, quiet=as_json, highlight=False)
    chip = chip.lower()
    played = read(recording) if recording else None
    sensor = recorder.sensor_settings(chip, bus, rate, range_g, _pairs(settings or []), played.rate_hz if played else 1600.0)
    samples = max(1, round(seconds * sensor["rate_hz"]))
    source = f"{device or _SIMULATED}, a virtual chip that played {recording.name}" if recording else f"recorded from {device}"
    told = recorder.header(name or "_".join(part for part in (machine, session, label) if part), sensor, source, label=label,
                           machine=machine, session=session, placement=placement)
    take = recorder.Take()
    stopped = False
    with contextlib.ExitStack() as stack:
        show = stack.enter_context(Live(console=console, refresh_per_second=8, transient=True)) if not as_json else None
        say = show.update if show else lambda text: None
        try:
            if played is not None:
                lines = stack.enter_context(recorder.virtual(device or _SIMULATED, played, sensor, samples, say))
            else:
                board = stack.enter_context(devices.connect(device))
                stack.callback(board.go_on)
                told = dataclasses.replace(told, source=f"recorded from {board.port}")
                lines = stack.enter_context(contextlib.closing(recorder.from_board(board, sensor, samples, say)))
            for line in lines:
                if take.add(line) and show:
                    show.update(_levels(take, samples))
        except KeyboardInterrupt:
            stopped = True
    recordings = take.recordings(told, samples)
    if not recordings:
        raise AuscultError("no samples came", "samples of the sensor", "check the wiring and try again")
    entries = write_dataset(recordings, out, replace=replace)
    result: dict[str, Any] = {
        "folder": str(out), "files": [entry.name for entry in entries], "samples": sum(e.samples for e in entries),
        "seconds": round(sum(e.seconds for e in entries), 3), "rate_hz": take.rate_hz, "nominal_hz": take.nominal_hz,
        "stopped": stopped, "lost_by_chip": take.lost_by_chip, "lost_on_line": take.lost_on_line, "bad_frames": take.bad_frames}
    if as_json:
        print(json.dumps(result))
        return result
    print(f"{result['samples']:,} samples, {result['seconds']:g} s at {take.rate_hz:.2f} Hz (nominally {take.nominal_hz:g}), in "
          f"{', '.join(f'{out / name}.parquet' for name in result['files'])}")
    if take.lost_by_chip or take.lost_on_line:
        console.print(f"[bold yellow]caution:[/] samples were lost: {take.lost_by_chip} times in the chip, {take.lost_on_line} "
                      "samples on the line; each uninterrupted part is a file. Take a lower --rate or a quicker line",
                      soft_wrap=True)
    console.print(f"[bold green]next:[/] record the other states, then auscult train {out}", soft_wrap=True)
    return result


def _levels(take: recorder.Take, samples: int) -> Table:
    table = Table.grid(padding=(0, 1))
    for axis, (rms, peak) in recorder.level(take).items():
        filled, at = min(_BAR, round(_BAR * rms)), min(_BAR - 1, int(_BAR * peak))
        bar = "█" * filled + " " * (_BAR - filled)
        bar = bar[:at] + "|" + bar[at + 1:]
        g = take.full_scale / 9.80665
        clipped = "[bold red]clipped[/]" if peak > 0.999 else ""
        table.add_row(axis, f"[green]{bar}[/]", f"rms {rms * g:6.3f} g", f"peak {peak * g:6.2f} g", clipped)
    table.add_row("", f"{take.samples / max(1.0, take.nominal_hz):.1f} of {samples / max(1.0, take.nominal_hz):.1f} s",
                  f"{take.rate_hz:.1f} Hz", f"lost {take.lost_by_chip} × chip, {take.lost_on_line} on the line", "")
    return table


def _pairs(texts: list[str]) -> dict[str, Any]:
    pairs: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise AuscultError(f"--set {text}", "key=value", "for example --set scl=5")
        try:
            pairs[key] = json.loads(value)
        except ValueError:
            pairs[key] = value
    return pairs
