// SPDX-License-Identifier: Apache-2.0
// Part of aus_channel.h (see there for the notation): what needs a pass of its own over the samples.

#ifdef N_SHAPE
// ---- shape: absolute deviations, differences, crossings of the mean
typedef struct { uint32_t abs_dev, abs_diff, crossings, d1, d2; } CH(shape_t);
AUS_NOINLINE void CH(shape)(const int16_t *w, int32_t K, uint32_t M, int32_t above, CH(shape_t) *s) {
    uint32_t a = 0, ad = 0, zc = 0;
#ifdef N_HJORTH
#if AUS_N > 512
    uint64_t D1 = 0, D2 = 0;
#else
    uint32_t D1 = 0, D2 = 0;
#endif
    int32_t pd = 0, pu = (int32_t)((uint32_t)*w * (uint32_t)K + M);
#endif
    int32_t px = *w;
    (void)px; (void)K; (void)M; (void)above;
    for (int i = 0; i < AUS_N; i++, w += STRIDE) {
        int32_t x = *w;
#if defined(N_ABS_DEV) || defined(N_HJORTH)
        int32_t u = (int32_t)((uint32_t)x * (uint32_t)K + M);
#endif
#ifdef N_ABS_DEV
        a += (uint32_t)(u < 0 ? -u : u);
#endif
#ifdef O_ZERO_CROSSINGS
        zc += (uint32_t)((x - above) ^ (px - above)) >> 31;
#endif
#ifdef O_MEAN_ABS_DIFF
        ad += (uint32_t)(x < px ? px - x : x - px);
#endif
#ifdef N_HJORTH
        int32_t d = (u - pu) >> 6, dd = i < 2 ? 0 : (d - pd) >> 1; // 11 bits + sign
        D1 += (uint32_t)(d * d);
        D2 += (uint32_t)(dd * dd);
        pd = d; pu = u;
#endif
        px = x;
    }
    s->abs_dev = a; s->abs_diff = ad; s->crossings = zc;
#ifdef N_HJORTH
#if AUS_LOG2N > 9
    s->d1 = (uint32_t)(D1 >> (AUS_LOG2N - 9)); s->d2 = (uint32_t)(D2 >> (AUS_LOG2N - 9));
#else
    s->d1 = (uint32_t)D1 << (9 - AUS_LOG2N); s->d2 = (uint32_t)D2 << (9 - AUS_LOG2N);
#endif
#if AUS_N != 1 << AUS_LOG2N
    s->d1 = aus_umulh(s->d1, AUS_PER_N); s->d2 = aus_umulh(s->d2, AUS_PER_N);
#endif
#endif
}
#endif

#ifdef N_QUANTILES
// ---- quantiles 5, 25, 50, 75, 95 % between the samples next to them, Q4
AUS_NOINLINE void CH(quantiles)(const int16_t *w, int32_t mn, int32_t mx, uint16_t *bin, int32_t *q) {
    static const uint8_t twentieths[5] = {1, 5, 10, 15, 19};
#if AUS_N < 64 // sorted
    int16_t *sorted = (int16_t *)(void *)bin;
    (void)mn; (void)mx;
    for (int i = 0; i < AUS_N; i++, w += STRIDE) {
        int j = i;
        for (; j && sorted[j - 1] > *w; j--) sorted[j] = sorted[j - 1];
        sorted[j] = *w;
    }
    for (int j = 0; j < 5; j++) {
        uint32_t rank = twentieths[j] * (AUS_N - 1u), i = 0; // in twentieths of a sample
        for (; rank >= 20; rank -= 20) i++;
        q[j] = sorted[i] * 16 + (int32_t)aus_ratio((uint32_t)(sorted[i + 1] - sorted[i]) * rank * 4 + 2, 5, 0);
    }
#else // from a histogram of 64 to 128 bins between smallest and largest, linear inside a bin
    uint32_t range = (uint32_t)(mx - mn);
    int shift = range >> 7 ? 25 - aus_clz(range) : 0;
    for (int i = 0; i < 128; i++) bin[i] = 0;
    const int16_t *e = w + STRIDE * AUS_N;
    do { bin[(uint32_t)(*w - mn) >> shift]++; w += STRIDE; } while (w != e);
    uint32_t below = 0;
    int b = 0;
    for (int j = 0; j < 5; j++) {
        uint32_t rank = twentieths[j] * (AUS_N - 1u); // in twentieths of a sample
        while ((below + bin[b]) * 20 <= rank) below += bin[b++];
        // the bin's n samples are taken as evenly spread: sample i of n stands at (2 i + 1) / 2 n of its width
        uint32_t pos = aus_ratio(rank - below * 20 + 10, (uint32_t)bin[b] * 20, 16);
        int32_t at = shift ? (int32_t)(((uint32_t)b << (shift + 4)) + ((pos << shift) >> 12)) - 8 : b << 4;
        q[j] = mn * 16 + at;
    }
#endif
}
#endif
