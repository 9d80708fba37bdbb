# SPDX-License-Identifier: Apache-2.0
# For MicroPython: a node with a virtual chip and a virtual clock, in one of several situations.
# arguments: situation, pipeline.mpy, recording, file for the lines, chip/bus
import asyncio
import gc
import sys
from array import array

import micropython
from auscult import config
from auscult.node import Node
from bench_chip import Bench

situation, module, recording, lines, place = sys.argv[1:6]
chip, kind = place.split("/")


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
    sensor = {"chip": chip, "rate_hz": 1600 if chip == "adxl345" else 1344, "bus": kind, "cs": 5}
    settings = config.check({"pipeline": module, "sensor": sensor, "report": report or {}, "decision": decision or {}})
    stream = Counted(lines)
    node = Node(settings, bus=bench.bus, stream=stream, interrupt=bench.pin, clock=bench.clock, source=bench.chip)
    return bench, stream, node


def locked():
    """Every turn with the heap locked: an allocation raises MemoryError."""
    bench, stream, node = make()
    node.connect()
    for _ in range(50):  # a rate warning may come once; it allocates
        bench.clock.sleep_ms(node.period_ms)
        node.step()
    node._rate_said = True
    sleep, step, period = bench.clock.sleep_ms, node.step, node.period_ms
    locked_from = node.windows
    micropython.heap_lock()
    while not bench.chip.ended:
        sleep(period)
        step()
    micropython.heap_unlock()
    stream.close()
    print(node.windows - locked_from, node.marked)


def loop(line):
    """Under asyncio, counting the bytes in use instead: nothing is ever collected."""
    bench, stream, node = make(line=line)
    node._rate_said = True
    gc.collect()
    gc.disable()
    figures = asyncio.run(node.run())
    stream.close()
    print(figures["windows"], stream.heap[1] - stream.heap[0])


def faults():
    """The wire breaks twice, and once the node is kept from reading."""
    bench, stream, node = make()
    breaks = {300: False, 400: True, 900: False, 901: True, 1500: "busy"}
    turn = 0
    step = node.step

    def troubled():
        nonlocal turn
        turn += 1
        what = breaks.get(turn)
        if what == "busy":
            bench.clock.sleep_ms(300)
        return step()

    def later():
        for _ in range(2000):
            what = breaks.get(turn)
            if what is not None and what != "busy":
                bench.chip.present = what
            if not bench.chip.present:
                tired[0] += 1
                if tired[0] > 3:
                    bench.chip.present, tired[0] = True, 0
            yield_to()
            yield

    tired = [0]

    def yield_to():
        from asyncio import core

        core._task_queue.push(core.cur_task, core.ticks())

    node.step = troubled

    async def both():
        watcher = asyncio.create_task(later())
        figures = await node.run()
        watcher.cancel()
        return figures

    figures = asyncio.run(both())
    stream.close()
    print(figures["windows"], figures["marked"], figures["errors"])


def silent():
    """The chip stops measuring on its own (a brown-out): it answers, but no samples come."""
    bench, stream, node = make()
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


def rate(ppm):
    bench, stream, node = make(rate_ppm=ppm)
    asyncio.run(node.run())
    stream.close()


def changes():
    bench, stream, node = make(report={"every": "change", "heartbeat_s": 5})
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
elif situation == "changes":
    changes()
else:
    rate(int(situation))
