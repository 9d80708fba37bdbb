# SPDX-License-Identifier: Apache-2.0
"""What all accelerometer drivers share: checks of what is asked for, the burst read, the self-test's arithmetic.

A driver says in class attributes what its chip can do, and defines `_configure` (the chip is at rest), `start`, `stop`
and `level` (samples waiting; counts overruns); where the chip has it `_excite` for the self-test, `temperature_c`,
`wake_on_motion` and `moved`.
"""

from auscult import port
from auscult.sensors.bus import SensorError

G_UM = 9806650  # standard gravity, µm/s²
_STEP = 32


class Block:
    """Room for samples of `stride` bytes as a FIFO gives them. Slices would allocate, so the ones that are needed are made here.

    data: after read_fifo_into() int16 x, y, z interleaved, little endian; first[n] covers the first n samples of it.
    Up to 32 samples n is any number, beyond that a multiple of 32: the rest waits in the FIFO."""

    def __init__(self, capacity=32, stride=6, words=3):
        self.capacity, self.stride = capacity, stride
        self.data = bytearray(capacity * stride)
        view = memoryview(self.data)
        sizes = list(range(min(capacity, _STEP) + 1)) + list(range(2 * _STEP, capacity + 1, _STEP))
        self.first = {n: view[: 2 * words * n] for n in sizes}
        self.raw = self.first if stride == 2 * words else {n: view[: stride * n] for n in sizes}

    def room(self, n):
        """How many of n waiting samples one read takes."""
        if n > self.capacity:
            n = self.capacity
        return n if n <= _STEP else n & ~(_STEP - 1)


class Accelerometer:
    """Base of the drivers. `bus`: an I2CBus or SPIBus. See `auscult.sensors` for the interface."""

    # --- what a driver says of its chip

    NAME = ""
    ADDRESSES = ()  # on I2C; the first is the usual one; none: the chip has no I2C
    ID_REGISTER, IDS = 0, ()
    DEPTH = 0  # samples that the FIFO holds
    STRIDE = 6  # bytes that a read takes from the FIFO for each
    DATA = 0  # register at which it begins
    RATES_HZ = ()
    RANGES_G = ()
    FULL_SCALES_UM = None  # acceleration of the word 32768 in each range, µm/s²; None: the range itself
    BITS = (16,)  # of a word that mean something, in each range or in all
    NOISE_UG = 0  # µg/√Hz
    BANDWIDTH = 0.5  # -3 dB, as a share of the rate
    BANDWIDTH_HZ = None  # and what it never exceeds: that of the sensing element, or of a filter; None: it has no such limit
    I2C_HZ = 400000  # fastest clock
    I2C_INCREMENT = 0  # or-ed to the register in reads of several bytes
    SPI_HZ = 10000000  # fastest clock; 0: the chip has no SPI
    SPI_MODES = (0, 3)
    SPI_READ = 0x80  # or-ed to the register when reading
    SPI_MULTIPLE = 0  # or-ed to the register in transfers of several bytes
    SPI_SHIFT = 0  # where the register's number begins in the command byte
    SPI_DUMMY = 0  # bytes between the command and the answer
    SPI_GAP_US = 0  # time that must pass between two reads of the FIFO
    WATERMARK_LINE = True  # whether an interrupt line can tell that the watermark is reached
    SELF_TEST = None  # (rate_hz, range_g, settling time in ms, ((least, most) in mg for x, y, z))
    SELF_TEST_ABSOLUTE = False  # True: the data sheet limits the change without its sign

    def __init__(self, bus, clock=port):
        self._bus, self._clock = bus, clock
        self._sleep_us = clock.sleep_us
        self.overruns = self.left = self.watermark = 0
        self.rate_hz = None
        bus.fit(self)
        self.check()

    def check(self):
        """Raises SensorError unless this chip answers."""
        self._bus.check_id(self.ID_REGISTER, self.IDS)

    def configure(self, rate_hz, range_g=16, watermark=None, axes="xyz"):
        """Sets output data rate in Hz, range in g and the FIFO level in samples that raises the interrupt line (by default
        what comes in 40 ms, but 16 to 256, at most half of the FIFO and what comes in 1 s). axes: those that are needed;
        the words of others mean nothing. Leaves the chip at rest: start() measures. ValueError says what the chip can do."""
        if rate_hz not in self.RATES_HZ:
            raise ValueError("%s cannot sample at %s Hz; it can at %s" % (self.NAME, rate_hz, _list(self.RATES_HZ)))
        if range_g not in self.RANGES_G:
            raise ValueError("%s has no range of %s g; it has %s" % (self.NAME, range_g, _list(self.RANGES_G)))
        if watermark is None:
            watermark = self.usual_watermark(rate_hz)
        if not 1 <= watermark < self.DEPTH:
            raise ValueError("watermark is %s; with %s it must be 1 to %d samples"
                             % (watermark, self.NAME, self.DEPTH - 1))
        if not axes or [axis for axis in axes if axis not in "xyz"]:
            raise ValueError("axes asked for are %s; %s has x, y and z" % (_list(axes), self.NAME))
        self.rate_hz, self.range_g, self.watermark, self.axes = rate_hz, range_g, watermark, axes
        self.full_scale_um = self.full_scale_of(range_g)
        self.stop()
        self._configure()

    @classmethod
    def full_scale_of(cls, range_g):
        """Acceleration of the word 32768 in a range, µm/s²."""
        if cls.FULL_SCALES_UM is None:
            return range_g * G_UM
        return cls.FULL_SCALES_UM[cls.RANGES_G.index(range_g)]

    @classmethod
    def bits_of(cls, range_g):
        """Of a word, how many mean something in a range."""
        return cls.BITS[cls.RANGES_G.index(range_g) if len(cls.BITS) > 1 else 0]

    @classmethod
    def usual_watermark(cls, rate_hz):
        """The FIFO level that configure() sets if it is not told another one."""
        return min(max(16, int(rate_hz / 25)), 256, cls.DEPTH // 2, max(1, int(rate_hz)))

    @classmethod
    def bandwidth_of(cls, rate_hz):
        """Frequency at which 3 dB are lost, Hz."""
        hz = cls.BANDWIDTH * rate_hz
        return hz if cls.BANDWIDTH_HZ is None else min(hz, cls.BANDWIDTH_HZ)

    @property
    def scale(self):
        """m/s² per digit of the words in a block."""
        return self.full_scale_um / 32768e6

    def block(self, capacity=None):
        """A Block for read_fifo_into(): by default of the whole FIFO, at most 256 samples."""
        return Block(capacity or min(self.DEPTH, 256), self.STRIDE)

    def read_fifo_into(self, block):
        """Moves the waiting samples into a Block, by one burst; returns how many. `left`: how many still wait, because
        the block is full or does not take any number (see Block). Allocates nothing."""
        try:
            if block.stride != self.STRIDE or block.capacity < self.watermark:
                raise self._unfit(block)
        except AttributeError:
            raise self._unfit(block)
        level = self.level()
        n = block.room(level)
        self.left = level - n
        if n:
            self._burst(block, n)
        return n

    def _burst(self, block, n):
        self._bus.read_into(self.DATA, block.raw[n])

    def _unfit(self, block):
        if self.rate_hz is None:
            return ValueError("%s is not configured: call configure() and start() first" % self.NAME)
        if not isinstance(block, Block):
            return TypeError("read_fifo_into() takes a Block, found %s: make one with sensor.block()"
                             % type(block).__name__)
        return ValueError("the block holds %d samples of %d bytes; %s needs %d or more (its watermark) of %d bytes: "
                          "make one with sensor.block()"
                          % (block.capacity, block.stride, self.NAME, self.watermark, self.STRIDE))

    # --- self-test

    def self_test(self):
        """How far the chip's own excitation moves each axis, in mg: (x, y, z). SensorError if that is outside of the
        data sheet's limits. The chip must lie still; afterwards it is stopped, so configure() it again."""
        if self.SELF_TEST is None:
            raise ValueError("%s has no self-test" % self.NAME)
        rate_hz, range_g, settle_ms, limits = self.SELF_TEST
        self.configure(rate_hz, range_g, min(16, self.DEPTH - 1))
        try:
            self.start()
            self._excite(False)  # off, or the other way
            before = self._mean(settle_ms)
            self._excite(True)
            after = self._mean(settle_ms)
            self._excite(False)
        finally:
            self.stop()
        moved = [(b - a) * self.full_scale_um * 1000 // (32768 * G_UM) for a, b in zip(before, after)]
        for axis, mg, (least, most) in zip("xyz", moved, limits):
            if not least <= (abs(mg) if self.SELF_TEST_ABSOLUTE else mg) <= most:
                raise SensorError("%s %s: self-test moved %s by %d mg, the data sheet says %d to %d mg: "
                                  "keep it still and try again; else replace the chip"
                                  % (self.NAME, self._bus.where, axis, mg, least, most))
        return tuple(moved)

    def _mean(self, settle_ms, samples=16):
        """Mean word of each axis, after what came while the chip settled has been thrown away."""
        block = self.block()
        self._clock.sleep_ms(settle_ms)
        old = self.DEPTH  # a quick chip's FIFO is never seen empty
        while old > 0:
            n = self.read_fifo_into(block)
            old -= n or old
        sums, count, patience = [0, 0, 0], 0, 8 * samples
        while count < samples:
            self._clock.sleep_ms(max(1, int(4000 / self.rate_hz)))
            n = self.read_fifo_into(block)
            for i in range(3 * n):
                word = block.data[2 * i] | block.data[2 * i + 1] << 8
                sums[i % 3] += word - 65536 if word & 0x8000 else word
            count += n
            patience -= 1
            if not patience:
                raise self._bus.error("no samples in the self-test")
        return [total // count for total in sums]


def _list(values):
    return ", ".join([str(value) for value in values])
