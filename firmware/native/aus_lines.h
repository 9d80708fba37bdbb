// SPDX-License-Identifier: Apache-2.0
// What looks at the logarithm of the spectrum, bin by bin: lines at multiples of the shaft's speed, and the cepstrum.
#ifndef AUS_LINES_H
#define AUS_LINES_H

// The bins' powers, as aus_bands left them, become 512 log2(P) in order: bin k at L[k], bin M at L[0]. Powers are at least
// 2^-28 of the total.
AUS_SMALL void aus_logs(int32_t *L, uint64_t total) {
    uint64_t least = (total >> 28) + 1;
    for (int i = 0; i < AUS_M; i++) {
        uint64_t P = (uint64_t)(uint32_t)L[2 * i + 1] << 32 | (uint32_t)L[2 * i];
        L[i] = aus_log2_q9(P < least ? least : P, 0);
    }
    uint32_t r = 0;
    for (uint32_t i = 1; i < AUS_M; i++) {
        uint32_t bit = AUS_M / 2;
        while (r & bit) { r ^= bit; bit >>= 1; }
        r |= bit;
        if (r > i) { int32_t t = L[i]; L[i] = L[r]; L[r] = t; }
    }
}

#if AUS_ORDERS
// f in 1/256 bins at this speed of the shaft; far beyond the spectrum: 2^28
AUS_SMALL uint32_t aus_order_bins(const uint32_t *order, uint32_t millihertz) {
    uint32_t high = aus_umulh(millihertz, order[0]), low = millihertz * order[0];
    int s = (int)order[1]; // millihertz order[0] / 2^s
    if (s < 32) {
        if (high >> (s - 4)) return 1u << 28;
        high = high << (32 - s) | low >> s;
    } else high >>= s - 32;
    return high < 1u << 28 ? high : 1u << 28;
}

// How far the line at f stands out of what is around it, 512 log2; 0 if that reaches beyond the spectrum
AUS_SMALL int32_t aus_line(const int32_t *L, uint32_t f) {
    uint32_t fifth = aus_umulh(f, 858993459), from = (f - fifth + 255) >> 8, to = (f + fifth) >> 8;
    if (!from || to > AUS_M || from > to) return 0;
    uint32_t near = (f * 1704) >> 16; // 2.6 %
    if (near < 192) near = 192;
    int32_t peak = AUS_LOG2_ZERO, low = 32767, high = AUS_LOG2_ZERO;
    for (uint32_t k = (f - near + 255) >> 8; k <= (f + near) >> 8 && k <= AUS_M; k++) {
        int32_t l = L[k & (AUS_M - 1)];
        if (k && l > peak) peak = l;
    }
    for (uint32_t k = from; k <= to; k++) {
        int32_t l = L[k & (AUS_M - 1)];
        if (l < low) low = l;
        if (l > high) high = l;
    }
    while (low < high) { // the smallest value that more than half of the bins do not exceed
        int32_t middle = (low + high) >> 1;
        uint32_t count = 0;
        for (uint32_t k = from; k <= to; k++) count += L[k & (AUS_M - 1)] <= middle;
        if (2 * count > to - from + 1) high = middle;
        else low = middle + 1;
    }
    return peak - low;
}
#endif

#if AUS_CEPSTRUM
// The power cepstrum: spectrum of the logarithm of the spectrum (Bogert, Healy & Tukey 1963). The largest value from
// quefrency 16 on as an amplitude, Q12, and where it is.
AUS_SMALL void aus_cepstrum(int32_t *L, int32_t *amplitude, int32_t *at) {
    uint64_t E[AUS_BANDS], best = 0;
    int32_t top = L[0];
    L[0] = L[1]; // nothing is known of bin 0: the mean was taken out
    L[AUS_M] = top;
    for (int k = 0; k <= AUS_M; k++) L[k] = (int32_t)((uint32_t)L[k] << 8);
    for (int k = 1; k < AUS_M; k++) L[AUS_NFFT - k] = L[k];
    aus_fft(L);
    aus_bands(L, E);
    *at = 0;
    uint32_t r = 0;
    for (int32_t k = 1; k <= AUS_M; k++) {
        uint32_t bit = AUS_M / 2;
        while (r & bit) { r ^= bit; bit >>= 1; }
        r |= bit;
        if (k < 16) continue;
        uint64_t P = (uint64_t)(uint32_t)L[2 * r + 1] << 32 | (uint32_t)L[2 * r];
        if (P > best) { best = P; *at = k; }
    }
    int e = 2 * AUS_HALVED - 2 * (17 + AUS_LOG2M + 1), root = 0;
    while (best >> 32) { best >>= 2; e += 2; }
    uint32_t q = best ? aus_sqrtn((uint32_t)best, e, &root) : 0;
    *amplitude = aus_scale(q, root + 12);
}
#endif
#endif
