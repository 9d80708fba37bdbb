// SPDX-License-Identifier: Apache-2.0
// The nearest of all prototypes vote; the host's estimators/neighbours.py says what they are.
//
// The generated code before this file has model_labels, model_distance(x, n), AUS_MODEL_CLASSES and
//   MODEL_PROTOTYPES, MODEL_NEIGHBOURS (how many vote), MODEL_BY_DISTANCE (1: each with the inverse of its distance)
#ifndef MODEL_NEIGHBOURS_H
#define MODEL_NEIGHBOURS_H
#include "model_math.h"

#define MODEL_VOTE_BITS 24 // of a nearest neighbour's vote

// a / b in Q30 for a <= b < 2^31, 0 < b
MODEL_FUNCTION uint32_t model_ratio(uint32_t a, uint32_t b) {
    uint32_t quotient = a >= b;
    a -= quotient ? b : 0;
    for (int i = 0; i < 30; i++) {
        a <<= 1;
        quotient <<= 1;
        if (a >= b) {
            a -= b;
            quotient |= 1;
        }
    }
    return quotient;
}

// sqrt(x / y) in Q30 for x <= y < 2^62, 0 < y
MODEL_FUNCTION uint32_t model_root_ratio(uint64_t x, uint64_t y) {
    int down = 0; // 0 or more, as x <= y
    if (x == 0) return 0;
    for (; !(x >> 60); x <<= 2) down++; // each root gets 31 bits
    for (; !(y >> 60); y <<= 2) down--;
    uint32_t a = model_sqrt(x), b = model_sqrt(y);
    if (a > b) { // by less than twice, and down is 1 or more
        a >>= 1;
        down--;
    }
    return down > 30 ? 0 : model_ratio(a, b) >> down;
}

static int aus_model(const int16_t *x, int32_t *acc) {
    uint64_t nearest[MODEL_NEIGHBOURS];
    uint8_t label[MODEL_NEIGHBOURS];
    uint64_t votes[AUS_MODEL_CLASSES];
    int found = 0, best = 0;
    for (int n = 0; n < MODEL_PROTOTYPES; n++) {
        uint64_t distance = model_distance(x, n);
        if (found == MODEL_NEIGHBOURS && distance >= nearest[found - 1]) continue;
        int at = found < MODEL_NEIGHBOURS ? found++ : found - 1;
        for (; at > 0 && nearest[at - 1] > distance; at--) {
            nearest[at] = nearest[at - 1];
            label[at] = label[at - 1];
        }
        nearest[at] = distance;
        label[at] = model_labels[n];
    }
    for (int k = 0; k < AUS_MODEL_CLASSES; k++) votes[k] = 0;
    for (int i = 0; i < MODEL_NEIGHBOURS; i++) {
#if MODEL_BY_DISTANCE
        // Relative to the nearest; one that stands on a prototype silences all that do not.
        votes[label[i]] += nearest[i] == nearest[0] ? 1u << 30 : model_root_ratio(nearest[0], nearest[i]);
#else
        votes[label[i]] += 1u << 30;
#endif
    }
    for (int k = 0; k < AUS_MODEL_CLASSES; k++) {
        if (votes[k] > votes[best]) best = k;
        acc[k] = (int32_t)(votes[k] >> (30 - MODEL_VOTE_BITS));
    }
    return best;
}

static void aus_model_proba(const int32_t *acc, uint16_t *p) {
    uint32_t sum = 0;
    for (int k = 0; k < AUS_MODEL_CLASSES; k++) sum += (uint32_t)acc[k] >> 8; // 2^16 for each neighbour at most
    for (int k = 0; k < AUS_MODEL_CLASSES; k++) {
        uint32_t part = (uint32_t)acc[k] >> 8;
        // By long division: a part times 2^15 may have 37 bits.
        p[k] = (uint16_t)((model_ratio(part, sum) + (1 << 14)) >> 15);
    }
}

#endif
