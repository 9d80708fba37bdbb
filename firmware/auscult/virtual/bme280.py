# SPDX-License-Identifier: Apache-2.0
"""A virtual BME280 after Bosch's data sheet BST-BME280-DS001-24, Revision 1.24, on I2C or SPI: forced mode, oversampling and
the resolution that comes with it, trimming values, status, soft reset. Not included: normal mode, the filter.

The words that a temperature, pressure and humidity give are searched with the formulas for double precision of section
8.1, so a driver's integer formulas are checked against others."""

from auscult.virtual.slow import SlowChip

# A specimen: T1 to T3, P1 to P9, H1 to H6 (section 4.2.2, Table 16)
TRIMMING_T = (27504, 26435, -1000)
TRIMMING_P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
TRIMMING_H = (75, 370, 0, 313, 50, 30)


def fine_temperature(adc, t):
    """t_fine, of which 5120 are 1 °C."""
    var1 = (adc / 16384 - t[0] / 1024) * t[1]
    var2 = (adc / 131072 - t[0] / 8192) ** 2 * t[2]
    return var1 + var2


def pressure_pa(adc, t_fine, p):
    var1 = t_fine / 2 - 64000
    var2 = var1 * var1 * p[5] / 32768 + var1 * p[4] * 2
    var2 = var2 / 4 + p[3] * 65536
    var1 = (p[2] * var1 * var1 / 524288 + p[1] * var1) / 524288
    var1 = (1 + var1 / 32768) * p[0]
    pressure = (1048576 - adc - var2 / 4096) * 6250 / var1
    return pressure + (p[8] * pressure * pressure / 2147483648 + pressure * p[7] / 32768 + p[6]) / 16


def humidity_percent(adc, t_fine, h):
    x = t_fine - 76800
    x = (adc - (h[3] * 64 + h[4] / 16384 * x)) * (
        h[1] / 65536 * (1 + h[5] / 67108864 * x * (1 + h[2] / 67108864 * x)))
    return x * (1 - h[0] * x / 524288)


def _search(wanted, bits, function, *arguments):
    """The word of which function(word, *arguments), which only rises, comes closest from below."""
    word = 0
    for bit in range(bits - 1, -1, -1):
        if function(word | 1 << bit, *arguments) <= wanted:
            word |= 1 << bit
    return word


def _falling(word, t_fine, p):
    return -pressure_pa(word, t_fine, p)


class BME280(SlowChip):
    QUANTITIES = ("temperature_c", "pressure_pa", "humidity_percent")
    SPI_MODES = (0, 3)  # section 6.3
    START_UP_US = 2000  # section 1.1, Table 1

    def reset(self):
        self.registers = registers = bytearray(256)
        registers[0xD0] = 0x60
        at = 0x88
        for value in TRIMMING_T + TRIMMING_P:
            registers[at], registers[at + 1] = value & 0xFF, value >> 8 & 0xFF
            at += 2
        h1, h2, h3, h4, h5, h6 = TRIMMING_H
        registers[0xA1] = h1
        registers[0xE1], registers[0xE2], registers[0xE3] = h2 & 0xFF, h2 >> 8 & 0xFF, h3
        registers[0xE4], registers[0xE5], registers[0xE6] = h4 >> 4 & 0xFF, h4 & 15 | (h5 & 15) << 4, h5 >> 4 & 0xFF
        registers[0xE7] = h6 & 0xFF
        self._words = bytearray((0x80, 0, 0, 0x80, 0, 0, 0x80, 0))  # pressure, temperature, humidity: none
        self._publish()
        self._pointer, self._command = 0, -1
        self._measuring = False
        self._active_hum = 0  # ctrl_hum takes effect with a write of ctrl_meas

    def _publish(self):
        for i in range(8):
            self.registers[0xF7 + i] = self._words[i]

    def _measure(self):
        """Section 9.1: the longest time; Tables 20, 23 and 24: oversampling."""
        meas = self.registers[0xF4]
        times_t, times_p, times_h = [1 << min(5, osrs) - 1 if osrs else 0
                                     for osrs in (meas >> 5, meas >> 2 & 7, self._active_hum)]
        words = self._words
        adc = _coarse(_search(self.now("temperature_c") * 5120, 20, fine_temperature, TRIMMING_T), times_t)
        _put20(words, 3, adc)
        t_fine = fine_temperature(adc, TRIMMING_T)
        adc = _search(-self.now("pressure_pa"), 20, _falling, t_fine, TRIMMING_P)
        _put20(words, 0, _coarse(adc, times_p))
        adc = _search(self.now("humidity_percent"), 16, humidity_percent, t_fine, TRIMMING_H) if times_h else 0x8000
        words[6], words[7] = adc >> 8, adc & 0xFF
        self._measuring = True
        self.conversion.start(1250 + 2300 * times_t + (2300 * times_p + 575 if times_p else 0)
                              + (2300 * times_h + 575 if times_h else 0))

    def _finish(self):
        if self._measuring and not self.conversion.left_us():
            self._measuring = False
            self.registers[0xF4] &= 0xFC  # asleep again
            self._publish()

    def _get(self, register):
        if register == 0xF3:
            return (8 if self._measuring else 0) | (1 if self.start_up.left_us() else 0)
        return self.registers[register]

    def _set(self, register, value):
        if register == 0xE0:
            if value == 0xB6:
                self.brown_out()
        elif register == 0xF2 or register == 0xF5:
            self.registers[register] = value
        elif register == 0xF4:
            self._finish()
            self.registers[0xF4] = value
            self._active_hum = self.registers[0xF2] & 7
            if value & 3 in (1, 2) and not self._measuring:
                self._measure()

    def _read(self, buf, at):
        self._finish()
        for i in range(at, len(buf)):
            buf[i] = self._get(self._pointer)
            self._pointer = self._pointer + 1 & 0xFF

    # --- I2C: writes are pairs of address and value (section 6.2.1)

    def _write(self, buf):
        if len(buf) == 1:
            self._pointer = buf[0]
        for i in range(0, len(buf) - 1, 2):
            self._set(buf[i], buf[i + 1])

    # --- SPI: bit 7 of the address says read, and is set in the register's number (section 6.3.1)

    def select(self):
        self._command = -1

    def transfer(self, tx, rx):
        if self.stuck or not self.present or self.start_up.left_us():
            for i in range(len(rx)):
                rx[i] = 0x00 if self.stuck else 0xFF
            return
        at = 0
        if self._command < 0:
            self._command = tx[0]
            self._pointer = tx[0] | 0x80
            rx[0] = 0xFF
            at = 1
        if at == len(tx):
            return
        if self._command & 0x80:
            self._read(rx, at)
            self._spoil(rx, at)
            return
        # a write of several registers: value, address, value, address, ...
        value = True
        for i in range(at, len(tx)):
            if value:
                self._set(self._pointer, tx[i])
            else:
                self._pointer = tx[i] | 0x80
            value = not value

    def deselect(self):
        pass


def _coarse(adc, times):
    """Of 20 bits ×1 gives the upper 16, each doubling one more, ×16 all; 0x80000 if it was skipped."""
    unit = 16 // times if times else 0
    return adc // unit * unit if unit else 0x80000


def _put20(words, at, adc):
    words[at], words[at + 1], words[at + 2] = adc >> 12, adc >> 4 & 0xFF, adc << 4 & 0xF0
