# SPDX-License-Identifier: Apache-2.0
"""Writes what follows from the code: docs/features.md, docs/node.md, the tables of docs/sensors.md, the packages for `mip`
in firmware/, and the drivers' type stubs in host_tools/auscult-stubs/."""

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
FIRMWARE = DOCS.parent / "firmware"
STUBS = DOCS.parent / "host_tools" / "auscult-stubs"
sys.path[:0] = [str(FIRMWARE), str(DOCS)]

import packages  # noqa: E402
import sensor_tables  # noqa: E402
import stubs  # noqa: E402
from auscult import config  # noqa: E402
from auscult_host import features  # noqa: E402


def features_page() -> str:
    lines = [
        "# Signal features", "",
        "Computed by the integer C core (`firmware/native/`), bit for bit the same on every target. A feature of a pipeline",
        "is named `KIND.AXIS` (`rms.x`), `env_KIND.AXIS` for the same of the envelope, and `band_I_N.AXIS` or",
        "`share_I_N.AXIS` for band I (from 1) of N equal bands up to half the sample rate (N is 4, 8, 16 or 32).", "",
        "x: samples in LSB, N: window length, u = x - mean(x), P = |X|² over bins 1 to nfft/2, where X is the FFT of u times a",
        "Hann window, zero-padded to nfft, the next power of two. The envelope is |x[i-2] - 2 x[i-1] + x[i]| (McFadden & Smith,",
        "Tribology International 17, 1984). The core delivers int32 with the number of fractional bits in the column Q.", "",
        f"{len(features.KINDS) - 2} kinds, and two more for each band; the error against float64 of each is part of",
        "`tests/unit/test_features.py`.", "",
        "| kind | unit | Q | formula | source |", "|---|---|---|---|---|",
    ]
    for kind in features.KINDS.values():
        name = {"bands": "band_I_N", "shares": "share_I_N"}.get(kind.name, kind.name)
        formula = kind.formula.replace("|", "\\|")
        lines.append(f"| `{name}` | {kind.unit} | {kind.q} | {formula} | {kind.source} |")
    return "\n".join(lines) + "\n"


def _allowed(kind: str, allowed: tuple[object, ...]) -> str:
    if kind == "choice":
        return ", ".join(f"`{value}`" for value in allowed)
    if kind in ("int", "number"):
        return f"{'whole number' if kind == 'int' else 'number'}, {allowed[0]} to {allowed[1]}"
    if kind == "text":
        return f"text of at most {allowed[0]} characters"
    return {"pin": "a pin's number or name", "classes": '`{"class": {"k": .., "k_off": ..}}`'}[kind]


def node_page() -> str:
    lines = [
        "# The node's configuration", "",
        f"One JSON file on the board, `{config.PATH}`. A key that is unknown or not as allowed stops the node with one line",
        "that names it; the prompt stays reachable. What is left out has its default.", "",
        "| key | allowed | default |", "|---|---|---|",
    ]
    for section, key, kind, allowed, default in config.TABLE:
        name = f"{section}.{key}" if section else key
        lines.append(f"| `{name}` | {_allowed(kind, allowed)} | {'' if default is None else f'`{default}`'} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """What should be in each of the files."""
    return {DOCS / "features.md": features_page(), DOCS / "node.md": node_page(),
            DOCS / "sensors.md": sensor_tables.page(),
            **{FIRMWARE / name: text for name, text in packages.packages().items()},
            **{STUBS / name: text for name, text in stubs.stubs().items()}}


if __name__ == "__main__":
    for file, text in pages().items():
        file.write_text(text)
        print(file)
