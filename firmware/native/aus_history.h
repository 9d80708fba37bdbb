// SPDX-License-Identifier: Apache-2.0
// Features over several windows: :meanK and :lagK. Behind one another in the state, for each feature that has any: its last
// values, the newest first. The generated file gives AUS_HISTORY (their number), AUS_KEPT (how many features),
// aus_kept[][3]: feature, place, values; AUS_LONGEST, the most values of one; and aus_from[][2] for each output: feature, and what of it:
// 0 itself, K its mean over K windows, 128 + K its value K windows before.
#ifndef AUS_HISTORY_H
#define AUS_HISTORY_H

// round(mean of v[0 .. n - 1]): halves apart, because all are below 2^32 then
AUS_SMALL int32_t aus_mean(const int32_t *v, uint32_t n) {
    uint32_t high = 0, low = n / 2;
    for (uint32_t i = 0; i < n; i++) { high += (uint32_t)((v[i] >> 16) + 32768); low += (uint32_t)v[i] & 0xffff; }
    uint32_t q = aus_ratio(high, n, 0);
    return (int32_t)(((q - 32768) << 16) + aus_ratio(((high - q * n) << 16) + low, n, 0));
}

// held: windows that the history knows before this one; returns the number with it
AUS_SMALL int32_t aus_remember(int32_t *history, int32_t held, const int32_t *base, int32_t *out) {
    const uint16_t *kept;
    for (int i = 0; i < AUS_KEPT; i++) {
        kept = aus_kept[i];
        int32_t *v = history + kept[1];
        for (int j = kept[2] - 1; j > 0; j--) v[j] = v[j - 1];
        v[0] = base[kept[0]];
    }
    if (held < AUS_LONGEST) held++;
    for (int i = 0; i < AUS_FEATURES; i++) {
        int what = aus_from[i][1], feature = aus_from[i][0];
        if (!what) { out[i] = base[feature]; continue; }
        for (kept = aus_kept[0]; kept[0] != feature; kept += 3) {}
        int32_t k = what & 127;
        if (what & 128) out[i] = history[kept[1] + (k < held ? k : held - 1)];
        else out[i] = aus_mean(history + kept[1], (uint32_t)(k < held ? k : held));
    }
    return held;
}
#endif
