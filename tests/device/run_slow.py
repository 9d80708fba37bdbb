# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: UP031
# For MicroPython: every slow sensor at every precision, with the heap locked while the driver reads. Prints the values.
import micropython
from bench_slow import KINDS, Slow

for name, kind in KINDS:
    bench = Slow(name, kind)
    sensor = bench.sensor()
    values = sensor.values()
    for precision in sensor.PRECISIONS:
        sensor.configure(precision)
        for _ in range(2):
            bench.clock.sleep_ms(100)
            sensor.start()
            bench.clock.sleep_ms(sensor.measure_ms)
            micropython.heap_lock()
            sensor.read_into(values)
            micropython.heap_unlock()
    print("%s/%s" % (name, kind), *values)
