// SPDX-License-Identifier: Apache-2.0
// Around the generated model: what it gives to the outside.
#ifndef AUS_CLASSIFY_H
#define AUS_CLASSIFY_H

#ifdef AUS_MODEL_SCORE
#define AUS_MODEL_OUT 1
#else
#define AUS_MODEL_OUT AUS_MODEL_CLASSES
#endif
#ifndef AUS_GUARD
#define aus_novel(x) 0
#endif

// Class of a row of int16 features; out: AUS_MODEL_OUT words, probabilities in Q15 or the anomaly score
static int aus_classify(const int16_t *x, int32_t *out) {
    int32_t acc[AUS_MODEL_ACC];
    int c = aus_model(x, acc);
#ifdef AUS_MODEL_SCORE
    out[0] = acc[0];
#else
    uint16_t p[AUS_MODEL_CLASSES];
    aus_model_proba(acc, p);
    for (int i = 0; i < AUS_MODEL_CLASSES; i++) out[i] = p[i];
#endif
    return c;
}
#endif
