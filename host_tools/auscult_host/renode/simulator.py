# SPDX-License-Identifier: Apache-2.0
"""Renode with one board, whose console is a pseudo-terminal of this computer."""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

from .. import boards, paths
from ..errors import AuscultError
from ..transport import Console
from . import fat_image

BOARD = "STM32F4DISC"
_UART, _FLASH_FS, _MEMORY = "sysbus.usart2", 0x0800_4000, 0x6000_0000
_FIRMWARE = "AUSCULT_RENODE_FIRMWARE"
_START_S, _STOP_S = 60.0, 10.0
_SENSOR = 0x7000_0000


def program() -> str:
    """Renode on PATH."""
    found = which("renode")
    if found is None:
        raise AuscultError("Renode is not installed: there is no `renode` on PATH", "Renode 1.16.1",
                           "docs/renode.md says where it is from; or take --simulator qemu")
    return found


def firmware() -> Path:
    """MicroPython for the board without USB: what the environment names, else what `make firmware OUT=build/renode_firmware` has
    left."""
    named = os.environ.get(_FIRMWARE)
    found = [Path(named)] if named else sorted((paths.cache() / "renode_firmware").glob("*.elf"))
    if not found or not found[0].is_file():
        raise AuscultError(f"no firmware for {BOARD} in Renode" + (f" at {named}" if named else ""),
                           f"an ELF of MicroPython without USB in ${_FIRMWARE}", "docs/renode.md says how to build it")
    return found[0].resolve()


def script(folder: Path, elf: Path, recording_samples: int = 0, real_time: bool = False) -> str:
    """What Renode's monitor is told: the board, its files (files.img in `folder`), its recording (recording.i16), its console
    (the link `console`)."""
    where, common = boards.load(BOARD).folder, boards.load(BOARD).folder.parent / "renode_common"
    lines = [f"$firmware={_path(elf)}", f"include {_path(where / 'board.resc')}",
             f"sysbus LoadBinary {_path(folder / 'files.img')} {_FLASH_FS:#x}"]
    if recording_samples:
        told = [f"sysbus WriteDoubleWord {_SENSOR + 0x28:#x} {_MEMORY:#x}",
                f"sysbus WriteDoubleWord {_SENSOR + 0x2C:#x} {recording_samples}"]
        lines += [f'machine PyDevFromFile {_path(common / "sensor.py")} {_SENSOR:#x} 0x100 True "sensor"',
                  f"sysbus LoadBinary {_path(folder / 'recording.i16')} {_MEMORY:#x}",
                  "macro reset", '"""', "    sysbus.cpu VectorTableOffset 0x08000000", *("    " + line for line in told), '"""',
                  "runMacro $reset"]
    if not real_time:
        lines.append("emulation SetGlobalAdvanceImmediately true")
    lines += [f'emulation CreateUartPtyTerminal "console" "{folder / "console"}"', f"connector Connect {_UART} console", "start"]
    return "\n".join([*lines, ""])


def _path(file: Path) -> str:
    return "@" + str(file).replace(" ", "\\ ")


class RenodeBoard:
    """A context manager: Renode runs until it ends. files: of the board's file system; recording: int16 words x, y, z for the
    memory-mapped sensor."""

    def __init__(self, files: Mapping[str, bytes], recording: bytes = b"", real_time: bool = False) -> None:
        renode, elf = program(), firmware()
        self._cleanup = contextlib.ExitStack()
        # not renode-*: each start of Renode deletes such folders
        self._folder = Path(self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="auscult-board-")))
        try:
            kib = boards.load_real(BOARD).memory.files_kib
            (self._folder / "files.img").write_bytes(fat_image.make(files, kib))
            (self._folder / "recording.i16").write_bytes(recording)
            start = self._folder / "start.resc"
            start.write_text(script(self._folder, elf, len(recording) // 6, real_time))
            self.console = self._run([renode, "--disable-gui", "--plain", "--console", str(start)])
        except BaseException:
            self._cleanup.close()
            raise

    def __enter__(self) -> "RenodeBoard":
        return self

    def __exit__(self, *exception: object) -> None:
        self._cleanup.close()

    def _run(self, command: Sequence[str]) -> Console:
        log = self._cleanup.enter_context((self._folder / "log").open("w+"))
        # it ends with its input, which therefore stays open
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        self._cleanup.callback(_stop, process)
        link, deadline = self._folder / "console", time.monotonic() + _START_S
        while not link.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                said = (self._folder / "log").read_text(errors="replace").strip().splitlines()
                state = "ended" if process.poll() is not None else f"made no console within {_START_S:.0f} s"
                raise AuscultError(f"Renode {state}: {' / '.join(said[-3:]) or 'it said nothing'}", "a board that starts",
                                   "docs/renode.md: version 1.16.1, the firmware's options")
            time.sleep(0.02)

        def check(grace_s: float) -> None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(grace_s)
                raise AuscultError("Renode has ended", "a board that goes on")

        console = Console(str(link.resolve()), check)
        self._cleanup.callback(console.close)
        return console


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
