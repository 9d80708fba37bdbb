// SPDX-License-Identifier: Apache-2.0
// Part of aus_channel.h (see there for the notation): the shape of the spectrum.

#ifdef N_SPECTRUM
// ---- spectral shape, from the powers that aus_bands left in place
AUS_NOINLINE void CH(spectrum)(const int32_t *z, uint64_t total, int scale, int32_t *o) { // P = LSB^2 times 2^scale
    int sh = total >> 31 ? 33 - aus_clz((uint32_t)(total >> 31)) - 1 : 0; // p = P >> sh: the whole is below 2^31
    uint32_t sum = 0;
    uint64_t first = 0;
    int64_t logs = 0, plogp = 0;
    uint32_t peak[3] = {0, 0, 0}, at[3] = {0, 0, 0}, before = 0, here = 0;
    uint64_t cumulated = 0;
    uint64_t goal = total - total / 8 - total / 32; // 84.4 %: 27 / 32 without a multiplication of 64 bits
    uint32_t rolloff = 0;
    uint64_t floor_ = (total >> 28) + 1;
    uint32_t r = 0;
#ifdef N_OCTAVES
    uint64_t octave = 0;
    int32_t octaves[6];
    int place = AUS_LOG2M; // the octave that ends at bin 1; 0 is the upper half
#endif
    (void)scale;
    for (uint32_t k = 1; k <= AUS_M + 1; k++) {
        uint64_t P = 0;
        if (k <= AUS_M) {
            uint32_t bit = AUS_M / 2;
            while (r & bit) { r ^= bit; bit >>= 1; }
            r |= bit; // r = k with its bits reversed; 0 again at k = M, where bin M is kept
            P = (uint64_t)(uint32_t)z[2 * r + 1] << 32 | (uint32_t)z[2 * r];
            uint32_t p = (uint32_t)(P >> sh);
            sum += p; first += (uint64_t)p * k;
#if defined(O_ENTROPY) || defined(O_FLATNESS)
            int32_t l = aus_log2_q9(P < floor_ ? floor_ : P, 0);
            logs += l; plogp += (int64_t)l * (int32_t)p;
#endif
#ifdef N_OCTAVES
            octave += P;
            if (!(k & (k - 1)) && place-- <= 5) { // what is below the sixth belongs to it
                octaves[place + 1] = aus_log2_q9(aus_shifted(octave, scale) + 64u * AUS_N * AUS_NFFT, 0);
                octave = 0;
            }
#endif
            cumulated += P;
            if (!rolloff && cumulated >= goal) rolloff = k;
        }
        uint32_t next = k <= AUS_M ? (uint32_t)(P >> sh) : 0;
        if (here > before && here >= next) { // a line at k - 1
            for (int i = 0; i < 3; i++) {
                if (here > peak[i]) {
                    for (int j = 2; j > i; j--) { peak[j] = peak[j - 1]; at[j] = at[j - 1]; }
                    peak[i] = here; at[i] = k - 1;
                    break;
                }
            }
        }
        before = here; here = next;
    }
    (void)logs; (void)plogp; (void)at; (void)peak; (void)rolloff; (void)first; (void)floor_;
    if (!sum) { sum = 1; }
#if defined(O_CENTROID) || defined(O_SPREAD)
    int e1 = 0;
    while (first >> 32) { first >>= 1; e1++; }
    uint32_t centroid = aus_ratio((uint32_t)first, sum >> e1, 8);
#endif
#ifdef O_CENTROID
    o[O_CENTROID] = (int32_t)centroid;
#endif
#ifdef O_SPREAD
    uint64_t second = 0;
    r = 0;
    for (uint32_t k = 1; k <= AUS_M; k++) {
        uint32_t bit = AUS_M / 2;
        while (r & bit) { r ^= bit; bit >>= 1; }
        r |= bit;
        uint64_t P = (uint64_t)(uint32_t)z[2 * r + 1] << 32 | (uint32_t)z[2 * r];
        int32_t d = (int32_t)(k << 4) - (int32_t)(centroid >> 4); // Q4, below 2^16
        second += (uint64_t)(uint32_t)(P >> sh) * (uint32_t)(d * d);
    }
    int e2 = 0, er = 0;
    while (second >> 32) { second >>= 1; e2++; }
    if (second) { // Q8: sqrt(second / sum) 2^4
        uint32_t v = (uint32_t)second;
        int sv = aus_clz(v);
        int bits = 31 - aus_clz(sum);
        v = aus_ratio(v << sv >> 1, sum, bits); // sum >= 2^bits: the quotient fits
        uint32_t root = v ? aus_sqrtn(v, e2 - sv + 1 - bits, &er) : 0;
        o[O_SPREAD] = aus_scale(root, er + 4);
    } else o[O_SPREAD] = 0;
#endif
#if defined(O_ENTROPY) || defined(O_FLATNESS)
    int32_t ltotal = aus_log2_q9(total ? total : 1, 0);
#endif
#ifdef O_ENTROPY // -sum p log2 p = log2 total - sum P log2 P / total; Q9
    { int64_t t = plogp; int s = 0; uint32_t neg = t < 0;
      uint64_t m = (uint64_t)(neg ? -t : t); uint32_t d = sum;
      while (m >> 32) { m >>= 1; d >>= 1; s++; }
      uint32_t mean = aus_ratio((uint32_t)m, d ? d : 1, 0);
      int32_t h = ltotal - (neg ? -(int32_t)mean : (int32_t)mean);
      o[O_ENTROPY] = total ? (h < 0 ? 0 : h) : 0; }
#endif
#ifdef O_FLATNESS // log2 of geometric over arithmetic mean; Q9, at most 0
    { uint32_t neg = logs < 0; uint32_t mean = aus_ratio((uint32_t)(neg ? -logs : logs), AUS_M, 0);
      int32_t f = (neg ? -(int32_t)mean : (int32_t)mean) - (ltotal - AUS_LOG2M * 512);
      o[O_FLATNESS] = total ? (f > 0 ? 0 : f) : 0; }
#endif
#ifdef O_ROLLOFF
    o[O_ROLLOFF] = total ? (int32_t)rolloff : 0;
#endif
#ifdef O_PEAK2
    o[O_PEAK2] = (int32_t)at[1];
#endif
#ifdef O_PEAK3
    o[O_PEAK3] = (int32_t)at[2];
#endif
#ifdef O_OCTAVE_1
    o[O_OCTAVE_1] = octaves[0];
#endif
#ifdef O_OCTAVE_2
    o[O_OCTAVE_2] = octaves[1];
#endif
#ifdef O_OCTAVE_3
    o[O_OCTAVE_3] = octaves[2];
#endif
#ifdef O_OCTAVE_4
    o[O_OCTAVE_4] = octaves[3];
#endif
#ifdef O_OCTAVE_5
    o[O_OCTAVE_5] = octaves[4];
#endif
#ifdef O_OCTAVE_6
    o[O_OCTAVE_6] = octaves[5];
#endif
#ifdef O_PROMINENCE // largest line over the mean bin; log2 Q9
    o[O_PROMINENCE] = peak[0] ? aus_log2_q9(peak[0], 0) - aus_log2_q9(sum, 0) + AUS_LOG2M * 512 : 0;
#endif
}
#endif
