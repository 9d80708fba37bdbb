# SPDX-License-Identifier: Apache-2.0
"""Importers: foreign files in, recordings out. One small file per format; this one has what they share."""

import dataclasses
import fnmatch
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..dataset import check_uniform
from ..errors import AuscultError
from ..recordings import BLOCK, STANDARD_GRAVITY, Entry, Recording, identifier, is_identifier, read_header, write
from .units import Unit, parse_unit

SUFFIXES = (".csv", ".tsv", ".txt", ".npz", ".npy", ".wav", ".mat", ".parquet", ".json", ".cbor", ".resd")
_KINDS = "a CSV, Parquet, MATLAB, NumPy, WAV or Edge Impulse file, or a folder of them"
_ABOUT = ("readme*", "license*", "licence*", "changelog*")  # texts that lie beside data


@dataclasses.dataclass
class Options:
    """What the user said; whatever is left out is guessed from the file, and the guess is noted."""

    rate_hz: float | None = None
    unit: str | None = None
    scale: float | None = None  # physical value = stored number × scale
    full_scale: float | None = None  # physical value of a WAV file's largest number
    labels: tuple[str, ...] = ()  # LABEL or PATTERN=LABEL, the first that fits counts
    renamed: dict[str, str] = dataclasses.field(default_factory=dict)  # label in the file -> label
    machine: str = ""
    session: str = ""
    axes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    time_column: str = ""
    label_column: str = ""
    machine_column: str = ""
    session_column: str = ""
    split_gaps_s: float | None = None  # longer gaps in time begin a new recording
    path_pattern: str = ""  # "{machine}_{label}.csv"
    key: str | None = None
    sensor: str = ""
    placement: str = ""
    licence: str = ""
    rpm: float | None = None  # speed of the shaft

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
class Notes:
    """What was guessed (notes), and what to beware of (cautions): each said once."""

    notes: list[str] = dataclasses.field(default_factory=list)
    cautions: list[str] = dataclasses.field(default_factory=list)
    made_labels: dict[str, str] = dataclasses.field(default_factory=dict)

    def say(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def caution(self, text: str) -> None:
        if text not in self.cautions:
            self.cautions.append(text)

    def label(self, text: str, options: Options) -> str:
        """The label for what a file says: renamed as asked for, and made an identifier."""
        text = options.renamed.get(text, text).strip()
        if not text or is_identifier(text):
            return text
        label = identifier(text)
        self.say(f"label {text!r} -> {label}")
        if self.made_labels.setdefault(label, text) != text:
            self.caution(f"the labels {self.made_labels[label]!r} and {text!r} both become {label}")
        return label


@dataclasses.dataclass
class Imported(Notes):
    recordings: list[Recording] = dataclasses.field(default_factory=list)


Reader = Callable[[Path, Options, Notes], Iterator[Recording]]


def import_sources(sources: Sequence[Path], options: Options) -> Imported:
    """All recordings of `stream_sources` in memory."""
    imported = Imported()
    imported.recordings += stream_sources(sources, options, imported)
    return imported


def stream_sources(sources: Sequence[Path], options: Options, notes: Notes) -> Iterator[Recording]:
    """Recordings of files or folders, one after the other; a folder with facts.json is read as a set, otherwise file by
    file.

    In a plain folder the name of a sub-folder is the label of the files in it. Raises AuscultError for whatever
    cannot be read or is not said and cannot be guessed. Nothing is written.
    """
    names: set[str] = set()
    for source in sources:
        for recording in _stream_one(Path(source), options, notes):
            recording.machine = recording.machine or options.machine
            recording.session = options.session or recording.session
            recording.sensor = options.sensor or recording.sensor
            recording.placement = options.placement or recording.placement
            recording.licence = options.licence or recording.licence
            if options.rpm is not None:
                recording.rpm = options.rpm
            if recording.name in names:
                raise AuscultError(f"two recordings would be called {recording.name!r}", "a different file name for each",
                                   "import them one by one into separate folders, or rename the files")
            names.add(recording.name)
            yield recording
            del recording


def _stream_one(source: Path, options: Options, notes: Notes) -> Iterator[Recording]:
    from .edge_impulse import import_export, is_export
    from .facts import import_facts
    from .paths import from_path, same_stems

    if source.is_file():
        for recording in _reader(source)(source, options, notes):
            yield from_path(recording, source, source.parent, options, notes)
        return
    if not source.is_dir():
        raise AuscultError(f"there is no file or folder {source}", _KINDS, "check the path")
    if (source / "facts.json").is_file():
        yield from import_facts(source, options, notes)
        return
    if is_export(source):
        yield from import_export(source, options, notes)
        return
    files = [path for path in sorted(source.rglob("*"))
             if path.suffix.lower() in SUFFIXES and path.is_file() and not _is_aside(path.relative_to(source))]
    if not files:
        raise AuscultError(f"{source} holds no file to import", f"files ending in {', '.join(SUFFIXES)}",
                           "check the path")
    twins = same_stems(files)
    for path in files:
        for recording in _reader(path)(path, options, notes):
            yield from_path(recording, path, source, options, notes, twins)
            del recording


def _is_aside(path: Path) -> bool:
    """Whether it is hidden, or a text about the data."""
    return any(part.startswith(".") for part in path.parts) or any(fnmatch.fnmatch(path.name.lower(), about) for about in _ABOUT)


def _reader(path: Path) -> Reader:
    from .csv_file import import_csv
    from .edge_impulse import import_sample
    from .mat_file import import_mat
    from .npz_file import import_npz
    from .parquet_file import import_parquet
    from .resd_file import import_resd
    from .wav_file import import_wav

    by_suffix: dict[str, Reader] = {
        ".csv": import_csv, ".tsv": import_csv, ".txt": import_csv, ".npz": import_npz, ".npy": import_npz,
        ".wav": import_wav, ".mat": import_mat, ".parquet": import_parquet, ".json": import_sample, ".cbor": import_sample,
        ".resd": import_resd}
    try:
        return by_suffix[path.suffix.lower()]
    except KeyError:
        raise AuscultError(f"{path} is of a kind that cannot be imported ({path.suffix or 'no suffix'})",
                           f"a file ending in {', '.join(SUFFIXES)}", "export it as CSV first") from None


def write_dataset(recordings: Iterable[Recording], out: Path, *, replace: bool = False) -> list[Entry]:
    """Write recordings into a folder as they come: all of them, or, when one fails, none.

    An equal recording of the same name is written anew, a different one only with `replace`. Raises AuscultError, too,
    when they do not fit together or to what is in the folder.
    """
    coming = iter(recordings)
    first = list(itertools.islice(coming, 1))  # what can't even begin leaves no folder
    if not first:
        raise AuscultError("there is nothing to import", "at least one recording", "check the files")
    coming = itertools.chain([first.pop()], coming)
    made = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=".import.", dir=out))
    except OSError as error:
        raise AuscultError(f"{out} cannot be written: {error.strerror}", "a folder that can be written to",
                           "check the path and its permissions") from error
    done = False
    try:
        entries = []
        for recording in coming:
            target = out / f"{recording.name}.parquet"
            if target.exists() and not replace and not _equal(recording, target):
                raise AuscultError(f"{target} already holds a different recording", "a new name or folder",
                                   "choose another --out, or give --replace to overwrite it")
            entries.append(read_header(write(recording, staged / target.name)))
            check_uniform([entries[0], entries[-1]])
            del recording  # or it would stand in memory beside the next one
        mine = {entry.path.name for entry in entries}
        other = next((path for path in sorted(out.glob("*.parquet")) if path.name not in mine and path.name[0] != "."), None)
        if other is not None:
            check_uniform([read_header(other), entries[0]])
        for entry in entries:
            entry.path = entry.path.replace(out / entry.path.name)
        done = True
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        if made and not done and not any(out.iterdir()):
            out.rmdir()
    return entries


def _equal(recording: Recording, path: Path) -> bool:
    """Whether a file holds the same samples."""
    there = read_header(path)
    return there.samples == recording.samples and there.axes == recording.axes and all(
        np.array_equal(mine, other) for mine, other in zip(recording.blocks(), there.blocks(), strict=True))


def file_name(text: str) -> str:
    """A text made fit for a file name on every system."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in text).strip(".") or "recording"


def number_axes(count: int) -> tuple[str, ...]:
    """Names for columns without names: x, y, z when there are three."""
    return ("x", "y", "z")[:count] if count <= 3 else tuple(f"c{i + 1}" for i in range(count))


def unit_by_gravity(data: np.ndarray) -> str | None:
    """The unit of an accelerometer: the mean of its first three axes is as long as gravity, in g, mg or m/s², when it
    rests on average; or, when it is turned about, the median of their lengths is."""
    triple = data[:, :3].astype(np.float64)
    for length in (np.linalg.norm(np.mean(triple, axis=0)), np.median(np.linalg.norm(triple, axis=1))):
        for unit, one_g in (("g", 1.0), ("m/s2", STANDARD_GRAVITY), ("mg", 1000.0)):
            if 0.85 < float(length) / one_g < 1.15:
                return unit
    return None


@dataclasses.dataclass
class Conversion:
    """From stored numbers to SI units."""

    scale: float
    unit: Unit

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """float32; a block at a time, so that a long recording does not stand in memory as float64 too."""
        result = np.empty(values.shape, dtype=np.float32)
        with np.errstate(over="ignore"):  # becomes infinite, which Recording refuses
            for at in range(0, len(values), BLOCK):
                result[at:at + BLOCK] = self.unit.to_si(values[at:at + BLOCK].astype(np.float64) * self.scale)
        return result


def settle_unit(name: str, values: np.ndarray, unit: Unit | None, options: Options, notes: Notes) -> Conversion:
    """Scale and unit as the user or the file said, else guessed. values: the first of them."""
    if values.dtype.kind in "iu" and options.scale is None and options.unit != "1":
        raise AuscultError(f"{name} holds integers of unknown scale", "physical values, or the value of one step",
                           "give for example --scale 0.000122 --unit g (4 g / 32768), or --unit 1 for bare numbers")
    scale = 1.0 if options.scale is None else options.scale
    if not scale or not np.isfinite(scale):
        raise AuscultError(f"a scale of {scale}", "a number other than 0", "for example --scale 9.80665")
    values = values[:BLOCK]
    likely = unit_by_gravity(values * scale) if values.shape[-1] >= 3 else None
    given = options.given_unit() or unit
    if given is None:
        if likely is None:
            raise AuscultError(f"{name}: the unit is not in the file and cannot be guessed from gravity", "a unit",
                               "give it: --unit g, mg, m/s2, degC ... (1 for numbers without a unit)")
        given = parse_unit(likely)
        notes.say(f"unit {likely}, guessed from the length of gravity")
    elif likely and given.si == "m/s2" and parse_unit(likely) != given:
        # What is one g in another unit is 10 or 1000 g, or next to nothing, in this one.
        notes.caution(f"{name}: by the length of gravity its numbers are in {likely}, not as said; check --unit")
    return Conversion(scale, given)


def rate_of(name: str, rate_hz: float | None, options: Options) -> float:
    """The rate that the user or the file said."""
    rate_hz = rate_hz if options.rate_hz is None else options.rate_hz
    if rate_hz is None:
        raise AuscultError(f"{name}: the sample rate is not in the file", "a rate",
                           "give it, for example --rate-hz 1600")
    return rate_hz


def finish(name: str, data: np.ndarray, rate_hz: float | None, unit: Unit | None, axes: Sequence[str], options: Options,
           notes: Notes, *, label: str = "", source: str = "", piece: int = 0, machine: str = "") -> Recording:
    """Numbers of a file into a recording in SI units: scale, unit, rate and label as the user or the file said."""
    rate_hz = rate_of(name, rate_hz, options)
    data = np.asarray(data)
    convert = settle_unit(name, data, unit, options, notes)
    label = options.label_for(name, notes.label(label, options))
    return Recording(convert(data), rate_hz, options.axes or tuple(axes), convert.unit.si, label=label, machine=machine,
                     source=source, piece=piece, name=file_name(name))
