// SPDX-License-Identifier: Apache-2.0
// MicroPython's view of a pipeline: a native .mpy (py/dynruntime.h) or a user C module linked into the firmware.
//
//   push(state, block, start, out) -> next     mark(state)     info() -> str (JSON)     STATE_BYTES  OUT_WORDS
//   set_shaft(state, millihertz), where features look at orders of the shaft
//
// The generated file is included first and gives AUS_INFO, AUS_MODULE (the name of a static module) and the pipeline.
#ifdef AUS_STATIC_MODULE
#include "py/runtime.h"
#else
#include "py/dynruntime.h"
#ifdef AUS_LIBC // freestanding, and gcc calls these by itself: linked only where it does
void *memset(void *s, int c, size_t n) { return mp_fun_table.memset_(s, c, n); }
void *memmove(void *d, const void *s, size_t n) { return mp_fun_table.memmove_(d, s, n); }
void *memcpy(void *d, const void *s, size_t n) __attribute__((alias("memmove")));
#endif
#endif
#include AUS_PIPELINE_FILE

AUS_SMALL aus_state_t *aus_get_state(mp_obj_t o) {
    mp_buffer_info_t b;
    mp_get_buffer_raise(o, &b, MP_BUFFER_RW);
    if (b.len < sizeof(aus_state_t) || ((uintptr_t)b.buf & 3)) mp_raise_ValueError(MP_ERROR_TEXT("state: STATE_BYTES"));
    aus_state_t *s = (aus_state_t *)b.buf;
    // a buffer that another pipeline has used must not make this one write anywhere
    int foreign = (uint32_t)s->fill >= AUS_N || (uint32_t)s->gap > AUS_N || s->skip < 0;
#if AUS_HISTORY
    foreign |= (uint32_t)s->held > AUS_LONGEST;
#endif
#if AUS_FRONT
    foreign |= (uint32_t)s->front.phase >= AUS_DECIMATE || (uint32_t)s->front.count > AUS_COUNTED;
#endif
    if (foreign) mp_raise_ValueError(MP_ERROR_TEXT("state: not this pipeline's"));
    return s;
}

AUS_SMALL mp_obj_t aus_py_push(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    mp_buffer_info_t b, o;
    aus_state_t *s = aus_get_state(args[0]);
    mp_get_buffer_raise(args[1], &b, MP_BUFFER_READ);
    mp_get_buffer_raise(args[3], &o, MP_BUFFER_WRITE);
    mp_int_t start = mp_obj_get_int(args[2]), n = (mp_int_t)(b.len / (2 * AUS_AXES));
    if (o.len < 4 * AUS_OUT_WORDS || ((uintptr_t)o.buf & 3)) mp_raise_ValueError(MP_ERROR_TEXT("out: OUT_WORDS of 'i'"));
    if (((uintptr_t)b.buf & 1) || b.len != (size_t)n * 2 * AUS_AXES) mp_raise_ValueError(MP_ERROR_TEXT("block: whole samples, int16"));
    if (start < 0 || start > n) mp_raise_ValueError(MP_ERROR_TEXT("start"));
    return MP_OBJ_NEW_SMALL_INT(aus_push(s, (const int16_t *)b.buf, (int32_t)n, (int32_t)start, (int32_t *)o.buf));
}

static mp_obj_t aus_py_mark(mp_obj_t state) {
    aus_mark(aus_get_state(state));
    return mp_const_none;
}

#if AUS_ORDERS
static mp_obj_t aus_py_set_shaft(mp_obj_t state, mp_obj_t millihertz) {
    aus_set_shaft(aus_get_state(state), (uint32_t)mp_obj_get_int(millihertz));
    return mp_const_none;
}
#endif

static mp_obj_t aus_py_info(void) {
    return mp_obj_new_str(AUS_INFO, sizeof(AUS_INFO) - 1);
}

#ifdef AUS_STATIC_MODULE
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(aus_push_obj, 4, 4, aus_py_push);
static MP_DEFINE_CONST_FUN_OBJ_1(aus_mark_obj, aus_py_mark);
#if AUS_ORDERS
static MP_DEFINE_CONST_FUN_OBJ_2(aus_set_shaft_obj, aus_py_set_shaft);
#endif
static MP_DEFINE_CONST_FUN_OBJ_0(aus_info_obj, aus_py_info);
static const mp_rom_map_elem_t aus_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(AUS_MODULE_QSTR) },
    { MP_ROM_QSTR(MP_QSTR_push), MP_ROM_PTR(&aus_push_obj) },
    { MP_ROM_QSTR(MP_QSTR_mark), MP_ROM_PTR(&aus_mark_obj) },
#if AUS_ORDERS
    { MP_ROM_QSTR(MP_QSTR_set_shaft), MP_ROM_PTR(&aus_set_shaft_obj) },
#endif
    { MP_ROM_QSTR(MP_QSTR_info), MP_ROM_PTR(&aus_info_obj) },
    { MP_ROM_QSTR(MP_QSTR_STATE_BYTES), MP_ROM_INT(sizeof(aus_state_t)) },
    { MP_ROM_QSTR(MP_QSTR_OUT_WORDS), MP_ROM_INT(AUS_OUT_WORDS) },
};
static MP_DEFINE_CONST_DICT(aus_globals, aus_globals_table);
const mp_obj_module_t aus_static_module = { .base = { &mp_type_module }, .globals = (mp_obj_dict_t *)&aus_globals };
MP_REGISTER_MODULE(AUS_MODULE_QSTR, aus_static_module);
#else
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(aus_push_obj, 4, 4, aus_py_push);
static MP_DEFINE_CONST_FUN_OBJ_1(aus_mark_obj, aus_py_mark);
#if AUS_ORDERS
static MP_DEFINE_CONST_FUN_OBJ_2(aus_set_shaft_obj, aus_py_set_shaft);
#endif
static MP_DEFINE_CONST_FUN_OBJ_0(aus_info_obj, aus_py_info);
mp_obj_t mpy_init(mp_obj_fun_bc_t *self, size_t n_args, size_t n_kw, mp_obj_t *args) {
    MP_DYNRUNTIME_INIT_ENTRY
    mp_store_global(MP_QSTR_push, MP_OBJ_FROM_PTR(&aus_push_obj));
    mp_store_global(MP_QSTR_mark, MP_OBJ_FROM_PTR(&aus_mark_obj));
#if AUS_ORDERS
    mp_store_global(MP_QSTR_set_shaft, MP_OBJ_FROM_PTR(&aus_set_shaft_obj));
#endif
    mp_store_global(MP_QSTR_info, MP_OBJ_FROM_PTR(&aus_info_obj));
    mp_store_global(MP_QSTR_STATE_BYTES, MP_OBJ_NEW_SMALL_INT(sizeof(aus_state_t)));
    mp_store_global(MP_QSTR_OUT_WORDS, MP_OBJ_NEW_SMALL_INT(AUS_OUT_WORDS));
    MP_DYNRUNTIME_INIT_EXIT
}
#endif
