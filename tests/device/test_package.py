# SPDX-License-Identifier: Apache-2.0
"""What `mip` installs and what a manifest freezes is the whole package."""

import json
import sys

from auscult_host import toolchain

from . import FIRMWARE

FILES = {file.relative_to(FIRMWARE).as_posix() for file in (FIRMWARE / "auscult").rglob("*.py")}


def test_package_json_lists_every_file() -> None:
    package = json.loads((FIRMWARE / "package.json").read_text())
    assert {tuple(pair) for pair in package["urls"]} == {(file, file) for file in FILES}


def test_the_manifest_freezes_every_file() -> None:
    tool = toolchain.micropython_dir() / "tools" / "manifestfile.py"
    command = [sys.executable, str(tool), "--freeze", str(FIRMWARE / "manifest.py")]
    listed = toolchain.run(command, "reading the manifest")
    assert all(file in listed for file in FILES)
