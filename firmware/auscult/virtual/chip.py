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
        self.level = self.lost = 0
        self.full = False
        self.measuring = False
        self.alarm_us = -1
        self.alarm = self._keep_alarm
        self.drive = None
        self._line = 0
        self._last = bytearray(6)
        self._part = bytearray(6)
        self._register = 0
        self._gap_us = 0  # time that the chip needs between two reads, on SPI
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
        recording = self.recording
        now = self._clock.ticks_us()
        late = self._clock.ticks_diff(now, self._next_us)
        if late < 0 or not recording.left:
            return
        left, level = recording.left, self.level
        period, rest, rate = self._period_us, self._rest, self._rate_mhz
        fraction = self._fraction
        while late >= 0 and left:
            left -= 1
            level += 1
            late -= period
            fraction += rest
            if fraction >= rate:
                fraction -= rate
                late -= 1
        recording.left, self._fraction = left, fraction
        self._next_us = self._clock.ticks_add(now, -late)
        if level >= self.DEPTH_FLAG:
            self.full = True
        for _ in range(level - self._depth()):
            recording.skip()
            self.lost += 1
            level -= 1
        self.level = level

    def _update_line(self):
        """Drives the interrupt pin and asks to be woken when the watermark will be reached."""
        if self.drive is None:
            return
        # The last samples of a recording may be fewer than the watermark: they raise the line as well, or nobody would
        # fetch them. A real chip's samples never end.
        mark = min(self._watermark(), self.level + self.recording.left) if self.measuring else 0
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
            self.full = False
            self.recording.next_into(buf, at)
            if self.level == 0:
                for i in range(6):
                    last[i] = buf[at + i]
        else:
            for i in range(6):
                buf[at + i] = last[i]

    def _take_burst(self, buf):
        """Fills buf with the oldest samples if they are many enough; False if they are not."""
        end = len(buf)
        n = end // 6
        if 6 * n != end or n > self.level or self._gap_us:
            return False
        self.level -= n
        self.full = False
        self.recording.burst_into(buf, n)
        if self.level == 0:
            for i in range(6):
                self._last[i] = buf[end - 6 + i]
        return True

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

    def _rolls(self):
        """Whether a burst goes on with the next sample after the data registers."""
        return False

    # --- registers

    def _fill(self, buf, at):
        register, data, n = self._register, self.DATA, len(buf)
        whole = self._after(data) != data  # the chip increments the address
        while at < n:
            if register == data and whole and at + 6 <= n:
                self._take_into(buf, at)
                at += 6
                if not self._rolls():
                    register += 6
            else:
                if data <= register < data + 6:
                    # A read of part of the data registers still takes the whole sample out.
                    if register == data or at == 0:
                        self._take_into(self._part, 0)
                    buf[at] = self._part[register - data]
                else:
                    buf[at] = self._get(register)
                register = self._after(register)
                at += 1
        self._register = register
        self._update_line()

    def _read(self, buf, at):
        self._catch_up()
        if at == 0 and self._register == self.DATA and (self._rolls() or len(buf) == 6) and self._take_burst(buf):
            if not self._rolls():
                self._register = self.DATA + 6
            if self.drive is not None:
                self._update_line()
        else:
            self._fill(buf, at)

    def _store(self, buf, at):
        n = len(buf)
        if at == n:
            return  # only an address
        self._catch_up()
        while at < n:
            self._set(self._register, buf[at])
            self._register = self._after(self._register)
            at += 1
        self._update_line()

    def _address(self, first):
        """Takes the address byte."""
        self._register = first % self.REGISTERS

    # --- I2C

    def write(self, buf):
        if not self.present:
            raise OSError(_ENODEV)
        if len(buf):
            self._address(buf[0])
            self._store(buf, 1)

    def readinto(self, buf):
        if not self.present:
            raise OSError(_ENODEV)
        self._read(buf, 0)

    # --- SPI: bit 7 read, bit 6 multiple bytes

    def select(self):
        self._command = -1

    def transfer(self, tx, rx):
        if not self.present:
            for i in range(len(rx)):
                rx[i] = 0xFF
            return
        at = 0
        if self._command < 0:
            self._command = tx[0]
            self._spi_address(tx[0])
            rx[0] = 0
            at = 1
        if at < len(tx):
            if self._command & 0x80:
                self._read(rx, at)
            else:
                self._store(tx, at)

    def _spi_address(self, command):
        self._register = command & 0x3F

    def deselect(self):
        pass
