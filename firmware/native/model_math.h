// SPDX-License-Identifier: Apache-2.0
// Exponential, logistic function, softmax and square root in integers, for the models that need them.
// Every result is the same on all targets: 32 x 32 -> 64 bit products with the shifts written here, no division
// except in the softmax. Accuracy is stated per function and checked against float64 by the tests.
#ifndef MODEL_MATH_H
#define MODEL_MATH_H
#include <stdint.h>

#define MODEL_FUNCTION static __attribute__((noinline, unused))

// |x| to unsigned, also of the most negative value.
static inline uint64_t model_abs(int64_t x) { return x < 0 ? 0 - (uint64_t)x : (uint64_t)x; }

static inline int32_t model_clamp(int64_t x) {
    return x > INT32_MAX ? INT32_MAX : x < -INT32_MAX ? -INT32_MAX : (int32_t)x;
}

// sum + w . x, for weights of 32, 16 and 8 bits
MODEL_FUNCTION int64_t model_dot(const int32_t *w, const int32_t *x, int n, int64_t sum) {
    for (int i = 0; i < n; i++) sum += (int64_t)w[i] * x[i];
    return sum;
}

MODEL_FUNCTION int64_t model_dot16(const int16_t *w, const int32_t *x, int n, int64_t sum) {
    for (int i = 0; i < n; i++) sum += (int64_t)w[i] * x[i];
    return sum;
}

MODEL_FUNCTION int64_t model_dot8(const int8_t *w, const int32_t *x, int n, int64_t sum) {
    for (int i = 0; i < n; i++) sum += (int64_t)w[i] * x[i];
    return sum;
}

// x / 2^down, also for a negative `down`
static inline int64_t model_scale(int64_t x, int down) {
    return down >= 0 ? x >> down : x * ((int64_t)1 << -down);
}

// e^-t: t Q24, result Q30 within 2^-23 of the true value.
MODEL_FUNCTION int32_t model_exp(uint32_t t) {
    // 2^-f on 0 .. 1: polynomial through Chebyshev nodes, coefficients Q30.
    static const int32_t c[6] = {-1369790, 10286509, -59583045, 257938938, -744260975, 1073741823};
    uint64_t y = (uint64_t)t * 1549082005u >> 30; // log2(e) Q30
    uint32_t n = (uint32_t)(y >> 24), f = (uint32_t)y & 0xffffff;
    int32_t p = 117454;
    if (n > 30) return 0;
    for (int i = 0; i < 6; i++) p = c[i] + (int32_t)((int64_t)p * (int32_t)f >> 24);
    return p >> n;
}

// 1 / (1 + e^-z): z Q24, result Q30.
MODEL_FUNCTION int32_t model_logistic(int32_t z) {
    uint32_t d = (1u << 30) + (uint32_t)model_exp((uint32_t)model_abs(z)); // 1 .. 2 in Q30
    // Newton's iteration for 1 / d from the line 24/17 - 8/17 d, off by 1/17 at most: the error squares each time.
    uint32_t r = 1515870810u - (uint32_t)((uint64_t)d * 505290270u >> 30);
    for (int i = 0; i < 3; i++) {
        uint32_t e = (1u << 31) - (uint32_t)((uint64_t)d * r >> 30); // 2 - d r in Q30
        r = (uint32_t)((uint64_t)r * e >> 30);
    }
    return z < 0 ? (1 << 30) - (int32_t)r : (int32_t)r;
}

// tanh(z): z Q24, result Q30.
MODEL_FUNCTION int32_t model_tanh(int32_t z) {
    z = z > 1 << 29 ? 1 << 29 : z < -(1 << 29) ? -(1 << 29) : z; // beyond 32 it is 1 or -1 to the last bit
    return 2 * (model_logistic(2 * z) - (1 << 29));
}

// The floor of the square root.
MODEL_FUNCTION uint32_t model_sqrt(uint64_t x) {
    uint32_t root = 0;
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        uint32_t next = root | bit;
        if ((uint64_t)next * next <= x) root = next;
    }
    return root;
}

// Index of the largest of n values z in Q(q), the first of equals; acc becomes z - max in Q24, at least -128.
MODEL_FUNCTION int model_argmax(const int64_t *z, int n, int q, int32_t *acc) {
    int best = 0;
    for (int k = 1; k < n; k++) {
        if (z[k] > z[best]) best = k;
    }
    for (int k = 0; k < n; k++) {
        uint64_t below = (uint64_t)z[best] - (uint64_t)z[k];
        if (q >= 24) below >>= q - 24;
        else below = below >> (7 + q) ? UINT64_MAX : below << (24 - q);
        acc[k] = below > INT32_MAX ? -INT32_MAX : -(int32_t)below;
    }
    return best;
}

// Softmax of logarithms in Q24 whose largest is 0: p in Q15, off by less than 2^-14.
MODEL_FUNCTION void model_softmax(const int32_t *acc, int n, uint16_t *p) {
    uint32_t sum = 0;
    for (int k = 0; k < n; k++) {
        p[k] = (uint16_t)((model_exp((uint32_t)-acc[k]) + (1 << 14)) >> 15); // Q15: 32768 at most
        sum += p[k];
    }
    for (int k = 0; k < n; k++) p[k] = (uint16_t)((((uint32_t)p[k] << 15) + sum / 2) / sum);
}

#endif
