# SPDX-License-Identifier: Apache-2.0
"""Every driver over machine.I2C and machine.SPI of simulated boards: the shipped files, on the processor's own buses."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from auscult.sensors import CHIPS
from auscult_host import playback
from auscult_host.simulator import SimBoard

from device.bench_chip import buses
from device.listener import signal

# sim_m0 has little memory and is slow: it runs the two chips of test_simboard.py.
BOARDS = ("sim_m4", "sim_rv32")
PLACES = [(name, kind) for name in sorted(CHIPS) for kind in buses(name)]
SAMPLES = 400

SETUP = """
import json, machine, micropython, simboard, time
from auscult.sensors import CHIPS, driver
from auscult.sensors.bus import I2CBus, SPIBus
from auscult.virtual.recording import Recording
from auscult.virtual.setup import chip_class

def go(name, bus, path, watermark=None):
    kind = driver(name)
    chip = chip_class(name)(Recording(simboard.host_open(path)))
    if bus == "i2c":
        slot = simboard.attach_i2c(1, kind.ADDRESSES[0], chip)
        wire = I2CBus(machine.I2C(1), kind.ADDRESSES[0])
    else:
        slot = simboard.attach_spi(1, 5, chip)
        mode = kind.SPI_MODES[-1]
        wire = SPIBus(machine.SPI(1, polarity=mode >> 1, phase=mode & 1), machine.Pin(5, machine.Pin.OUT, value=1))
    pin = machine.Pin(4, machine.Pin.IN)
    chip.alarm = lambda at_us: simboard.alarm(slot, at_us)
    chip.drive = lambda level: simboard.drive(4, level)
    sensor = kind(wire)
    rate_hz = min(kind.RATES_HZ, key=lambda rate: max(rate / 400, 400 / rate))
    sensor.configure(rate_hz, kind.RANGES_G[-1], watermark)
    sensor.start()
    block, got, line = sensor.block(), bytearray(6 * 400), False
    nap_us, at = int(1000000 * sensor.watermark / rate_hz) + 200, 0
    micropython.heap_lock()
    while not chip.ended:
        time.sleep_us(nap_us)
        line = line or pin() == 1
        n = 6 * sensor.read_fifo_into(block)
        for i in range(n):
            got[at + i] = block.data[i]
        at += n
    micropython.heap_unlock()
    simboard.attach_i2c(1, kind.ADDRESSES[0], None) if bus == "i2c" else simboard.attach_spi(1, 5, None)
    with simboard.host_open(path) as file:
        same = file.read() == got
    print(json.dumps([at // 6, same, sensor.overruns, line, kind.WATERMARK_LINE]))
"""


@pytest.fixture(scope="module", params=BOARDS)
def board(request: pytest.FixtureRequest) -> Iterator[SimBoard]:
    with SimBoard(request.param, deterministic=True) as sim:
        sim.put(playback.bytecode(sim.board.arch), "/auscult")
        sim.exec(SETUP)
        yield sim


@pytest.mark.parametrize(("name", "kind"), PLACES, ids=["-".join(place) for place in PLACES])
def test_every_sample_arrives_without_heap(board: SimBoard, tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "words").write_bytes(signal(SAMPLES).tobytes())
    said = board.exec(f"go({name!r}, {kind!r}, {str(tmp_path / 'words')!r}, 16)", timeout_s=120)
    samples, same, overruns, line, has_line = json.loads(said)
    assert (samples, same, overruns) == (SAMPLES, True, 0)
    assert line == has_line
