// SPDX-License-Identifier: Apache-2.0
// The board's part of the machine module. Included by extmod/modmachine.c.
#include <string.h>
#include "simboard.h"

#define MICROPY_PY_MACHINE_EXTRA_GLOBALS \
    { MP_ROM_QSTR(MP_QSTR_Pin), MP_ROM_PTR(&sim_pin_type) }, \
    { MP_ROM_QSTR(MP_QSTR_PWRON_RESET), MP_ROM_INT(1) }, \
    { MP_ROM_QSTR(MP_QSTR_HARD_RESET), MP_ROM_INT(2) }, \
    { MP_ROM_QSTR(MP_QSTR_WDT_RESET), MP_ROM_INT(3) }, \
    { MP_ROM_QSTR(MP_QSTR_DEEPSLEEP_RESET), MP_ROM_INT(4) }, \
    { MP_ROM_QSTR(MP_QSTR_SOFT_RESET), MP_ROM_INT(5) },

static void mp_machine_idle(void) {
    mp_event_wait_ms(1);
}

static void mp_machine_reset(void) {
    sim_reset(2);
}

static mp_int_t mp_machine_reset_cause(void) {
    return sim_reset_cause;
}

// Board name and the host's id=..., so that several nodes can be told apart.
static mp_obj_t mp_machine_unique_id(void) {
    const char *id = sim_arg("id");
    return mp_obj_new_bytes((const byte *)(id ? id : SIMBOARD_NAME), strlen(id ? id : SIMBOARD_NAME));
}

static mp_obj_t mp_machine_get_freq(void) {
    return MP_OBJ_NEW_SMALL_INT(SIM_CPU_HZ);
}

static void mp_machine_set_freq(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    mp_raise_NotImplementedError(MP_ERROR_TEXT("the clock is fixed"));
}

static uint32_t events_before_sleep;

static bool pin_woke(void) {
    return sim_pin_events != events_before_sleep;
}

static void mp_machine_lightsleep(size_t n_args, const mp_obj_t *args) {
    events_before_sleep = sim_pin_events;
    sim_sleep_until(n_args ? sim_ticks() + sim_ms_to_ticks(mp_obj_get_int(args[0])) : SIM_NEVER, pin_woke);
    mp_handle_pending(true);   // the handler of the pin that woke us runs before the program goes on
}

static void mp_machine_deepsleep(size_t n_args, const mp_obj_t *args) {
    mp_machine_lightsleep(n_args, args);
    sim_reset(4);
}
