// SPDX-License-Identifier: Apache-2.0
// Waiting for a cycle: its window begins AUS_TRIGGER_PRE samples before the first one whose axis AUS_TRIGGER_AXIS is
// further than AUS_TRIGGER_LEVEL from the mean of the AUS_TRIGGER_PRE samples before it.
#ifndef AUS_TRIGGER_H
#define AUS_TRIGGER_H

// Keeps only the last `keep` samples of the window.
static void aus_keep(aus_state_t *s, int32_t fill, int32_t keep) {
    int32_t drop = fill - keep;
    aus_copy(s->window, s->window + drop * AUS_AXES, keep * AUS_AXES);
    s->gap = s->gap > drop ? s->gap - drop : 0;
}

// Takes samples from `start` on until a cycle begins or the block is at its end. Returns the sample to go on with.
static int32_t aus_await(aus_state_t *s, const int16_t *block, int32_t n, int32_t start) {
    int32_t fill = s->fill, sum = s->sum;
    while (start < n && !s->cycle) {
        const int16_t *p = block + start++ * AUS_AXES;
        int16_t *to = s->window + fill++ * AUS_AXES;
        for (int i = 0; i < AUS_AXES; i++) to[i] = p[i];
        int32_t v = p[AUS_TRIGGER_AXIS];
        if (fill > AUS_TRIGGER_PRE) {
            int32_t off = v * AUS_TRIGGER_PRE - sum; // below 2^28: at most 2048 samples
            if (off > AUS_TRIGGER_LEVEL * AUS_TRIGGER_PRE || off < -AUS_TRIGGER_LEVEL * AUS_TRIGGER_PRE) {
                aus_keep(s, fill, AUS_TRIGGER_PRE + 1);
                fill = AUS_TRIGGER_PRE + 1;
                s->cycle = 1;
            }
            sum -= to[AUS_TRIGGER_AXIS - AUS_TRIGGER_PRE * AUS_AXES];
        }
        sum += v;
        if (fill == AUS_N && !s->cycle) {
            aus_keep(s, fill, AUS_TRIGGER_PRE);
            fill = AUS_TRIGGER_PRE;
        }
    }
    s->fill = fill;
    s->sum = s->cycle ? 0 : sum;
    return start;
}
#endif
