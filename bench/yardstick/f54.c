// SPDX-License-Identifier: Apache-2.0
// Yardstick: the set F54 in straightforward float C, as one would write it for a board with an FPU. For comparison only.
//
//   features(window, scratch, out)   window: 512 x 3 int16; scratch: SCRATCH bytes; out: array('f') of 54
//
// Per axis: mean, std, min, max, RMS, peak to peak, crest, skewness, kurtosis, energy of 8 equal bands, dominant bin.
#include "py/dynruntime.h"
#include "tables.h" // cosine and Hann tables for N = 512

#define N 512
#define M (N / 2)
#define AXES 3
#define BANDS 8
#define PER_AXIS 18

#if !defined(__x86_64__) // freestanding: gcc may call these by itself
void *memset(void *s, int c, size_t n) { return mp_fun_table.memset_(s, c, n); }
void *memcpy(void *d, const void *s, size_t n) { return mp_fun_table.memmove_(d, s, n); }
#endif

static float root(float x) {
    if (!(x > 0)) return 0;
#if defined(__ARM_FP)
    return __builtin_sqrtf(x); // one instruction
#else
    union { float f; uint32_t i; } guess = { x }; // Heron's method from half the exponent
    guess.i = (guess.i >> 1) + 0x1fc00000u;
    for (int i = 0; i < 3; i++) guess.f = 0.5f * (guess.f + x / guess.f);
    return guess.f;
#endif
}

// Complex FFT of M points, radix 2, decimation in time, after bit reversal.
static void fft(float *re, float *im) {
    for (int i = 1, j = 0; i < M; i++) {
        int bit = M / 2;
        for (; j & bit; bit >>= 1) j ^= bit;
        j |= bit;
        if (i < j) {
            float t = re[i]; re[i] = re[j]; re[j] = t;
            t = im[i]; im[i] = im[j]; im[j] = t;
        }
    }
    for (int half = 1; half < M; half *= 2) {
        int step = N / (2 * half);
        for (int k = 0; k < half; k++) {
            float c = cosine[k * step], s = cosine[(k * step + 3 * N / 4) & (N - 1)];
            for (int i = k; i < M; i += 2 * half) {
                float a = re[i + half] * c + im[i + half] * s, b = im[i + half] * c - re[i + half] * s;
                re[i + half] = re[i] - a; im[i + half] = im[i] - b;
                re[i] += a; im[i] += b;
            }
        }
    }
}

static void axis(const int16_t *x, float *re, float *im, float *out) {
    float sum = 0, squares = 0, low = x[0], high = x[0];
    for (int i = 0; i < N; i++) {
        float v = x[i * AXES];
        sum += v; squares += v * v;
        if (v < low) low = v;
        if (v > high) high = v;
    }
    float mean = sum / N, rms = root(squares / N);
    float m2 = 0, m3 = 0, m4 = 0;
    for (int i = 0; i < N; i++) {
        float u = x[i * AXES] - mean, u2 = u * u;
        m2 += u2; m3 += u2 * u; m4 += u2 * u2;
        float windowed = u * hann[i <= M ? i : N - i];
        if (i & 1) im[i / 2] = windowed; else re[i / 2] = windowed; // real FFT as a complex one of half the length
    }
    m2 /= N; m3 /= N; m4 /= N;
    float std = root(m2), peak = high > -low ? high : -low;
    out[0] = mean; out[1] = std; out[2] = low; out[3] = high; out[4] = rms; out[5] = high - low;
    out[6] = rms > 0 ? peak / rms : 0;
    out[7] = m2 > 0 ? m3 / (m2 * std) : 0;
    out[8] = m2 > 0 ? m4 / (m2 * m2) : 0;
    fft(re, im);
    float best = 0;
    int dominant = 1;
    for (int b = 0; b < BANDS; b++) out[9 + b] = 0;
    for (int k = 1; k <= M; k++) {
        int a = k & (M - 1), b = (M - k) & (M - 1);
        float er = 0.5f * (re[a] + re[b]), ei = 0.5f * (im[a] - im[b]);
        float or = 0.5f * (im[a] + im[b]), oi = 0.5f * (re[b] - re[a]);
        float c = cosine[k], s = cosine[(k + 3 * N / 4) & (N - 1)];
        float xr = er + c * or + s * oi, xi = ei + c * oi - s * or;
        float power = xr * xr + xi * xi;
        out[9 + (k - 1) * BANDS / M] += power;
        if (power > best) { best = power; dominant = k; }
    }
    out[17] = dominant;
}

static mp_obj_t features(mp_obj_t window, mp_obj_t scratch, mp_obj_t out) {
    mp_buffer_info_t w, s, o;
    mp_get_buffer_raise(window, &w, MP_BUFFER_READ);
    mp_get_buffer_raise(scratch, &s, MP_BUFFER_WRITE);
    mp_get_buffer_raise(out, &o, MP_BUFFER_WRITE);
    if (w.len != 2 * N * AXES || s.len < 4 * N || o.len < 4 * AXES * PER_AXIS) mp_raise_ValueError(MP_ERROR_TEXT("size"));
    for (int i = 0; i < AXES; i++)
        axis((const int16_t *)w.buf + i, (float *)s.buf, (float *)s.buf + M, (float *)o.buf + i * PER_AXIS);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(features_obj, features);

mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY
    mp_store_global(MP_QSTR_features, MP_OBJ_FROM_PTR(&features_obj));
    mp_store_global(MP_QSTR_SCRATCH, MP_OBJ_NEW_SMALL_INT(4 * N));
    MP_DYNRUNTIME_INIT_EXIT
}
