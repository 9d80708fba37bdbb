// SPDX-License-Identifier: Apache-2.0
// Calls of a virtual chip's methods. Buffers are handed over in two memoryviews that live as long as the interpreter
// and are re-pointed for each call: a transfer takes nothing from the heap.
#include "py/objarray.h"
#include "py/runtime.h"
#include "simboard.h"

MP_REGISTER_ROOT_POINTER(mp_obj_t sim_views[2]);

void sim_bus_init(void) {
    for (int i = 0; i < 2; i++) {
        MP_STATE_VM(sim_views)[i] = mp_obj_new_memoryview('B', 0, NULL);
    }
}

static mp_obj_t point(int which, const sim_view_t *view, mp_obj_array_t *before) {
    mp_obj_array_t *array = MP_OBJ_TO_PTR(MP_STATE_VM(sim_views)[which]);
    *before = *array;
    mp_obj_memoryview_init(array, view->writable ? 'B' | MP_OBJ_ARRAY_TYPECODE_FLAG_RW : 'B', 0, view->len,
        (void *)view->buf);
    return MP_OBJ_FROM_PTR(array);
}

static void restore(int which, const mp_obj_array_t *before) {
    *(mp_obj_array_t *)MP_OBJ_TO_PTR(MP_STATE_VM(sim_views)[which]) = *before;
}

// chip.method(first, second) -> what it returns; what it raises passes through. Chips may use other chips from within.
mp_obj_t sim_chip_call(mp_obj_t chip, qstr method, const sim_view_t *first, const sim_view_t *second) {
    mp_obj_t call[4];
    mp_obj_array_t before[2];
    mp_obj_t result = mp_const_none;
    size_t n_args = 0;
    if (first) {
        call[2 + n_args++] = point(0, first, &before[0]);
    }
    if (second) {
        call[2 + n_args++] = point(1, second, &before[1]);
    }
    bool outside = sim_in_chip(true);
    nlr_buf_t nlr;
    bool fine = nlr_push(&nlr) == 0;
    if (fine) {
        mp_load_method(chip, method, call);
        result = mp_call_method_n_kw(n_args, 0, call);
        nlr_pop();
    }
    sim_in_chip(outside);
    if (first) {
        restore(0, &before[0]);
    }
    if (second) {
        restore(1, &before[1]);
    }
    if (!fine) {
        nlr_jump(nlr.ret_val);
    }
    return result;
}
