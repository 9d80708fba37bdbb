# SPDX-License-Identifier: Apache-2.0
"""A recording of slow quantities, fed to a virtual slow chip: at each conversion the chip measures what the recording holds
for that moment. The recording's first sample is at the first conversion."""

from array import array

from auscult.sensors import SLOW
from auscult.slow_sampler import AXES
from auscult.virtual.setup import connect


class Feed:
    """stream: int16 words of `axes`, interleaved, little endian; full_scale: value of the word 32768; drive(level): sets the
    door's input. `ended` once the chip measured after the recording's end."""

    def __init__(self, stream, axes, full_scale, period_ms, drive=None):
        self._stream, self._axes, self._scale, self._period_ms, self._drive = stream, axes, full_scale / 32768, period_ms, drive
        self._row = array("h", [0] * len(axes))
        self._left = stream.seek(0, 2) // (2 * len(axes))
        stream.seek(0)
        self._at, self._first_s = -1, None
        self.ended = False

    def quantities(self):
        """For the virtual chip: name -> function of the seconds since it was made."""
        return {AXES[axis][0]: self._quantity(i, AXES[axis][1]) for i, axis in enumerate(self._axes) if axis in AXES}

    def _quantity(self, i, factor):
        def measure(seconds):
            self._go(seconds)
            return self._row[i] * self._scale * factor

        return measure

    def _go(self, seconds):
        if self._first_s is None:
            self._first_s = seconds
        now = round((seconds - self._first_s) * 1000 / self._period_ms)
        while self._at < now and not self.ended:
            if not self._left:
                self.ended = True
                return
            self._stream.readinto(self._row)
            self._left -= 1
            self._at += 1
            if self._drive is not None and "door" in self._axes:
                self._drive(1 if self._row[self._axes.index("door")] * self._scale > 50 else 0)


def chip_class(name):
    """The virtual chip of a slow driver's name."""
    file, kind = SLOW[name]
    return getattr(__import__("auscult.virtual." + file, None, None, (kind,)), kind)


def attach(config, recording, axes, full_scale, faults=()):
    """Plays `recording` (a stream, as of simboard.host_open) into the slow chip and the pin of the door that the node has, on
    a simulated board. Returns the Feed, which can be its `source`. faults: see virtual.machine."""
    import simboard

    sensor = config["sensor"]
    pin = sensor["door_pin"]
    drive = None if pin is None else lambda level: simboard.drive(pin, level)
    feed = Feed(recording, axes, full_scale, int(1000 * sensor["period_s"]), drive)
    chip = chip_class(sensor["chip"])(**feed.quantities())
    connect(sensor, chip, faults)
    return feed
