# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: UP031
# For MicroPython: all samples arrive over either bus, with the heap locked.
from array import array

import micropython
from auscult.sensors import Block
from bench_chip import Bench

words = bytes(array("h", [(i * 7919) % 65536 - 32768 for i in range(3 * 500)]))
got = bytearray(len(words))


def read_all(bench, sensor, block):
    at = 0
    while not bench.chip.ended:
        bench.clock.sleep_ms(17)
        n = 6 * sensor.read_fifo_into(block)
        for i in range(n):
            got[at + i] = block.data[i]
        at += n
    return at


for name in ("adxl345", "lis3dh"):
    for kind in ("i2c", "spi"):
        bench = Bench(name, kind, words)
        sensor = bench.sensor(400)
        block = Block(sensor.DEPTH)
        micropython.heap_lock()
        at = read_all(bench, sensor, block)
        micropython.heap_unlock()
        assert at == len(words) and got == words
        print("%s/%s" % (name, kind))
