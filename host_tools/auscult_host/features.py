# SPDX-License-Identifier: Apache-2.0
"""The table of signal features: names, units, formulas, sources. C code, documentation and tests follow it.

A feature of a pipeline is named `KIND.AXIS` (`rms.x`), `env_KIND.AXIS` for the same of the envelope, `KIND.norm` for the
same of |a| over all axes. `band_I_N.AXIS` and `share_I_N.AXIS` are of band I (from 1) of N equal bands up to half the
sample rate, `line_ORDER.AXIS` and `side_ORDER.AXIS` of the line at a multiple of the shaft's speed (`line_bpfo.x`,
`line_shaft2.x`). Some kinds are of two axes (`KIND.x_y`) or of all (`KIND.all`). Behind any of these `:mean5` is the mean
over the last 5 windows, `:lag2` the value two windows before.

Notation: x sample (with a front: point), N window length, u = x - mean(x), X the real FFT of u times a Hann window
(zero-padded to a power of two of at least N), P = |X|^2 over bins 1 to nfft / 2.
"""

import re
from collections.abc import Container
from dataclasses import dataclass, replace
from itertools import combinations

from .errors import AuscultError

BAND_COUNTS = (4, 8, 16, 32)
MAX_HISTORY = 16  # windows that :mean and :lag can reach back
NORM, ALL = "norm", "all"


@dataclass(frozen=True)
class Kind:
    """One kind of feature.

    q: fractional bits of the int32 the C core delivers. level: how it follows the signal's amplitude (1 linear, 0 not
    at all, -1 log2 of an amplitude, -2 log2 of a power). family: what it is computed of: "signal" one axis, the norm or
    an envelope (in aus_channel.h), "pair" two axes, "all" every axis, "each" one axis and all others (in aus_cross.h).
    needs: "fft" its transform, "power" the power of every bin.
    """

    name: str
    unit: str
    q: int
    level: int
    formula: str
    source: str
    family: str = "signal"
    needs: str = ""

    @property
    def shown(self) -> str:
        """As it stands in the name of a feature: `rms`, `band_I_N`, `line_ORDER`."""
        return {"bands": "band_I_N", "shares": "share_I_N", "lines": "line_ORDER",
                "sides": "side_ORDER"}.get(self.name, self.name)

    @property
    def macro(self) -> str:
        """What tells the C core where it goes (kinds of several axes: that it is used)."""
        return ("O_" if self.family == "signal" else "C_") + self.name.upper()


_RANDALL = "Randall, Vibration-based Condition Monitoring, 2nd ed. 2021"
_PEETERS = "Peeters, A large set of audio features, IRCAM 2004"
_HJORTH = "Hjorth, Electroenceph. Clin. Neurophysiol. 29, 1970"
_CEPSTRUM = "Bogert, Healy & Tukey 1963; Randall, Mech. Syst. Signal Process. 97, 2017"
_ISO = "ISO 13373-2:2016"
_BAO = "Bao & Intille, Pervasive Computing, LNCS 3001, 2004"
_MCLEOD = "McLeod & Wyvill, A smarter way to find pitch, ICMC 2005"
_MIZELL = "Mizell, ISWC 2003"
_NIST = "NIST/SEMATECH e-Handbook 1.3.5"
_QUANTILE = "quantile (histogram of 64 to 128 bins; exact below 64 points)"
_OCTAVES = ("the upper half of the bins", "the upper half below those", "the same again", "the same again", "the same again",
            "the rest")

_KINDS = (
    Kind("mean", "LSB", 9, 1, "sum(x) / N", _NIST),
    Kind("std", "LSB", 8, 1, "sqrt(mean(u^2))", _NIST),
    Kind("min", "LSB", 0, 1, "min(x)", _NIST),
    Kind("max", "LSB", 0, 1, "max(x)", _NIST),
    Kind("rms", "LSB", 8, 1, "sqrt(mean(x^2))", _ISO),
    Kind("peak_to_peak", "LSB", 0, 1, "max(x) - min(x)", _ISO),
    Kind("crest", "1", 12, 0, "max|x| / rms", _ISO),
    Kind("skewness", "1", 12, 0, "mean(u^3) / std^3", _NIST),
    Kind("kurtosis", "1", 12, 0, "mean(u^4) / std^4 (3 for noise)", "Dyer & Stewart, J. Mech. Design 100, 1978"),
    Kind("dominant", "bin", 0, 0, "argmax P", _RANDALL, needs="fft"),
    Kind("peak", "LSB", 0, 1, "max|x|", _ISO),
    Kind("std_log2", "log2 LSB", 9, -1, "log2(std)", _RANDALL),
    Kind("mean_abs_dev", "LSB", 8, 1, "mean|u|", _NIST),
    Kind("shape", "1", 12, 0, "std / mean|u|", _RANDALL),
    Kind("impulse", "1", 12, 0, "max|u| / mean|u|", _RANDALL),
    Kind("zero_crossings", "1/sample", 15, 0, "sign changes of u / (N - 1)", "Kedem, Proc. IEEE 74, 1986"),
    Kind("mean_abs_diff", "LSB", 8, 1, "mean|x[i] - x[i-1]|", "Anguita et al., ESANN 2013"),
    Kind("mobility", "1", 12, 0, "std(dx) / std(x)", _HJORTH),
    Kind("complexity", "1", 12, 0, "mobility(dx) / mobility(x)", _HJORTH),
    Kind("q25", "LSB", 4, 1, f"25 % {_QUANTILE}", _NIST),
    Kind("median", "LSB", 4, 1, f"50 % {_QUANTILE}", _NIST),
    Kind("q75", "LSB", 4, 1, f"75 % {_QUANTILE}", _NIST),
    Kind("iqr", "LSB", 4, 1, "q75 - q25", _NIST),
    Kind("power_log2", "log2 LSB^2", 9, -2, "log2(sum P)", _RANDALL, needs="fft"),
    Kind("centroid", "bin", 8, 0, "sum(k P) / sum(P)", _PEETERS, needs="power"),
    Kind("spread", "bin", 8, 0, "sqrt(sum((k - centroid)^2 P) / sum(P))", _PEETERS, needs="power"),
    Kind("entropy", "bit", 9, 0, "-sum(p log2 p), p = P / sum(P)", "Shannon, Bell Syst. Tech. J. 27, 1948", needs="power"),
    Kind("flatness", "log2", 9, 0, "mean(log2 P) - log2(mean P), P at least 2^-28 of the sum", _PEETERS, needs="power"),
    Kind("rolloff", "bin", 0, 0, "smallest k with 27/32 of sum(P) up to it", _PEETERS, needs="power"),
    Kind("peak2", "bin", 0, 0, "bin of the second largest local maximum of P", _RANDALL, needs="power"),
    Kind("peak3", "bin", 0, 0, "bin of the third largest local maximum of P", _RANDALL, needs="power"),
    Kind("prominence", "log2", 9, 0, "log2(largest local maximum of P / mean P)", _RANDALL, needs="power"),
    Kind("q5", "LSB", 4, 1, f"5 % {_QUANTILE}", _NIST),
    Kind("q95", "LSB", 4, 1, f"95 % {_QUANTILE}", _NIST),
    Kind("slope", "LSB", 8, 1, "N times the slope of the least squares line", _NIST),
    *(Kind(f"quarter_{i}", "LSB", 9, 1, f"mean of quarter {i} of the window - mean(x)", _BAO) for i in range(1, 5)),
    Kind("quarter_range", "LSB", 9, 1, "largest - smallest mean of a quarter", _BAO),
    Kind("quarter_std_min", "LSB", 8, 1, "smallest std of a quarter", _BAO),
    Kind("autocorr", "1", 15, 0, "largest 2 sum(u[i] u[i+l]) / sum(u[i]^2 + u[i+l]^2), or 0; lags l from 0.25 s (at most N / 8) "
         "to 1.5 s (at most N / 2); of at most 128 points, means of ceil(N / 128) samples", _MCLEOD),
    Kind("autocorr_lag", "sample", 0, 0, "l of autocorr", _MCLEOD),
    Kind("still", "1", 15, 0, "share of steps |x[i] - x[i-1]| of at most 128 LSB (1/256 of the full scale)", _BAO),
    Kind("last", "LSB", 0, 1, "x[N-1]", _NIST),
    Kind("change", "LSB", 0, 1, "x[N-1] - x[0]", _NIST),
    Kind("max_step", "LSB", 0, 1, "max|x[i] - x[i-1]|", _NIST),
    Kind("diff_log2", "log2 LSB", 9, -1, "log2(1 + mean|x[i] - x[i-1]|)", _NIST),
    Kind("dwell", "1", 15, 0, "share of samples above (min(x) + max(x)) / 2", _NIST),
    Kind("since_max", "1", 15, 0, "samples since the last max(x) / N", _NIST),
    Kind("since_min", "1", 15, 0, "samples since the last min(x) / N", _NIST),
    *(Kind(f"octave_{i}", "log2 LSB^2", 9, -2, f"log2(64 N nfft + sum of P in {what}); 64 N nfft: white noise of 18 LSB",
           _PEETERS, needs="power") for i, what in enumerate(_OCTAVES, 1)),
    Kind("gravity", "1", 15, 0, "mean(x) / |m|, m: vector of the means of all axes", _MIZELL, "each"),
    Kind("gravity_first", "1", 15, 0, "gravity of the first quarter of the window", _MIZELL, "each"),
    Kind("gravity_last", "1", 15, 0, "gravity of the last quarter of the window", _MIZELL, "each"),
    Kind("correlation", "1", 15, 0, "sum(u v) / sqrt(sum(u^2) sum(v^2)), u and v of two axes", _BAO, "pair"),
    Kind("tilt_change", "1", 15, 0, "|gravity_last - gravity_first| = 2 sin(angle / 2)", _MIZELL, "all"),
    Kind("tilt_path", "1", 15, 0, "sum of |change of gravity| from eighth to eighth of the window", _MIZELL, "all"),
    Kind("vertical_rms", "LSB", 8, 1, "RMS of u along gravity", _MIZELL, "all"),
    Kind("horizontal_rms", "LSB", 8, 1, "RMS of u across gravity", _MIZELL, "all"),
    Kind("jerk", "LSB", 8, 1, "mean of |x[i] - x[i-1]|, vectors of all axes", _BAO, "all"),
    Kind("sma", "LSB", 8, 1, "mean of the sum of |u| over all axes", "Mathie et al., Physiol. Meas. 25, 2004", "all"),
    Kind("bands", "log2 LSB^2", 9, -2, "log2(sum of P in the band)", _RANDALL, needs="fft"),
    Kind("cepstrum_peak", "log2", 12, 0, "max |C| from quefrency 16 on, C the Fourier series of log2 P over all nfft bins",
         _CEPSTRUM, needs="power"),
    Kind("cepstrum_at", "point", 0, 0, "the quefrency of cepstrum_peak", _CEPSTRUM, needs="power"),
    Kind("lines", "log2", 9, 0, "log2(max P within max(0.026 f, 0.75 bin) of f / median P over 0.8 f to 1.2 f), f = order * "
         "shaft speed", _RANDALL, needs="power"),
    Kind("sides", "log2", 9, 0, "mean of the lines at f - shaft and f + shaft", _RANDALL, needs="power"),
    Kind("shares", "1", 15, 0, "sum of P in the band / sum(P)", _PEETERS, needs="fft"),
)
KINDS = {kind.name: kind for kind in _KINDS}
_NUMBERED = {"band": "bands", "share": "shares", "line": "lines", "side": "sides"}  # prefix of a name -> kind
SIMPLE = [name for name in KINDS if name not in _NUMBERED.values()]  # kinds whose name is all there is to say
SIGNAL = [name for name in SIMPLE if KINDS[name].family == "signal"]  # those of one axis
_NAME = re.compile(r"(?P<env>env_)?(?:(?P<band>band|share)_(?P<i>\d+)_(?P<n>\d+)|(?P<line>line|side)_(?P<order>[a-z][a-z0-9_]*)"
                   r"|(?P<kind>[a-z0-9_]+))\.(?P<axis>\w+)(?::(?P<history>mean|lag)(?P<span>\d+))?")

# The set that vibration work starts from, per axis (54 features for three axes).
F54_KINDS = ["mean", "std", "min", "max", "rms", "peak_to_peak", "crest", "skewness", "kurtosis",
             *[f"band_{i}_8" for i in range(1, 9)], "dominant"]
# Default of `auscult train`: free of gravity and of the absolute frequency of one machine.
DEFAULT_KINDS = ["std_log2", "crest", "skewness", "kurtosis", "shape", "zero_crossings",
                 *[f"share_{i}_8" for i in range(1, 9)], "env_kurtosis", "env_crest", "env_prominence"]

# Movement of a body that wears the sensor: posture and how it changes, strength, rhythm. 126 features for three axes.
_MOVEMENT = ["mean", "std", "q5", "q95", "peak_to_peak", "mean_abs_diff", "skewness", "quarter_std_min", "zero_crossings",
             "autocorr", "autocorr_lag", *[f"octave_{i}" for i in range(1, 7)], "entropy", "flatness", "mobility", "still"]
ACTIVITY_KINDS = [*_MOVEMENT, "q25", "median", "q75", "slope", "quarter_1", "quarter_2", "quarter_3", "quarter_range", "gravity",
                  "gravity_first", "gravity_last", *[f"{kind}.{NORM}" for kind in _MOVEMENT], "correlation", "tilt_change",
                  "tilt_path", "vertical_rms", "horizontal_rms", "jerk", "sma"]
# With what was two windows before: 161.
ACTIVITY_LAG2_KINDS = [*ACTIVITY_KINDS, *[f"{kind}:lag2" for kind in (
    "mean", "std", "mean_abs_diff", "slope", "gravity", "octave_4", "octave_5", "octave_6",
    *[f"{kind}.{NORM}" for kind in ("std", "mean_abs_diff", "autocorr", "octave_3", "octave_4", "octave_5", "octave_6")],
    "tilt_change", "vertical_rms", "horizontal_rms", "jerk")]]
# Temperature and the like, also in windows of 16 samples and with hop 1.
SLOW_KINDS = ["mean", "std_log2", "min", "max", "median", "last", "change", "slope", "peak_to_peak", "max_step", "diff_log2",
              "dwell", "since_max", "since_min"]
SETS = {"default": DEFAULT_KINDS, "vibration": DEFAULT_KINDS, "f54": F54_KINDS, "activity": ACTIVITY_KINDS,
        "activity_lag2": ACTIVITY_LAG2_KINDS, "slow": SLOW_KINDS}


@dataclass(frozen=True)
class Feature:
    """A feature of a pipeline.

    axis: as in its name; on: the axes that it is computed of; band: which of so many bands; order: of which multiple of
    the shaft's speed; history: "mean" or "lag" over so many windows (span).
    """

    name: str
    kind: Kind
    axis: str
    on: tuple[str, ...]
    envelope: bool = False
    band: int = 0
    bands: int = 0
    order: str = ""
    history: str = ""
    span: int = 0

    @property
    def base(self) -> "Feature":
        """The same of one window."""
        return replace(self, name=self.name.partition(":")[0], history="", span=0)

    @property
    def channel(self) -> str:
        """Where the C core computes it: raw, env or norm, or cross for what is of more than one axis."""
        if self.kind.family != "signal":
            return "cross"
        return "env" if self.envelope else "norm" if self.axis == NORM else "raw"


def parse(name: str, axes: list[str], orders: Container[str] = ()) -> Feature:
    """Feature by its name; AuscultError names what is wrong with it. orders: names of orders besides shaft1, shaft2, ..."""
    match = _NAME.fullmatch(name)
    if not match:
        raise AuscultError(f"feature {name!r}", "KIND.AXIS such as rms.x, env_kurtosis.z, band_3_8.y or line_bpfo.x:mean5",
                           "`auscult train --list-features` shows them")
    prefix = match["band"] or match["line"]
    kind = KINDS.get(_NUMBERED[prefix]) if prefix else KINDS.get(match["kind"]) if match["kind"] in SIMPLE else None
    if kind is None:
        raise AuscultError(f"feature {name!r}: no such kind", ", ".join(SIMPLE))
    axis, envelope = match["axis"], bool(match["env"])
    on = _axes(name, kind, axis, axes, envelope)
    i, n = (int(match["i"]), int(match["n"])) if match["band"] else (0, 0)
    if match["band"] and (n not in BAND_COUNTS or not 1 <= i <= n):
        raise AuscultError(f"feature {name!r}", f"{prefix}_I_N with N one of {BAND_COUNTS} and I from 1 to N")
    order = match["order"] or ""
    if order and order not in orders and not re.fullmatch(r"shaft[1-9]\d*", order):
        raise AuscultError(f"feature {name!r}: no order {order!r}", "shaft1, shaft2, ... or a name in `orders`",
                           "give its multiple of the shaft's speed in `orders`")
    span = int(match["span"] or 0)
    if match["history"] and not 1 <= span <= MAX_HISTORY:
        raise AuscultError(f"feature {name!r}", f"1 to {MAX_HISTORY} windows")
    return Feature(name, kind, axis, on, envelope, i, n, order, match["history"] or "", span)


def _axes(name: str, kind: Kind, axis: str, axes: list[str], envelope: bool) -> tuple[str, ...]:
    """The axes that a feature is computed of."""
    if kind.family == "signal":
        if axis in axes:
            return (axis,)
        if axis == NORM and not envelope:
            return tuple(axes)
        raise AuscultError(f"feature {name!r}: axis {axis!r}", f"one of {', '.join([*axes, NORM][:-1 if envelope else None])}")
    if envelope:
        raise AuscultError(f"feature {name!r}", f"{kind.name} without env_")
    if kind.family == "each":
        if axis in axes:
            return (axis,)
        raise AuscultError(f"feature {name!r}: axis {axis!r}", f"one of {', '.join(axes)}")
    if kind.family == "all":
        if axis == ALL:
            return tuple(axes)
        raise AuscultError(f"feature {name!r}: axis {axis!r}", f"{kind.name}.{ALL}")
    for pair in combinations(axes, 2):
        if axis == "_".join(pair):
            return pair
    raise AuscultError(f"feature {name!r}: axes {axis!r}", "two axes in their order, as in x_y")


def names(axes: list[str], kinds: list[str] | None = None) -> list[str]:
    """Feature names for every axis: axis by axis, the kinds in the order given (default: DEFAULT_KINDS); behind them
    those of pairs and of all axes, and what has an axis already."""
    kinds = DEFAULT_KINDS if kinds is None else kinds
    each = [kind for kind in kinds if "." not in kind and _family(kind) in ("signal", "each")]
    out = [_with_axis(kind, axis) for axis in axes for kind in each]
    for kind in kinds:
        if "." in kind:
            out.append(kind)
        elif _family(kind) == "pair":
            out += [_with_axis(kind, "_".join(pair)) for pair in combinations(axes, 2)]
        elif _family(kind) == "all":
            out.append(_with_axis(kind, ALL))
    return out


def _family(kind: str) -> str:
    known = KINDS.get(kind.partition(":")[0])
    return known.family if known else "signal"


def _with_axis(kind: str, axis: str) -> str:
    """`std:lag2` and `x` give `std.x:lag2`."""
    plain, colon, history = kind.partition(":")
    return f"{plain}.{axis}{colon}{history}"
