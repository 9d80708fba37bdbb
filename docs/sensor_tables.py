# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/sensors.md, from the drivers themselves and docs/sensors.toml. The text around them is written by hand:
a table stands between `<!-- table: name -->` and `<!-- end -->`."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from auscult.sensors import CHIPS, SLOW, driver
from auscult_host import boards

DOCS = Path(__file__).resolve().parent


def page() -> str:
    """docs/sensors.md with its tables as they should be."""
    checks = tomllib.loads((DOCS / "sensors.toml").read_text())
    if checks.keys() != {*CHIPS, *SLOW}:
        raise ValueError(f"docs/sensors.toml and the registry differ: {checks.keys() ^ {*CHIPS, *SLOW}}")
    tables = {"accelerometers": _accelerometers(), "checked": _checked(checks), "slow": _slow(checks)}

    def fill(found: re.Match[str]) -> str:
        return f"<!-- table: {found[1]} -->\n{tables.pop(found[1])}<!-- end -->"

    text = re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end -->", fill, (DOCS / "sensors.md").read_text(), flags=re.DOTALL)
    assert not tables, f"docs/sensors.md has no place for {', '.join(tables)}"
    return text


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


def _link(name: str, registry: dict[str, tuple[str, str]]) -> str:
    file, _ = registry[name]
    return f"[{driver(name).NAME}](../firmware/auscult/sensors/{file}.py)"


def _yes(value: object) -> str:
    return "yes" if value else "–"


def _buses(kind: Any) -> str:
    i2c = ["I2C " + ", ".join(f"0x{address:02X}" for address in kind.ADDRESSES)] if kind.ADDRESSES else []
    spi = ["SPI mode " + ", ".join(str(mode) for mode in kind.SPI_MODES)] if kind.SPI_HZ else []
    return "; ".join(i2c + spi)


def _accelerometers() -> str:
    rows = []
    for name in sorted(CHIPS):
        kind = driver(name)
        rates = len(kind.RATES_HZ)
        rows.append([
            _link(name, CHIPS), _buses(kind), f"{kind.RATES_HZ[-1]:,} ({rates} rate{'s' * (rates > 1)})", kind.DEPTH,
            f"{1000 * kind.DEPTH / kind.RATES_HZ[-1]:.3g}", ", ".join(str(one) for one in kind.RANGES_G),
            f"{min(kind.BITS)} to {max(kind.BITS)}" if len(kind.BITS) > 1 else kind.BITS[0], f"{kind.NOISE_UG:g}",
            _yes(kind.SELF_TEST), _yes(hasattr(kind, "temperature_c")), _yes(hasattr(kind, "wake_on_motion")),
            _yes(kind.WATERMARK_LINE)])
    return _table(["chip", "buses", "highest rate, Hz", "FIFO, samples", "full after, ms", "ranges, ±g", "bits", "noise, µg/√Hz",
                   "self-test", "temperature", "wake-up", "watermark line"], rows)


def _checked(checks: dict[str, dict[str, list[str]]]) -> str:
    rows = [[driver(name).NAME, f"[yes](../firmware/auscult/virtual/{CHIPS[name][0]}.py)", _drivers(checks[name]),
             ", ".join(checks[name].get("sources", [])) or "–", _run_on(name), _hardware(checks[name])]
            for name in sorted(CHIPS)]
    return _table(["chip", "virtual chip", "others' drivers over it", "facts compared with", "run on", "hardware tried"], rows)


def _run_on(name: str) -> str:
    """As tests/device/test_chips_on_boards.py does."""
    kind = driver(name)
    buses = ["I2C"] * bool(kind.ADDRESSES) + ["SPI"] * bool(kind.SPI_HZ)
    return f"{', '.join(buses)} on all {len(boards.simulated())} simulated boards"


def _slow(checks: dict[str, dict[str, list[str]]]) -> str:
    rows = []
    for name in sorted(SLOW):
        kind = driver(name)
        bus = {"analog": "`machine.ADC`, `analogio.AnalogIn`", "ds18b20": "1-Wire"}.get(name) or _buses(kind)
        precisions = [f"**{one}**" if one == kind.USUAL else str(one) for one in kind.PRECISIONS]
        rows.append([_link(name, SLOW), bus, ", ".join(kind.CHANNELS) or "as you name it", ", ".join(precisions),
                     ", ".join(str(ms) for ms in kind.MEASURE_MS), f"[yes](../firmware/auscult/virtual/{SLOW[name][0]}.py)",
                     _drivers(checks[name]), _hardware(checks[name])])
    return _table(["chip", "bus", "channels", "precision (usual one bold)", "`measure_ms`", "virtual chip",
                   "others' driver over it", "hardware tried"], rows)


def _drivers(check: dict[str, list[str]]) -> str:
    return ", ".join(f"`{one}`" for one in check.get("drivers", [])) or "–"


def _hardware(check: dict[str, list[str]]) -> str:
    return ", ".join(check.get("hardware", [])) or "not yet"
