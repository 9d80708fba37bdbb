# SPDX-License-Identifier: Apache-2.0
"""What a pipeline will take on a board, predicted before anything is compiled: bytes of flash and RAM, instructions, energy.

A pipeline is a sum of terms (an FFT of 512 points, a pass for the moments, the last steps of the kurtosis, a tree's path).
What each costs was counted on the simulated boards by benchmarks/calibrate.py and stands in costs.json. Predictions are
meant to be within 10 % of what the build and the simulator then give; costs.json says how far off they were on pipelines
that they were not made from.
"""

import dataclasses
import itertools
import json
import math
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import boards, codegen, hostlib
from .errors import AuscultError
from .features import Feature
from .spec import PipelineSpec
from .work import core

if TYPE_CHECKING:
    from .estimators import ModelCode

Terms = dict[str, float]
TABLE = Path(__file__).with_name("costs.json")


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one pipeline on one board. flash_bytes: the native module's file; ram_bytes: Python's heap for the module, its state
    and its outputs; instructions: one push that completes a window, called from Python (they are not cycles); counted_on: the
    simulated core; seconds, energy_uj: by the board's clock and cycles per instruction, an assumption; None for simulated
    boards, energy_uj also for those without a power table.
    """

    board: str
    counted_on: str
    flash_bytes: int
    ram_bytes: int
    instructions: int
    seconds: float | None = None
    energy_uj: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def predict(spec: PipelineSpec, model: "ModelCode | None", board: str) -> Cost:
    """What a pipeline will take, from the tables alone.

    Raises AuscultError for a board without a simulated core like its own, and for one that was not calibrated."""
    counted_on = core(board)
    flash = exact_bytes(spec, model) + _sum(byte_terms(spec, model), _table(counted_on)["bytes"])
    return cost_of(board, counted_on, flash, state_bytes(spec) + 4 * out_words(spec, model),
                   instructions(spec, model, counted_on))


def instructions(spec: PipelineSpec, model: "ModelCode | None", counted_on: str) -> int:
    """What one push that completes a window will execute, from the tables of a simulated core."""
    return round(_sum(instruction_terms(spec, model), _table(counted_on)["instructions"]))


def _table(counted_on: str) -> dict[str, Any]:
    if counted_on not in tables():
        raise AuscultError(f"costs.json has no figures of {counted_on}", f"one of {', '.join(tables())}",
                           f"count them: python -m auscult_host.benchmarks.calibrate {counted_on}")
    return dict(tables()[counted_on])


def cost_of(board: str, counted_on: str, flash: float, buffers: int, instructions: float) -> Cost:
    """A Cost from what was predicted, or from what was built and counted. buffers: bytes of state and outputs."""
    cost = Cost(board, counted_on, round(flash), round(flash) + buffers, round(instructions))
    about = boards.load(board)
    if about.clock_hz is None:
        return cost
    seconds = instructions * about.cycles_per_instruction / about.clock_hz
    energy = seconds * about.power.run_ma * about.power.supply_v * 1000 if about.power else None
    return dataclasses.replace(cost, seconds=seconds, energy_uj=energy)


def _sum(terms: Terms, table: Terms) -> float:
    """A term that was never counted costs as much as the dearest of its kind: better too careful than over budget."""
    total = 0.0
    for term, amount in terms.items():
        if term not in table:
            kind = term.partition(" ")[0]
            total += amount * max((value for other, value in table.items() if other.partition(" ")[0] == kind), default=0.0)
        else:
            total += amount * table[term]
    return total


@cache
def tables() -> dict[str, Any]:
    """costs.json: for each simulated board the costs of terms, those of each kind of feature alone, and how far off they are."""
    return dict(json.loads(TABLE.read_text(encoding="utf-8"))) if TABLE.is_file() else {}


def state_bytes(spec: PipelineSpec) -> int:
    """STATE_BYTES of the module: aus_state_t in aus_pipeline.h."""
    parsed = spec.parsed()
    words = 4 + 2 * (spec.trigger is not None) + any(feature.order for feature in parsed)
    kept: dict[str, int] = {}
    for feature in parsed:
        if feature.history:
            name = feature.base.name
            kept[name] = max(kept.get(name, 0), feature.span + (feature.history == "lag"))
    words += 1 + sum(kept.values()) if kept else 0
    if spec.front:
        words += 2 + (12 if spec.front.kind == "log_envelope" else 4) * len(spec.axes)
    words += max(64, spec.nfft)
    if any(feature.channel in ("env", "norm") for feature in parsed):
        words += (spec.points + 1) // 2
    return 4 * (words + (spec.points * len(spec.axes) + 1) // 2)


def out_words(spec: PipelineSpec, model: "ModelCode | None") -> int:
    """OUT_WORDS of the module."""
    scored = model is not None and "score_threshold" in model.description
    return 3 + (1 if scored else model.n_classes if model else 0) + len(spec.features)


# --- what a pipeline is made of


@cache
def _headers() -> list[str]:
    """The C core's headers that compile only what the kinds in use need."""
    names = ("aus_channel.h", "aus_moments.h", "aus_shape.h", "aus_spectrum.h", "aus_activity.h", "aus_slow.h", "aus_lines.h",
             "aus_cross.h")
    return [(hostlib.native_sources() / name).read_text(encoding="utf-8") for name in names]


@cache
def _rules() -> list[tuple[set[str], list[str]]]:
    """(any of these macros, these passes): what is computed for which kinds, read from the headers' conditions."""
    found = []
    for text in _headers():
        blocks = re.findall(r"^#if(?:def|\b)([^\n]*)\n((?:(?:#define |//)[^\n]*\n)+)", text, re.M)
        found += [(set(re.findall(r"[ONCX]_\w+", given)), re.findall(r"#define ([NX]_\w+)", body)) for given, body in blocks]
    return found


@cache
def _helpers() -> dict[str, set[str]]:
    """Function that is shared -> macros of what calls it: it is in the module once, however many do."""
    calls: dict[str, set[str]] = defaultdict(set)
    for text in _headers():
        conditions: list[set[str]] = []
        for line in text.splitlines():
            if line.startswith("#if"):
                conditions.append(set(re.findall(r"\b[ONCX]_[A-Z]\w*", line)))
            elif line.startswith("#endif"):
                conditions.pop()
            else:
                inner = next((macros for macros in reversed(conditions) if macros), set())
                for name in re.findall(r"\b(aus_\w+)\(", line):
                    calls[name] |= inner
    return calls


def _used(features: list[Feature]) -> set[str]:
    """Macros of kinds and passes that are compiled for these features."""
    macros = {feature.kind.macro for feature in features}
    for _ in range(2):  # a header may ask for what an earlier one has
        for needed, passes in _rules():
            if needed & macros:
                macros |= set(passes)
    return macros


def _passes(features: list[Feature]) -> set[str]:
    """Passes over the samples that these features need, by the names that the C core has for them."""
    return {macro for macro in _used(features) if macro.startswith(("N_", "X_"))}


def _channels(spec: PipelineSpec) -> list[tuple[str, list[Feature], int]]:
    """(name, features, times computed) of each channel that is compiled: raw axes; envelopes and norm."""
    parsed = list(dict.fromkeys(feature.base for feature in spec.parsed()))
    found = []
    for name, parts in (("raw", ("raw",)), ("env", ("env", "norm"))):
        features = [feature for feature in parsed if feature.channel in parts]
        if features:
            found.append((name, features, len({(feature.channel, feature.axis) for feature in features})))
    return found


def instruction_terms(spec: PipelineSpec, model: "ModelCode | None") -> Terms:
    """Amounts of what one window executes."""
    n, axes, parsed = spec.points, len(spec.axes), spec.parsed()
    terms: dict[str, float] = defaultdict(float, {"call": 1, "features": len(parsed)})
    if spec.hop != spec.window or spec.front or spec.trigger:  # else a whole window is read where it stands
        terms["copied"] = n * axes
    for name, features, times in _channels(spec):
        kinds = {feature.kind.name for feature in features}
        three = name == "raw" and times == axes == 3 and n % 4 == 0
        if kinds - _WITHOUT_EXTREMES:
            terms["samples three" if three else "samples one"] += times * n
        terms["channel"] += times
        terms["channel odd"] += times * bool(n & (n - 1))
        _pass_instructions(terms, _passes(features), spec, times)
        for kind in kinds:
            variants = {(f.order or (f.bands and "bands")) for f in features if f.kind.name == kind}
            terms[f"kind {kind}"] += times * max(len(variants), *(f.bands for f in features if f.kind.name == kind))
            terms[f"size {kind}"] += times * n * len(variants)
        terms["long slope"] += times * n * ("slope" in kinds and n > 256)
        if kinds & {"autocorr", "autocorr_lag"}:
            step, shortest, longest = spec.lags
            terms["lags"] += times * sum(n // step - lag for lag in range(shortest, longest + 1))
        terms["crowded shape"] += times * n * max(0, len(kinds & _SHAPE) - 1)
        terms["logs"] += times * spec.nfft / 2 * bool(kinds & {"entropy", "flatness"})
        terms["steps"] += times * n * bool(kinds & {"still", "diff_log2", "max_step"})
        if kinds & {"cepstrum_peak", "cepstrum_at"}:  # a second transform
            terms[f"fft {spec.nfft}"] += times
        terms["line bins"] += times * sum(_bins_around(features, spec))
        for channel in ("env", "norm"):
            on = len({feature.axis for feature in features if feature.channel == channel})
            terms[f"made {channel}"] += on * n
            terms["summed squares"] += on * n * axes * (channel == "norm")
    cross = list(dict.fromkeys(feature.base for feature in parsed if feature.channel == "cross"))
    for part in _passes(cross):
        terms[f"pass {part}"] += 1
        terms[f"samples {part}"] += n * (axes * (axes + 1) / 2 if part == "X_COVARIANCE" else axes)
    for feature in cross:
        terms[f"kind {feature.kind.name}"] += 1
        terms[f"size {feature.kind.name}"] += n * len(feature.on)
        terms[f"each {feature.kind.name}"] += n
    terms["history"] = sum(feature.span if feature.history == "mean" else 1 for feature in parsed if feature.history)
    if spec.front:
        terms[f"front {spec.front.kind}"] = spec.hop * axes
    if spec.trigger:
        terms["trigger"] = spec.hop
    if model is not None:
        terms |= _model_instructions(spec, model)
    return {term: amount for term, amount in terms.items() if amount}


_WITHOUT_EXTREMES = {"last", "change", "slope"}  # nobody asks for sum, smallest and largest: the compiler leaves them out
# kinds whose sums share one pass: together they leave too few registers
_SHAPE = {"mean_abs_dev", "shape", "impulse", "mobility", "complexity", "zero_crossings", "mean_abs_diff"}


def _pass_instructions(terms: dict[str, float], passes: set[str], spec: PipelineSpec, times: int) -> None:
    for part in passes:
        if part == "N_FFT":
            terms[f"fft {spec.nfft}"] += times
            terms["samples hann"] += times * spec.points
        elif part == "N_QUANTILES" and spec.points < 64:  # sorted by insertion
            terms["sorted"] += times * spec.points**2
        else:
            terms[f"pass {part}"] += times
            terms[f"samples {part}"] += times * (spec.nfft / 2 if part == "N_SPECTRUM" else spec.points)
            if spec.points > 512:  # sums no longer fit 32 bits
                terms[f"long {part}"] += times * spec.points


def _bins_around(features: list[Feature], spec: PipelineSpec) -> list[float]:
    """For each line of an order: the bins of which the median is taken, 0.8 to 1.2 of its frequency."""
    bin_hz = spec.rate_hz / spec.step / spec.nfft
    lines = {(f.order, by) for f in features if f.order for by in ((-1, 1) if f.kind.name == "sides" else (0,))}
    return [0.4 * max(0.0, spec.order(order) + by) * spec.shaft_hz / bin_hz for order, by in lines]


def exact_bytes(spec: PipelineSpec, model: "ModelCode | None") -> int:
    """Bytes of the module that need no estimate: a model's tables, and what the pipeline says of itself."""
    return len(codegen.info(spec, model)) + (model.description["table_bytes"] if model else 0)


def byte_terms(spec: PipelineSpec, model: "ModelCode | None") -> Terms:
    """Amounts of what is in the module's file, besides what is known exactly."""
    parsed, channels = spec.parsed(), _channels(spec)
    terms: dict[str, float] = defaultdict(float, {"base": 1, "features": len(parsed)})
    for name, features, times in channels:
        passes = _passes(features)
        terms[f"channel {name}"] = 1
        terms["extremes three"] += name == "raw" and times == len(spec.axes) == 3 and spec.points % 4 == 0
        terms["norm"] += any(feature.channel == "norm" for feature in features)
        for part in passes:
            terms[f"pass {part}"] += 1
            terms[f"long {part}"] += spec.points > 512
            terms[f"odd {part}"] += bool(spec.points & (spec.points - 1))
        for kind in {feature.kind.name for feature in features}:
            terms[f"kind {kind}"] += 1
    if any("N_FFT" in _passes(features) for _, features, _ in channels):
        terms |= {"fft": 1, "fft odd": spec.nfft.bit_length() % 2, "twiddles": 3 * (spec.nfft // 8) + spec.nfft // 2,
                  "hann": spec.points // 2 + 1}
    cross = [feature for feature in parsed if feature.channel == "cross"]
    for part in _passes(cross):
        terms[f"pass {part}"] += 1
    for kind in {feature.kind.name for feature in cross}:
        terms[f"kind {kind}"] += 1
    for name, callers in _helpers().items():
        terms[f"helper {name}"] = bool(callers & _used(parsed))
    terms["gathered"] = len(channels) > 1 or bool(cross)
    terms["history"] = any(feature.history for feature in parsed)
    terms["hop"] = spec.hop < spec.window
    terms["odd"] = bool(spec.points & (spec.points - 1))
    terms["trigger"] = spec.trigger is not None
    if spec.front:
        terms[f"front {spec.front.kind}"] = 1
    if model is not None:
        terms |= _model_bytes(model)
    return {term: float(amount) for term, amount in terms.items() if amount}


def _model_instructions(spec: PipelineSpec, model: "ModelCode") -> Terms:
    facts, n = model.description, len(spec.features)
    terms: Terms = {"model": 1, "quantised": n, "classes": model.n_classes}
    if "trees" in facts:
        layout = facts["layout"]
        terms |= {f"tree {layout}": facts["trees"], f"splits {layout}": facts["path"],
                  f"shares {layout}": facts["trees"] * model.n_classes}
    elif "layers" in facts:
        layers = facts["layers"]
        terms[f"weights {facts['bits']}"] = sum(a * b for a, b in itertools.pairwise(layers))
        terms["units"] = sum(layers[1:])
        for name, width in zip(facts["activations"], layers[1:-1], strict=True):
            terms[f"activation {name}"] = terms.get(f"activation {name}", 0) + width
    elif "prototypes" in facts:
        terms |= {"prototypes": facts["prototypes"], "distances": facts["prototypes"] * n}
    elif "distance_bits" in facts:
        components = facts.get("components", 1)
        terms["densities"] = components
        terms["whitened"] = components * n
        terms["products"] = components * (n if facts["diagonal"] else n * (n + 1) / 2)
    else:
        terms["deviations"] = n
    if "guard" in facts:
        terms |= {"guard": 1, "guarded": facts["guard"]["centres"] * n}
    terms["chosen"] = facts.get("chosen", 0)
    return terms


def _model_bytes(model: "ModelCode") -> Terms:
    facts = model.description
    emitted = "trees" if "trees" in facts else model.kind  # a tree, a forest and extra trees are the same code
    terms: Terms = {f"model {emitted} {facts['layout']}": 1}
    if "trees" in facts and facts["layout"] == "fast":
        terms |= {name: facts[name] for name in ("splits", "leaves", "trees", "wide_limits", "wide_leaves")}
        terms["reloads"] = facts["splits"] * math.log2(facts["features"])  # few features stay in registers
        terms["far"] = facts["splits"] * max(0.0, math.log2(facts["splits"] / facts["trees"] / 16 + 1e-9))
    if "layers" in facts:
        terms = {"model net": 1, f"net {facts['bits']}": 1, "layers": len(facts["layers"]) - 1}
        terms |= {f"activation {name}": 1 for name in facts["activations"]}
    if "guard" in facts:
        terms["guard"] = 1
    terms["chosen"] = float("chosen" in facts)
    return terms
