# SPDX-License-Identifier: Apache-2.0
"""`auscult demo`: the main job from recordings to verdicts, on a simulated board."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import demo as story
from ..playback import Played

_ROW_S = 5.0  # seconds of verdicts in one printed row


class _Rows:
    """Prints verdicts as they come, a letter each, and the changes of the smoothed state."""

    def __init__(self) -> None:
        self.row, self.state = -1, None

    def __call__(self, played: Played, line: dict[str, Any]) -> None:
        if "w" not in line:
            if line.get("warn") or line.get("error"):
                print(f"\n      node: {line.get('warn') or line.get('error')}", end="", flush=True)
            return
        at = played.end_s(line["w"])
        if line["s"] != self.state:
            if self.state is not None:
                print(f"\n{at:5.1f} s  state: {self.state} -> {line['s']}", end="")
                self.row = -1
            self.state = line["s"]
        if int(at / _ROW_S) != self.row:
            self.row = int(at / _ROW_S)
            print(f"\n{at:5.1f} s  ", end="")
        print("?" if line["v"] is None else "·" if line["v"] == "normal" else line["v"][0].upper(), end="", flush=True)


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON only.")] = False,
) -> dict[str, Any]:
    """Recordings, training, building, a simulated board that listens and decides: everything in one go."""
    console = Console(stderr=True, quiet=as_json, highlight=False)
    out = Console(quiet=as_json, highlight=False, soft_wrap=True)
    with console.status("starting") as status:
        result = story.run(out.print, (lambda *_: None) if as_json else _Rows(), lambda text: status.update(text))
    if as_json:
        print(json.dumps(result))
        return result
    seconds = result["time_to_detection_s"]
    share = 100 * result["bytes_sent"] / result["bytes_raw"]
    detected = "already in alarm before the fault" if result["in_alarm_before"] else "not detected"
    if seconds is not None:
        detected = f"{seconds:.1f} s after the fault began"
    out.print(f"\n\n[bold]time to detection[/]        {detected}, {result['false_alarms_before']} false alarms before")
    out.print(f"[bold]bytes sent[/]               {result['bytes_sent']:,} of {result['bytes_raw']:,} raw ({share:.1f} %); "
              f"{result['windows']} windows, {result['dropped']} unfit to be judged")
    out.print(f"[bold]instructions per window[/]  {result['instructions_per_window']:,} (features and model; counted by the "
              "simulator, not cycles)")
    picture = Path(result["picture"])
    out.print(f"[bold]picture[/]                  {os.path.relpath(picture)}")
    out.print("\n[bold green]next, with your own machine:[/]\n"
              "  auscult import RECORDINGS.csv --out data --label normal --machine press_1   # once for each recording\n"
              "  auscult train data --out press.joblib                                       # tells how good it is\n"
              "  auscult simulate press.joblib data/SOME.parquet                             # before any hardware")
    return result
