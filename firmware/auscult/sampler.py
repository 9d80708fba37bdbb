# SPDX-License-Identifier: Apache-2.0
"""From the chip's FIFO into the pipeline: drains, marks lost samples, looks at the data's quality, measures the true
sample rate.

`drain()` moves the FIFO into one of a few blocks: called by polling, or by the chip's watermark interrupt, so that
the FIFO is emptied in time even while other tasks run. `pump()` pushes waiting blocks into the pipeline.
Nothing is allocated after construction and the first block.
"""

from array import array

from auscult import port
from auscult.sensors.accelerometer import Block
from auscult.sensors.unpack import pick

_AXES = "xyz"
_HALF_BASELINE_US = 40000000
_TURNS = 4  # a processor that is too slow for its sensor must still come to its other tasks


class RateMeter:
    """Sample rate against the board's clock, over a baseline of 40 to 80 s once that long has passed.

    A look at the FIFO says when its newest sample came: between this look and the one before. The interrupt comes with
    a sample. So after 10 s the error is below 0.1 % with the interrupt at any rate, and when polling every 4 ms,
    or at 200 Hz and more. Integers only."""

    def __init__(self, clock=port):
        self._clock = clock
        self.restart()

    def restart(self):
        """Forgets the baseline: after lost samples or a pause."""
        self.samples = self._middle_samples = self._elapsed_us = 0
        self._running = self._has_middle = False

    def add(self, samples, now_us):
        """samples: how many came out of the FIFO, which was seen at now_us."""
        if not samples:
            return
        if not self._running:
            self._running, self._start_us = True, now_us
            return
        self.samples += samples
        self._elapsed_us = self._clock.ticks_diff(now_us, self._start_us)
        if self._elapsed_us < _HALF_BASELINE_US:
            return
        if self._has_middle and self._elapsed_us < 2 * _HALF_BASELINE_US:
            return
        if self._has_middle:
            self.samples -= self._middle_samples
            self._start_us = self._middle_us
            self._elapsed_us = self._clock.ticks_diff(now_us, self._start_us)
        self._has_middle, self._middle_us, self._middle_samples = True, now_us, self.samples

    @property
    def baseline_ms(self):
        return self._elapsed_us // 1000

    def mhz(self):
        """The true rate in mHz; 0 before anything can be said. Long division: samples * 10**9 / elapsed, with no
        intermediate beyond 2**30 up to 100 samples a millisecond."""
        elapsed, rest, result = self._elapsed_us, self.samples, 0
        if elapsed <= 0:
            return 0
        for _ in range(9):
            rest *= 10
            result = result * 10 + rest // elapsed
            rest %= elapsed
        return result + (2 * rest >= elapsed)

    def is_off(self, made_mhz, tolerance_mhz):
        """True when the rate is further than that from made_mhz for sure: counting is exact to two samples."""
        if self.baseline_ms < 1000 or not self.samples:
            return False
        found = self.mhz()
        return abs(found - made_mhz) > tolerance_mhz + 2 * found // self.samples


class Sampler:
    """sensor: a configured driver. pipeline: has push(block, on_verdict), mark() and `axes` out of x, y, z.
    blocks: how many FIFO loads can wait for the pipeline, and one more.
    interrupt: a Pin wired to the chip's INT1, or None to poll. quality: a Quality, or None."""

    def __init__(self, sensor, pipeline, clock=port, blocks=2, interrupt=None, quality=None):
        self.sensor, self.pipeline, self._clock, self._interrupt = sensor, pipeline, clock, interrupt
        self.rate, self.quality = RateMeter(clock), quality
        self.samples = 0
        self.error = None  # an OSError from the interrupt handler, for the node to deal with
        self._blocks = [sensor.block() for _ in range(blocks)]
        self._counts, self._lost = array("H", [0] * blocks), bytearray(blocks)
        self._head = self._tail = 0
        self._draining = False
        self._overruns = self._left = 0
        unknown = [axis for axis in pipeline.axes if axis not in _AXES]
        if unknown:
            raise ValueError("the pipeline needs axis %s; the sensor has x, y and z" % ", ".join(unknown))
        self._columns, words = bytes([2 * _AXES.index(axis) for axis in pipeline.axes]), len(pipeline.axes)
        self._picked = None if self._columns == b"\x00\x02\x04" else Block(self._blocks[0].capacity, 2 * words, words)

    @property
    def overruns(self):
        """How often samples were lost."""
        return self.sensor.overruns

    def start(self):
        """(Re)starts the chip. After a pause samples are missing, so the windows around it are marked."""
        self.error = None
        self._tail = self._head
        self._left = 0
        self.rate.restart()
        if self.samples:
            self.pipeline.mark()
        if self._interrupt is not None:
            self._interrupt.irq(handler=self._on_interrupt, trigger=self._interrupt.IRQ_RISING)
        self.sensor.start()

    def stop(self):
        if self._interrupt is not None:
            self._interrupt.irq(handler=None)
        self.sensor.stop()

    def _on_interrupt(self, pin):
        try:
            while pin.value() and self.drain():
                pass
        except OSError as error:
            self.error = error

    def drain(self):
        """Moves the FIFO into the next free block; returns the number of samples. When no block is free the
        samples stay in the chip, which will say so if it loses any."""
        head = self._head
        following = (head + 1) % len(self._blocks)
        if following == self._tail or self._draining:
            return 0
        self._draining = True  # the interrupt may come while step() drains
        try:
            return self._drain(head, following)
        finally:
            self._draining = False

    def _drain(self, head, following):
        now_us = self._clock.ticks_us()
        sensor = self.sensor
        n = sensor.read_fifo_into(self._blocks[head])
        lost = sensor.overruns != self._overruns
        if lost:
            self.rate.restart()
        self.rate.add(n + sensor.left - self._left, now_us)
        self._left = sensor.left
        if n:
            self._overruns = sensor.overruns  # a read that only emptied an overrun FIFO leaves the mark to the next one
            self._counts[head], self._lost[head] = n, lost
            self.samples += n
            self._head = following
        return n

    def pump(self, on_verdict=None):
        """Pushes all waiting blocks into the pipeline; returns the number of samples."""
        total = 0
        while self._tail != self._head:
            tail = self._tail
            n = self._counts[tail]
            if self._lost[tail]:
                self.pipeline.mark()  # the chip dropped its oldest samples: the gap is before this block
            block = self._blocks[tail]
            if self._picked is not None:
                pick(block.data, n, 3, self._columns, self._picked.data)
                block = self._picked
            data, quality = block.first[n], self.quality
            if quality is not None:
                quality.look(data, n)
            self.pipeline.push(data, on_verdict)
            if quality is not None:
                quality.passed(n)
            self._tail = (tail + 1) % len(self._blocks)
            total += n
        return total

    def step(self, on_verdict=None):
        """One turn: drain, unless the interrupt has done it, then pump. Returns the samples."""
        if self.error is not None:
            raise self.error
        total = 0
        if self._interrupt is not None:
            total = self.pump(on_verdict)  # its blocks may be full, and the line therefore high
        if self._interrupt is None or self._interrupt.value():  # still high: an edge was missed, there is no other
            for _ in range(_TURNS):
                if not self.drain() or self.sensor.left < self.sensor.watermark:
                    break
                total += self.pump(on_verdict)
        return total + self.pump(on_verdict)
