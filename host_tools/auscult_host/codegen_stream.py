# SPDX-License-Identifier: Apache-2.0
"""Parts of pipeline.c that only some pipelines have: the front's filter, orders of the shaft, the history of features."""

from math import ceil, floor, log2

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from .errors import AuscultError
from .features import Feature
from .spec import Front, PipelineSpec

_PEAK = 2.0 ** 29  # what a section's output never reaches (aus_front.h)


def band_pass(front: Front, rate_hz: float) -> tuple[list[list[int]], int, int, float]:
    """The band-pass as integers: per section its two feedback coefficients in Q14; the shifts of the first section's input
    up and of the second's down; and the gain in the pass band from LSB to the second's output."""
    sections = signal.butter(2, [front.low_hz, front.high_hz], "bandpass", fs=rate_hz, output="sos")
    sections = sections[np.argsort(-sections[:, 4])]  # the lower resonance first
    feedback = np.round(sections[:, 4:] * 2 ** 14).astype(int)
    impulse = np.zeros(1 << 16)
    impulse[0] = 1
    first, both = (_all_sections(impulse, feedback[:count]) for count in (1, 2))
    up = floor(log2(_PEAK / 2 ** 15 / np.abs(first).sum()))
    response = np.abs(np.fft.rfft(both))
    wanted = np.abs(np.fft.rfft(signal.sosfilt(sections, impulse)))
    if up < 2 or np.abs(response / response.max() - wanted).max() > 0.1:
        raise AuscultError(f"front with a band from {front.low_hz:g} to {front.high_hz:g} Hz at {rate_hz:g} Hz",
                           "a wider one: integers can't hold this filter", "decimate first, or move low_hz down")
    down = max(0, ceil(log2(2.0 ** (15 + up) * np.abs(both).sum() / _PEAK)))
    gain = float(response.max()) * 2.0 ** (up - down)
    return feedback.tolist(), up, down, gain


def _all_sections(x: NDArray[np.float64], feedback: NDArray[np.int_]) -> NDArray[np.float64]:
    for a1, a2 in feedback / 2 ** 14:
        x = signal.lfilter([1, 0, -1], [1, a1, a2], x)
    return x


def front(spec: PipelineSpec) -> list[str]:
    if spec.front is None:
        return ["#define AUS_FRONT 0"]
    step = spec.front.decimate
    lines = [f"#define AUS_FRONT {1 if spec.front.kind == 'log_envelope' else 2}", f"#define AUS_DECIMATE {step}",
             f"#define AUS_LOG2D {step.bit_length() - 1}"]
    if spec.front.kind == "log_envelope":
        sections, up, down, gain = band_pass(spec.front, spec.rate_hz)
        for letter, (a1, a2) in zip("AB", sections):
            lines += [f"#define AUS_FRONT_{letter}1 ({a1})", f"#define AUS_FRONT_{letter}2 ({a2})"]
        lines += [f"#define AUS_FRONT_UP {up}", f"#define AUS_FRONT_DOWN {down}",
                  f"#define AUS_FRONT_LEAST {max(1, round(gain / 8))}"]
    return [*lines, '#include "aus_front.h"']


def order_names(parsed: list[Feature], kind: str) -> list[str]:
    """Orders that features of this kind look at, in order of first use."""
    return list(dict.fromkeys(f.order for f in parsed if f.kind.name == kind))


def orders(spec: PipelineSpec, parsed: list[Feature]) -> list[str]:
    """aus_line_orders and aus_side_orders (below, above): (m, s) with f = speed in mHz * m / 2^s in 1/256 bins."""
    line = [spec.order(name) for name in order_names(parsed, "lines")]
    side = [spec.order(name) + by for name in order_names(parsed, "sides") for by in (-1, 1)]
    cepstrum = any(f.kind.name.startswith("cepstrum") for f in parsed)
    lines = [f"#define AUS_ORDERS {len(line + side)}", f"#define AUS_LINES {len(line)}", f"#define AUS_SIDES {len(side) // 2}",
             f"#define AUS_CEPSTRUM {int(cepstrum)}"]
    if line or side:
        lines += [f"#define AUS_SHAFT_MHZ {round(spec.shaft_hz * 1000)}u", "#define AUS_SHAFT , shaft",
                  "#define AUS_SHAFT_PARAMETER , uint32_t shaft"]
    else:
        lines += ["#define AUS_SHAFT", "#define AUS_SHAFT_PARAMETER"]
    for name, multiples in (("line", line), ("side", side)):
        if multiples:
            rows = [_scaled(max(m, 0.0) * spec.nfft * spec.step / spec.rate_hz / 1000 * 256) for m in multiples]
            lines.append(f"static const uint32_t aus_{name}_orders[{len(rows)}][2] = {{{', '.join(rows)}}};")
    if line or side or cepstrum:
        lines.append('#include "aus_lines.h"')
    return lines


def _scaled(value: float) -> str:
    if not value:
        return "{0, 32}"
    s = min(63, max(4, 31 - floor(log2(value))))
    return f"{{{min(0xffffffff, round(value * 2 ** s))}u, {s}}}"


def history(spec: PipelineSpec, bases: list[Feature]) -> list[str]:
    """What aus_history.h goes by: which features are kept for how long, and what each output is made of."""
    features = spec.parsed()
    if not any(f.history for f in features):
        return ["#define AUS_HISTORY 0"]
    number = {f.name: i for i, f in enumerate(bases)}
    kept: dict[int, int] = {}
    for f in features:
        if f.history:
            i = number[f.base.name]
            kept[i] = max(kept.get(i, 0), f.span + (f.history == "lag"))
    rows, place = [], 0
    for i, values in kept.items():
        rows.append(f"{{{i}, {place}, {values}}}")
        place += values
    what = {"": 0, "mean": 0, "lag": 128}
    source = [f"{{{number[f.base.name]}, {what[f.history] + f.span}}}" for f in features]
    return [f"#define AUS_HISTORY {place}", f"#define AUS_KEPT {len(kept)}", f"#define AUS_LONGEST {max(kept.values())}",
            f"#define AUS_BASES {len(bases)}",
            f"static const uint16_t aus_kept[{len(rows)}][3] = {{{', '.join(rows)}}};",
            f"static const uint8_t aus_from[{len(source)}][2] = {{{', '.join(source)}}};",
            '#include "aus_history.h"']
