# SPDX-License-Identifier: Apache-2.0
"""From a slow sensor into the pipeline: one sample each period, on a schedule that does not drift.

The pipeline's axes are `temperature` (°C), `humidity` (%), `pressure` (kPa), as far as the sensor has them, and `door`: a
digital input, 100 when its level is high, else 0. A word is value / full scale * 32768, as on the PC.
"""

from array import array

from auscult import port
from auscult.quality import OUT_OF_RANGE

# axis: the sensor's channel, and by what its thousandths are divided to be thousandths of the axis' unit
AXES = {"temperature": ("temperature_c", 1), "humidity": ("humidity_percent", 1), "pressure": ("pressure_pa", 1000)}
_OPEN = 100000
_DOOR = -1


class Schedule:
    """Instead of a RateMeter: the samples are taken by the board's own clock."""

    baseline_ms = 1 << 29

    def __init__(self, period_ms):
        self._period_ms = period_ms

    def mhz(self):
        return (1000000 + self._period_ms // 2) // self._period_ms

    def is_off(self, made_mhz, tolerance_mhz):
        return False


class SlowSampler:
    """sensor: a driver of a slow sensor. pipeline: has push(block, on_verdict), mark(), axes and full scale. door: a Pin."""

    def __init__(self, sensor, pipeline, period_ms, clock=port, door=None):
        self.sensor, self.pipeline, self._clock, self._door = sensor, pipeline, clock, door
        self.period_ms = period_ms
        self.rate, self.quality = Schedule(period_ms), self
        self.samples = self.overruns = 0
        places = []
        for axis in pipeline.axes:
            if axis == "door":
                if door is None:
                    raise ValueError("the pipeline needs axis door: give sensor.door_pin")
                places.append(_DOOR)
                continue
            channel = AXES.get(axis, ("",))[0]
            if channel not in sensor.CHANNELS:
                raise ValueError("the pipeline needs axis %s; %s has %s" % (axis, sensor.NAME, ", ".join(sensor.CHANNELS)))
            places.append(sensor.CHANNELS.index(channel))
        self._places = array("b", places)
        self._divisors = array("h", [AXES[axis][1] if axis in AXES else 1 for axis in pipeline.axes])
        self._values, self._block = sensor.values(), array("h", places)
        # word = thousandths * 32768 / (1000 * full scale), in lowest terms: small integers for every power of two
        up, down = 32768, int(1000 * pipeline.info["full_scale"] + 0.5)
        while down and not (up | down) & 1:
            up, down = up >> 1, down >> 1
        self._up, self._down = up, down
        self._window = self._cut = pipeline.info["window"]  # samples since one that the scale could not hold
        self._measuring = False
        self._began_ms = self._due_ms = 0

    def start(self):
        """Begins the schedule, with a sample at once. After a pause samples are missing."""
        if self.samples:
            self.pipeline.mark()
        self._measuring = False
        self._due_ms = self._clock.ticks_ms()

    def stop(self):
        self.sensor.stop()

    def nap_ms(self):
        """Until there is something to do."""
        clock = self._clock
        now_ms = clock.ticks_ms()
        if self._measuring:
            return max(1, self.sensor.measure_ms - clock.ticks_diff(now_ms, self._began_ms))
        return max(1, clock.ticks_diff(self._due_ms, now_ms))

    def step(self, on_verdict=None):
        """Begins a measurement that is due, or takes one that is ready into the pipeline; returns the samples, 0 or 1."""
        clock = self._clock
        now_ms = clock.ticks_ms()
        if self._measuring:
            if clock.ticks_diff(now_ms, self._began_ms) < self.sensor.measure_ms:
                return 0
            self._measuring = False
            self.sensor.read_into(self._values)
            self._convert()
            self.samples += 1
            self.pipeline.push(self._block, on_verdict)
            if self._cut < self._window:
                self._cut += 1
            return 1
        late_ms = clock.ticks_diff(now_ms, self._due_ms)
        if late_ms < 0:
            return 0
        missed = late_ms // self.period_ms
        if missed:
            self.overruns += 1
            self.pipeline.mark()
        self._due_ms = clock.ticks_add(self._due_ms, (missed + 1) * self.period_ms)
        self.sensor.start()
        self._began_ms, self._measuring = clock.ticks_ms(), True
        return 0

    def flaws(self):
        """Flags of the window that ends with this sample, as Quality has them."""
        return OUT_OF_RANGE if self._cut < self._window else 0

    def _convert(self):
        block, places = self._block, self._places  # four at once would make a tuple on the heap
        values, divisors = self._values, self._divisors
        up, down = self._up, self._down
        for i in range(len(block)):
            place = places[i]
            if place == _DOOR:
                value = _OPEN if self._door.value() else 0
            else:
                value = values[place] // divisors[i]
            word = (value * up + (down >> 1)) // down
            if not -32768 <= word <= 32767:
                self._cut = 0
                word = 32767 if word > 0 else -32768
            block[i] = word
