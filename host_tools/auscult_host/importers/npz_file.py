# SPDX-License-Identifier: Apache-2.0
"""NumPy files: arrays [n], [n, axes] or [windows, n, axes]."""

import zipfile
from pathlib import Path

import numpy as np

from ..errors import AuscultError
from . import Imported, Options, finish, number_axes


def import_npz(path: Path, options: Options) -> Imported:
    """Every array of numbers (or the one asked for by key) into a recording.

    A scalar called rate_hz, rate or fs gives the rate. Windows are joined into one recording that remembers the gaps.
    """
    arrays = read_arrays(path)
    rate_hz = None
    for name in ("rate_hz", "rate", "fs", "sample_rate"):
        if name in arrays and arrays[name].size == 1 and arrays[name].dtype.kind in "iuf":
            rate_hz = float(arrays.pop(name).item())
    if options.key is not None:
        if options.key not in arrays:
            raise AuscultError(f"{path} has no array {options.key!r}", f"one of {_some(list(arrays))}",
                               "choose it with --key")
        arrays = {options.key: arrays[options.key]}
    arrays = {key: a for key, a in arrays.items() if options.key or a.size > 1}
    if not arrays:
        raise AuscultError(f"{path} holds no arrays", "an array [samples, axes]", "check the file")
    result = Imported()
    for key, array in arrays.items():
        data, piece = shape_up(f"{path}: {key}", array)
        name = path.stem if len(arrays) == 1 else f"{path.stem}_{key}"
        result.notes.append(f"{key}: {len(data)} samples × {data.shape[1]} axes"
                            + (f" in pieces of {piece}" if piece else ""))
        result.recordings.append(finish(name, data, rate_hz, None, number_axes(data.shape[1]), options, result.notes,
                                        source=path.name, piece=piece))
    return result


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz or .npy file. Raises AuscultError for damaged files and for Python objects."""
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {path.stem: loaded}
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise AuscultError(f"{path} cannot be read as a NumPy file ({str(error).splitlines()[0][:100]})",
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


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
