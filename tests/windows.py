# SPDX-License-Identifier: Apache-2.0
"""Windows to test with: a fixed set of signals, and a hypothesis strategy that reaches for the corners."""

import numpy as np
from hypothesis import strategies as st


def to_int16(x: np.ndarray) -> np.ndarray:
    return np.clip(np.round(x), -32768, 32767).astype(np.int16)


def signals(n: int, axes: int, count: int, seed: int = 3) -> np.ndarray:
    """Mixtures of tones, noise, spikes and offsets at levels from 30 LSB to full scale: int16 [count, n, axes]."""
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    out = np.zeros((count, n, axes), np.int16)
    for i in range(count):
        for axis in range(axes):
            level = 10 ** rng.uniform(1.5, 4.3)
            x = sum(rng.normal(0, level / 3) * np.sin(2 * np.pi * rng.uniform(.5, n / 2) * t / n + rng.uniform(0, 6))
                    for _ in range(rng.integers(1, 5)))
            x = x + rng.normal(0, level * 10 ** rng.uniform(-2, 0), n) + rng.uniform(-1e4, 1e4) * (i % 2)
            if i % 5 == 0:
                x = x + level * 3 * (rng.random(n) < .02)
            out[i, :, axis] = to_int16(x)
    return out


@st.composite
def channel(draw: st.DrawFn, n: int) -> np.ndarray:
    """One axis: constant, square wave, spike, ramp, tone, noise or mixture, from 1 LSB to beyond saturation."""
    kind = draw(st.sampled_from(["constant", "square", "spike", "ramp", "tone", "noise", "samples", "nyquist", "burst"]))
    scale = draw(st.sampled_from([1, 2, 3, 7, 30, 100, 1000, 8000, 32767, 50000]))
    offset = draw(st.sampled_from([0, 0, 1, -1, 100, -3000, 16000, -32768, 32767]))
    t = np.arange(n)
    if kind == "constant":
        x = np.zeros(n)
    elif kind == "square":
        x = scale * (1 - 2 * ((t // draw(st.sampled_from([1, 2, 8, n // 2]))) % 2))
    elif kind == "spike":
        x = np.where(t == draw(st.integers(0, n - 1)), scale * draw(st.sampled_from([1, -1])), 0)
    elif kind == "ramp":
        x = scale * (t / n - 0.5)
    elif kind == "tone":
        x = scale * np.sin(2 * np.pi * draw(st.floats(0.1, n / 2)) * t / n + draw(st.floats(0, 6)))
    elif kind == "nyquist":
        x = scale * (1 - 2 * (t % 2))
    elif kind == "samples":
        x = np.resize(np.array(draw(st.lists(st.integers(-32768, 32767), min_size=4, max_size=12))), n)
    else:
        x = np.random.default_rng(draw(st.integers(0, 999))).normal(0, scale, n)
        if kind == "burst":
            x *= np.exp(-(t - n / 3) ** 2 / n)
    return to_int16(x + offset)


@st.composite
def window(draw: st.DrawFn, n: int, axes: int) -> np.ndarray:
    """int16 [n, axes]."""
    return np.stack([draw(channel(n)) for _ in range(axes)], axis=1)
