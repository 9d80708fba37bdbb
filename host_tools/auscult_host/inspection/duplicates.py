# SPDX-License-Identifier: Apache-2.0
"""The same samples twice: whole recordings, and stretches that two recordings share."""

import hashlib
from pathlib import Path

import numpy as np
from scipy.ndimage import maximum_filter1d

from ..recordings import Recording
from .finding import Finding

_PRINT = 32  # samples in a fingerprint
_APART = 256  # one fingerprint in about so many samples
_SHARED = 3  # fingerprints in common that cannot be chance


class Prints:
    """Fingerprints of recordings. Their places follow from the samples themselves (they stand where the signal is larger
    than all around it), so a copy that begins elsewhere has them at the same sounds."""

    def __init__(self) -> None:
        self._whole: dict[bytes, list[Path]] = {}
        self._where: dict[bytes, list[tuple[Path, float]]] = {}

    def add(self, path: Path, recording: Recording) -> None:
        data = recording.data
        self._whole.setdefault(hashlib.sha256(data.tobytes()).digest(), []).append(path)
        lead = data.sum(axis=1)
        if len(lead) < 2 * _APART or len(np.unique(lead[:4096])) < 64:
            return  # slow and coarse signals repeat themselves
        seen: set[bytes] = set()
        tops: list[int] = np.flatnonzero(lead == maximum_filter1d(lead, _APART + 1)).tolist()
        for at in (top for top in tops if _APART // 2 <= top < len(lead) - _APART // 2):
            piece = data[at:at + _PRINT]
            key = hashlib.blake2b(piece.tobytes(), digest_size=12).digest()
            if len(np.unique(piece[:, 0])) > _PRINT // 4 and key not in seen:
                seen.add(key)
                self._where.setdefault(key, []).append((path, at / recording.rate_hz))

    def findings(self) -> list[Finding]:
        found, known = [], set()
        for same in self._whole.values():
            for other in same[1:]:
                known.add((same[0], other))
                found.append(Finding("duplicate", other, f"it holds the very samples of {same[0].stem}",
                                     f"auscult edit {other} --drop", grave=True, other=same[0]))
        shared: dict[tuple[Path, Path], list[tuple[float, float]]] = {}
        for places in self._where.values():
            for i, (path, at) in enumerate(places):
                for other, there in places[i + 1:]:
                    shared.setdefault((path, other), []).append((at, there))
        for (path, other), times in sorted(shared.items(), key=lambda item: (item[0][0].name, item[0][1].name)):
            if path == other or (path, other) in known or len(times) < _SHARED:
                continue
            first, last = min(there for _, there in times), max(there for _, there in times)
            found.append(Finding(
                "duplicate", other, f"{first:.2f} s to {last:.2f} s are also in {path.stem}, "
                f"from {min(here for here, _ in times):.2f} s",
                f"auscult edit {other} --cut {max(0.0, first - 0.5):.3f}:{last + 0.5:.3f}", grave=True, from_s=first, to_s=last,
                other=path))
        return found
