# SPDX-License-Identifier: Apache-2.0
"""Bosch BME280: temperature, pressure and humidity, I2C or SPI. Data sheet BST-BME280-DS001-24, Revision 1.24.

Forced mode (section 3.3.3): one measurement, then the chip sleeps. All settings are written for each measurement, so
a chip that was without power in between goes on.
"""

from auscult.port import const
from auscult.sensors.bus import SPIBus
from auscult.sensors.slow import SlowSensor

# Registers: section 5.3, Table 18; section 5.4 for each
_ID = const(0xD0)
_CTRL_HUM = const(0xF2)  # takes effect when ctrl_meas is written
_CTRL_MEAS = const(0xF4)
_CONFIG = const(0xF5)
_STATUS = const(0xF3)
_TRIMMING_1 = const(0x88)  # to 0xA1
_TRIMMING_2 = const(0xE1)  # to 0xE7: section 4.2.2, Table 16
_FORCED = const(0x01)
_BUSY = const(0x09)  # measuring, im_update: section 5.4.4
_COPY_MS = const(2)  # start-up time: section 1.1, Table 1


class BME280(SlowSensor):
    NAME = "BME280"
    ADDRESSES = (0x76, 0x77)  # section 6.2 (SDO low, high)
    ID_REGISTER, IDS = _ID, (0x60,)  # section 5.4.1
    CHANNELS = ("temperature_c", "pressure_pa", "humidity_percent")
    PRECISIONS = (1, 2, 4, 8, 16)  # oversampling of all three
    USUAL = 1
    MEASURE_MS = (11, 18, 31, 59, 114)  # section 9.1: at most 1.25 + 2.3 n + 2 (2.3 n + 0.575) ms
    SPI_HZ = 10000000  # section 6.4
    SPI_MODES = (0, 3)  # section 6.3

    def check(self):
        bus = self._bus
        # Section 6.3.1: on SPI the address has 7 bits, and a write has bit 7 clear.
        self._write = 0x7F if isinstance(bus, SPIBus) else 0xFF
        bus.check_id(_ID, self.IDS)
        for _ in range(5):
            if not bus.read(_STATUS) & _BUSY:
                break
            self._clock.sleep_ms(_COPY_MS)  # trimming values are still being copied
        else:
            raise bus.error("it does not become ready")
        self._data = bytearray(13)
        self._read_trimming()

    def _read_trimming(self):
        """Section 4.2.2, Table 16."""
        bus, first, second = self._bus, bytearray(26), bytearray(7)
        bus.read_into(_TRIMMING_1, first)
        bus.read_into(_TRIMMING_2, second)

        def word(data, at):
            return data[at] | data[at + 1] << 8

        def signed(value, bits=16):
            return value - (1 << bits) if value >> bits - 1 else value

        self._t = (word(first, 0), signed(word(first, 2)), signed(word(first, 4)))
        self._p = (word(first, 6),) + tuple([signed(word(first, at)) for at in range(8, 24, 2)])
        self._h = (first[25], signed(word(second, 0)), second[2],
                   signed(second[3] << 4 | second[4] & 15, 12), signed(second[5] << 4 | second[4] >> 4, 12),
                   signed(second[6], 8))
        if not self._t[0] or not self._p[0]:
            raise bus.error("its trimming values are empty")

    def _configure(self, at):
        at += 1  # osrs 001 is ×1: section 5.4.3, Table 20
        self._osrs_h, self._osrs_tp = at, at << 5 | at << 2

    def _start(self):
        bus, mask = self._bus, self._write
        bus.write(_CONFIG & mask, 0)  # no filter, SPI with four wires: section 5.4.6
        bus.write(_CTRL_HUM & mask, self._osrs_h)
        bus.write(_CTRL_MEAS & mask, self._osrs_tp | _FORCED)

    def _stop(self):
        self._bus.write(_CTRL_MEAS & self._write, self._osrs_tp)

    def _read_into(self, values):
        data = self._data
        self._bus.read_into(_CTRL_HUM, data)  # to hum_lsb in one burst: section 4
        if data[0] & 7 != self._osrs_h or data[2] & 0xFC != self._osrs_tp:
            raise self._bus.error("it was reset while it measured, or does not answer")
        if data[1] & _BUSY or data[2] & 3:
            raise self._bus.error("no measurement after %d ms" % self.measure_ms)
        pressure = data[5] << 12 | data[6] << 4 | data[7] >> 4
        temperature = data[8] << 12 | data[9] << 4 | data[10] >> 4
        t_fine = fine_temperature(temperature, self._t)
        values[0] = t_fine * 25 + 64 >> 7  # 1/5120 °C
        values[1] = pressure_q4(pressure, t_fine, self._p) * 125 >> 1
        values[2] = humidity_q10(data[11] << 8 | data[12], t_fine, self._h) * 125 >> 7


# Section 4.2.3 and, for the pressure, section 8.2: the data sheet's formulas for int32, with numbers of at most 30 bits
# and a sign in between, which MicroPython keeps without heap on boards of 32 bits. The humidity is the same to the last
# bit. The temperature keeps the 3 lowest bits of its word, which are 0.002 °C. The pressure has 5 bits more in the slope
# and 4 after the point, without which it is up to 4 Pa off (the one of section 4.2.3 needs int64).


def _product(a, b, shift, part=10, add=0):
    """a * b + add >> shift, where a * b has more bits than fit: a is taken in two parts."""
    return (a >> part) * b + ((a & (1 << part) - 1) * b + add >> part) >> shift - part


def fine_temperature(adc, t):
    """t_fine: 1/5120 °C."""
    t1, t2, t3 = t
    d = (adc >> 4) - t1
    return _product(adc - (t1 << 4), t2, 14) + _product(_product(d, d, 12), t3, 14)


def pressure_q4(adc, t_fine, p):
    """1/16 Pa."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = p
    v = (t_fine >> 1) - 64000
    s = _product(v >> 2, v >> 2, 11)
    offset = (s * p6 + (v * p5 << 1) >> 14) + (p4 << 4)
    # 32768 + (p3 (s / 4) / 8 + p2 v / 2) / 2^18, times 32; the part of v below 2^9 is apart
    low = _product(s >> 2, p3, 3, 3) + (p2 * (v & 511) >> 1)
    slope = _product((32768 << 5) + (p2 * (v >> 9) + (low >> 8) >> 5), p1, 15)
    if slope <= 0:
        return 0
    # (1048576 - adc - offset) 6250 / (slope / 32), times 16: a division by hand, 160 * 400 * 50 = 6250 * 32 * 16
    rest, pa_q4 = 1048576 - adc - offset, 0
    for factor in (160, 400, 50):
        rest *= factor
        pa_q4 = pa_q4 * factor + rest // slope
        rest %= slope
    eighth = pa_q4 >> 7
    return pa_q4 + _product(eighth * eighth >> 13, p9, 12) + _product(pa_q4 >> 6, p8, 13) + p7


def humidity_q10(adc, t_fine, h):
    """1/1024 %."""
    h1, h2, h3, h4, h5, h6 = h
    v = t_fine - 76800
    a = adc - (h4 << 6) + (16384 - h5 * v >> 14) >> 1
    b = _product(v * h6 >> 10, (v * h3 >> 11) + 32768, 10) + 2097152
    x = a * _product(b, h2, 14, 10, 8192)
    x -= ((x >> 15) * (x >> 15) >> 7) * h1 >> 4
    return min(419430400, max(0, x)) >> 12
