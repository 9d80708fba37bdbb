# SPDX-License-Identifier: Apache-2.0
"""NumPy files: arrays [n], [n, axes] or [windows, n, axes]."""

import contextlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AuscultError
from ..recordings import Recording
from . import Notes, Options, finish, number_axes

RATES = ("rate_hz", "rate", "fs", "sample_rate")


def import_npz(path: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """Every array of numbers (or the one asked for by key) into a recording.

    A scalar called rate_hz, rate or fs gives the rate. Windows are joined into one recording that remembers the gaps.
    """
    arrays = Arrays(path)
    keys = list(arrays)
    rate_hz = None
    for name in RATES:
        if name in keys and arrays[name].size == 1 and arrays[name].dtype.kind in "iuf":
            rate_hz = float(arrays[name].item())
            keys.remove(name)
    if options.key is not None:
        if options.key not in keys:
            raise AuscultError(f"{path} has no array {options.key!r}", f"one of {some(keys)}", "choose it with --key")
        keys = [options.key]
    else:
        keys = [key for key in keys if arrays[key].size > 1]
    if not keys:
        raise AuscultError(f"{path} holds no arrays", "an array [samples, axes]", "check the file")
    for key in keys:
        data, piece = shape_up(f"{path}: {key}", arrays[key])
        name = path.stem if len(keys) == 1 else f"{path.stem}_{key}"
        notes.say(f"{key}: {len(data)} samples × {data.shape[1]} axes" + (f" in pieces of {piece}" if piece else ""))
        yield finish(name, data, rate_hz, None, number_axes(data.shape[1]), options, notes, source=path.name, piece=piece)


class Arrays(Mapping[str, np.ndarray]):
    """The arrays of an .npz or .npy file, each read when it is asked for. Raises AuscultError for damaged files and for
    Python objects."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._explained():
            loaded = np.load(path, mmap_mode="r", allow_pickle=False)  # npz files are not mapped
        self._loaded: Any = {path.stem: loaded} if isinstance(loaded, np.ndarray) else loaded
        self._keys = list(loaded.files) if not isinstance(loaded, np.ndarray) else [path.stem]

    def __getitem__(self, key: str) -> np.ndarray:
        with self._explained():
            array: np.ndarray = self._loaded[key]
        return array

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
            raise AuscultError(f"{self._path} cannot be read as a NumPy file ({reason})",
                               "a whole .npz or .npy file with arrays of numbers", "get the file again") from error


def shape_up(what: str, array: np.ndarray) -> tuple[np.ndarray, int]:
    """Array as [samples, axes], and the samples per piece if it came as windows (else 0)."""
    if array.dtype.kind not in "iuf":
        raise AuscultError(f"{what} has the type {array.dtype}", "real numbers", "choose another array with --key")
    if array.ndim == 1:
        return array[:, None], 0
    if array.ndim == 2:
        if array.shape[0] <= 16 < array.shape[1]:
            raise AuscultError(f"{what} has the shape {array.shape}", "[samples, axes]",
                               "store it transposed: samples go down, axes go across")
        return array, 0
    if array.ndim == 3:
        return array.reshape(-1, array.shape[2]), array.shape[1]
    raise AuscultError(f"{what} has {array.ndim} dimensions", "[n], [n, axes] or [windows, n, axes]",
                       "reshape it, or choose another array with --key")


def some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
