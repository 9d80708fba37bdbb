# SPDX-License-Identifier: Apache-2.0
"""What file and folder names say of a recording: by a pattern that the user gives, else by words that are usual."""

import collections
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import AuscultError
from ..recordings import Recording
from . import Notes, Options, file_name

_FIELDS = ("machine", "label", "session", "placement", "sensor")
_MACHINE = re.compile(r"(?:^|[_\-. ])((?:subject|subj|user|participant|person|volunteer|patient)[_\-. ]?\d+)(?:$|[_\-. ])",
                      re.IGNORECASE)
_SPLITS = ("train", "training", "test", "testing", "validation", "data", "csv")  # folders that name no label


def same_stems(files: Iterable[Path]) -> set[str]:
    """File names that stand in several folders: evidently the same session or subject, seen in several states."""
    counts = collections.Counter(stem for stem, _ in {(path.stem, path.parent) for path in files})
    return {stem for stem, count in counts.items() if count > 1}


def from_path(recording: Recording, path: Path, root: Path, options: Options, notes: Notes,
              twins: Iterable[str] = ()) -> Recording:
    """The recording with what its path below `root` says; what the file itself says counts more, the user's pattern most."""
    folders = path.relative_to(root).parts[:-1]
    if folders:
        recording.name = f"{file_name('_'.join(folders))}_{recording.name}"
    if options.path_pattern:
        for field, text in match(options.path_pattern, path).items():
            setattr(recording, field, notes.label(text, options) if field == "label" else text)
        return recording
    found = [(part, hit[1]) for part in (*folders, path.stem) if (hit := _MACHINE.search(part))]
    if found and not recording.machine:
        recording.machine = found[-1][1]
        notes.say("the machine is the subject that is named in the path (else give --name)")
    labels = [part for part in folders if part.lower() not in _SPLITS and part not in {part for part, _ in found}]
    if labels and not recording.label:
        recording.label = options.label_for(recording.name, notes.label(labels[-1], options))
        notes.say("the label is the name of the folder")
    if path.stem in twins and not (recording.session or recording.machine):
        recording.session = path.stem
        notes.say("the session is the file name, which stands in several folders (else give --name)")
    return recording


def match(pattern: str, path: Path) -> dict[str, str]:
    """The fields of a pattern such as "{machine}/{label}_{session}.csv"; * stands for anything.

    Raises AuscultError for a path that does not fit, or fits in two ways.
    """
    expression = ""
    for part in re.split(r"(\{\w+\}|\*)", pattern.strip("/")):
        name = part[1:-1]
        if part == "*":
            expression += "[^/]*?"
        elif part.startswith("{") and part.endswith("}"):
            if name not in _FIELDS or f"<{name}>" in expression:
                raise AuscultError(f"{part} in the pattern {pattern!r}", f"each of {', '.join(_FIELDS)} at most once, or *",
                                   'for example --name "{machine}_{label}_{session}.csv"')
            expression += f"(?P<{name}>[^/]+?)"
        else:
            expression += re.escape(part)
    depth = pattern.strip("/").count("/") + 1
    text = "/".join(path.parts[-depth:])
    if not Path(pattern).suffix:
        text = text[:len(text) - len(path.suffix)]
    short = re.fullmatch(expression, text)
    long = re.fullmatch(expression.replace("+?)", "+)"), text)
    if short is None or long is None:
        raise AuscultError(f"{text} does not fit the pattern {pattern!r}", "every file to fit it",
                           "change --name, or import the others by themselves")
    if short.groupdict() != long.groupdict():
        ways = " or ".join(", ".join(f"{k} {v!r}" for k, v in way.groupdict().items()) for way in (short, long))
        raise AuscultError(f"{text} fits the pattern {pattern!r} in two ways: {ways}", "one way",
                           "give more of the name in the pattern, or rename the file")
    return short.groupdict()
