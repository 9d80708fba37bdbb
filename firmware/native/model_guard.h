// SPDX-License-Identifier: Apache-2.0
// Is a row unlike those of training? The host's estimators/guard.py says how, and generates the tables.
#ifndef MODEL_GUARD_H
#define MODEL_GUARD_H

static __attribute__((noinline, unused)) int aus_novel(const int16_t *x) {
    const int16_t *centre = model_guard_centres;
    for (int k = 0; k < AUS_GUARD; k++) {
        uint32_t sum = 0;
        for (int i = 0; i < MODEL_GUARD_FEATURES; i++) {
            int32_t away = x[i] - *centre++;
            // 17 bits times 8 bits
            uint32_t deviation = ((uint32_t)(away < 0 ? -away : away) * model_guard_mantissas[i]) >> model_guard_shifts[i];
            if (deviation > MODEL_GUARD_MOST) deviation = MODEL_GUARD_MOST;
            sum += deviation * deviation;
        }
        if (sum <= MODEL_GUARD_LIMIT) return 0;
    }
    return 1;
}
#endif
