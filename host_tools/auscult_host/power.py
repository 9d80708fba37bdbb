# SPDX-License-Identifier: Apache-2.0
"""How long a battery lasts and where its charge goes: an energy model of the node. Nothing is measured in amperes.

Currents come from data sheets: the board's in its board.toml, the sensor's in sensor_currents.toml. Work comes from
instructions counted on a simulated board; the time that it takes rests on an assumption, cycles per instruction. Only what
the node does today is in it: there is no radio.
"""

import dataclasses
import itertools
import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from . import boards, device
from .errors import AuscultError

HOURS_A_YEAR = 8766.0
_LONG_H = 10 * HOURS_A_YEAR
_LONGEST_NAP_S = 0.5  # node.py: it wakes at least so often, to feed the watchdog
_LOOK_AT_REST_S = 0.2  # node.py: at rest it wakes so often
_LINE_BYTES = 70  # a verdict's line
_STDOUT_BAUD = 115200  # assumed, where stdout is a serial line
_LEVEL_BYTES = 2  # what asking for the FIFO's level reads

# Cells: capacity in mAh, volts when fresh and when empty. Usual ones of their kind; --battery-mah takes another.
CELLS = {
    "AA": (2500, 1.6, 0.9), "AAA": (1100, 1.6, 0.9), "C": (7500, 1.6, 0.9), "D": (15000, 1.6, 0.9),
    "CR2032": (225, 3.0, 2.0), "CR123A": (1500, 3.0, 2.0), "LS14500": (2600, 3.6, 3.0), "18650": (3200, 4.2, 3.0),
}


@dataclasses.dataclass(frozen=True)
class Battery:
    """mah: nominal charge; fresh_v, empty_v: None if unknown."""

    text: str
    mah: float
    fresh_v: float | None = None
    empty_v: float | None = None


@dataclasses.dataclass(frozen=True)
class Sensor:
    """A sensor's supply currents in µA; see sensor_currents.toml."""

    standby_ua: float
    measuring_ua: float | tuple[tuple[float, float], ...]
    motion_ua: float | None
    source: str
    checked: bool = True

    def measuring(self, rate_hz: float, chip: str = "the sensor") -> float:
        """µA while it samples at a rate."""
        if not isinstance(self.measuring_ua, tuple):
            return self.measuring_ua
        pairs = self.measuring_ua
        for (low, below), (high, above) in itertools.pairwise(pairs):
            if low <= rate_hz <= high:
                return below + (above - below) * (rate_hz - low) / (high - low)
        raise AuscultError(f"there is no current for {chip} at {rate_hz:g} Hz",
                           f"a rate from {pairs[0][0]:g} to {pairs[-1][0]:g} Hz", "or give it: --sensor-ua MEASURING,STANDBY")


@dataclasses.dataclass(frozen=True)
class Work:
    """Instructions for each sample and for each window; per_window 0: it is in the samples'. source: how they were counted."""

    per_sample: float
    per_window: float
    source: str


@dataclasses.dataclass(frozen=True)
class Estimate:
    """parts: average current in mA of each, over all the time; busy: shares of the sampling time that the CPU works, is
    held up by the bus, sends lines, wakes up; sampling: share of all time; notes: what to know beside the figures."""

    parts: dict[str, float]
    busy: dict[str, float]
    sampling: float
    wakes_hz: float
    battery: Battery
    usable: float
    notes: tuple[str, ...]

    @property
    def average_ma(self) -> float:
        return sum(self.parts.values())

    @property
    def life_h(self) -> float:
        return self.battery.mah * self.usable / self.average_ma

    def as_dict(self) -> dict[str, Any]:
        return {"average_ma": self.average_ma, "life_hours": self.life_h, "life_days": self.life_h / 24,
                "parts_ma": self.parts, "shares": {name: ma / self.average_ma for name, ma in self.parts.items()},
                "busy": self.busy, "sampling_share": self.sampling, "wakes_per_s": self.wakes_hz,
                "battery": dataclasses.asdict(self.battery), "usable": self.usable, "notes": list(self.notes)}


# --- what is given


def parse_battery(text: str) -> Battery:
    """'2xAA' is two cells in series, 'CR2032' is one."""
    found = re.fullmatch(r"(?:(\d+)\s*[xX*]\s*)?(\w+)", text.strip())
    cell = found[2].upper() if found else ""
    count = int(found[1] or 1) if found else 0
    if cell not in CELLS or not 1 <= count <= 24:
        raise AuscultError(f"the battery {text!r}", f"cells in series, for example 2xAA, of {', '.join(CELLS)}",
                           "or give its charge: --battery-mah 2600")
    mah, fresh_v, empty_v = CELLS[cell]
    return Battery(f"{count}x{cell}" if count > 1 else cell, mah, count * fresh_v, count * empty_v)


def parse_running(text: str) -> float:
    """The share of time that the machine runs: '8h/day', '30%'."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(h(?:/day)?|%)", text.strip())
    share = float(found[1]) / (100 if found[2] == "%" else 24) if found else -1.0
    if not 0 <= share <= 1:
        raise AuscultError(f"the running time {text!r}", "hours a day or a percentage, for example 8h/day or 30%")
    return share


def parse_sensor(text: str) -> Sensor:
    """'MEASURING,STANDBY' in µA."""
    try:
        measuring, standby = (float(part) for part in text.split(","))
    except ValueError:
        measuring = standby = -1.0
    if not measuring > 0 <= standby <= measuring:
        raise AuscultError(f"the sensor's currents {text!r}", "two in µA, measuring and standby, for example 450,8")
    return Sensor(standby, measuring, None, "given")


def sensor(chip: str) -> Sensor:
    """A chip's currents by its name in the node's configuration."""
    known = _sensors()
    if chip not in known:
        raise AuscultError(f"there are no supply currents for the chip {chip!r}", f"one of {', '.join(sorted(known))}",
                           "take them from its data sheet: --sensor-ua MEASURING,STANDBY")
    return known[chip]


@cache
def _sensors() -> dict[str, Sensor]:
    table = tomllib.loads(Path(__file__).with_name("sensor_currents.toml").read_text(encoding="utf-8"))
    return {chip: _sensor(row) for chip, row in table.items()}


def _sensor(row: dict[str, Any]) -> Sensor:
    measuring = row["measuring_ua"]
    if isinstance(measuring, list):
        measuring = tuple((float(rate), float(ua)) for rate, ua in measuring)
    return Sensor(row["standby_ua"], measuring, row.get("motion_ua"), row["source"], row.get("checked", True))


def board_power(name: str) -> boards.Power:
    """A real board's figures."""
    board = boards.load(name)
    if board.power is None:
        able = [other for other in boards.names() if boards.load(other).power]
        what = "is simulated, it draws no current" if name in boards.simulated() else "has no figures of its currents yet"
        raise AuscultError(f"{name} {what}", f"a board with figures: {', '.join(able)}", "for example --board " + able[0])
    return board.power


def read_config(path: Path) -> dict[str, Any]:
    """The node's configuration, checked by the node's own code."""
    if not path.is_file():
        raise AuscultError(f"there is no file {path}", "a node's configuration", "docs/node.md says what is in one")
    checker = device.module("config")
    try:
        return dict(checker.check(json.loads(path.read_text(encoding="utf-8"))))
    except checker.ConfigError as error:
        raise AuscultError(f"{path}: {error}", "a configuration that the node takes", "see docs/node.md") from error
    except ValueError as error:
        raise AuscultError(f"{path} is not JSON: {error}", "a node's configuration", "see docs/node.md") from error


# --- the model


def estimate(config: dict[str, Any], power: boards.Power, sensor: Sensor, work: Work, hop: int, battery: Battery, *,
             running: float | None = None, usable: float = 0.85, other_ma: float = 0.0,
             sampling: float | None = None) -> Estimate:
    """Average currents of a node.

    hop: samples from a window to the next. running: share of time that the machine runs, for power.wake_g (default: all).
    usable: share of the battery's charge that is used before it is too low or old. other_ma: what else hangs on the
    battery. sampling: share of time, in place of what the configuration gives.
    """
    settings, rate_hz = config["sensor"], config["sensor"]["rate_hz"]
    if sampling is None:
        sampling = _sampling(config["power"], running)
    second = power.cycles_per_instruction / power.clock_hz  # of an instruction
    light = config["power"]["sleep"] == "light"
    wake_s = (power.wake_light_us if light else power.wake_sleep_us) / 1e6
    wakes_hz = max(rate_hz / watermark(settings), 1 / _LONGEST_NAP_S)
    busy = {
        "sampling": rate_hz * work.per_sample * second,
        "pipeline": rate_hz / hop * work.per_window * second,
        "bus": rate_hz * _bus_s(settings),
        "lines": _lines_hz(config["report"], rate_hz / hop) * _LINE_BYTES * 10 / _baud(config["report"]),
        "waking": wakes_hz * wake_s,
    }
    if sum(busy.values()) > 1:
        most = max(busy, key=lambda name: busy[name])
        raise AuscultError(f"the node would be busy {sum(busy.values()):.0%} of the time, {most} alone {busy[most]:.0%}",
                           "at most 100 %", "a lower rate, a longer hop, a higher watermark, SPI, or idle sleep")
    # At rest it wakes to look for motion and at the time, which is taken to cost as much as a sample.
    rest_busy = (wake_s + work.per_sample * second) / _LOOK_AT_REST_S
    asleep_ma = power.light_ma if light else power.sleep_ma
    resting_ua = sensor.standby_ua
    if config["power"]["wake_g"] is not None:
        resting_ua = sensor.measuring(rate_hz, settings["chip"]) if sensor.motion_ua is None else sensor.motion_ua
    rest = 1 - sampling
    computing = {"CPU: sampling": busy["sampling"], "CPU: pipeline": busy["pipeline"]}
    if not work.per_window:  # they were counted together
        computing = {"CPU: sampling and pipeline": busy["sampling"]}
    parts = {
        **{name: sampling * share * power.run_ma for name, share in computing.items()},
        "CPU: waiting for the bus": sampling * busy["bus"] * power.run_ma,
        "CPU: sending lines": sampling * busy["lines"] * power.run_ma,
        "CPU: waking up": (sampling * busy["waking"] + rest * rest_busy) * power.run_ma,
        "CPU: asleep": (sampling * (1 - sum(busy.values())) + rest * (1 - rest_busy)) * asleep_ma,
        "sensor": (sampling * sensor.measuring(rate_hz, settings["chip"]) + rest * resting_ua) / 1000,
    }
    if other_ma:
        parts["other"] = other_ma
    found = Estimate(parts, busy, sampling, wakes_hz, battery, usable, tuple(_notes(config, power, sensor, work, battery)))
    if found.life_h > _LONG_H:
        old = "After ten years a battery is old: leakage and its own discharge, which are not counted, decide."
        found = dataclasses.replace(found, notes=(*found.notes, old))
    return found


def _sampling(power: dict[str, Any], running: float | None) -> float:
    """The share of time that the node samples."""
    if running is not None and power["wake_g"] is None:
        raise AuscultError("a running time, but the node does not wake by motion", "power.wake_g in the configuration",
                           "leave --running out, or set power.wake_g")
    if power["on_s"] is None:
        return 1.0
    duty = power["on_s"] / (power["on_s"] + power["off_s"]) if power["off_s"] else 0.0
    if power["wake_g"] is None:
        return float(duty)
    share = 1.0 if running is None else running
    return share + (1 - share) * duty  # while the machine runs, motion ends each rest at once


def watermark(settings: dict[str, Any]) -> int:
    """Samples from one wake-up to the next; the driver chooses if the configuration does not."""
    if settings["watermark"] is not None:
        return int(settings["watermark"])
    return int(device.accelerometer(settings["chip"]).usual_watermark(settings["rate_hz"]))


def _bus_s(settings: dict[str, Any]) -> float:
    """Seconds that the CPU waits for the bus, for each sample: MicroPython's transfers return when they are done."""
    chip = device.accelerometer(settings["chip"])
    i2c = settings["bus"] == "i2c"
    fastest = chip.I2C_HZ if i2c else chip.SPI_HZ
    clock_hz = settings["freq_hz"] or min(fastest, 400_000 if i2c else 5_000_000)
    turn = watermark(settings)

    def bits(n: int) -> int:
        """Of a read of n bytes. I2C: address, register, address and the data, 9 bits each, with start, restart and stop.
        SPI: a command byte and the data."""
        return (3 + n) * 9 + 3 if i2c else int(1 + chip.SPI_DUMMY + n) * 8

    if "_burst" in vars(chip) and chip.SPI_GAP_US:  # ADXL345: each sample is a read of its own, with a pause between
        samples = turn * (bits(chip.STRIDE) / clock_hz + (0 if i2c else chip.SPI_GAP_US / 1e6))
    else:
        samples = bits(turn * chip.STRIDE) / clock_hz
    return float((bits(_LEVEL_BYTES) / clock_hz + samples) / turn)


def _lines_hz(report: dict[str, Any], windows_hz: float) -> float:
    if report["every"] == "window":
        return windows_hz
    return min(windows_hz, 1 / report["heartbeat_s"]) if report["heartbeat_s"] else 0.0


def _baud(report: dict[str, Any]) -> int:
    return int(report["baud"]) if report["to"] == "uart" else _STDOUT_BAUD


def _notes(config: dict[str, Any], power: boards.Power, sensor: Sensor, work: Work, battery: Battery) -> list[str]:
    chip = config["sensor"]["chip"]
    notes = [
        f"Instructions: {work.source}.",
        f"{power.cycles_per_instruction:g} cycles per instruction, flash wait states included, are an assumption.",
        power.note,
        "No radio; bus pull-ups, regulator and LEDs are not counted (--other-ma adds them). Not tried on hardware.",
    ]
    if not sensor.checked:
        notes.append(f"The currents of {chip} are second-hand: {sensor.source}.")
    if config["power"]["wake_g"] is not None and sensor.motion_ua is None:
        notes.append(f"For {chip} there is no current while it watches for motion: taken as while sampling.")
    if battery.fresh_v is not None and battery.fresh_v > power.max_v:
        notes.append(f"{battery.text} gives up to {battery.fresh_v:g} V, the processor takes {power.max_v:g} V: it needs a "
                     "regulator; a linear one draws the same current and its own.")
    if battery.empty_v is not None and battery.empty_v < power.min_v:
        notes.append(f"{battery.text} falls to {battery.empty_v:g} V, the processor needs {power.min_v:g} V: without a step-up "
                     "converter it ends sooner.")
    return notes
