# SPDX-License-Identifier: Apache-2.0
"""Every accelerometer driver on the simulated boards, over their machine.I2C and machine.SPI, polled and by interrupt."""

from pathlib import Path

import pytest
from auscult.sensors import CHIPS, driver
from auscult_host import boards
from auscult_host.simulator import SimBoard

from . import FIRMWARE
from .bench_chip import buses, middle_rate
from .listener import signal

# One line for each: samples, words in order, whether the interrupt line rose.
READ = """
import gc, machine, micropython, simboard, time
from auscult.node import make_bus, make_interrupt
from auscult.sensors import driver
from auscult.virtual.setup import attach

def read(settings, watermark):
    chip = attach({{"sensor": settings}}, {source!r})
    sensor = driver(settings["chip"])(make_bus(settings))
    rises = bytearray(1)
    def rose(pin):  # also while the heap is locked: a list would have to grow
        rises[0] = 1
    if settings["int_pin"] is not None:
        make_interrupt(settings).irq(rose, machine.Pin.IRQ_RISING)
    sensor.configure(settings["rate_hz"], sensor.RANGES_G[-1], watermark)
    block, total = sensor.block(), 0
    sensor.start()
    with simboard.host_open({source!r}, "rb") as words:
        expected = bytearray(len(block.data))
        while total < 100:
            time.sleep_us(int(1200000 * watermark / settings["rate_hz"]))
            micropython.heap_lock()
            n = sensor.read_fifo_into(block)
            micropython.heap_unlock()
            words.readinto(memoryview(expected)[: 6 * n])
            assert block.data[: 6 * n] == expected[: 6 * n], settings
            total += n
    sensor.stop()
    assert not sensor.overruns
    return rises[0]

for settings in {places}:
    rises = read(settings, 16)
    gc.collect()
    print(settings["chip"], settings["bus"], rises > 0)
"""


def place(name: str, bus: str) -> dict[str, object]:
    """A node's `sensor` section; the interrupt line only where it tells the watermark."""
    kind = driver(name)
    free = dict.fromkeys(("freq_hz", "scl", "sda", "sck", "mosi", "miso"))
    return {"chip": name, "bus": bus, "id": 1, "address": kind.ADDRESSES[0] if kind.ADDRESSES else None, "cs": 5,
            "int_pin": 7 if kind.WATERMARK_LINE else None, "rate_hz": middle_rate(kind), **free}


@pytest.mark.parametrize("board_name", boards.simulated())
def test_every_driver_on_every_bus(board_name: str, tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_bytes(signal(2000).tobytes())
    places = [place(name, bus) for name in sorted(CHIPS) for bus in buses(name)]
    with SimBoard(board_name, deterministic=True) as board:
        board.put(FIRMWARE / "auscult", "/lib/auscult")
        said = board.exec(READ.format(source=str(words), places=places), timeout_s=300).splitlines()
    assert said == [f"{one['chip']} {one['bus']} {one['int_pin'] is not None}" for one in places]
