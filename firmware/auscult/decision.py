# SPDX-License-Identifier: Apache-2.0
"""From verdicts per window to a state that a person can trust: k of n, hysteresis, hold-off.

- A fault class becomes the state when it was the verdict of at least `k` of the last `n` windows. If several
  qualify, the one with most windows wins; the present state wins ties, then the lower class index.
- The state falls back to the normal class (or to "unknown", -1, if there is none) when its class is left in at
  most `k_off` of the last `n` windows.
- After a change nothing changes for `hold_off` windows.
- A window with a flaw is no evidence: it leaves the history as it is, but time (hold-off) passes.

`k` and `k_off` can differ per class. Nothing is allocated after construction.
"""

_NONE = 255  # empty place in the history


class Decision:
    """classes: number of classes; normal: index of the normal class, or -1; k, k_off: in windows out of n;
    per_class: {class index: (k, k_off)}."""

    def __init__(self, classes, normal=-1, k=3, n=5, k_off=1, hold_off=0, per_class=None):
        if not 1 <= classes < _NONE:
            raise ValueError("a decision has 1 to 254 classes, not %d" % classes)
        self._on, self._off = [k] * classes, [k_off] * classes
        for index, (on, off) in (per_class or {}).items():
            self._on[index], self._off[index] = on, off
        for on, off in zip(self._on, self._off):
            if not 0 <= off < on <= n <= 254:
                raise ValueError("decision needs 0 <= k_off < k <= n <= 254, found k_off=%d, k=%d, n=%d" % (off, on, n))
        self.normal, self._hold_off = normal, hold_off
        self._history, self._counts = bytearray(n), bytearray(classes)
        self.reset()

    def reset(self):
        for i in range(len(self._history)):
            self._history[i] = _NONE
        for i in range(len(self._counts)):
            self._counts[i] = 0
        self._at = self._held = 0
        self.state = self.normal

    def update(self, verdict):
        """verdict: class index of one window, or None for one that can't be told. Returns True if `state` changed."""
        counts = self._counts
        if verdict is not None:
            history, at = self._history, self._at
            oldest = history[at]
            if oldest != _NONE:
                counts[oldest] -= 1
            history[at] = verdict
            counts[verdict] += 1
            self._at = (at + 1) % len(history)
        if self._held:
            self._held -= 1
            return False
        before = best = self.state
        if before != self.normal and before >= 0 and counts[before] <= self._off[before]:
            best = self.normal
        most = counts[best] if best != self.normal and best >= 0 else 0
        for c in range(len(counts)):
            if c != self.normal and c != best and counts[c] >= self._on[c] and counts[c] > most:
                best, most = c, counts[c]
        if best == before:
            return False
        self.state = best
        self._held = self._hold_off
        return True
