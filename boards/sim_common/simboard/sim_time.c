// SPDX-License-Identifier: Apache-2.0
// Wall clock for the time module: the PC's at reset plus virtual time. Included by extmod/modtime.c.
#include "shared/timeutils/timeutils.h"
#include "simboard.h"

#define DETERMINISTIC_EPOCH 1735689600u   // 2025-01-01, so that two runs agree

static uint32_t seconds_at_reset;

uint64_t mp_hal_time_ns(void) {
    if (seconds_at_reset == 0) {
        seconds_at_reset = sim_deterministic ? DETERMINISTIC_EPOCH
            : sim_host_unix_time() - (uint32_t)(sim_ticks() / SIM_TICK_HZ);
    }
    return seconds_at_reset * 1000000000ull + sim_ticks() * SIM_NS_PER_TICK;
}

static uint32_t unix_seconds(void) {
    return (uint32_t)(mp_hal_time_ns() / 1000000000ull);
}

static mp_obj_t mp_time_time_get(void) {
    return mp_obj_new_int_from_uint(unix_seconds());
}

static mp_obj_t mp_time_localtime_get(void) {
    timeutils_struct_time_t tm;
    timeutils_seconds_since_epoch_to_struct_time(unix_seconds(), &tm);
    mp_obj_t fields[8] = {
        MP_OBJ_NEW_SMALL_INT(tm.tm_year), MP_OBJ_NEW_SMALL_INT(tm.tm_mon), MP_OBJ_NEW_SMALL_INT(tm.tm_mday),
        MP_OBJ_NEW_SMALL_INT(tm.tm_hour), MP_OBJ_NEW_SMALL_INT(tm.tm_min), MP_OBJ_NEW_SMALL_INT(tm.tm_sec),
        MP_OBJ_NEW_SMALL_INT(tm.tm_wday), MP_OBJ_NEW_SMALL_INT(tm.tm_yday),
    };
    return mp_obj_new_tuple(8, fields);
}
