# SPDX-License-Identifier: Apache-2.0
# For MicroPython: a slow sensor's samples into a pipeline with the heap locked, but for the start of a measurement, in which
# the virtual chip computes with floats. Prints the words of the last sample, and how many there were.
from array import array

import micropython
from auscult.slow_sampler import SlowSampler
from bench_slow import Slow


class Pipeline:
    axes = ("temperature", "door", "humidity", "pressure")

    def __init__(self):
        self.info, self.last = {"full_scale": 128.0, "window": 4}, array("h", [0] * 4)

    def push(self, block, on_verdict=None):
        for i in range(4):
            self.last[i] = block[i]

    def mark(self):
        raise ValueError("nothing is missing")


class Door:
    def value(self):
        return 1


bench = Slow("bme280", temperature_c=4.5, humidity_percent=71.0, pressure_pa=101325.0)
pipeline = Pipeline()
sampler = SlowSampler(bench.sensor(), pipeline, 30000, bench.clock, Door())
sampler.start()
nap_ms = 0
for _ in range(50):
    sampler.step()  # begins a measurement
    for _ in range(2):  # takes it, then finds that the next is not due yet
        micropython.heap_lock()
        nap_ms = sampler.nap_ms()
        micropython.heap_unlock()
        bench.clock.sleep_ms(nap_ms if nap_ms < 1000 else 500)
        micropython.heap_lock()
        sampler.step()
        micropython.heap_unlock()
    bench.clock.sleep_ms(sampler.nap_ms())
print(sampler.samples, *pipeline.last)
