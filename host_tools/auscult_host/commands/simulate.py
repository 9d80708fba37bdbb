# SPDX-License-Identifier: Apache-2.0
"""`auscult simulate`: play recordings to the shipped node on simulated boards, and check what is expected of it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import bundles, expectations, faults, junit, pictures, recordings, scenario, signal_pictures, simulation, slow
from ..errors import AuscultError
from ..simulation import Result, Run

_ALSO_WITH_SCENARIOS = ("model", "recording", "board", "simulator", "speed", "picture", "junit_file", "as_json")


def simulate(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="Model file from `auscult train`, bundle from `auscult build`, or scenario "
                                          "(.toml).", metavar="MODEL|BUNDLE|SCENARIO")],
    recording: Annotated[list[Path] | None, typer.Argument(
        help="Recordings (Parquet), or more scenarios.", metavar="[RECORDING]...")] = None,
    more: Annotated[list[Path] | None, typer.Option("--recording", help="A recording; repeatable.")] = None,
    board: Annotated[list[str] | None, typer.Option(help="A simulated board, by default sim_m4; repeatable; see `auscult "
                                                    "boards`.")] = None,
    chip: Annotated[str, typer.Option(help="Virtual sensor, as adxl345 or lsm6dsox: docs/sensors.md lists them.")] = "adxl345",
    bus: Annotated[str, typer.Option(help="i2c or spi.")] = "i2c",
    k: Annotated[int, typer.Option(help="Decision: k of the last n verdicts.", min=1)] = 3,
    n: Annotated[int, typer.Option(min=1, max=254)] = 5,
    layout: Annotated[str, typer.Option(help="fast or small.")] = "fast",
    module: Annotated[Path | None, typer.Option(help="Deploy this .mpy instead of the bundle's or of building one.")] = None,
    speed: Annotated[str, typer.Option(help="max: idle time is skipped; real: as slow as the recording.")] = "max",
    fault: Annotated[list[str] | None, typer.Option(
        "--faults", help="What breaks, as overrun@5s, silent@4s+2s, stuck:x@3s, rate:+3%; repeatable: docs/simulate.md.")] = None,
    expect: Annotated[list[str] | None, typer.Option(
        help='What must come, as "fault after 10 s", "no lost samples"; repeatable: docs/simulate.md.')] = None,
    simulator: Annotated[str, typer.Option(help=f"One of {', '.join(simulation.SIMULATORS)}.")] = "qemu",
    picture: Annotated[Path | None, typer.Option(help="Write a spectrogram with verdicts (PNG).")] = None,
    junit_file: Annotated[Path | None, typer.Option("--junit", help="Write the expectations as JUnit's XML.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all runs as one JSON object.")] = False,
) -> dict[str, Any]:
    """Play recordings into virtual sensors on simulated boards and print the nodes' verdicts as they come.

    Exits with 1 if something that is expected does not come."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    given = {name for name in context.params if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"}
    if speed not in ("max", "real"):
        raise AuscultError(f"the speed {speed!r}", "max or real", "for example --speed max")
    if model.suffix == ".toml":
        files = [model, *((recording or []) if "recording" in given else [])]
        _only_scenarios(files, given)
        runs = [run for file in files for run in scenario.runs(
            file, board if "board" in given else None, simulator if "simulator" in given else None,
            speed if "speed" in given else None)]
        picture = picture if "picture" in given else None
    else:
        made = bundles.read(model, layout)
        sources = [*((recording or []) if "recording" in given or not more else []), *(more or [])]
        if not sources:
            raise AuscultError("no recording to play", "at least one", "for example auscult simulate MODEL play.parquet")
        broken = tuple(faults.parse(text) for text in fault or [])
        expected = tuple(expectations.parse_all(expect or [], made.spec.classes))
        chosen = board or (["sim_m4"] if simulator == "qemu" else simulation.boards_of(simulator)[:1])
        runs = [Run(made, heard, str(source), name, chip, bus, k, n, module, broken, speed, expected, simulator)
                for source, heard in [(source, recordings.read(source)) for source in sources] for name in chosen]
    many = len(runs) > 1

    def line(run: Run, said: dict[str, Any]) -> None:
        if not as_json:
            print((f"{_name(run, runs)}: " if many else "") + (said.get("text") or json.dumps(said)))

    with console.status("starting") as status:
        results = simulation.play_all(runs, line, status.update)
    if not many and results[0].error:
        raise results[0].error
    others = simulation.differences(results)
    met = all(result.met for result in results)
    if picture:
        for result in results:
            own = recordings.identifier(f"{picture.stem} {_name(result.run, runs)}")
            _draw(result, picture.with_stem(own) if many else picture)
    if junit_file:
        junit.write(results, junit_file)
    answer: dict[str, Any] = {"met": met, "runs": [result.as_dict() for result in results], "differences": others}
    if as_json:
        print(json.dumps(answer))
    else:
        _show(results, others, console)
        if picture:
            print(f"picture in {picture}" if not many else f"pictures in {picture.parent}")
        if met:
            console.print(_next(model), soft_wrap=True)
    if not met:
        raise typer.Exit(1)
    return answer


def _only_scenarios(files: list[Path], given: set[str]) -> None:
    for file in files:
        if file.suffix != ".toml":
            raise AuscultError(f"{file} beside a scenario", "scenarios only", "name the recording in the scenario")
    wrong = sorted(given - set(_ALSO_WITH_SCENARIOS))
    if wrong:
        option = {"fault": "faults", "more": "recording"}.get(wrong[0], wrong[0])
        raise AuscultError(f"--{option} with a scenario", "the file says it", f"write it into {files[0]}")


def _name(run: Run, runs: list[Run]) -> str:
    """What tells a run from the others."""
    parts = [(run.scenario, {other.scenario for other in runs}), (run.source, {other.source for other in runs}),
             (run.board, {"", run.board})]
    return " ".join(part for part, all_of_them in parts if len(all_of_them) > 1)


def _show(results: list[Result], others: list[str], console: Console) -> None:
    """For each run a line of figures, and one for each expectation."""
    runs = [result.run for result in results]
    for result in results:
        name = f"{_name(result.run, runs)}: " if len(runs) > 1 else ""
        if result.error or result.played is None:
            print(f"{name}{result.error}")
            continue
        run, end = result.run, result.played.end
        rate = f"true rate {end.get('rate_mhz', 0) / 1000:.2f} Hz" if run.chip not in slow.chips() else (
            f"a sample every {1 / run.recording.rate_hz:g} s")
        print(f"{name}{end.get('windows', 0)} windows, {end.get('dropped', 0)} of them unfit to be judged, {rate}, "
              f"{end.get('bytes', 0):,} bytes sent for {result.played.raw_bytes:,} of samples")
        for outcome in result.outcomes:
            print(f"{name}{'met    ' if outcome.met else 'NOT MET'}  {outcome.text}   ({outcome.came})")
    if len({run.board for run in runs}) > 1:
        print("; ".join(others) or f"the same verdicts on all {len({run.board for run in runs})} boards")
    asked = sum(len(result.outcomes) for result in results)
    if asked and len(runs) > 1:
        print(f"{sum(outcome.met for result in results for outcome in result.outcomes)} of {asked} expectations met")


def _next(model: Path) -> str:
    if model.suffix == ".toml":
        return "[bold green]next:[/] docs/simulate.md: the same in your CI"
    if model.is_dir():
        return "[bold green]next:[/] auscult deploy --help   # the same on a board"
    return f"[bold green]next:[/] auscult build {model}   # modules for real boards; docs/node.md: their configuration"


def _draw(result: Result, picture: Path) -> None:
    """A spectrogram, or for slow quantities and cycles the signal itself."""
    if result.played is None:
        return
    run, strip, detected_s = result.run, result.played.strip(), result.detected_s
    source, trigger = run.recording, run.made.spec.trigger
    if trigger or source.rate_hz < 10:
        signal_pictures.signal_with_verdicts(source, strip, picture, axes=[trigger.axis] if trigger else (),
                                             detected_at_s=detected_s if source.fault_at_s is not None else None)
    else:
        pictures.spectrogram_with_verdicts(source, strip, picture,
                                           detected_at_s=detected_s if source.label or source.fault_at_s is not None else None)
