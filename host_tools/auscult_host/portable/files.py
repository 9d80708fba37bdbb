# SPDX-License-Identifier: Apache-2.0
"""Portable modules as files: plain Python, its bytecode, and machine code of MicroPython's viper emitter."""

import hashlib
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .. import paths, toolchain
from ..errors import AuscultError
from ..spec import PipelineSpec
from . import translate
from .plainmodule import plain
from .translate import Translated
from .vipermodule import viper

if TYPE_CHECKING:
    from ..estimators import ModelCode

# What mpy-cross makes machine code for
ARCHITECTURES = ("armv6m", "armv7m", "armv7emsp", "armv7emdp", "rv32imc", "xtensawin")


def pipeline(spec: PipelineSpec, model: "ModelCode | None" = None, archs: Iterable[str] = ARCHITECTURES) -> dict[str, Path]:
    """{"portable": bytecode, "portable-py": source, "portable-<arch>": machine code}; cached by content."""
    return _files(translate.pipeline(spec, model), archs)


def model(name: str, code: "ModelCode", n_features: int, archs: Iterable[str] = ARCHITECTURES) -> dict[str, Path]:
    """The same of a model alone."""
    return _files(translate.model(name, code, n_features), archs)


def _files(t: Translated, archs: Iterable[str]) -> dict[str, Path]:
    source = plain(t)
    found = {"portable-py": _kept(t.name, "py", "py", source, None), "portable": _kept(t.name, "bytecode", "mpy", source, [])}
    machine = viper(t)
    for arch in archs:
        if arch in ARCHITECTURES:
            try:
                made = _kept(t.name, arch, "mpy", machine, [f"-march={arch}"])
            except AuscultError as error:
                if "native method too big" not in error.found:  # a branch does not reach
                    raise
                made = _kept(t.name, arch, "mpy", viper(t, short=True), [f"-march={arch}"])
            found[f"portable-{arch}"] = made
    return found


def _kept(name: str, kind: str, suffix: str, source: str, options: list[str] | None) -> Path:
    """The file of some source, made if it is not there; with options: compiled."""
    key = hashlib.sha256(f"{source}\0{options}\0{toolchain.MICROPYTHON_VERSION}".encode()).hexdigest()[:20]
    target = paths.cache() / "native" / f"{name}-portable-{kind}-{key}.{suffix}"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="portable-", dir=target.parent) as folder:
        made = Path(folder) / "pipeline.py"
        made.write_text(source, encoding="utf-8")
        if options is not None:
            made = made.with_suffix(".mpy")
            command = [str(toolchain.mpy_cross()), *options, "-s", f"{name}.py", "-o", str(made), str(made.with_suffix(".py"))]
            toolchain.run(command, f"compiling the portable pipeline ({kind})")
        data = made.read_bytes()
        made.write_bytes(data + b"#Auscult%08x\n" % zlib.crc32(data))  # auscult/pipeline.py looks for it
        made.replace(target)
    return target
