// SPDX-License-Identifier: Apache-2.0
// Features over all axes: the direction of the mean vector (gravity), how it turns, motion along and across it, correlation.
// Set before: C_<KIND>, a number for each kind used, and aus_cross_list. Formulas: the table in auscult_host/features.py.
#ifndef AUS_CROSS_H
#define AUS_CROSS_H

#if defined(C_VERTICAL_RMS) || defined(C_HORIZONTAL_RMS)
#define X_PROJECTED
#endif
#if defined(C_TILT_CHANGE) || defined(C_TILT_PATH)
#define X_TILT
#endif
#if defined(C_GRAVITY) || defined(C_GRAVITY_FIRST) || defined(C_GRAVITY_LAST) || defined(X_TILT) || defined(X_PROJECTED)
#define X_DIRECTION
// A vector's direction: components over its length, Q15; zeros stay zeros
AUS_NOINLINE void aus_unit(const int32_t *v, int32_t *g) {
    uint32_t top = 0, m[AUS_AXES];
    uint64_t square = 0;
    for (int a = 0; a < AUS_AXES; a++) { m[a] = (uint32_t)(v[a] < 0 ? -v[a] : v[a]); top |= m[a]; g[a] = 0; }
    if (!top) return;
    int s = aus_clz(top) - 16, er;
    for (int a = 0; a < AUS_AXES; a++) { m[a] = s < 0 ? m[a] >> -s : m[a] << s; square += m[a] * m[a]; }
    uint32_t r = aus_mantissa(square, &er);
    r = aus_sqrtn(r, er, &er); // square is 2^30 to 2^35: er is 0 to 2
    for (int a = 0; a < AUS_AXES; a++) {
        int32_t q = (int32_t)aus_ratio(m[a], r, 15 - er);
        if (q > 32767) q = 32767;
        g[a] = v[a] < 0 ? -q : q;
    }
}
#endif

#ifdef X_TILT
AUS_NOINLINE int32_t aus_chord(const int32_t *g, const int32_t *h) { // |g - h|: 2 sin(angle / 2), Q15
    uint64_t square = 0;
    for (int a = 0; a < AUS_AXES; a++) { uint32_t d = (uint32_t)(g[a] - h[a]); square += d * d; }
    return (int32_t)aus_isqrt(square >> 32 ? 0xffffffff : (uint32_t)square);
}
#endif

#if defined(X_PROJECTED) || defined(C_CORRELATION)
#define X_COVARIANCE
#define AUS_COVARIANCES (AUS_AXES * (AUS_AXES + 1) / 2) // (0,0) (0,1) .. (0,n) (1,1) ..
#define AUS_COVARIANCE(a, b) ((a) * AUS_AXES - (a) * ((a) + 1) / 2 + (b)) // its place, a <= b
// Sums of (x_a - mean_a)(x_b - mean_b), Q8. sum: of each axis
AUS_NOINLINE void aus_covariance(const int16_t *w, const int32_t *sum, int64_t *C) {
    int32_t mean[AUS_AXES], rest[AUS_AXES];
    uint32_t half[AUS_AXES]; // 1: halved, or products would not fit
    const int16_t *p, *e = w + AUS_N * AUS_AXES;
    for (int a = 0; a < AUS_AXES; a++) {
        int32_t m = (int32_t)aus_ratio((uint32_t)(sum[a] + AUS_N * 32768) + AUS_N / 2, AUS_N, 0) - 32768;
        uint32_t top = 0;
        for (p = w; p != e; p += AUS_AXES) { int32_t x = p[a] - m; top |= (uint32_t)(x < 0 ? -x : x); }
        mean[a] = m;
        half[a] = top >> 15;
        rest[a] = sum[a] - AUS_N * m;
        if (half[a]) { rest[a] = 0; for (p = w; p != e; p += AUS_AXES) rest[a] += (p[a] - m) >> 1; }
    }
    for (int a = 0; a < AUS_AXES; a++) for (int b = a; b < AUS_AXES; b++) {
        int32_t ma = mean[a], mb = mean[b];
        uint32_t ha = half[a], hb = half[b];
        int64_t c = 0;
        for (p = w; p != e; p += AUS_AXES) c += (int64_t)(((p[a] - ma) >> ha) * ((p[b] - mb) >> hb));
        int32_t r = rest[a] * rest[b]; // what the rounded means leave
        int64_t over = (int64_t)aus_ratio((uint32_t)(r < 0 ? -r : r), AUS_N, 8);
        c = c * 256 - (r < 0 ? -over : over);
        if (ha) c *= 2;
        if (hb) c *= 2;
        *C++ = c;
    }
}
#endif

#ifdef X_PROJECTED
// RMS along the direction g (Q15; none: 0) and across it, Q8: g'Cg and the trace without it
AUS_NOINLINE void aus_projected(const int64_t *C, const int32_t *g, int32_t *rms) {
    uint32_t one = 0;
    uint64_t largest = 0;
    const int64_t *c = C;
    for (int a = 0; a < AUS_AXES; a++) {
        one += (uint32_t)(g[a] * g[a]);
        if ((uint64_t)*c > largest) largest = (uint64_t)*c;
        c += AUS_AXES - a;
    }
    if (!one) one = 1u << 30;
    int e;
    aus_mantissa(largest, &e);
    e = e < 0 ? 0 : e + 1; // every |C| 2^-e is below 2^31
    int64_t along = 0, across = 0;
    for (int a = 0; a < AUS_AXES; a++) for (int b = a; b < AUS_AXES; b++, C++) {
        int32_t k = g[a] * g[b];
        uint32_t size = (uint32_t)aus_shifted((uint64_t)(*C < 0 ? -*C : *C), e), part = aus_umulh((uint32_t)(k < 0 ? -k : k) << 1, size);
        int64_t t = (k < 0) != (*C < 0) ? -(int64_t)part : (int64_t)part;
        if (a != b) { along += 2 * t; across -= 2 * t; }
        else { along += t; across += aus_umulh((one - (uint32_t)k) << 1, size); }
    }
    e -= 7;
    rms[0] = along > 0 ? aus_root_mean((uint64_t)along, e, AUS_N) : 0;
    rms[1] = across > 0 ? aus_root_mean((uint64_t)across, e, AUS_N) : 0;
}
#endif

#ifdef C_CORRELATION
AUS_NOINLINE int32_t aus_correlation(int64_t ab, int64_t aa, int64_t bb) { // Q15
    if (!ab || aa <= 0 || bb <= 0) return 0;
    int ea, eb, e;
    uint32_t ra = aus_mantissa((uint64_t)aa, &ea), rb = aus_mantissa((uint64_t)bb, &eb);
    ra = aus_sqrtn(ra, ea, &ea);
    rb = aus_sqrtn(rb, eb, &eb);
    uint32_t m = aus_mantissa((uint64_t)(ab < 0 ? -ab : ab), &e);
    int32_t q = aus_scale(aus_ratio(m, ra * rb, 16), e - ea - eb - 1);
    if (q > 32767) q = 32767;
    return ab < 0 ? -q : q;
}
#endif

#ifdef C_JERK
// Mean length of the step from sample to sample, Q8
AUS_NOINLINE int32_t aus_jerk(const int16_t *w) {
    uint64_t sum = 0;
    for (int i = 1; i < AUS_N; i++, w += AUS_AXES) {
        uint64_t square = 0;
        for (int a = 0; a < AUS_AXES; a++) { uint32_t d = (uint32_t)(w[a + AUS_AXES] - w[a]); square += d * d; }
        uint32_t s = (uint32_t)square; // length Q4
        sum += square >> 32 ? aus_isqrt((uint32_t)(square >> 4)) << 6 : s >> 24 ? aus_isqrt(s) << 4 : aus_isqrt(s << 8);
    }
    return aus_mean64(sum, AUS_N - 1, 4);
}
#endif

#ifdef C_SMA
// Signal magnitude area: mean of the sum of |u| over the axes, Q8
AUS_NOINLINE int32_t aus_sma(const int16_t *w, const int32_t *sum) {
    int32_t mean[AUS_AXES];
    uint64_t area = 0; // Q9
    for (int a = 0; a < AUS_AXES; a++) mean[a] = (int32_t)aus_ratio((uint32_t)(sum[a] + AUS_N * 32768), AUS_N, 9) - 32768 * 512;
    for (int i = 0; i < AUS_N; i++) for (int a = 0; a < AUS_AXES; a++) {
        int32_t u = *w++ * 512 - mean[a];
        area += (uint32_t)(u < 0 ? -u : u);
    }
    return aus_mean64(area, AUS_N * 2, 0);
}
#endif

// Each of aus_cross_list: kind, first axis, last axis, place in the output
AUS_SMALL void aus_cross(const int16_t *w, int32_t *out) {
#if defined(X_DIRECTION) || defined(X_COVARIANCE) || defined(C_SMA)
    int32_t part[8][AUS_AXES], sum[AUS_AXES]; // sums over eighths of the window
    const int16_t *p = w;
    for (int a = 0; a < AUS_AXES; a++) sum[a] = 0;
    for (int j = 0; j < 8; j++) {
        const int16_t *e = w + (j + 1) * AUS_N / 8 * AUS_AXES;
        for (int a = 0; a < AUS_AXES; a++) part[j][a] = 0;
        while (p != e) for (int a = 0; a < AUS_AXES; a++) part[j][a] += *p++;
        for (int a = 0; a < AUS_AXES; a++) sum[a] += part[j][a];
    }
#endif
#if defined(C_GRAVITY) || defined(X_PROJECTED)
    int32_t whole[AUS_AXES];
    aus_unit(sum, whole);
#endif
#ifdef C_TILT_PATH
    int32_t turn[2][AUS_AXES], path = 0;
    aus_unit(part[0], turn[0]);
    for (int j = 1; j < 8; j++) { aus_unit(part[j], turn[j & 1]); path += aus_chord(turn[0], turn[1]); }
#endif
#if defined(C_GRAVITY_FIRST) || defined(C_GRAVITY_LAST) || defined(C_TILT_CHANGE)
    int32_t first[AUS_AXES], last[AUS_AXES];
    for (int a = 0; a < AUS_AXES; a++) { part[0][a] += part[1][a]; part[7][a] += part[6][a]; }
    aus_unit(part[0], first);
    aus_unit(part[7], last);
#endif
#ifdef X_COVARIANCE
    int64_t C[AUS_COVARIANCES];
    aus_covariance(w, sum, C);
#endif
#ifdef X_PROJECTED
    int32_t rms[2];
    aus_projected(C, whole, rms);
#endif
    for (int i = 0; i < AUS_CROSS_COUNT; i++) {
        int32_t v = 0, a = aus_cross_list[i][1], b = aus_cross_list[i][2];
        (void)a; (void)b;
        switch (aus_cross_list[i][0]) {
#ifdef C_GRAVITY
        case C_GRAVITY: v = whole[a]; break;
#endif
#ifdef C_GRAVITY_FIRST
        case C_GRAVITY_FIRST: v = first[a]; break;
#endif
#ifdef C_GRAVITY_LAST
        case C_GRAVITY_LAST: v = last[a]; break;
#endif
#ifdef C_TILT_CHANGE
        case C_TILT_CHANGE: v = aus_chord(first, last); break;
#endif
#ifdef C_TILT_PATH
        case C_TILT_PATH: v = path; break;
#endif
#ifdef C_VERTICAL_RMS
        case C_VERTICAL_RMS: v = rms[0]; break;
#endif
#ifdef C_HORIZONTAL_RMS
        case C_HORIZONTAL_RMS: v = rms[1]; break;
#endif
#ifdef C_CORRELATION
        case C_CORRELATION: v = aus_correlation(C[AUS_COVARIANCE(a, b)], C[AUS_COVARIANCE(a, a)], C[AUS_COVARIANCE(b, b)]); break;
#endif
#ifdef C_JERK
        case C_JERK: v = aus_jerk(w); break;
#endif
#ifdef C_SMA
        case C_SMA: v = aus_sma(w, sum); break;
#endif
        }
        out[aus_cross_list[i][3]] = v;
    }
}
#endif
