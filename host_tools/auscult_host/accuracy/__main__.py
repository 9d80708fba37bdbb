# SPDX-License-Identifier: Apache-2.0
"""python -m auscult_host.accuracy: measures, prints the table, writes accuracy.json; exit code 1 if a bar is missed."""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .. import paths
from ..errors import AuscultError
from ..files import atomic
from . import Figure, RealSet, bearings, fan, motion, pumps, temperature

SETS = (
    RealSet("fan", "ceiling_fan_msa301", fan.measure),
    RealSet("temperature", "nab_temperature", temperature.measure),
    RealSet("pumps", "pump_beanscape", pumps.measure),
    RealSet("bearings", "cwru_12k_de", bearings.measure),
)


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 all bars reached, 1 one missed, 2 nothing to measure or an error."""
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__)
    usual = paths.assets().parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("AUSCULT_DATA") or usual), help="folder of the sets")
    parser.add_argument("--motion", type=Path, default=os.environ.get("AUSCULT_MOTION") or None,
                        help="folder of CSV files with subjects: a motion set besides")
    parser.add_argument("--only", choices=[*(one.name for one in SETS), "motion"], action="append", help="only this set")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--out", type=Path, default=paths.cache() / "accuracy.json", help="where to write the figures")
    given = parser.parse_args(arguments)
    console = Console(stderr=True, highlight=False)
    rows: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    for one in (*SETS, RealSet("motion", "", motion.measure)):
        if given.only and one.name not in given.only:
            skipped[one.name] = "not asked for"
            continue
        folder = given.data / one.folder if one.folder else given.motion
        if folder is None or not Path(folder).is_dir():
            skipped[one.name] = f"{folder} is not there: set AUSCULT_DATA" if folder else "brought along: set MOTION=FOLDER"
            continue
        rows += _measured(one, Path(folder), paths.cache() / "accuracy" / one.name, given.jobs, console)
    if not rows:
        why = "; ".join(f"{name}: {reason}" for name, reason in skipped.items())
        console.print(f"error: nothing was measured: {why}", markup=False)
        return 2
    with atomic(given.out) as part:
        part.write_text(json.dumps(rows, indent=1) + "\n")
    _show(rows, skipped)
    print(f"written to {given.out}")
    return 2 if any("error" in row for row in rows) else int(not all(row["passed"] for row in rows))


def _measured(one: RealSet, folder: Path, work: Path, jobs: int, console: Console) -> list[dict[str, Any]]:
    """The figures of a set, or what went wrong with it."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    began = time.monotonic()
    quiet = [began - 60]

    def say(text: str) -> None:
        if console.is_terminal or time.monotonic() - quiet[0] >= 10:  # a log needs no line for each candidate
            quiet[0] = time.monotonic()
            console.print(f"{one.name}, {time.monotonic() - began:.0f} s: {text}", markup=False, soft_wrap=True,
                          end="\x1b[K\r" if console.is_terminal else "\n")

    try:
        figures: list[Figure] = one.measure(folder, work, jobs, say)
    except AuscultError as error:
        console.print(f"error: {one.name}: {error}", markup=False)
        return [{"set": one.name, "split": "", "metric": "", "value": None, "worst_group": None, "model_bytes": None,
                 "passed": False, "error": str(error)}]
    seconds = round(time.monotonic() - began, 1)
    return [{**figure.as_dict(), "seconds": seconds} for figure in figures]


def _show(rows: list[dict[str, Any]], skipped: dict[str, str]) -> None:
    table = Table("set", "what", "plain", "figure", "bar", "", "worst group", "model, bytes", title_justify="left",
                  title="all through the compiled C; nothing of what is judged was in any choice")
    for row in rows:
        if "error" in row:
            table.add_row(row["set"], row["error"], "", "", "", "[red]error[/]", "", "")
            continue
        low = row["worst_group"]
        table.add_row(row["set"], f"{row['metric']}: {row['split']}", _figure(row["baseline"]), _figure(row["value"]),
                      _figure(row["bar"]), "[green]reached[/]" if row["passed"] else "[red]missed[/]",
                      f"{low['name']} {low['value']:.2f}", f"{row['model_bytes']:,}")
    console = Console(highlight=False)
    console.width = max(console.width, 140)  # in a log as well
    console.print(table)
    for name, why in skipped.items():
        print(f"skipped, not passed: {name} ({why})")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
