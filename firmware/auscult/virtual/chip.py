# SPDX-License-Identifier: Apache-2.0
"""What all virtual accelerometers share: time, the FIFO, the interrupt line, self-test and motion, faults. Registers and
both bus protocols are in `registers.py`.

The FIFO holds no copies: its contents are the next `level` samples of the recording. Sample k becomes available
at t0 + start-up time + (k + 1) / rate, rounded down to 1 µs, where t0 is when measuring began and the rate is the nominal
one times (1 + rate_ppm / 10**6). When a full FIFO loses its oldest sample the recording skips one. At the end of
the recording no more samples come, and `ended` is true once the last one has been read. Nothing is allocated
in the steady state.

Faults, set from outside at any time:
    present = False     unplugged; True: back again, as it was (call brown_out() as well if it had lost its supply)
    nack = n            the next n transfers on I2C are not acknowledged
    stuck = True        the bus is held low: time-outs on I2C, zeros on SPI
    flip(n, mask)       the n-th byte read from now on (from 0) is xor-ed with mask
    dead = 0, 1 or 2    axis x, y or z shows 0; None: fine again
    frozen = True       every sample is the one before
    brown_out()         the chip restarts with its power-on values
    overflow()          so much time passes unnoticed that the FIFO runs over
    registers[ID] = .   another chip's id
"""

from auscult import port


class Chip:
    """recording: virtual.recording.Recording. rate_ppm and gain_ppm: how far off this specimen's sample rate and
    sensitivity are. `drive(level)` is called when the interrupt line changes."""

    DEPTH = 32
    DEPTH_FLAG = 32  # level at which the chip says overrun
    START_US = 0  # turn-on time, before the first sample's period

    def __init__(self, recording, clock=port, rate_ppm=0, gain_ppm=0):
        self.recording, self._clock = recording, clock
        self.rate_ppm, self.gain_ppm = rate_ppm, gain_ppm
        self.temperature_c = 25
        self.level = self.lost = 0
        self.full = self.measuring = self.motion = False
        self.alarm_us = -1
        self.alarm = self._keep_alarm
        self.drive = None
        self.dead, self.frozen = None, False
        self._line = self._after_gap = 0
        self._threshold = 0  # of motion, in words; 0: not watching
        self._has_reference = False
        self._reference, self._sample = [0, 0, 0], bytearray(6)
        self._rate_mhz = self._period_us = self._rest = 0

    @property
    def ended(self):
        """True when every sample of the recording has been read (or lost)."""
        return self.recording.left == 0 and self.level == 0

    def _keep_alarm(self, at_us):
        self.alarm_us = at_us

    # --- what a chip defines

    def reset(self):
        """Power-on values."""

    def _depth(self):
        """Samples that the FIFO holds as it is set up; 1 without FIFO."""
        return self.DEPTH

    def _stops(self):
        """True in the mode that stops when the FIFO is full, instead of losing the oldest."""
        return False

    def _watermark(self):
        """FIFO level that raises the interrupt line; 0: none."""
        return 0

    # --- faults that are more than a flag

    def brown_out(self):
        """Power fails for a moment: everything is as after power on; what was in the FIFO is lost."""
        self.lost += self.level
        self._measure(0)
        self._empty()
        self._threshold, self.motion = 0, False
        self.recording.offset = None
        self.reset()
        self._update_line()

    def overflow(self, extra=8):
        """Nobody was reading until the FIFO ran over and `extra` samples were lost."""
        self._catch_up()
        count = min(self._depth() - self.level + extra, self.recording.left)
        self.recording.left -= count
        self._arrive(self.level + count)
        self._update_line()

    # --- time

    def _measure(self, rate_mhz, start_us=None):
        """Starts (or with 0 stops) measuring at a nominal rate in mHz; start_us: until the first sample begins, by default
        START_US."""
        if rate_mhz and not self.measuring:
            self._rate_mhz = rate_mhz + rate_mhz * self.rate_ppm // 1000000
            self._period_us, self._rest = divmod(1000000000, self._rate_mhz)
            start_us = self.START_US if start_us is None else start_us
            self._next_us = self._clock.ticks_add(self._clock.ticks_us(), start_us + self._period_us)
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
        self._arrive(level)

    def _arrive(self, level):
        """So many samples are there now, if they all find room."""
        depth = self._depth()
        if level >= self.DEPTH_FLAG and depth > 1:
            self.full = True
        if level > depth:
            too_many = level - depth
            level = depth
            self.lost += too_many
            if self._stops():
                self._after_gap += too_many
            else:
                for _ in range(too_many):
                    self._drop()
        self.level = level

    def _drop(self):
        """The oldest sample is lost; while watching for motion it is looked at."""
        if not self._threshold:
            self.recording.skip()
            return
        sample, reference = self._sample, self._reference
        self.recording.next_into(sample, 0)
        for axis in range(3):
            word = sample[2 * axis] | sample[2 * axis + 1] << 8
            if word & 0x8000:
                word -= 0x10000
            if not self._has_reference:
                reference[axis] = word
            elif abs(word - reference[axis]) > self._threshold:
                self.motion = True
        self._has_reference = True

    def _watch(self, threshold):
        """Motion is when an axis is further than this many words from where it was at the start; 0: do not watch."""
        self._threshold, self.motion, self._has_reference = threshold, False, False

    def _update_line(self):
        """Drives the interrupt pin and asks to be woken when the watermark will be reached."""
        if self.drive is None:
            return
        # The last samples of a recording may be fewer than the watermark: they raise the line as well, or nobody would
        # fetch them. A real chip's samples never end.
        mark = min(self._watermark(), self.level + self.recording.left) if self.measuring else 0
        line = 1 if 0 < mark <= self.level or self.motion else 0
        if line != self._line:
            self._line = line
            self.drive(line)
        missing = mark - self.level
        if self._threshold and self.measuring:
            missing = mark = 1  # every sample is looked at
        if mark and 0 < missing <= self.recording.left:
            missing -= 1
            late = missing * self._period_us + (self._fraction + missing * self._rest) // self._rate_mhz
            self.alarm(self._clock.ticks_add(self._next_us, late))
        else:
            self.alarm(-1)

    def tick(self):
        """The alarm's time has come."""
        self._catch_up()
        if self._threshold and self.level:
            self.level = 0
            self._drop()
        self._update_line()

    # --- FIFO

    def _empty(self):
        """Throws away what waits."""
        while self.level:
            self.level -= 1
            self.recording.skip()
        self._gap()
        self.full = False

    def _gap(self):
        """After a FIFO that had stopped: what came in the meantime is missing."""
        while self._after_gap:
            self._after_gap -= 1
            self.recording.skip()

    def _take(self):
        """Moves the oldest sample into self._sample; an empty FIFO shows the last one again."""
        sample = self._sample
        if not self.level:
            return
        self.level -= 1
        self.full = False
        if self.frozen:
            self.recording.skip()
        else:
            self.recording.next_into(sample, 0)
            if self.dead is not None:
                sample[2 * self.dead] = sample[2 * self.dead + 1] = 0
        if not self.level:
            self._gap()

    def _take_burst(self, buf):
        """Fills buf with whole samples as the recording has them; False if that is not what the chip would show."""
        n = len(buf) // 6
        if 6 * n != len(buf) or n > self.level or self.frozen or self.dead is not None or self._after_gap:
            return False
        self.level -= n
        self.full = False
        self.recording.burst_into(buf, n)
        sample, at = self._sample, 6 * n - 6
        for i in range(6):
            sample[i] = buf[at + i]
        return True
