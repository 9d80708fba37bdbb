# SPDX-License-Identifier: Apache-2.0
"""What all virtual accelerometers share: registers, time, the FIFO, the watermark line, both bus protocols.

The FIFO holds no copies: its contents are the next `level` samples of the recording. Sample k becomes available
at t0 + (k + 1) / rate, rounded down to 1 µs, where t0 is when measuring began and the rate is the nominal one
times (1 + rate_ppm / 10**6). When a full FIFO loses its oldest sample the recording skips one. At the end of
the recording no more samples come, and `ended` is true once the last one has been read. Nothing is allocated
in the steady state.
"""

from auscult import port

_ENODEV = 19


class Chip:
    """recording: virtual.recording.Recording. rate_ppm and gain_ppm: how far off this specimen's sample rate and
    sensitivity are. `drive(level)` is called when the interrupt line changes."""

    REGISTERS = 64
    DEPTH = 32
    DATA = 0  # first of six data registers
    DEPTH_FLAG = 32  # level at which the chip says overrun

    def __init__(self, recording, clock=port, rate_ppm=0, gain_ppm=0):
        self.recording, self._clock = recording, clock
        self.rate_ppm, self.gain_ppm = rate_ppm, gain_ppm
        self.registers = bytearray(self.REGISTERS)
        self.present = True  # False: nobody answers, as after a broken wire
        self.level = self.lost = self.taken = 0
        self.full = False
        self.measuring = False
        self.alarm_us = -1
        self.alarm = self._keep_alarm
        self.drive = None
        self._line = 0
        self._last = bytearray(6)
        self._part = bytearray(6)
        self._register = 0
        self.on_spi = False
        self._rate_mhz = self._period_us = self._rest = 0
        self.reset()

    @property
    def ended(self):
        """True when every sample of the recording has been read (or lost)."""
        return self.recording.left == 0 and self.level == 0

    def _keep_alarm(self, at_us):
        self.alarm_us = at_us

    # --- time

    def _measure(self, rate_mhz):
        """Starts (or with 0 stops) measuring at a nominal rate in mHz."""
        if rate_mhz and not self.measuring:
            self._rate_mhz = rate_mhz + rate_mhz * self.rate_ppm // 1000000
            self._period_us, self._rest = divmod(1000000000, self._rate_mhz)
            self._next_us = self._clock.ticks_add(self._clock.ticks_us(), self._period_us)
            self._fraction = self._rest
        self.measuring = rate_mhz > 0

    def _catch_up(self):
        """Produces the samples that have become due."""
        if not self.measuring:
            return
        clock, recording = self._clock, self.recording
        now = clock.ticks_us()
        depth = self._depth()
        while recording.left and clock.ticks_diff(now, self._next_us) >= 0:
            recording.left -= 1
            if self.level < depth:
                self.level += 1
            else:
                recording.skip()
                self.lost += 1
            if self.level >= self.DEPTH_FLAG:
                self.full = True
            self._next_us = clock.ticks_add(self._next_us, self._period_us)
            self._fraction += self._rest
            if self._fraction >= self._rate_mhz:
                self._fraction -= self._rate_mhz
                self._next_us = clock.ticks_add(self._next_us, 1)

    def _update_line(self):
        """Drives the interrupt pin and asks to be woken when the watermark will be reached."""
        if self.drive is None:
            return
        mark = self._watermark() if self.measuring else 0
        line = 1 if 0 < mark <= self.level else 0
        if line != self._line:
            self._line = line
            self.drive(line)
        missing = mark - self.level
        if mark and 0 < missing <= self.recording.left:
            missing -= 1
            late = missing * self._period_us + (self._fraction + missing * self._rest) // self._rate_mhz
            self.alarm(self._clock.ticks_add(self._next_us, late))
        else:
            self.alarm(-1)

    def tick(self):
        """The alarm's time has come."""
        self._catch_up()
        self._update_line()

    # --- FIFO

    def _take_into(self, buf, at):
        """Moves the oldest sample into buf[at:at + 6]; an empty FIFO shows the last one again."""
        last = self._last
        if self.level:
            self.level -= 1
            self.taken += 1
            self.full = False
            self.recording.next_into(buf, at)
            if self.level == 0:
                for i in range(6):
                    last[i] = buf[at + i]
        else:
            for i in range(6):
                buf[at + i] = last[i]

    # --- what a chip defines

    def reset(self):
        """Power-on values."""

    def _depth(self):
        return self.DEPTH

    def _watermark(self):
        """FIFO level that raises the interrupt line; 0: none."""
        return 0

    def _get(self, register):
        return self.registers[register]

    def _set(self, register, value):
        self.registers[register] = value

    def _after(self, register):
        """The address that follows in a burst."""
        return (register + 1) % self.REGISTERS

    # --- registers

    def _fill(self, buf, at):
        register = self._register
        data = self.DATA
        n = len(buf)
        while at < n:
            if register == data and at + 6 <= n and self._after(data) == data + 1:
                self._take_into(buf, at)
                at += 6
                self._popped()
                for _ in range(6):
                    register = self._after(register)
            else:
                if data <= register < data + 6:
                    # A read of part of the data registers still takes the whole sample out.
                    if register == data or at == 0:
                        self._take_into(self._part, 0)
                        self._popped()
                    buf[at] = self._part[register - data]
                else:
                    buf[at] = self._get(register)
                register = self._after(register)
                at += 1
        self._register = register
        self._update_line()

    def _popped(self):
        pass

    def _store(self, buf, at):
        for i in range(at, len(buf)):
            self._set(self._register, buf[i])
            self._register = self._after(self._register)
        self._update_line()

    def _address(self, first):
        """Takes the address byte."""
        self._register = first % self.REGISTERS

    # --- I2C

    def write(self, buf):
        if not self.present:
            raise OSError(_ENODEV)
        if len(buf):
            self._catch_up()
            self._address(buf[0])
            self._store(buf, 1)

    def readinto(self, buf):
        if not self.present:
            raise OSError(_ENODEV)
        self._catch_up()
        self._fill(buf, 0)

    # --- SPI: bit 7 read, bit 6 multiple bytes

    def select(self):
        self.on_spi = True
        self._command = -1

    def transfer(self, tx, rx):
        if not self.present:
            for i in range(len(rx)):
                rx[i] = 0xFF
            return
        self._catch_up()
        at = 0
        if self._command < 0:
            self._command = tx[0]
            self._spi_address(tx[0])
            rx[0] = 0
            at = 1
        if at < len(tx):
            if self._command & 0x80:
                self._fill(rx, at)
            else:
                self._store(tx, at)

    def _spi_address(self, command):
        self._register = command & 0x3F

    def deselect(self):
        pass
