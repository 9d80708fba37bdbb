# SPDX-License-Identifier: Apache-2.0
"""Attaches a virtual chip to a simulated board's bus, as the node's own configuration describes the real one."""

from auscult.virtual.recording import Recording


def chip_class(name):
    """The virtual chip of a driver's name."""
    from auscult.sensors import CHIPS

    file, kind = CHIPS[name]
    return getattr(__import__("auscult.virtual." + file, None, None, (kind,)), kind)


def connect(sensor, chip, faults=()):
    """Puts a chip on the bus that the configuration's `sensor` section names, behind its faults; returns its slot."""
    import simboard

    if faults:
        from auscult.virtual.machine import Faults

        chip = Faults(chip, faults)
    if sensor["bus"] == "i2c":
        return simboard.attach_i2c(sensor["id"], sensor["address"], chip)
    return simboard.attach_spi(sensor["id"], sensor["cs"], chip)


def attach(config, recording, full_scale_um=None, rate_ppm=0, gain_ppm=0, noise_um=0, faults=()):
    """Plays `recording` (a file on the PC: int16 x, y, z interleaved, little endian) into a chip on the bus.

    full_scale_um: acceleration of the word 32768 in µm/s²; None: the words are exactly what the chip gives.
    noise_um: see virtual.recording.Recording; faults: see virtual.machine.
    Returns the chip; it is `ended` when all has been read, so it can be the node's `source`."""
    import simboard

    sensor = config["sensor"]
    stream = simboard.host_open(recording, "rb") if isinstance(recording, str) else recording
    chip = chip_class(sensor["chip"])(Recording(stream, full_scale_um, noise_um=noise_um), rate_ppm=rate_ppm,
                                      gain_ppm=gain_ppm)
    slot = connect(sensor, chip, faults)
    if sensor["int_pin"] is not None:
        alarm, drive, pin = simboard.alarm, simboard.drive, sensor["int_pin"]
        chip.alarm = lambda at_us: alarm(slot, at_us)
        chip.drive = lambda level: drive(pin, level)
    return chip
