// SPDX-License-Identifier: Apache-2.0
// Part of aus_channel.h (see there for the notation): steps from sample to sample, time above the middle and since the extremes.

#ifdef N_SLOW
typedef struct { uint32_t above, at_max, at_min, largest, still, steps; } CH(slow_t);
AUS_NOINLINE void CH(slow)(const int16_t *w, int32_t mn, int32_t mx, CH(slow_t) *s) {
    uint32_t above = 0, at_max = 0, at_min = 0, largest = 0, still = 0, steps = 0;
    int32_t px = *w;
    (void)mn; (void)mx; (void)px;
    for (uint32_t i = 0; i < AUS_N; i++, w += STRIDE) {
        int32_t x = *w;
#ifdef O_DWELL
        above += 2 * x > mn + mx;
#endif
#ifdef O_SINCE_MAX
        if (x == mx) at_max = i;
#endif
#ifdef O_SINCE_MIN
        if (x == mn) at_min = i;
#endif
#if defined(O_MAX_STEP) || defined(O_STILL) || defined(O_DIFF_LOG2)
        uint32_t d = (uint32_t)(x < px ? px - x : x - px);
        if (d > largest) largest = d;
        still += d <= 128;
        steps += d;
#endif
        px = x;
    }
    s->above = above; s->at_max = at_max; s->at_min = at_min; s->largest = largest; s->steps = steps;
    s->still = still - 1; // the first sample has no step
}

AUS_SMALL void CH(slow_features)(const int16_t *w, int32_t mn, int32_t mx, int32_t *o) {
    CH(slow_t) s;
    CH(slow)(w, mn, mx, &s);
#ifdef O_DWELL
    o[O_DWELL] = (int32_t)aus_ratio(s.above, AUS_N, 15);
#endif
#ifdef O_SINCE_MAX
    o[O_SINCE_MAX] = (int32_t)aus_ratio(AUS_N - 1 - s.at_max, AUS_N, 15);
#endif
#ifdef O_SINCE_MIN
    o[O_SINCE_MIN] = (int32_t)aus_ratio(AUS_N - 1 - s.at_min, AUS_N, 15);
#endif
#ifdef O_MAX_STEP
    o[O_MAX_STEP] = (int32_t)s.largest;
#endif
#ifdef O_STILL
    o[O_STILL] = (int32_t)aus_ratio(s.still, AUS_N - 1, 15);
#endif
#ifdef O_DIFF_LOG2
    o[O_DIFF_LOG2] = aus_log2_q9(s.steps + AUS_N - 1, 0) - aus_log2_q9(AUS_N - 1, 0);
#endif
}
#endif
