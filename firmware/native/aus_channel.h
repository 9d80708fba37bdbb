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
#if defined(O_OCTAVE_1) || defined(O_OCTAVE_2) || defined(O_OCTAVE_3) || defined(O_OCTAVE_4) || defined(O_OCTAVE_5) || defined(O_OCTAVE_6)
#define N_OCTAVES
#endif
#if defined(O_CENTROID) || defined(O_SPREAD) || defined(O_ENTROPY) || defined(O_FLATNESS) || defined(O_ROLLOFF) || defined(O_PEAK2) || defined(O_PEAK3) || defined(O_PROMINENCE) || defined(N_OCTAVES)
#define N_SPECTRUM
#endif
#if defined(O_LINES) || defined(O_SIDES) || defined(O_CEPSTRUM_PEAK) || defined(O_CEPSTRUM_AT)
#define N_LOGS
#endif
#if defined(N_SPECTRUM) || defined(N_LOGS) || defined(O_BANDS) || defined(O_SHARES) || defined(O_POWER_LOG2) || defined(O_DOMINANT)
#define N_FFT
#endif
#if defined(O_MEAN_ABS_DEV) || defined(O_SHAPE) || defined(O_IMPULSE)
#define N_ABS_DEV
#endif
#if defined(O_MOBILITY) || defined(O_COMPLEXITY)
#define N_HJORTH
#endif
#if defined(N_ABS_DEV) || defined(N_HJORTH) || defined(O_ZERO_CROSSINGS) || defined(O_MEAN_ABS_DIFF)
#define N_SHAPE
#endif
#if defined(O_Q5) || defined(O_Q25) || defined(O_MEDIAN) || defined(O_Q75) || defined(O_Q95) || defined(O_IQR)
#define N_QUANTILES
#endif
#if defined(N_M2) || defined(N_FFT) || defined(N_SHAPE)
#define N_NORMALISED
#endif
#include "aus_moments.h"
#include "aus_shape.h"
#include "aus_spectrum.h"
#include "aus_activity.h"

// ---- all features of one channel: w its first sample, st sum, smallest, largest; X scratch of AUS_NFFT words
AUS_SMALL void CH(features)(const int16_t *w, int32_t *o, int32_t *X, const int32_t *st AUS_SHAFT_PARAMETER) {
    int32_t sum = st[0], mn = st[1], mx = st[2];
#if AUS_ORDERS
    (void)shaft;
#endif
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
    { int32_t q[5];
      CH(quantiles)(w, mn, mx, (uint16_t *)(void *)X, q);
#ifdef O_Q5
      o[O_Q5] = q[0];
#endif
#ifdef O_Q25
      o[O_Q25] = q[1];
#endif
#ifdef O_MEDIAN
      o[O_MEDIAN] = q[2];
#endif
#ifdef O_Q75
      o[O_Q75] = q[3];
#endif
#ifdef O_Q95
      o[O_Q95] = q[4];
#endif
#ifdef O_IQR
      o[O_IQR] = q[3] - q[1];
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
#if defined(O_SHARES) || defined(O_POWER_LOG2) || defined(N_SPECTRUM) || defined(N_LOGS)
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
      CH(spectrum)(X, total, 2 * k + AUS_POWER_EXPONENT, o);
#endif
#ifdef N_LOGS
      aus_logs(X, total); // from here on X has no powers any more
#endif
#ifdef O_LINES
      for (int i = 0; i < AUS_LINES; i++) o[O_LINES + i] = aus_line(X, aus_order_bins(aus_line_orders[i], shaft));
#endif
#ifdef O_SIDES
      for (int i = 0; i < AUS_SIDES; i++)
          o[O_SIDES + i] = (aus_line(X, aus_order_bins(aus_side_orders[2 * i], shaft))
                            + aus_line(X, aus_order_bins(aus_side_orders[2 * i + 1], shaft))) >> 1;
#endif
#if defined(O_CEPSTRUM_PEAK) || defined(O_CEPSTRUM_AT)
      { int32_t amplitude, at;
        aus_cepstrum(X, &amplitude, &at);
        (void)amplitude; (void)at;
#ifdef O_CEPSTRUM_PEAK
        o[O_CEPSTRUM_PEAK] = amplitude;
#endif
#ifdef O_CEPSTRUM_AT
        o[O_CEPSTRUM_AT] = at;
#endif
      }
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
    CH(activity)(w, o, X, mean, mn, mx);
}

#undef N_M2
#undef N_M3
#undef N_M4
#undef N_FFT
#undef N_SPECTRUM
#undef N_OCTAVES
#undef N_LOGS
#undef N_SHAPE
#undef N_ABS_DEV
#undef N_HJORTH
#undef N_QUANTILES
#undef N_NORMALISED
