# SPDX-License-Identifier: Apache-2.0
"""Datasets: a folder of recordings, cut into windows, split by the group that must not be in both parts."""

import dataclasses
import difflib
import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .errors import AuscultError
from .recordings import STANDARD_GRAVITY, Entry, Header, Recording, read_header, to_int16

if TYPE_CHECKING:
    from .hostlib import HostPipeline

GROUPS = ("machine", "session", "recording")  # coarse to fine
_RATE_TOLERANCE = 0.02  # recordings within 2 % of one rate may be used together
RANGES_G = (2, 4, 8, 16)  # of common MEMS accelerometers

Split = tuple[np.ndarray, np.ndarray, str]  # indices to train on, indices to test on, name of the test part


class Windows(NamedTuple):
    """data: int16[n, window, axes]; labels, groups: str[n]; recording, start: int[n], where each window was cut."""

    data: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    recording: np.ndarray
    start: np.ndarray
    full_scale: float
    group_by: str


class Table(NamedTuple):
    """What a pipeline computes of recordings: raw int32[n, F], fixed point; labels, groups: str[n]; recording, start:
    int[n], where each window begins; names: of the recordings, by their number."""

    raw: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    recording: np.ndarray
    start: np.ndarray
    group_by: str
    names: list[str]


def scan(folder: Path | str) -> list[Entry]:
    """All recordings of a folder in the order of their names (or the one recording if given a file), without their
    samples: `entry.read()` loads one, so that a large dataset never stands in memory.

    Raises AuscultError for a folder without recordings and for recordings that do not fit together: axes, unit and
    rate must be the same in all.
    """
    found = entries(folder)
    check_uniform(found)
    return found


def entries(folder: Path | str) -> list[Entry]:
    """The same, whether they fit together or not."""
    folder = Path(folder)
    if folder.is_file():
        return [read_header(folder)]
    if not folder.is_dir():
        raise AuscultError(f"there is no folder {folder}", "a dataset: a folder of .parquet recordings",
                           "make one with `auscult import` or `auscult generate`")
    paths = sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))
    if not paths:
        raise AuscultError(f"{folder} holds no recordings", "at least one .parquet file",
                           "fill it with `auscult import` or `auscult generate`")
    return [read_header(path) for path in paths]


def load(folder: Path | str) -> list[Recording]:
    """All recordings of a folder in memory: for small ones, and for those who need all at once. Errors as `scan`."""
    return [entry.read() for entry in scan(folder)]


def check_uniform(recordings: Sequence[Header]) -> None:
    first = recordings[0]
    for other in recordings[1:]:
        for what, found, expected in (("the axes", ", ".join(other.axes), ", ".join(first.axes)),
                                      ("the unit", other.unit, first.unit)):
            if found != expected:
                raise AuscultError(f"{other.name} has {what} {found}, {first.name} has {expected}",
                                   "the same in all recordings of a dataset", "keep them in separate folders")
        if abs(other.rate_hz / first.rate_hz - 1) > _RATE_TOLERANCE:
            raise AuscultError(f"{other.name} was sampled at {other.rate_hz:g} Hz, {first.name} at "
                               f"{first.rate_hz:g} Hz", "one rate in a dataset",
                               "keep them in separate folders; if they are meant to have one rate, import with --rate-hz")


def likely_typos(labels: Mapping[str, int]) -> list[tuple[str, str]]:
    """Pairs (label, the likely meant one) of labels that are nearly the same; labels: how often each stands in a dataset.

    Labels that differ in a number are different on purpose, and so are those of which one is part of the other by two
    letters or more (normal, abnormal).
    """
    pairs = []
    names = sorted((label for label in labels if len(label) >= 4), key=lambda label: (-labels[label], label))
    for at, rare in enumerate(names):
        for usual in difflib.get_close_matches(rare.casefold(), [name.casefold() for name in names[:at]], 1, 0.8):
            whole = next(name for name in names[:at] if name.casefold() == usual)
            apart = abs(len(rare) - len(whole)) >= 2 and (rare.casefold() in usual or usual in rare.casefold())
            if not apart and re.sub(r"\d+", "", rare) != re.sub(r"\d+", "", whole):
                pairs.append((rare, whole))
    return pairs


def choose_full_scale(recordings: Sequence[Recording | Entry]) -> float:
    """The value that 32768 shall stand for: the smallest usual sensor range (2, 4, 8, 16 g) that holds everything,
    with a quarter to spare for what has not been met yet. For other units than m/s² the next power of two.
    """
    largest = 1.25 * max(recording.peak() for recording in recordings)
    if recordings[0].unit == "m/s2":
        for range_g in RANGES_G:
            if largest < range_g * STANDARD_GRAVITY:
                return range_g * STANDARD_GRAVITY
    return 2.0 ** math.ceil(math.log2(max(largest, 1e-6) * 1.0001))


def choose_group(recordings: Sequence[Header]) -> str:
    """The coarsest group of which the dataset has at least two: machine, else session, else recording."""
    for group_by in GROUPS[:-1]:
        names = {getattr(recording, group_by) for recording in recordings}
        if len(names) > 1 and "" not in names:
            return group_by
    return "recording"


def windows(recordings: Sequence[Recording], window: int, hop: int, *, full_scale: float | None = None,
            group_by: str = "auto") -> Windows:
    """Cut recordings into windows as the device sees them.

    A window never spans two recordings, nor a gap between the pieces of one; recordings that are too short for a window
    have none, and only when all are, that is an error. A window in which a fault begins has the
    label of its end. full_scale: value that 32768 stands for (None: chosen from the data). group_by: machine,
    session, recording or auto.
    """
    if window < 2 or hop < 1:
        raise AuscultError(f"window {window} with hop {hop}", "a window of at least 2 and a hop of at least 1",
                           "for example --window 512 --hop 256")
    check_uniform(recordings)
    if group_by == "auto":
        group_by = choose_group(recordings)
    if group_by not in GROUPS:
        raise AuscultError(f"grouping by {group_by!r}", f"one of {', '.join(GROUPS)} or auto", "use --group session")
    scale = choose_full_scale(recordings) if full_scale is None else full_scale
    parts, labels, groups, sources, starts = [], [], [], [], []
    for number, recording in enumerate(recordings):
        at = _starts(recording, window, hop)
        if not len(at):
            continue
        samples = to_int16(recording, scale)
        parts.append(np.lib.stride_tricks.sliding_window_view(samples, window, axis=0)[at].transpose(0, 2, 1))
        labels += [recording.label_at((start + window - 1) / recording.rate_hz) for start in at]
        groups += [group_of(recording, group_by)] * len(at)
        sources += [number] * len(at)
        starts.append(at)
    if not parts:
        raise _too_short(max(recordings, key=uninterrupted), window)
    return Windows(np.ascontiguousarray(np.concatenate(parts)), np.array(labels), np.array(groups),
                   np.array(sources), np.concatenate(starts), scale, group_by)


def table(recordings: Iterable[Recording], pipeline: "HostPipeline", *, group_by: str = "auto") -> Table:
    """Features of recordings, each pushed through the pipeline as the device hears it; one is in memory at a time.

    The pipeline starts afresh with each recording and after each gap between pieces. Labels and groups as in windows().
    """
    spec = pipeline.spec
    whose: list[Header] = []
    parts, labels, starts = [], [], []
    problem = AuscultError("no recordings", "at least one", "fill the dataset with `auscult import`")
    for recording in recordings:
        if recording.axes != tuple(spec.axes):
            raise AuscultError(f"{recording.name} has the axes {', '.join(recording.axes)}", f"{', '.join(spec.axes)}, "
                               f"as the pipeline {spec.name} has", "use recordings of the same sensor")
        whose.append(Header(**{field.name: getattr(recording, field.name) for field in dataclasses.fields(Header)}))
        check_uniform([whose[0], whose[-1]])
        if not len(_starts(recording, spec.window, spec.hop)):
            starts.append(np.empty(0, dtype=np.int64))
            problem = _too_short(recording, spec.window)
            continue
        samples = to_int16(recording, spec.full_scale)
        piece = recording.piece or len(samples)
        at = []
        for begin in range(0, len(samples), piece):
            run = pipeline.run(samples[begin:begin + piece], shaft_hz=recording.rpm / 60)
            parts.append(run.features)
            at.append(run.start + begin)
        starts.append(np.concatenate(at))
        labels += [recording.label_at((start + spec.window - 1) / recording.rate_hz) for start in starts[-1]]
        del recording, samples  # or it would stand in memory beside the next one
    if not parts:
        raise problem
    group_by = choose_group(whose) if group_by == "auto" else group_by
    if group_by not in GROUPS:
        raise AuscultError(f"grouping by {group_by!r}", f"one of {', '.join(GROUPS)} or auto", "use --group session")
    counts = [len(at) for at in starts]
    return Table(np.concatenate(parts), np.array(labels), np.repeat([group_of(who, group_by) for who in whose], counts),
                 np.repeat(np.arange(len(whose)), counts), np.concatenate(starts), group_by, [who.name for who in whose])


def _starts(recording: Recording, window: int, hop: int) -> np.ndarray:
    samples, piece = recording.samples, uninterrupted(recording)
    if window > piece:
        return np.empty(0, dtype=np.int64)
    if not recording.piece:
        return np.arange(0, samples - window + 1, hop)
    inside = np.arange(0, piece - window + 1, hop)
    at = (np.arange(0, samples, piece)[:, None] + inside).ravel()
    return at[at + window <= samples]


def count_windows(recordings: Iterable[Recording | Entry], window: int, hop: int) -> int:
    """How many windows there are, without reading a sample."""
    def each(samples: int) -> int:
        return max(0, (samples - window) // hop + 1)

    return sum(each(r.piece) * (r.samples // r.piece) if r.piece else each(r.samples) for r in recordings)


def uninterrupted(recording: Recording | Entry) -> int:
    """Samples without a gap."""
    return min(recording.piece or recording.samples, recording.samples)


def _too_short(recording: Recording, window: int) -> AuscultError:
    what = "has uninterrupted pieces of" if recording.piece else "has only"
    return AuscultError(f"recording {recording.name!r} {what} {uninterrupted(recording)} samples, the window is {window}",
                        "recordings at least as long as the window", "use a smaller --window or record for longer")


def group_of(recording: Header, group_by: str) -> str:
    """The machine, session or recording that it belongs to."""
    if group_by == "recording":
        return recording.name
    name: str = getattr(recording, group_by)
    if not name:
        raise AuscultError(f"recording {recording.name!r} has no {group_by}", f"a {group_by} for every recording",
                           f"import it again with --{group_by}, or group by something else")
    return name


def leave_one_group_out(groups: np.ndarray) -> Iterator[Split]:
    """Each group once as the test part."""
    names = _several(groups)
    for name in names:
        test = groups == name
        yield np.flatnonzero(~test), np.flatnonzero(test), str(name)


def group_k_fold(groups: np.ndarray, labels: np.ndarray, folds: int) -> Iterator[Split]:
    """Whole groups dealt into `folds` parts of similar class mixture (scikit-learn's StratifiedGroupKFold)."""
    from sklearn.model_selection import StratifiedGroupKFold

    if not 2 <= folds <= len(_several(groups)):
        raise AuscultError(f"{folds} folds of {len(np.unique(groups))} groups", "2 folds or more, at most one a group",
                           "use fewer folds or leave one group out")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    for number, (train, test) in enumerate(splitter.split(labels, labels, groups)):
        yield train, test, f"fold {number + 1}: {', '.join(np.unique(groups[test]))}"


def leaky_k_fold(labels: np.ndarray, folds: int = 5) -> Iterator[Split]:
    """Windows dealt at random, so that neighbours of a test window are in training; never quoted alone."""
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(folds, shuffle=True, random_state=0)
    for number, (train, test) in enumerate(splitter.split(labels, labels)):
        yield train, test, f"leaky {number + 1}"


def _several(groups: np.ndarray) -> np.ndarray:
    names = np.unique(groups)
    if len(names) < 2:
        raise AuscultError(f"only one group ({names[0] if len(names) else 'none'})",
                           "at least two machines, sessions or recordings, to test on one that was not trained on",
                           "record another session or machine, or group by something finer")
    return names


def fingerprint(recordings: Iterable[Recording | Entry]) -> str:
    """SHA-256 over names, labels and samples: tells later what a model was trained on."""
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(f"{recording.name}\0{recording.label}\0{recording.rate_hz!r}\0".encode())
        for block in recording.blocks():
            digest.update(block.data)
    return digest.hexdigest()
