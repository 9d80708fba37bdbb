// SPDX-License-Identifier: Apache-2.0
// Real FFT of AUS_NFFT points as a complex one of AUS_M = AUS_NFFT / 2, in place, output in bit-reversed order.
//
// Radix-4 decimation in frequency with the two middle outputs swapped, so that the order is plain bit reversal and no
// index table is needed (Cooley & Tukey 1965; Duhamel & Vetterli, Signal Processing 19, 1990). Each stage with twiddle
// factors halves its output; the last one (radix 4, or radix 2 where log2(M) is odd) does not. Input below
// 2^(30 - AUS_GROWTH) can't overflow.
#ifndef AUS_FFT_H
#define AUS_FFT_H
#include "aus_math.h"

#define AUS_M (AUS_NFFT / 2)
#define AUS_HALVED ((AUS_M >= 8) + (AUS_M >= 32) + (AUS_M >= 128) + (AUS_M >= 512) + (AUS_M >= 2048)) // stages that halve
#define AUS_LAST4 (AUS_M == 16 || AUS_M == 64 || AUS_M == 256 || AUS_M == 1024)
#define AUS_GROWTH (AUS_HALVED + (AUS_LAST4 ? 2 : 1))
#define AUS_WINDOW_SHIFT (AUS_GROWTH + 1) // X = u * hann >> shift: |u| < 2^16, hann Q15
#define AUS_POWER_EXPONENT (2 * (15 - AUS_WINDOW_SHIFT - AUS_HALVED)) // power is 2^this too large, besides 2^2k

#define BF_IN(p, d) \
    int32_t ar = (p)[0], ai = (p)[1], br = (p)[2 * (d)], bi = (p)[2 * (d) + 1], cr = (p)[4 * (d)], ci = (p)[4 * (d) + 1], dr = (p)[6 * (d)], di = (p)[6 * (d) + 1]; \
    int32_t t0r = ar + cr, t0i = ai + ci, t1r = ar - cr, t1i = ai - ci, t2r = br + dr, t2i = bi + di, t3r = bi - di, t3i = dr - br;

AUS_INLINE void aus_butterfly_plain(int32_t *p, int d, int shift) {
    BF_IN(p, d)
    p[0] = (t0r + t2r) >> shift; p[1] = (t0i + t2i) >> shift;
    p[2 * d] = (t0r - t2r) >> shift; p[2 * d + 1] = (t0i - t2i) >> shift;
    p[4 * d] = (t1r + t3r) >> shift; p[4 * d + 1] = (t1i + t3i) >> shift;
    p[6 * d] = (t1r - t3r) >> shift; p[6 * d + 1] = (t1i - t3i) >> shift;
}

AUS_INLINE void aus_butterfly(int32_t *p, int d, const aus_twiddle_t *w) {
    BF_IN(p, d)
    p[0] = (t0r + t2r) >> 1; p[1] = (t0i + t2i) >> 1;
    t0r -= t2r; t0i -= t2i;
    CMUL(t0r, t0i, t0r, t0i, w);
    p[2 * d] = t0r; p[2 * d + 1] = t0i;
    t0r = t1r + t3r; t0i = t1i + t3i;
    CMUL(t0r, t0i, t0r, t0i, w + TW_STEP);
    p[4 * d] = t0r; p[4 * d + 1] = t0i;
    t1r -= t3r; t1i -= t3i;
    CMUL(t1r, t1i, t1r, t1i, w + 2 * TW_STEP);
    p[6 * d] = t1r; p[6 * d + 1] = t1i;
}

#if AUS_KIND == 0 && defined(__thumb2__) // Cortex-M3: too few registers to keep three wide twiddles
#define AUS_HOIST
#define AUS_HOISTED w
#else
#if AUS_KIND == 0
#define AUS_HOIST aus_twiddle_t held[6]; held[0] = w[0]; held[1] = w[1]; held[2] = w[2]; held[3] = w[3]; held[4] = w[4]; held[5] = w[5];
#else
#define AUS_HOIST aus_twiddle_t held[3]; held[0] = w[0]; held[1] = w[1]; held[2] = w[2];
#endif
#define AUS_HOISTED held
#endif

// One stage on blocks of 4 d points; aus_twiddles holds the triples W^2n, W^n, W^3n, n = 1 .. M / 4 - 1
AUS_INLINE void aus_stage(int32_t *z, const int d) {
    const int block = 8 * d, turn = AUS_M / (4 * d); // words in a block; step through the twiddles
    int32_t *p;
    for (p = z; p != z + 2 * AUS_M; p += block) aus_butterfly_plain(p, d, 1);
    const aus_twiddle_t *w = aus_twiddles + 3 * (turn - 1) * TW_STEP;
    for (int32_t *b = z + 2; b != z + 2 * d; b += 2, w += 3 * turn * TW_STEP) {
        AUS_HOIST
        for (p = b; p < z + 2 * AUS_M; p += block) aus_butterfly(p, d, AUS_HOISTED);
    }
}

AUS_NOINLINE void aus_fft(int32_t *z) {
    const aus_twiddle_t *w = aus_twiddles;
    int32_t *p = z;
    aus_butterfly_plain(p, AUS_M / 4, 1);
    do { p += 2; aus_butterfly(p, AUS_M / 4, w); w += 3 * TW_STEP; } while (p != z + 2 * (AUS_M / 4 - 1));
#if AUS_M >= 32
    aus_stage(z, AUS_M / 16);
#endif
#if AUS_M >= 128
    aus_stage(z, AUS_M / 64);
#endif
#if AUS_M >= 512
    aus_stage(z, AUS_M / 256);
#endif
#if AUS_M >= 2048
    aus_stage(z, AUS_M / 1024);
#endif
#if AUS_LAST4
    for (p = z; p != z + 2 * AUS_M; p += 8) aus_butterfly_plain(p, 1, 0);
#else
    for (p = z; p != z + 2 * AUS_M; p += 4) {
        int32_t ar = p[0], ai = p[1], br = p[2], bi = p[3];
        p[0] = ar + br; p[1] = ai + bi; p[2] = ar - br; p[3] = ai - bi;
    }
#endif
}

// |x + j y|^2, exact
#if AUS_KIND == 2
AUS_INLINE uint64_t aus_power(int32_t x, int32_t y) {
    if (x < 0) x = -x;
    if (y < 0) y = -y;
    uint32_t a = (uint32_t)x >> 16, b = (uint16_t)x, c = (uint32_t)y >> 16, d = (uint16_t)y;
    uint32_t hi = a * a + c * c, m = a * b + c * d, l = b * b, l2 = d * d; // m < 2^31
    uint64_t r = ((uint64_t)hi << 32) + l;
    r += l2;
    return r + (((uint64_t)(m >> 15) << 32) | (m << 17));
}
#else
AUS_INLINE uint64_t aus_power(int32_t x, int32_t y) { return (uint64_t)((int64_t)x * x) + (uint64_t)((int64_t)y * y); }
#endif

#if AUS_KEEP_POWER // the power of each bin replaces the bin: two words, low one first
#define AUS_KEEP(slot, P) ((slot)[0] = (int32_t)(uint32_t)(P), (slot)[1] = (int32_t)(uint32_t)((P) >> 32))
#else
#define AUS_KEEP(slot, P) ((void)0)
#endif

// Bins k and M - k (Z[k] at a, Z[M - k] at b) give the real spectrum's bins k and M - k (Sorensen et al., IEEE ASSP 35, 1987)
#define AUS_PAIR(a, b, w, lo, hi) do { \
    int32_t er = (a)[0] + (b)[0], dr_ = (a)[0] - (b)[0], ei = (a)[1] - (b)[1], di_ = (a)[1] + (b)[1], gr, gi; \
    CMUL(gi, gr, dr_, di_, w); /* gi: minus the imaginary part */ \
    uint64_t P = aus_power((er >> 1) + gr, (ei >> 1) - gi); lo += P; \
    if (AUS_RARE((uint32_t)(P >> 32) > best)) { AUS_BRANCH; best = (uint32_t)(P >> 32); at = (a); } \
    uint64_t Q = aus_power((er >> 1) - gr, (ei >> 1) + gi); hi += Q; \
    if (AUS_RARE((uint32_t)(Q >> 32) > best)) { AUS_BRANCH; best = (uint32_t)(Q >> 32); at = (b); } \
    AUS_KEEP(a, P); AUS_KEEP(b, Q); } while (0)

// Power of bins 1 .. M, summed in AUS_BANDS equal bands E (band i: bins i M / B + 1 .. (i + 1) M / B).
// Returns the bin with the largest power (compared by its upper 32 bits; of equal ones the first met).
// A band's bins lie AUS_BANDS apart in bit-reversed order, and the partner M - k of each runs backwards within spans of
// 1, 2, 4, ...: so two pointers walk through everything without reversing an index.
AUS_NOINLINE int aus_bands(int32_t *z, uint64_t *E) {
    const int step = 2 * AUS_BANDS;
    uint32_t best = 0;
    const int32_t *at = 0;
    const aus_twiddle_t *w = aus_split_twiddles;
    for (int b = 0; b < AUS_BANDS / 2; b++) {
        int32_t *a = z + 2 * aus_band_order[b] + step, *c = z + 2 * (AUS_BANDS - 1 - aus_band_order[b]) + step, *ce = c;
        uint64_t lo = 0, hi = 0;
        int len = 1;
        do {
            int32_t *q = ce; // last element of this span, then downwards
            do { AUS_PAIR(a, q, w, lo, hi); a += step; q -= step; w += TW_STEP; } while (q >= c);
            c = ce + step; len <<= 1; ce += step * len;
        } while (len < AUS_M / AUS_BANDS);
        E[b] = lo; E[AUS_BANDS - 1 - b] = hi;
    }
    for (int b = 1; b < AUS_BANDS / 2; b++) { // the bands' upper edges
        int32_t *a = z + 2 * aus_band_order[b], *q = z + 2 * aus_band_order[AUS_BANDS - b];
        AUS_PAIR(a, q, w, E[b - 1], E[AUS_BANDS - 1 - b]);
        w += TW_STEP;
    }
    uint64_t P = aus_power(z[2], z[3]);
    E[AUS_BANDS / 2 - 1] += P;
    if (AUS_RARE((uint32_t)(P >> 32) > best)) { AUS_BRANCH; best = (uint32_t)(P >> 32); at = z + 2; }
    AUS_KEEP(z + 2, P);
    P = aus_power(z[0] - z[1], 0);
    E[AUS_BANDS - 1] += P;
    AUS_KEEP(z, P); // bin M in the place of bin 0
    if (AUS_RARE((uint32_t)(P >> 32) > best)) return AUS_M;
    if (!at) return 1;
    int p = (int)(at - z) >> 1, k = 0;
    for (int i = 1; i < AUS_M; i <<= 1) { k = k << 1 | (p & 1); p >>= 1; }
    return k;
}
#endif
