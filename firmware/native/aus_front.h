// SPDX-License-Identifier: Apache-2.0
// The front: samples of every axis to the points that stand in the window, one for each AUS_DECIMATE samples. Filters that
// never restart: a window's border is nothing to them.
//
//   AUS_FRONT 1, log envelope: y = band-pass of x, a = |y|, c its mean over about 4096 samples, e = log2(a + 0.1 c + 1/8 LSB)
//   AUS_FRONT 2, decimate: e = x
//
// and of both a low-pass by two moving sums of AUS_DECIMATE samples, one after the other (Hogenauer, IEEE ASSP 29, 1981).
// The band-pass is a Butterworth filter of two sections with the numerators 1 - z^-2; y is scaled so that 29 bits can't
// overflow. The logarithm is exponent and linear mantissa (Mitchell, IRE Trans. EC-11, 1962), in 2048ths.
#ifndef AUS_FRONT_H
#define AUS_FRONT_H

#define AUS_SETTLING (AUS_FRONT == 1 ? 3 : 2) // this point is the first that is what it should be; those before it follow it
#define AUS_COUNTED (AUS_FRONT == 1 ? 4096 / AUS_DECIMATE : 3)

typedef struct {
#if AUS_FRONT == 1
    int32_t x1, x2, u1, u2, y1, y2; // the last two of: samples, first section, second section
    int32_t c;
    uint32_t sum;                   // |y| since the last point, by AUS_DECIMATE
#endif
    uint32_t i1, i2, sum2, difference; // integrators; what they gave at the last point
} aus_filter_t;

typedef struct {
    int32_t phase; // samples since the last point
    int32_t count; // points so far, as far as that matters
    aus_filter_t axis[AUS_AXES];
} aus_front_t;

#if AUS_FRONT == 1
// floor(y a / 2^16), a in Q14
#if AUS_KIND == 1
#define AUS_FMUL(y, a) aus_smulwb(y, a)
#elif AUS_KIND == 2
#define AUS_FMUL(y, a) aus_mulw((y) >> 16, (int32_t)(uint16_t)(y), a)
#else
#define AUS_FMUL(y, a) aus_mulh(y, (int32_t)((uint32_t)(a) << 16))
#endif

// What rounding down adds to y on average: as a constant it would grow by the filter's gain at 0 Hz
#define AUS_FRONT_BIAS ((2 << AUS_FRONT_DOWN) + 2)

// One sample; the older one of each pair of states makes room for the new one
#define AUS_STEP(x1, x2, u1, u2, y1, y2) do { \
    int32_t x = *p; p += AUS_AXES; \
    int32_t u = (int32_t)((uint32_t)(x - x2) << (AUS_FRONT_UP - 2)) - AUS_FMUL(u1, AUS_FRONT_A1) - AUS_FMUL(u2, AUS_FRONT_A2); \
    u = (int32_t)((uint32_t)u << 2); \
    int32_t y = ((u - u2 - AUS_FRONT_BIAS) >> (AUS_FRONT_DOWN + 2)) - AUS_FMUL(y1, AUS_FRONT_B1) - AUS_FMUL(y2, AUS_FRONT_B2); \
    y = (int32_t)((uint32_t)y << 2); \
    x2 = x; u2 = u; y2 = y; \
    uint32_t a = (uint32_t)(y < 0 ? -y : y); \
    sum += a >> AUS_LOG2D; a += least; \
    int n_ = aus_clz(a); \
    i1 += ((a << n_) >> 20) - ((uint32_t)n_ << 11); i2 += i1; } while (0)

AUS_NOINLINE void aus_filter(aus_filter_t *f, const int16_t *p, int32_t n) {
    const int16_t *end = p + n * AUS_AXES;
    int32_t x1 = f->x1, x2 = f->x2, u1 = f->u1, u2 = f->u2, y1 = f->y1, y2 = f->y2;
    uint32_t sum = f->sum, i1 = f->i1, i2 = f->i2, least = aus_umulh((uint32_t)f->c, 429496730) + AUS_FRONT_LEAST;
    if (n & 1) {
        int32_t t;
        AUS_STEP(x1, x2, u1, u2, y1, y2);
        t = x1; x1 = x2; x2 = t; t = u1; u1 = u2; u2 = t; t = y1; y1 = y2; y2 = t;
    }
    while (p != end) {
        AUS_STEP(x1, x2, u1, u2, y1, y2);
        AUS_STEP(x2, x1, u2, u1, y2, y1);
    }
    f->x1 = x1; f->x2 = x2; f->u1 = u1; f->u2 = u2; f->y1 = y1; f->y2 = y2;
    f->sum = sum; f->i1 = i1; f->i2 = i2;
}
#else
AUS_NOINLINE void aus_filter(aus_filter_t *f, const int16_t *p, int32_t n) {
    uint32_t i1 = f->i1, i2 = f->i2;
    for (const int16_t *end = p + n * AUS_AXES; p != end; p += AUS_AXES) { i1 += (uint32_t)(int32_t)*p; i2 += i1; }
    f->i1 = i1; f->i2 = i2;
}
#endif

// Takes samples up to the next point, at most n, and returns how many; the point has then gone to `to` if phase is 0.
AUS_SMALL int32_t aus_front(aus_front_t *f, const int16_t *p, int32_t n, int16_t *to) {
    if (n > AUS_DECIMATE - f->phase) n = AUS_DECIMATE - f->phase;
#if AUS_FRONT == 1
    if (!f->count && !f->phase) // as if the first sample had been there for ever
        for (int i = 0; i < AUS_AXES; i++) f->axis[i].x1 = f->axis[i].x2 = p[i];
#endif
    for (int i = 0; i < AUS_AXES; i++) aus_filter(&f->axis[i], p + i, n);
    f->phase += n;
    if (f->phase < AUS_DECIMATE) return n;
    f->phase = 0;
    if (f->count < AUS_COUNTED) f->count++;
    for (int i = 0; i < AUS_AXES; i++) {
        aus_filter_t *a = &f->axis[i];
        uint32_t d = a->i2 - a->sum2, out = d - a->difference;
        a->sum2 = a->i2; a->difference = d;
        out += (AUS_FRONT == 1 ? 28672u << (2 * AUS_LOG2D) : 0) + (1u << (2 * AUS_LOG2D - 1)); // the middle of int16; round
        to[i] = (int16_t)((int32_t)out >> (2 * AUS_LOG2D));
#if AUS_FRONT == 1
        a->c += ((int32_t)a->sum - a->c) >> (31 - aus_clz((uint32_t)f->count)); // a plain mean to begin with
        a->sum = 0;
#endif
    }
    return n;
}
#endif
