# SPDX-License-Identifier: Apache-2.0
"""What single samples show: clipping, axes that stand still, places where samples are missing."""

from pathlib import Path

import numpy as np

from ..recordings import Recording
from .finding import Finding, runs

_CLIPPED_SHARE = 2e-4  # of the samples, to be worth a word
_STILL_SAMPLES, _STILL_S = 32, 0.25
_ORDER = 8  # of the linear prediction
_FEW_JUMPS = 5  # more than that is how the machine sounds


def clipping(path: Path, recording: Recording) -> list[Finding]:
    """Axes whose values pile up at an end of their range: far more samples at the outermost value than just inside."""
    found = []
    for axis, x in zip(recording.axes, recording.data.T, strict=True):
        levels, counts = np.unique(x, return_counts=True)
        if len(levels) < 16:
            continue  # a switch, or too coarse to tell
        for at, inside in ((-1, counts[-4:-1]), (0, counts[1:4])):
            # a plain tail thins out towards the end; clipping folds it back onto the last value
            if counts[at] < 8 or counts[at] < _CLIPPED_SHARE * len(x) or counts[at] < 4 * int(inside.max()):
                continue
            first, last = max(runs(x == levels[at]), key=lambda run: run[1] - run[0])
            found.append(Finding(
                "clipping", path, f"{counts[at]} samples ({counts[at] / len(x):.2%}) of {axis} stand at {levels[at]:.4g}, the "
                f"end of its range, up to {last - first} in a row", "record again with a larger range; until then leave it out: "
                f"auscult edit {path} --drop", grave=bool(counts[at] > 0.01 * len(x)), axis=axis,
                from_s=first / recording.rate_hz, to_s=last / recording.rate_hz))
    return found


def stuck(path: Path, recording: Recording) -> list[Finding]:
    """Stretches in which an axis does not move, much longer than its resolution explains."""
    found = []
    for axis, x in zip(recording.axes, recording.data.T, strict=True):
        still = runs(np.concatenate((np.diff(x) == 0, [False])))
        if not still:
            continue
        lengths = np.array([end - start + 1 for start, end in still])
        usual = float(np.quantile(lengths, 0.95)) if len(lengths) > 20 else 1.0
        start, end = still[int(lengths.argmax())]
        length = end - start + 1
        whole = length >= len(x)
        if length < max(_STILL_SAMPLES, _STILL_S * recording.rate_hz, 10 * usual) and not (whole and length >= 16):
            continue
        from_s, to_s = start / recording.rate_hz, (end + 1) / recording.rate_hz
        text = (f"{axis} is {x[start]:.6g} in all {length} samples" if whole else
                f"{axis} stays at {x[start]:.6g} for {length} samples ({to_s - from_s:.2f} s)")
        mend = (f"auscult edit {path} --keep-axes {','.join(a for a in recording.axes if a != axis)}" if whole
                and len(recording.axes) > 1 else f"auscult edit {path} --cut {from_s:.3f}:{to_s:.3f}")
        found.append(Finding("stuck axis", path, text, mend, grave=True, axis=axis, from_s=from_s, to_s=to_s))
    return found


class Digital:
    """Axes that only ever know two values (a door, a relay) may stand still for long: that is no fault of theirs."""

    def __init__(self) -> None:
        self._values: dict[str, set[float]] = {}
        self._found: list[Finding] = []

    def add(self, recording: Recording, found: list[Finding]) -> None:
        for axis, x in zip(recording.axes, recording.data.T, strict=True):
            known = self._values.setdefault(axis, set())
            if len(known) <= 2:
                known.update(np.unique(x)[:3].tolist())
        self._found += found

    def findings(self) -> list[Finding]:
        return [finding for finding in self._found if len(self._values[finding.axis or ""]) != 2]


def jumps(path: Path, recording: Recording) -> list[Finding]:
    """Moments at which all axes break off at once: samples are missing there, or two recordings were joined.

    What a sample should be is predicted from those before it (linear prediction by least squares; Makhoul, Proc. IEEE 63,
    1975). Noise is as surprising everywhere and a machine's knocks come often; a gap surprises once."""
    n = len(recording.data)
    borders = set(range(recording.piece, n, recording.piece)) if recording.piece else set()
    if n < 40 * _ORDER:
        return []
    surprise = np.full((n, len(recording.axes)), 0.0)
    for i, x in enumerate(recording.data.T.astype(np.float64)):
        past = np.lib.stride_tricks.sliding_window_view(x, _ORDER)[:-1]
        sample = slice(None, None, max(1, len(past) // 20000))
        weights = np.linalg.lstsq(past[sample], x[_ORDER:][sample], rcond=None)[0]
        error = np.abs(x[_ORDER:] - past @ weights)
        surprise[_ORDER:, i] = error / max(1.4826 * float(np.median(error)), 1e-12 + 1e-6 * float(np.abs(x).max()))
    level = surprise.min(axis=1)
    at = np.flatnonzero(level > 12)
    at = at[np.concatenate(([True], np.diff(at) > 2 * _ORDER))] if len(at) else at
    at = np.array([i for i in at.tolist() if not any(abs(i - border) <= _ORDER for border in borders)], int)
    if not 0 < len(at) <= _FEW_JUMPS:
        return []
    # what follows a gap is as predictable as what was before it; a knock rings on
    first = int(at[0])
    quiet = np.median(level[first + _ORDER + 1:first + 6 * _ORDER]) < 4 if first + 6 * _ORDER < n else True
    if not quiet:
        return []
    moments = ", ".join(f"{i / recording.rate_hz:.3f} s" for i in at.tolist())
    second = first / recording.rate_hz
    return [Finding("gap", path, f"the signal breaks off at {moments}: samples are missing, or recordings were joined",
                    f"auscult edit {path} --split {','.join(f'{i / recording.rate_hz:.4f}' for i in at.tolist())}",
                    from_s=second, to_s=second)]
