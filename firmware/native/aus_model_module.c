// SPDX-License-Identifier: Apache-2.0
// A model alone as a native module, for those who compute features of their own:
//
//   predict(x[, out]) -> class index    x: array('h') of FEATURES values
//                                       out: array('i') of OUT_WORDS, takes probabilities in Q15 (or the anomaly score)
#include "py/dynruntime.h"
#ifdef AUS_LIBC // freestanding, and gcc calls these by itself: linked only where it does
void *memset(void *s, int c, size_t n) { return mp_fun_table.memset_(s, c, n); }
void *memmove(void *d, const void *s, size_t n) { return mp_fun_table.memmove_(d, s, n); }
void *memcpy(void *d, const void *s, size_t n) __attribute__((alias("memmove")));
#endif
#include "aus_math.h"
#include AUS_PIPELINE_FILE
#include "aus_classify.h"

AUS_SMALL mp_obj_t aus_py_predict(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t x, out;
    int32_t acc[AUS_MODEL_ACC];
    mp_get_buffer_raise(args[0], &x, MP_BUFFER_READ);
    int wrong = x.len != 2 * AUS_FEATURES || ((uintptr_t)x.buf & 1);
    if (n_args == 2) {
        mp_get_buffer_raise(args[1], &out, MP_BUFFER_WRITE);
        wrong |= out.len < 4 * AUS_MODEL_OUT || ((uintptr_t)out.buf & 3);
    }
    if (wrong) mp_raise_ValueError(MP_ERROR_TEXT("x: FEATURES 'h', out: OUT_WORDS 'i'"));
    if (n_args == 2) return MP_OBJ_NEW_SMALL_INT(aus_classify((const int16_t *)x.buf, (int32_t *)out.buf));
    return MP_OBJ_NEW_SMALL_INT(aus_model((const int16_t *)x.buf, acc));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(aus_predict_obj, 1, 2, aus_py_predict);

mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY
    mp_store_global(MP_QSTR_predict, MP_OBJ_FROM_PTR(&aus_predict_obj));
    mp_store_global(MP_QSTR_FEATURES, MP_OBJ_NEW_SMALL_INT(AUS_FEATURES));
    mp_store_global(MP_QSTR_OUT_WORDS, MP_OBJ_NEW_SMALL_INT(AUS_MODEL_OUT));
    MP_DYNRUNTIME_INIT_EXIT
}
