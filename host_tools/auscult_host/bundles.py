# SPDX-License-Identifier: Apache-2.0
"""What `auscult build` has made: a folder with the native modules of a pipeline and a manifest that describes it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import AuscultError
from .spec import PipelineSpec

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Bundle:
    """spec, training: as of the model that it was built from; files: {architecture: {"file", "bytes", "sha256"}}."""

    folder: Path
    spec: PipelineSpec
    training: dict[str, Any]
    files: dict[str, dict[str, Any]]

    def module(self, arch: str) -> Path:
        """The file for boards of an architecture, native or else portable. AuscultError without one, or if it is not the
        one that was built."""
        chosen = next((self.files[key] for key in (arch, f"portable-{arch}", "portable") if key in self.files), None)
        if chosen is None:
            raise AuscultError(f"{self.folder} has no module for {arch}", f"one of {', '.join(self.files)}",
                               f"build it again with --arch {arch}")
        file = self.folder / str(chosen["file"])
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != chosen["sha256"]:
            raise AuscultError(f"{file} is {'not the one that was built' if file.exists() else 'missing'}",
                               "a whole bundle", "build it again with `auscult build`")
        return file


def read(folder: Path) -> Bundle:
    """Raises AuscultError unless it is the bundle of a pipeline."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        known = {name: manifest[name] for name in PipelineSpec.model_fields if name in manifest}
        return Bundle(folder, PipelineSpec.model_validate(known), manifest.get("training") or {"unit": "m/s2"},
                      dict(manifest["files"]))
    except FileNotFoundError as error:
        raise AuscultError(f"{folder} is no bundle: it has no {MANIFEST}", "a folder from `auscult build`",
                           "give that, or a model file") from error
    except (ValueError, KeyError, TypeError, AuscultError) as error:
        raise AuscultError(f"{folder}/{MANIFEST} is not that of a pipeline", "a folder from `auscult build`",
                           "build it again") from error
