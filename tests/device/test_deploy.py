# SPDX-License-Identifier: Apache-2.0
"""Deploying over a link that is cut at every message: the old version stays, and the next attempt goes on where it was."""

import dataclasses
import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from auscult import slots
from auscult_host import deploy, payload, smoke
from auscult_host.boardlink import selector
from auscult_host.errors import AuscultError
from auscult_host.session import Carrier, LinkLost, digest_of

from .listener import Listener
from .unix_link import UnixLink

APP = ("auscult/__init__", "auscult/frames", "auscult/receiver", "auscult/smoke", "auscult/pipeline", "auscult/port")


@pytest.fixture(scope="module")
def project(listener: Listener) -> payload.Payload:
    """A small one: what receiver and smoke test need, and a pipeline for this computer."""
    package = payload.package("x64", "adxl345", simulated=False)
    model = {"pipeline.mpy": listener.module("x64").read_bytes(), "auscult.json": b'{"pipeline":"pipeline.mpy"}',
             "smoke.json": json.dumps(smoke.facts(listener.spec, listener.model)).encode()}
    return payload.Payload("listener", {f"{name}.mpy": package[f"{name}.mpy"] for name in APP}, model, "x64", "x64")


@pytest.fixture(scope="module")
def newer(project: payload.Payload) -> payload.Payload:
    """One file of the package changed, one gone, one new; another configuration."""
    app = {name: data for name, data in project.app.items() if "port" not in name}
    app["auscult/extra.mpy"] = bytes(range(256)) * 3
    config = b'{"pipeline":"pipeline.mpy","name":"b"}'
    return dataclasses.replace(project, app=app, model=project.model | {"auscult.json": config})


def confirm(folder: Path) -> None:
    slots.HOME = f"{folder}/"
    _, trial = slots.begin()
    assert trial is not None
    trial.confirm()


@pytest.fixture(scope="module")
def old(project: payload.Payload, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board on which the project runs. Without a console there is no bootstrap, so it has a package to begin with."""
    folder = tmp_path_factory.mktemp("old")
    (folder / "auscult_slots.py").write_bytes(selector())
    for name, data in project.app.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    link = UnixLink(folder)
    result = deploy.over(link, project)
    link.close()
    assert result.switched and result.smoke and (result.app, result.model) == ("app_a", "model_a")
    shutil.rmtree(folder / "auscult")
    confirm(folder)
    return folder


@pytest.fixture
def board(old: Path, tmp_path: Path) -> Iterator[UnixLink]:
    shutil.copytree(old, tmp_path / "board")
    link = UnixLink(tmp_path / "board")
    slots.HOME = f"{link.folder}/"
    yield link
    link.close()


def files(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_an_unchanged_project_moves_next_to_nothing(board: UnixLink, project: payload.Payload) -> None:
    before = files(board.folder)
    result = deploy.over(board, project)
    assert not result.switched and not result.sent and not result.copied and len(result.kept) == len(APP) + 3
    assert files(board.folder) == before


def test_only_what_changed_is_sent(board: UnixLink, newer: payload.Payload) -> None:
    result = deploy.over(board, newer)
    assert sorted(result.sent) == ["app_b/auscult/extra.mpy", "model_b/auscult.json"]
    assert result.bytes == 768 + len(newer.model["auscult.json"]) and result.smoke
    assert files(board.folder / "app_b") == newer.app and files(board.folder / "model_b") == newer.model
    confirm(board.folder)
    assert (slots.load()["app"], slots.load()["model"]) == ("app_b", "model_b")


def test_a_cut_at_every_message_leaves_the_old_version(old: Path, project: payload.Payload, newer: payload.Payload,
                                                       tmp_path: Path) -> None:
    """Also between them, in either direction; then a further attempt finishes."""
    link = UnixLink(tmp_path / "board")
    cut, finished = 0, False
    while not finished:
        shutil.rmtree(link.folder, ignore_errors=True)
        shutil.copytree(old, link.folder)
        link.cut_after, link.passed = cut, 0
        try:
            deploy.over(link, newer, patience_s=-1)
            finished = True
        except LinkLost as error:
            assert "cut" in error.found, error
        slots.HOME = f"{link.folder}/"
        record = slots.load()
        assert (record["app"], record["model"]) == ("app_a", "model_a")
        assert files(link.folder / "app_a") == project.app and files(link.folder / "model_a") == project.model
        if record["trial"]:  # what is switched to is whole
            assert files(link.folder / "app_b") == newer.app and files(link.folder / "model_b") == newer.model
        link.cut_after = None
        again = deploy.over(link, newer)
        assert again.switched and files(link.folder / "app_b") == newer.app and files(link.folder / "model_b") == newer.model
        confirm(link.folder)
        cut += 1
    link.close()
    assert cut > 60


def test_one_attempt_takes_up_a_link_that_drops_again_and_again(board: UnixLink, newer: payload.Payload) -> None:
    """Every 60 messages; what has arrived is not sent again."""
    def again() -> None:
        board.cut_after = board.passed + 60

    again()
    newer = dataclasses.replace(newer, app=newer.app | {"auscult/large.mpy": bytes(range(251)) * 60})
    result = deploy.over(board, newer, again=again)
    assert result.attempts > 2 and result.switched
    assert files(board.folder / "app_b") == newer.app
    assert result.bytes < 768 + 251 * 60 + len(newer.model["auscult.json"]) + 256 * result.attempts


def test_a_pipeline_with_other_bits_is_not_switched_to(board: UnixLink, newer: payload.Payload) -> None:
    facts = json.loads(newer.model["smoke.json"])
    facts["out"][-1] += 1
    wrong = dataclasses.replace(newer, model=newer.model | {"smoke.json": json.dumps(facts).encode()})
    with pytest.raises(AuscultError, match=r"smoke test differs on this board: word \d+ of \d+ is -?\d+, not"):
        deploy.over(board, wrong)
    assert slots.load()["trial"] is None


def test_a_trial_that_waits_is_replaced(board: UnixLink, project: payload.Payload, newer: payload.Payload) -> None:
    deploy.over(board, newer)
    other = dataclasses.replace(project, model=newer.model)
    result = deploy.over(board, other)
    assert (result.app, result.model) == ("app_a", "model_b") and result.switched
    confirm(board.folder)
    assert files(board.folder / "model_b") == newer.model


def test_files_of_others_are_left_alone(board: UnixLink, newer: payload.Payload) -> None:
    (board.folder / "data").mkdir()
    (board.folder / "data" / "log.txt").write_text("mine")
    (board.folder / "boot.py").write_text("# mine")
    (board.folder / "main.py").write_text("print('mine')")
    before = files(board.folder)
    with pytest.raises(AuscultError, match=r"main\.py of its own"):
        deploy.over(board, newer)
    assert files(board.folder) == before
    deploy.over(board, newer, force=True)
    after = files(board.folder)
    assert after["data/log.txt"] == b"mine" and after["boot.py"] == b"# mine" and after["main.py"] == payload.main_py()


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "app_b/../main.py", "app_a/auscult/node.mpy", "boot.py", "main.py",
                                  "app_b//x", "slots.0"])
def test_the_receiver_writes_only_into_free_slots(board: UnixLink, path: str) -> None:
    session = board.open()
    before = files(board.folder)
    for kind, request in (("O", path.encode()), ("R", path.encode()), ("K", json.dumps(["main.py", path]).encode())):
        with pytest.raises(AuscultError, match="that is in use"):
            session.ask(kind, request)
    assert files(board.folder) == before


class Lossy:
    """Loses, repeats and holds up whole writes to the board."""

    def __init__(self, carrier: Carrier, seed: int) -> None:
        self._carrier, self._random, self._held = carrier, random.Random(seed), b""

    def read(self) -> bytes:
        return self._carrier.read()

    def write(self, data: bytes) -> None:
        held, self._held = self._held, b""
        what = self._random.choice(["pass"] * 7 + ["lose", "twice", "hold"])
        if what == "hold":
            self._held = data
        elif what != "lose":
            self._carrier.write(data * (2 if what == "twice" else 1))
        if held:
            self._carrier.write(held)


@pytest.mark.parametrize("window", [1, 4])
def test_pieces_that_are_lost_repeated_or_late(board: UnixLink, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where several may be under way, as on a line with room; the file is whole, and no request is done twice."""
    monkeypatch.setattr("auscult_host.session._REPLY_S", 0.05)
    session = board.open()
    session._carrier = Lossy(session._carrier, window)
    session.hello["window"] = window
    data = bytes(range(256)) * 40 + b"end"
    session.send("app_b/large.bin", data)
    session.ask_json("K", "app_b/large.bin", "app_b/copy/large.bin")
    assert session.digest("app_b") == digest_of({"large.bin": data, "copy/large.bin": data})
    assert (board.folder / "app_b" / "copy" / "large.bin").read_bytes() == data
    before = slots.load()["seq"]
    for _ in range(10):
        session.ask_json("X", "app_b", "model_a", "", "")
        session.ask("A")
    assert slots.load()["seq"] == before + 20


def test_the_receiver_ends_by_itself(board: UnixLink) -> None:
    """Whoever it served is gone: the board is at its prompt again."""
    said = board.run("import sys\nsys.path.insert(0, 'app_a')\nimport auscult_slots as s\nfrom auscult import receiver\n"
                     "class Silent:\n    window = 1\n    def readinto(self, buf, ms):\n        print('waited', ms)\n"
                     "        return 0\n    write = None\nreceiver.main(s, Silent())\nprint('prompt')")
    assert said == "waited 10000\nprompt\n"


def test_the_digest_of_a_folder(board: UnixLink, project: payload.Payload) -> None:
    """As the PC computes it; of a folder that is not there it is empty."""
    session = board.open()
    assert session.digest("app_a") == digest_of(project.app) and session.digest("app_b") == b""
    assert session.listing("app_a").keys() == project.app.keys()
