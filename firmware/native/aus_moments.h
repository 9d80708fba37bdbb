// SPDX-License-Identifier: Apache-2.0
// Part of aus_channel.h (see there for the notation): sums over the samples, and the windowed samples for the FFT.

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
