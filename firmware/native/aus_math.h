// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic that gives the same bits on every target.
//
// Every product is floor(x * w / 2^16) with w in Q15; only the way it is formed differs (AUS_KIND):
//   0  32x32 -> 64 bit multiplier, weights stored shifted left by 16 (x86-64, Cortex-M3, RV32)
//   1  ARM DSP extension, SMULW (Cortex-M4, M7)
//   2  32-bit multiplier only (Cortex-M0): two multiplications
// No libc, no libm, no floating point, no mutable static data.
#ifndef AUS_MATH_H
#define AUS_MATH_H
#include <stddef.h>
#include <stdint.h>

#ifndef AUS_KIND
#if defined(__ARM_FEATURE_DSP) && defined(__thumb__)
#define AUS_KIND 1
#elif defined(__ARM_ARCH_6M__)
#define AUS_KIND 2
#else
#define AUS_KIND 0
#endif
#endif

#define AUS_INLINE static inline __attribute__((always_inline))
#define AUS_NOINLINE static __attribute__((noinline, unused))
#define AUS_SMALL static __attribute__((noinline, unused, optimize("Os"))) // runs once a window: size before speed
#define AUS_RARE(c) __builtin_expect(!!(c), 0)
#define AUS_HIDE(p) __asm__("" : "+r"(p)) // the compiler forgets what it knows about p
#define AUS_BRANCH __asm__ volatile("")   // keeps a rarely taken branch from becoming a conditional move

// ---- weights: twiddle factors (cos, sin) and window coefficients, Q15
#if AUS_KIND == 0
typedef int32_t aus_twiddle_t;
typedef int32_t aus_weight_t;
#define TW(c, s) (int32_t)((uint32_t)(c) << 16), (int32_t)((uint32_t)(s) << 16)
#define TW_STEP 2
#define WT(h) (int32_t)((uint32_t)(h) << 16)
#else
typedef uint32_t aus_twiddle_t;
typedef int16_t aus_weight_t;
#define TW(c, s) (((uint32_t)(c) & 0xffff) | (uint32_t)(s) << 16)
#define TW_STEP 1
#define WT(h) (h)
#endif

// CMUL(yr, yi, re, im, w): (re + j im) * conj(w) / 2, each product floored on its own
#if AUS_KIND == 1
AUS_INLINE int32_t aus_smulwb(int32_t x, int32_t w) { int32_t r; __asm__("smulwb %0, %1, %2" : "=r"(r) : "r"(x), "r"(w)); return r; }
AUS_INLINE int32_t aus_smulwt(int32_t x, int32_t w) { int32_t r; __asm__("smulwt %0, %1, %2" : "=r"(r) : "r"(x), "r"(w)); return r; }
AUS_INLINE int32_t aus_smlawt(int32_t x, int32_t w, int32_t a) { int32_t r; __asm__("smlawt %0, %1, %2, %3" : "=r"(r) : "r"(x), "r"(w), "r"(a)); return r; }
#define CMUL(yr, yi, re, im, w) do { int32_t w_ = (int32_t)*(w); \
    int32_t r_ = aus_smlawt(im, w_, aus_smulwb(re, w_)), i_ = aus_smulwb(im, w_) - aus_smulwt(re, w_); (yr) = r_; (yi) = i_; } while (0)
#elif AUS_KIND == 2
AUS_INLINE int32_t aus_mulw(int32_t xh, int32_t xl, int32_t w) { return xh * w + ((xl * w) >> 16); }
#define CMUL(yr, yi, re, im, w) do { int32_t c_ = (int16_t)*(w), s_ = (int32_t)*(w) >> 16; \
    int32_t a_ = (re) >> 16, b_ = (uint16_t)(re), d_ = (im) >> 16, e_ = (uint16_t)(im); \
    int32_t r_ = aus_mulw(a_, b_, c_) + aus_mulw(d_, e_, s_), i_ = aus_mulw(d_, e_, c_) - aus_mulw(a_, b_, s_); (yr) = r_; (yi) = i_; } while (0)
#else
AUS_INLINE int32_t aus_mulh(int32_t x, int32_t w) { return (int32_t)((uint64_t)((int64_t)x * w) >> 32); }
#define CMUL(yr, yi, re, im, w) do { int32_t c_ = (w)[0], s_ = (w)[1]; \
    int32_t r_ = aus_mulh(re, c_) + aus_mulh(im, s_), i_ = aus_mulh(im, c_) - aus_mulh(re, s_); (yr) = r_; (yi) = i_; } while (0)
#endif

// Leading zeros of x != 0. Only Thumb-2 and x86 have an instruction for it; elsewhere gcc would call libgcc.
AUS_INLINE int aus_clz(uint32_t x) {
#if defined(__thumb2__) || defined(__x86_64__)
    return __builtin_clz(x);
#else
    int n = 0;
    if (!(x >> 16)) { n += 16; x <<= 16; }
    if (!(x >> 24)) { n += 8; x <<= 8; }
    if (!(x >> 28)) { n += 4; x <<= 4; }
    if (!(x >> 30)) { n += 2; x <<= 2; }
    return n + !(x >> 31);
#endif
}

// floor(a / b) where the quotient is below 2^18 (b >= 2^14): the statistics' ratios
#if AUS_KIND == 2
AUS_NOINLINE uint32_t aus_udiv18(uint32_t a, uint32_t b) {
    uint32_t q = 0, r = a >> 18;
    a <<= 14;
    for (int i = 0; i < 18; i++) {
        r = r << 1 | a >> 31; a <<= 1; q <<= 1;
        if (r >= b) { r -= b; q++; }
    }
    return q;
}
#else
#define aus_udiv18(a, b) ((a) / (b))
#endif

// floor(num * 2^bits / den), den > 0, bits >= 0; saturates at 2^31 - 1. What the divider cannot do is long division.
AUS_NOINLINE uint32_t aus_ratio(uint32_t num, uint32_t den, int bits) {
    uint32_t q = 0, r = 0;
    if (!num) return 0;
    int zeros = aus_clz(num), i;
#if AUS_KIND == 2
    i = 31 - zeros + bits; // no divider; leading zeros change nothing
#else
    if (bits <= zeros) {
        q = (num << bits) / den;
        return q >> 31 ? 0x7fffffff : q;
    }
    q = num / den; r = num - q * den;
    i = bits - 1; // what is left are the zeros behind num
#endif
    for (; i >= 0; i--) {
        uint32_t top = r >> 31;
        r = r << 1 | (i >= bits ? (num >> (i - bits)) & 1 : 0);
        if (q >> 30) return 0x7fffffff;
        q <<= 1;
        if (top || r >= den) { r -= den; q |= 1; }
    }
    return q;
}

AUS_NOINLINE uint32_t aus_isqrt(uint32_t x) { // floor(sqrt(x))
    uint32_t r = 0, b = 1u << 30;
    do {
        uint32_t t = r + b; r >>= 1;
        if (x >= t) { x -= t; r += b; }
    } while (b >>= 2);
    return r;
}

// sqrt(m 2^e) = r 2^*er with r in 2^15..2^16; m != 0
AUS_NOINLINE uint32_t aus_sqrtn(uint32_t m, int e, int *er) {
    int s = aus_clz(m);
    m <<= s; e -= s;
    if (e & 1) { m >>= 1; e++; }
    *er = e >> 1;
    return aus_isqrt(m);
}

AUS_NOINLINE int32_t aus_scale(uint32_t q, int e) { // round(q 2^e), saturated
    if (!q) return 0;
    if (e >= 0) return (int32_t)(e >= aus_clz(q) ? 0x7fffffffu : q << e);
    e = -e;
    if (e > 31) return 0;
    return (int32_t)((q >> e) + ((q >> (e - 1)) & 1));
}

// floor(x * c / 2^32), unsigned
AUS_INLINE uint32_t aus_umulh(uint32_t x, uint32_t c) {
#if AUS_KIND == 2
    uint32_t a = x >> 16, b = x & 0xffff, d = c >> 16, e = c & 0xffff;
    uint32_t m = a * e + ((b * e) >> 16), m2 = b * d + (m & 0xffff);
    return a * d + (m >> 16) + (m2 >> 16);
#else
    return (uint32_t)(((uint64_t)x * c) >> 32);
#endif
}

// x = m 2^*e with m in 2^31..2^32, rounded down; x = 0: 0. (A 64-bit shift by a variable would be a call of libgcc.)
AUS_NOINLINE uint32_t aus_mantissa(uint64_t x, int *e) {
    uint32_t h = (uint32_t)(x >> 32), l = (uint32_t)x;
    *e = 0;
    if (!h) {
        if (!l) return 0;
        *e = -aus_clz(l);
        return l << -*e;
    }
    int s = aus_clz(h);
    *e = 32 - s;
    return s ? h << s | l >> (32 - s) : h;
}

AUS_NOINLINE uint64_t aus_shifted(uint64_t x, int e) { // floor(x 2^-e), e >= 0
    uint32_t h = (uint32_t)(x >> 32), l = (uint32_t)x;
    if (e > 31) { l = e > 63 ? 0 : h >> (e - 32); h = 0; }
    else if (e) { l = l >> e | h << (32 - e); h >>= e; }
    return (uint64_t)h << 32 | l;
}

// sum / n in Q q; n < 2^31
AUS_NOINLINE int32_t aus_mean64(uint64_t sum, uint32_t n, int q) {
    int e, bits = 31 - aus_clz(n);
    uint32_t m = aus_mantissa(sum, &e);
    return aus_scale(aus_ratio(m >> 1, n, bits), e + 1 - bits + q);
}

// sqrt(sum 2^e / n) in Q8
AUS_NOINLINE int32_t aus_root_mean(uint64_t sum, int e, uint32_t n) {
    int at, bits = 31 - aus_clz(n), er;
    uint32_t m = aus_ratio(aus_mantissa(sum, &at) >> 1, n, bits);
    if (!m) return 0;
    m = aus_sqrtn(m, at + 1 - bits + e, &er);
    return aus_scale(m, er + 8);
}

// sum of a[i] b[i], which must fit
AUS_NOINLINE int32_t aus_dot(const int16_t *a, const int16_t *b, int n) {
    int32_t s = 0;
#if AUS_KIND == 1 // two products an instruction
    typedef uint32_t __attribute__((may_alias, aligned(2))) pair_t;
#define MAC2(i) do { uint32_t u_ = *(const pair_t *)(const void *)(a + (i)), v_ = *(const pair_t *)(const void *)(b + (i)); \
    __asm__("smlad %0, %1, %2, %0" : "+r"(s) : "r"(u_), "r"(v_)); } while (0)
#else
#define MAC2(i) s += a[i] * b[i] + a[(i) + 1] * b[(i) + 1]
#endif
    for (; n >= 4; n -= 4, a += 4, b += 4) { MAC2(0); MAC2(2); }
#undef MAC2
    while (n-- > 0) s += *a++ * *b++;
    return s;
}

// 65536 log2(1 + i / 32)
static const uint16_t aus_log2_table[33] = {
    0, 2909, 5732, 8473, 11136, 13727, 16248, 18704, 21098, 23433, 25711, 27936, 30109, 32234, 34312, 36346, 38336,
    40286, 42196, 44068, 45904, 47705, 49472, 51207, 52911, 54584, 56229, 57845, 59434, 60997, 62534, 64047, 65535,
};
#define AUS_LOG2_ZERO (-8192) // what the logarithm of nothing is: 2^-16

// 512 log2(E 2^e), linear between the table's points: within 0.0004 of the true logarithm (0.2 of a unit) + rounding
AUS_NOINLINE int32_t aus_log2_q9(uint64_t E, int e) {
    uint32_t h = (uint32_t)(E >> 32), l = (uint32_t)E;
    int s;
    if (h) { s = aus_clz(h); if (s) h = h << s | l >> (32 - s); e += 63 - s; }
    else if (l) { s = aus_clz(l); h = l << s; e += 31 - s; }
    else return AUS_LOG2_ZERO;
    uint32_t i = (h >> 26) & 31, f = (h >> 10) & 0xffff, a = aus_log2_table[i], d = aus_log2_table[i + 1] - a;
    if (i == 31) d = 65536 - a;
    return e * 512 + (int32_t)((a + ((d * f) >> 16) + 64) >> 7);
}

// 2^(x / 512) in Q15 for x <= 0; the inverse of the table above, by bisection of its 32 segments
AUS_NOINLINE int32_t aus_exp2_q15(int32_t x) {
    int32_t n = x >> 9;
    uint32_t f = ((uint32_t)x & 511) << 7;
    uint32_t i = 0;
    for (uint32_t b = 16; b; b >>= 1) if (aus_log2_table[i + b] <= f) i += b;
    uint32_t a = aus_log2_table[i], d = (i == 31 ? 65536 : aus_log2_table[i + 1]) - a;
    uint32_t m = 32768 + i * 1024 + aus_ratio(f - a, d, 10);
    return n < -16 ? 0 : (int32_t)(m >> -n);
}
#endif
