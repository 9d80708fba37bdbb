# SPDX-License-Identifier: Apache-2.0
"""Is what the sensor says fit to be judged? Each window with a flaw is counted and reported, and gets no verdict.

    missing       the FIFO ran over, or sampling paused, within the window
    stuck         an axis gave the same word for longer than its own noise makes likely
    saturated     an axis stayed at the end of its scale
    out of range  beyond the range that the sensor is set to, or that the configuration allows
    rate          the true sample rate is further from the pipeline's than its tolerance
    novel         the features are unlike all that the model was trained on (of a pipeline with a guard)
"""

from array import array

KINDS = ("missing", "stuck", "saturated", "out of range", "rate", "novel")
MISSING, STUCK, SATURATED, OUT_OF_RANGE, RATE, NOVEL = 1, 2, 4, 8, 16, 32
_NEVER = 0x3FFFFFFF


def scan(data, n, words, state):
    """Looks at n samples of `words` int16 words. state: array('i') of stuck and saturated run, highest and lowest word
    of the scale, highest and lowest allowed, then for each axis the last word and how often it came; words plus 32768, so
    that none is negative. Returns flags."""
    flags, at = 0, 0
    for _ in range(n):
        for i in range(6, 6 + 2 * words, 2):
            word = (data[at] | data[at + 1] << 8) ^ 0x8000
            at += 2
            run = 1
            if word == state[i]:
                run = min(state[i + 1] + 1, _NEVER - 1)
            state[i], state[i + 1] = word, run
            if run >= state[0]:
                flags |= 2
            if run >= state[1] and not state[3] < word < state[2]:
                flags |= 4
            if not state[5] <= word <= state[4]:
                flags |= 8
    return flags


try:
    from auscult.quality_viper import scan  # noqa: F811
except (ImportError, SyntaxError, ValueError):  # no such emitter, or a .mpy for another architecture
    pass


def stuck_run(sensor, window):
    """How many equal words in a row are a stuck axis: a quarter of a window, at least 64, if the sensor's noise is over
    0.4 of its resolution (64 words then agree by chance with a probability below 0.8 ** 64); else 0, which is never: a
    quiet machine may look the same."""
    bits = sensor.bits_of(sensor.range_g)
    digit_ug = sensor.full_scale_um / 9.80665 / (1 << bits - 1)
    noise_ug = sensor.NOISE_UG * (1.57 * sensor.bandwidth_of(sensor.rate_hz)) ** 0.5  # of a first-order low-pass
    return max(64, window // 4) if noise_ug > 0.4 * digit_ug else 0


class Quality:
    """sensor: a configured driver; words: axes in a sample; window: of the pipeline, in samples.
    stuck: run of equal words, None: stuck_run(), 0: never; saturated: run at the end of the scale; limit_g: None: the range
    that the sensor is set to."""

    def __init__(self, sensor, words, window, stuck=None, saturated=2, limit_g=None):
        digit = 1 << 16 - sensor.bits_of(sensor.range_g)
        # At a scale's end some chips stop a few digits early, and the lowest bit may be fixed.
        end = 3 * digit
        limit = min(32767, int((limit_g or sensor.range_g) * 9806650 * 32768 / sensor.full_scale_um))
        if stuck is None:
            stuck = stuck_run(sensor, window)
        self._words, self._window = words, window
        self._state = array("i", [stuck or _NEVER, saturated or _NEVER, 65536 - end, end, 32768 + limit, 32767 - limit]
                            + [0] * 2 * words)
        # for each kind: samples since the block that had the flaw
        self._since = array("i", [window] * len(KINDS))

    def look(self, block, n):
        """Looks at a block of n samples before the pipeline gets it."""
        flags = scan(block, n, self._words, self._state)
        since = self._since
        for kind in range(len(since)):
            if flags >> kind & 1:
                since[kind] = 0

    def flaws(self):
        """Flags of the window that ends in the block that was looked at last. A flaw in the block before a window's first
        sample may count as well: blocks are not divided."""
        flags, window, since = 0, self._window, self._since
        for kind in range(len(since)):
            if since[kind] < window:
                flags |= 1 << kind
        return flags

    def passed(self, n):
        """The pipeline has taken the block of n samples."""
        since, window = self._since, self._window
        for kind in range(len(since)):
            if since[kind] < window:
                since[kind] += n
