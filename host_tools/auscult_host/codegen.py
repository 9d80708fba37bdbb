# SPDX-License-Identifier: Apache-2.0
"""Writes pipeline.c: tables for this window length, which features to compile, the model, then the shared C core."""

import json
from math import cos, floor, log2, pi, sin
from typing import TYPE_CHECKING

from . import codegen_stream
from .features import NORM, Feature
from .spec import PipelineSpec

if TYPE_CHECKING:
    from .estimators import ModelCode


def q15(value: float) -> int:
    return max(-32767, min(32767, round(value * 32768)))


def bit_reverse(value: int, bits: int) -> int:
    return int(format(value, f"0{bits}b")[::-1], 2) if bits else 0


def _rows(items: list[str], per_row: int) -> str:
    return ",\n".join(", ".join(items[i:i + per_row]) for i in range(0, len(items), per_row))


def _twiddles(name: str, angles: list[float]) -> str:
    return (f"static const aus_twiddle_t {name}[] = {{\n"
            + _rows([f"TW({q15(cos(a))}, {q15(sin(a))})" for a in angles], 6) + "\n};\n")


def fft_tables(window: int, nfft: int, bands: int) -> str:
    """Twiddle factors of the radix-4 stages, of the split to the real spectrum in the order it is walked, Hann window."""
    m = nfft // 2
    out = _twiddles("aus_twiddles", [2 * pi * j * n / m for n in range(1, m // 4) for j in (2, 1, 3)])
    length, bits = m // bands, (m // bands).bit_length() - 1
    walk = [length * b + bit_reverse(t, bits) for b in range(bands // 2) for t in range(1, length)]
    walk += [length * b for b in range(1, bands // 2)]
    out += _twiddles("aus_split_twiddles", [2 * pi * k / nfft for k in walk])
    order = [bit_reverse(b, bands.bit_length() - 1) for b in range(bands)]
    out += f"static const uint8_t aus_band_order[{bands}] = {{{', '.join(map(str, order))}}};\n"
    hann = [f"WT({q15(sin(pi * i / window) ** 2)})" for i in range(window // 2 + 1)]
    return out + f"static const aus_weight_t aus_hann[{len(hann)}] = {{\n{_rows(hann, 12)}\n}};\n"


class _Channel:
    """Where each kind stands in the output of one channel: the raw axes, or what is derived (their envelopes, the norm)."""

    def __init__(self, features: list[Feature], axes: list[str], bands: int, orders: dict[str, list[str]]) -> None:
        self.orders = orders
        self.place: dict[str, int] = {}
        self.macros: dict[str, str] = {}
        self.level: list[int] = []
        at = 0
        for kind in dict.fromkeys(f.kind for f in features):
            self.place[kind.name], self.macros[kind.name] = at, kind.macro
            count = bands if kind.name in ("bands", "shares") else len(orders[kind.name]) if kind.name in orders else 1
            self.level += [kind.level] * count
            at += count
        self.words = at
        self.axes = [i for i, axis in enumerate([*axes, NORM]) if any(f.axis == axis for f in features)]
        self.power = any(f.kind.needs == "power" for f in features)
        self.fft = self.power or any(f.kind.needs == "fft" for f in features)

    def word(self, feature: Feature) -> int:
        at = self.orders[feature.kind.name].index(feature.order) if feature.order else max(0, feature.band - 1)
        return self.place[feature.kind.name] + at

    def include(self, name: str, stride: str) -> str:
        lines = [f"#define CH(n) {name}_##n", f"#define STRIDE {stride}"]
        lines += [f"#define {macro} {self.place[kind]}" for kind, macro in self.macros.items()]
        lines += ['#include "aus_channel.h"', "#undef CH", "#undef STRIDE"]
        return "\n".join(lines + [f"#undef {macro}" for macro in self.macros.values()]) + "\n"


def info(spec: PipelineSpec, model: "ModelCode | None" = None) -> str:
    """What a pipeline says of itself on the board, as JSON."""
    return json.dumps({
        "name": spec.name, "window": spec.window, "hop": spec.hop, "axes": spec.axes, "rate_hz": spec.rate_hz,
        "full_scale": spec.full_scale, "rate_tolerance": spec.rate_tolerance, "features": len(spec.features),
        "classes": spec.classes, "model": model.kind if model else None,
    }, separators=(",", ":"))


def generate(spec: PipelineSpec, model: "ModelCode | None" = None) -> str:
    """C source of the pipeline, to be compiled with `-I firmware/native`."""
    parsed = list(dict.fromkeys(f.base for f in spec.parsed()))
    bands = max([f.bands for f in parsed] + [0]) or 8
    bands = min(bands, max(2, spec.nfft // 8))
    orders = {kind: codegen_stream.order_names(parsed, kind) for kind in ("lines", "sides")}
    raw = _Channel([f for f in parsed if f.channel == "raw"], spec.axes, bands, orders)
    env = _Channel([f for f in parsed if f.channel in ("env", "norm")], spec.axes, bands, orders)
    cross = [(i, f) for i, f in enumerate(parsed) if f.channel == "cross"]
    log2n = floor(log2(spec.points))
    # outputs in the channels' own order, axis after axis, need no rearranging
    direct = not env.words and not cross and raw.words * len(raw.axes) == len(parsed) and all(
        raw.axes.index(spec.axes.index(f.axis)) * raw.words + raw.word(f) == i for i, f in enumerate(parsed)) and (
        raw.axes == list(range(len(spec.axes))))
    parts = [
        "// Generated by `auscult build`; yours to use and ship without royalties.",
        f"#define AUS_INFO {json.dumps(info(spec, model))}",
        f"#define AUS_N {spec.points}", f"#define AUS_LOG2N {log2n}", f"#define AUS_NFFT {spec.nfft}",
        f"#define AUS_LOG2M {(spec.nfft // 2).bit_length() - 1}",
        f"#define AUS_PER_N {min(0xffffffff, round(2 ** (32 + log2n) / spec.points))}u",
        f"#define AUS_HOP {spec.hop // spec.step}", f"#define AUS_AXES {len(spec.axes)}",
        f"#define AUS_FEATURES {len(spec.features)}",
        f"#define AUS_BANDS {bands}", f"#define AUS_KEEP_POWER {int(raw.power or env.power)}",
        f"#define AUS_DIRECT {int(direct)}",
        f"#define AUS_RAW_COUNT {len(raw.axes)}", f"#define AUS_RAW_KINDS {raw.words}",
        "#define AUS_RAW {" + ", ".join(f"{{{axis}, {i * raw.words if direct else 0}}}" for i, axis in enumerate(raw.axes)) + "}",
        f"#define AUS_ENV_COUNT {len(env.axes)}", f"#define AUS_ENV_KINDS {env.words}",
        "#define AUS_ENV {" + ", ".join(map(str, env.axes)) + "}",
        f"#define AUS_NORM {int(len(spec.axes) in env.axes)}", f"#define AUS_CROSS_COUNT {len(cross)}",
        "#define AUS_LAG_STEP {}\n#define AUS_LAG_MIN {}\n#define AUS_LAG_MAX {}".format(*spec.lags),
        f"#define AUS_MODEL {int(model is not None)}", *_trigger(spec),
        '#include "aus_math.h"',
    ]
    if raw.fft or env.fft:
        parts += [fft_tables(spec.points, spec.nfft, bands), '#include "aus_fft.h"']
    else:
        parts.append("#define AUS_WINDOW_SHIFT 6")
    parts += codegen_stream.orders(spec, parsed)
    if not direct:
        parts.append(_gather(spec, parsed, raw, env))
    if raw.words:
        parts.append(raw.include("raw", "AUS_AXES"))
    if env.words:
        parts.append(f"static const int8_t aus_env_level[{env.words}] = {{{', '.join(map(str, env.level))}}};")
        parts.append(env.include("env", "1"))
    if cross:
        parts.append(_cross(spec, cross))
    parts.append('#include "aus_features.h"')
    parts += codegen_stream.front(spec) + codegen_stream.history(spec, parsed)
    if model is not None:
        shifts = spec.shifts or [0] * len(spec.features)
        parts.append(f"static const uint8_t aus_shifts[{len(shifts)}] = {{{', '.join(map(str, shifts))}}};")
        parts.append(model.c_source)
        parts.append('#include "aus_classify.h"')
    else:
        parts.append("#define AUS_MODEL_OUT 0")
    parts.append('#include "aus_pipeline.h"\n')
    return "\n".join(parts)


def generate_model(model: "ModelCode", n_features: int) -> str:
    """C source of a model alone."""
    return ("// Generated by Auscult; yours to use and ship without royalties.\n"
            f"#define AUS_FEATURES {n_features}\n{model.c_source}")


def _trigger(spec: PipelineSpec) -> list[str]:
    """For aus_trigger.h."""
    if spec.trigger is None:
        return []
    return [f"#define AUS_TRIGGER_PRE {spec.trigger.pre}", f"#define AUS_TRIGGER_AXIS {spec.axes.index(spec.trigger.axis)}",
            f"#define AUS_TRIGGER_LEVEL {spec.trigger_level}"]


def _cross(spec: PipelineSpec, cross: list[tuple[int, Feature]]) -> str:
    """For aus_cross.h: C_<KIND> for each kind used, and a list of (kind, axis, axis, output)."""
    kinds = list(dict.fromkeys(f.kind for _, f in cross))
    lines = [f"#define {kind.macro} {number}" for number, kind in enumerate(kinds)]
    rows = [f"{{{f.kind.macro}, {spec.axes.index(f.on[0])}, {spec.axes.index(f.on[-1])}, {i}}}" for i, f in cross]
    lines.append(f"static const uint8_t aus_cross_list[{len(rows)}][4] = {{{', '.join(rows)}}};")
    return "\n".join([*lines, '#include "aus_cross.h"'])


def _gather(spec: PipelineSpec, parsed: list[Feature], raw: _Channel, env: _Channel) -> str:
    """From a channel's output to the pipeline's: for each channel (axes, their envelopes, the norm) pairs (to, from)."""
    starts, pairs = [0], []
    for channel, where in [*((raw, ("raw", axis)) for axis in spec.axes), *((env, ("env", axis)) for axis in spec.axes),
                           (env, ("norm", NORM))]:
        pairs += [f"{i}, {channel.word(f)}" for i, f in enumerate(parsed) if (f.channel, f.axis) == where]
        starts.append(len(pairs))
    if not pairs:
        return ""
    return (f"static const uint8_t aus_gather_pairs[] = {{{', '.join(pairs)}}};\n"
            f"static const uint8_t aus_gather_starts[] = {{{', '.join(map(str, starts))}}};\n"
            "static void aus_gather(int channel, const int32_t *r, int32_t *out) {\n"
            "    for (int i = aus_gather_starts[channel]; i < aus_gather_starts[channel + 1]; i++)\n"
            "        out[aus_gather_pairs[2 * i]] = r[aus_gather_pairs[2 * i + 1]];\n}\n")
