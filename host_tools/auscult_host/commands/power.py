# SPDX-License-Identifier: Apache-2.0
"""`auscult power`: how long a battery lasts and where its charge goes."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .. import power as model
from .. import train, work
from ..errors import AuscultError


def power(
    config: Annotated[Path, typer.Argument(help="The node's configuration (docs/node.md).")] = Path("auscult.json"),
    board: Annotated[str, typer.Option(help="A real board with figures; see `auscult boards`.")] = "NUCLEO_L476RG",
    battery: Annotated[str, typer.Option(help=f"Cells in series, as 2xAA: {', '.join(model.CELLS)}.")] = "2xAA",
    battery_mah: Annotated[float | None, typer.Option(help="Charge of another battery in mAh.", min=0.001)] = None,
    usable: Annotated[float, typer.Option(help="Share of the charge that is used.", min=0.01, max=1)] = 0.85,
    running: Annotated[str | None, typer.Option(help="How long the machine runs, for power.wake_g: 8h/day or 30%.")] = None,
    model_file: Annotated[Path | None, typer.Option("--model", help="Model from `auscult train`: its hop counts.")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Count the model's instructions on a simulated core.")] = False,
    hop: Annotated[int, typer.Option(help="Samples from a window to the next, without --model.", min=1)] = 256,
    sample_instructions: Annotated[float | None, typer.Option(help="Instructions for each sample.", min=0)] = None,
    window_instructions: Annotated[float | None, typer.Option(help="Instructions for each window.", min=0)] = None,
    cycles_per_instruction: Annotated[float | None, typer.Option(help="In place of the board's assumption.", min=0.1)] = None,
    sensor_ua: Annotated[str | None, typer.Option(help="The sensor's currents in µA, MEASURING,STANDBY.")] = None,
    other_ma: Annotated[float, typer.Option(help="What else hangs on the battery: regulator, LED, radio.", min=0)] = 0.0,
    picture: Annotated[Path | None, typer.Option(help="Draw where the charge goes and life against duty (PNG).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> dict[str, Any]:
    """Estimate battery life from data sheet currents and counted instructions. Nothing is measured in amperes."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    if measure and model_file is None:
        raise AuscultError("--measure without a model", "the pipeline to count", "--model model.joblib")
    figures = model.board_power(board)
    if cycles_per_instruction is not None:
        figures = figures.model_copy(update={"cycles_per_instruction": cycles_per_instruction})
    cell = model.Battery(f"{battery_mah:g} mAh", battery_mah) if battery_mah else model.parse_battery(battery)
    share = None if running is None else model.parse_running(running)
    settings = model.read_config(config)
    sensor = model.parse_sensor(sensor_ua) if sensor_ua else model.sensor(settings["sensor"]["chip"])
    trained = train.load(model_file) if model_file else None
    if measure and trained:
        with console.status("counting") as status:
            count = work.measured(trained, settings, board, lambda text: status.update(text))
    else:
        count = work.counted(board, settings["sensor"])
    if sample_instructions is not None or window_instructions is not None:
        count = model.Work(count.per_sample if sample_instructions is None else sample_instructions,
                           count.per_window if window_instructions is None else window_instructions,
                           f"given, otherwise {count.source}")

    def estimate(**more: Any) -> model.Estimate:
        return model.estimate(settings | more.pop("change", {}), figures, sensor, count, trained.spec.hop if trained else hop,
                              cell, running=share, usable=usable, other_ma=other_ma, **more)

    found = estimate()
    result = {"board": board, **found.as_dict(), "instructions": {"sample": count.per_sample, "window": count.per_window,
              "source": count.source}, "cycles_per_instruction": figures.cycles_per_instruction,
              "sensor": sensor.source, "sources": figures.sources}
    if picture:
        from ..pictures import charge

        charge(found, lambda sampling, sleep: estimate(
            sampling=sampling, change={"power": settings["power"] | {"sleep": sleep}}).life_h / 24,
            settings["power"]["sleep"], picture, f"{board}, {settings['sensor']['chip']} at {settings['sensor']['rate_hz']:g} Hz")
    if as_json:
        print(json.dumps(result))
    else:
        _show(found, board)
    return result


def _show(found: model.Estimate, board: str) -> None:
    console = Console(highlight=False)
    table = Table("where the charge goes", title=f"{board} on {found.battery.text}", title_justify="left", box=None,
                  header_style="bold")
    table.add_column("average", justify="right")
    table.add_column("share", justify="right")
    for name, ma in found.parts.items():
        table.add_row(name, current(ma), f"{ma / found.average_ma:.1%}")
    table.add_row("[bold]all[/]", f"[bold]{current(found.average_ma)}[/]", "")
    console.print(table)
    console.print(f"\nIt samples {found.sampling:.1%} of the time; then the CPU is busy {sum(found.busy.values()):.1%} and wakes "
                  f"{found.wakes_hz:.1f} times a second.", soft_wrap=True)
    console.print(f"[bold]Battery life: {life(found.life_h)}[/] ({found.battery.mah:g} mAh, of which {found.usable:.0%} is used)")
    for note in found.notes:
        console.print(f"[dim]- {note}[/]", soft_wrap=True)


def current(ma: float) -> str:
    """In the unit that suits."""
    return f"{ma:.2f} mA" if ma >= 1 else f"{1000 * ma:.1f} µA"


def life(hours: float) -> str:
    """Hours, days or years."""
    if hours < 48:
        return f"{hours:.1f} hours"
    if hours < 2 * model.HOURS_A_YEAR:
        return f"{hours / 24:.0f} days"
    return f"{hours / model.HOURS_A_YEAR:.1f} years"
