# SPDX-License-Identifier: Apache-2.0
"""What one sample costs until the pipeline has it: the shipped sampler and drivers on a virtual chip."""

from functools import partial

from .. import bench_models, paths
from .counting import Case, CountingBoard, Metrics

# The simulated chip's own work is subtracted; so is what reading the counters takes.
_TURNS = """
import gc, json, simboard, time
from auscult import config
from auscult.node import make_bus
from auscult.sampler import Sampler
from auscult.sensors import driver
from auscult.virtual.setup import attach
class Pipeline:
    axes = ['x', 'y', 'z']
    def push(self, block, on_verdict=None): pass
    def mark(self): pass
class Nothing:
    def step(self): return 16
settings = config.check({settings})
stream = open('/words', 'rb')
chip = attach(settings, stream)
sensor = driver(settings['sensor']['chip'])(make_bus(settings['sensor']))
sensor.configure({rate_hz}, 16, 16)
def turns(sampler, n):
    samples = cost = 0
    for _ in range(n):
        time.sleep_ms({wait_ms})
        chips = simboard.bus_instructions()
        before = simboard.instructions()
        samples += sampler.step()
        cost += simboard.instructions() - before - (simboard.bus_instructions() - chips)
    return samples, cost
sampler = Sampler(sensor, Pipeline())
sampler.start()
turns(sampler, 4)
gc.collect()  # or the frames of larger functions are looked for in the pieces that compiling the package left
samples, cost = turns(sampler, 40)
empty = turns(Nothing(), 40)[1]
def heap(n):
    before = gc.mem_alloc()
    for _ in range(n):
        time.sleep_ms({wait_ms})
        sampler.step()
    return gc.mem_alloc() - before
gc.collect()
gc.disable()
heap(1)
print(json.dumps({{"instructions": round((cost - empty) / samples), "heap_bytes": heap(40)}}))
"""


def _sampling(chip: str, bus: str, rate_hz: int, board: CountingBoard) -> Metrics:
    board.put(paths.assets() / "firmware" / "auscult", "/lib/auscult")
    board.put(bench_models.bench_windows().astype("<i2").tobytes(), "/words")
    sensor: dict[str, object] = {"chip": chip, "bus": bus, "rate_hz": rate_hz}
    if bus == "spi":
        sensor["cs"] = 5
    return board.run(_TURNS.format(settings={"sensor": sensor}, rate_hz=rate_hz, wait_ms=round(16000 / rate_hz) + 1))


CASES = [
    Case("sampling", partial(_sampling, "adxl345", "i2c", 1600), alone=True),
    Case("sampling_spi", partial(_sampling, "lis3dh", "spi", 1344), alone=True),
]
