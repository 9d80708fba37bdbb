// SPDX-License-Identifier: Apache-2.0
// Alarms: a chip is called back at a virtual time, as its watermark would be reached, also while the CPU sleeps.
#include "py/runtime.h"
#include "py/mphal.h"
#include "py/smallint.h"
#include "simboard.h"

MP_REGISTER_ROOT_POINTER(mp_obj_t sim_chip[8]);   // SIM_SLOTS

static uint64_t due[SIM_SLOTS];
static uint64_t earliest;
static mp_sched_node_t node;

static void find_earliest(void) {
    earliest = SIM_NEVER;
    for (int i = 0; i < SIM_SLOTS; i++) {
        earliest = MIN(earliest, due[i]);
    }
}

void sim_alarm_clear(void) {
    for (int i = 0; i < SIM_SLOTS; i++) {
        due[i] = SIM_NEVER;
        MP_STATE_VM(sim_chip)[i] = MP_OBJ_NULL;
    }
    find_earliest();   // a node that is still queued stays so: its call will find nothing due
}

void sim_alarm_release(int slot) {
    if (!sim_i2c_has(slot) && !sim_spi_has(slot)) {
        due[slot] = SIM_NEVER;
        MP_STATE_VM(sim_chip)[slot] = MP_OBJ_NULL;
        find_earliest();
    }
}

int sim_alarm_slot(mp_obj_t chip) {
    int slot = -1;
    for (int i = SIM_SLOTS - 1; i >= 0; i--) {
        if (MP_STATE_VM(sim_chip)[i] == chip) {
            return i;
        }
        if (MP_STATE_VM(sim_chip)[i] == MP_OBJ_NULL) {
            slot = i;
        }
    }
    if (slot < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("too many chips: 8 at most"));
    }
    MP_STATE_VM(sim_chip)[slot] = chip;
    return slot;
}

uint64_t sim_alarm_due(void) {
    return node.callback ? SIM_NEVER : earliest;   // once queued, there is nothing to wait for
}

// Runs as a scheduled callback: nothing may be raised from here.
static void call_chips(mp_sched_node_t *unused) {
    (void)unused;
    uint64_t now = sim_ticks();
    bool outside = sim_in_chip(true);
    for (int i = 0; i < SIM_SLOTS; i++) {
        if (due[i] > now) {
            continue;
        }
        due[i] = SIM_NEVER;
        nlr_buf_t nlr;
        if (nlr_push(&nlr) == 0) {
            sim_chip_call(MP_STATE_VM(sim_chip)[i], MP_QSTR_tick, NULL, NULL);
            nlr_pop();
        } else if (mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(((mp_obj_base_t *)nlr.ret_val)->type),
            MP_OBJ_FROM_PTR(&mp_type_KeyboardInterrupt))) {
            mp_sched_exception(MP_OBJ_FROM_PTR(nlr.ret_val));   // meant for the program, not for the chip
        } else {
            mp_obj_print_exception(&mp_plat_print, MP_OBJ_FROM_PTR(nlr.ret_val));
        }
    }
    find_earliest();
    sim_in_chip(outside);
}

void sim_alarm_queue(void) {
    mp_sched_schedule_node(&node, call_chips);
}

// alarm(slot or chip, ticks_us): call the chip's tick() then; -1 cancels. ticks_us as of time.ticks_us(), which wraps.
static mp_obj_t alarm_set(mp_obj_t which, mp_obj_t when) {
    mp_int_t us = mp_obj_get_int(when);
    if (which == mp_const_none) {
        mp_raise_ValueError(MP_ERROR_TEXT("None is no chip"));
    }
    int slot = mp_obj_is_small_int(which) ? mp_obj_get_int(which) : sim_alarm_slot(which);
    if (slot < 0 || slot >= SIM_SLOTS || MP_STATE_VM(sim_chip)[slot] == MP_OBJ_NULL) {
        mp_raise_ValueError(MP_ERROR_TEXT("no chip in this slot"));
    }
    if (us < 0) {
        due[slot] = SIM_NEVER;
        sim_alarm_release(slot);   // of a chip that is on no bus
    } else {
        const uint32_t period = MICROPY_PY_TIME_TICKS_PERIOD;
        uint64_t now = sim_ticks();
        uint32_t now_us = (uint32_t)(now / (SIM_TICK_HZ / 1000000));
        int32_t ahead = (int32_t)((((uint32_t)us - now_us + period / 2) & (period - 1)) - period / 2);
        due[slot] = ahead <= 0 ? now : (now / (SIM_TICK_HZ / 1000000) + ahead) * (SIM_TICK_HZ / 1000000);
    }
    find_earliest();
    return mp_const_none;
}
MP_DEFINE_CONST_FUN_OBJ_2(sim_alarm_obj, alarm_set);
