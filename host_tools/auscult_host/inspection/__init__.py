# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a dataset, before a model learns it. One small file for each sort of finding; this one runs them all."""

from collections.abc import Callable
from pathlib import Path

from ..errors import AuscultError
from ..recordings import read
from . import duplicates, groups, labels, rate, samples, units
from .finding import Finding

__all__ = ["Finding", "inspect"]


def inspect(folder: Path, *, against: Path | None = None, judge_labels: bool = True,
            progress: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """All findings of a dataset, the gravest first. One recording is in memory at a time.

    against: a second dataset, to be tested on; what both hold is a leak. judge_labels: look for wrong labels (cleanlab),
    which trains models.
    Raises AuscultError for a folder without recordings; a recording that cannot be read is a finding.
    """
    paths = [*_recordings(folder), *(_recordings(against) if against else [])]
    found: list[Finding] = []
    facts: list[groups.Facts] = []
    prints = duplicates.Prints()
    digital = samples.Digital()
    lines: list[rate.Lines] = []
    judge = labels.Judge() if judge_labels else None
    for number, path in enumerate(paths, 1):
        progress(f"{number} of {len(paths)}: {path.stem}")
        try:
            recording = read(path)
        except AuscultError as error:
            found.append(Finding("unreadable", path, error.found, f"auscult edit {path} --drop", grave=True))
            continue
        facts.append(groups.Facts.of(path, recording))
        found += samples.clipping(path, recording)
        found += samples.jumps(path, recording)
        digital.add(recording, samples.stuck(path, recording))
        found += units.wrong_unit(path, recording)
        lines.append(rate.Lines.of(path, recording))
        prints.add(path, recording)
        if judge is not None and path.parent == folder:
            judge.add(path, recording)
    progress("comparing recordings")
    found += digital.findings() + rate.findings(lines)
    twice = prints.findings()
    found += twice + groups.findings(facts, twice, folder, against) + units.odd_level(facts)
    if judge is not None:
        found += judge.findings(progress)
    return sorted(found, key=lambda finding: (not finding.grave, finding.kind, finding.path.name))


def _recordings(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise AuscultError(f"there is no folder {folder}", "a dataset: a folder of .parquet recordings",
                           "make one with `auscult import`")
    paths = sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))
    if not paths:
        raise AuscultError(f"{folder} holds no recordings", "at least one .parquet file", "fill it with `auscult import`")
    return paths

