# SPDX-License-Identifier: Apache-2.0
"""In place of Renode for tests of what starts it: does what a start script asks for with a simulated Cortex-M4 in QEMU. It shows
that script, files and console fit together; of Renode it shows nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path

from auscult_host import playback, toolchain
from auscult_host.simulator import SimBoard

_UNPACK = """
import os, sys, vfs
class Ram:
    def __init__(self, data): self.data = bytearray(data)
    def readblocks(self, n, buf, at=0): buf[:] = self.data[512 * n + at:512 * n + at + len(buf)]
    def writeblocks(self, n, buf, at=0): pass
    def ioctl(self, op, arg): return {4: len(self.data) // 512, 5: 512}.get(op, 0)
vfs.mount(vfs.VfsFat(Ram(open(sys.argv[1], "rb").read())), "/image")
def copy(folder, to):
    os.mkdir(to)
    for name, kind, *_ in os.ilistdir(folder):
        if kind == 0x4000:
            copy(folder + "/" + name, to + "/" + name)
        else:
            with open(folder + "/" + name, "rb") as f, open(to + "/" + name, "wb") as g: g.write(f.read())
copy("/image", sys.argv[2])
"""
# The memory-mapped sensor of the suites, for programs that run elsewhere: registers as in sensor.py.
_REGISTERS = """
import simboard, time, uctypes
class Registers:
    def __init__(self):
        self.stream, self.total, self.rate, self.running, self.taken = None, {total}, 1600, 0, 0
    def waiting(self):
        if not self.running:
            return 0
        return min(time.ticks_diff(time.ticks_ms(), self.begin) * self.rate // 1000, self.total) - self.taken
    def __getitem__(self, address):
        at = address - 0x70000000
        if at == 0x10:
            return 2 if self.running and self.taken + self.waiting() >= self.total else 0
        return {{0x00: 0x41434331, 0x0C: self.waiting()}}[at]
    def __setitem__(self, address, value):
        at = address - 0x70000000
        if at == 0x04:
            self.running, self.taken, self.begin = value, 0, time.ticks_ms()
            self.stream = simboard.host_open({recording!r}, "rb")
        elif at == 0x08:
            self.rate = value
        elif at == 0x20:
            self.target = value
        elif at == 0x24:
            n = min(value, self.waiting())
            self.stream.readinto(uctypes.bytearray_at(self.target, 6 * n))
            self.taken += n
mem32 = Registers()
"""


def unpack(image: Path, folder: Path) -> None:
    """The files of an image, read by MicroPython; `folder` is made for them."""
    program = folder.with_suffix(".unpack.py")
    program.write_text(_UNPACK)
    subprocess.run([str(toolchain.unix_micropython()), str(program), str(image), str(folder)], check=True)


def boot(board: SimBoard, image: Path, recording: Path, folder: Path) -> None:
    """Starts a board with the files of an image; `folder` is made for them."""
    unpack(image, folder)
    main = folder / "main.py"
    text = main.read_text()
    assert "from machine import mem32" in text
    main.write_text(text.replace("from machine import mem32", "from registers import mem32"))
    (folder / "registers.py").write_text(_REGISTERS.format(total=recording.stat().st_size // 6, recording=str(recording)))
    playback.deploy(board, folder)
    board.start("import machine; machine.reset()")


def main() -> None:
    script = Path(sys.argv[-1])
    text = script.read_text()
    image, recording = (re.search(rf"sysbus LoadBinary @(\S+) {address}$", text, re.M) for address in ("0x8004000", "0x60000000"))
    link = re.search(r'CreateUartPtyTerminal "console" "(.+)"', text)
    assert image
    assert recording
    assert link
    with SimBoard("sim_m4", deterministic=True) as board:
        port = board.port
        boot(board, Path(image[1]), Path(recording[1]), script.parent / "unpacked")
        os.symlink(port, link[1])
        sys.stdin.read()  # as Renode, it ends with its input


if __name__ == "__main__":
    main()
