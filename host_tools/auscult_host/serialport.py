# SPDX-License-Identifier: Apache-2.0
"""Why a serial port cannot be opened, in words: no such port, no permission, or held by another program."""

import errno
import os
from pathlib import Path

from .errors import AuscultError


class NoPortError(AuscultError):
    """There is no such port: it was never there, or its cable was pulled."""


def holders(port: str) -> list[str]:
    """Other programs that have the port open, as 'minicom (process 4711)'. Only Linux tells, and of one's own programs."""
    found = []
    wanted = os.path.realpath(port)
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if any(os.readlink(handle) == wanted for handle in (process / "fd").iterdir()):
                found.append(f"{_name(process)} (process {process.name})")
        except OSError:  # it ended, or it is another user's
            continue
    return sorted(found)


def _name(process: Path) -> str:
    """What was called: a script's name rather than its interpreter's."""
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    program = Path(words[0]).name
    if program.startswith("python") and "-c" not in words:
        program = next((Path(word).name for word in words[1:] if word and not word.startswith("-")), program)
    return program or (process / "comm").read_text().strip()


def cannot_open(port: str, reason: str) -> AuscultError:
    """The error for a port that did not open. reason: what the attempt said."""
    if "://" in port or os.name != "posix":
        return AuscultError(f"cannot open {port}: {reason}", "a board's port that no other program uses",
                            "check the name and the cable, and close other programs that use it")
    try:
        os.close(os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except FileNotFoundError:
        return NoPortError(f"there is no port {port}", "a board's serial port",
                           "check the cable (some only charge); `auscult devices` lists what is plugged in")
    except PermissionError:
        return _not_permitted(port)
    except OSError as error:
        if error.errno != errno.EBUSY:
            return AuscultError(f"cannot open {port}: {error.strerror}", "a board's serial port",
                                "check the cable; `auscult devices` lists what is plugged in")
    others = holders(port)
    return AuscultError(f"{port} is in use by {' and '.join(others) if others else 'another program'}",
                        "a port that no other program uses", "end that program, then run the command again")


def _not_permitted(port: str) -> AuscultError:
    """Names the group that may use the port, and how to join it."""
    import grp

    try:
        group = grp.getgrgid(os.stat(port).st_gid).gr_name
    except (OSError, KeyError):
        group = "dialout"
    if group == "root":  # no rule for such devices: joining root is no advice
        return AuscultError(f"no permission to use {port}", "a port that your user may read and write",
                            "install your system's udev rules for serial ports, then plug the board in again")
    return AuscultError(f"no permission to use {port}", f"a user in the group {group}",
                        f"run `sudo usermod -aG {group} $USER`, then log out and in again")
