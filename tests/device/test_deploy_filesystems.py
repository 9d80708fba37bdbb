# SPDX-License-Identifier: Apache-2.0
"""Deploying onto the file systems that boards have, FAT and littlefs, by MicroPython's own code for them; with power cuts."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from auscult_host import deploy, payload
from auscult_host.boardlink import selector
from auscult_host.session import LinkLost, digest_of

from .test_deploy import newer, project
from .unix_link import UnixLink

__all__ = ["newer", "project"]  # fixtures
_STEP = 4


def record(link: UnixLink) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(link.run("import auscult_slots, json\nprint(json.dumps(auscult_slots.load()))"))
    return found


@pytest.fixture(scope="module", params=["VfsFat", "VfsLfs2"])
def old(request: pytest.FixtureRequest, project: payload.Payload, tmp_path_factory: pytest.TempPathFactory) -> UnixLink:
    """A board on which the project runs."""
    link = UnixLink(tmp_path_factory.mktemp("old"), request.param)
    (link.folder / "disk.img").write_bytes(b"\xff" * 192 * 1024)
    files = {f"/board/{name}": data for name, data in project.app.items()} | {"/board/auscult_slots.py": selector()}
    link.run("import os\nos.mkdir('auscult')\n" + "\n".join(f"f = open({name!r}, 'wb')\nf.write({data!r})\nf.close()"
                                                            for name, data in files.items()))
    assert deploy.over(link, project).switched
    link.close()
    link.run("import auscult_slots as s\ns.begin()[1].confirm()")
    return link


def test_a_cut_leaves_the_old_version(old: UnixLink, project: payload.Payload, newer: payload.Payload, tmp_path: Path) -> None:
    """At every fourth message; what the file system had not written by then is lost."""
    link = UnixLink(tmp_path / "board", old.file_system)
    cut, finished = 0, False
    while not finished:
        shutil.rmtree(link.folder, ignore_errors=True)
        shutil.copytree(old.folder, link.folder)
        link.cut_after, link.passed = cut, 0
        try:
            deploy.over(link, newer, patience_s=-1)
            finished = True
        except LinkLost as error:
            assert "cut" in error.found, error
        link.cut_after = None
        found = record(link)
        assert (found["app"], found["model"]) == ("app_a", "model_a")
        session = link.open()
        assert session.digest("app_a") == digest_of(project.app) and session.digest("model_a") == digest_of(project.model)
        assert deploy.over(link, newer).switched
        link.close()
        link.run("import auscult_slots as s\ns.begin()[1].confirm()")
        found = record(link)
        assert (found["app"], found["model"], found["trial"]) == ("app_b", "model_b", None)
        cut += _STEP
    assert cut > 60


def test_main_py_is_replaced(old: UnixLink, newer: payload.Payload, tmp_path: Path) -> None:
    """FAT renames onto no other file."""
    shutil.copytree(old.folder, tmp_path / "board")
    link = UnixLink(tmp_path / "board", old.file_system)
    link.run("f = open('main.py', 'w')\nf.write('print(1)')\nf.close()")
    deploy.over(link, newer, force=True)
    link.close()
    assert link.run("print(open('main.py').read(), end='')").encode() == payload.main_py()
    assert "_new.py" not in link.run("import os\nprint(os.listdir('.'))")
