# SPDX-License-Identifier: Apache-2.0
"""A firmware with the device package frozen and a bundle's pipeline in flash, for real and simulated boards."""

import hashlib
import json
import re
import shlex
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import __version__, boards, build, bundles, device, files, hostlib, micropython, paths, payload, toolchain
from . import micropython_ports as ports
from .errors import AuscultError
from .spec import check_identifier

_REGISTERED = re.compile(r"MP_REGISTER_(?:EXTENSIBLE_|EXTERNAL_)?MODULE\(MP_QSTR_(\w+),")

_OTHER_PYTHONS = ("auscult/busio_parts.py", "auscult/sensors/circuitpython.py")


@dataclass(frozen=True)
class Wanted:
    """bundle: None for the device package only; chips: drivers to freeze (none named: all); ulab: a checkout of
    micropython-ulab; checkout: of MicroPython, None for our own; defines: C macros for the board's header."""

    board: str
    bundle: Path | None = None
    checkout: Path | None = None
    ulab: Path | None = None
    chips: Sequence[str] = ()
    defines: Mapping[str, str] = field(default_factory=dict)


def make(wanted: Wanted, out: Path | None = None, dry_run: bool = False,
         progress: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Builds it into the folder `out` and returns what firmware.json there says. dry_run: only says how it would be built,
    under `commands`, and under `missing` what is not there."""
    name, modules = "", []
    if wanted.bundle is not None:
        name, source = read_bundle(wanted.bundle)
        modules.append(_module(name, source))
    if wanted.ulab is not None:
        modules.append(_ulab(wanted.ulab))
    facts: dict[str, Any] = {"format": 1, "auscult": __version__, "board": wanted.board, "pipeline": name or None,
                             "ulab": wanted.ulab is not None, "defines": dict(wanted.defines)}
    target = out or Path("-".join(filter(None, (name, wanted.board))) + ".firmware")
    if strange := _foreign(target):
        raise AuscultError(f"{target} exists and is not a firmware's folder ({strange})", "a new folder or an earlier firmware",
                           "choose another --out")
    if wanted.board in boards.simulated():
        return _simulated(wanted, facts, modules, target, dry_run, progress)
    return _real(wanted, facts, modules, target, dry_run, progress)


def read_bundle(bundle: Path) -> tuple[str, str]:
    """(name, C) of the pipeline in a bundle of `auscult build`."""
    if (bundle / "model.c").is_file() and not (bundle / "pipeline.c").is_file():
        raise AuscultError(f"{bundle} is a model alone", "the bundle of a whole pipeline",
                           "`auscult build --like rows.parquet` puts a pipeline in front of it")
    if not bundle.is_dir():
        raise AuscultError(f"{bundle} is not a bundle", "a folder made by `auscult build`", "make one with `auscult build`")
    source = bundles.read(bundle)
    if (made := source.manifest.get("auscult")) != __version__:
        raise AuscultError(f"{bundle} was built by Auscult {made}", f"{__version__}: its C needs headers of the same version",
                           "build it again with `auscult build`")
    try:
        return source.spec.name, (bundle / "pipeline.c").read_text(encoding="utf-8")
    except OSError as error:
        raise AuscultError(f"{bundle} has no pipeline.c that can be read ({error.strerror})", "all files of the bundle",
                           "build it again with `auscult build`") from error


def _module(name: str, source: str) -> Path:
    """The user C module, in a place that depends on its content: it stays as it is for make."""
    binding = (paths.assets() / "firmware" / "native" / "aus_module.c").read_text()
    key = hashlib.sha256("\0".join((name, source, binding, hostlib.sources_digest())).encode()).hexdigest()[:12]
    folder = paths.cache() / "ports" / "modules" / key / f"{name}_static"
    return folder if folder.is_dir() else build.static_folder(name, source, folder.parent)


def _ulab(checkout: Path) -> Path:
    module = checkout.expanduser().resolve() / "code"
    if not (module / "micropython.mk").is_file() or not (module / "ulab.h").is_file():
        raise AuscultError(f"{checkout} is not a checkout of micropython-ulab", "a folder with code/micropython.mk in it",
                           "git clone https://github.com/v923z/micropython-ulab")
    return module


def check_name(name: str, tree: Path, port: str) -> None:
    """Raises AuscultError if the firmware has a module of the pipeline's name already."""
    taken = {"auscult", "ulab", "uasyncio", "asyncio"}
    for folder in (tree / "py", tree / "extmod", tree / "ports" / port):
        for file in folder.rglob("*.c"):
            taken.update(_REGISTERED.findall(file.read_text(encoding="utf-8", errors="replace")))
    if name in taken:
        raise AuscultError(f"the pipeline is called {name}, as a module of MicroPython", "a name of its own",
                           "train and build it under another name (`auscult train --out other.joblib`)")


def _foreign(folder: Path) -> str:
    """What keeps a folder from being replaced; "" if it is missing, empty or an earlier firmware."""
    if not folder.exists():
        return ""
    if not folder.is_dir():
        return "a file"
    return "" if (folder / "firmware.json").is_file() or not any(folder.iterdir()) else "it has no firmware.json"


def frozen(chips: Sequence[str]) -> list[str]:
    """Files of the device package for a real board: all that MicroPython runs but the virtual chips, or with these drivers
    only."""
    sensors = device.module("sensors")
    drivers = {chip: f"auscult/sensors/{file}.py" for table in (sensors.CHIPS, sensors.SLOW) for chip, (file, _) in table.items()}
    if unknown := [chip for chip in chips if chip not in drivers]:
        raise AuscultError(f"the chip {unknown[0]!r}", "one of " + ", ".join(sorted(drivers)), "for example --chip adxl345")
    whole = [url[0] for url in json.loads((paths.assets() / "firmware" / "package.json").read_text())["urls"]]
    core = [file for file in whole if Path(file).parent == Path("auscult")]
    chosen = payload.packages().closure(*core, *(drivers[chip] for chip in chips))
    return [file for file in (chosen if chips else whole) if file not in _OTHER_PYTHONS]


def _simulated(wanted: Wanted, facts: dict[str, Any], modules: list[Path], out: Path, dry_run: bool,
               progress: Callable[[str], None]) -> dict[str, Any]:
    if wanted.defines or wanted.chips:
        raise AuscultError(f"--define or --chip for {wanted.board}, a simulated board", "a real board", "leave them out")
    tree = toolchain.micropython_dir() if wanted.checkout is None else wanted.checkout.expanduser().resolve()
    if facts["pipeline"]:
        check_name(facts["pipeline"], tree, "qemu")
    facts |= {"port": "qemu", "micropython": toolchain.MICROPYTHON_VERSION}
    key = hashlib.sha256("\0".join(map(str, (tree, *modules))).encode()).hexdigest()[:8]
    place = paths.cache() / "firmware" / f"{wanted.board}-{key}"
    if dry_run:
        return facts | {"commands": [f"make -C {tree}/ports/qemu BOARD={wanted.board} BUILD={place}/..."], "missing": []}
    progress("compiling")
    elf = micropython.build_firmware(wanted.board, tree, place, user_c_modules=modules,
                                     manifests=[paths.assets() / "firmware" / "manifest.py"])
    return _finish(facts, [elf], out)


def _real(wanted: Wanted, facts: dict[str, Any], modules: list[Path], out: Path, dry_run: bool,
          progress: Callable[[str], None]) -> dict[str, Any]:
    for name in wanted.defines:
        check_identifier(name, "macro")
    target, files_ = ports.find(wanted.board, wanted.checkout), frozen(wanted.chips)
    facts |= {"port": target.port, "micropython": target.version}
    lacks = ports.missing(target)
    place = ports.build_folder(target, modules, wanted.defines)
    if dry_run:
        commands = [shlex.join(one) for one in (*ports.fetching(target), ports.command(target, place, wanted.defines))]
        return facts | {"frozen": files_, "modules": [str(module) for module in modules], "commands": commands,
                        "missing": [error.as_dict() for error in lacks]}
    if lacks:
        raise lacks[0]
    ports.fetch(target, progress)
    if facts["pipeline"]:
        check_name(facts["pipeline"], target.tree, target.port)
    ports.write_inputs(target, place, modules, files_, wanted.defines)
    return _finish(facts, ports.build(target, place, wanted.defines, progress), out)


def _finish(facts: dict[str, Any], images: list[Path], out: Path) -> dict[str, Any]:
    """The images and firmware.json in `out`, which takes their place as a whole."""
    listed = {image.name: {"bytes": image.stat().st_size, "sha256": hashlib.sha256(image.read_bytes()).hexdigest()}
              for image in images}
    elf = next((image for image in images if image.suffix == ".elf"), None)
    facts |= {"flash_bytes": _flash_bytes(elf) if elf else None, "images": listed}
    with files.atomic_folder(out) as fresh:
        for image in images:
            shutil.copy(image, fresh)
        (fresh / "firmware.json").write_text(json.dumps(facts, indent=1) + "\n")
    return facts | {"out": str(out)}


def _flash_bytes(elf: Path) -> int:
    """What the image takes: code, constants and the initial values of variables."""
    from elftools.elf.elffile import ELFFile

    with elf.open("rb") as stream:
        return sum(part["p_filesz"] for part in ELFFile(stream).iter_segments() if part["p_type"] == "PT_LOAD")
