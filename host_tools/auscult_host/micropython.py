# SPDX-License-Identifier: Apache-2.0
"""Builds MicroPython out of tree: the simulated boards' firmware, mpy-cross and the unix port.

MicroPython's tree is never written to: its qemu port is built with a board folder, a configuration header and user
C modules that lie outside of it, into a build folder of the caller's.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import paths, toolchain
from .boards import SimulatedBoard, load_simulated
from .errors import AuscultError

_COMPILERS = {"qemu-system-arm": "arm-none-eabi-gcc", "qemu-system-riscv32": "riscv64-unknown-elf-gcc"}
# Without these the build would ask git, and take the version of whatever checkout it lies in.
_VERSION = {"MICROPY_GIT_TAG": f"v{toolchain.MICROPYTHON_VERSION}", "MICROPY_GIT_HASH": "auscult",
            "SOURCE_DATE_EPOCH": "1744675200"}
# Of MicroPython's tree, what the firmware is made from.
_TREE_PARTS = ("py", "extmod", "shared", "ports/qemu", "lib/littlefs", "lib/libm", "lib/uzlib")


def build_firmware(board: str, micropython: Path, out: Path, jobs: int = 2,
                   user_c_modules: Sequence[Path] = (), manifests: Sequence[Path] = ()) -> Path:
    """Build a board's firmware into `out`/firmware.elf and return that path; nothing is done if it is up to date.

    user_c_modules: folders with a `micropython.mk` each, linked in beside the board's own. manifests: files that say
    which Python code is frozen into the firmware, beside the board's own.
    """
    description = load_simulated(board)
    compiler = _COMPILERS[description.qemu.program]
    toolchain.require(compiler)
    toolchain.require("make")
    out = out.resolve()
    common = paths.assets() / "boards" / "sim_common"
    for path in (out, micropython, common):
        toolchain.check_path(path)
    for module in user_c_modules:
        if not (module / "micropython.mk").is_file():
            raise AuscultError(f"{module} is not a user C module", "a folder with a micropython.mk in it")
    mpy_cross = toolchain.mpy_cross()
    wanted = _hash([description.folder, common, *user_c_modules, *(file.parent for file in manifests),
                    *(micropython / part for part in _TREE_PARTS)],
                   Path(__file__).read_text(encoding="utf-8"), str(Path(shutil.which(compiler) or "").resolve()))
    elf, stamp = out / "firmware.elf", out / "inputs.sha256"
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two programs that need it, one builds and one waits
        if elf.is_file() and stamp.is_file() and stamp.read_text() == wanted:
            return elf
        with tempfile.TemporaryDirectory(prefix="make.", dir=out) as temporary:
            work = Path(temporary)
            _write_board_folder(description, micropython, common, work / "board", user_c_modules)
            manifest = work / "manifest.py"
            manifest.write_text("".join(f"include({str(file)!r})\n" for file in (common / "manifest.py", *manifests)))
            toolchain.run(["nice", "make", "-s", f"-j{jobs}", "-C", str(micropython / "ports" / "qemu"),
                           f"BOARD={board}", f"BOARD_DIR={work / 'board'}", f"BUILD={work / 'objects'}",
                           f"MICROPY_MPYCROSS={mpy_cross}", f"MPY_LIB_DIR={work / 'board'}",
                           f"USER_C_MODULES={work / 'board' / 'usermods'}",
                           f"FROZEN_MANIFEST={manifest}"],
                          f"building the firmware of {board}", env={**os.environ, **_VERSION})
            stamp.unlink(missing_ok=True)
            os.replace(work / "objects" / "firmware.elf", elf)
            stamp.write_text(wanted)
    return elf


def _write_board_folder(board: SimulatedBoard, micropython: Path, common: Path, folder: Path,
                        user_c_modules: Sequence[Path]) -> None:
    """The folder that the qemu port's Makefile takes as BOARD_DIR."""
    usermods = folder / "usermods"
    usermods.mkdir(parents=True)
    for module in (common / "simboard", *user_c_modules):
        (usermods / module.name).symlink_to(module.resolve())
    (folder / "README.md").write_text("Stands in for micropython-lib, of which nothing is used.\n")
    script = (micropython / "ports" / "qemu" / board.firmware.linker_script).read_text()
    edits = dict(board.firmware.linker_edits)
    if board.arch.startswith("arm"):
        # .data is aligned to 8 bytes, and its copy at start must not overlap the image of itself
        edits["_etext = .;"] = ". = ALIGN(16);\n        _etext = .;"
        edits["SECTIONS\n{"] = "SECTIONS\n{\n    /DISCARD/ : { *(.ARM.exidx*) *(.ARM.extab*) }\n"
    for old, new in edits.items():
        if old not in script:
            raise AuscultError(f"{board.firmware.linker_script} of MicroPython has no {old!r}",
                               f"MicroPython {toolchain.MICROPYTHON_VERSION}")
        script = script.replace(old, new)
    (folder / "board.ld").write_text(script)
    (folder / "mpconfigboard.mk").write_text("\n".join([
        f"QEMU_ARCH = {board.qemu.program.removeprefix('qemu-system-')}",
        f"QEMU_MACHINE = {board.qemu.machine}",
        *(f"{key} += {value}" for key, value in board.firmware.make.items()),
        f"CFLAGS += {' '.join(board.firmware.cflags)} -DQEMU_SOC_{board.firmware.soc}",
        f"CFLAGS += -DMICROPY_HW_MCU_NAME='\"{board.mcu}\"' -DSIMBOARD_NAME='\"{board.name}\"'",
        f"CFLAGS += -I{common} -DMP_CONFIGFILE='\"simboard_config.h\"'",
        "LDFLAGS += -Wl,--wrap=uart_init -Wl,--wrap=mp_hal_stdin_rx_chr -Wl,--wrap=mp_hal_stdio_poll",
        "MICROPY_VFS_LFS2 = 1",
        f"MICROPY_HEAP_SIZE = {board.heap_kib * 1024}",
        f"LDSCRIPT = {folder / 'board.ld'}",
        f"SRC_BOARD_O += shared/runtime/gchelper_native.o shared/runtime/{board.firmware.gc_helper}.o",
        "SRC_C += shared/runtime/mpirq.c shared/timeutils/timeutils.c",
        f"MPY_CROSS_FLAGS += -march={board.arch}",
    ]) + "\n")


def _hash(sources: Sequence[Path], *more: str) -> str:
    """SHA-256 over the names and contents of all files in the folders."""
    digest = hashlib.sha256("\0".join(more).encode())
    for source in sources:
        for file in sorted(source.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"\0{file.relative_to(source)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def build_mpy_cross(micropython: Path, out: Path, jobs: int = 2) -> Path:
    """Build the tree's own mpy-cross as `out`/mpy-cross."""
    toolchain.require("gcc")
    toolchain.require("make")
    return _build_for_host("mpy-cross", micropython, out, "mpy-cross", jobs, [])


def build_unix(micropython: Path, out: Path, jobs: int = 2) -> Path:
    """Build MicroPython's unix port (standard variant, without TLS, btree and FFI) as `out`/micropython."""
    toolchain.require("gcc")
    toolchain.require("make")
    return _build_for_host("ports/unix", micropython, out, "micropython", jobs, [
        "VARIANT=standard", f"MICROPY_MPYCROSS={toolchain.mpy_cross()}", "MICROPY_PY_BTREE=0", "MICROPY_PY_SSL=0",
        "MICROPY_SSL_AXTLS=0", "MICROPY_SSL_MBEDTLS=0", "MICROPY_PY_FFI=0", "FROZEN_MANIFEST="])


def _build_for_host(part: str, micropython: Path, out: Path, program: str, jobs: int,
                    variables: Sequence[str]) -> Path:
    out = out.resolve()
    for path in (out, micropython):
        toolchain.check_path(path)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="make.", dir=out) as temporary:
        work = Path(temporary)
        (work / "README.md").touch()
        toolchain.run(["nice", "make", "-s", f"-j{jobs}", "-C", str(micropython / part), f"BUILD={work / 'objects'}",
                       f"MPY_LIB_DIR={work}", *variables],
                      f"building MicroPython's {program}", env={**os.environ, **_VERSION})
        os.replace(work / "objects" / program, out / program)
    return out / program
