// SPDX-License-Identifier: Apache-2.0
// machine.WDT: once started it cannot be stopped, not even by a soft reset. Included by extmod/machine_wdt.c.
#include "simboard.h"

struct _machine_wdt_obj_t {
    mp_obj_base_t base;
};

uint64_t sim_wdt_due = SIM_NEVER;
static uint32_t timeout_ms;
static const machine_wdt_obj_t wdt = { { &machine_wdt_type } };

static void mp_machine_wdt_feed(machine_wdt_obj_t *self) {
    (void)self;
    sim_wdt_due = sim_ticks() + sim_ms_to_ticks(timeout_ms);
}

static machine_wdt_obj_t *mp_machine_wdt_make_new_instance(mp_int_t id, mp_int_t timeout) {
    if (id != 0 || timeout <= 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("WDT id must be 0 and timeout positive"));
    }
    timeout_ms = timeout;
    mp_machine_wdt_feed(NULL);
    return (machine_wdt_obj_t *)&wdt;
}
