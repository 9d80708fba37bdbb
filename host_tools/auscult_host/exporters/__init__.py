# SPDX-License-Identifier: Apache-2.0
"""Exporters: recordings into files of other tools, block by block. One small file per format; this one has what they share."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from ..errors import AuscultError
from ..recordings import Entry

Writer = Callable[[Entry, Path], None]
FORMATS = ("csv", "wav", "wav16", "edge-impulse", "edge-impulse-cbor", "resd", "parquet")
_HINT = "choose another --out"


def export(entries: Iterable[Entry], out: Path, form: str, progress: Callable[[str], None] = lambda _: None) -> list[Path]:
    """A file for each recording in a new folder: all of them, or, when one fails, no folder.

    edge-impulse: as the Studio exports, with info.labels; import and upload take it with labels and metadata.
    Raises AuscultError for what a format cannot hold.
    """
    if form not in FORMATS:
        raise AuscultError(f"the format {form!r}", f"one of {', '.join(FORMATS)}", "for example --format csv")
    write, suffix = _writer(form)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise AuscultError(f"{out} is there already", "a new or an empty folder", _HINT)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise AuscultError(f"{out} cannot be written: {error.strerror}", "a folder that can be written to", _HINT) from error
    try:
        names = []
        listed = []
        for entry in entries:
            progress(entry.name)
            name = f"{entry.name}{suffix}"
            if form.startswith("edge-impulse"):
                name = f"training/{entry.label or 'unlabeled'}.{name}"
                listed.append(_listing(name, entry))
            (part / name).parent.mkdir(exist_ok=True)
            write(entry, part / name)
            names.append(name)
        if listed:
            (part / "info.labels").write_text(json.dumps({"version": 1, "files": listed}, indent=1), encoding="utf-8")
        if not names:
            raise AuscultError("there are no recordings to export", "at least one", "choose others")
        part.chmod(0o755)  # mkdtemp makes it private
        part.replace(out)
    except OSError as error:
        raise AuscultError(f"{out} cannot be written: {error.strerror or error}", "space and permission to write",
                           _HINT) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)  # there only if something failed
    return [out / name for name in names]


def _listing(name: str, entry: Entry) -> dict[str, object]:
    said = {key: getattr(entry, key) for key in ("machine", "session", "sensor", "placement") if getattr(entry, key)}
    label = {"type": "label", "label": entry.label} if entry.label else {"type": "unlabeled"}
    return {"path": name, "name": entry.name, "category": "training", "label": label,
            "metadata": said | {"auscult": entry.to_json()}}


def _writer(form: str) -> tuple[Writer, str]:
    from . import csv_file, edge_impulse, resd_file, wav_file

    def copy(entry: Entry, path: Path) -> None:
        shutil.copyfile(entry.path, path)

    writers: dict[str, tuple[Writer, str]] = {
        "csv": (csv_file.write_csv, ".csv"), "wav": (wav_file.write_wav, ".wav"), "wav16": (wav_file.write_wav16, ".wav"),
        "edge-impulse": (edge_impulse.write_json, ".json"), "edge-impulse-cbor": (edge_impulse.write_cbor, ".cbor"),
        "resd": (resd_file.write_resd, ".resd"), "parquet": (copy, ".parquet")}
    return writers[form]
