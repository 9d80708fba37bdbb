# SPDX-License-Identifier: Apache-2.0
"""Writes what follows from the code: docs/features.md, docs/node.md, docs/boards.md, the tables of docs/sensors.md, the packages
for `mip` in firmware/, the drivers' type stubs in host_tools/auscult-stubs/, and what NumPy and ulab share."""

import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
FIRMWARE = DOCS.parent / "firmware"
STUBS = DOCS.parent / "host_tools" / "auscult-stubs"
sys.path[:0] = [str(FIRMWARE), str(DOCS)]

import board_page  # noqa: E402
import packages  # noqa: E402
import sensor_tables  # noqa: E402
import stubs  # noqa: E402
import ulab_subset  # noqa: E402
from auscult import config  # noqa: E402
from auscult_host import bench, costs, features  # noqa: E402


def features_page() -> str:
    lines = [
        "# Signal features", "",
        "Computed by the integer C core (`firmware/native/`), bit for bit the same on every target. A feature of a pipeline",
        "is named `KIND.AXIS` (`rms.x`), `env_KIND.AXIS` for the same of the envelope, `KIND.norm` for the same of |a| over all",
        "axes, and `band_I_N.AXIS` or `share_I_N.AXIS` for band I (from 1) of N equal bands up to half the sample rate (N is 4,",
        "8, 16 or 32). `line_ORDER.AXIS` and `side_ORDER.AXIS` look at a multiple of the shaft's speed: `line_shaft2.x`, or a",
        "name that the pipeline's `orders` give, as in `line_bpfo.x`. Behind any of these `:mean5` is the mean over the last 5",
        "windows (fewer at the start), `:lag2` the value two windows before (at the start the oldest there is); up to 16.",
        "", f"Of two axes (`KIND.x_y`): {_of('pair')}. Of all axes (`KIND.all`): {_of('all')}.",
        f"Of one axis (`KIND.x`), but computed from all: {_of('each')} (direction of the mean over the window).", "",
        "x: samples in LSB, N: window length, u = x - mean(x), P = |X|² over bins 1 to nfft/2, where X is the FFT of u times a",
        "Hann window, zero-padded to nfft, the next power of two. The envelope is |x[i-2] - 2 x[i-1] + x[i]| (McFadden & Smith,",
        "Tribology International 17, 1984). The core delivers int32 with the number of fractional bits in the column Q.", "",
        "With a `front` the window holds points: `decimate`, the low-passed samples, or `log_envelope`, in 2048ths the smoothed",
        "log2(a + 0.1 c + 1/8 LSB), where a is the absolute value of the samples between low_hz and high_hz and c its mean over",
        "about 4096 samples. The front's filters never restart; a recording's first points are as if its first sample had been",
        "there for ever. Missing samples mark the windows that reach over them; a history begins anew behind these.", "",
        f"{len(features.SIMPLE)} kinds, two more for each band and two for each order; the error against float64 of each is",
        "part of `tests/unit/test_features.py`.", "",
        "| kind | unit | Q | formula | source |", "|---|---|---|---|---|",
    ]
    for kind in features.KINDS.values():
        formula = kind.formula.replace("|", "\\|")
        lines.append(f"| `{kind.shown}` | {kind.unit} | {kind.q} | {formula} | {kind.source} |")
    lines += ["", "## Sets by name", "", "| set | features of three axes | |", "|---|---|---|"]
    for name, kinds in features.SETS.items():
        said = ", ".join(f"`{kind}`" for kind in kinds if not kind.endswith(".norm"))
        if any(kind.endswith(".norm") for kind in kinds):
            said += ", and some of the norm"
        lines.append(f"| `{name}` | {len(features.names(['x', 'y', 'z'], kinds))} | {said} |")
    return "\n".join([*lines, "", _LAG, *_costs()])


def _costs() -> list[str]:
    """What each kind costs on each board: the measured part of the table that the search predicts from."""
    boards = [name for name in bench.BOARDS if name in costs.tables()]
    off = "; ".join(f"{_percent(name, 'instructions')} of the instructions and {_percent(name, 'bytes')} of the bytes on {name}"
                    for name in boards)
    lines = ["## What they cost", "",
             "Instructions of one window of 512 samples of one axis (kinds of several axes: of three), the call from Python",
             "included, as counted on simulated boards; they are not cycles. Kinds share work: a pipeline costs less than their",
             "sum. `auscult train` predicts whole pipelines from `costs.json`, of which this is a part. On pipelines that it was",
             f"not made from it was off by at most {off}.", "",
             "| kind | " + " | ".join(boards) + " |", "|---|" + "---:|" * len(boards)]
    for kind in features.KINDS.values():
        cells = [costs.tables()[name]["alone"].get(kind.name) for name in boards]
        lines.append(f"| `{kind.shown}` | " + " | ".join("–" if cell is None else f"{cell:,}" for cell in cells) + " |")
    return [*lines, ""]


def _percent(board: str, what: str) -> str:
    return f"{100 * costs.tables()[board]['off'][what]['worst']:.1f} %"


_LAG = """A `:lag2` at the start of a recording is the value of the first window. Where every recording holds one state only, it
tells that the recording has just begun, which a sensor in use never learns: judge `activity_lag2` on recordings in which states
follow each other.
"""


def _of(family: str) -> str:
    return ", ".join(f"`{kind.name}`" for kind in features.KINDS.values() if kind.family == family)


def _allowed(kind: str, allowed: tuple[object, ...]) -> str:
    if kind == "choice":
        return ", ".join(f"`{value}`" for value in allowed)
    if kind in ("int", "number"):
        return f"{'whole number' if kind == 'int' else 'number'}, {allowed[0]} to {allowed[1]}"
    if kind == "text":
        return f"text of at most {allowed[0]} characters"
    return {"pin": "a pin's number or name", "classes": '`{"class": {"k": .., "k_off": ..}}`'}[kind]


def node_page() -> str:
    source = (FIRMWARE / "auscult" / "config.py").read_text()
    lines = [
        "# The node's configuration", "",
        f"One JSON file on the board, `{config.PATH}`. A key that is unknown or not as allowed stops the node with one line",
        "that names it; the prompt stays reachable. What is left out has its default.", "",
        "| key | allowed | default | |", "|---|---|---|---|",
    ]
    for section, key, kind, allowed, default in config.TABLE:
        name = f"{section}.{key}" if section else key
        said = re.search(rf'\("{section}", "{key}",.*\),  # (.*)', source)
        usual = "" if default is None else f"`{default}`"
        lines.append(f"| `{name}` | {_allowed(kind, allowed)} | {usual} | {said[1] if said else ''} |")
    return "\n".join(lines) + "\n" + _NODE


_NODE = """
Rates and ranges are those of the chip: [sensors.md](sensors.md).

A slow sensor takes one sample each `sensor.period_s`, on the board's clock and without drift, as the axes that the pipeline
has: `temperature` (°C), `humidity` (%), `pressure` (kPa), and `door`, the pin `sensor.door_pin`: 100 when high, else 0. A sample
that comes late by a period or more leaves a gap, which is marked. `sensor.rate_hz`, `sensor.range_g`, `quality` and resting do
not apply to it.

## What the node says

One JSON line for each window, or with `report.every` `change` when something changes and as a heartbeat:

```
{"t":12345,"w":17,"v":"bearing","p":0.93,"s":"bearing"}
{"t":12665,"w":18,"v":null,"q":"missing","s":"bearing"}
{"t":72665,"w":205,"v":"bearing","p":0.95,"s":"bearing","h":1,"d":1}
```

`t`: ms since the start; `w`: window; `v`: this window's verdict; `p`: its probability, or `score`; `s`: the state after
`decision` has smoothed it, null while unknown. A window that can't be judged has the verdict null and says why in `q`:

| `q` | |
|---|---|
| `missing` | samples were lost within the window, or sampling paused |
| `stuck` | an axis gave the same word for longer than its own noise makes likely |
| `saturated` | an axis stayed at the end of its scale |
| `out of range` | beyond the range that is set, or `quality.limit_g` |
| `rate` | the true sample rate is further from the pipeline's than its tolerance |

Such windows do not count in `decision`. A heartbeat has `"h":1` and in `d` how many of them there were so far. Other lines:
`{"warn": ...}`, `{"error": ..., "retry_s": ...}` when the sensor fails ([what then happens](sensors.md#when-something-breaks)),
and `{"end": ...}` with a summary. A node that `auscult monitor` has started also sends waveforms:
[monitor.md](monitor.md#the-lines).

## How long a battery lasts

```
auscult power auscult.json --board NUCLEO_L476RG --battery 2xAA
auscult power auscult.json --board ESP32_GENERIC_C3 --battery-mah 2600 --running 8h/day --picture power.png
```

An estimate: nothing was measured in amperes, and nothing was tried on hardware. What it rests on is printed with it: typical
currents of data sheets, cited with document and table (`boards/*/board.toml`, `host_tools/auscult_host/sensor_currents.toml`;
`--sensor-ua` for a chip that is not there), instructions counted on a simulated core like the board's, and an assumption of how
long an instruction takes (`--cycles-per-instruction`). There is no radio in it, and no regulator or LED: `--other-ma` adds them.

`power.sleep` `light` saves most on a processor that idles; `power.on_s` with `off_s` or `wake_g` lets node and sensor rest; a
higher `sensor.watermark` wakes the processor less often; SPI lasts longer than I2C, whose transfers keep the processor waiting.

## On Linux

`auscult node` runs the same node on a Raspberry Pi or another computer that Blinka knows, with the pipeline compiled for it. It
reads `auscult.json` in the folder where it is started. What differs:

- `sensor.id` is the number of the I2C or SPI bus as Linux has it: on a Raspberry Pi 1 is I2C on pins 3 and 5, 0 is SPI on pins
  19, 21 and 23. Or name the pins: `"scl": "D3", "sda": "D2"` (`5` is the same as `"D5"`).
- The I2C clock is the system's: `dtparam=i2c_arm=on,i2c_arm_baudrate=400000` in /boot/firmware/config.txt. `sensor.freq_hz`
  counts on SPI only.
- SPI chip select: any GPIO but CE0 and CE1 (pins 24 and 26), which the kernel moves by itself within a transaction.
- Linux gives the node no interrupt: it looks at `sensor.int_pin` once each watermark, instead of asking the chip.
- `pipeline`, `watchdog_s` and `power.sleep` have no effect; `report.to` must be `stdout`. SIGTERM ends it like Ctrl-C, with the
  sensor put to rest.
- If the user may not open the bus: `sudo usermod -aG i2c,spi,gpio $USER`.

It was not tried on a real Raspberry Pi yet.
"""


def pages() -> dict[Path, str]:
    """What should be in each of the files."""
    return {DOCS / "features.md": features_page(), DOCS / "node.md": node_page(),
            STUBS.parent / "auscult_host" / "ulab_subset.json": ulab_subset.text(),
            DOCS / "sensors.md": sensor_tables.page(), DOCS / "boards.md": board_page.page(),
            **{FIRMWARE / name: text for name, text in packages.packages().items()},
            **{STUBS / name: text for name, text in stubs.stubs().items()}}


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text)
        print(file)
