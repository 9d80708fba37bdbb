# SPDX-License-Identifier: Apache-2.0
"""Importers: foreign files in, recordings out. One small file per format; this one has what they share."""

import dataclasses
import fnmatch
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ..errors import AuscultError
from ..recordings import Recording, identifier, read, write_all
from .units import Unit, parse_unit

SUFFIXES = (".csv", ".tsv", ".txt", ".npz", ".npy", ".wav")


@dataclasses.dataclass
class Options:
    """What the user said; whatever is left out is guessed from the file, and the guess is noted."""

    rate_hz: float | None = None
    unit: str | None = None
    scale: float | None = None  # physical value = stored number × scale
    full_scale: float | None = None  # physical value of a WAV file's largest number
    labels: tuple[str, ...] = ()  # LABEL or PATTERN=LABEL, the first that fits counts
    machine: str = ""
    session: str = ""
    axes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    key: str | None = None
    sensor: str = ""
    placement: str = ""
    licence: str = ""

    def label_for(self, name: str, default: str = "") -> str:
        """The label for a recording of this name; patterns are shell patterns."""
        for rule in self.labels:
            pattern, equals, label = rule.rpartition("=")
            if not equals or fnmatch.fnmatchcase(name, pattern):
                return label
        return default

    def given_unit(self) -> Unit | None:
        return parse_unit(self.unit) if self.unit is not None else None


@dataclasses.dataclass
class Imported:
    """recordings, what was guessed (notes), and what the data's authors warn of (cautions)."""

    recordings: list[Recording] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    cautions: list[str] = dataclasses.field(default_factory=list)

    def add(self, other: "Imported") -> None:
        self.recordings += other.recordings
        self.notes += [note for note in other.notes if note not in self.notes]
        self.cautions += [caution for caution in other.cautions if caution not in self.cautions]


def import_sources(sources: Sequence[Path], options: Options) -> Imported:
    """Read files or folders; a folder with facts.json is read as a set, otherwise file by file.

    In a plain folder the name of a sub-folder is the label of the files in it. Raises AuscultError for whatever
    cannot be read or is not said and cannot be guessed. Nothing is written.
    """
    result = Imported()
    for source in sources:
        result.add(_import_one(Path(source), options))
    for recording in result.recordings:
        recording.machine = recording.machine or options.machine
        recording.session = options.session or recording.session
        recording.sensor = options.sensor or recording.sensor
        recording.placement = options.placement or recording.placement
        recording.licence = options.licence or recording.licence
    names = [recording.name for recording in result.recordings]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AuscultError(f"two recordings would be called {twice[0]!r}", "a different file name for each",
                           "import them one by one into separate folders, or rename the files")
    return result


def _import_one(source: Path, options: Options) -> Imported:
    from .facts import import_facts

    if source.is_file():
        return _reader(source)(source, options)
    if not source.is_dir():
        raise AuscultError(f"there is no file or folder {source}", "a CSV, npz, npy or WAV file, or a folder of them",
                           "check the path")
    if (source / "facts.json").is_file():
        return import_facts(source, options)
    files = [path for path in sorted(source.rglob("*")) if path.suffix.lower() in SUFFIXES and path.is_file()]
    if not files:
        raise AuscultError(f"{source} holds no file to import", f"files ending in {', '.join(SUFFIXES)}",
                           "check the path")
    result = Imported()
    for path in files:
        part = _reader(path)(path, options)
        folder = path.parent.name if path.parent != source else ""
        for recording in part.recordings:
            recording.label = recording.label or (identifier(folder) if folder else "")
            recording.name = f"{file_name(folder)}_{recording.name}" if folder else recording.name
        result.add(part)
    return result


def _reader(path: Path) -> Callable[[Path, Options], Imported]:
    from .csv_file import import_csv
    from .npz_file import import_npz
    from .wav_file import import_wav

    by_suffix = {".csv": import_csv, ".tsv": import_csv, ".txt": import_csv, ".npz": import_npz, ".npy": import_npz,
                 ".wav": import_wav}
    try:
        return by_suffix[path.suffix.lower()]
    except KeyError:
        raise AuscultError(f"{path} is of a kind that cannot be imported ({path.suffix or 'no suffix'})",
                           f"a file ending in {', '.join(SUFFIXES)}", "export it as CSV first") from None


def write_dataset(recordings: Sequence[Recording], out: Path, *, replace: bool = False) -> list[Path]:
    """Write recordings into a folder. An equal recording of the same name is written anew, a different one only with
    `replace`."""
    targets = [out / f"{recording.name}.parquet" for recording in recordings]
    for recording, target in zip(recordings, targets, strict=True):
        if target.exists() and not replace and not np.array_equal(read(target).data, recording.data):
            raise AuscultError(f"{target} already holds a different recording", "a new name or folder",
                               "choose another --out, or give --replace to overwrite it")
    return write_all(recordings, out)


def file_name(text: str) -> str:
    """A text made fit for a file name on every system."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in text).strip(".") or "recording"


def number_axes(count: int) -> tuple[str, ...]:
    """Names for columns without names: x, y, z when there are three."""
    return ("x", "y", "z")[:count] if count <= 3 else tuple(f"c{i + 1}" for i in range(count))


def unit_by_gravity(data: np.ndarray) -> str | None:
    """The unit of an accelerometer at rest on average: its mean is as long as gravity, in g, mg or m/s²."""
    length = float(np.linalg.norm(np.mean(data, axis=0)))
    for unit, one_g in (("g", 1.0), ("m/s2", 9.80665), ("mg", 1000.0)):
        if 0.85 < length / one_g < 1.15:
            return unit
    return None


def finish(name: str, data: np.ndarray, rate_hz: float | None, unit: Unit | None, axes: Sequence[str],
           options: Options, notes: list[str], *, label: str = "", source: str = "", piece: int = 0) -> Recording:
    """Numbers of a file into a recording in SI units: scale, unit, rate and label as the user or the file said."""
    rate_hz = options.rate_hz or rate_hz
    if rate_hz is None:
        raise AuscultError(f"{name}: the sample rate is not in the file", "a rate",
                           "give it, for example --rate-hz 1600")
    data = np.asarray(data)
    if data.dtype.kind in "iu" and options.scale is None and options.unit != "1":
        raise AuscultError(f"{name} holds integers of unknown scale", "physical values, or the value of one step",
                           "give for example --scale 0.000122 --unit g (4 g / 32768), or --unit 1 for bare numbers")
    values = data.astype(np.float64) * (1.0 if options.scale is None else options.scale)
    unit = options.given_unit() or unit
    if unit is None:
        guess = unit_by_gravity(values) if values.shape[-1] >= 3 else None
        if guess is None:
            raise AuscultError(f"{name}: the unit is not in the file and cannot be guessed from gravity", "a unit",
                               "give it: --unit g, mg, m/s2, degC ... (1 for numbers without a unit)")
        unit = parse_unit(guess)
        notes.append(f"unit {guess}, guessed from the length of gravity")
    label = options.label_for(name, label)
    return Recording(unit.to_si(values), rate_hz, options.axes or tuple(axes), unit.si, label=label,
                     source=source, piece=piece, name=file_name(name))
