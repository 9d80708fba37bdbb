# SPDX-License-Identifier: Apache-2.0
"""Runs of samples for `auscult monitor`, between the verdicts. The monitor sends this file when it starts a node with it;
a node by itself does without.

    {"node": "pump_3", "sensor": "ADXL345", "axes": ["x", "y", "z"], "rate_hz": 1600, "full_scale": 156.9, ...}
    {"wave": "<base64>", "n": 7, "at": 0, "of": 512, "crc": 1234567890, "mhz": 1600213, "overruns": 0}

A run of `of` samples comes in pieces, so that no verdict waits long behind one: `n`: number of the run, `at`: first sample
of the piece, int16 little endian, axes interleaved. crc: CRC-32 of "n,at,of," and the samples.
"""

import binascii

from auscult import port

_LEAST, _MOST = 96, 768  # bytes of samples in a piece
_QUICK_MS, _SLOW_MS = 2, 12  # a line on which a piece takes less, or more: larger, or smaller ones


class Waves:
    """Stands in for the pipeline at the node's sampler and passes all on. Keeps a run of so many samples every_ms; 0: none.
    Of a slow sensor every sample is a run."""

    def __init__(self, node, samples=512, every_ms=500, clock=port):
        pipeline, config = node.pipeline, node.config
        self.axes, self.info = pipeline.axes, pipeline.info
        self._pipeline, self._report, self._node, self._clock = pipeline, node.report, node, clock
        info, slow = pipeline.info, config["sensor"]["period_s"] is not None
        node.report.note("node", config["name"], pipeline=pipeline.name, sensor=node.sensor.NAME, axes=list(pipeline.axes),
                         classes=list(pipeline.classes), normal=config["decision"]["normal"], rate_hz=info["rate_hz"],
                         full_scale=info["full_scale"] if slow else node.sensor.full_scale_um / 1000000,
                         window=info["window"], hop=info["hop"])
        if slow and every_ms:
            samples, every_ms = 1, 1
        self._stride = 2 * len(pipeline.axes)
        self._buffer = bytearray(self._stride * samples if every_ms else 0)
        self._every_ms = every_ms
        self._filled = self._sent = self._number = 0
        self._piece = _LEAST
        self._began_ms = clock.ticks_add(clock.ticks_ms(), -every_ms)

    def mark(self):
        """Samples are missing: a run that is being kept begins again."""
        self._pipeline.mark()
        if self._filled < len(self._buffer):
            self._filled = 0

    def push(self, block, on_verdict=None):
        self._pipeline.push(block, on_verdict)
        buffer, clock = self._buffer, self._clock
        if self._filled < len(buffer):
            if not self._filled:
                if clock.ticks_diff(clock.ticks_ms(), self._began_ms) < self._every_ms:
                    return
                self._began_ms = clock.ticks_ms()
            block = bytes(block)
            n = min(len(block), len(buffer) - self._filled)
            buffer[self._filled : self._filled + n] = block[:n]
            self._filled += n
        if buffer and self._filled == len(buffer):
            self._send()

    def _send(self):
        """A piece."""
        stride, at, clock = self._stride, self._sent, self._clock
        data = bytes(self._buffer[at : at + self._piece // stride * stride])
        place = (self._number, at // stride, len(self._buffer) // stride)
        more = {}
        if not at:
            sampler = self._node.sampler
            more = {"mhz": sampler.rate.mhz(), "overruns": sampler.overruns}
        text = binascii.b2a_base64(data)[:-1].decode()
        began_ms = clock.ticks_ms()
        self._report.note("wave", text, n=place[0], at=place[1], of=place[2],
                          crc=binascii.crc32(data, binascii.crc32(b"%d,%d,%d," % place)), **more)
        took_ms = clock.ticks_diff(clock.ticks_ms(), began_ms)
        if took_ms < _QUICK_MS:
            self._piece = min(_MOST, 2 * self._piece)
        elif took_ms > _SLOW_MS:
            self._piece = max(_LEAST, self._piece // 2)
        self._sent = at + len(data)
        if self._sent == len(self._buffer):
            self._filled = self._sent = 0
            self._number += 1
