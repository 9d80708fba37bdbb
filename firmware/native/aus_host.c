// SPDX-License-Identifier: Apache-2.0
// The same pipeline as a shared library on the PC, called through ctypes.
#include AUS_PIPELINE_FILE

#define EXPORT __attribute__((visibility("default")))

EXPORT int32_t host_state_bytes(void) { return (int32_t)sizeof(aus_state_t); }
EXPORT int32_t host_out_words(void) { return AUS_OUT_WORDS; }
EXPORT int32_t host_push(void *state, const int16_t *block, int32_t n, int32_t start, int32_t *out) {
    return aus_push((aus_state_t *)state, block, n, start, out);
}
EXPORT void host_set_shaft(void *state, uint32_t millihertz) { aus_set_shaft((aus_state_t *)state, millihertz); }
// A whole recording: rows of AUS_OUT_WORDS, one for each window, at most so many, and the samples after each window's last.
// Returns how many there were.
EXPORT int32_t host_run(void *state, const int16_t *block, int32_t n, int32_t *rows, int32_t *ends, int32_t most) {
    int32_t found = 0;
    for (int32_t at = 0; at < n && found < most;) {
        at = aus_push((aus_state_t *)state, block, n, at, rows + (size_t)found * AUS_OUT_WORDS);
        if (rows[(size_t)found * AUS_OUT_WORDS]) ends[found++] = at;
    }
    return found;
}
EXPORT void host_mark(void *state) { aus_mark((aus_state_t *)state); }

// windows: n x AUS_N x AUS_AXES int16; out: n x AUS_FEATURES int32
EXPORT void host_features(void *state, const int16_t *windows, int32_t n, int32_t *out) {
    aus_state_t *s = (aus_state_t *)state;
#if AUS_ORDERS
    uint32_t shaft = s->shaft ? s->shaft : AUS_SHAFT_MHZ;
#endif
    for (int32_t i = 0; i < n; i++) {
        const int16_t *w = windows + (size_t)i * AUS_N * AUS_AXES;
        if ((uintptr_t)w & 3) { aus_copy(s->window, w, AUS_N * AUS_AXES); w = s->window; }
        aus_features(w, out + (size_t)i * AUS_FEATURES, s->scratch AUS_SHAFT);
    }
}

#if AUS_MODEL
// rows: n x AUS_FEATURES int16; classes: n; out: n x AUS_MODEL_OUT (probabilities Q15, or the score)
EXPORT void host_classify(const int16_t *rows, int32_t n, int32_t *classes, int32_t *out) {
    for (int32_t i = 0; i < n; i++) classes[i] = aus_classify(rows + (size_t)i * AUS_FEATURES, out + (size_t)i * AUS_MODEL_OUT);
}
#endif
