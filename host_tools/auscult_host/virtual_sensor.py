# SPDX-License-Identifier: Apache-2.0
"""What a virtual sensor chip is given to measure: a recording as its words, and the settings of a node that suit both."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import device, faults, files, recordings, slow
from .errors import AuscultError
from .spec import Made
from .train import check_fit

AXES = ("x", "y", "z")  # in the order in which a chip gives them
_NEAR = 0.25  # of a chip's rate to the model's: what is played is then taken to be the chip's true rate


@dataclasses.dataclass
class Signal:
    """words: int16 [n, axes], as a virtual chip is given them; about: what else `machine.json` says of them (see
    firmware/auscult/virtual/machine.py)."""

    words: NDArray[np.int16]
    about: dict[str, Any]

    def write(self, folder: Path) -> Path:
        """The two files that a simulated board is bolted to; returns machine.json."""
        recording, machine = folder / "recording.i16", folder / "machine.json"
        for file, data in ((recording, np.ascontiguousarray(self.words, "<i2").tobytes()),
                           (machine, json.dumps({"recording": str(recording), **self.about}).encode())):
            with files.atomic(file) as part:
                part.write_bytes(data)
        return machine


def signal(recording: recordings.Recording, sensor: dict[str, Any], full_scale: float, broken: Sequence[faults.Fault] = (),
           **about: Any) -> Signal:
    """A recording as the chip of a node's `sensor` section measures it, at the recording's own rate, whatever the nominal
    rate is. full_scale: of the pipeline; broken: what breaks; about: more for machine.json, as loop."""
    recording = faults.spoiled(recording, broken)
    if sensor["chip"] in slow.chips():
        axes, words = recording.axes, recordings.to_int16(recording, full_scale)
        about |= {"axes": list(axes), "full_scale": full_scale}
    else:
        axes, words = AXES, chip_words(recording, sensor["chip"], sensor["range_g"], full_scale)
        about["rate_ppm"] = round((recording.rate_hz / sensor["rate_hz"] - 1) * 1e6) + faults.rate_error_ppm(broken)
    return Signal(faults.stick(words, axes, recording, broken), {**about, "faults": faults.on_board(broken, recording)})


def sensor_settings(made: Made, chip: str, bus: str) -> dict[str, Any]:
    """The node configuration's `sensor` section that suits a pipeline: nearest rate and range of the chip. AuscultError if
    that rate is another one."""
    if bus not in ("i2c", "spi"):
        raise AuscultError(f"the bus {bus!r}", "i2c or spi", "for example --bus i2c")
    if chip in slow.chips():
        return slow.sensor_settings(made, chip, bus)
    driver = device.accelerometer(chip)
    if not (driver.ADDRESSES if bus == "i2c" else driver.SPI_HZ):
        other = "spi" if bus == "i2c" else "i2c"
        raise AuscultError(f"{driver.NAME} on {bus}, which it does not have", other, f"--bus {other}")
    rate = min(driver.RATES_HZ, key=lambda r: abs(np.log(r / made.spec.rate_hz)))
    if not 1 - _NEAR < rate / made.spec.rate_hz < 1 + _NEAR:
        able = [name for name in device.chips() if any(1 - _NEAR < r / made.spec.rate_hz < 1 + _NEAR
                                                       for r in device.accelerometer(name).RATES_HZ)]
        raise AuscultError(f"the chip {chip}, which comes no nearer than {rate:g} Hz to the model's {made.spec.rate_hz:g} Hz",
                           f"a rate within {100 * _NEAR:.0f} %", "for example --chip " + " or ".join(able[:3] or ["adxl345"]))
    wide = [g for g in driver.RANGES_G if driver.full_scale_of(g) / 1e6 >= made.spec.full_scale * 0.99]
    settings: dict[str, Any] = {"chip": chip, "bus": bus, "id": 1, "rate_hz": rate,
                                "range_g": wide[0] if wide else driver.RANGES_G[-1]}
    if bus == "spi":
        settings["cs"] = 5
    else:
        settings["address"] = driver.ADDRESSES[0]
    return settings


def check_recording(made: Made, recording: recordings.Recording, chip: str = "adxl345") -> None:
    """Raises AuscultError for a recording that does not suit the model or the chip."""
    _check_length(made, recording)
    if chip in slow.chips():
        slow.check_recording(made, recording)
        return
    if set(recording.axes) != set(AXES):
        raise AuscultError(f"a recording with the axes {', '.join(recording.axes)}",
                           "the axes x, y and z, as the accelerometer gives", "choose one with x, y and z")
    if not set(made.spec.axes) <= set(AXES):
        raise AuscultError(f"a model of the axes {', '.join(made.spec.axes)}", "some of x, y and z",
                           "import its recordings with --axes x,y,z and train again")
    check_fit(made, recording)


def _check_length(made: Made, recording: recordings.Recording) -> None:
    if len(recording.data) < made.spec.window:
        raise AuscultError(f"a recording of {len(recording.data)} samples", f"at least one window of {made.spec.window}",
                           "choose a longer one")


def chip_words(recording: recordings.Recording, chip: str, range_g: int, full_scale: float) -> NDArray[np.int16]:
    """A recording as a chip's words: int16 [n, 3], x, y, z, whatever their order in the recording is; limited to the
    chip's bandwidth.

    full_scale: what 32768 stands for where the numbers have no unit, so that they cannot be put on the chip's scale."""
    driver = device.accelerometer(chip)
    scale = driver.full_scale_of(range_g) / 1e6 if recording.unit == "m/s2" else full_scale
    share = driver.bandwidth_of(recording.rate_hz) / recording.rate_hz
    limited = dataclasses.replace(recording, data=_band_limit(recording.data, share))
    words = recordings.to_int16(limited, scale, driver.bits_of(range_g))
    return np.ascontiguousarray(words[:, [recording.axes.index(axis) for axis in AXES]])


def _band_limit(data: NDArray[Any], bandwidth: float) -> NDArray[Any]:
    """What a chip passes on whose -3 dB frequency is `bandwidth` times the sample rate, as a Butterworth filter of second
    order run forwards and backwards. At 0.39 and above nothing is lost."""
    if bandwidth > 0.39:
        return data
    from scipy import signal

    # Run twice it has the gain 1 / (1 + w**4) at w times its corner, which is 1/sqrt(2) where w is 0.802; the bilinear
    # transform makes w the ratio of the tangents.
    corner = np.arctan(np.tan(np.pi * bandwidth) / (2**0.5 - 1) ** 0.25) / np.pi
    sections = signal.butter(2, 2 * corner, output="sos")
    return np.asarray(signal.sosfiltfilt(sections, data, axis=0), data.dtype)
