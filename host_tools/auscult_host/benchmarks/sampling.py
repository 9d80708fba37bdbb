# SPDX-License-Identifier: Apache-2.0
"""What one sample costs until the pipeline has it: the shipped sampler and drivers on virtual chips."""

from functools import partial

from .. import device, playback
from .counting import Case, CountingBoard, Metrics

# So many instructions a second has the core whose share is given: a Cortex-M4 at 80 MHz that executes one in each cycle.
CORE_PER_S = 80_000_000
# Sample rate -> the chip and bus that it is measured with.
SHARES = {400: ("lis3dh", "i2c"), 1600: ("adxl345", "spi"), 3200: ("adxl345", "spi"), 6667: ("lsm6dsox", "spi"),
          26667: ("iis3dwb", "spi")}

_BOARDS = ("sim_m4", "sim_rv32")
_FILES = ("__init__", "port", "sampler", "sensors/__init__", "sensors/bus", "sensors/accelerometer", "sensors/unpack",
          "sensors/unpack_viper", "virtual/__init__", "virtual/chip", "virtual/registers", "virtual/recording")

# The simulated chip's own work is subtracted; so is what reading the counters takes.
_SETUP = """
import gc, json, machine, micropython, simboard, time
from auscult.sampler import Sampler
from auscult.sensors import driver
from auscult.sensors.bus import I2CBus, SPIBus
from auscult.virtual.recording import Recording
from auscult.virtual.{file} import {kind} as Virtual

class Pipeline:
    axes = ['x', 'y', 'z']
    def push(self, block, on_verdict=None): pass
    def mark(self): pass
class Nothing:
    def step(self): return 16
class Endless:
    def seek(self, offset, whence=0): return 6 * 10**8
    def readinto(self, buf): return len(buf)

chip = Virtual(Recording(Endless()))
kind = driver({name!r})
if {bus!r} == 'i2c':
    simboard.attach_i2c(1, kind.ADDRESSES[0], chip)
    bus = I2CBus(machine.I2C(1), kind.ADDRESSES[0])
else:
    simboard.attach_spi(1, 5, chip)
    mode = kind.SPI_MODES[-1]
    bus = SPIBus(machine.SPI(1, polarity=mode >> 1, phase=mode & 1), machine.Pin(5, machine.Pin.OUT, value=1))
sensor = kind(bus)

def sampler(rate_hz, watermark=None, one=False):
    global period_us
    sensor.configure(rate_hz, kind.RANGES_G[-1], watermark)
    period_us = int(1000000 * sensor.watermark / rate_hz)
    if one:
        make = sensor.block
        sensor.block = lambda: make(1)
    made = Sampler(sensor, Pipeline())
    made.start()
    return made
def turns(one, n, wait_us):
    samples = cost = 0
    for _ in range(n):
        time.sleep_us(wait_us)
        chips = simboard.bus_instructions()
        before = simboard.instructions()
        samples += one.step()
        cost += simboard.instructions() - before - (simboard.bus_instructions() - chips)
    return samples, cost
def cost(one, n, wait_us):
    turns(one, 4, wait_us)
    gc.collect()  # or the frames of larger functions are looked for in the pieces that compiling the package left
    samples, cost = turns(one, n, wait_us)
    return (cost - turns(Nothing(), n, 1)[1]) / samples
def locked(one, n, wait_us):
    turns(one, 4, wait_us)
    step, sleep = one.step, time.sleep_us
    micropython.heap_lock()  # an allocation raises MemoryError from now on
    try:
        for _ in range(n):
            sleep(wait_us)
            step()
    finally:
        micropython.heap_unlock()
"""
# a twentieth longer than the watermark takes: the chip has reached it
_BURST = "burst = cost(sampler({rate_hz}), 40, period_us * 21 // 20)\n"
_ALL = _SETUP + _BURST + """
chip.rate_ppm = {slower_ppm}  # what a virtual chip in Python takes for a sample is more than it has at 26 kHz
locked(sampler({slow_hz}, 16), 1000, period_us)
chip.rate_ppm = 0
singly = sampler({slow_hz}, 1, True)
one = cost(singly, 40, period_us)
class Bare:
    block = sensor.block()
    def step(self):
        if sensor.level():
            sensor._burst(self.block, 1)
            singly.pipeline.push(self.block.first[1])
        return 1
bare = cost(Bare(), 40, period_us)
print(json.dumps({{"instructions": round(burst), "instructions_singly": round(one),
                   "per_mille_of_singly": round(1000 * burst / one), "instructions_bare": round(bare),
                   "heap_bytes": 0, "gap_us": {gap_us}}}))
"""
_SHARE = _SETUP + _BURST + """
print(json.dumps({{"instructions": round(burst), "per_mille_of_core": round(1000 * burst * {rate_hz} / {core})}}))
"""


def _put(board: CountingBoard, file: str) -> None:
    package = playback.bytecode(board.arch)
    chips = [file, "lsm6dso"] if file == "iis3dwb" else [file]  # that one is made from this
    for name in (*_FILES, *(f"{folder}/{chip}" for folder in ("sensors", "virtual") for chip in chips)):
        board.put(package / f"{name}.mpy", f"/auscult/{name}.mpy")


def _sampling(chip: str, board: CountingBoard) -> Metrics:
    """At the chip's highest rate, over its fastest bus. singly: each sample by a poll and a read of its own; bare: that
    without sampler, so with no true rate, no lost samples noticed, no interrupt."""
    kind, (file, name) = device.accelerometer(chip), device.module("sensors").CHIPS[chip]
    _put(board, file)
    fast = kind.RATES_HZ[-1]
    slow = min(kind.RATES_HZ, key=lambda rate: max(rate / 400, 400 / rate))
    slower_ppm = min(0, int(1e6 * (4000 / slow - 1)))
    return board.run(_ALL.format(file=file, kind=name, name=chip, bus="spi" if kind.SPI_HZ else "i2c", rate_hz=fast,
                                 slow_hz=slow, slower_ppm=slower_ppm, gap_us=int(1e6 * kind.DEPTH / fast)))


def _share(rate_hz: int, board: CountingBoard) -> Metrics:
    chip, bus = SHARES[rate_hz]
    kind, (file, name) = device.accelerometer(chip), device.module("sensors").CHIPS[chip]
    _put(board, file)
    nearest = min(kind.RATES_HZ, key=lambda rate: abs(rate - rate_hz))
    return board.run(_SHARE.format(file=file, kind=name, name=chip, bus=bus, rate_hz=nearest, core=CORE_PER_S))


CASES = [
    *(Case(f"sampling.{chip}", partial(_sampling, chip), boards=_BOARDS, alone=True, in_table=True,
           within=0.001) for chip in device.chips()),
    *(Case(f"share.{rate}_hz", partial(_share, rate), boards=_BOARDS, alone=True, in_table=True,
           within=0.001) for rate in SHARES),
]
