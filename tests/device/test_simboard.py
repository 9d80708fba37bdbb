# SPDX-License-Identifier: Apache-2.0
"""The shipped package on simulated boards: a recording goes in at the chip's register map, verdicts come out."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import serial
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class
from auscult_host import boards
from auscult_host.simulator import SimBoard

from . import FIRMWARE
from .listener import Listener, elliptic, lines, make_listener, signal

BOARDS = boards.simulated()
SAMPLES = 6000

RUN = """
import asyncio, gc, sys
from array import array
from auscult import config
from auscult.node import Node
from auscult.virtual.setup import attach

class Lines:
    heap = array("i", [0, 0])
    count = 0
    def write(self, buf, at=0, n=-1):
        self.count += 1
        if self.count == 40: self.heap[0] = gc.mem_alloc()
        if self.count == 160: self.heap[1] = gc.mem_alloc()
        return sys.stdout.write(buf, at, n)

settings = config.load()
chip = attach(settings, {recording!r}, {full_scale_um})
stream = Lines()
node = Node(settings, stream=stream, source=chip)
gc.collect()
{before}
asyncio.run({task})
print("heap", stream.heap[1] - stream.heap[0])
"""


@pytest.fixture(scope="module")
def sim(listener: Listener) -> Iterator[Callable[[str], SimBoard]]:
    """sim(name): the running board with the package and the pipeline on it."""
    running: dict[str, SimBoard] = {}

    def get(name: str) -> SimBoard:
        if name not in running:
            running[name] = board = SimBoard(name, deterministic=True)
            board.put(FIRMWARE / "auscult", "/lib/auscult")
            board.put(listener.module(board.board.arch), "/listener.mpy")
        return running[name]

    yield get
    for board in running.values():
        board.close()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    words = signal(SAMPLES, seed=3)
    path = tmp_path_factory.mktemp("recording") / "words"
    path.write_bytes(words.tobytes())
    return path, words


def configure(board: SimBoard, more: dict | None = None, **sensor: object) -> None:
    board.soft_reset()
    config = {"pipeline": "/listener.mpy", "sensor": sensor, "quality": {"limit_g": 30}, **(more or {})}
    board.put_bytes(json.dumps(config).encode(), "/auscult.json")


def run(board: SimBoard, recording: Path, full_scale_um: int | None = None, before: str = "",
        task: str = "node.run()") -> tuple[list[dict], int]:
    board.soft_reset()
    code = RUN.format(recording=str(recording), full_scale_um=full_scale_um, before=before, task=task)
    output = board.exec(code, timeout_s=120)
    return lines(output), int(output.split("heap ")[-1])


def labels(said: list[dict], listener: Listener) -> list[int]:
    return [listener.spec.classes.index(line["v"]) for line in said if "w" in line]


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("sensor", [
    {"chip": "adxl345", "bus": "i2c", "rate_hz": 1600},
    {"chip": "lis3dh", "bus": "spi", "cs": 5, "rate_hz": 1344, "int_pin": 7},
], ids=["adxl345-i2c-polled", "lis3dh-spi-interrupt"])
def test_the_boards_verdicts_are_the_hosts_and_cost_no_heap(
        sim: Callable[[str], SimBoard], listener: Listener, recording: tuple[Path, np.ndarray], name: str,
        sensor: dict) -> None:
    path, words = recording
    board = sim(name)
    configure(board, **sensor)
    said, heap = run(board, path, before="gc.disable()")
    assert labels(said, listener) == listener.expected(words)[: len(labels(said, listener))]
    assert said[-1]["end"] == "recording ended"
    assert said[-1]["overruns"] == said[-1]["dropped"] == said[-1]["errors"] == 0
    assert said[-1]["windows"] == len(listener.expected(words))
    assert said[-1]["rate_mhz"] == pytest.approx(1000 * sensor["rate_hz"], rel=0.01)
    assert heap == 0


@pytest.mark.parametrize("name", ["sim_m4", "sim_rv32"])
@pytest.mark.parametrize("int_pin", [None, 7], ids=["polled", "interrupt"])
def test_light_sleep_between_watermarks_changes_no_verdict(
        sim: Callable[[str], SimBoard], listener: Listener, recording: tuple[Path, np.ndarray], name: str,
        int_pin: int | None) -> None:
    path, words = recording
    board = sim(name)
    configure(board, {"power": {"sleep": "light"}}, chip="adxl345", rate_hz=1600, int_pin=int_pin)
    counted = ("import machine\nsleeps = array('i', [0])\nreal = machine.lightsleep\n"
               "class Counted:\n"
               "    def __getattr__(self, key): return sleep if key == 'lightsleep' else getattr(machine, key)\n"
               "def sleep(ms):\n    sleeps[0] += 1\n    real(ms)\n"
               "sys.modules['machine'] = Counted()\ngc.disable()")
    said, heap = run(board, path, before=counted)
    assert labels(said, listener) == listener.expected(words)
    assert said[-1]["overruns"] == said[-1]["dropped"] == 0 and heap == 0
    assert int(board.exec("print(sleeps[0])")) > 300


@pytest.mark.parametrize(("chip", "rate_hz"), [("adxl345", 1600), ("lis3dh", 1344)])
def test_a_recording_in_its_own_scale_goes_through_the_chips_resolution(
        sim: Callable[[str], SimBoard], listener: Listener, recording: tuple[Path, np.ndarray], chip: str,
        rate_hz: int) -> None:
    """The chip rounds, saturates and drops bits as the same chip does on the PC, to the last bit."""
    path, words = recording
    full_scale_um = 100_000_000
    board = sim("sim_m4")
    configure(board, chip=chip, rate_hz=rate_hz)
    said, _ = run(board, path, full_scale_um)

    with path.open("rb") as stream:
        twin = chip_class(chip)(Recording(stream, full_scale_um))
        if chip == "adxl345":
            twin.write(bytes([0x31, 0x0F]))
            twin.write(bytes([0x2C, 14]))
        else:
            twin.write(bytes([0x23, 0xB0]))
        shown = bytearray(6 * len(words))
        for i in range(len(words)):
            twin.recording.next_into(shown, 6 * i)
    assert labels(said, listener) == listener.expected(np.frombuffer(bytes(shown), "<i2").reshape(-1, 3))
    assert not np.array_equal(np.frombuffer(bytes(shown), "<i2"), words.ravel())


def test_lost_samples_are_marked_and_the_rest_is_right(
        sim: Callable[[str], SimBoard], listener: Listener, recording: tuple[Path, np.ndarray]) -> None:
    path, _ = recording
    board = sim("sim_m4")
    configure(board, chip="adxl345", rate_hz=1600)
    said, _ = run(board, path, before=(
        "async def both():\n"
        "    task = asyncio.create_task(node.run())\n"
        "    await asyncio.sleep_ms(1500)\n"
        "    import time\n"
        "    time.sleep_ms(200)\n"
        "    await task\n"), task="both()")
    marked = [line["w"] for line in said if line.get("q") == "missing"]
    assert said[-1]["overruns"] == 1 and 1 <= len(marked) <= 2
    assert said[-1]["samples"] < SAMPLES - 200
    assert said[-1]["windows"] == (said[-1]["samples"] - 64) // 32 + 1


@pytest.mark.parametrize("name", BOARDS)
def test_windows_unlike_training_get_no_verdict(
        sim: Callable[[str], SimBoard], recording: tuple[Path, np.ndarray], name: str) -> None:
    """The same windows as on the PC, at no cost of heap."""
    path, words = recording
    board, guarded = sim(name), make_listener(guarded=True)
    expected = guarded.host().push(words)
    board.put(guarded.module(board.board.arch), "/listener.mpy")
    configure(board, chip="adxl345", rate_hz=1600)
    said, heap = run(board, path, before="gc.disable()")
    judged = [line for line in said if "w" in line]
    assert [line.get("q") for line in judged] == [{True: "novel"}.get(v.novel) for v in expected[: len(judged)]]
    assert len(judged) > 150 and 0.2 < np.mean([v.novel for v in expected]) < 0.8
    assert [line["v"] for line in judged] == [None if v.novel else guarded.spec.classes[v.index] for v in expected[: len(judged)]]
    assert said[-1]["novel"] == said[-1]["dropped"] == sum(v.novel for v in expected) and heap == 0
    board.put(make_listener().module(board.board.arch), "/listener.mpy")


def test_a_sensor_that_is_plugged_in_later(sim: Callable[[str], SimBoard], recording: tuple[Path, np.ndarray]) -> None:
    path, _ = recording
    board = sim("sim_m4")
    configure(board, chip="adxl345", rate_hz=1600)
    said, _ = run(board, path, before=(
        "import simboard\n"
        "simboard.attach_i2c(1, 0x53, None)\n"
        "async def both():\n"
        "    task = asyncio.create_task(node.run())\n"
        "    await asyncio.sleep_ms(3000)\n"
        "    simboard.attach_i2c(1, 0x53, chip)\n"
        "    await task\n"), task="both()")
    told = [line for line in said if "error" in line]
    assert len(told) >= 2 and all("no ADXL345 at 0x53 on I2C(1): check wiring" in line["error"] for line in told)
    assert [line["retry_s"] for line in told[:2]] == [0.5, 1.0]
    assert said[-1]["windows"] == (SAMPLES - 64) // 32 + 1 and said[-1]["dropped"] == 0


def test_the_watchdog_bites_when_the_node_is_kept_from_running(
        sim: Callable[[str], SimBoard], recording: tuple[Path, np.ndarray]) -> None:
    path, _ = recording
    board = sim("sim_m4")
    board.soft_reset()
    board.put_bytes(json.dumps({"pipeline": "/listener.mpy", "watchdog_s": 2}).encode(), "/auscult.json")
    said, _ = run(board, path)  # longer than the watchdog's patience: it is fed
    assert said[-1]["end"] == "recording ended"
    board.hard_reset()
    board.exec("pass")
    code = RUN.format(recording=str(path), full_scale_um=None, task="both()", before=(
        "async def both():\n"
        "    task = asyncio.create_task(node.run())\n"
        "    await asyncio.sleep_ms(500)\n"
        "    while True: pass\n"))
    board.start(code)
    for line in board.lines(timeout_s=60):
        if line.startswith("MicroPython"):  # it has started anew
            break
    assert board.exec("import machine\nprint(machine.reset_cause() == machine.WDT_RESET)").strip() == "True"


def test_a_slow_sensor_does_not_starve_the_watchdog(
        sim: Callable[[str], SimBoard], recording: tuple[Path, np.ndarray]) -> None:
    """28 samples at 12.5 Hz take 2.24 s."""
    path, _ = recording
    board = sim("sim_m4")
    configure(board, {"watchdog_s": 2}, chip="adxl345", rate_hz=12.5, watermark=28)
    said, heap = run(board, path, before="gc.disable()")
    assert said[-1]["end"] == "recording ended" and said[-1]["windows"] == (SAMPLES - 64) // 32 + 1
    assert said[-1]["overruns"] == said[-1]["errors"] == heap == 0
    board.hard_reset()  # or the watchdog goes on
    board.exec("pass")


def test_scores_of_an_anomaly_detector_cost_no_heap(
        sim: Callable[[str], SimBoard], recording: tuple[Path, np.ndarray]) -> None:
    board = sim("sim_m4")
    anomaly = make_listener(elliptic())
    board.soft_reset()
    board.put(anomaly.module(board.board.arch), "/anomaly.mpy")
    configure(board, {"pipeline": "/anomaly.mpy"})
    said, heap = run(board, recording[0], before="gc.disable()")
    scores = [line["score"] for line in said if "w" in line]
    assert len(scores) == (SAMPLES - 64) // 32 + 1 and 10**8 < max(scores) < 2**30
    assert heap == 0


@pytest.mark.parametrize(("wrong", "says"), [
    ({"sensor": {"rate_hz": 1000}}, "sensor.rate_hz is 1000, allowed with adxl345: 12.5, 25"),
    ({"sensor": {"id": 9}}, "sensor.id is 9, there is no such I2C on this board: I2C(9) doesn't exist: 0 or 1"),
    ({"sensor": {"id": 9, "bus": "spi", "cs": 5}}, "sensor.id is 9, there is no such SPI on this board: SPI(9)"),
    ({"sensor": {"bus": "spi", "cs": "PA4"}}, 'sensor.cs is "PA4", there is no such Pin on this board'),
    ({"sensor": {"scl": 99}}, "sensor.scl is 99, there is no such Pin on this board: Pin(99) doesn't exist: 0 to 31"),
    ({"sensor": {"int_pin": 99}}, "sensor.int_pin is 99, there is no such Pin on this board: Pin(99)"),
    ({"sensor": {"int_pin": "GP4"}}, 'sensor.int_pin is "GP4", there is no such Pin on this board'),
    ({"report": {"to": "uart", "uart": 7}}, "report.uart is 7, there is no such UART on this board"),
    ({"pipeline": "nothing"}, "no pipeline nothing in this firmware; the path of a file ends in .mpy"),
    ({"pipeline": "/nothing.mpy"}, "no pipeline at /nothing.mpy"),
    ({"decision": {"per_class": {"hum": {"k": 2}}}}, "decision.per_class names hum; the pipeline's classes are normal"),
])
def test_settings_that_this_board_cannot_meet_give_one_line(
        sim: Callable[[str], SimBoard], recording: tuple[Path, np.ndarray], wrong: dict, says: str) -> None:
    board = sim("sim_m4")
    board.soft_reset()
    board.put_bytes(json.dumps({"pipeline": "/listener.mpy", **wrong}).encode(), "/auscult.json")
    given = {"bus": "i2c", "address": 0x53, "id": 1, "int_pin": None, "chip": "adxl345"}  # the chip is there
    output = board.exec(f"from auscult.virtual.setup import attach\nattach({{'sensor': {given}}}, {str(recording[0])!r})\n"
                        "import auscult.node\nauscult.node.main()")
    assert len(output.splitlines()) == 1
    assert says in json.loads(output)["error"]
    assert board.exec("print(6 * 7)").strip() == "42"


def test_a_pipeline_of_axes_that_the_sensor_lacks_gives_one_line(
        sim: Callable[[str], SimBoard], recording: tuple[Path, np.ndarray]) -> None:
    board = sim("sim_m4")
    configure(board)
    output = board.exec("from auscult import config, node, pipeline\nfrom auscult.virtual.setup import attach\n"
                        f"attach(config.load(), {str(recording[0])!r})\n"
                        "load = pipeline.load\n"
                        "def other(path):\n    p = load(path)\n    p.axes = ['x', 'temperature', 'y']\n    return p\n"
                        "pipeline.load = other\nnode.main()")
    assert json.loads(output)["error"] == "axes asked for are x, temperature, y; ADXL345 has x, y and z"


@pytest.mark.parametrize("broken", ['{"sensor": {"rate_hz": "fast"}}', '{"sensor": {"chip": "lis', ""])
def test_with_a_broken_configuration_the_prompt_stays_reachable(sim: Callable[[str], SimBoard], broken: str) -> None:
    board = sim("sim_m4")
    board.soft_reset()
    board.put_bytes(broken.encode(), "/auscult.json")
    said = lines(board.exec("import auscult.node\nauscult.node.main()"))
    assert len(said) == 1 and "/auscult.json" in said[0]["error"]
    assert board.exec("print(6 * 7)").strip() == "42"
    assert board.get_bytes("/auscult.json") == broken.encode()


def test_main_py_starts_the_node_by_itself(sim: Callable[[str], SimBoard]) -> None:
    board = sim("sim_m4")
    board.soft_reset()
    board.put_bytes(b"{", "/auscult.json")
    for file in ("boot.py", "main.py"):
        board.put(FIRMWARE / file, "/" + file)
    try:
        said = lines(board.exec("exec(open('/boot.py').read())\nexec(open('/main.py').read())"))
        assert "is not JSON" in said[0]["error"]
    finally:
        board.exec("import os\nos.remove('/main.py')\nos.remove('/boot.py')")


def test_after_power_on_the_node_starts_by_itself(listener: Listener, tmp_path: Path) -> None:
    """Deployed, switched off, switched on: nobody types anything. No sensor is wired, which the node says."""
    flash = tmp_path / "flash"
    with SimBoard("sim_m4", deterministic=True, flash=flash) as board:
        board.put(FIRMWARE / "auscult", "/lib/auscult")
        for file in ("boot.py", "main.py"):
            board.put(FIRMWARE / file, "/" + file)
        board.put(listener.module(board.board.arch), "/listener.mpy")
        board.put_bytes(b'{"pipeline": "/listener.mpy"}', "/auscult.json")
    with SimBoard("sim_m4", deterministic=True, flash=flash) as board:
        for line in board.lines(timeout_s=30):
            if "retry_s" in line:
                break
        else:
            raise AssertionError("the node has not started")
        assert "no ADXL345 at 0x53 on I2C(1)" in json.loads(line)["error"]
        assert board.exec("print(6 * 7)").strip() == "42"


def test_ctrl_c_stops_the_node_and_puts_the_sensor_to_rest(
        sim: Callable[[str], SimBoard], tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(bytes(6 * 10_000_000))
    board = sim("sim_m4")
    configure(board, chip="adxl345", rate_hz=1600)
    code = ("from auscult import config, node\nfrom auscult.virtual.setup import attach\n"
            f"chip = attach(config.load(), {str(tmp_path / 'long')!r})\nnode.main(source=chip)")
    for line in board.run_stream(code):
        if '"w":5' in line:
            break
    assert board.exec("print(chip.measuring, chip.ended)").split() == ["False", "False"]


@pytest.mark.parametrize(("name", "wrong"), [("sim_m4", "armv7m"), ("sim_m3", "armv7emsp"), ("sim_m0", "armv7m"),
                                             ("sim_m7", "armv7emsp"), ("sim_rv32", "armv6m")])
def test_a_pipeline_for_another_architecture_is_refused_by_name(
        sim: Callable[[str], SimBoard], listener: Listener, name: str, wrong: str) -> None:
    board = sim(name)
    board.soft_reset()
    board.put(listener.module(wrong), "/other.mpy")
    board.put_bytes(b'{"pipeline": "/other.mpy"}', "/auscult.json")
    said = lines(board.exec("import auscult.node\nauscult.node.main()"))
    assert f"/other.mpy is built for {wrong}, this board is {board.board.arch}: run `auscult build" in said[0]["error"]


def test_verdicts_go_out_by_uart(listener: Listener, recording: tuple[Path, np.ndarray]) -> None:
    path, words = recording
    with (SimBoard("sim_m4", deterministic=True, data_uart=True) as board,
          serial.Serial(board.data_port, timeout=5) as line):
        board.put(FIRMWARE / "auscult", "/lib/auscult")
        board.put(listener.module(board.board.arch), "/listener.mpy")
        board.put_bytes(b'{"pipeline": "/listener.mpy", "report": {"to": "uart"}}', "/auscult.json")
        said = board.exec("from auscult import config, node\nfrom auscult.virtual.setup import attach\n"
                          f"node.main(source=attach(config.load(), {str(path)!r}))")
        assert said == ""
        got = lines(line.read_until(b'"end"').decode() + line.readline().decode())
    assert labels(got, listener) == listener.expected(words)


def test_a_pipeline_that_does_not_fit_is_a_memory_error(sim: Callable[[str], SimBoard], listener: Listener) -> None:
    board = sim("sim_m0")
    board.soft_reset()
    said = board.exec(
        "import auscult.pipeline as p\n"
        "module = p.load('/listener.mpy').module\n"
        "module.STATE_BYTES = 300000\n"
        "try: p.Pipeline(module)\n"
        "except MemoryError as error: print(error)\n")
    assert "pipeline listener needs 300" in said and "bytes are free: use a shorter window or fewer axes" in said
    assert board.exec("print(p.load('/listener.mpy').name)").strip() == "listener"
