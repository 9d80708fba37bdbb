# SPDX-License-Identifier: Apache-2.0
"""From a pipeline's C to what boards load: native .mpy modules for each architecture, or a static user C module."""

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__, codegen, files, hostlib, paths, smoke, toolchain
from .errors import AuscultError
from .portable import files as portable
from .spec import PipelineSpec, check_identifier

if TYPE_CHECKING:
    from .estimators import ModelCode
    from .extra_features import Extra

# architecture of native modules -> compiler (as in MicroPython's py/dynruntime.mk)
ARCHITECTURES = {
    "x64": "gcc",
    "armv6m": "arm-none-eabi-gcc",
    "armv7m": "arm-none-eabi-gcc",
    "armv7emsp": "arm-none-eabi-gcc",
    "armv7emdp": "arm-none-eabi-gcc",
    "rv32imc": "riscv64-unknown-elf-gcc",
    "xtensawin": "xtensa-esp32-elf-gcc",
}
# -fno-tree-pre: keeps gcc from carrying table entries across loop turns, which spills registers on Thumb.
# -fno-jump-tables: a jump table would need relocation. Not -fwrapv: it costs registers, and nothing signed overflows
# (a test runs the core, but for the DSP instructions, under the undefined-behaviour sanitizer).
_FLAGS = "-O2 -fno-tree-pre -fno-jump-tables -Wno-unused-function -Wno-unused-const-variable"
# What gcc may call by itself: memcpy and the like, and integer helpers where the target has no instruction. Only linked
# where they are missed: they take room, and mpy_ld takes seconds to read libgcc.
_LIBC = "CFLAGS_EXTRA += -DAUS_LIBC\n"
_LIBGCC = "MPY_LD_FLAGS += -l$(realpath $(shell $(CROSS)gcc $(CFLAGS_ARCH) --print-libgcc-file-name))\n"
_MAKEFILE = """\
MPY_DIR = {micropython}
ARCH = {arch}
MOD = {name}
SRC = module.c
CFLAGS_EXTRA += {flags} -I{native} -DAUS_PIPELINE_FILE='"pipeline.c"'
{extra}include $(MPY_DIR)/py/dynruntime.mk
"""


def has_compiler(arch: str) -> bool:
    """Whether native modules for an architecture can be built here."""
    return shutil.which(ARCHITECTURES[arch]) is not None


def native_module(spec: PipelineSpec, arch: str, model: "ModelCode | None" = None) -> Path:
    """The pipeline as a native .mpy for one architecture; cached by its content."""
    return _natmod(spec.name, arch, codegen.generate(spec, model), "aus_module.c")


def model_module(name: str, model: "ModelCode", n_features: int, arch: str) -> Path:
    """A model alone as a native .mpy (`predict`), for features of one's own; cached by its content."""
    return _natmod(check_identifier(name, "module name"), arch, codegen.generate_model(model, n_features),
                   "aus_model_module.c")


def _natmod(name: str, arch: str, source: str, binding: str) -> Path:
    if arch not in ARCHITECTURES:
        raise AuscultError(f"architecture {arch!r}", f"one of {', '.join(ARCHITECTURES)}",
                           "`auscult boards` shows each board's architecture")
    toolchain.require(ARCHITECTURES[arch])
    toolchain.require("make")
    key = hashlib.sha256("\0".join((source, binding, hostlib.sources_digest(), _MAKEFILE, _LIBC, _LIBGCC, _FLAGS,
                                    toolchain.MICROPYTHON_VERSION)).encode()).hexdigest()[:20]
    target = paths.cache() / "native" / f"{name}-{arch}-{key}.mpy"
    if target.is_file():
        return target
    micropython = toolchain.micropython_dir()
    for path in (target, micropython, hostlib.native_sources()):
        toolchain.check_path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="native-", dir=target.parent) as folder:
        work = Path(folder)
        (work / "pipeline.c").write_text(source)
        # a copy: mpy_ld looks for names (MP_QSTR_*) in this very file
        shutil.copy(hostlib.native_sources() / binding, work / "module.c")
        environment = {**os.environ, "LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"}
        extra = ""
        while True:
            (work / "Makefile").write_text(_MAKEFILE.format(
                micropython=micropython, arch=arch, name=name, flags=_FLAGS, native=hostlib.native_sources(),
                extra=extra))
            try:
                toolchain.run(["make", "-s", f"PYTHON={sys.executable}"], f"building the native module for {arch}", work,
                              environment)
                break
            except AuscultError as error:
                missed = re.findall(r"undefined symbol: (\w+)", error.found)
                if _LIBGCC in extra or not missed:
                    raise
                extra = _LIBC + _LIBGCC if extra or any(symbol.startswith("__") for symbol in missed) else _LIBC
        (work / f"{name}.mpy").replace(target)
    return target


# What a firmware's own flags would get wrong for this one file
_STATIC_HEAD = """\
#pragma GCC optimize("O2", "no-tree-pre")
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-const-variable"
#define AUS_STATIC_MODULE
#define AUS_PIPELINE_FILE "pipeline.inc"
"""

# Numbers of native architectures in the third byte of a .mpy file (MicroPython's py/persistentcode.h)
_MPY_ARCHS = ("bytecode", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa",
              "xtensawin", "rv32imc")


def check_architecture(module: Path, arch: str, board: str) -> None:
    """Raises AuscultError unless a .mpy file holds native code for `arch` (or portable bytecode)."""
    with module.open("rb") as stream:
        head = stream.read(3)
    if len(head) < 3 or head[:2] != b"M\x06":
        raise AuscultError(f"{module.name} is not a MicroPython module: it begins with {head!r}", "a .mpy file of version 6",
                           "build it with `auscult build`")
    number = head[2] >> 2 & 0x0F
    found = _MPY_ARCHS[number] if number < len(_MPY_ARCHS) else f"architecture {number}"
    if found not in ("bytecode", arch):
        raise AuscultError(f"{module.name} is built for {found}", f"{arch}, which is what {board} runs",
                           f"build it with `auscult build --board {board}`")


def static_module(spec: PipelineSpec, out: Path, model: "ModelCode | None" = None) -> Path:
    """The pipeline as a user C module: a folder for USER_C_MODULES, complete in itself. Returns the folder."""
    return static_folder(spec.name, codegen.generate(spec, model), out)


def static_folder(name: str, source: str, out: Path) -> Path:
    """The same, of a pipeline's C."""
    folder = out / f"{name}_static"
    with files.atomic_folder(folder) as fresh:
        for file in hostlib.native_sources().glob("*.h"):
            shutil.copy(file, fresh)
        (fresh / "pipeline.inc").write_text(source)
        binding = (hostlib.native_sources() / "aus_module.c").read_text().replace("AUS_MODULE_QSTR", f"MP_QSTR_{name}")
        # compiled in, the names of two pipelines must not meet
        binding = binding.replace("aus_static_module", f"aus_{name}_module")
        (fresh / f"{name}_module.c").write_text(_STATIC_HEAD + binding)
        (fresh / "micropython.mk").write_text(
            f"{name.upper()}_DIR := $(USERMOD_DIR)\n"
            f"SRC_USERMOD_C += $({name.upper()}_DIR)/{name}_module.c\n"
            f"CFLAGS_USERMOD += -I$({name.upper()}_DIR)\n")
        (fresh / "micropython.cmake").write_text(
            f"add_library(usermod_{name} INTERFACE)\n"
            f"target_sources(usermod_{name} INTERFACE ${{CMAKE_CURRENT_LIST_DIR}}/{name}_module.c)\n"
            f"target_include_directories(usermod_{name} INTERFACE ${{CMAKE_CURRENT_LIST_DIR}})\n"
            f"target_link_libraries(usermod INTERFACE usermod_{name})\n")
    return folder


def _not_of_a_bundle(folder: Path) -> str:
    """What keeps a folder from being replaced by a bundle; "" if it is missing, empty or an earlier bundle."""
    if not folder.exists():
        return ""
    if not folder.is_dir():
        return "a file"
    entries = sorted(folder.iterdir())
    foreign = [entry.name for entry in entries if not (
        entry.name.endswith("_static") if entry.is_dir() else re.fullmatch(
            r"manifest\.json|(pipeline|model)(-[\w-]+\.m?py|\.c)|card\.md|metrics\.json|extra\.json|extra_features\.py",
            entry.name))]
    if foreign:
        return f"it holds {foreign[0]}"
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8")) if entries else None
    except (OSError, ValueError):
        return "it has no manifest.json of a bundle"
    ours = manifest is None or (isinstance(manifest, dict) and {"format", "auscult"} <= manifest.keys())
    return "" if ours else "its manifest.json is not a bundle's"


def model_bundle(name: str, model: "ModelCode", n_features: int, out: Path, archs: Iterable[str],
                 more: dict[str, Path] | None = None) -> Path:
    """A folder with manifest.json and model-<arch>.mpy for each architecture: a model alone. more: portable ones."""
    modules = {arch: model_module(name, model, n_features, arch) for arch in archs} | (more or {})
    facts = {"name": name, "features": n_features, "classes": model.classes, "model": {"kind": model.kind, **model.description}}
    return _write_bundle(out, "model", modules, codegen.generate_model(model, n_features), facts)


def bundle(spec: PipelineSpec, out: Path, archs: Iterable[str], model: "ModelCode | None" = None,
           facts: dict[str, object] | None = None, texts: dict[str, str] | None = None,
           more: dict[str, Path] | None = None) -> Path:
    """A folder with manifest.json and pipeline-<arch>.mpy for each architecture; replaces `out` only when all is built.

    facts: more for the manifest; texts: more files, such as the model card; more: portable ones."""
    modules = {arch: native_module(spec, arch, model) for arch in archs} | (more or {})
    manifest = {**spec.model_dump(), "model": None if model is None else {"kind": model.kind, **model.description},
                "smoke": smoke.facts(spec, model)}
    return _write_bundle(out, "pipeline", modules, codegen.generate(spec, model), manifest | (facts or {}), texts)


def extra_bundle(spec: PipelineSpec, model: "ModelCode", extra: "Extra", out: Path, archs: Iterable[str],
                 facts: dict[str, object], machine: Iterable[str] | None = None) -> Path:
    """A pipeline without a model, extra features, and a model of both, for auscult.extra on a board with ulab. machine:
    architectures of a portable one's machine code; None: none is made."""
    archs, width = list(archs), len(spec.features) + len(extra.names)
    modules = {arch: native_module(spec, arch) for arch in archs}
    models = {f"model-{arch}.mpy": model_module("model", model, width, arch) for arch in archs}
    if machine is not None:
        modules |= portable.pipeline(spec, None, machine)
        models |= {f"model-{kind.removesuffix('-py')}{file.suffix}": file
                   for kind, file in portable.model("model", model, width, machine).items()}
    told = {"pipeline": "pipeline.mpy", "model": "model.mpy", "features": "extra_features.py", "shifts": spec.shifts,
            "classes": facts["classes"]}
    manifest = {**spec.model_dump(), "model": {"kind": model.kind, **model.description}, "extra": extra.names,
                "smoke": smoke.facts(spec), **facts}
    texts = {"extra.json": json.dumps(told) + "\n", "extra_features.py": extra.text,
             "model.c": codegen.generate_model(model, width)}
    return _write_bundle(out, "pipeline", modules, codegen.generate(spec), manifest, texts, models)


def _write_bundle(out: Path, stem: str, modules: dict[str, Path], source: str, facts: dict[str, object],
                  texts: dict[str, str] | None = None, more: dict[str, Path] | None = None) -> Path:
    if strange := _not_of_a_bundle(out):
        raise AuscultError(f"{out} exists and is not a bundle ({strange})", "a new folder or an earlier bundle",
                           "choose another --out")
    with files.atomic_folder(out) as fresh:
        listed = {}
        for arch, module in modules.items():
            name = f"{stem}-{arch.removesuffix('-py')}{module.suffix}"
            shutil.copy(module, fresh / name)
            data = module.read_bytes()
            listed[arch] = {"file": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (fresh / f"{stem}.c").write_text(source)
        for name, file in (more or {}).items():
            shutil.copy(file, fresh / name)
        for name, text in (texts or {}).items():
            (fresh / name).write_text(text, encoding="utf-8")
        manifest = {"format": 1, "auscult": __version__, "files": listed, **facts}
        (fresh / "manifest.json").write_text(json.dumps(manifest, indent=2, default=str) + "\n")
    return out
