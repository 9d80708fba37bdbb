# SPDX-License-Identifier: Apache-2.0
"""What goes onto a board: a model, or the bundle that `auscult build` has made of it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import build, smoke, train
from .errors import AuscultError
from .portable import files as portable
from .spec import PipelineSpec

_MANIFEST = "manifest.json"


@dataclass
class Source:
    """A model to deploy. pipeline(arch): (what was chosen, the module's bytes)."""

    spec: PipelineSpec
    trained: train.Trained | None
    folder: Path | None
    manifest: dict[str, Any]
    layout: str | None = None

    @property
    def training(self) -> dict[str, Any]:
        """What it was trained on."""
        found: dict[str, Any] = self.trained.training if self.trained else self.manifest.get("training") or {}
        return found

    def module(self, arch: str, board: str) -> tuple[str, str, bytes]:
        """(which it is, its name on the board, its bytes): native if there is one for the board, else portable."""
        choices = [arch, f"portable-{arch}", "portable"] if arch else ["portable"]
        if self.trained is not None:
            code = self.trained.code(self.layout)
            if arch in build.ARCHITECTURES and build.has_compiler(arch):
                return arch, "pipeline.mpy", build.native_module(self.spec, arch, code).read_bytes()
            made = portable.pipeline(self.spec, code, [arch])
            kind = next(choice for choice in choices if choice in made)
            return kind, "pipeline.mpy", made[kind].read_bytes()
        files = self.manifest["files"]
        for choice in choices:
            if choice in files:
                return choice, "pipeline.mpy", self._read(files[choice])
        raise AuscultError(f"the bundle has pipelines for {', '.join(sorted(files))}",
                           f"one for {arch}, which is what {board} runs",
                           f"auscult build --arch {arch}")

    def extra(self, which: str) -> dict[str, bytes]:
        """{name on the board: bytes} of a bundle's features in Python and the model that sees them too; else nothing. which:
        as module() says of the pipeline."""
        if self.folder is None or "extra" not in self.manifest:
            return {}
        there = {"model.mpy": f"model-{which}.mpy", "extra.json": "extra.json", "extra_features.py": "extra_features.py"}
        return {name: (self.folder / file).read_bytes() for name, file in there.items()}

    def smoke(self) -> dict[str, Any] | None:
        """The test that goes with it; None in a bundle from before there was one."""
        if self.trained is not None:
            return smoke.facts(self.spec, self.trained.code(self.layout))
        found: dict[str, Any] | None = self.manifest.get("smoke")
        return found

    def _read(self, entry: dict[str, Any]) -> bytes:
        assert self.folder is not None
        file = self.folder / Path(entry["file"]).name
        try:
            data = file.read_bytes()
        except OSError as error:
            raise AuscultError(f"{file} cannot be read: {error.strerror}", "all files of the bundle", "build it again") from error
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise AuscultError(f"{file} is not the file that its manifest names", "the same SHA-256", "build the bundle again")
        return data


def read(path: Path, layout: str | None = None) -> Source:
    """A model file of `auscult train`, or the folder of a bundle."""
    if not path.is_dir():
        trained = train.load(path)
        return Source(trained.spec, trained, None, {}, layout)
    try:
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        files, known = manifest["files"], PipelineSpec.model_fields
        spec = PipelineSpec.make(**{key: value for key, value in manifest.items() if key in known})
        if not isinstance(files, dict) or "window" not in manifest:
            raise ValueError("it has no pipeline")
        if not all(isinstance(entry, dict) and {"file", "sha256"} <= entry.keys() for entry in files.values()):
            raise ValueError("its manifest does not say what its files are")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AuscultError) as error:
        raise AuscultError(f"{path} is not a bundle: {error}", "a folder made by `auscult build`",
                           "or a model file of `auscult train`") from error
    return Source(spec, None, path, manifest)
