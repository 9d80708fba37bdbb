# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: UP031
# For MicroPython: all samples arrive over either bus, with the heap locked.
from array import array

import micropython
from auscult.sensors import CHIPS
from bench_chip import Bench, buses

words = bytes(array("h", [(i * 7919) % 65536 - 32768 for i in range(3 * 500)]))
got = bytearray(len(words))


def read_all(bench, sensor, block, period_us):
    at = 0
    while not bench.chip.ended:
        bench.clock.sleep_us(period_us)
        n = 6 * sensor.read_fifo_into(block)
        for i in range(n):
            got[at + i] = block.data[i]
        at += n
    return at


for name in sorted(CHIPS):
    for kind in buses(name):
        bench = Bench(name, kind, words)
        sensor = bench.sensor()
        block, period_us = sensor.block(), int(12000000 / sensor.rate_hz)
        micropython.heap_lock()
        at = read_all(bench, sensor, block, period_us)
        micropython.heap_unlock()
        assert at == len(words) and got == words
        print("%s/%s" % (name, kind))
