# SPDX-License-Identifier: Apache-2.0
"""MATLAB files: v4 to v7.2 through SciPy, v7.3 (HDF5) through h5py."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AuscultError
from ..recordings import Recording, identifier
from . import Notes, Options, finish, number_axes
from .columns import axis_names
from .npz_file import shape_up, some

_RATES = ("rate_hz", "fs", "sr", "sample_rate", "sampling_rate", "samplerate", "samplingrate", "rate")
_TIMES = ("t", "time")
_HINT = "get the file again, or save it in MATLAB with -v7"


def import_mat(path: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    """Arrays of numbers, also inside structs: vectors of one length become the axes of one recording, a matrix is a
    recording by itself. A scalar called fs, sr or rate gives the rate, or a vector called t or time does."""
    found = _variables(path)
    rate_hz = _rate(found)
    arrays = {name: array for name, array in found.items() if array.size > 1}
    if options.key is not None:
        arrays = {name: array for name, array in arrays.items() if options.key in (name, name.split(".")[0])}
        if not arrays:
            raise AuscultError(f"{path} has no array {options.key!r}", f"one of {some(list(found))}", "choose it with --key")
    shaped = {name: _upright(path, name, array, notes) for name, array in arrays.items() if name.split(".")[-1] not in _TIMES}
    if not shaped:
        raise AuscultError(f"{path} holds no array of samples", "a vector, or a matrix [samples, axes]", _HINT)
    if rate_hz is None and options.rate_hz is None:
        rate_hz = _rate_by_time(arrays, notes)
    recordings = _grouped(shaped, options)
    for names in recordings:
        data = np.concatenate([shaped[name] for name in names], axis=1)
        piece = shape_up(names[0], arrays[names[0]])[1] if arrays[names[0]].ndim == 3 else 0
        axes = _axes(names) if len(names) > 1 or data.shape[1] == 1 else number_axes(data.shape[1])
        stem = path.stem if len(recordings) == 1 else f"{path.stem}_{names[0]}"
        notes.say(f"variables {', '.join(names)} -> {', '.join(options.axes or axes)}")
        recording = finish(stem, data, rate_hz, None, axes, options, notes, source=path.name, piece=piece)
        recording.rpm = next((float(v.item()) for name, v in found.items() if v.size == 1 and name.upper().endswith("RPM")), 0.0)
        yield recording


def _variables(path: Path) -> dict[str, np.ndarray]:
    """Arrays of numbers by name, those in structs as struct.name."""
    from scipy import io

    try:
        content = io.loadmat(path, simplify_cells=True)
    except NotImplementedError:
        content = _hdf5(path)
    except Exception as error:  # whatever a damaged file brings about in the reader
        reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
        raise AuscultError(f"{path} cannot be read as a MATLAB file ({reason})", "a whole .mat file", _HINT) from error
    found: dict[str, np.ndarray] = {}

    def collect(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if not key.startswith("__"):
                    collect(f"{name}.{key}" if name else key, inner)
        elif not isinstance(value, str):
            array = np.asarray(value)
            if array.dtype.kind in "iuf" and array.size:
                found[name] = array

    collect("", content)
    if not found:
        raise AuscultError(f"{path} holds no numbers", "a vector, or a matrix [samples, axes]", _HINT)
    return found


def _hdf5(path: Path) -> dict[str, Any]:
    try:
        import h5py
    except ImportError as error:
        raise AuscultError(f"{path} is a MATLAB file of version 7.3, which needs h5py", "h5py",
                           "pip install h5py, or save it in MATLAB with -v7") from error

    def inside(group: Any) -> dict[str, Any]:
        held: dict[str, Any] = {}
        for name, item in group.items():
            if name.startswith("#"):
                continue  # what cell arrays refer to
            if isinstance(item, h5py.Group):
                held[name] = inside(item)
            elif item.attrs.get("MATLAB_class", b"") != b"char" and item.dtype.kind in "iuf":
                held[name] = np.squeeze(item[()].T)  # stored column by column
        return held

    try:
        with h5py.File(os.fspath(path), "r") as file:
            return inside(file)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise AuscultError(f"{path} cannot be read as a MATLAB 7.3 file ({str(error)[:100]})", "a whole .mat file",
                           _HINT) from error


def _rate(found: dict[str, np.ndarray]) -> float | None:
    for wanted in _RATES:
        for name, value in found.items():
            if value.size == 1 and name.split(".")[-1].lower() == wanted:
                return float(value.item())
    return None


def _rate_by_time(arrays: dict[str, np.ndarray], notes: Notes) -> float | None:
    for name, array in arrays.items():
        times = np.ravel(array).astype(np.float64)
        if name.split(".")[-1].lower() in _TIMES and len(times) > 2 and (np.diff(times) > 0).all():
            rate_hz = (len(times) - 1) / float(times[-1] - times[0])
            notes.say(f"rate {rate_hz:.6g} Hz, from variable {name} in s")
            return rate_hz
    return None


def _upright(path: Path, name: str, array: np.ndarray, notes: Notes) -> np.ndarray:
    """[samples, axes]: MATLAB's rows of samples are turned."""
    if array.ndim == 2 and array.shape[0] <= 16 < array.shape[1]:
        notes.say(f"{name} is turned: {array.shape[1]} samples × {array.shape[0]} axes")
        array = array.T
    return shape_up(f"{path}: {name}", array)[0]


def _grouped(shaped: dict[str, np.ndarray], options: Options) -> list[list[str]]:
    """The variables of each recording."""
    chosen = list(shaped)
    if options.columns:
        chosen = [next((name for name in shaped if wanted in (name, *_axes([name])) or wanted in name.split("_")), "")
                  for wanted in options.columns]
        if "" in chosen:
            raise AuscultError(f"no variable {options.columns[chosen.index('')]!r}", f"some of {some(list(shaped))}",
                               "choose with --columns")
        return [chosen]
    lengths: dict[int, list[str]] = {}
    groups = []
    for name in chosen:
        if shaped[name].shape[1] == 1:
            if len(shaped[name]) in lengths:
                lengths[len(shaped[name])].append(name)
                continue
            lengths[len(shaped[name])] = group = [name]
            groups.append(group)
        else:
            groups.append([name])
    return groups


def _axes(names: list[str]) -> tuple[str, ...]:
    """What is different in the names: X105_DE_time, X105_FE_time -> DE, FE."""
    parts = [name.split(".")[-1].split("_") for name in names]
    if len(names) > 1 and len({len(p) for p in parts}) == 1:
        differing = [i for i in range(len(parts[0])) if len({p[i] for p in parts}) > 1]
        short = ["_".join(p[i] for i in differing) for p in parts]
        if all(short):
            return axis_names([identifier(name) for name in short])
    return axis_names([identifier(name.split(".")[-1]) for name in names])
