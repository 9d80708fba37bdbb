# SPDX-License-Identifier: Apache-2.0
"""Streams the samples of a sensor over the console, for `auscult record`: shipped driver and sampler, no pipeline.

    {"start": "LIS3DH", "rate_hz": 400, "full_scale_um": 156906400}
    :<base64 of a frame>
    {"end": "complete", "samples": 8000, "overruns": 0, "rate_mhz": 399712}

A frame, little endian: number of its first sample (uint32), samples in it (uint16), 1 if the chip lost samples before it
(uint16), the true rate so far in mHz (uint32), int16 x, y, z of each sample, CRC-32 of all that.
"""

import binascii
import json
import struct
import sys

from auscult import config as configuration
from auscult import node, port
from auscult.sampler import Sampler
from auscult.sensors import driver

_LOOK_MS = 4


class Frames:
    """Where the sampler's blocks go, in place of a pipeline. write: takes bytes."""

    axes = ("x", "y", "z")

    def __init__(self, write):
        self.samples, self.sampler = 0, None
        self._write, self._lost = write, 0

    def mark(self):
        """Samples are missing before the next block."""
        self._lost = 1

    def push(self, block, on_verdict=None):
        n = len(block) // 6
        frame = struct.pack("<IHHI", self.samples, n, self._lost, self.sampler.rate.mhz()) + bytes(block)
        self.samples += n
        self._lost = 0
        self._write(b":" + binascii.b2a_base64(frame + struct.pack("<I", binascii.crc32(frame))))


def main(settings, samples, source=None, write=None):
    """Until so many samples have been sent, `source` (a virtual chip) has ended, or Ctrl-C.

    settings: the `sensor` section of the node's configuration."""
    if write is None:
        write = getattr(sys.stdout, "buffer", sys.stdout).write
    sampler = None
    try:
        sensor = configuration.check({"sensor": settings})["sensor"]
        chip = driver(sensor["chip"])(node.make_bus(sensor), port)
        chip.configure(sensor["rate_hz"], sensor["range_g"], sensor["watermark"], Frames.axes)
        frames = Frames(write)
        if sensor["int_pin"] is None:
            sampler = Sampler(chip, frames, port)
        else:
            sampler = Sampler(chip, frames, port, 4, node.make_interrupt(sensor))
        frames.sampler = sampler
        print(json.dumps({"start": chip.NAME, "rate_hz": chip.rate_hz, "full_scale_um": chip.full_scale_um}))
        sampler.start()
        why = _run(sampler, frames, samples, source, max(1000, 8 * int(1000 * chip.watermark / chip.rate_hz)))
        sampler.stop()
    except KeyboardInterrupt:
        why = "stopped"
    except Exception as error:
        print(json.dumps({"error": str(error) or type(error).__name__}))
        return
    finally:
        if sampler is not None:
            port.hold_ctrl_c(True)  # who presses it twice must not leave the sensor measuring
            try:
                sampler.stop()
            except OSError:
                pass
            port.hold_ctrl_c(False)
    if sampler is not None:
        print(json.dumps({"end": why, "samples": frames.samples, "overruns": sampler.overruns, "rate_mhz": sampler.rate.mhz()}))


def _run(sampler, frames, samples, source, patience_ms):
    heard_ms = port.ticks_ms()
    while frames.samples < samples:
        if sampler.step():
            heard_ms = port.ticks_ms()
        elif source is not None and source.ended:
            return "recording ended"
        elif port.ticks_diff(port.ticks_ms(), heard_ms) > patience_ms:
            raise OSError("%s: no samples for %d ms" % (sampler.sensor.NAME, patience_ms))
        else:
            port.sleep_ms(_LOOK_MS)
    return "complete"
