// SPDX-License-Identifier: Apache-2.0
// Wall clock for the time module: the PC's at reset plus virtual time, from 2000-01-01 as on other boards. Included by extmod/modtime.c.
#include "shared/timeutils/timeutils.h"
#include "simboard.h"

#define DETERMINISTIC_START 789004800u   // 2025-01-01 in seconds since 2000-01-01: two runs agree

static uint32_t seconds_at_reset;

uint64_t mp_hal_time_ns(void) {
    if (seconds_at_reset == 0) {
        seconds_at_reset = sim_deterministic ? DETERMINISTIC_START
            : sim_host_unix_time() - TIMEUTILS_SECONDS_1970_TO_2000 - (uint32_t)(sim_ticks() / SIM_TICK_HZ);
    }
    return seconds_at_reset * 1000000000ull + sim_ticks() * SIM_NS_PER_TICK;
}

static uint32_t seconds_since_2000(void) {
    return (uint32_t)(mp_hal_time_ns() / 1000000000ull);
}

static mp_obj_t mp_time_time_get(void) {
    return mp_obj_new_int_from_uint(seconds_since_2000());
}

static mp_obj_t mp_time_localtime_get(void) {
    timeutils_struct_time_t tm;
    timeutils_seconds_since_epoch_to_struct_time(seconds_since_2000(), &tm);
    mp_obj_t fields[8] = {
        MP_OBJ_NEW_SMALL_INT(tm.tm_year), MP_OBJ_NEW_SMALL_INT(tm.tm_mon), MP_OBJ_NEW_SMALL_INT(tm.tm_mday),
        MP_OBJ_NEW_SMALL_INT(tm.tm_hour), MP_OBJ_NEW_SMALL_INT(tm.tm_min), MP_OBJ_NEW_SMALL_INT(tm.tm_sec),
        MP_OBJ_NEW_SMALL_INT(tm.tm_wday), MP_OBJ_NEW_SMALL_INT(tm.tm_yday),
    };
    return mp_obj_new_tuple(8, fields);
}
