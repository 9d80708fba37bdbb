# SPDX-License-Identifier: Apache-2.0
"""The bus side of virtual accelerometers: a register map behind I2C and SPI.

Samples leave in one of two ways, or both: through output registers at DATA (with ROLLS, a burst goes on with the next
sample), and through PORT, one address that gives the FIFO's bytes one after the other.
"""

from auscult import port
from auscult.virtual.chip import Chip

_ENODEV, _EIO, _ETIMEDOUT = 19, 5, 110


class RegisterChip(Chip):
    REGISTERS = 64
    ID = 0  # register of the device id
    DATA = 0  # first of the output registers
    SAMPLE = 6  # bytes of a sample, at DATA and from PORT
    PORT = -1  # register that gives the FIFO byte by byte
    SPI_MODES = (0, 3)
    SPI_DUMMY = 0  # bytes between the command and the answer

    def __init__(self, recording, clock=port, rate_ppm=0, gain_ppm=0):
        Chip.__init__(self, recording, clock, rate_ppm, gain_ppm)
        self.registers = bytearray(self.REGISTERS)
        self.present, self.stuck, self.nack = True, False, 0
        self._flip_in, self._flip_mask = -1, 0
        self._part = bytearray(self.SAMPLE)
        self._port_at = self.SAMPLE  # how much of _part has left through PORT
        self._register = self._dummy = 0
        self._command = -1
        self.reset()

    def flip(self, n, mask):
        """The n-th byte read from now on comes out xor-ed with mask."""
        self._flip_in, self._flip_mask = n, mask

    # --- what a chip defines

    def _get(self, register):
        return self.registers[register]

    def _set(self, register, value):
        self.registers[register] = value

    def _after(self, register):
        """The address that follows in a burst."""
        return (register + 1) % self.REGISTERS

    def _rolls(self):
        """Whether a burst goes on with the next sample after the output registers."""
        return False

    def _pack(self, sample, buf, at):
        """Writes a sample (six bytes, int16 little endian, left justified) as the chip shows it."""
        for i in range(6):
            buf[at + i] = sample[i]

    def _plain(self):
        """Whether the chip shows a sample just as those six bytes."""
        return self.SAMPLE == 6

    def _address(self, first):
        """Takes the address byte of an I2C transfer."""
        self._register = first % self.REGISTERS

    def _spi_address(self, command):
        """Takes the command byte of an SPI transfer."""
        self._register = command & 0x3F

    def _spi_reads(self, command):
        return command & 0x80

    # --- reading and writing

    def _take_into(self, buf, at):
        self._take()
        self._pack(self._sample, buf, at)

    def _show_into(self, buf, at):
        """The output registers: beside a PORT they show the newest sample and leave the FIFO alone."""
        if self.PORT < 0 or self._depth() == 1:
            self._take()
        self._pack(self._sample, buf, at)

    def _port_byte(self):
        """The FIFO's next byte."""
        if self._port_at >= self.SAMPLE:
            self._take_into(self._part, 0)
            self._port_at = 0
        self._port_at += 1
        return self._part[self._port_at - 1]

    def _fill(self, buf, at):
        register, data = self._register, self.DATA  # four at once would make a tuple on the heap
        size, n = self.SAMPLE, len(buf)
        whole = self._after(data) != data  # the chip increments the address
        while at < n:
            if register == self.PORT:
                if self._port_at >= size and at + size <= n:
                    self._take_into(buf, at)
                    at += size
                    continue
                buf[at] = self._port_byte()
            elif register == data and whole and at + size <= n:
                self._show_into(buf, at)
                at += size
                if not self._rolls():
                    register += size
                continue
            elif data <= register < data + size:
                # A read of part of the output registers still takes the whole sample out.
                if register == data or at == 0:
                    self._show_into(self._part, 0)
                buf[at] = self._part[register - data]
            else:
                buf[at] = self._get(register)
            register = self._after(register)
            at += 1
        self._register = register

    def _read(self, buf, at):
        first = self._register
        self._catch_up()
        streams = first == self.PORT and self._port_at >= self.SAMPLE or \
            self.PORT < 0 and first == self.DATA and (self._rolls() or len(buf) == self.SAMPLE)
        if at == 0 and streams and self._plain() and self._take_burst(buf):
            if first == self.DATA and not self._rolls():
                self._register = first + self.SAMPLE
        else:
            self._fill(buf, at)
        if self._flip_in >= 0:
            if at + self._flip_in < len(buf):
                buf[at + self._flip_in] ^= self._flip_mask
            self._flip_in -= len(buf) - at
        self._update_line()

    def _store(self, buf, at):
        n = len(buf)
        if at == n:
            return  # only an address
        self._catch_up()
        while at < n:
            register = self._register
            self._set(register, buf[at])
            if self._register == register:
                self._register = self._after(register)
            at += 1
        self._update_line()

    # --- I2C

    def _acknowledge(self):
        if self.stuck:
            raise OSError(_ETIMEDOUT)
        if not self.present:
            raise OSError(_ENODEV)
        if self.nack:
            self.nack -= 1
            raise OSError(_EIO)

    def write(self, buf):
        self._acknowledge()
        if len(buf):
            self._address(buf[0])
            self._store(buf, 1)

    def readinto(self, buf):
        self._acknowledge()
        self._read(buf, 0)

    # --- SPI

    def select(self):
        self._command = -1

    def transfer(self, tx, rx):
        if self.stuck or not self.present:
            for i in range(len(rx)):
                rx[i] = 0 if self.stuck else 0xFF
            return
        at, n = 0, len(tx)
        if self._command < 0:
            self._command = tx[0]
            self._dummy = self.SPI_DUMMY if self._spi_reads(tx[0]) else 0
            self._spi_address(tx[0])
            rx[0] = 0
            at = 1
        while self._dummy and at < n:
            self._dummy -= 1
            rx[at] = 0
            at += 1
        if at < n:
            if self._spi_reads(self._command):
                self._read(rx, at)
            else:
                self._store(tx, at)

    def deselect(self):
        pass
