# SPDX-License-Identifier: Apache-2.0
"""C that has all of the operations, conversions and statements that portable pipelines are translated from, as a model: 16 int16
go in, WORDS words come out."""

from auscult_host.estimators import ModelCode

INPUTS, WORDS = 16, 72

_SOURCE = """
#include <stdint.h>
#define AUS_MODEL_CLASSES 144
#define AUS_MODEL_ACC 72
typedef struct { uint32_t count; int16_t small; uint8_t byte; int64_t wide; } part_t;
static const int8_t c_signs[5] = {-128, -1, 0, 1, 127};
static const int64_t c_wides[3] = {-5000000000, 7, 0x7fffffffffffffff};
static const uint16_t c_rows[2][3] = {{1, 2, 3}, {65535, 5}};
static inline int32_t c_sign(int32_t v) { if (v < 0) return -1; if (v) return 1; return 0; }
static inline uint32_t c_turn(uint32_t v, int by) { return v << by | v >> (32 - by); }
static int64_t c_mixed(int64_t a, uint32_t b, const int16_t *p) { return (a >> 2) + (int64_t)b * p[1] - *p; }
static void c_swap(int32_t *a, int32_t *b) { int32_t t = *a; *a = *b; *b = t; }
static uint32_t c_steps(uint32_t v) {
    uint32_t n = 0;
    do { n++; if (v & 1) { v = v * 3 + 1; continue; } v >>= 1; } while (v > 1 && n < 40);
    return n;
}
static int32_t c_kind(int32_t k) {
    switch (k) { case -1: case 4: k = 100; break; case 0: k = 7; break; default: k++; break; }
    return k;
}
static int aus_model(const int16_t *x, int32_t *acc) {
    int32_t *o = acc;
    uint32_t a = (uint32_t)x[0] << 16 | (uint16_t)x[1], b = (uint32_t)x[2] << 16 | (uint16_t)x[3], n = (uint32_t)x[4] & 31;
    int32_t s = (int32_t)a, t = (int32_t)b;
    *o++ = (int32_t)(a + b); *o++ = (int32_t)(a - b); *o++ = (int32_t)(a * b); *o++ = (int32_t)~a; *o++ = (int32_t)-a;
    *o++ = (int32_t)(a << n); *o++ = (int32_t)(a >> n); *o++ = s >> n; *o++ = (int32_t)(a & b); *o++ = (int32_t)(a | b) ^ t;
    *o++ = b ? (int32_t)(a / b) : 3; *o++ = b ? (int32_t)(a % b) : 4;
    *o++ = x[5] ? x[6] / x[5] : 5; *o++ = x[5] ? x[6] % x[5] : 6; *o++ = x[6] / 8; *o++ = x[6] % 8;
    *o++ = (int32_t)(a / 8 + a % 8);
    *o++ = a < b; *o++ = s < t; *o++ = (a > b) + (s >= t) * 2 + (a == b) * 4; *o++ = (int8_t)a; *o++ = (uint8_t)b;
    *o++ = (int16_t)a; *o++ = (uint16_t)t; *o++ = x[7] < 0 ? -x[7] : x[7]; *o++ = !a + !!b; *o++ = c_sign(s) * 10 + c_sign(x[8]);
    *o++ = (int32_t)c_turn(a, 7);
    int64_t p = (int64_t)s * t, q = (int64_t)((uint64_t)a << 32 | b);
    uint64_t u = (uint64_t)a * b, v = (uint64_t)q;
#define WIDE(e) do { uint64_t w_ = (uint64_t)(e); *o++ = (int32_t)(uint32_t)w_; *o++ = (int32_t)(uint32_t)(w_ >> 32); } while (0)
    WIDE(p); WIDE(u); WIDE(u + v); WIDE(u - v); WIDE(v << n); WIDE(v >> n); WIDE(q >> (n + 20)); WIDE(v << (n + 20)); WIDE(-v);
    WIDE(~u); WIDE(v * u); WIDE(v & u); WIDE(v >> 32 | u << 3); WIDE(c_mixed(q >> 8, a, x + 2)); WIDE(c_wides[n % 3]);
    *o++ = (q < p) | (v < u) << 1 | (v == u) << 2 | (q >= 0) << 3 | (u != v) << 4 | (p <= q) << 5 | (v > 7) << 6;
    int32_t sorted[6], i, j;
    for (i = 0; i < 6; i++) { for (j = i; j && sorted[j - 1] > x[i + 6]; j--) sorted[j] = sorted[j - 1]; sorted[j] = x[i + 6]; }
    c_swap(&sorted[0], &sorted[5]);
    c_swap(&s, &t);
    *o++ = sorted[0] - sorted[5] * 3 + sorted[2]; *o++ = s ^ t >> 1; *o++ = (int32_t)c_steps(a >> 8); *o++ = c_kind(x[9] % 6);
    part_t part, *at = &part;
    at->count = a; part.small = (int16_t)(a >> 5); at->byte = (uint8_t)(b >> 3); part.wide = q >> 1;
    at->count++; part.small -= 3; --at->byte; at->wide += s;
    *o++ = (int32_t)part.count; *o++ = part.small * 256 + part.byte; WIDE(part.wide);
    const int16_t *f = x, *e = x + 16;
    int32_t total = 0;
    while (f != e) { if (*f == 77) break; total += *f++ & 255; }
    *o++ = total; *o++ = (int32_t)(e - f); *o++ = c_signs[n % 5] + c_rows[n & 1][n % 3];
    const uint16_t *halves = (const uint16_t *)(const void *)sorted;
    *o++ = halves[2] - (int16_t)halves[3]; *o++ = (a & 1 && x[1]++ , b & 1) || s > t ? 1 : 2;
    return (int)(o - acc);
}
static void aus_model_proba(const int32_t *acc, uint16_t *p) {
    for (int k = 0; k < 72; k++) { p[2 * k] = (uint16_t)acc[k]; p[2 * k + 1] = (uint16_t)((uint32_t)acc[k] >> 16); }
}
"""
# x is constant
CODE = ModelCode(_SOURCE.replace("x[1]++ , b & 1", "(total++, b & 1)"), "all of C", 144, list(range(144)))
