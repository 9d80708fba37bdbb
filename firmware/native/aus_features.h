// SPDX-License-Identifier: Apache-2.0
// A window of AUS_N x AUS_AXES int16 samples (interleaved) to AUS_FEATURES int32 features, by what the generated file
// has chosen: AUS_RAW lists the axes used as (axis, first output) pairs, AUS_ENV those whose envelope is used (and
// AUS_AXES for the norm).
#ifndef AUS_FEATURES_H
#define AUS_FEATURES_H

#if AUS_KIND == 1 && AUS_AXES == 3 && AUS_N % 4 == 0 && AUS_RAW_COUNT == 3
#define AUS_EXTREMES3
#define MINMAX(v, mn, mx) do { uint32_t t_; __asm__("ssub16 %0, %3, %2\n\tsel %2, %3, %2\n\tssub16 %0, %1, %3\n\tsel %1, %3, %1" \
    : "=&r"(t_), "+r"(mn), "+r"(mx) : "r"(v)); } while (0)
AUS_INLINE int32_t aus_add_low(uint32_t v, int32_t a, uint32_t one) { int32_t r; __asm__("smlabb %0, %1, %2, %3" : "=r"(r) : "r"(v), "r"(one), "r"(a)); return r; }
AUS_INLINE int32_t aus_add_high(uint32_t v, int32_t a, uint32_t one) { int32_t r; __asm__("smlatb %0, %1, %2, %3" : "=r"(r) : "r"(v), "r"(one), "r"(a)); return r; }
#define LOW(v) ((int32_t)(int16_t)(v))
#define HIGH(v) ((int32_t)(v) >> 16)
#define MIN2(a, b) ((a) < (b) ? (a) : (b))
#define MAX2(a, b) ((a) > (b) ? (a) : (b))
typedef uint32_t __attribute__((may_alias)) aus_pair_t;
// Three axes at once: words hold (x,y) (z,x) (y,z), two samples an instruction
AUS_NOINLINE void aus_extremes3(const int16_t *w, int32_t *st) {
    const aus_pair_t *p = (const aus_pair_t *)(const void *)w, *e = p + AUS_N / 2 * 3;
    uint32_t one = 1;
    AUS_HIDE(one);
    uint32_t na = p[0], nb = p[1], nc = p[2], xa = na, xb = nb, xc = nc;
    int32_t sx = 0, sy = 0, sz = 0;
    do {
#define ADD(v, lo, hi, mn, mx) { uint32_t v_ = v; lo = aus_add_low(v_, lo, one); hi = aus_add_high(v_, hi, one); MINMAX(v_, mn, mx); }
        ADD(p[0], sx, sy, na, xa) ADD(p[1], sz, sx, nb, xb) ADD(p[2], sy, sz, nc, xc)
        ADD(p[3], sx, sy, na, xa) ADD(p[4], sz, sx, nb, xb) ADD(p[5], sy, sz, nc, xc)
#undef ADD
        p += 6;
    } while (p != e);
    st[0] = sx; st[1] = MIN2(LOW(na), HIGH(nb)); st[2] = MAX2(LOW(xa), HIGH(xb));
    st[3] = sy; st[4] = MIN2(HIGH(na), LOW(nc)); st[5] = MAX2(HIGH(xa), LOW(xc));
    st[6] = sz; st[7] = MIN2(LOW(nb), HIGH(nc)); st[8] = MAX2(LOW(xb), HIGH(xc));
}
#endif

#if AUS_ENV_COUNT > AUS_NORM
// Envelope: |second difference| (high-pass, rectified; McFadden & Smith, Tribology Int. 17, 1984), scaled down to int16
// if it does not fit. Returns that shift.
AUS_NOINLINE int aus_envelope(const int16_t *w, int16_t *out) {
    uint32_t top = 0;
    for (int pass = 0, shift = 0;; pass++) {
        const int16_t *p = w;
        int32_t a = p[0], b = p[AUS_AXES];
        p += 2 * AUS_AXES;
        int16_t *o = out + 2;
        for (int i = 2; i < AUS_N; i++, p += AUS_AXES) {
            int32_t c = *p, d = a - 2 * b + c;
            uint32_t e = (uint32_t)(d < 0 ? -d : d);
            top |= e;
            *o++ = (int16_t)(e >> shift);
            a = b; b = c;
        }
        out[0] = out[1] = out[2]; // the first two have no second difference
        if (pass || !(top >> 15)) return shift;
        shift = 17 - aus_clz(top);
    }
}
#endif

#if AUS_NORM
// sqrt(x^2 + y^2 + ...), floored, scaled down to int16 if it does not fit. Returns that shift.
AUS_NOINLINE int aus_norm(const int16_t *w, int16_t *out) {
    for (int shift = 0;; shift++) {
        const int16_t *p = w;
        uint32_t top = 0;
        for (int i = 0; i < AUS_N; i++) {
            uint32_t s = 0;
            for (int a = 0; a < AUS_AXES; a++, p++) s += (uint32_t)(*p * *p) >> (AUS_AXES > 3 ? 2 : 0); // below 2^32
            uint32_t r = aus_isqrt(s) << (AUS_AXES > 3);
            top |= r;
            out[i] = (int16_t)(r >> shift);
        }
        if (!(top >> (15 + shift))) return shift;
    }
}
#endif

// Scratch: AUS_NFFT words (64 at least), then AUS_N int16 where envelopes are used. w must be 4-byte aligned.
AUS_NOINLINE void aus_features(const int16_t *w, int32_t *out, int32_t *X AUS_SHAFT_PARAMETER) {
    (void)X;
#if AUS_RAW_COUNT
    static const uint8_t raw[AUS_RAW_COUNT][2] = AUS_RAW;
#ifdef AUS_EXTREMES3
    int32_t st[9];
    aus_extremes3(w, st);
    for (int i = 0; i < 3; i++) {
        const int32_t *s = st + 3 * i;
#else
    for (int i = 0; i < AUS_RAW_COUNT; i++) {
        int32_t s[3];
        raw_extremes(w + raw[i][0], s);
#endif
#if AUS_DIRECT
        raw_features(w + i, out + raw[i][1], X, s AUS_SHAFT);
#else
        int32_t r[AUS_RAW_KINDS];
        raw_features(w + raw[i][0], r, X, s AUS_SHAFT);
        aus_gather(raw[i][0], r, out);
#endif
    }
#endif
#if AUS_ENV_COUNT
    static const uint8_t env[AUS_ENV_COUNT] = AUS_ENV;
    int16_t *e = (int16_t *)(void *)(X + (AUS_NFFT > 64 ? AUS_NFFT : 64));
    for (int i = 0; i < AUS_ENV_COUNT; i++) {
        int32_t s[3], r[AUS_ENV_KINDS];
#if AUS_NORM && AUS_ENV_COUNT > 1
        int shift = env[i] == AUS_AXES ? aus_norm(w, e) : aus_envelope(w + env[i], e);
#elif AUS_NORM
        int shift = aus_norm(w, e);
#else
        int shift = aus_envelope(w + env[i], e);
#endif
        env_extremes(e, s);
        env_features(e, r, X, s AUS_SHAFT);
        for (int j = 0; j < AUS_ENV_KINDS; j++) { // back to the signal's own level
            int8_t by = aus_env_level[j];
            r[j] = by > 0 ? (int32_t)((uint32_t)r[j] << shift) : by < 0 ? r[j] + -by * 512 * shift : r[j];
        }
        aus_gather(AUS_AXES + env[i], r, out);
    }
#endif
#if AUS_CROSS_COUNT
    aus_cross(w, out);
#endif
}
#endif
