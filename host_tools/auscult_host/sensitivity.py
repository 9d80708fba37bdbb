# SPDX-License-Identifier: Apache-2.0
"""How the score changes when the sensor, its mounting or its clock is not as in training: recordings held out are
changed and heard again by the same compiled pipelines."""

import dataclasses
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .dataset import group_of
from .judging import Judge, Progress, Source, hear
from .recordings import UNITS, Recording, loaded
from .scores import Counts, balanced_accuracy, confusion

CLIFF = 0.1  # a loss of this much balanced accuracy is told as a place where the model fails
_MOST_WINDOWS = 12_000  # of each change; of larger datasets only a part of each recording is heard
_DIRECTED = ("m/s2", "rad/s", "1")  # what a sensor hears otherwise when it is turned; "1" may be anything
_OFFSET = 0.02  # of the full scale; for m/s² 0.8, as of a usual MEMS accelerometer that was never calibrated
Maker = Callable[[Recording, np.random.Generator], Recording]


@dataclasses.dataclass(frozen=True)
class Change:
    """One thing that is not as in training. draws: how often, with other random numbers; fixed: the same for all
    recordings of a group, as a mounting is."""

    kind: str
    label: str
    make: Maker
    draws: int = 1


KINDS = {
    "rate": ("Sample rate", "The sensor samples faster or slower than it says; recordings are resampled (polyphase)."),
    "gain": ("Gain", "Every sample is multiplied, gravity included; what leaves the range saturates."),
    "noise": ("Added noise", "White noise on every axis, the same amplitude for all recordings."),
    "rotation": ("Rotation", "The sensor is turned: by an angle about a random axis, or by quarter turns."),
    "remounting": ("Remounting", "Axes permuted and reversed at random, gain off by up to 25 %, a constant offset on each axis."),
}


def resampled(recording: Recording, ratio: Fraction) -> Recording:
    """As a sensor hears it whose true rate is `ratio` times what it says."""
    from scipy.signal import resample_poly

    piece = recording.piece or recording.samples
    pieces = recording.data[:recording.samples // piece * piece].reshape(-1, piece, len(recording.axes))
    mean = pieces.mean(axis=1, keepdims=True)
    data = resample_poly(pieces - mean, ratio.numerator, ratio.denominator, axis=1) + mean
    fault = recording.fault_at_s
    return dataclasses.replace(recording, data=data.reshape(-1, len(recording.axes)),
                               piece=data.shape[1] if recording.piece else 0,
                               fault_at_s=None if fault is None else fault * float(ratio))


def scaled(recording: Recording, gain: float) -> Recording:
    return dataclasses.replace(recording, data=recording.data * np.float32(gain))


def noisy(recording: Recording, sigma: np.ndarray, rng: np.random.Generator) -> Recording:
    """sigma: standard deviation of the noise of each axis."""
    noise = rng.standard_normal(recording.data.shape, np.float32) * sigma.astype(np.float32)
    return dataclasses.replace(recording, data=recording.data + noise)


def rotated(recording: Recording, matrix: np.ndarray) -> Recording:
    """matrix [3, 3] on (x, y, z), whatever their order in the recording."""
    order = [recording.axes.index(axis) for axis in "xyz"]
    data = recording.data.copy()
    data[:, order] = recording.data[:, order] @ matrix.T.astype(np.float32)
    return dataclasses.replace(recording, data=data)


def turn(axis: np.ndarray, degrees: float) -> np.ndarray:
    """Rotation matrix about a unit vector (Rodrigues' formula)."""
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    angle = math.radians(degrees)
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross)


def remounted(recording: Recording, full_scale: float, rng: np.random.Generator) -> Recording:
    axes = len(recording.axes)
    signs, gain = rng.choice([-1.0, 1.0], axes), math.exp(rng.uniform(math.log(0.8), math.log(1.25)))
    most = 0.8 if recording.unit == "m/s2" else _OFFSET * full_scale
    data = recording.data[:, rng.permutation(axes)] * signs * gain + rng.uniform(-most, most, axes)
    return dataclasses.replace(recording, data=data)


def changes(unit: str, axes: Sequence[str], full_scale: float, level: np.ndarray) -> Iterator[Change]:
    """level: the usual standard deviation of each axis about its mean; noise is told relative to it."""
    for percent in (-5, -2, 2, 5):
        ratio = Fraction(100 + percent, 100)
        yield Change("rate", f"{percent:+d} %", lambda r, _, ratio=ratio: resampled(r, ratio))  # type: ignore[misc]
    for label, gain in (("-3 dB", 10 ** -0.15), ("-10 %", 0.9), ("+10 %", 1.1), ("+3 dB", 10 ** 0.15)):
        yield Change("gain", label, lambda r, _, gain=gain: scaled(r, gain))  # type: ignore[misc]
    for snr_db in (30, 20, 10, 6, 0):
        sigma = level * 10 ** (-snr_db / 20)
        much = "" if unit == "mixed" else f"{sigma[0]:.2g} {UNITS[unit]}, " if unit != "1" else f"{sigma[0]:.2g}, "
        yield Change("noise", f"{much}SNR {snr_db} dB",
                     lambda r, rng, sigma=sigma: noisy(r, sigma, rng))  # type: ignore[misc]
    if unit not in _DIRECTED:
        return
    if set(axes) == {"x", "y", "z"}:
        for degrees in (5, 15, 30):
            yield Change("rotation", f"{degrees}°",
                         lambda r, rng, d=degrees: rotated(r, turn(_direction(rng), d)), draws=2)  # type: ignore[misc]
        for axis, vector in zip("xyz", np.eye(3), strict=True):
            yield Change("rotation", f"90° about {axis}",
                         lambda r, _, v=vector: rotated(r, turn(v, 90)))  # type: ignore[misc]
    yield Change("remounting", "random mounting", lambda r, rng: remounted(r, full_scale, rng), draws=4)


def _direction(rng: np.random.Generator) -> np.ndarray:
    vector = rng.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector))


def sensitivity(judges: Sequence[Judge], sources: Sequence[Source], group_by: str, classes: list[str], windows: int,
                progress: Progress) -> dict[str, Any]:
    """Scores on held-out groups by what was changed: clean (the same recordings as they are), points, cliffs, skipped.

    Each point: kind, label, balanced_accuracy (mean over draws), worst (the worst draw), loss, novel (share of windows).
    """
    spec, first = judges[0].pipeline.spec, sources[0]
    share = min(1.0, _MOST_WINDOWS / windows)
    progress("how loud the recordings are")
    parts = (_part(loaded(source), share, spec.window) for source in sources)
    level = np.median([part.data.std(axis=0, dtype=np.float64) for part in parts], axis=0)
    if first.unit != "mixed":  # one quantity: the same noise on every axis
        level[:] = np.sqrt((level**2).mean())
    found = list(changes(first.unit, first.axes, spec.full_scale, level))
    by_group = {group: judge for judge in judges for group in judge.groups}
    clean = np.zeros((len(classes),) * 2, np.int64)
    counts = [np.zeros((change.draws, *clean.shape), np.int64) for change in found]
    novel, heard, short = np.zeros(len(found)), np.zeros(len(found)), {change.kind: 0 for change in found}
    for number, source in enumerate(sources, 1):
        progress(f"sensitivity, recording {number} of {len(sources)}")
        group, recording = group_of(source, group_by), _part(loaded(source), share, spec.window)
        clean += _count(by_group[group], recording, group, classes)[0]
        for place, change in enumerate(found):
            for draw in range(change.draws):
                who = recording.name if change.kind == "noise" else group  # a mounting is the same for a whole group
                rng = np.random.default_rng([draw, zlib.crc32(f"{who}/{change.kind}/{change.label}".encode())])
                changed = change.make(recording, rng)
                if min(changed.piece or changed.samples, changed.samples) < spec.window:
                    short[change.kind] += 1
                    continue
                count, strange = _count(by_group[group], changed, group, classes)
                counts[place][draw] += count
                novel[place] += strange
                heard[place] += count.sum()
    score = balanced_accuracy(clean)
    points = [_point(change, count, score, new / all_) for change, count, new, all_ in
              zip(found, counts, novel, heard, strict=True) if all_]
    skipped = [f"{KINDS[kind][0]}: {many} recordings are too short for it" for kind, many in short.items() if many]
    if first.unit not in _DIRECTED:
        skipped.append(f"Rotation and remounting: {UNITS[first.unit]} has no direction")
    elif set(first.axes) != {"x", "y", "z"}:
        skipped.append(f"Rotation: it needs the axes x, y and z, there are {', '.join(first.axes)}")
    return {"windows": int(clean.sum()), "share": share, "clean": score, "points": points, "unit": first.unit,
            "level": None if first.unit == "mixed" else float(level[0]),
            "cliffs": [point for point in points if point["loss"] >= CLIFF], "skipped": skipped}


def _point(change: Change, counts: Counts, clean: float, novel: float) -> dict[str, Any]:
    scores = [balanced_accuracy(count) for count in counts if count.sum()]
    mean = float(np.mean(scores))
    return {"kind": change.kind, "label": change.label, "balanced_accuracy": mean, "worst": min(scores),
            "draws": len(scores), "loss": clean - mean, "novel": float(novel)}


def _count(judge: Judge, recording: Recording, group: str, classes: list[str]) -> tuple[Counts, int]:
    verdicts = hear(judge, recording, group, classes)
    return confusion(verdicts.truth, verdicts.said, len(classes)), int(verdicts.novel.sum())


def _part(recording: Recording, share: float, window: int) -> Recording:
    """A share of a recording, at least a window, in one: about the beginning of its fault if it has one."""
    size = max(window, math.ceil(recording.samples * share))
    if recording.piece:
        size = -(-size // recording.piece) * recording.piece
    if size >= recording.samples:
        return recording
    fault = recording.fault_at_s
    begin = 0 if fault is None else max(0, min(recording.samples - size, int(fault * recording.rate_hz) - size // 2))
    if recording.piece:
        begin = begin // recording.piece * recording.piece
    return dataclasses.replace(recording, data=recording.data[begin:begin + size],
                               fault_at_s=None if fault is None else fault - begin / recording.rate_hz)
