# SPDX-License-Identifier: Apache-2.0
"""What Sensirion's SHT3x and SHT4x share: commands instead of registers, answers of words with a checksum each."""

from auscult.sensors.slow import SlowSensor


def crc8(data, at):
    """Checksum of the two bytes at data[at]: polynomial 0x31, beginning with 0xFF (SHT3x-DIS, Version 5, "Checksum Calculation";
    SHT4x, Version 6, section "Checksum Calculation")."""
    crc = 0xFF
    for i in range(at, at + 2):
        crc ^= data[i]
        for _ in range(8):
            crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
    return crc


def scaled(raw, factor):
    """raw * factor / 13107 = raw * 5 * factor / 65535, rounded, in numbers of at most 30 bits."""
    return raw // 13107 * factor + (raw % 13107 * factor + 6553) // 13107


class Sensirion(SlowSensor):
    ADDRESSES = (0x44, 0x45)
    CHANNELS = ("temperature_c", "humidity_percent")
    PRECISIONS = ("low", "medium", "high")  # repeatability
    USUAL = "high"
    I2C_HZ = 1000000

    def __init__(self, *args, **more):
        self._answer, self._status = bytearray(6), bytearray(3)
        SlowSensor.__init__(self, *args, **more)

    def _receive(self, data):
        """Fills data, which is as long as the answer, and checks each word in it."""
        self._bus.receive_into(data)
        for at in range(0, len(data), 3):
            if crc8(data, at) != data[at + 2]:
                raise self._bus.error("the answer's checksum is wrong")
        return data

    def _start(self):
        self._bus.send(self._measure)
