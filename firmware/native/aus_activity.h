// SPDX-License-Identifier: Apache-2.0
// Part of aus_channel.h (see there for the notation): features of movement.

AUS_INLINE void CH(activity)(const int16_t *w, int32_t *o, int32_t *X, int32_t sum, int32_t mn, int32_t mx) {
    (void)w; (void)o; (void)X; (void)sum; (void)mn; (void)mx;
}
