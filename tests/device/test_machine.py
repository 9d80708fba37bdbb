# SPDX-License-Identifier: Apache-2.0
"""The machine that a simulated board is bolted to: its recording, again and again, and what breaks when."""

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from auscult.virtual.machine import Faults, Loop
from auscult_host import playback, virtual_sensor
from auscult_host.simulator import SimBoard
from hypothesis import given
from hypothesis import strategies as st

from device.test_faults import Field, errors, flaws


@given(st.binary(min_size=1, max_size=40), st.lists(st.integers(0, 100), max_size=8))
def test_a_loop_has_no_seam(data: bytes, sizes: list[int]) -> None:
    loop, heard = Loop(io.BytesIO(data)), b""
    for size in sizes:
        block = bytearray(size)
        assert loop.readinto(block) == size
        heard += block
    assert heard == (data * (len(heard) // len(data) + 1))[:len(heard)]


@pytest.mark.parametrize(("kind", "fault", "says"), [
    ("i2c", [["present", False], ["present", True]], "wiring"), ("spi", [["stuck", True], ["stuck", False]], "no samples"),
    ("i2c", [["nack", 1]], "wiring"), ("i2c", [["overflow", 50]], None)])
def test_faults_come_at_their_time(kind: str, fault: list[list[object]], says: str | None) -> None:
    field = Field("lis2dw12", kind)
    times = [3000, 5500]
    front = Faults(field.chip, [[at, *what] for at, what in zip(times, fault, strict=False)], field.clock)
    if kind == "i2c":
        field.bench.i2c.devices[field.bench.address] = front
    else:
        field.bench.bus._cs._chip = front  # the pin that selects it
    said = field.run(2900)
    assert not errors(said) and flaws(said) == {""}
    said = field.run(9000)
    assert "missing" in flaws(said)
    assert (says is None) == (not errors(said)) and all(says in text for text in errors(said)[:1]), errors(said)
    last = field.run(2000)
    assert not errors(last) and flaws(last) == {""}


def test_time_goes_on_while_the_sensor_is_silent() -> None:
    """`t` of the lines is the time since the start, whatever happened meanwhile."""
    field = Field("lis2dw12", "i2c")
    faults = [[3000, "present", False], [9000, "present", True]]
    field.bench.i2c.devices[field.bench.address] = Faults(field.chip, faults, field.clock)
    begun = field.clock.now
    said = [line for line in field.run(20000) if "w" in line]
    assert abs(said[-1]["t"] - (field.clock.now - begun) / 1000) < 2 * field.window_ms
    gap = max(later["t"] - earlier["t"] for earlier, later in itertools.pairwise(said))
    assert gap > 6000


def test_a_board_is_bolted_to_what_the_file_says(tmp_path: Path) -> None:
    """Nothing there: no source. Then a recording in a loop, through the real node."""
    words = np.arange(3 * 400, dtype=np.int16).reshape(-1, 3) * 16
    signal = virtual_sensor.Signal(words, {"loop": True})
    sensor = {"chip": "adxl345", "bus": "i2c", "id": 1, "address": 0x53, "range_g": 16, "rate_hz": 1600, "int_pin": None,
              "period_s": None, "watermark": 16}
    code = f"""
from auscult import sensors
from auscult.sensors.bus import I2CBus
from auscult.virtual.machine import attach
import machine, time
source = attach({{"sensor": {sensor}}})
print(source is None)
if source:
    chip = sensors.driver("adxl345")(I2CBus(machine.I2C(1), 0x53))
    chip.configure(1600, 16, 16)
    chip.start()
    block, got = chip.block(), []
    while len(got) < 1000:
        time.sleep_ms(5)
        n = chip.read_fifo_into(block)
        got += [block.first[n][i] | block.first[n][i + 1] << 8 for i in range(0, 6 * n, 6)]
    print(got[:1000])
"""
    with SimBoard("sim_m4", deterministic=True, args={"machine": str(tmp_path / "machine.json")}) as board:
        board.put(playback.bytecode(board.board.arch), "/auscult")
        assert board.exec(code).split() == ["True"]
        signal.write(tmp_path)
        first, got = board.exec(code).split("\n", 1)
    assert first.strip() == "False"
    assert json.loads(got) == [int(word) for word in np.resize(words[:, 0], 1000)]
