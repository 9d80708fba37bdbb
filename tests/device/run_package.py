# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: UP031
# For MicroPython, with only one package's files to import: run_package.py <chip or "node"> ...
# Each driver finds nobody, on any bus.
import sys

from auscult.sensors import SLOW, driver
from auscult.sensors.bus import I2CBus, SPIBus


class Nobody:
    """A machine.I2C, machine.SPI, OneWire and ADC without anybody on the line."""

    def __call__(self, level):
        pass

    def readfrom_mem_into(self, *args):
        raise OSError(19)

    writeto = writeto_mem = readfrom_into = readfrom_mem_into

    def scan(self):
        return []

    def write(self, buf):
        pass

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = 0xFF

    def reset(self):
        return False

    def read_u16(self):
        return 0


class Busio:
    """What busio has: the buses then take their other adapter."""

    def try_lock(self):
        return True

    def unlock(self):
        pass

    write = readinto = None


I2CBus(Busio(), 0x18)
for name in sys.argv[1:]:
    if name == "node":
        import auscult.node

        print(auscult.node.__name__.split(".")[-1])
        continue
    chip, nobody = driver(name), Nobody()
    buses = []
    if chip.ADDRESSES:
        buses.append(I2CBus(nobody, chip.ADDRESSES[0]))
    if chip.SPI_HZ:
        buses.append(SPIBus(nobody, nobody))
    for bus in buses or [nobody]:
        try:
            chip(bus)
            assert name == "analog"
        except OSError as error:
            assert name in SLOW or str(error).startswith("no %s " % chip.NAME), error
            assert "check" in str(error)
    print(name)
