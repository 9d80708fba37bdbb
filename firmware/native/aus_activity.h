// SPDX-License-Identifier: Apache-2.0
// Part of aus_channel.h (see there for the notation): drift within the window, repetition, and its parts.

#if defined(O_AUTOCORR) || defined(O_AUTOCORR_LAG)
#define N_AUTOCORR
#endif
#if defined(O_QUARTER_1) || defined(O_QUARTER_2) || defined(O_QUARTER_3) || defined(O_QUARTER_4) || defined(O_QUARTER_RANGE) || defined(O_QUARTER_STD_MIN)
#define N_QUARTERS
#endif
#if defined(O_DWELL) || defined(O_SINCE_MAX) || defined(O_SINCE_MIN) || defined(O_MAX_STEP) || defined(O_STILL) || defined(O_DIFF_LOG2)
#define N_SLOW
#endif
#include "aus_slow.h"

#ifdef O_SLOPE
// ---- least squares line: what it rises in a window, LSB Q8. sum((i - (N - 1) / 2) x) 12 / (N^2 - 1)
AUS_NOINLINE int32_t CH(slope)(const int16_t *w) {
#if AUS_N > 256
    int64_t s = 0;
#else
    int32_t s = 0;
#endif
    for (int32_t i = 1 - AUS_N; i < AUS_N; i += 2, w += STRIDE) s += i * *w;
    int32_t r = aus_mean64((uint64_t)(s < 0 ? -s : s) * 6, AUS_N * AUS_N - 1, 8);
    return s < 0 ? -r : r;
}
#endif

#ifdef N_QUARTERS
// ---- quarters of the window: deviation of their means from the window's, Q9; the smallest of their std, Q8
AUS_NOINLINE int32_t CH(quarters)(const int16_t *w, int32_t mean, int32_t *deviation) {
    int32_t least = 0x7fffffff;
    for (int j = 0; j < 4; j++) {
        int32_t n = (j + 1) * AUS_N / 4 - j * AUS_N / 4, sum = 0;
        const int16_t *e = w + STRIDE * n;
        for (const int16_t *p = w; p != e; p += STRIDE) sum += *p;
        int32_t m = (int32_t)aus_ratio((uint32_t)(sum + n * 32768), (uint32_t)n, 9) - 32768 * 512;
        deviation[j] = m - mean;
#ifdef O_QUARTER_STD_MIN
        uint64_t squares = 0;
        m = (m + 256) >> 9;
        for (const int16_t *p = w; p != e; p += STRIDE) { uint32_t d = (uint32_t)(*p - m); squares += d * d; }
        sum -= n * m; // what the rounded mean leaves
        int32_t std = aus_root_mean((squares << 8) - aus_ratio((uint32_t)(sum * sum), (uint32_t)n, 8), -8, (uint32_t)n);
        if (std < least) least = std;
#endif
        w = e;
    }
    return least;
}

AUS_SMALL void CH(quarter_features)(const int16_t *w, int32_t mean, int32_t *o) {
    int32_t q[4], least = CH(quarters)(w, mean, q);
    (void)least;
#ifdef O_QUARTER_1
    o[O_QUARTER_1] = q[0];
#endif
#ifdef O_QUARTER_2
    o[O_QUARTER_2] = q[1];
#endif
#ifdef O_QUARTER_3
    o[O_QUARTER_3] = q[2];
#endif
#ifdef O_QUARTER_4
    o[O_QUARTER_4] = q[3];
#endif
#ifdef O_QUARTER_RANGE
    { int32_t low = q[0], high = q[0];
      for (int j = 1; j < 4; j++) { if (q[j] < low) low = q[j]; if (q[j] > high) high = q[j]; }
      o[O_QUARTER_RANGE] = high - low; }
#endif
#ifdef O_QUARTER_STD_MIN
    o[O_QUARTER_STD_MIN] = least;
#endif
}
#endif

#ifdef N_AUTOCORR
// ---- largest normalised autocorrelation (McLeod & Wyvill, ICMC 2005) over AUS_LAG_MIN .. AUS_LAG_MAX points, of at most
// 128 points that are sums of AUS_LAG_STEP samples each. Q15, never below 0; its lag in samples, 0 if there is none.
#define POINTS (AUS_N / AUS_LAG_STEP)
AUS_NOINLINE int32_t CH(autocorr)(const int16_t *w, int32_t mean, int32_t *X, int32_t *lag) {
    uint32_t top = 0, head = 0, best = 0;
    for (int i = 0; i < POINTS; i++) {
        int32_t s = 0;
        for (int j = 0; j < AUS_LAG_STEP; j++, w += STRIDE) s += *w;
        X[i] = s = s * 512 - mean * AUS_LAG_STEP;
        top |= (uint32_t)(s < 0 ? -s : s);
    }
    int shift = top >> 11 ? 21 - aus_clz(top) : 0; // 11 bits + sign
    typedef int16_t __attribute__((may_alias)) half_t;
    half_t *y = (half_t *)(void *)X;
    for (int i = 0; i < POINTS; i++) { int32_t v = X[i] >> shift; y[i] = (int16_t)v; head += (uint32_t)(v * v); }
    uint32_t tail = head;
    *lag = 0;
    for (int l = 1; l <= AUS_LAG_MAX; l++) {
        head -= (uint32_t)(y[POINTS - l] * y[POINTS - l]);
        tail -= (uint32_t)(y[l - 1] * y[l - 1]);
        if (l < AUS_LAG_MIN) continue;
        int32_t r = aus_dot((const int16_t *)y, (const int16_t *)y + l, POINTS - l);
        if (r <= 0 || (best && (best >> 15 || (uint32_t)(2 * r) <= aus_umulh(head + tail, best << 17)))) continue;
        uint32_t v = aus_ratio((uint32_t)(2 * r), head + tail, 15);
        if (v > best) { best = v; *lag = l * AUS_LAG_STEP; }
    }
    return (int32_t)best;
}
#undef POINTS
#endif

// X: scratch
AUS_SMALL void CH(activity)(const int16_t *w, int32_t *o, int32_t *X, int32_t mean, int32_t mn, int32_t mx) {
    (void)w; (void)o; (void)X; (void)mean; (void)mn; (void)mx;
#ifdef O_LAST
    o[O_LAST] = w[STRIDE * (AUS_N - 1)];
#endif
#ifdef O_CHANGE
    o[O_CHANGE] = w[STRIDE * (AUS_N - 1)] - w[0];
#endif
#ifdef O_SLOPE
    o[O_SLOPE] = CH(slope)(w);
#endif
#ifdef N_QUARTERS
    CH(quarter_features)(w, mean, o);
#endif
#ifdef N_SLOW
    CH(slow_features)(w, mn, mx, o);
#endif
#ifdef N_AUTOCORR
    int32_t lag, best = CH(autocorr)(w, mean, X, &lag);
    (void)lag; (void)best;
#ifdef O_AUTOCORR
    o[O_AUTOCORR] = best;
#endif
#ifdef O_AUTOCORR_LAG
    o[O_AUTOCORR_LAG] = lag;
#endif
#endif
}

#undef N_AUTOCORR
#undef N_QUARTERS
#undef N_SLOW
