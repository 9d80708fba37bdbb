// SPDX-License-Identifier: Apache-2.0
// The stream processor: samples in, a verdict each time a window is complete. How the samples were cut into blocks
// changes nothing. All state is in one buffer that the caller owns; zeroed it is fresh.
#ifndef AUS_PIPELINE_H
#define AUS_PIPELINE_H

typedef struct {
    int32_t fill;   // points of the current window that are here: samples, or what the front makes of them
    int32_t skip;   // points still to drop before the next window (hop > window)
    int32_t count;  // windows completed
    int32_t gap;    // samples are missing just before this place in the window; 0: none
#ifdef AUS_TRIGGER_PRE
    int32_t cycle;  // 1: the window of a cycle is being filled, 0: waiting for one
    int32_t sum;    // of the samples that a new one is compared with
#endif
#if AUS_ORDERS
    uint32_t shaft; // its speed in mHz; 0: the nominal one
#endif
#if AUS_HISTORY
    int32_t held;   // windows that the history knows
    int32_t history[AUS_HISTORY];
#endif
#if AUS_FRONT
    aus_front_t front;
#endif
    int32_t scratch[(AUS_NFFT > 64 ? AUS_NFFT : 64) + (AUS_ENV_COUNT ? (AUS_N + 1) / 2 : 0)];
    int16_t window[AUS_N * AUS_AXES + (AUS_N * AUS_AXES) % 2];
} aus_state_t;

// out: [0] flags: 1 window complete, 2 samples are missing in it, 4 novel (unlike those of training), 0 no window;
// [1] class or -1; [2] number of the window, from 0; then probabilities Q15 (or the score); then the features
#define AUS_OUT_WORDS (3 + AUS_MODEL_OUT + AUS_FEATURES)

#if AUS_MODEL
AUS_INLINE int32_t aus_saturate16(int32_t v) {
    if ((uint32_t)(v + 32768) >> 16) v = v < 0 ? -32768 : 32767;
    return v;
}

static void aus_quantise(const int32_t *features, int16_t *x) {
    for (int i = 0; i < AUS_FEATURES; i++) x[i] = (int16_t)aus_saturate16(features[i] >> aus_shifts[i]);
}
#endif

static void aus_window(aus_state_t *s, const int16_t *w, int32_t *out) {
#if AUS_ORDERS
    uint32_t shaft = s->shaft ? s->shaft : AUS_SHAFT_MHZ;
#endif
#if AUS_HISTORY // a window with a gap in it begins a new history, and is no part of it
    int32_t base[AUS_BASES];
    aus_features(w, base, s->scratch AUS_SHAFT);
    s->held = aus_remember(s->history, s->gap > 0 ? 0 : s->held, base, out + 3 + AUS_MODEL_OUT);
    if (s->gap > 0) s->held = 0;
#else
    aus_features(w, out + 3 + AUS_MODEL_OUT, s->scratch AUS_SHAFT);
#endif
#if AUS_MODEL
    int16_t x[AUS_FEATURES];
    aus_quantise(out + 3 + AUS_MODEL_OUT, x);
    out[0] = aus_novel(x) ? 5 : 1;
    out[1] = aus_classify(x, out + 3);
#else
    out[0] = 1;
    out[1] = -1;
#endif
}

// Words: the fewest instructions on every target, and no libc
AUS_NOINLINE void aus_copy(int16_t *to, const int16_t *from, int32_t n) { // forwards; ranges may overlap if to < from
    typedef uint32_t __attribute__((may_alias)) word_t;
    if (!(((uintptr_t)to | (uintptr_t)from) & 2)) {
        word_t *t = (word_t *)(void *)to;
        const word_t *f = (const word_t *)(const void *)from;
        for (; n >= 8; n -= 8, t += 4, f += 4) { uint32_t a = f[0], b = f[1], c = f[2], d = f[3]; t[0] = a; t[1] = b; t[2] = c; t[3] = d; }
        to = (int16_t *)(void *)t; from = (const int16_t *)(const void *)f;
    }
    while (n-- > 0) *to++ = *from++;
}

#ifdef AUS_TRIGGER_PRE
#include "aus_trigger.h"
#endif

// Consumes samples start .. n - 1 of block (interleaved axes, 2-byte aligned) up to the end of a window or of the block.
// Returns the sample to go on with.
AUS_SMALL int32_t aus_push(aus_state_t *s, const int16_t *block, int32_t n, int32_t start, int32_t *out) {
    out[0] = 0;
    const int16_t *p = block + start * AUS_AXES, *w;
#if AUS_FRONT
    for (;;) {
        if (start == n) return start;
        int32_t take = aus_front(&s->front, p, n - start, s->window + s->fill * AUS_AXES);
        start += take; p += take * AUS_AXES;
        if (s->front.phase) return start;
        if (s->skip) { s->skip--; continue; }
        s->fill++;
        if (s->front.count == AUS_SETTLING && s->fill == AUS_SETTLING)
            for (int i = 0; i < (AUS_SETTLING - 1) * AUS_AXES; i++) s->window[i] = s->window[(AUS_SETTLING - 1) * AUS_AXES + i % AUS_AXES];
        if (s->fill == AUS_N) break;
    }
    w = s->window;
#else
    if (s->skip) {
        int32_t drop = s->skip < n - start ? s->skip : n - start;
        s->skip -= drop; start += drop; p += drop * AUS_AXES;
        if (s->skip) return start;
    }
#ifdef AUS_TRIGGER_PRE
    if (!s->cycle) {
        start = aus_await(s, block, n, start);
        if (!s->cycle) return start;
        p = block + start * AUS_AXES;
    }
#endif
    if (!s->fill && n - start >= AUS_N && !((uintptr_t)p & 3)) { // a whole window stands in the block: no copy
        w = p;
        start += AUS_N;
    } else {
        int32_t take = AUS_N - s->fill;
        if (take > n - start) take = n - start;
        aus_copy(s->window + s->fill * AUS_AXES, p, take * AUS_AXES);
        s->fill += take; start += take;
        if (s->fill < AUS_N) return start;
        w = s->window;
    }
#endif
    aus_window(s, w, out);
    if (s->gap > 0) out[0] |= 2;
    out[2] = s->count++;
#ifdef AUS_TRIGGER_PRE
    s->cycle = 0;
#endif
#if AUS_HOP < AUS_N
    aus_copy(s->window, w + AUS_HOP * AUS_AXES, (AUS_N - AUS_HOP) * AUS_AXES);
    s->fill = AUS_N - AUS_HOP;
#else
    s->fill = 0;
    s->skip = AUS_HOP - AUS_N;
#endif
    s->gap = s->gap > AUS_HOP ? s->gap - AUS_HOP : 0;
    return start;
}

// Speed of the shaft from now on; 0: the nominal one
static void aus_set_shaft(aus_state_t *s, uint32_t millihertz) {
    (void)s; (void)millihertz;
#if AUS_ORDERS
    s->shaft = millihertz;
#endif
}

// Samples are missing at this place: every window that reaches over it will say so. The history begins anew; the front's
// filters go on.
static void aus_mark(aus_state_t *s) {
#if AUS_FRONT
    if (s->front.phase && !s->skip) s->gap = s->fill + 1; // a window that begins with the present point has it, too
    else
#endif
    if (s->fill) s->gap = s->fill;
#if AUS_HISTORY
    s->held = 0;
#endif
}
#endif
