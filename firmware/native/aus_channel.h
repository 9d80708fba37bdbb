// SPDX-License-Identifier: Apache-2.0
// Features of one channel: included once for the raw axes and, if used, once for their envelopes.
//
// Set before: CH(name), STRIDE (int16 from sample to sample), and O_<KIND> = place in the output for each feature used;
// code for others is not compiled. Formulas, units and Q formats: the table in auscult_host/features.py.
//
// Notation: x sample, N = AUS_N, u = (x - mean) 2^k with k such that |u| < 2^16 and as large as that allows; so the
// accuracy does not depend on the signal's level. v = u >> 5 (11 bits + sign) feeds the moments, q = v^2 >> 11.

#if defined(O_STD) || defined(O_RMS) || defined(O_CREST) || defined(O_STD_LOG2) || defined(O_SHAPE) || defined(O_MOBILITY) || defined(O_COMPLEXITY)
#define N_M2
#endif
#ifdef O_SKEWNESS
#define N_M2
#define N_M3
#endif
#ifdef O_KURTOSIS
#define N_M2
#define N_M3 // the correction of the fourth moment needs the third
#define N_M4
#endif
#if defined(O_CENTROID) || defined(O_SPREAD) || defined(O_ENTROPY) || defined(O_FLATNESS) || defined(O_ROLLOFF) || defined(O_PEAK2) || defined(O_PEAK3) || defined(O_PROMINENCE)
#define N_SPECTRUM
#endif
#if defined(N_SPECTRUM) || defined(O_BANDS) || defined(O_SHARES) || defined(O_POWER_LOG2) || defined(O_DOMINANT)
#define N_FFT
#endif
#if defined(O_MEAN_ABS_DEV) || defined(O_SHAPE) || defined(O_IMPULSE) || defined(O_ZERO_CROSSINGS) || defined(O_MEAN_ABS_DIFF) || defined(O_MOBILITY) || defined(O_COMPLEXITY)
#define N_SHAPE
#endif
#if defined(O_Q25) || defined(O_MEDIAN) || defined(O_Q75) || defined(O_IQR)
#define N_QUANTILES
#endif
#if defined(N_M2) || defined(N_FFT) || defined(N_SHAPE)
#define N_NORMALISED
#endif

// ---- pass 1: sum, smallest, largest. Either end moves rarely, so one unsigned test serves both.
AUS_NOINLINE void CH(extremes)(const int16_t *w, int32_t *st) {
    int32_t mn = w[0], sum = 0;
    uint32_t r = 0;
    const int16_t *e = w + STRIDE * (AUS_N - AUS_N % 8);
#define P1(i) do { int32_t x = w[STRIDE * (i)]; sum += x; uint32_t d = (uint32_t)(x - mn); \
    if (AUS_RARE(d > r)) { if ((int32_t)d < 0) { r -= d; mn = x; } else r = d; } } while (0)
    do { P1(0); P1(1); P1(2); P1(3); P1(4); P1(5); P1(6); P1(7); w += STRIDE * 8; } while (w != e);
#if AUS_N % 8
    e += STRIDE * (AUS_N % 8);
    do { P1(0); w += STRIDE; } while (w != e);
#endif
#undef P1
    st[0] = sum; st[1] = mn; st[2] = mn + (int32_t)r;
}

#if defined(N_M2) || defined(N_FFT)
// ---- pass 2: windowed samples X for the FFT, and the moments' sums
#ifdef N_FFT
#if AUS_KIND == 2
#define P2X(dst) dst = (u * hh) >> AUS_WINDOW_SHIFT
#elif AUS_KIND == 1
#define P2X(dst) dst = aus_smulwb(u, hh)
#else
#define P2X(dst) dst = aus_mulh(u, hh)
#endif
#else
#define P2X(dst) (void)0
#endif
#if AUS_KIND == 2
#define U_SHIFT 0
#else
#define U_SHIFT (16 - AUS_WINDOW_SHIFT) // u carries the window's shift, so that a high-word product needs none
#endif
#ifdef N_M2
#define P2M2 int32_t v = u >> (5 + U_SHIFT); uint32_t v2 = (uint32_t)(v * v); s2 += v2;
#else
#define P2M2
#endif
#ifdef N_M3
#define P2M3 v2 >>= 11; s3 += (int32_t)v2 * v;
#else
#define P2M3
#endif
#ifdef N_M4
#define P2M4 s4 += v2 * v2;
#else
#define P2M4
#endif
#define P2(x_, dst) do { int32_t u = (int32_t)((uint32_t)(x_) * (uint32_t)K + M); P2X(dst); P2M2 P2M3 P2M4 (void)u; } while (0)

#if AUS_N > 512 // 32-bit sums hold 512 terms of one sign; longer windows carry them over into 64 bits
typedef uint64_t CH(sum_t);
typedef int64_t CH(ssum_t);
#define P2_SPAN 256
#define P2_CARRY S2 += s2; S3 += s3; S4 += s4; s2 = 0; s3 = 0; s4 = 0;
#else
typedef uint32_t CH(sum_t);
typedef int32_t CH(ssum_t);
#define P2_SPAN AUS_N
#define P2_CARRY S2 = s2; S3 = s3; S4 = s4;
#endif

typedef struct { CH(sum_t) s2; CH(ssum_t) s3; CH(sum_t) s4; } CH(sums_t);

AUS_NOINLINE void CH(moments)(const int16_t *w, int32_t *X, int32_t K, uint32_t M, CH(sums_t) *S) {
    uint32_t s2 = 0, s4 = 0;
    int32_t s3 = 0;
    CH(sum_t) S2 = 0, S4 = 0;
    CH(ssum_t) S3 = 0;
    const int16_t *p = w;
#ifdef N_FFT
    int32_t *o = X;
    const aus_weight_t *h = aus_hann;
    // samples i and N - i share the window's value
    const int16_t *q = w + STRIDE * AUS_N;
#if AUS_KIND == 1 || AUS_N > 512 || AUS_N % 16
    int32_t *t = X + AUS_N;
    { int32_t hh = h[0]; (void)hh; P2(*p, *o); }
#if AUS_N % 2 == 0
    { int32_t hh = h[AUS_N / 2]; P2(p[STRIDE * (AUS_N / 2)], o[AUS_N / 2]); }
#endif
#if AUS_N > 512
    int turn = 0;
#endif
    do {
        p += STRIDE; q -= STRIDE; o++; t--; h++;
        int32_t hh = *h;
        P2(*p, *o); P2(*q, *t);
#if AUS_N > 512
        if (++turn == P2_SPAN / 2) { turn = 0; P2_CARRY }
#endif
    } while (o != X + (AUS_N - 1) / 2);
#else // straight through: up one half of the window, down the other
    (void)q;
#define P2H(dh) do { int32_t hh = *h; h += (dh); P2(*p, *o); p += STRIDE; o++; } while (0)
#if AUS_KIND == 2
#define P2R(dh) P2H(dh); P2H(dh)
#else
#define P2R(dh) P2H(dh); P2H(dh); P2H(dh); P2H(dh); P2H(dh); P2H(dh); P2H(dh); P2H(dh)
#endif
    const int16_t *e = w + STRIDE * (AUS_N / 2);
    AUS_HIDE(h); // keeps the compiler from preloading constants of the first turn
    do { P2R(1); } while (p != e);
    e += STRIDE * (AUS_N / 2);
    AUS_HIDE(h);
    do { P2R(-1); } while (p != e);
#undef P2H
#undef P2R
#endif
#if AUS_NFFT > AUS_N
    for (int i = AUS_N; i < AUS_NFFT; i++) X[i] = 0;
#endif
#else // moments only
    (void)X;
    const int16_t *end = w + STRIDE * AUS_N;
    do {
        const int16_t *e = p + STRIDE * P2_SPAN;
        if (e > end) e = end;
        do { P2(*p, *(int32_t *)0); p += STRIDE; } while (p != e);
#if AUS_N > 512
        P2_CARRY
#endif
    } while (p != end);
#endif
    P2_CARRY
    S->s2 = S2; S->s3 = S3; S->s4 = S4;
}
#undef P2
#undef P2X
#undef P2M2
#undef P2M3
#undef P2M4
#undef P2_SPAN
#undef P2_CARRY
#undef U_SHIFT

// A sum over N samples as if over 512, so that what follows does not depend on N
AUS_INLINE uint32_t CH(per512)(CH(sum_t) s) {
#if AUS_LOG2N > 9
    uint32_t r = (uint32_t)(s >> (AUS_LOG2N - 9));
#else
    uint32_t r = (uint32_t)s << (9 - AUS_LOG2N);
#endif
#if AUS_N != 1 << AUS_LOG2N
    r = aus_umulh(r, AUS_PER_N); // 2^32 2^LOG2N / N
#endif
    return r;
}
#endif

#ifdef N_SHAPE
// ---- shape: absolute deviations, differences, crossings of the mean
typedef struct { uint32_t abs_dev, abs_diff, crossings, d1, d2; } CH(shape_t);
AUS_NOINLINE void CH(shape)(const int16_t *w, int32_t K, uint32_t M, int32_t above, CH(shape_t) *s) {
    uint32_t a = 0, ad = 0, zc = 0;
#if defined(O_MOBILITY) || defined(O_COMPLEXITY)
#if AUS_N > 512
    uint64_t D1 = 0, D2 = 0;
#else
    uint32_t D1 = 0, D2 = 0;
#endif
    int32_t pd = 0, pu = (int32_t)((uint32_t)*w * (uint32_t)K + M);
#endif
    int32_t px = *w;
    for (int i = 0; i < AUS_N; i++, w += STRIDE) {
        int32_t x = *w, u = (int32_t)((uint32_t)x * (uint32_t)K + M);
        a += (uint32_t)(u < 0 ? -u : u);
        zc += (uint32_t)((x - above) ^ (px - above)) >> 31;
        ad += (uint32_t)(x < px ? px - x : x - px);
#if defined(O_MOBILITY) || defined(O_COMPLEXITY)
        int32_t d = (u - pu) >> 6, dd = i < 2 ? 0 : (d - pd) >> 1; // 11 bits + sign
        D1 += (uint32_t)(d * d);
        D2 += (uint32_t)(dd * dd);
        pd = d; pu = u;
#endif
        px = x;
    }
    s->abs_dev = a; s->abs_diff = ad; s->crossings = zc;
#if defined(O_MOBILITY) || defined(O_COMPLEXITY)
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
// ---- quantiles from a histogram of 64 to 128 bins between smallest and largest, linear inside a bin; Q4
AUS_NOINLINE void CH(quantiles)(const int16_t *w, int32_t mn, int32_t mx, uint16_t *bin, int32_t *q) {
    uint32_t range = (uint32_t)(mx - mn);
    int shift = range >> 7 ? 25 - aus_clz(range) : 0;
    for (int i = 0; i < 128; i++) bin[i] = 0;
    const int16_t *e = w + STRIDE * AUS_N;
    do { bin[(uint32_t)(*w - mn) >> shift]++; w += STRIDE; } while (w != e);
    uint32_t below = 0;
    int b = 0;
    for (int j = 1; j <= 3; j++) {
        uint32_t rank4 = (uint32_t)j * (AUS_N - 1); // rank * 4
        while ((below + bin[b]) * 4 <= rank4) below += bin[b++];
        // the bin's n samples are taken as evenly spread: sample i of n stands at (2 i + 1) / 2 n of its width
        uint32_t pos = aus_ratio(rank4 - below * 4 + 2, (uint32_t)bin[b] * 4, 16);
        int32_t at = shift ? (int32_t)(((uint32_t)b << (shift + 4)) + ((pos << shift) >> 12)) - 8 : b << 4;
        q[j - 1] = mn * 16 + at;
    }
}
#endif

#ifdef N_SPECTRUM
// ---- spectral shape, from the powers that aus_bands left in place
AUS_NOINLINE void CH(spectrum)(const int32_t *z, uint64_t total, int32_t *o) {
    int sh = total >> 31 ? 33 - aus_clz((uint32_t)(total >> 31)) - 1 : 0; // p = P >> sh: the whole is below 2^31
    uint32_t sum = 0;
    uint64_t first = 0;
    int64_t logs = 0, plogp = 0;
    uint32_t peak[3] = {0, 0, 0}, at[3] = {0, 0, 0}, before = 0, here = 0;
    uint64_t cumulated = 0;
    uint64_t goal = total - total / 8 - total / 32; // 84.4 %: 27 / 32 without a multiplication of 64 bits
    uint32_t rolloff = 0;
    uint64_t floor_ = (total >> 28) + 1;
    uint32_t r = 0;
    for (uint32_t k = 1; k <= AUS_M + 1; k++) {
        uint64_t P = 0;
        if (k <= AUS_M) {
            uint32_t bit = AUS_M / 2;
            while (r & bit) { r ^= bit; bit >>= 1; }
            r |= bit; // r = k with its bits reversed; 0 again at k = M, where bin M is kept
            P = (uint64_t)(uint32_t)z[2 * r + 1] << 32 | (uint32_t)z[2 * r];
            uint32_t p = (uint32_t)(P >> sh);
            sum += p; first += (uint64_t)p * k;
#if defined(O_ENTROPY) || defined(O_FLATNESS)
            int32_t l = aus_log2_q9(P < floor_ ? floor_ : P, 0);
            logs += l; plogp += (int64_t)l * (int32_t)p;
#endif
            cumulated += P;
            if (!rolloff && cumulated >= goal) rolloff = k;
        }
        uint32_t next = k <= AUS_M ? (uint32_t)(P >> sh) : 0;
        if (here > before && here >= next) { // a line at k - 1
            for (int i = 0; i < 3; i++) {
                if (here > peak[i]) {
                    for (int j = 2; j > i; j--) { peak[j] = peak[j - 1]; at[j] = at[j - 1]; }
                    peak[i] = here; at[i] = k - 1;
                    break;
                }
            }
        }
        before = here; here = next;
    }
    (void)logs; (void)plogp; (void)at; (void)peak; (void)rolloff; (void)first; (void)floor_;
    if (!sum) { sum = 1; }
#if defined(O_CENTROID) || defined(O_SPREAD)
    int e1 = 0;
    while (first >> 32) { first >>= 1; e1++; }
    uint32_t centroid = aus_ratio((uint32_t)first, sum >> e1, 8);
#endif
#ifdef O_CENTROID
    o[O_CENTROID] = (int32_t)centroid;
#endif
#ifdef O_SPREAD
    uint64_t second = 0;
    r = 0;
    for (uint32_t k = 1; k <= AUS_M; k++) {
        uint32_t bit = AUS_M / 2;
        while (r & bit) { r ^= bit; bit >>= 1; }
        r |= bit;
        uint64_t P = (uint64_t)(uint32_t)z[2 * r + 1] << 32 | (uint32_t)z[2 * r];
        int32_t d = (int32_t)(k << 4) - (int32_t)(centroid >> 4); // Q4, below 2^16
        second += (uint64_t)(uint32_t)(P >> sh) * (uint32_t)(d * d);
    }
    int e2 = 0, er = 0;
    while (second >> 32) { second >>= 1; e2++; }
    if (second) { // Q8: sqrt(second / sum) 2^4
        uint32_t v = (uint32_t)second;
        int sv = aus_clz(v);
        int bits = 31 - aus_clz(sum);
        v = aus_ratio(v << sv >> 1, sum, bits); // sum >= 2^bits: the quotient fits
        uint32_t root = v ? aus_sqrtn(v, e2 - sv + 1 - bits, &er) : 0;
        o[O_SPREAD] = aus_scale(root, er + 4);
    } else o[O_SPREAD] = 0;
#endif
#if defined(O_ENTROPY) || defined(O_FLATNESS)
    int32_t ltotal = aus_log2_q9(total ? total : 1, 0);
#endif
#ifdef O_ENTROPY // -sum p log2 p = log2 total - sum P log2 P / total; Q9
    { int64_t t = plogp; int s = 0; uint32_t neg = t < 0;
      uint64_t m = (uint64_t)(neg ? -t : t); uint32_t d = sum;
      while (m >> 32) { m >>= 1; d >>= 1; s++; }
      uint32_t mean = aus_ratio((uint32_t)m, d ? d : 1, 0);
      int32_t h = ltotal - (neg ? -(int32_t)mean : (int32_t)mean);
      o[O_ENTROPY] = total ? (h < 0 ? 0 : h) : 0; }
#endif
#ifdef O_FLATNESS // log2 of geometric over arithmetic mean; Q9, at most 0
    { uint32_t neg = logs < 0; uint32_t mean = aus_ratio((uint32_t)(neg ? -logs : logs), AUS_M, 0);
      int32_t f = (neg ? -(int32_t)mean : (int32_t)mean) - (ltotal - AUS_LOG2M * 512);
      o[O_FLATNESS] = total ? (f > 0 ? 0 : f) : 0; }
#endif
#ifdef O_ROLLOFF
    o[O_ROLLOFF] = total ? (int32_t)rolloff : 0;
#endif
#ifdef O_PEAK2
    o[O_PEAK2] = (int32_t)at[1];
#endif
#ifdef O_PEAK3
    o[O_PEAK3] = (int32_t)at[2];
#endif
#ifdef O_PROMINENCE // largest line over the mean bin; log2 Q9
    o[O_PROMINENCE] = peak[0] ? aus_log2_q9(peak[0], 0) - aus_log2_q9(sum, 0) + AUS_LOG2M * 512 : 0;
#endif
}
#endif

// ---- all features of one channel: w its first sample, st sum, smallest, largest; X scratch of AUS_NFFT words
AUS_SMALL void CH(features)(const int16_t *w, int32_t *o, int32_t *X, const int32_t *st) {
    int32_t sum = st[0], mn = st[1], mx = st[2];
    (void)sum; (void)mn; (void)mx; (void)X; (void)w;
#if AUS_N == 512
    int32_t m0 = sum >> 9;
    uint32_t rest = (uint32_t)sum & 511;
    int32_t mean = sum; // Q9
#elif AUS_N == 1 << AUS_LOG2N
    int32_t m0 = sum >> AUS_LOG2N;
    uint32_t rest = (uint32_t)sum & (AUS_N - 1);
#if AUS_LOG2N > 9
    int32_t mean = m0 * 512 + (int32_t)((rest + (1u << (AUS_LOG2N - 10))) >> (AUS_LOG2N - 9));
#else
    int32_t mean = m0 * 512 + (int32_t)(rest << (9 - AUS_LOG2N));
#endif
#else
    int32_t m0 = (int32_t)aus_ratio((uint32_t)(sum + AUS_N * 32768), AUS_N, 0) - 32768;
    uint32_t rest = (uint32_t)(sum - m0 * AUS_N);
    int32_t mean = m0 * 512 + (int32_t)aus_ratio(rest * 512 + AUS_N / 2, AUS_N, 0);
#endif
    (void)m0; (void)rest; (void)mean;
#ifdef O_MEAN
    o[O_MEAN] = mean;
#endif
#ifdef O_MIN
    o[O_MIN] = mn;
#endif
#ifdef O_MAX
    o[O_MAX] = mx;
#endif
#ifdef O_PEAK_TO_PEAK
    o[O_PEAK_TO_PEAK] = mx - mn;
#endif
#ifdef O_PEAK
    o[O_PEAK] = mx > -mn ? mx : -mn;
#endif
#ifdef N_QUANTILES
    { int32_t q[3];
      CH(quantiles)(w, mn, mx, (uint16_t *)(void *)X, q);
#ifdef O_Q25
      o[O_Q25] = q[0];
#endif
#ifdef O_MEDIAN
      o[O_MEDIAN] = q[1];
#endif
#ifdef O_Q75
      o[O_Q75] = q[2];
#endif
#ifdef O_IQR
      o[O_IQR] = q[2] - q[0];
#endif
    }
#endif
#ifdef N_NORMALISED
    uint32_t D1 = (uint32_t)(AUS_N * mx - sum), D2 = (uint32_t)(sum - AUS_N * mn);
    if (D2 > D1) D1 = D2;
    int k = D1 ? aus_clz(D1) - 16 + AUS_LOG2N : 0;
#if AUS_N != 1 << AUS_LOG2N
    if (k < 0) k = 0; // D1 / N is below 2^16 as it is
#endif
    // sum << k may overflow for tiny signals on a large offset: the integer part of the mean goes its own way
#if AUS_N == 1 << AUS_LOG2N
    int32_t M = (int32_t)(-(((uint32_t)m0 << k) + (((rest << k) + AUS_N / 2) >> AUS_LOG2N)));
#else
    int32_t M = (int32_t)(-(((uint32_t)m0 << k) + aus_ratio((rest << k) + AUS_N / 2, AUS_N, 0)));
#endif
#endif
#ifdef N_SHAPE
    CH(shape_t) sh;
    CH(shape)(w, (int32_t)(1u << k), (uint32_t)M, m0 + (rest > 0), &sh); // a sample is below the mean if below this
#endif
#if defined(N_M2) || defined(N_FFT)
    CH(sums_t) S;
#if AUS_KIND == 2
    CH(moments)(w, X, (int32_t)(1u << k), (uint32_t)M, &S);
#else
    CH(moments)(w, X, (int32_t)(1u << (k + 16 - AUS_WINDOW_SHIFT)), (uint32_t)M << (16 - AUS_WINDOW_SHIFT), &S);
#endif
    (void)S;
#endif
#ifdef N_FFT
    aus_fft(X);
    { uint64_t E[AUS_BANDS];
      int dominant = aus_bands(X, E);
      (void)dominant;
#ifdef O_DOMINANT
      o[O_DOMINANT] = dominant;
#endif
#ifdef O_BANDS
      for (int b = 0; b < AUS_BANDS; b++) o[O_BANDS + b] = aus_log2_q9(E[b], -2 * k - AUS_POWER_EXPONENT);
#endif
#if defined(O_SHARES) || defined(O_POWER_LOG2) || defined(N_SPECTRUM)
      uint64_t total = 0;
      for (int b = 0; b < AUS_BANDS; b++) total += E[b];
#endif
#ifdef O_SHARES
      { int32_t l = aus_log2_q9(total, 0);
        for (int b = 0; b < AUS_BANDS; b++) {
            int32_t d = E[b] ? aus_log2_q9(E[b], 0) - l : -9216;
            o[O_SHARES + b] = aus_exp2_q15(d > 0 ? 0 : d);
        } }
#endif
#ifdef O_POWER_LOG2
      o[O_POWER_LOG2] = aus_log2_q9(total, -2 * k - AUS_POWER_EXPONENT);
#endif
#ifdef N_SPECTRUM
      CH(spectrum)(X, total, o);
#endif
    }
#endif
#ifdef N_M2
    // central moments: v is floored by e6 / 64 on average
    uint32_t e6 = k < 5 ? 2 * ((uint32_t)M & ((1u << k) - 1)) + (32u - (1u << k)) : 2 * ((uint32_t)M & 31);
    uint32_t V = CH(per512)(S.s2), c = (e6 * e6) >> 3;
    if (!D1) V = 0; else V = V > c ? V - c : 1;
#ifdef N_M3
    uint32_t a3 = CH(per512)((CH(sum_t))(S.s3 < 0 ? -S.s3 : S.s3));
    int32_t s3 = (S.s3 < 0 ? -(int32_t)a3 : (int32_t)a3) + (int32_t)(((V >> 12) * 3 * e6) >> 5);
#endif
#ifdef N_M4
    uint32_t s4 = CH(per512)(S.s4) + (V >> 11) + (uint32_t)(((s3 >> 11) * (int32_t)e6) >> 4);
#endif
    uint32_t r = 0;
    int er = 0;
    (void)r; (void)er;
    if (V) {
        r = aus_sqrtn(V, 19 - 2 * k, &er);
#ifdef O_STD
        o[O_STD] = aus_scale(r, er - 1);
#endif
#ifdef O_STD_LOG2
        o[O_STD_LOG2] = (aus_log2_q9(V, 1 - 2 * k) >> 1); // V 2^(1 - 2k) = variance
#endif
#if defined(O_KURTOSIS) || defined(O_SKEWNESS)
        int sV = aus_clz(V), sb;
        uint32_t a = (V << sV) >> 16, Q;
        (void)sb; (void)Q;
#ifdef O_KURTOSIS
        if (s4) { sb = aus_clz(s4); Q = aus_udiv18(s4 << sb, (a * a) >> 16); o[O_KURTOSIS] = aus_scale(Q, 2 * sV - sb - 5); }
        else o[O_KURTOSIS] = 0;
#endif
#ifdef O_SKEWNESS // V^1.5: sqrt(2V 2^(18-2k)) = r 2^er  ->  sqrt(2V) = r 2^(er-9+k)
        uint32_t b = (uint32_t)(s3 < 0 ? -s3 : s3);
        if (b) {
            sb = aus_clz(b);
            Q = aus_udiv18(b << sb, (a * r) >> 16);
            Q = (uint32_t)aus_scale(Q, sV - sb - (er - 9 + k) - 4);
            o[O_SKEWNESS] = s3 < 0 ? -(int32_t)Q : (int32_t)Q;
        } else o[O_SKEWNESS] = 0;
#endif
#endif
    } else {
#ifdef O_STD
        o[O_STD] = 0;
#endif
#ifdef O_STD_LOG2
        o[O_STD_LOG2] = AUS_LOG2_ZERO;
#endif
#ifdef O_KURTOSIS
        o[O_KURTOSIS] = 0;
#endif
#ifdef O_SKEWNESS
        o[O_SKEWNESS] = 0;
#endif
    }
#ifdef O_MOBILITY // sqrt(var(dx) / var(x)), Q12: dv = 2 d, V = sum v^2
    { uint32_t ms = V ? aus_ratio(sh.d1, V, 24) : 0; int me; // a quarter of the ratio
      if (ms) { uint32_t root = aus_sqrtn(ms, 0, &me); o[O_MOBILITY] = aus_scale(root, me + 1); } else o[O_MOBILITY] = 0; }
#endif
#ifdef O_COMPLEXITY // mobility(dx) / mobility(x), Q12: sqrt((D2 / D1) / (D1 / V))
    { uint32_t m1 = V ? aus_ratio(sh.d1, V, 24) : 0, m2 = sh.d1 ? aus_ratio(sh.d2, sh.d1, 20) : 0;
      uint32_t square = m1 ? aus_ratio(m2, m1, 14) : 0; int me; // Q10
      if (square) { uint32_t root = aus_sqrtn(square, 0, &me); o[O_COMPLEXITY] = aus_scale(root, me + 7); } else o[O_COMPLEXITY] = 0; }
#endif
#if defined(O_RMS) || defined(O_CREST)
    // (512 rms)^2 = (512 mean)^2 + V 2^(19-2k), both kept below 2^31
    int pk = mx > -mn ? mx : -mn, e = 0;
    uint32_t as = (uint32_t)(mean < 0 ? -mean : mean), m = 0;
    if (V) { m = V >> 1; e = 20 - 2 * k; }
    if (as) {
        int s = aus_clz(as);
        uint32_t a2 = (as << s) >> 16;
        int ea = 2 * (16 - s) + 1;
        a2 = (a2 * a2) >> 1;
        if (m) {
            int s2 = aus_clz(m) - 1;
            m <<= s2; e -= s2;
            if (ea >= e) { int d = ea - e; m = a2 + (d > 31 ? 0 : m >> d); e = ea; }
            else { int d = e - ea; m += d > 31 ? 0 : a2 >> d; }
        } else { m = a2; e = ea; }
    }
    (void)pk;
    if (m) {
        r = aus_sqrtn(m, e, &er);
#ifdef O_RMS
        o[O_RMS] = aus_scale(r, er - 1);
#endif
#ifdef O_CREST
        int s = aus_clz((uint32_t)pk); // pk > 0 here
        o[O_CREST] = aus_scale(aus_udiv18((uint32_t)pk << s, r), 21 - s - er);
#endif
    } else {
#ifdef O_RMS
        o[O_RMS] = 0;
#endif
#ifdef O_CREST
        o[O_CREST] = 0;
#endif
    }
#endif
#endif
#ifdef N_SHAPE
    {
#ifdef O_MEAN_ABS_DEV
      o[O_MEAN_ABS_DEV] = aus_scale(aus_ratio(sh.abs_dev, AUS_N, 4), 4 - k); // Q8
#endif
#ifdef O_SHAPE // std / mean |u|, Q12; std 2^k = sqrt(V 2)
      { int se = 0; uint32_t root = V ? aus_sqrtn(V, 1, &se) : 0, md = aus_ratio(sh.abs_dev, AUS_N, 12);
        o[O_SHAPE] = root && md ? aus_scale(aus_ratio(root, md, 28), se - 4) : 0; }
#endif
#ifdef O_IMPULSE // largest |u| / mean |u|, Q12
      { uint32_t md = aus_ratio(sh.abs_dev, AUS_N, 12);
        uint32_t top = aus_ratio(D1, AUS_N, 12);
        o[O_IMPULSE] = md ? (int32_t)aus_ratio(top, md, 12 + k) : 0; }
#endif
#ifdef O_ZERO_CROSSINGS
      o[O_ZERO_CROSSINGS] = (int32_t)aus_ratio(sh.crossings, AUS_N - 1, 15);
#endif
#ifdef O_MEAN_ABS_DIFF
      o[O_MEAN_ABS_DIFF] = (int32_t)aus_ratio(sh.abs_diff, AUS_N - 1, 8);
#endif
    }
#endif
}

#undef N_M2
#undef N_M3
#undef N_M4
#undef N_FFT
#undef N_SPECTRUM
#undef N_SHAPE
#undef N_QUANTILES
#undef N_NORMALISED
