# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: SIM115
# For MicroPython: a node with a virtual chip and a virtual clock, in one of several situations.
# arguments: situation, pipeline.mpy, recording, file for the lines, chip/bus/rate
import asyncio
import gc
import sys
from array import array

import micropython
from auscult import config
from auscult.node import Node
from bench_chip import Bench

situation, module, recording, lines, place = sys.argv[1:6]
chip, kind, rate_hz = place.split("/")


class Counted:
    """The lines' file; notes how much heap is in use at some of them."""

    def __init__(self, path):
        self._file = open(path, "wb")
        self.lines = 0
        self.heap = array("l", [0, 0])

    def write(self, buf, at=0, n=-1):
        self.lines += 1
        if self.lines == 100:
            self.heap[0] = gc.mem_alloc()
        elif self.lines == 10100:
            self.heap[1] = gc.mem_alloc()
        return self._file.write(buf, at, n) if n >= 0 else self._file.write(buf)

    def close(self):
        self._file.close()


def make(report=None, decision=None, rate_ppm=0, line=False):
    bench = Bench(chip, kind, open(recording, "rb"), rate_ppm=rate_ppm, line=line)
    sensor = {"chip": chip, "rate_hz": int(rate_hz), "bus": kind, "cs": 5}
    settings = config.check({"pipeline": module, "sensor": sensor, "report": report or {}, "decision": decision or {},
                             "quality": {"limit_g": 30}})
    stream = Counted(lines)
    node = Node(settings, bus=bench.bus, stream=stream, interrupt=bench.pin, clock=bench.clock, source=bench.chip)
    return bench, stream, node


def locked():
    """Every turn with the heap locked: an allocation raises MemoryError."""
    bench, stream, node = make()
    node.connect()
    for _ in range(50):
        bench.clock.sleep_ms(node.period_ms)
        node.step()
    sleep, step, period = bench.clock.sleep_ms, node.step, node.period_ms
    locked_from = node.windows
    micropython.heap_lock()
    while not bench.chip.ended:
        sleep(period)
        step()
    micropython.heap_unlock()
    stream.close()
    print(node.windows - locked_from, node.dropped)


def loop(line):
    """Under asyncio, counting the bytes in use instead: nothing is ever collected."""
    _, stream, node = make(line=line)
    gc.collect()
    gc.disable()
    figures = asyncio.run(node.run())
    stream.close()
    print(figures["windows"], stream.heap[1] - stream.heap[0])


def faults():
    """The wire breaks twice until three attempts have failed, and once the node is kept from reading for 300 ms."""
    bench, stream, node = make()
    step, note = node.step, node.report.note
    turn = 0

    def troubled():
        nonlocal turn
        turn += 1
        if turn in (300, 900):
            bench.chip.present = False
        elif turn == 1500:
            bench.clock.sleep_ms(300)
        return step()

    def told(kind, text, **more):
        note(kind, text, **more)
        if node.errors % 3 == 0:
            bench.chip.present = True

    node.step, node.report.note = troubled, told
    figures = asyncio.run(node.run())
    stream.close()
    print(figures["windows"], figures["dropped"], figures["errors"])


def silent():
    """The chip stops measuring on its own (a brown-out): it answers, but no samples come."""
    bench, _, node = make()
    node.connect()
    for _ in range(20):
        bench.clock.sleep_ms(node.period_ms)
        node.step()
    bench.chip.reset()
    bench.chip.measuring = False
    try:
        for _ in range(1000):
            bench.clock.sleep_ms(node.period_ms)
            node.step()
    except OSError as error:
        print(error)


def tidy():
    """What loading has left on the heap is collected before sampling starts."""
    _, _, node = make()
    gc.disable()
    for _ in range(1000):
        bytearray(200)
    before = gc.mem_alloc()
    node.connect()
    print(before - gc.mem_alloc())


def deaf():
    """The serial line fails at every seventh write."""
    _, stream, node = make()
    write = node.report._write
    turn = 0

    def failing(line, at, n):
        nonlocal turn
        turn += 1
        if turn % 7 == 0:
            raise OSError(5)
        return write(line, at, n)

    node.report._write = failing
    figures = asyncio.run(node.run())
    stream.close()
    print(figures["windows"], figures["errors"], node.report.cut)


def plain(**settings):
    _, stream, node = make(**settings)
    asyncio.run(node.run())
    stream.close()


if situation == "locked":
    locked()
elif situation == "loop":
    loop(False)
elif situation == "interrupt":
    loop(True)
elif situation == "faults":
    faults()
elif situation == "silent":
    silent()
elif situation == "tidy":
    tidy()
elif situation == "deaf":
    deaf()
elif situation == "changes":
    plain(report={"every": "change", "heartbeat_s": 5})
else:  # how far off the chip's rate is
    plain(rate_ppm=int(situation))
