# SPDX-License-Identifier: Apache-2.0
"""The machine that a simulated board is bolted to: a file of the PC says what its sensor measures, and what breaks when.

The board's argument `machine` names the file, JSON: `recording`, int16 words, interleaved, little endian; for an
accelerometer x, y, z as the chip gives them and `rate_ppm`; for a slow sensor its `axes` and `full_scale`; `loop`: the
recording begins again at its end; `faults`: [ms since the first transfer, name, argument ...], in the order of time,
where the name is an attribute of the virtual chip, to set or to call.
"""

from auscult import port

_ENDLESS = 6 << 29  # bytes: samples of an accelerometer still are a small integer


class Loop:
    """A stream that begins again at its end."""

    def __init__(self, stream):
        self._stream = stream

    def seek(self, offset, whence=0):
        return _ENDLESS if whence == 2 else self._stream.seek(offset)

    def readinto(self, buf):
        n = got = self._stream.readinto(buf) or 0
        while n < len(buf):
            if not got:
                self._stream.seek(0)
            got = self._stream.readinto(memoryview(buf)[n:]) or 0
            n += got
        return n


class Faults:
    """Stands in front of a virtual chip on its bus; with each transfer it sets or calls what is due. Both buses' calls."""

    def __init__(self, chip, faults, clock=port):
        self._chip, self._faults, self._clock = chip, faults, clock
        self._at, self._ms, self._last_ms = 0, 0, None
        self.SPI_MODES = getattr(chip, "SPI_MODES", (0, 3))

    def _pass(self):
        if self._at == len(self._faults):
            return
        now_ms = self._clock.ticks_ms()
        if self._last_ms is not None:
            self._ms += self._clock.ticks_diff(now_ms, self._last_ms)
        self._last_ms = now_ms
        while self._at < len(self._faults) and self._ms >= self._faults[self._at][0]:
            self._set(*self._faults[self._at][1:])
            self._at += 1

    def _set(self, name, *arguments):
        if callable(getattr(self._chip, name)):
            getattr(self._chip, name)(*arguments)
        else:
            setattr(self._chip, name, arguments[0])

    def write(self, buf):
        self._pass()
        self._chip.write(buf)

    def readinto(self, buf):
        self._pass()
        self._chip.readinto(buf)

    def select(self):
        self._chip.select()

    def transfer(self, tx, rx):
        self._pass()
        self._chip.transfer(tx, rx)

    def deselect(self):
        self._chip.deselect()

    def tick(self):
        self._chip.tick()


def attach(settings):
    """Attaches the sensor of the node's configuration to its bus. Returns what can be the node's `source`; None on a real
    board, and on one that is bolted to nothing."""
    try:
        import simboard
    except ImportError:
        return None
    name = simboard.arg("machine")
    if name is None:
        return None
    try:
        with simboard.host_open(name) as stream:
            text = stream.read()
    except OSError:
        return None
    import json

    about = json.loads(text)
    stream = simboard.host_open(about["recording"], "rb")
    if about.get("loop"):
        stream = Loop(stream)
    faults = about.get("faults", ())
    if settings["sensor"]["period_s"] is None:
        from auscult.virtual import setup

        return setup.attach(settings, stream, rate_ppm=about.get("rate_ppm", 0), faults=faults)
    from auscult.virtual import feed

    return feed.attach(settings, stream, about["axes"], about["full_scale"], faults)
