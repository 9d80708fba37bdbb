# SPDX-License-Identifier: Apache-2.0
"""The table of signal features: names, units, formulas, sources. C code, documentation and tests follow it.

A feature of a pipeline is named `KIND.AXIS` (`rms.x`), `env_KIND.AXIS` for the same of the envelope, and
`band_I_N.AXIS` or `share_I_N.AXIS` for band I (from 1) of N equal bands up to half the sample rate.

Notation: x sample, N window length, u = x - mean(x), X the real FFT of u times a Hann window (zero-padded to a power
of two of at least N), P = |X|^2 over bins 1 to nfft / 2.
"""

import re
from dataclasses import dataclass

from .errors import AuscultError

BAND_COUNTS = (4, 8, 16, 32)


@dataclass(frozen=True)
class Kind:
    """One kind of feature.

    q: fractional bits of the int32 the C core delivers. level: how it follows the signal's amplitude (1 linear, 0 not
    at all, -1 log2 of an amplitude, -2 log2 of a power).
    """

    name: str
    unit: str
    q: int
    level: int
    formula: str
    source: str

    @property
    def macro(self) -> str:
        return "O_" + self.name.upper()


_RANDALL = "Randall, Vibration-based Condition Monitoring, 2nd ed. 2021"
_PEETERS = "Peeters, A large set of audio features, IRCAM 2004"
_HJORTH = "Hjorth, Electroenceph. Clin. Neurophysiol. 29, 1970"
_ISO = "ISO 13373-2:2016"
_NIST = "NIST/SEMATECH e-Handbook 1.3.5"

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
    Kind("dominant", "bin", 0, 0, "argmax P", _RANDALL),
    Kind("peak", "LSB", 0, 1, "max|x|", _ISO),
    Kind("std_log2", "log2 LSB", 9, -1, "log2(std)", _RANDALL),
    Kind("mean_abs_dev", "LSB", 8, 1, "mean|u|", _NIST),
    Kind("shape", "1", 12, 0, "std / mean|u|", _RANDALL),
    Kind("impulse", "1", 12, 0, "max|u| / mean|u|", _RANDALL),
    Kind("zero_crossings", "1/sample", 15, 0, "sign changes of u / (N - 1)", "Kedem, Proc. IEEE 74, 1986"),
    Kind("mean_abs_diff", "LSB", 8, 1, "mean|x[i] - x[i-1]|", "Anguita et al., ESANN 2013"),
    Kind("mobility", "1", 12, 0, "std(dx) / std(x)", _HJORTH),
    Kind("complexity", "1", 12, 0, "mobility(dx) / mobility(x)", _HJORTH),
    Kind("q25", "LSB", 4, 1, "25 % quantile (histogram of 64 to 128 bins)", _NIST),
    Kind("median", "LSB", 4, 1, "50 % quantile (histogram of 64 to 128 bins)", _NIST),
    Kind("q75", "LSB", 4, 1, "75 % quantile (histogram of 64 to 128 bins)", _NIST),
    Kind("iqr", "LSB", 4, 1, "q75 - q25", _NIST),
    Kind("power_log2", "log2 LSB^2", 9, -2, "log2(sum P)", _RANDALL),
    Kind("centroid", "bin", 8, 0, "sum(k P) / sum(P)", _PEETERS),
    Kind("spread", "bin", 8, 0, "sqrt(sum((k - centroid)^2 P) / sum(P))", _PEETERS),
    Kind("entropy", "bit", 9, 0, "-sum(p log2 p), p = P / sum(P)", "Shannon, Bell Syst. Tech. J. 27, 1948"),
    Kind("flatness", "log2", 9, 0, "mean(log2 P) - log2(mean P), P at least 2^-28 of the sum", _PEETERS),
    Kind("rolloff", "bin", 0, 0, "smallest k with 27/32 of sum(P) up to it", _PEETERS),
    Kind("peak2", "bin", 0, 0, "bin of the second largest local maximum of P", _RANDALL),
    Kind("peak3", "bin", 0, 0, "bin of the third largest local maximum of P", _RANDALL),
    Kind("prominence", "log2", 9, 0, "log2(largest local maximum of P / mean P)", _RANDALL),
    Kind("bands", "log2 LSB^2", 9, -2, "log2(sum of P in the band)", _RANDALL),
    Kind("shares", "1", 15, 0, "sum of P in the band / sum(P)", _PEETERS),
)
KINDS = {kind.name: kind for kind in _KINDS}
_NAME = re.compile(r"(?P<env>env_)?(?:(?P<band>band|share)_(?P<i>\d+)_(?P<n>\d+)|(?P<kind>[a-z0-9_]+))\.(?P<axis>\w+)")

# The set that vibration work starts from, per axis (54 features for three axes).
F54_KINDS = ["mean", "std", "min", "max", "rms", "peak_to_peak", "crest", "skewness", "kurtosis",
             *[f"band_{i}_8" for i in range(1, 9)], "dominant"]
# Default of `auscult train`: free of gravity and of the absolute frequency of one machine.
DEFAULT_KINDS = ["std_log2", "crest", "skewness", "kurtosis", "shape", "zero_crossings",
                 *[f"share_{i}_8" for i in range(1, 9)], "env_kurtosis", "env_crest", "env_prominence"]


@dataclass(frozen=True)
class Feature:
    """A feature of a pipeline: its kind, the axis, the envelope or the signal itself, and for bands which of how many."""

    name: str
    kind: Kind
    axis: str
    envelope: bool
    band: int = 0
    bands: int = 0


def parse(name: str, axes: list[str]) -> Feature:
    """Feature by its name; AuscultError names what is wrong with it."""
    match = _NAME.fullmatch(name)
    if not match:
        raise AuscultError(f"feature {name!r}", "KIND.AXIS such as rms.x, env_kurtosis.z or band_3_8.y",
                           "`auscult train --list-features` shows them")
    axis = match["axis"]
    if axis not in axes:
        raise AuscultError(f"feature {name!r}: axis {axis!r}", f"one of {', '.join(axes)}")
    if match["band"]:
        i, n = int(match["i"]), int(match["n"])
        if n not in BAND_COUNTS or not 1 <= i <= n:
            raise AuscultError(f"feature {name!r}", f"{match['band']}_I_N with N one of {BAND_COUNTS} and I from 1 to N")
        return Feature(name, KINDS["bands" if match["band"] == "band" else "shares"], axis, bool(match["env"]), i, n)
    kind = KINDS.get(match["kind"])
    if kind is None or kind.name in ("bands", "shares"):
        raise AuscultError(f"feature {name!r}: no such kind", ", ".join(k for k in KINDS if k not in ("bands", "shares")))
    return Feature(name, kind, axis, bool(match["env"]))


def names(axes: list[str], kinds: list[str] | None = None) -> list[str]:
    """Feature names for every axis: axis by axis, the kinds in the order given (default: DEFAULT_KINDS)."""
    return [f"{kind}.{axis}" for axis in axes for kind in (kinds or DEFAULT_KINDS)]
