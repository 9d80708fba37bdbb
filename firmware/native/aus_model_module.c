// SPDX-License-Identifier: Apache-2.0
// A model alone as a native module, for those who compute features of their own:
//
//   predict(x) -> class index       x: array('h') of FEATURES values
//   proba(x, out) -> class index    out: array('i') of OUT_WORDS, probabilities in Q15 (or the anomaly score)
#include "py/dynruntime.h"
#ifdef AUS_LIBC // freestanding, and gcc calls these by itself: linked only where it does
void *memset(void *s, int c, size_t n) { return mp_fun_table.memset_(s, c, n); }
void *memmove(void *d, const void *s, size_t n) { return mp_fun_table.memmove_(d, s, n); }
void *memcpy(void *d, const void *s, size_t n) __attribute__((alias("memmove")));
#endif
#include "aus_math.h"
#include AUS_PIPELINE_FILE
#include "aus_classify.h"

AUS_SMALL const int16_t *aus_row(mp_obj_t o) {
    mp_buffer_info_t b;
    mp_get_buffer_raise(o, &b, MP_BUFFER_READ);
    if (b.len != 2 * AUS_FEATURES || ((uintptr_t)b.buf & 1)) mp_raise_ValueError(MP_ERROR_TEXT("x: FEATURES of 'h'"));
    return (const int16_t *)b.buf;
}

static mp_obj_t aus_py_predict(mp_obj_t x) {
    const int16_t *row = aus_row(x);
    int32_t acc[AUS_MODEL_ACC];
    return MP_OBJ_NEW_SMALL_INT(aus_model(row, acc));
}
static MP_DEFINE_CONST_FUN_OBJ_1(aus_predict_obj, aus_py_predict);

AUS_SMALL mp_obj_t aus_py_proba(mp_obj_t x, mp_obj_t out) {
    mp_buffer_info_t o;
    mp_get_buffer_raise(out, &o, MP_BUFFER_WRITE);
    if (o.len < 4 * AUS_MODEL_OUT || ((uintptr_t)o.buf & 3)) mp_raise_ValueError(MP_ERROR_TEXT("out: OUT_WORDS of 'i'"));
    return MP_OBJ_NEW_SMALL_INT(aus_classify(aus_row(x), (int32_t *)o.buf));
}
static MP_DEFINE_CONST_FUN_OBJ_2(aus_proba_obj, aus_py_proba);

mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY
    mp_store_global(MP_QSTR_predict, MP_OBJ_FROM_PTR(&aus_predict_obj));
    mp_store_global(MP_QSTR_proba, MP_OBJ_FROM_PTR(&aus_proba_obj));
    mp_store_global(MP_QSTR_FEATURES, MP_OBJ_NEW_SMALL_INT(AUS_FEATURES));
    mp_store_global(MP_QSTR_OUT_WORDS, MP_OBJ_NEW_SMALL_INT(AUS_MODEL_OUT));
    MP_DYNRUNTIME_INIT_EXIT
}
